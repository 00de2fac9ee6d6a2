"""Recording, inspecting and replaying, as a user runs them."""

import contextlib
import gzip
import json
import os
import pathlib
import resource
import signal
import subprocess
import time
import zlib

import pytest
import requests

import harness
from harness import Process, Raw, Up, eventually, fixture_tape, free_port, private_redis

KEYS = {"TAPEDECK_KEYS": "demo:demo"}
KEY = {"TAPEDECK_UPSTREAM_KEY": "demo", "TAPEDECK_UPSTREAM_SECRET": "demo"}


def run(*arguments, seconds=60, environment=None):
    """A command that ends by itself: its status, what it printed and what it complained of."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TAPEDECK_", "APCA_"))}
    done = subprocess.run(
        [harness.binary(), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=clean | (environment or {}),
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def inspect(tape):
    status, out, complaint = run("inspect", "--json", tape)
    assert status == 0, complaint
    return json.loads(out)


def salvage(path):
    """The whole lines of a tape, however its file ends."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = zlib.decompressobj(31).decompress(data)
    text = data.decode()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


@contextlib.contextmanager
def recording(up, out, *arguments, symbols="*", environment=KEY):
    with Process(
        "record", "--from", up.stocks, "--symbols", symbols, "--out", out, *arguments,
        environment=environment,
    ) as process:
        yield process


def size(path):
    return path.stat().st_size if path.exists() else 0


def test_what_is_recorded_can_be_inspected_and_played_again(up, directory):
    tape = directory / "session.ndjson.gz"
    with recording(up, tape) as record:
        eventually(lambda: size(tape) > 2_000, 20, "messages on the tape")
        record.signal(signal.SIGINT)
        assert record.wait(5) == 0, record.tail()
        assert f"{tape}: " in record.lines[-1] and " messages of " in record.lines[-1]
    with gzip.open(tape, "rt") as file:  # a whole gzip file
        messages = [json.loads(line) for line in file]
    assert {m["T"] for m in messages} >= {"t", "q"}
    assert all("N" in m for m in messages if m["T"] in "tq")
    seen = inspect(tape)
    assert seen["lines"] == len(messages) and seen["malformed_lines"] == 0
    assert seen["counts"]["trades"] == sum(m["T"] == "t" for m in messages)
    assert seen["symbols"]["AAPL"]["trades"] == sum(
        m["T"] == "t" and m["S"] == "AAPL" for m in messages
    )
    with Up(directory / "again", "--tape", tape, "--loop") as again, Raw(again.stocks) as client:
        client.subscribe(quotes=["*"])
        client.until(lambda m: m["T"] == "q", 10, "a quote of the recording")


@pytest.mark.parametrize("name", ["cut.ndjson.gz", "cut.ndjson"])
def test_killed_recorder_leaves_a_readable_tape(up, directory, name):
    tape = directory / name
    with recording(up, tape) as record:
        eventually(lambda: size(tape) > 2_000, 20, "messages on the tape")
        record.signal(signal.SIGKILL)
        record.wait(5)
    lines = salvage(tape)
    assert len(lines) > 20
    seen = inspect(tape)
    assert seen["lines"] == len(lines) and seen["malformed_lines"] == 0
    assert seen["damaged_files"] == (1 if name.endswith(".gz") else 0)


def test_a_recording_is_never_written_over(up, directory):
    tape = directory / "mine.ndjson"
    tape.write_text("precious\n")
    with recording(up, tape) as record:
        assert record.wait(10) == 1
        assert "mine.ndjson: File exists" in record.tail()
    assert tape.read_text() == "precious\n"


def test_a_full_disk_keeps_what_is_there(up, directory):
    """A bound on the file's size fails a write as a full disk does."""
    tape = directory / "full.ndjson"
    command = [
        harness.binary(), "record", "--from", up.stocks, "--symbols", "*", "--out", str(tape),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | KEY,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
        check=False,
    )
    assert done.returncode == 1
    assert f"tapedeck record: {tape}: File too large" in done.stderr
    assert done.stdout.startswith(f"kept: {tape}: ")
    lines = salvage(tape)
    assert len(lines) > 100
    assert tape.read_bytes().endswith(b"\n")
    assert f" {len(lines):,} messages" in done.stdout


