"""What clients cost that never read: the gateway's memory and the kernel's, seen from outside."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import threading
import time

import requests

from harness import Process, Raw, eventually, free_port, private_redis

KEYS = {"TAPEDECK_KEYS": "demo:demo"}
SYMBOLS = 50
NAMES = 2 * SYMBOLS
CLIENTS = 1_000
LIMITS = pathlib.Path(__file__).resolve().parents[2] / "Sources" / "Gateway" / "Limits.swift"


class Mute:
    """A client that subscribes and then reads no byte more."""

    UPGRADE = (
        "GET /v2/iex HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    def __init__(self, port, names):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.sendall(self.UPGRADE.encode())
        self._until(b"connected")
        self._say(b'{"action":"auth","key":"demo","secret":"demo"}')
        self._until(b"authenticated")
        listed = ",".join(f'"{name}"' for name in names)
        self._say(f'{{"action":"subscribe","trades":[{listed}],"quotes":[{listed}]}}'.encode())
        self._until(b'"subscription"')

    def _say(self, text):
        # Masked, by zeros.
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
        self.socket.sendall(b"\x81" + size + bytes(4) + text)

    def _until(self, word):
        seen = b""
        while word not in seen:
            piece = self.socket.recv(65_536)
            assert piece, f"closed before {word}: {seen[-200:]}"
            seen += piece


class Kernel:
    """The sockets of a server's port in /proc/net/tcp; tx_queue is what SIOCOUTQ says."""

    def __init__(self, port):
        held = []  # by a process: established, or closed by the peer
        self.left = 0  # sockets that nobody holds any more, with bytes for their peer
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, queues = line.split()[:5]
            if not local.endswith(f":{port:04X}") or state == "0A":
                continue
            unsent = int(queues.split(":")[0], 16)
            if state in ("01", "08"):
                held.append(unsent)
            elif unsent > 1:
                self.left += 1
        self.count, self.bytes, self.most = len(held), sum(held), max(held, default=0)


def resident(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def test_thousand_clients_that_never_read_cost_what_is_stated_and_then_no_more(directory):
    """User plus kernel memory per client stays under the constant, does not grow once it is full,
    and is given back after 407, sockets that nobody holds included; a healthy client notices nothing.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4_096)), hard))
    stated = int(re.search(r"// For 100 names: (\d+) bytes", LIMITS.read_text())[1])
    assert stated < 96 * 1_024
    with private_redis(directory) as path, contextlib.ExitStack() as stack:
        url, port = f"unix://{path}", free_port()
        source = f"sim:stocks={SYMBOLS},crypto=0,rate=1000,seed=5,popularity=even"
        ingest = stack.enter_context(Process("ingest", "--redis", url, "--from", source))
        gateway = stack.enter_context(
            Process("gateway", "--redis", url, "--port", port, environment=KEYS)
        )

        def ready():
            with contextlib.suppress(requests.ConnectionError):
                answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2)
                return answer.status_code == 200

        eventually(ready, 30, "the gateway's readiness", every=0.05)
        healthy = stack.enter_context(Raw(f"ws://127.0.0.1:{port}/v2/iex"))
        healthy.subscribe(trades=["*"], quotes=["*"])
        # Rings and buffers that all clients share fill before the measurement.
        names, end = set(), time.monotonic() + 20
        while len(names) < SYMBOLS and time.monotonic() < end:
            names |= {m["S"] for m in healthy.during(0.5) if m["T"] == "q"}
        assert len(names) == SYMBOLS
        healthy.during(3)
        # Nothing is sent while they connect, else the first are closed before the last has come.
        ingest.signal(signal.SIGSTOP)
        before, empty = resident(gateway.pid), Kernel(port)
        mute = [Mute(port, sorted(names)) for _ in range(CLIENTS)]
        stack.callback(lambda: [each.socket.close() for each in mute])
        counts, stop = [0], threading.Event()

        def read():
            while not stop.is_set():
                counts[0] += sum(m["T"] == "q" for m in healthy.during(0.25))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        stack.callback(lambda: (stop.set(), reader.join(5)))
        ingest.signal(signal.SIGCONT)
        samples, quotes = [], []
        end = time.monotonic() + 60
        while time.monotonic() < end:
            kernel = Kernel(port)
            if kernel.count < len(mute) + 1:
                break  # the first has got its 407
            samples.append((resident(gateway.pid) - before, kernel))
            quotes.append(counts[0])
            time.sleep(0.5)
        each = [(user + kernel.bytes - empty.bytes) / CLIENTS for user, kernel in samples]
        shown = [f"{user // CLIENTS}+{kernel.bytes // CLIENTS}" for user, kernel in samples]
        assert max(each) < stated, shown
        assert max(kernel.bytes for _, kernel in samples) > 10 * 1_024 * CLIENTS, "they were full"
        full = next(i for i, (_, kernel) in enumerate(samples) if kernel.bytes > 0.9 * samples[-1][1].bytes)
        assert len(samples) - full >= 8, f"full for some seconds: {shown}"
        assert each[-1] < 1.1 * each[full + 2], f"and then it stays: {shown}"
        assert quotes[-1] - quotes[full] > 10 * (len(quotes) - full), "the healthy one is served"
        # All are told, closed, and leave nothing in the kernel.
        eventually(lambda: Kernel(port).count <= 2, 40, "their end", every=0.5)
        eventually(lambda: Kernel(port).left == 0, 5, "nothing left in the kernel", every=0.5)
        served = counts[0]
        eventually(lambda: counts[0] > served, 10, "the healthy one is served afterwards")
        metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
        told = re.search(r"^tapedeck_gateway_slow_clients_total\S* (\d+)", metrics, re.M)
        assert int(told[1]) == CLIENTS
        print("\n".join(shown))
