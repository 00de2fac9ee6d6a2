"""Bars and trades into Postgres, through the death of everything on their way, and out by the SDK.

The tape is made here, and what has to be in the database is computed here from it, with fractions: by
nothing that Tapedeck computes with.
"""

import contextlib
import datetime
import fractions
import gzip
import json
import random
import signal
import subprocess
import time
from collections import defaultdict

import pytest
from alpaca.common.enums import Sort
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.requests import (
    CryptoBarsRequest, CryptoTradesRequest, StockBarsRequest, StockTradesRequest
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

import harness
from harness import Process, Up, eventually

SYMBOLS = 200
MINUTES = 10
SPEED = 60
SECOND = 10**9


class Tape:
    """Ten minutes of trades of 200 symbols, one in twenty late by up to 100 s."""

    def __init__(self, path, start, seed):
        self.path, self.start = path, start
        self.begin = int(start.timestamp()) * SECOND
        self.trades = []
        chance = random.Random(seed)
        names = ["BTC/USD"] + [f"T{number:03}" for number in range(1, SYMBOLS)]
        moments = sorted(chance.randrange(MINUTES * 60 * SECOND) for _ in range(40_000))
        with gzip.open(path, "wt", compresslevel=1) as file:
            for number, moment in enumerate(moments):
                at = moment - (chance.randrange(100 * SECOND) if chance.random() < 0.05 else 0)
                at = self.begin + max(0, at)
                price, size = chance.randrange(1, 10**6), chance.randrange(1, 10**5)
                odd = chance.random() < 0.1
                symbol = chance.choice(names)
                whole, rest = divmod(at, SECOND)
                text = datetime.datetime.fromtimestamp(whole, datetime.timezone.utc)
                line = {
                    "T": "t", "S": symbol, "i": number, "x": "V", "c": ["@", "I"] if odd else ["@"],
                    "t": f"{text:%Y-%m-%dT%H:%M:%S}.{rest:09}Z", "z": "C",
                }
                exact = f'"p":{price / 100:.2f},"s":{size / 1000:.3f}'
                file.write(json.dumps(line)[:-1] + "," + exact + "}\n")
                self.trades.append((
                    symbol, at, number, fractions.Fraction(price, 100),
                    fractions.Fraction(size, 1000), odd))

    def bars(self, nanoseconds):
        """(symbol, start) to open, high, low, close, volume, notional, count."""
        spans = defaultdict(list)
        for trade in self.trades:
            spans[trade[0], (trade[1] - self.begin) // nanoseconds].append(trade)
        found = {}
        for (symbol, span), trades in spans.items():
            prices = [t[3] for t in sorted(trades, key=lambda t: (t[1], t[2])) if not t[5]]
            if prices:
                found[symbol, self.begin + span * nanoseconds] = (
                    prices[0], max(prices), min(prices), prices[-1],
                    sum(t[4] for t in trades), sum(t[3] * t[4] for t in trades), len(trades))
        return found


class Durable:
    """A Redis with an append-only file, written to disk each second, that can be killed."""

    def __init__(self, directory):
        self.directory, self.path = directory, directory / "durable.sock"
        self.start()

    def start(self):
        self.server = subprocess.Popen(
            [
                "redis-server", "--port", "0", "--unixsocket", str(self.path), "--save", "",
                "--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(self.directory),
            ], stdout=subprocess.DEVNULL)

        def answers():
            with contextlib.suppress(subprocess.SubprocessError):
                return harness.redis(self.path, "PING") == "PONG"

        eventually(answers, 10, "redis-server")

    def kill(self):
        self.server.kill()
        self.server.wait()

    def left(self):
        """Entries in the stream, which a worker deletes after COMMIT."""
        return int(harness.redis(self.path, "XLEN", "history"))


@pytest.fixture(scope="module")
def own():
    """A `tapedeck up` whose PostgreSQL and market Redis are used."""
    with harness.short_directory() as state, Up(state) as running:
        yield running
        assert running.process.poll() is None, running.tail()


@contextlib.contextmanager
def running(own, directory, tape, feed):
    """The durable Redis, an ingester that plays the tape, and how to start a worker."""
    durable = Durable(directory)

    def worker():
        return Process(
            "history", "--postgres", own.database, "--durable-redis", f"unix://{durable.path}",
            "--consumer", feed)

    ingest = Process(
        "ingest", "--redis", f"unix://{own.state}/redis.sock", "--feed-name", feed,
        "--durable-redis", f"unix://{durable.path}", "--tape", tape.path, "--speed", SPEED,
        "--clock", "original")
    try:
        with ingest:
            yield durable, ingest, worker
    finally:
        durable.kill()


def ended(ingest):
    assert ingest.process.poll() is None, ingest.tail()
    return any("the feed has ended" in line for line in ingest.log)


def rows(own, tape):
    """The bars of the tape's time in Postgres, by symbol and start."""
    lines = own.psql(
        "SELECT symbol, (extract(epoch FROM start) * 1000000000)::bigint, open, high, low, close,"
        " volume, notional, trade_count FROM history_bars WHERE feed = 'replay'"
        f" AND start >= '{tape.start.isoformat()}'"
        f" AND start < '{(tape.start + datetime.timedelta(minutes=MINUTES)).isoformat()}'")
    found = {}
    for line in lines.splitlines():
        symbol, start, *numbers = line.split("|")
        assert (symbol, int(start)) not in found
        found[symbol, int(start)] = tuple(
            [fractions.Fraction(number) for number in numbers[:6]] + [int(numbers[6])])
    return found


def start_of(hour):
    return datetime.datetime(2025, 6, 3, hour, 0, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def played(own):
    """The tape of 15:00, played while worker and Postgres die."""
    with harness.short_directory() as directory:
        tape = Tape(directory / "tape.ndjson.gz", start_of(15), seed=1)
        with running(own, directory, tape, "first") as (durable, ingest, worker):
            one = worker()
            try:
                eventually(lambda: durable.left() or ended(ingest), 10, "the first entry")
                time.sleep(2.3)
                one.signal(signal.SIGKILL)
                one.wait(5)
                eventually(lambda: durable.left() > 20, 10, "entries that nobody takes")
            finally:
                one.close()
            with worker() as two:
                time.sleep(1.5)
                postgres = harness.child(own.pid, "postgres")
                subprocess.run(["kill", "-9", str(postgres)], check=True)
                eventually(lambda: ended(ingest), 30, "the end of the tape", every=0.05)
                eventually(lambda: durable.left() == 0, 30, "an empty stream", every=0.05)
                assert two.process.poll() is None, two.tail()
        yield tape


def test_bars_and_trades_outlive_the_worker_and_postgres(own, played):
    assert rows(own, played) == played.bars(60 * SECOND)
    assert own.psql(
        "SELECT count(*), count(DISTINCT (symbol, epoch, number)), sum(id) FROM history_trades"
        f" WHERE at >= '{played.start.isoformat()}' AND at < '{start_of(16).isoformat()}'"
    ) == f"40000|40000|{sum(range(40_000))}"


def test_a_redis_that_dies_loses_a_second_at_most(own):
    with harness.short_directory() as directory:
        tape = Tape(directory / "tape.ndjson.gz", start_of(17), seed=2)
        with running(own, directory, tape, "second") as (durable, ingest, worker), worker() as one:
            eventually(lambda: rows(own, tape), 15, "the first bars", every=0.05)
            time.sleep(3.2)
            durable.kill()
            known = [key[1] for key in rows(own, tape)]
            durable.start()
            eventually(lambda: ended(ingest), 30, "the end of the tape", every=0.05)
            eventually(lambda: durable.left() == 0, 30, "an empty stream", every=0.05)
            assert one.process.poll() is None, one.tail()
        expected, found = tape.bars(60 * SECOND), rows(own, tape)
        assert set(found) <= set(expected)
        wrong = {key[1] for key in expected if found.get(key) != expected[key]}
        # A second of ours is a minute of the tape's. What was in the stream for less than that and
        # not yet in Postgres may be gone: the minutes after those that were there, which ended within
        # that second (two, where it began amid one), and what late trades changed before them.
        after = max(known)
        assert all(after - 2 * 60 * SECOND <= start <= after + 2 * 60 * SECOND for start in wrong), (
            after, sorted(wrong))
        print(f"{len(expected)} bars, {len(set(expected) - set(found))} lost")


def test_official_client_reads_bars_and_trades_in_pages(own, played):
    end = played.start + datetime.timedelta(minutes=MINUTES)
    stocks = StockHistoricalDataClient("demo", "demo", url_override=own.http)
    crypto = CryptoHistoricalDataClient(url_override=own.http)
    expected = played.bars(5 * 60 * SECOND)
    names = [f"T{number:03}" for number in range(1, 60)]
    five = TimeFrame(5, TimeFrameUnit.Minute)
    frames = stocks.get_stock_bars(
        StockBarsRequest(symbol_or_symbols=names, timeframe=five, start=played.start, end=end))
    pair = crypto.get_crypto_bars(
        CryptoBarsRequest(
            symbol_or_symbols="BTC/USD", timeframe=five, start=played.start, end=end))
    assert sorted(frames.data) == names and list(pair.data) == ["BTC/USD"]
    for symbol, bars in {**frames.data, **pair.data}.items():
        assert len(bars) == 2
        for bar in bars:
            want = expected[symbol, int(bar.timestamp.timestamp()) * SECOND]
            got = (bar.open, bar.high, bar.low, bar.close, bar.volume)
            assert got == tuple(float(number) for number in want[:5])
            assert bar.trade_count == want[6]
            assert abs(fractions.Fraction(bar.vwap) - want[5] / want[4]) < fractions.Fraction(1, 10**8)
    # Over 10,000 rows: several pages, in both directions.
    for sort in (Sort.ASC, Sort.DESC):
        trades = stocks.get_stock_trades(
            StockTradesRequest(
                symbol_or_symbols=names, start=played.start, end=end, sort=sort)).data
        want = defaultdict(list)
        for symbol, at, number, *_ in sorted(played.trades, key=lambda t: (t[1], t[2])):
            if symbol in names:
                want[symbol].append(number)
        if sort == Sort.DESC:
            want = {symbol: numbers[::-1] for symbol, numbers in want.items()}
        assert {symbol: [t.id for t in found] for symbol, found in trades.items()} == want
        assert sum(map(len, want.values())) > 10_000
    some = crypto.get_crypto_trades(
        CryptoTradesRequest(symbol_or_symbols="BTC/USD", start=played.start, end=end, limit=7)).data
    assert len(some["BTC/USD"]) == 7
    day = stocks.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols="T001", timeframe=TimeFrame.Day,
            start=played.start - datetime.timedelta(days=1), end=end)).data["T001"]
    assert [bar.timestamp.isoformat() for bar in day] == ["2025-06-03T04:00:00+00:00"]
    assert stocks.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols="NONE", timeframe=TimeFrame.Minute, start=played.start)).data == {}