def test_recording_goes_on_over_a_restart_of_the_stream(directory):
    port = free_port()
    tape = directory / "long.ndjson"
    with private_redis(directory) as path:
        url = f"unix://{path}"

        def gateway():
            process = Process(
                "gateway", "--redis", url, "--port", port, "--drain-seconds", "1", environment=KEYS
            )
            eventually(lambda: process.lines, 15, "the gateway's ready line")
            return process

        with (
            Process("ingest", "--redis", url, "--tape", fixture_tape(), "--loop"),
            gateway() as first,
            Process(
                "record", "--from", f"ws://127.0.0.1:{port}/v2/iex", "--symbols", "AAPL,MSFT",
                "--out", tape, environment=KEY,
            ) as record,
        ):
            eventually(lambda: size(tape) > 2_000, 20, "messages on the tape")
            first.signal(signal.SIGTERM)
            first.wait(6)
            eventually(
                lambda: any(m["T"] == "stale" and "N" not in m for m in salvage(tape)), 5,
                "stale markers of the recorder's",
            )
            before = len(salvage(tape))
            with gateway():
                eventually(
                    lambda: len([m for m in salvage(tape)[before:] if m["T"] == "q"]) > 5, 40,
                    "quotes after the restart",
                )
                record.signal(signal.SIGTERM)
                assert record.wait(5) == 0


def test_redis_can_be_recorded_without_a_gateway(up, directory):
    tape = directory / "redis.ndjson.gz"
    with Process(
        "record", "--from", "redis", "--redis", f"unix://{up.state}/redis.sock", "--out", tape
    ) as record:
        eventually(lambda: size(tape) > 2_000, 20, "messages on the tape")
        record.signal(signal.SIGTERM)
        assert record.wait(5) == 0
    seen = inspect(tape)
    assert seen["malformed_lines"] == 0 and seen["gaps"] == 0
    assert {"trades", "quotes", "orderbooks"} <= set(seen["counts"])
    assert {"AAPL", "BTC/USD"} <= set(seen["symbols"])


def test_a_wrong_key_is_said_and_shown_to_nobody(up, directory):
    wrong = {"TAPEDECK_UPSTREAM_KEY": "demo", "TAPEDECK_UPSTREAM_SECRET": "sesame-42"}
    with recording(up, directory / "none.ndjson", environment=wrong) as record:
        eventually(lambda: "the key or its secret is wrong" in record.tail(), 15, "the reason")
        cmdline = pathlib.Path(f"/proc/{record.pid}/cmdline").read_bytes()
        record.signal(signal.SIGTERM)
        assert record.wait(5) == 0
    assert b"sesame" not in cmdline and "sesame" not in "".join(record.log + record.lines)


