"""How processes start and end, whatever happens to them."""

import os
import signal
import socket
import subprocess
import time

import pytest
from websockets.exceptions import ConnectionClosed

import harness
from harness import Process, Raw, Up, child, children, eventually, is_alive


def test_ready_line_is_exact_and_alone(up):
    assert len(up.lines) == 1
    assert harness.READY.fullmatch(up.lines[0])
    assert up.is_well()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_everything_within_five_seconds(directory, number):
    with Up(directory) as up:
        clients = [Raw(up.stocks) for _ in range(5)]
        for client in clients:
            client.subscribe(trades=["*"], quotes=["*"])
        offspring = children(up.pid)
        assert offspring
        begun = time.monotonic()
        up.signal(number)
        assert up.wait(5) == 0, up.tail()
        assert time.monotonic() - begun < 5
        assert not any(map(is_alive, offspring))
        assert not (directory / "redis.sock").exists()
        for client in clients:
            with pytest.raises(ConnectionClosed):
                while True:
                    client.frame(2)


def test_signal_during_the_start_ends_it_too(directory):
    for pause in (0.0, 0.02, 0.05, 0.1, 0.2):
        with Process("up", "--port", "0", "--state", directory) as process:
            time.sleep(pause)
            offspring = children(process.pid)
            process.signal(signal.SIGTERM)
            process.wait(5)
            eventually(lambda: not any(map(is_alive, offspring)), 1, "the end of its children")


def test_children_end_with_a_killed_process(directory):
    with Up(directory) as up:
        offspring = children(up.pid)
        assert offspring
        up.signal(signal.SIGKILL)
        up.wait(5)
        eventually(lambda: not any(map(is_alive, offspring)), 2, "the end of its children")
    with Up(directory) as again:  # what is left of the first does not stand in the way
        assert again.is_well()


def test_redis_that_dies_is_started_again_and_prices_go_on(directory):
    """Back within a fraction of a second, so that nobody has to be told of stale prices."""
    with Up(directory) as up, Raw(up.stocks) as client:
        client.subscribe(quotes=["AAPL"])
        client.until(lambda m: m["T"] == "q")
        server = child(up.pid, "/redis.sock")
        os.kill(server, signal.SIGKILL)
        eventually(lambda: child(up.pid, "/redis.sock") not in (None, server), 5, "another Redis")
        seen = client.until(lambda m: m["T"] == "q", 10, "prices")["N"]
        client.until(lambda m: m["T"] == "q" and m["N"] > seen, 10, "newer prices")
        eventually(up.is_well, 10, "readiness")
        assert up.redis("GET", "stock:AAPL:quote").startswith('{"E":')


def test_redis_that_hangs_is_told_as_stale_until_it_goes_on(directory):
    with Up(directory) as up, Raw(up.stocks) as client:
        client.subscribe(quotes=["AAPL"])
        client.until(lambda m: m["T"] == "q")
        server = child(up.pid, "/redis.sock")
        os.kill(server, signal.SIGSTOP)
        client.until(lambda m: m["T"] == "stale", 3, "notice that prices are stale")
        os.kill(server, signal.SIGCONT)
        client.until(lambda m: m["T"] == "q", 15, "prices again")
        eventually(up.is_well, 10, "readiness")


def test_second_instance_in_the_same_directory_is_refused(up):
    with Process("up", "--port", "0", "--state", up.state) as second:
        assert second.wait(10) != 0
        assert second.lines == []
        assert "another tapedeck" in second.tail() and str(up.state) in second.tail()


def test_port_in_use_is_an_error_that_names_it(directory):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = ("up", "--port", str(port), "--state", directory)
        with Process(*command) as process:
            # It finds out after its servers have started, which make a database first.
            assert process.wait(30) not in (0, -signal.SIGSEGV)
            assert process.lines == [] and str(port) in process.tail()


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["--port", "99999"], {}, "--port"),
        ([], {"TAPEDECK_PORT": "80a"}, "TAPEDECK_PORT"),
        (["--tape", "/no/such.tape"], {}, "/no/such.tape"),
        (["--speed", "backwards"], {}, "--speed"),
    ],
)
def test_setting_that_cannot_be_used_is_named(directory, arguments, environment, named):
    command = ["up", "--state", directory, *arguments]
    if "--port" not in arguments and "TAPEDECK_PORT" not in environment:
        command += ["--port", "0"]
    with Process(*command, environment=environment) as process:
        assert process.wait(15) not in (0, -signal.SIGSEGV, -signal.SIGILL)
        assert named in process.tail() and process.lines == []


def test_state_directory_too_long_for_a_socket_is_an_error(directory):
    with Process("up", "--port", "0", "--state", directory / ("x" * 100)) as process:
        assert process.wait(10) != 0
        assert "socket" in process.tail()


def test_default_tape_is_found_from_anywhere(directory):
    with Up(directory / "state", cwd=directory) as up:
        assert up.is_well()


def test_no_secret_in_sight(up):
    """Keys have no flag, and neither children nor logs show one."""
    with open(f"/proc/{up.pid}/cmdline", "rb") as file:
        assert b"secret" not in file.read()
    for child in children(up.pid):
        with open(f"/proc/{child}/environ", "rb") as file:
            assert b"TAPEDECK_KEYS" not in file.read()
    help_text = subprocess.run(
        [harness.binary(), "gateway", "--help"], capture_output=True, text=True, check=False
    )
    assert "--key" not in help_text.stdout and "--secret" not in help_text.stdout
