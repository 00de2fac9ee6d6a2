"""What answers besides the stream, and what does not fall over whatever is sent."""

import contextlib
import os
import random
import re
import socket
import time

import pytest
import requests

from harness import Raw


def test_health_readiness_and_metrics(up):
    assert requests.get(up.http + "/healthz", timeout=5).status_code == 200
    ready = requests.get(up.http + "/readyz", timeout=5)
    assert ready.status_code == 200 and ready.json()["ready"] is True
    assert ready.headers["Content-Type"].startswith("application/json")
    metrics = requests.get(up.http + "/metrics", timeout=5)
    assert metrics.status_code == 200
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    line = re.compile(
        r'# (HELP|TYPE) \w+ .+|[a-zA-Z_:][\w:]*(\{[a-zA-Z_]\w*="[^"]*"(,\w+="[^"]*")*\})? \S+'
    )
    wrong = [each for each in metrics.text.splitlines() if not line.fullmatch(each)]
    assert wrong == [] and "process_cpu_seconds_total" in metrics.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/no/such/thing", 404), ("DELETE", "/healthz", 405), ("GET", "/v2/iex/x", 404)],
)
def test_error_has_a_body_that_the_sdk_can_read(up, method, path, status):
    answer = requests.request(method, up.http + path, timeout=5)
    assert answer.status_code == status
    body = answer.json()
    assert isinstance(body["code"], int) and isinstance(body["message"], str)


def test_stream_path_without_an_upgrade_is_an_error_with_a_body(up):
    answer = requests.get(up.http + "/v2/iex", timeout=5)
    assert 400 <= answer.status_code < 500 and isinstance(answer.json()["code"], int)


def talk(up, sent, seconds=2.0):
    """Sends bytes and gives what comes back until the server closes or is silent."""
    received = b""
    with socket.create_connection(("127.0.0.1", up.port), timeout=5) as client:
        client.settimeout(seconds)
        with contextlib.suppress(OSError):
            client.sendall(sent)
        with contextlib.suppress(OSError):
            while chunk := client.recv(65_536):
                received += chunk
    return received


HEAD = b"Host: x\r\n"
GARBAGE = {
    "bytes": os.urandom(4_096),
    "tls": bytes.fromhex("16030100c8010000c40303") + os.urandom(200),
    "zeros": b"\0" * 10_000,
    "long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n",
    "no version": b"GET /\r\n\r\n",
    "unknown method": b"BREW /pot HTTP/1.1\r\n" + HEAD + b"\r\n",
    "post without length": b"POST /healthz HTTP/1.1\r\n" + HEAD + b"\r\nbody",
    "chunked": b"POST /healthz HTTP/1.1\r\n" + HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: -5\r\n\r\n",
    "huge length": b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 99999999999999\r\n\r\n",
    "h2c": b"GET / HTTP/1.1\r\n" + HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "other upgrade": b"GET / HTTP/1.1\r\n" + HEAD + b"Connection: Upgrade\r\nUpgrade: x\r\n\r\n",
    "h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "half a request": b"GET /healthz HTT",
    "upgrade without key": b"GET /v2/iex HTTP/1.1\r\n" + HEAD
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "traversal": b"GET /../../etc/passwd HTTP/1.1\r\n" + HEAD + b"\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_answered_or_closed(up, name):
    answer = talk(up, GARBAGE[name])
    assert b"root:" not in answer and not answer.startswith(b"HTTP/1.1 2")
    assert not answer.startswith(b"HTTP/1.1 101")
    assert up.is_well()


@pytest.mark.parametrize(("name", "status"), [("post without length", 411), ("chunked", 411)])
def test_body_without_a_length_is_refused_by_name(up, name, status):
    answer = talk(up, GARBAGE[name])
    assert answer.startswith(b"HTTP/1.1 %d" % status) and b'"code"' in answer


def test_pipelined_requests_are_all_answered_in_order(up):
    request = b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n"
    last = b"GET /healthz HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
    assert talk(up, request * 9 + last).count(b"HTTP/1.1 200") == 10


def test_head_has_no_body(up):
    answer = talk(up, b"HEAD /healthz HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\n")


def test_frames_of_garbage_after_the_handshake_close_only_their_connection(up):
    """Seeded, so that a failure can be run again."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    source = random.Random(seed)
    handshake = (
        b"GET /v2/iex HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with Raw(up.stocks) as witness:
        witness.subscribe(quotes=["AAPL"])
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", up.port), timeout=5) as client:
                client.sendall(handshake)
                assert client.recv(4_096).startswith(b"HTTP/1.1 101")
                with contextlib.suppress(OSError):
                    client.sendall(source.randbytes(source.randrange(1, 2_000)))
        witness.until(lambda m: m["T"] == "q")
    assert up.is_well()


def test_vanishing_and_idle_clients_cost_no_processor(up):
    """Half-open connections and unread answers must not make the server spin."""
    idle = []
    for sent in (b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n") * 20:
        client = socket.create_connection(("127.0.0.1", up.port), timeout=5)
        client.sendall(sent)
        idle.append(client)
    try:
        before = cpu_seconds(up.pid)
        time.sleep(2)
        assert cpu_seconds(up.pid) - before < 1.5
    finally:
        for client in idle:
            client.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