def test_ingest_plays_a_live_upstream(up, directory):
    port = free_port()
    with private_redis(directory) as path:
        url = f"unix://{path}"
        with (
            Process(
                "ingest", "--redis", url, "--from", up.stocks, "--symbols", "AAPL,MSFT",
                environment=KEY,
            ) as ingest,
            Process("gateway", "--redis", url, "--port", port, environment=KEYS),
        ):
            def ready():
                assert ingest.process.poll() is None, ingest.tail()
                with contextlib.suppress(requests.ConnectionError):
                    return requests.get(
                        f"http://127.0.0.1:{port}/readyz", timeout=2
                    ).status_code == 200

            eventually(ready, 20, "the second gateway's readiness", every=0.05)
            with (
                Raw(f"ws://127.0.0.1:{port}/v2/iex") as second,
                Raw(up.stocks) as first,
            ):
                first.subscribe(trades=["AAPL", "MSFT"])
                second.subscribe(trades=["AAPL", "MSFT"])
                wanted = [m for m in first.during(4) if m["T"] == "t"]
                got = [m for m in second.during(1) if m["T"] == "t"]

                def bare(messages):
                    return [{k: v for k, v in m.items() if k not in "ENPQ"} for m in messages]

                assert len(wanted) > 5
                common = [m for m in bare(got) if m in bare(wanted)]
                assert len(common) >= len(wanted) - 3
                assert common == [m for m in bare(wanted) if m in common]
            # The upstream stops answering: everything is stale, and nothing is passed off as live.
            with Raw(f"ws://127.0.0.1:{port}/v2/iex") as client:
                client.subscribe(quotes=["AAPL"])
                client.until(lambda m: m["T"] == "q", 10, "a quote")
                begun = time.monotonic()
                up.signal(signal.SIGSTOP)
                try:
                    client.until(lambda m: m["T"] == "stale", 10, "a stale notice")
                    assert time.monotonic() - begun < 8
                finally:
                    up.signal(signal.SIGCONT)
                client.until(lambda m: m["T"] == "q", 20, "quotes again")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "http://x/", "--out", "t"], '--from: "http://x/" is not ws://'),
        (["--from", "ws://h/#x", "--out", "t", "--symbols", "A"], "fragment"),
        (["--from", "ws://127.0.0.1:1/", "--out", "t"], "give --symbols"),
        (["--from", "ws://127.0.0.1:1/", "--out", "t", "--symbols", "a b"], '"a b" is no symbol'),
        (["--from", "ws://127.0.0.1:1/", "--symbols", "A"], "give --out"),
        (
            ["--from", "ws://127.0.0.1:1/", "--symbols", "A", "--channels", "news", "--out", "t"],
            '--channels: "news" is no channel',
        ),
        (["--from", "wss://127.0.0.1:1/", "--symbols", "A", "--out", "t", "--ca-file", "/none"],
         "/none: No such file"),
        (["--from", "ws://127.0.0.1:1/", "--symbols", "A", "--out", "/none/t"],
         "/none/t: No such file or directory"),
        (["--from", "redis", "--out", "t"], "give --redis"),
    ],
)
def test_what_cannot_be_recorded_is_said(directory, arguments, words):
    with Process("record", *arguments, cwd=directory) as record:
        assert record.wait(10) not in (0, -signal.SIGSEGV, -signal.SIGILL)
        assert words in record.tail()
    assert not (directory / "t").exists()


def test_a_password_in_a_url_is_refused_and_hidden(directory):
    with Process("record", "--from", "ws://me:sesame@127.0.0.1:1/", "--out", "t", "--symbols", "A",
                 cwd=directory) as record:
        assert record.wait(10) != 0
        assert "credentials do not belong into a URL" in record.tail()
        assert "sesame" not in record.tail()


def test_inspect_shows_a_table():
    status, out, complaint = run("inspect", fixture_tape(), "--top", "3")
    assert status == 0 and complaint == ""
    lines = out.splitlines()
    assert lines[0].split() == ["tape", fixture_tape()]
    assert lines[1].split()[1:3] == ["native,", "gzip,"]
    table = lines[lines.index("") + 1 :]
    assert table[0].split()[:2] == ["symbol", "events"]
    assert len({len(line) for line in table if not line.startswith("...")}) == 1, "aligned columns"
    assert table[-2].startswith("... ") and table[-1].startswith("all ")
    columns = list(zip(*(line.split()[1:] for line in table[1:4])))
    assert all(int(cell.replace(",", "")) > 0 for column in columns for cell in column)


def test_inspect_counts_what_is_wrong(directory):
    tape = directory / "bad.ndjson"
    good = '{"T":"t","S":"AAPL","t":"2026-11-20T14:30:0%d.5Z","p":1.5,"s":1}\n'
    tape.write_text(
        good % 0 + "garbage\n" + good % 1 + '{"T":"n","S":"X"}\n' + good % 1 + "\n"
        + '{"T":"t","S":"aapl"}\n'
    )
    seen = inspect(tape)
    assert seen["lines"] == 7 and seen["events"] == 3
    assert seen["malformed_lines"] == 2 and seen["not_read"] == 1
    assert seen["peak_events"] == 2 and seen["peak_second"] == "2026-11-20T14:30:01Z"
    assert seen["span_ms"] == 1000
    assert f"{tape}:2: " in seen["problems"][0]
    status, out, _ = run("inspect", tape)
    rows = dict(line.split(None, 1) for line in out.splitlines() if len(line.split(None, 1)) == 2)
    assert status == 0 and rows["malformed"] == "2"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "there is no message on the tape"), ("hello\n", "begins the tape")],
)
def test_what_is_no_tape_is_said(directory, text, words):
    tape = directory / "no.tape"
    tape.write_text(text)
    status, _, complaint = run("inspect", tape)
    assert status not in (0, -signal.SIGSEGV)
    assert words in complaint
    status, _, complaint = run("inspect", directory / "nowhere")
    assert status != 0 and "No such file" in complaint
