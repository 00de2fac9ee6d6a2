"""What lies in Redis, as anybody with redis-cli sees it."""

import json
import time

import pytest

from harness import eventually


@pytest.mark.parametrize("key", ["stock:AAPL:price", "stock:AAPL:quote", "depth:BTC/USD"])
def test_value_begins_with_its_epoch_and_lives_two_seconds(up, key):
    most = 1_000 if key.startswith("depth") else 2_000
    eventually(lambda: up.redis("GET", key), 10, key)
    for _ in range(20):
        value = up.redis("GET", key)
        assert value.startswith('{"E":')
        message = json.loads(value)
        assert list(message)[:2] == ["E", "N"] and message["S"] in key
        assert 0 < int(up.redis("PTTL", key)) <= most
        time.sleep(0.1)


def test_every_key_has_a_time_to_live(up):
    keys = up.redis("--scan").splitlines()
    assert "stock:AAPL:price" in keys and len(keys) > 20
    endless = [key for key in keys if key != "history" and up.redis("PTTL", key) == "-1"]
    assert endless == []


def test_quiet_symbols_are_kept_alive(up):
    """Every symbol of the tape that was ever priced stays, though many do not trade each second."""
    def priced():
        return {key for key in up.redis("--scan", "--pattern", "stock:*:quote").splitlines()}

    eventually(lambda: len(priced()) >= 24, 30, "the quotes of 24 stocks", every=0.2)
    before = priced()
    for _ in range(10):
        time.sleep(0.5)
        assert before <= priced()


def test_heartbeat_beats(up):
    def beat():
        keys = up.redis("--scan", "--pattern", "feed:*:heartbeat").splitlines()
        return keys and up.redis("GET", keys[0])

    first = eventually(beat, 5, "a heartbeat")
    eventually(lambda: beat() not in (None, "", first), 2, "the next heartbeat")


def test_sockets_belong_to_their_owner_only(up):
    assert up.state.stat().st_mode & 0o777 == 0o700
    assert (up.state / "redis.sock").stat().st_mode & 0o777 == 0o700
    assert up.redis("CONFIG", "GET", "port").splitlines() == ["port", "0"]
