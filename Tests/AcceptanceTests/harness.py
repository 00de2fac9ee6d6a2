"""What the acceptance tests have in common: the real processes, raw clients and SDK streams.

Nothing here knows how Tapedeck is made. A process is known by its command line, its ready line, its
sockets and its signals; every wait is bounded and says what it waited for.
"""

import contextlib
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import msgpack
import requests
from alpaca.trading.client import TradingClient
from websockets.sync.client import connect

from frames import frames

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY = re.compile(
    r"tapedeck ready https?://127\.0\.0\.1:(\d+) key=demo secret=demo tape=(\S.*)"
)
# Lines that tests want to be seen at the end of the run, such as a table of measurements.
SUMMARY = []


def binary():
    """The executable under test: TAPEDECK_BINARY, else what was built last."""
    named = os.environ.get("TAPEDECK_BINARY")
    built = [ROOT / ".build" / kind / "tapedeck" for kind in ("release", "debug")]
    found = [named] if named else [str(path) for path in built if path.exists()]
    assert found, "build tapedeck first, or say TAPEDECK_BINARY"
    return found[0]


def fixture_tape():
    """The recorded session that `up` plays by default."""
    tapes = sorted((ROOT / "fixtures").rglob("*.ndjson.gz"))
    assert tapes, "no tape under fixtures/"
    return str(tapes[0])


def eventually(condition, seconds, what, every=0.01):
    """The first true value of `condition`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(every)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    """The processes whose parent is `pid`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # proc(5): the name may hold anything, so count from its closing parenthesis.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z" and int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def child(pid, name):
    """The one child whose command line holds `name`, None while there is none."""
    found = []
    for each in children(pid):
        with contextlib.suppress(OSError):
            if name in pathlib.Path(f"/proc/{each}/cmdline").read_text():
                found.append(each)
    assert len(found) <= 1, f"{name}: {found}"
    return found[0] if found else None


def is_alive(pid):
    """Whether the process runs; one that has ended and waits to be reaped does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@contextlib.contextmanager
def short_directory():
    """A temporary directory whose path leaves room for the name of a Unix socket."""
    path = tempfile.mkdtemp(prefix="tapedeck-", dir="/tmp")
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Process:
    """A running `tapedeck COMMAND`, with its output kept."""

    def __init__(self, *arguments, environment=None, cwd="/"):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TAPEDECK_")}
        self.process = subprocess.Popen(
            [binary(), *map(str, arguments)],
            cwd=cwd,
            env=clean | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid
        self.lines, self.log = [], []
        self.readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.log))
        ]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def wait(self, seconds):
        """The exit status; fails when it has not ended by then."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s\n{self.tail()}") from None
        for reader in self.readers:
            reader.join(2)
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def tail(self):
        return "\n".join(self.log[-20:])

    def close(self):
        """Ends it however it is."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(6)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for reader in self.readers:
            reader.join(2)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Up(Process):
    """A `tapedeck up` that is ready, on a port and in a directory of its own."""

    def __init__(self, state, *arguments, environment=None, ready_seconds=30, **rest):
        self.state = pathlib.Path(state)
        super().__init__(
            "up", "--port", "0", "--state", state, *arguments, environment=environment, **rest
        )
        try:
            eventually(
                lambda: self.lines or self.process.poll() is not None,
                ready_seconds,
                "the ready line",
            )
            match = READY.fullmatch(self.lines[0]) if self.lines else None
            assert match, f"ready line: {self.lines}\n{self.tail()}"
        except AssertionError:
            self.close()
            raise
        self.port, self.tape = int(match[1]), match[2]

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def stocks(self):
        return f"ws://127.0.0.1:{self.port}/v2/iex"

    @property
    def crypto(self):
        return f"ws://127.0.0.1:{self.port}/v1beta3/crypto/us"

    def redis(self, *command):
        return redis(self.state / "redis.sock", *command)

    def durable_redis(self, *command):
        return redis(self.state / "redis-durable.sock", *command)

    def psql(self, statement):
        return psql(self.database, statement)

    @property
    def database(self):
        return f"postgresql:///tapedeck?host={self.state}/postgres"

    def trading(self, key="demo", secret=None, **rest):
        """The official SDK's client for this server."""
        return TradingClient(key, secret or key, url_override=self.http, **rest)

    def get(self, path, key="demo", **rest):
        return requests.get(self.http + path, headers=headers(key), timeout=10, **rest)

    def is_well(self):
        return requests.get(self.http + "/readyz", timeout=5).status_code == 200


