"""The stream protocol itself, frame by frame, as other clients than the SDK see it."""

import json
import threading
import time

import msgpack
import pytest
from websockets.exceptions import ConnectionClosed

from harness import Raw, eventually

CHANNELS = {"trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds"}


@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
def test_stock_books_come_whole(up, packed):
    with Raw(up.stocks, packed=packed) as client:
        client.subscribe(orderbooks=["AAPL"])
        for _ in range(3):
            book = client.until(lambda m: m["T"] == "o" and m["S"] == "AAPL")
            assert book["r"] is True
            bids, asks = [[level["p"] for level in book[side]] for side in "ba"]
            assert bids == sorted(bids, reverse=True) and asks == sorted(asks)
            assert 1 <= len(bids) <= 10 and 1 <= len(asks) <= 10 and bids[0] < asks[0]
            assert all(level["s"] > 0 for side in "ba" for level in book[side])
            time_type = msgpack.Timestamp if packed else str
            assert isinstance(book["t"], time_type)


def test_acknowledgement_lists_every_channel(up):
    with Raw(up.stocks) as client:
        ack = client.subscribe(trades=["MSFT", "AAPL"], quotes=["AAPL"])
        assert ack["T"] == "subscription"
        assert CHANNELS <= ack.keys()
        assert sorted(ack["trades"]) == ["AAPL", "MSFT"] and ack["quotes"] == ["AAPL"]
        assert sorted(ack["corrections"]) == ["AAPL", "MSFT"]
        assert sorted(ack["cancelErrors"]) == ["AAPL", "MSFT"]
        assert ack["bars"] == []
        client.send({"action": "unsubscribe", "trades": ["MSFT"]})
        ack = client.until(lambda m: m["T"] == "subscription")
        assert ack["trades"] == ["AAPL"] and ack["quotes"] == ["AAPL"]


def test_state_comes_first_and_trades_do_not(up):
    """A quote is state: the newest comes at once. A trade is an event: no old one comes."""
    with Raw(up.stocks) as client:
        client.subscribe(quotes=["AAPL"])
        first = client.until(lambda m: m["T"] == "q", seconds=2)
        assert first["bp"] < first["ap"]
    with Raw(up.stocks) as one:
        one.subscribe(trades=["AAPL"])
        seen = one.until(lambda m: m["T"] == "t")["N"]
        with Raw(up.stocks) as two:
            two.subscribe(trades=["AAPL"])
            assert two.until(lambda m: m["T"] == "t")["N"] > seen


def test_star_means_every_symbol_of_the_path(up):
    with Raw(up.stocks) as client:
        assert client.subscribe(quotes=["*"])["quotes"] == ["*"]
        found = set()
        eventually(lambda: found.add(client.next()["S"]) or len(found) >= 10, 20, "ten symbols")
        assert not any("/" in symbol for symbol in found)
        client.send({"action": "unsubscribe", "quotes": ["*"]})
        client.until(lambda m: m["T"] == "subscription" and m["quotes"] == [])
        client.during(0.5)
        assert client.during(1) == []


def test_subscribe_in_fragments_with_an_empty_last_one(up):
    """As the SDK sends it: FIN=0 with everything, then an empty continuation; a ping between."""
    with Raw(up.stocks) as client:
        text = json.dumps({"action": "subscribe", "trades": ["AAPL"]})
        client.socket.send([text[:10], text[10:], ""])
        assert client.until(lambda m: m["T"] == "subscription")["trades"] == ["AAPL"]
        assert client.socket.ping().wait(5)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not json", 400),
        ("[]", 400),
        ('{"action":"dance"}', 400),
        ('{"action":"subscribe","trades":["no such thing!"]}', 400),
        ('{"action":"subscribe","trades":"AAPL"}', 400),
        ('{"action":"auth","key":"demo","secret":"demo"}', 403),
        ("[" * 100_000, 400),
    ],
)
def test_mistake_is_answered_and_forgiven(up, message, code):
    with Raw(up.stocks) as client:
        client.socket.send(message)
        error = client.until(lambda m: m["T"] == "error", seconds=5)
        assert error["code"] == code and isinstance(error["msg"], str)
        assert client.subscribe(trades=["AAPL"])["trades"] == ["AAPL"]


def test_subscribing_before_authenticating_is_an_error(up):
    with Raw(up.stocks, authenticate=False) as client:
        assert client.frame() == [{"T": "success", "msg": "connected"}]
        client.send({"action": "subscribe", "trades": ["AAPL"]})
        assert client.frame()[0]["code"] == 401


def test_wrong_secret_is_said_and_closed(up):
    with Raw(up.stocks, authenticate=False) as client:
        client.frame()
        client.send({"action": "auth", "key": "demo", "secret": "wrong"})
        assert client.frame() == [{"T": "error", "code": 402, "msg": "auth failed"}]
        with pytest.raises(ConnectionClosed):
            client.frame(5)


def test_silence_instead_of_authentication_is_closed(up):
    with Raw(up.stocks, authenticate=False) as client:
        client.frame()
        begun = time.monotonic()
        assert client.frame(15)[0]["code"] == 404
        assert 8 < time.monotonic() - begun < 13
        with pytest.raises(ConnectionClosed):
            client.frame(5)


def test_message_over_a_mebibyte_is_closed_with_1009(up):
    with Raw(up.stocks) as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.socket.send("x" * ((1 << 20) + 1))
            client.frame(5)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_text_that_is_not_utf8_is_closed_with_1007(up):
    with Raw(up.stocks) as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.socket.send(b"\xff\xfe", text=True)
            client.frame(5)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1007


def test_storm_of_reconnecting_clients_does_not_touch_the_others(up):
    """Clients with a wrong secret come back for ever; one that was there loses nothing."""
    with Raw(up.stocks) as client:
        client.subscribe(trades=["AAPL"])
        client.until(lambda m: m["T"] == "t")
        stop = threading.Event()
        tries = []

        def storm():
            while not stop.is_set():
                tries.append(1)
                try:
                    with Raw(up.stocks, authenticate=False) as other:
                        other.frame()
                        other.send({"action": "auth", "key": "demo", "secret": "wrong"})
                        other.frame()
                except Exception:  # noqa: BLE001 - refused in whatever way
                    time.sleep(0.01)

        threads = [threading.Thread(target=storm, daemon=True) for _ in range(16)]
        for thread in threads:
            thread.start()
        try:
            seen = [m for m in client.during(5) if m["T"] in ("t", "gap", "stale")]
        finally:
            stop.set()
            for thread in threads:
                thread.join(15)
        assert len(tries) > 50
        assert [m for m in seen if m["T"] != "t"] == []
        assert [m["P"] for m in seen[1:]] == [m["N"] for m in seen[:-1]]
        client.until(lambda m: m["T"] == "t")

    def comes_in_again():
        try:
            with Raw(up.stocks):
                return True
        except Exception:  # noqa: BLE001 - it may still be held off
            return False

    eventually(comes_in_again, 30, "a client with the right secret", every=0.5)
