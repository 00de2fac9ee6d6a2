"""Who may connect, how fast, from where; and the mode for conformance suites, which no release has."""

import socket
import subprocess

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import harness
from harness import Process, eventually


@pytest.fixture(scope="module")
def echo():
    arguments = ("gateway", "--echo", "--port", "0", "--allowed-origins", "https://app.example.com")
    with Process(*arguments) as process:
        eventually(lambda: process.lines, 20, "the echo server's line")
        name, url = process.lines[0].rsplit(" ", 1)
        assert name == "tapedeck echo listening"
        yield url
        process.signal(15)
        assert process.wait(5) == 0, process.tail()


def is_release():
    return "/release/" in str(harness.binary())


@pytest.mark.skipif(is_release(), reason="a release has no --echo")
def test_echo_mode_sends_everything_back(echo):
    with connect(echo, max_size=None) as client:
        for message in ["", "text 😀", b"\x00\xff", "x" * 200_000, b"y" * 5_000_000]:
            client.send(message)
            assert client.recv(timeout=20) == message
        for _ in range(50):  # more than the socket takes, read only then
            client.send(b"z" * 100_000)
        for _ in range(50):
            assert client.recv(timeout=20) == b"z" * 100_000
        assert client.ping(b"p").wait(10)


@pytest.mark.skipif(is_release(), reason="a release has no --echo")
def test_pages_of_other_origins_are_refused(echo):
    with connect(echo, origin="https://app.example.com") as client:
        client.send("hello")
        assert client.recv(timeout=10) == "hello"
    with pytest.raises(InvalidStatus) as refusal:
        connect(echo, origin="https://evil.example.com")
    assert refusal.value.response.status_code == 403
    assert b'"code":40310000' in refusal.value.response.body


@pytest.mark.skipif(not is_release(), reason="a debug build has --echo")
def test_a_release_has_no_echo_mode():
    run = subprocess.run(
        [harness.binary(), "gateway", "--echo", "--port", "0"], capture_output=True, timeout=20
    )
    assert run.returncode == 64
    assert b"Unknown option '--echo'" in run.stderr


def refusals(connections, *options):
    """What the last five of so many connections are told, unasked."""
    with Process("gateway", "--echo", "--port", "0", *options) as process:
        eventually(lambda: process.lines, 20, "the echo server's line")
        port = int(process.lines[0].rsplit(":", 1)[1])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        for one in held[-5:]:
            one.settimeout(5)
        told = [one.recv(2_000) for one in held[-5:]]
        for one in held:
            one.close()
        return told


@pytest.mark.skipif(is_release(), reason="a release has no --echo")
def test_connections_over_the_limits_are_told_so():
    told = refusals(10, "--max-connections-per-address", "5")
    assert all(answer.startswith(b"HTTP/1.1 429 ") for answer in told)
    told = refusals(4_096 + 100, "--accept-rate", "1")  # the burst is 4,096
    assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in told)
    assert all(b"\r\nretry-after: 30\r\n" in answer for answer in told)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--accept-rate", "0"),
        ("--max-connections-per-address", "x"),
        ("--allowed-origins", "app.example.com"),
        ("--allowed-origins", "https://a.b/path"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(option, value):
    for arguments, environment in [
        ((option, value), {}),
        ((), {"TAPEDECK_" + option[2:].upper().replace("-", "_"): value}),
    ]:
        command = ("gateway", "--port", "0", "--redis", "redis://127.0.0.1:1", *arguments)
        with Process(*command, environment=environment) as process:
            assert process.wait(20) != 0
            told = process.tail()
            assert option in told or option[2:].upper().replace("-", "_") in told
            assert value in told