def redis(path, *command):
    """What redis-cli prints, one value a line."""
    done = subprocess.run(
        ["redis-cli", "-s", str(path), *map(str, command)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=10,
        check=True,
    )
    return done.stdout.rstrip("\n")


def psql(database, statement):
    """What the statement gives, unaligned: one row a line, columns divided by `|`."""
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, str(database)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def headers(key, secret=None):
    """A key as the SDKs send it; the demo's secrets equal their keys."""
    return {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret or key}


@contextlib.contextmanager
def private_redis(directory):
    """A plain redis-server on a Unix socket, for ingest and gateway as separate processes."""
    path = directory / "own.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL) as server:
        try:
            eventually(path.exists, 5, "redis-server's socket")
            yield path
        finally:
            server.kill()


class Raw:
    """A WebSocket client that shows every frame: JSON text, or MessagePack if told."""

    def __init__(self, url, packed=False, authenticate=True):
        headers = {"Content-Type": "application/msgpack"} if packed else None
        self.packed, self.url = packed, url
        self.connection = connect(
            url, additional_headers=headers, open_timeout=10, close_timeout=1, compression=None
        )
        self.socket = self.connection.__enter__()
        self.pending = []
        if authenticate:
            assert self.frame() == [{"T": "success", "msg": "connected"}]
            self.send({"action": "auth", "key": "demo", "secret": "demo"})
            assert self.frame() == [{"T": "success", "msg": "authenticated"}]

    def send(self, message):
        self.socket.send(msgpack.packb(message) if self.packed else json.dumps(message))

    def frame(self, seconds=10):
        """The next frame: always one array of maps."""
        data = self.socket.recv(timeout=seconds)
        assert isinstance(data, bytes) == self.packed, "text or binary as asked for"
        assert not (fault := frames.take(self.url, data)), fault
        frame = msgpack.unpackb(data, timestamp=0) if self.packed else json.loads(data)
        assert isinstance(frame, list) and all(isinstance(each, dict) for each in frame)
        return frame

    def next(self, seconds=10):
        if not self.pending:
            self.pending = self.frame(seconds)
        return self.pending.pop(0)

    def until(self, wanted, seconds=15, what="a message"):
        """The first message for which `wanted` is true; others are passed over."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            assert left > 0, f"not within {seconds} s: {what}"
            try:
                message = self.next(left)
            except TimeoutError:
                continue
            if wanted(message):
                return message

    def during(self, seconds):
        """All messages that come in so many seconds."""
        end = time.monotonic() + seconds
        found = []
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                found.append(self.next(left))
        return found

    def subscribe(self, **channels):
        """Subscribes and gives the acknowledgement."""
        self.send({"action": "subscribe", **channels})
        return self.until(lambda m: m["T"] in ("subscription", "error"), what="acknowledgement")

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Sdk:
    """One of the official SDK's streams on a thread of its own, with what it delivered."""

    def __init__(self, kind, url, key="demo", secret="demo"):
        self.stream = kind(key, secret, url_override=url)
        self.events = queue.Queue()
        self.seen = []
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def handler(self, channel):
        async def deliver(data):
            self.events.put((channel, data))

        return deliver

    def _run(self):
        try:
            self.stream.run()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.error = error

    def start(self):
        self.thread.start()
        return self

    def collect(self, enough, seconds, what):
        """Takes what is delivered until `enough(self.seen)`."""
        end = time.monotonic() + seconds
        while not enough(self.seen):
            assert self.error is None, f"the SDK gave up: {self.error!r}"
            left = end - time.monotonic()
            assert left > 0, f"not within {seconds} s: {what}; {len(self.seen)} delivered"
            with contextlib.suppress(queue.Empty):
                self.seen.append(self.events.get(timeout=left))
        return self.seen

    def during(self, seconds):
        """What is delivered from now on for so many seconds."""
        end = time.monotonic() + seconds
        found = []
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                found.append(self.events.get(timeout=left))
        return found

    def stop(self):
        with contextlib.suppress(Exception):
            self.stream.stop()
        self.thread.join(10)
