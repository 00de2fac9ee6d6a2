"""How a gateway takes leave: what it says, whom it sends where, and how long it takes."""

import contextlib
import signal
import threading
import time

import pytest
import requests
from websockets.exceptions import ConnectionClosed

from harness import Process, Raw, eventually, free_port, private_redis

KEYS = {"TAPEDECK_KEYS": "demo:demo"}


def gateway(path, port, drain_seconds, *more):
    return Process(
        "gateway", "--redis", f"unix://{path}", "--port", port, "--drain-seconds",
        drain_seconds, *more, environment=KEYS,
    )


def listens(process, port):
    def answered():
        assert process.process.poll() is None, process.tail()
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).ok

    eventually(answered, 10, "the gateway's port")


def test_clients_are_told_and_find_the_next_process_on_the_same_port(directory):
    port = free_port()
    url = f"ws://127.0.0.1:{port}/v2/iex"
    with private_redis(directory) as path, gateway(path, port, 3) as first:
        listens(first, port)
        clients = [Raw(url, packed=index % 2 == 0) for index in range(40)]
        ends, failures = [], []

        def follow(client):
            told = client.until(lambda m: m["T"] == "shutdown", 10, "goodbye")
            time.sleep(told["reconnect_ms"] / 1_000)
            try:
                with Raw(url) as again:
                    assert again.subscribe(quotes=["AAPL"])["quotes"] == ["AAPL"]
            except Exception as error:  # noqa: BLE001 - shown below
                failures.append(error)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    client.frame(10)
            ends.append((closed.value.rcvd.code, told["reconnect_ms"]))

        with gateway(path, port, 0) as second:
            eventually(lambda: second.lines, 10, "the second gateway")
            threads = [threading.Thread(target=follow, args=(each,)) for each in clients]
            for thread in threads:
                thread.start()
            first.signal(signal.SIGTERM)
            for thread in threads:
                thread.join(20)
            assert first.wait(10) == 0, first.tail()
            assert not failures, failures[:3]
            assert [code for code, _ in ends] == [1012] * len(clients)
            told = sorted(milliseconds for _, milliseconds in ends)
            assert told[-1] < 3_000
            # Even: half of them in the first half of the time.
            assert 18 <= sum(milliseconds < 1_500 for milliseconds in told) <= 22
            assert second.process.poll() is None


def test_second_signal_ends_a_goodbye_at_once(directory):
    port = free_port()
    with private_redis(directory) as path, gateway(path, port, 60) as process:
        listens(process, port)
        with Raw(f"ws://127.0.0.1:{port}/v2/iex") as client:
            process.signal(signal.SIGTERM)
            assert client.until(lambda m: m["T"] == "shutdown")["reconnect_ms"] < 60_000
            assert process.process.poll() is None
            process.signal(signal.SIGTERM)
            assert process.wait(2) == 128 + signal.SIGTERM


def test_nobody_connected_is_no_reason_to_wait(directory):
    port = free_port()
    with private_redis(directory) as path, gateway(path, port, 60) as process:
        listens(process, port)
        with requests.Session() as session:  # a keep-alive connection is none either
            assert session.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
            begun = time.monotonic()
            process.signal(signal.SIGTERM)
            assert process.wait(5) == 0
            assert time.monotonic() - begun < 4


def test_hangup_without_a_certificate_changes_nothing(directory):
    port = free_port()
    with private_redis(directory) as path, gateway(path, port, 0) as process:
        listens(process, port)
        process.signal(signal.SIGHUP)
        eventually(lambda: "nothing to load again" in process.tail(), 5, "a word about it")
        listens(process, port)
