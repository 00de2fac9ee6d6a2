"""The replay that `tapedeck up` plays, controlled over HTTP and by the keys of a terminal."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import termios
import time

import pytest
import requests

import harness
from harness import Raw, Up, eventually, fixture_tape, headers

# Two stocks, fifty events a second: something happens always.
MARKET = "sim:stocks=2,rate=50,seed=7"


def state(up):
    answer = requests.get(up.http + "/v1/replay", headers=headers("demo"), timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def say(up, expected=200, **command):
    answer = requests.post(
        up.http + "/v1/replay", json=command, headers=headers("demo"), timeout=5
    )
    assert answer.status_code == expected, answer.text
    return answer.json()


def until(up, wanted, seconds=10):
    return eventually(
        lambda: (now := state(up))["state"] == wanted and now, seconds, f"state {wanted}", 0.02
    )


@pytest.fixture(scope="module")
def play():
    with harness.short_directory() as directory, Up(directory, "--from", MARKET) as running:
        yield running
        assert running.process.poll() is None, running.tail()


def test_pause_is_stale_and_resume_is_live(play):
    with Raw(play.stocks) as client:
        client.subscribe(quotes=["*"], trades=["*"], orderbooks=["*"])
        client.until(lambda m: m["T"] == "q")
        begun = time.monotonic()
        assert say(play, action="pause")["state"] == "paused"
        client.until(lambda m: m["T"] == "stale" and m["c"] == "quotes", 3, "a stale notice")
        assert time.monotonic() - begun < 2
        client.during(0.5)
        assert client.during(2.5) == []
        assert play.redis("KEYS", "stock:*:quote") == ""
        kinds = []
        # The next event may be one of a coin, which this path does not carry.
        for _ in range(30):
            position = state(play)["position"]
            assert position == say(play, action="step")["position"] - 1
            kinds += [m["T"] for m in client.during(0.4)]
            if kinds:
                break
        assert kinds[0] in ("q", "t", "o"), "the step's event"
        if "stale" not in kinds:
            client.until(lambda m: m["T"] == "stale", 2, "and that it is nobody's price")
        assert say(play, action="resume")["state"] == "playing"
        client.until(lambda m: m["T"] == "q", 2, "prices again")
        assert not [m for m in client.during(2) if m["T"] == "stale"]


def test_seek_speed_loop_and_restart(play):
    before = state(play)
    assert before["source"].startswith("sim:") and before["loop"] is True
    with Raw(play.stocks) as client:
        client.subscribe(quotes=["*"], trades=["*"])
        assert say(play, action="seek", by=60)["state"] in ("seeking", "playing")
        after = until(play, "playing")
        assert after["epoch"] > before["epoch"] and after["time"] > before["time"]
        client.until(lambda m: m.get("E") == after["epoch"])
        assert say(play, action="seek", to="13:30:01")
        back = until(play, "playing")
        assert back["epoch"] > after["epoch"] and back["position"] < after["position"]
        assert back["time"].startswith("2025-06-12T13:30:0")
        last = {}
        for message in client.during(1):
            if message["T"] in ("t", "q"):
                key, place = (message["T"], message["S"]), (message["E"], message["N"])
                assert last.get(key, (0, 0)) < place
                last[key] = place
    assert say(play, action="speed", speed=2.5)["speed"] == 2.5
    assert say(play, action="speed", speed="max")["speed"] == "max"
    assert say(play, action="speed", speed=1)["speed"] == 1
    assert say(play, action="loop", loop=False)["loop"] is False
    assert say(play, action="loop", loop=True)["loop"] is True
    say(play, action="restart")
    assert until(play, "playing")["position"] < 100


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ("", 400, "JSON"),
        ("{", 400, "byte 1"),
        ("[1]", 422, "object"),
        ("{}", 422, "action"),
        ('{"action":"rewind"}', 422, "action"),
        ('{"action":"seek"}', 422, "to"),
        ('{"action":"seek","to":"tomorrow"}', 422, "to"),
        ('{"action":"seek","by":"1"}', 422, "by"),
        ('{"action":"speed","speed":0}', 422, "speed"),
        ('{"action":"pause","by":1}', 422, "by"),
        ('{"action":"pause","x":1}', 422, "x"),
        ('{"action":"step"}', 422, "paused"),
    ],
)
def test_what_does_not_fit_is_named(play, body, status, named):
    answer = requests.post(
        play.http + "/v1/replay",
        data=body,
        headers=headers("demo") | {"Content-Type": "application/json"},
        timeout=5,
    )
    assert answer.status_code == status and named in answer.json()["message"], answer.text
    assert isinstance(answer.json()["code"], int)


def test_who_may_control_it(play):
    url = play.http + "/v1/replay"
    assert requests.get(url, timeout=5).status_code == 401
    wrong = headers("demo", "wrong")
    assert requests.post(url, json={"action": "pause"}, headers=wrong, timeout=5).status_code == 401
    form = requests.post(url, data={"action": "pause"}, headers=headers("demo"), timeout=5)
    assert form.status_code == 415
    assert requests.delete(url, headers=headers("demo"), timeout=5).status_code == 405
    assert state(play)["state"] == "playing"


def test_another_machine_may_not(directory):
    """By an address of this machine that is not loopback's, where there is one."""
    addresses = subprocess.run(
        ["hostname", "-I"], capture_output=True, text=True, check=False
    ).stdout.split()
    others = [each for each in addresses if ":" not in each and not each.startswith("127.")]
    if not others:
        pytest.skip("this machine has loopback only")
    port = harness.free_port()
    command = ("up", "--state", directory, "--from", MARKET, "--host", "0.0.0.0", "--port", port)
    with harness.Process(*command) as process:
        eventually(lambda: process.lines, 30, "the ready line")
        for address, status in ((others[0], 403), ("127.0.0.1", 200)):
            answer = requests.get(
                f"http://{address}:{port}/v1/replay", headers=headers("demo"), timeout=5
            )
            assert answer.status_code == status, answer.text


