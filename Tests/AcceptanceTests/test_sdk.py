"""The official SDK, alpaca-py 0.44.0, unchanged but for its URL."""

import contextlib
import logging
import time

from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.models import Orderbook, Quote, Trade

from harness import Raw, Sdk


@contextlib.contextmanager
def running(sdk):
    try:
        yield sdk.start()
    finally:
        sdk.stop()


def counts(seen):
    tally = {}
    for channel, data in seen:
        tally[channel, data.symbol] = tally.get((channel, data.symbol), 0) + 1
    return tally


def has(seen, least, *wanted):
    tally = counts(seen)
    return all(tally.get(each, 0) >= least for each in wanted)


def test_trades_and_quotes_of_two_stocks(up):
    sdk = Sdk(StockDataStream, up.stocks)
    sdk.stream.subscribe_trades(sdk.handler("trades"), "AAPL", "MSFT")
    sdk.stream.subscribe_quotes(sdk.handler("quotes"), "AAPL", "MSFT")
    wanted = [(c, s) for c in ("trades", "quotes") for s in ("AAPL", "MSFT")]
    with running(sdk):
        seen = sdk.collect(lambda seen: has(seen, 3, *wanted), 30, f"three each of {wanted}")
    for channel, data in seen:
        if channel == "trades":
            assert isinstance(data, Trade) and data.price > 0 and data.size > 0
        else:
            assert isinstance(data, Quote) and 0 < data.bid_price < data.ask_price
            assert data.bid_size > 0 and data.ask_size > 0
        assert data.timestamp.tzinfo is not None
    assert {data.symbol for _, data in seen} == {"AAPL", "MSFT"}


def test_prices_are_those_of_now(up):
    """`up` plays a recorded session as if it were now."""
    sdk = Sdk(StockDataStream, up.stocks)
    sdk.stream.subscribe_trades(sdk.handler("trades"), "AAPL")
    with running(sdk):
        seen = sdk.collect(lambda seen: len(seen) >= 3, 30, "three trades")
    assert abs(seen[-1][1].timestamp.timestamp() - time.time()) < 5


def test_books_trades_and_quotes_of_a_coin(up):
    sdk = Sdk(CryptoDataStream, up.crypto)
    sdk.stream.subscribe_orderbooks(sdk.handler("books"), "BTC/USD")
    sdk.stream.subscribe_trades(sdk.handler("trades"), "BTC/USD")
    sdk.stream.subscribe_quotes(sdk.handler("quotes"), "BTC/USD")
    wanted = [(channel, "BTC/USD") for channel in ("books", "trades", "quotes")]
    with running(sdk):
        seen = sdk.collect(lambda seen: has(seen, 3, *wanted), 30, f"three each of {wanted}")
    for channel, data in seen:
        if channel == "books":
            assert isinstance(data, Orderbook)
            bids = [level.price for level in data.bids]
            asks = [level.price for level in data.asks]
            assert bids == sorted(bids, reverse=True) and asks == sorted(asks)
            assert 1 <= len(bids) <= 10 and 1 <= len(asks) <= 10 and bids[0] < asks[0]
            assert data.reset is True


def test_unsubscribed_symbol_is_silent_and_the_other_goes_on(up):
    sdk = Sdk(StockDataStream, up.stocks)
    sdk.stream.subscribe_trades(sdk.handler("trades"), "AAPL", "MSFT")
    both = [("trades", "AAPL"), ("trades", "MSFT")]
    with running(sdk):
        sdk.collect(lambda seen: has(seen, 1, *both), 30, "a trade of both")
        sdk.stream.unsubscribe_trades("MSFT")
        sdk.during(1)  # what was on its way
        sdk.seen.clear()
        sdk.collect(lambda seen: has(seen, 3, both[0]), 30, "three more trades of AAPL")
        sdk.seen.extend(sdk.during(1))
    assert {data.symbol for _, data in sdk.seen} == {"AAPL"}


def test_symbol_added_later_neither_repeats_nor_loses_what_was_there(up):
    """The SDK sends all its subscriptions again with each new one."""
    sdk = Sdk(StockDataStream, up.stocks)
    sdk.stream.subscribe_trades(sdk.handler("trades"), "AAPL")
    with running(sdk):
        sdk.collect(lambda seen: len(seen) >= 2, 30, "two trades")
        sdk.stream.subscribe_trades(sdk.handler("trades"), "MSFT")
        sdk.collect(lambda seen: has(seen, 2, ("trades", "MSFT")), 30, "two trades of MSFT")
    keys = [(d.symbol, d.timestamp, d.id, d.price, d.size) for _, d in sdk.seen]
    assert len(keys) == len(set(keys))


def test_wrong_secret_is_refused_and_harms_nobody(up, caplog):
    caplog.set_level(logging.DEBUG)
    sdk = Sdk(StockDataStream, up.stocks, secret="wrong")
    sdk.stream.subscribe_trades(sdk.handler("trades"), "AAPL")
    with running(sdk):
        delivered = sdk.during(4)  # it reconnects by itself, about four times
        assert sdk.thread.is_alive() and sdk.error is None
    assert delivered == []
    assert "auth failed" in caplog.text
    assert up.is_well()


def test_raw_data_has_the_numbers_of_the_stream(up):
    """E, N and P come along for those who know them."""
    with Raw(up.stocks, packed=True) as client:
        client.subscribe(trades=["AAPL"])
        trades = [client.until(lambda m: m["T"] == "t") for _ in range(3)]
    assert all(isinstance(t["N"], int) and isinstance(t["E"], int) for t in trades)
    assert [t["P"] for t in trades[1:]] == [t["N"] for t in trades[:-1]]
