"""Ingest and gateway as processes of their own, around a Redis that is not theirs."""

import contextlib
import signal
import time

import pytest
import requests

from harness import Process, Raw, eventually, fixture_tape, free_port, private_redis, redis

KEYS = {"TAPEDECK_KEYS": "demo:demo"}


@contextlib.contextmanager
def services(directory):
    """Redis, ingest and gateway; gives the socket, the ingest process and the stream's URL."""
    with private_redis(directory) as path:
        url = f"unix://{path}"
        port = free_port()
        with (
            Process("ingest", "--redis", url, "--tape", fixture_tape(), "--loop") as ingest,
            Process("gateway", "--redis", url, "--port", port, environment=KEYS) as gateway,
        ):
            def ready():
                assert gateway.process.poll() is None and ingest.process.poll() is None, (
                    gateway.tail() + ingest.tail()
                )
                with contextlib.suppress(requests.ConnectionError):
                    return requests.get(
                        f"http://127.0.0.1:{port}/readyz", timeout=2
                    ).status_code == 200

            eventually(ready, 20, "the gateway's readiness", every=0.05)
            yield path, ingest, f"ws://127.0.0.1:{port}/v2/iex"


def test_frozen_ingest_is_noticed_within_two_seconds(directory):
    with services(directory) as (path, ingest, url), Raw(url) as client:
        client.subscribe(quotes=["AAPL"], trades=["AAPL"])
        client.until(lambda m: m["T"] == "q")
        key = "stock:AAPL:quote"
        assert redis(path, "GET", key).startswith('{"E":')
        begun = time.monotonic()
        ingest.signal(signal.SIGSTOP)
        client.until(lambda m: m["T"] == "stale" and m["S"] == "AAPL", 3, "a stale notice")
        assert time.monotonic() - begun < 2.3
        eventually(lambda: redis(path, "EXISTS", key) == "0", 2, "the end of the key")
        assert time.monotonic() - begun < 2.5
        with Raw(url) as late:  # one who comes now is told, not shown an old price
            late.subscribe(quotes=["AAPL"])
            assert late.until(lambda m: m.get("S") == "AAPL", 3)["T"] == "stale"
        ingest.signal(signal.SIGCONT)
        client.until(lambda m: m["T"] == "q", 5, "prices again")


def test_gateway_lives_through_the_end_of_ingest_and_takes_up_the_next(directory):
    with services(directory) as (path, ingest, url), Raw(url) as client:
        client.subscribe(quotes=["AAPL"])
        epoch = client.until(lambda m: m["T"] == "q")["E"]
        ingest.signal(signal.SIGTERM)
        assert ingest.wait(5) == 0, ingest.tail()
        client.until(lambda m: m["T"] == "stale", 4, "a stale notice")
        with Process(
            "ingest", "--redis", f"unix://{path}", "--tape", fixture_tape(), "--loop"
        ):
            fresh = client.until(lambda m: m["T"] == "q", 10, "prices of the next")
            assert fresh["E"] > epoch


def test_gateway_without_keys_says_so(directory):
    with Process("gateway", "--redis", f"unix://{directory}/none.sock", "--port", "0") as gateway:
        assert gateway.wait(10) not in (0, -signal.SIGSEGV)
        assert "TAPEDECK_KEYS" in gateway.tail()


@pytest.mark.parametrize("url", ["nonsense", "http://x", "unix://relative", "redis://h:99999/0"])
def test_address_that_is_none_is_named(url):
    with Process("ingest", "--redis", url, "--tape", fixture_tape()) as ingest:
        assert ingest.wait(10) not in (0, -signal.SIGSEGV, -signal.SIGILL)
        assert "--redis" in ingest.tail()


def test_services_wait_for_a_redis_that_comes_later(directory):
    port = free_port()
    url = f"unix://{directory}/own.sock"
    with (
        Process("ingest", "--redis", url, "--tape", fixture_tape(), "--loop") as ingest,
        Process("gateway", "--redis", url, "--port", port, environment=KEYS) as gateway,
    ):
        time.sleep(0.5)
        assert ingest.process.poll() is None and gateway.process.poll() is None
        with private_redis(directory):
            def ready():
                with contextlib.suppress(requests.ConnectionError):
                    return requests.get(
                        f"http://127.0.0.1:{port}/readyz", timeout=2
                    ).status_code == 200

            eventually(ready, 20, "the gateway's readiness", every=0.05)


def test_password_of_a_command_line_is_hidden_and_never_logged(directory):
    url = "redis://bob:s3cret@127.0.0.1:1/0"
    with Process("ingest", "--redis", url, "--tape", fixture_tape()) as ingest:
        path = f"/proc/{ingest.process.pid}/cmdline"

        def hidden():
            with open(path, "rb") as file:
                return b"**********@127.0.0.1" in file.read()

        eventually(hidden, 5, "stars in the place of user and password")
        eventually(lambda: "no link to Redis" in ingest.tail(), 5, "a line about the link")
        with open(path, "rb") as file:
            assert b"s3cret" not in file.read()
        assert "s3cret" not in ingest.tail()