def test_parts_of_tapes_and_several_tapes(directory):
    """The fixture twice and a bound: the play begins at its start with the books of before."""
    with Up(directory, "--tape", fixture_tape(), "--speed", "max", "--no-loop") as up:
        whole = until(up, "ended", 60)
    start = re.sub(r"\.\d+Z$", "Z", whole["time"])
    command = ("--tape", fixture_tape(), "--tape", fixture_tape(), "--start", start)
    with Up(directory, *command, "--speed", "max", "--no-loop") as up:
        ended = until(up, "ended", 60)
        assert ended["position"] == 2 * whole["position"] and ended["source"].count(" + ") == 1
    for arguments, named in (
        (("--start", "25:00"), "--start"),
        (("--start", "12:00", "--end", "11:00"), "--end"),
    ):
        with harness.Process("up", "--state", directory, "--port", "0", *arguments) as process:
            assert process.wait(15) not in (0, -signal.SIGSEGV) and named in process.tail()


class Terminal:
    """A `tapedeck up` on a terminal of its own."""

    def __init__(self, directory, *arguments):
        self.main, inner = pty.openpty()
        self.before = termios.tcgetattr(self.main)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TAPEDECK_")}

        def control():
            os.setsid()
            # Under nohup the tests' own SIGHUP is ignored, and that would be inherited.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            # The first terminal that a session's leader opens is its own.
            os.close(os.open(os.ttyname(inner), os.O_RDWR))

        self.process = subprocess.Popen(
            [harness.binary(), "up", "--port", "0", "--state", directory, *arguments],
            stdin=inner, stdout=subprocess.PIPE, stderr=inner, cwd="/",
            # Swift's own backtrace of a fault takes longer than anybody waits.
            env=clean | {"SWIFT_BACKTRACE": "enable=no"},
            preexec_fn=control, text=True,
        )
        os.close(inner)
        os.set_blocking(self.main, False)
        self.shown = ""
        match = harness.READY.fullmatch(self.process.stdout.readline().rstrip("\n"))
        assert match, self.read()
        self.http = f"http://127.0.0.1:{match[1]}"

    def read(self):
        with contextlib.suppress(OSError):
            while chunk := os.read(self.main, 65_536):
                self.shown += chunk.decode(errors="replace")
        return self.shown

    def press(self, keys):
        os.write(self.main, keys.encode())

    def is_raw(self):
        return not termios.tcgetattr(self.main)[3] & (termios.ECHO | termios.ICANON)

    def hang_up(self):
        os.close(self.main)
        self.main = None

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(8)
        self.process.stdout.close()
        if self.main is not None:
            self.hang_up()


@contextlib.contextmanager
def terminal(directory, *arguments):
    running = Terminal(directory, *arguments)
    try:
        yield running
    finally:
        running.close()


