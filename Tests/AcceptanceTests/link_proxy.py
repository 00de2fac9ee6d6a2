"""A TCP proxy in front of a Redis on a Unix socket, which does to a link what networks do.

`cut(how)` does it to the links that are there and to those that come, `heal()` ends it:

  hold     nothing is passed on, either way; it waits and comes when healed, as over a TCP that repeats
  swallow  what the client says arrives nowhere, and nothing comes back
  mute     what the client says arrives, nothing comes back
  deaf     on a link with channels nothing comes back but answers to PING
  reset    links are reset, new ones too

`heal(until)` lets the links that were held wait on until that has returned, as over two ways.

With `only="subscriber"` or `only="commands"` it is done to links of that kind alone. What a link is for
shows with its first SSUBSCRIBE; until then it is one for commands.
"""

import contextlib
import socket
import struct
import threading

PONG = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"


class Link:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.is_subscriber = False
        self.is_open = True
        self.is_held = False
        # What a client said arrives though it has gone meanwhile.
        self.outlives_client = False

    def reset(self):
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                # Linger of zero seconds: close() sends a RST.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.is_open = False
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                end.close()


class LinkProxy:
    def __init__(self, target):
        self.target = str(target)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.changed = threading.Condition()
        self.how, self.only = None, None
        self.links = []
        self.is_open = True
        self._thread(self._accept)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def cut(self, how, only=None):
        assert how in ("hold", "swallow", "mute", "deaf", "reset")
        with self.changed:
            self.how, self.only = how, only
            self.changed.notify_all()
            doomed = [link for link in self.links if self._does("reset", link)]
        for link in doomed:
            link.reset()

    def heal(self, until=None):
        with self.changed:
            for link in self.links if until else []:
                link.is_held = link.outlives_client = self._does("hold", link)
            self.how, self.only = None, None
            self.changed.notify_all()
        if not until:
            return
        until()
        with self.changed:
            for link in self.links:
                link.is_held = False
            self.changed.notify_all()

    def _does(self, how, link):
        if self.how != how:
            return False
        kind = "subscriber" if link.is_subscriber else "commands"
        return self.only in (None, kind)

    @staticmethod
    def _thread(body, *arguments):
        threading.Thread(target=body, args=arguments, daemon=True).start()

    def _accept(self):
        while self.is_open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self._thread(self._begin, client)

    def _begin(self, client):
        server = socket.socket(socket.AF_UNIX)
        link = Link(client, server)
        with self.changed:
            # Whatever this link will be for: it is refused where all of them are.
            is_refused = self.how == "reset" and self.only is None
            if not is_refused:
                self.links = [each for each in self.links if each.is_open] + [link]
        if is_refused:
            return link.reset()
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.connect(self.target)
        except OSError:
            return link.reset()
        self._thread(self._pass, link, client, server, True)
        self._pass(link, server, client, False)

    def _pass(self, link, source, sink, is_command):
        try:
            while data := source.recv(65_536):
                if is_command and b"SSUBSCRIBE" in data:
                    link.is_subscriber = True
                with self.changed:
                    while self.is_open and link.is_open and (
                        link.is_held or self._does("hold", link)
                    ):
                        self.changed.wait(0.5)
                    if self._does("swallow", link) or not is_command and self._does("mute", link):
                        continue
                    if not is_command and link.is_subscriber and self._does("deaf", link):
                        data = PONG * data.count(PONG)
                    is_reset = self._does("reset", link)
                if is_reset:
                    return link.reset()
                sink.sendall(data)
        except OSError:
            pass
        if is_command or not link.outlives_client:
            link.close()

    def close(self):
        self.is_open = False
        self.heal()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            link.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
