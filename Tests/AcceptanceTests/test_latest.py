"""The newest values over REST, by the official SDK's historical clients, against `tapedeck up`."""

import datetime

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.models import Bar, Orderbook, Quote, Snapshot, Trade
from alpaca.data.requests import (
    CryptoLatestBarRequest, CryptoLatestOrderbookRequest, CryptoLatestQuoteRequest,
    CryptoLatestTradeRequest, CryptoSnapshotRequest, StockLatestBarRequest,
    StockLatestQuoteRequest, StockLatestTradeRequest, StockQuotesRequest, StockSnapshotRequest,
)

import harness

STOCKS = ["AAPL", "MSFT", "NOSUCH"]
COINS = ["BTC/USD", "NO/SUCH"]


def stock_client(up):
    return StockHistoricalDataClient("demo", "demo", url_override=up.http)


def all_at_once(up, plural, *symbols, root="/v2/stocks/{}/latest"):
    return up.get(root.format(plural), params={"symbols": ",".join(symbols)})


def is_now(moment):
    return abs((datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds()) < 60


def test_newest_of_stocks(up):
    client = stock_client(up)

    def trades():
        found = client.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=STOCKS))
        return found if len(found) == 2 else None

    found = harness.eventually(trades, 20, "trades of both", every=0.1)
    assert found.keys() == {"AAPL", "MSFT"}
    for symbol, trade in found.items():
        assert isinstance(trade, Trade) and trade.symbol == symbol
        assert trade.price > 0 and trade.size > 0 and is_now(trade.timestamp)
    quotes = client.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=STOCKS))
    assert quotes.keys() == {"AAPL", "MSFT"}
    for quote in quotes.values():
        assert isinstance(quote, Quote) and 0 < quote.bid_price < quote.ask_price
    one = client.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))
    assert one.keys() == {"AAPL"}
    # The session is short: a minute may not be over yet.
    bars = client.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=STOCKS))
    assert bars.keys() <= {"AAPL", "MSFT"} and all(isinstance(b, Bar) for b in bars.values())
    books = all_at_once(up, "orderbooks", "AAPL").json()["orderbooks"]
    assert len(books["AAPL"]["b"]) == 10 and books["AAPL"]["r"] is True


def test_newest_of_coins_without_keys(up):
    client = CryptoHistoricalDataClient(url_override=up.http)

    def trades():
        return client.get_crypto_latest_trade(CryptoLatestTradeRequest(symbol_or_symbols=COINS))

    found = harness.eventually(trades, 20, "a trade", every=0.1)
    assert found.keys() == {"BTC/USD"} and isinstance(found["BTC/USD"], Trade)
    quotes = client.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=COINS))
    assert quotes.keys() == {"BTC/USD"} and quotes["BTC/USD"].ask_price > 0
    books = client.get_crypto_latest_orderbook(
        CryptoLatestOrderbookRequest(symbol_or_symbols=COINS))
    assert books.keys() == {"BTC/USD"} and isinstance(books["BTC/USD"], Orderbook)
    assert len(books["BTC/USD"].bids) == 10
    bars = client.get_crypto_latest_bar(CryptoLatestBarRequest(symbol_or_symbols=COINS))
    assert bars.keys() <= {"BTC/USD"}
    snapshots = client.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols=COINS))
    assert snapshots.keys() == {"BTC/USD"}
    assert snapshots["BTC/USD"].latest_trade.price > 0


def test_snapshots_have_the_day_before(up):
    """Today's parts are the feed's; the day before is what the database has."""
    today = datetime.datetime.now(datetime.timezone.utc)
    start = today - datetime.timedelta(days=2)
    for minute, price in ((0, 10), (1, 12)):
        at = (start + datetime.timedelta(minutes=minute)).replace(second=0, microsecond=0)
        up.psql(
            f"INSERT INTO history_bars VALUES ('replay', 'AAPL', '{at.isoformat()}', 1, 1, {price}, "
            f"{price}, {price}, {price}, 10, {price * 10}, 2) ON CONFLICT DO NOTHING")

    def snapshots():
        found = stock_client(up).get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=STOCKS))
        return found if len(found) == 2 else None

    found = harness.eventually(snapshots, 20, "snapshots of both", every=0.1)
    apple = found["AAPL"]
    assert found.keys() == {"AAPL", "MSFT"} and isinstance(apple, Snapshot)
    assert apple.latest_trade.price > 0 and apple.latest_quote.bid_price > 0
    assert apple.previous_daily_bar.close == 12 and apple.previous_daily_bar.vwap == 11
    assert found["MSFT"].previous_daily_bar is None
    one = up.get("/v2/stocks/AAPL/snapshot").json()
    assert one["symbol"] == "AAPL" and one["latestTrade"]["p"] > 0


def test_quotes_of_the_past_are_not_kept(up):
    with pytest.raises(APIError) as caught:
        stock_client(up).get_stock_quotes(StockQuotesRequest(symbol_or_symbols="AAPL"))
    assert caught.value.status_code == 404 and caught.value.code == 40410000


def test_a_stopped_feed_shows_nothing_and_says_so(directory):
    """Within 2 s of a pause no value is the newest any more, and every known symbol is named."""
    with harness.Up(directory) as up:
        client = stock_client(up)
        request = StockLatestTradeRequest(symbol_or_symbols=STOCKS)
        harness.eventually(
            lambda: len(client.get_stock_latest_trade(request)) == 2, 20, "trades", every=0.1)
        last = harness.eventually(
            lambda: up.redis("EXISTS", "stock:AAPL:last", "stock:MSFT:last") == "2", 20, "last")
        assert last
        replay = up.http + "/v1/replay"
        done = requests.post(
            replay, json={"action": "pause"}, headers=harness.headers("demo"), timeout=10)
        assert done.status_code == 200, done.text
        harness.eventually(
            lambda: client.get_stock_latest_trade(request) == {}, 10, "nothing", every=0.05)
        for plural in ("trades", "quotes"):
            answer = all_at_once(up, plural, *STOCKS)
            assert answer.json() == {plural: {}}
            assert answer.headers["X-Tapedeck-Stale"] == "AAPL,MSFT"
            assert answer.headers["X-Tapedeck-Stale-Count"] == "2"
        snapshots = up.get("/v2/stocks/snapshots", params={"symbols": "AAPL,MSFT"})
        assert snapshots.json() == {} and snapshots.headers["X-Tapedeck-Stale"] == "AAPL,MSFT"
        assert client.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="AAPL")) == {}
        requests.post(
            replay, json={"action": "resume"}, headers=harness.headers("demo"), timeout=10)
        harness.eventually(
            lambda: len(client.get_stock_latest_trade(request)) == 2, 20, "trades", every=0.1)