def test_keys_of_a_terminal(directory):
    with terminal(directory, "--from", MARKET) as up:
        eventually(up.is_raw, 5, "a terminal that gives each key")
        eventually(lambda: "[playing]" in up.read(), 5, "the line")
        up.press(" ")
        paused = until(up, "paused")
        eventually(lambda: "[paused]" in up.read(), 3, "the line of the pause")
        up.press("..")
        eventually(lambda: state(up)["position"] == paused["position"] + 2, 3, "two steps")
        up.press("+")
        eventually(lambda: state(up)["speed"] == 2, 3, "twice the speed")
        up.press("--")
        eventually(lambda: state(up)["speed"] == 0.5, 3, "half the speed")
        up.press("\x1b[C")
        ahead = eventually(
            lambda: (now := state(up))["position"] > paused["position"] + 300 and now, 3, "ahead"
        )
        up.press("\x1b[D\x1bOD")
        eventually(lambda: state(up)["position"] < ahead["position"], 3, "back")
        up.press("l")
        eventually(lambda: state(up)["loop"] is False, 3, "no loop")
        up.press("xyz\x1b[1;5Pq\t")
        up.press(" ")
        until(up, "playing")
        up.press("r")
        eventually(lambda: state(up)["position"] < 300, 3, "the beginning")
        # Ctrl-C is a signal still, and the terminal is as it was.
        up.press("\x03")
        assert up.process.wait(8) == 0, up.read()
        assert termios.tcgetattr(up.main)[3] == up.before[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGABRT, signal.SIGTRAP])
def test_terminal_is_restored_however_it_ends(directory, number):
    with terminal(directory, "--from", MARKET) as up:
        eventually(up.is_raw, 5, "a terminal that gives each key")
        up.process.send_signal(number)
        status = up.process.wait(8)
        assert status == (0 if number == signal.SIGTERM else -number), up.read()
        assert termios.tcgetattr(up.main)[3] == up.before[3]


def test_hangup_ends_it_only_when_its_terminal_is_gone(directory):
    with terminal(directory, "--from", MARKET) as up:
        eventually(up.is_raw, 5, "a terminal that gives each key")
        up.process.send_signal(signal.SIGHUP)
        eventually(lambda: "nothing to load again" in up.read(), 5, "a word on it")
        up.press(" ")
        until(up, "paused")
        up.hang_up()
        assert up.process.wait(8) == 0


class Shell:
    """A bash with job control, on a terminal of its own."""

    def __init__(self):
        pid, self.main = pty.fork()
        if pid == 0:
            os.execvp("bash", ["bash", "--norc", "-i"])
        self.pid, self.shown = pid, ""
        os.set_blocking(self.main, False)

    def type(self, text):
        os.write(self.main, text.encode())

    def until(self, pattern, seconds, what):
        def found():
            with contextlib.suppress(OSError):
                while chunk := os.read(self.main, 65_536):
                    self.shown += chunk.decode(errors="replace")
            return re.search(pattern, self.shown)

        return eventually(found, seconds, what, 0.05)

    def close(self):
        # The hang-up of a terminal that is closed ends the jobs, and bash.
        os.close(self.main)
        os.waitpid(self.pid, 0)


def test_in_the_background_the_terminal_is_the_shells(directory):
    with contextlib.closing(Shell()) as shell:
        shell.type(f"{harness.binary()} up --port 0 --state {directory} --from {MARKET}\n")
        ready = shell.until(r"tapedeck ready (http://\S+)", 30, "the ready line")
        up = type("Running", (), {"http": ready[1]})
        shell.until(r"\[playing\]", 5, "the line")
        shell.type(" ")
        until(up, "paused")
        shell.type("\x1a")
        shell.until("Stopped", 5, "the stop")
        shell.type("bg\n")
        time.sleep(0.5)
        shell.type(" echo hi-$((20+22))\n")
        shell.until("hi-42", 5, "the shell's own input")
        assert state(up)["state"] == "paused", "it runs, and has read none of that"
        shell.type("fg\n")
        time.sleep(1)
        shell.type(" ")
        until(up, "playing")
        shell.type("\x03")
        shell.until(r"tapedeck: stopped", 8, "the end")
        time.sleep(0.5)
        shell.type("stty -a\n")
        shell.until(r"[^-]icanon[\s\S]* echo ", 5, "the terminal as it was")


def test_without_a_terminal_no_key_is_read(play):
    """Standard input is /dev/null there, and nothing is written but the ready line."""
    assert len(play.lines) == 1 and "\x1b" not in play.tail()
