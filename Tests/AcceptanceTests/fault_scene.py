"""The processes of a row of the fault table, and clients that keep what comes and when it came."""

import contextlib
import datetime
import subprocess
import threading
import time

import msgpack
import requests

from harness import Process, Raw, eventually, free_port
from link_proxy import LinkProxy

KEYS = {"TAPEDECK_KEYS": "demo:demo"}
UPSTREAM = {"TAPEDECK_UPSTREAM_KEY": "demo", "TAPEDECK_UPSTREAM_SECRET": "demo"}
SYMBOLS = ["AAPL", "MSFT"]
# 30 events a second of each channel of each symbol: what is shown is some 30 ms old.
FEED = "sim:stocks=2,crypto=0,rate=180,mix=1:1:1,popularity=even"
CHANNEL = {"t": "trades", "q": "quotes", "o": "orderbooks"}
TOPICS = {(symbol, channel) for symbol in SYMBOLS for channel in CHANNEL.values()}


class Server:
    """A Redis that is killed, stopped and started again."""

    def __init__(self, directory, name):
        self.directory, self.path = directory, directory / f"{name}.sock"
        self.process = None
        self.start()

    def start(self):
        self.close()
        self.path.unlink(missing_ok=True)
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.path), "--save", ""]
        self.process = subprocess.Popen(
            command, cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self.path.exists, 10, "redis-server's socket")

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Watcher:
    """A client that keeps what comes, and when it came."""

    def __init__(self, url, packed=False, names=SYMBOLS):
        self.frames = []
        self.fault = None
        self.is_open = True
        self.raw = Raw(url, packed=packed)
        self.raw.subscribe(trades=names, quotes=names, orderbooks=names)
        # What came behind the acknowledgement, in its frame or before it, is not lost.
        self.began = time.time()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while self.is_open:
            try:
                frame = self.raw.frame(0.2)
            except TimeoutError:
                continue
            except Exception as error:  # noqa: BLE001 - the connection must stay
                if self.is_open:
                    self.fault = repr(error)
                return
            self.frames.append((time.time(), frame))

    def seen(self, since=0.0):
        """(when, message, is the last of its topic in its frame's remainder marked stale)."""
        for when, frame in list(self.frames):
            if when < since:
                continue
            for place, message in enumerate(frame):
                if message["T"] not in CHANNEL and message["T"] not in ("stale", "gap"):
                    continue
                topic = (message["S"], CHANNEL.get(message["T"]) or message["c"])
                marked = any(
                    later["T"] == "stale" and (later["S"], later["c"]) == topic
                    for later in frame[place + 1 :]
                )
                yield when, topic, message, marked

    def fresh(self, since):
        """When each topic had its first value."""
        first = {}
        for when, topic, message, _ in self.seen(since):
            if message["T"] in CHANNEL:
                first.setdefault(topic, when)
        return first

    def close(self):
        self.is_open = False
        self.thread.join(2)
        with contextlib.suppress(Exception):
            self.raw.close()


def moment(value):
    """A message's own time, in seconds of the wall clock."""
    if isinstance(value, msgpack.Timestamp):
        return value.to_unix()
    whole, _, rest = value.removesuffix("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return seconds + float("0." + (rest or "0"))


class Scene:
    """The processes of a row."""

    def __init__(self, directory, row):
        self.row, self.directory = row, directory
        self.stack = contextlib.ExitStack()
        self.watchers = []
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.stack)
            self._start()
            undo.pop_all()

    def _start(self):
        self.redis = self._own(Server(self.directory, "redis"))
        self.ingest_link = self._own(LinkProxy(self.redis.path))
        self.gateway_link = self._own(LinkProxy(self.redis.path))
        if self.row.is_upstream:
            self.source_redis = self._own(Server(self.directory, "source"))
            source = f"unix://{self.source_redis.path}"
            self.source_ingest = self._own(Process("ingest", "--redis", source, "--from", FEED))
            self.source_port = free_port()
            self.start_source()
            stream = f"ws://127.0.0.1:{self.source_port}/v2/iex"
            self.feed = (
                "--from", stream, "--symbols", ",".join(SYMBOLS),
                "--channels", "trades,quotes,orderbooks",
            )
        else:
            self.feed = ("--from", self.row.feed)
        self.start_ingest()
        self.port = free_port()
        self.gateway = self._own(
            Process("gateway", "--redis", self.gateway_link.url, "--port", self.port,
                    environment=KEYS)
        )
        eventually(lambda: self.status() == 200, 30, f"readiness\n{self.gateway.tail()}")

    def _own(self, thing):
        self.stack.callback(thing.close)
        return thing

    def start_ingest(self):
        self.ingest = self._own(
            Process("ingest", "--redis", self.ingest_link.url, *self.feed, environment=UPSTREAM)
        )

    def start_source(self):
        source = f"unix://{self.source_redis.path}"
        self.source = self._own(
            Process("gateway", "--redis", source, "--port", self.source_port, environment=KEYS)
        )

    def status(self):
        with contextlib.suppress(requests.RequestException):
            answer = requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2)
            self.reason = answer.text
            return answer.status_code
        return None

    def watch(self, **how):
        watcher = self._own(Watcher(f"ws://127.0.0.1:{self.port}/v2/iex", **how))
        self.watchers.append(watcher)
        return watcher

    def close(self):
        self.stack.close()
