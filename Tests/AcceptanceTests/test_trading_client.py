"""Every call of the official trading client, against `tapedeck up`, compared with the database."""

import datetime
import decimal
import uuid

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass, AssetStatus, OrderSide, QueryOrderStatus, TimeInForce,
)
from alpaca.trading.requests import (
    CreateWatchlistRequest, GetAssetsRequest, GetCalendarRequest, GetOrderByIdRequest,
    GetOrdersRequest, GetPortfolioHistoryRequest, LimitOrderRequest, MarketOrderRequest,
    UpdateWatchlistRequest,
)

from harness import headers

Decimal = decimal.Decimal
MINE = "account_id = (SELECT id FROM accounts WHERE account_number = 'PA1')"


@pytest.fixture(scope="module")
def client(up):
    return up.trading()


def rows(up, statement):
    return [line.split("|") for line in up.psql(statement).splitlines()]


def refused(status, call, *arguments, **named):
    """The error of a call that has to fail so, with a code and a message that the SDK can read."""
    with pytest.raises(APIError) as caught:
        call(*arguments, **named)
    assert caught.value.status_code == status, caught.value
    assert isinstance(caught.value.code, int) and caught.value.message
    return caught.value


# Money


def test_account_is_exact(up, client):
    account = client.get_account()
    [[number, cash, fees, currency]] = rows(
        up, "SELECT account_number, cash, accrued_fees, currency FROM accounts "
            "WHERE account_number = 'PA1'")
    assert account.account_number == number == "PA1"
    assert isinstance(account.cash, str) and Decimal(account.cash) == Decimal(cash)
    assert Decimal(account.accrued_fees) == Decimal(fees)
    assert account.currency == currency and account.status.value == "ACTIVE"
    positions = client.get_all_positions()
    assert positions and "e" not in account.equity.lower()


def test_positions_are_exact(up, client):
    positions = {each.symbol: each for each in client.get_all_positions()}
    held = rows(
        up, "SELECT symbol, qty, avg_entry_price, cost_basis, asset_id FROM positions "
            f"JOIN assets ON assets.id = asset_id WHERE {MINE}")
    assert sorted(positions) == sorted(symbol for symbol, *_ in held)
    for symbol, qty, entry, cost, asset in held:
        position = positions[symbol]
        assert Decimal(position.qty) == Decimal(qty)
        assert Decimal(position.avg_entry_price) == Decimal(entry)
        assert Decimal(position.cost_basis) == Decimal(cost)
        assert str(position.asset_id) == asset
        assert position.side.value == ("long" if Decimal(qty) > 0 else "short")
        if position.current_price is not None:
            value = Decimal(position.qty) * Decimal(position.current_price)
            assert Decimal(position.market_value) == value


def test_one_position_by_symbol_and_by_id(client):
    some = client.get_all_positions()[0]
    assert client.get_open_position(some.symbol).asset_id == some.asset_id
    assert client.get_open_position(str(some.asset_id)).symbol == some.symbol
    refused(404, client.get_open_position, "NOSUCH")
    refused(404, client.get_open_position, str(uuid.uuid4()))


# Orders


def test_open_orders_are_the_default_newest_first(up, client):
    orders = client.get_orders()
    wanted = rows(
        up, f"SELECT id FROM orders WHERE {MINE} AND is_open AND parent_id IS NULL "
            "ORDER BY submitted_at DESC, id DESC LIMIT 50")
    assert orders
    times = [each.submitted_at for each in orders]
    assert times == sorted(times, reverse=True)
    assert {str(each.id) for each in orders} >= {each[0] for each in wanted}


@pytest.mark.parametrize("status", list(QueryOrderStatus))
def test_orders_by_status(up, client, status):
    orders = client.get_orders(GetOrdersRequest(status=status, limit=500))
    condition = {"open": "is_open", "closed": "NOT is_open", "all": "true"}[status.value]
    wanted = rows(up, f"SELECT id FROM orders WHERE {MINE} AND {condition}")
    assert {str(each.id) for each in orders} == {each[0] for each in wanted}


def test_orders_by_side_symbols_time_and_limit(client):
    every = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500))
    symbols = sorted({each.symbol for each in every})[:2]

    def asked(**named):
        return client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, **named))

    buys = asked(side=OrderSide.BUY, limit=500)
    assert [each.id for each in buys] == [each.id for each in every if each.side == OrderSide.BUY]
    some = asked(symbols=symbols, limit=500)
    assert [each.id for each in some] == [each.id for each in every if each.symbol in symbols]
    assert [each.id for each in asked(limit=7)] == [each.id for each in every[:7]]
    oldest = asked(limit=7, direction="asc")
    assert [each.id for each in oldest] == [each.id for each in reversed(every[-7:])]
    middle = every[len(every) // 2].submitted_at
    assert all(each.submitted_at > middle for each in asked(after=middle, limit=500))
    assert all(each.submitted_at < middle for each in asked(until=middle, limit=500))


def test_order_fields_are_exact(up, client):
    for order in client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500)):
        [[qty, filled, average, limit, status]] = rows(
            up, "SELECT qty, filled_qty, filled_avg_price, limit_price, status FROM orders "
                f"WHERE id = '{order.id}'")
        for shown, stored in ((order.qty, qty), (order.filled_qty, filled),
                              (order.filled_avg_price, average), (order.limit_price, limit)):
            assert (shown is None) == (stored == "")
            if shown is not None:
                assert Decimal(str(shown)) == Decimal(stored)
        assert order.status.value == status


def test_one_order(client):
    order = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=1))[0]
    assert client.get_order_by_id(order.id).client_order_id == order.client_order_id
    nested = client.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
    assert nested.id == order.id
    assert client.get_order_by_client_id(order.client_order_id).id == order.id
    refused(404, client.get_order_by_id, uuid.uuid4())
    refused(404, client.get_order_by_client_id, "no such order")


def test_orders_go_to_the_exchange(client):
    order = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, limit=1))[0]
    market = MarketOrderRequest(
        symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    limit = LimitOrderRequest(
        symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=1)
    for call in (
        lambda: client.submit_order(market), lambda: client.submit_order(limit),
        lambda: client.cancel_order_by_id(order.id), client.cancel_orders,
        lambda: client.replace_order_by_id(order.id), client.close_all_positions,
        lambda: client.close_position("AAPL"),
    ):
        assert "exchange" in refused(403, call).message
    assert client.get_order_by_id(order.id).status == order.status


# Watchlists


def test_watchlist_from_creation_to_deletion(client):
    name = f"list {uuid.uuid4()}"
    made = client.create_watchlist(CreateWatchlistRequest(name=name, symbols=["AAPL", "BTC/USD"]))
    try:
        assert made.name == name and [each.symbol for each in made.assets] == ["AAPL", "BTC/USD"]
        assert made.id in [each.id for each in client.get_watchlists()]
        assert client.get_watchlist_by_id(made.id) == made

        more = client.add_asset_to_watchlist_by_id(made.id, "MSFT")
        assert [each.symbol for each in more.assets] == ["AAPL", "BTC/USD", "MSFT"]
        assert client.get_watchlist_by_id(made.id).assets == more.assets
        less = client.remove_asset_from_watchlist_by_id(made.id, "BTC/USD")
        assert [each.symbol for each in less.assets] == ["AAPL", "MSFT"]
        refused(404, client.remove_asset_from_watchlist_by_id, made.id, "BTC/USD")

        renamed = client.update_watchlist_by_id(made.id, UpdateWatchlistRequest(name=name + "!"))
        assert renamed.name == name + "!" and renamed.assets == less.assets
        changed = client.update_watchlist_by_id(
            made.id, UpdateWatchlistRequest(symbols=["TSLA", "NVDA"]))
        assert changed.name == name + "!"
        assert [each.symbol for each in changed.assets] == ["TSLA", "NVDA"]
        assert client.get_watchlist_by_id(made.id) == changed
    finally:
        assert client.delete_watchlist_by_id(made.id) is None
    refused(404, client.get_watchlist_by_id, made.id)
    refused(404, client.delete_watchlist_by_id, made.id)
    assert made.id not in [each.id for each in client.get_watchlists()]


def test_watchlist_that_cannot_be(client):
    empty = client.create_watchlist(CreateWatchlistRequest(name=str(uuid.uuid4()), symbols=[]))
    assert empty.assets == []
    refused(422, client.create_watchlist, CreateWatchlistRequest(name="", symbols=[]))
    refused(422, client.create_watchlist, CreateWatchlistRequest(name="x" * 65, symbols=[]))
    unknown = refused(
        422, client.create_watchlist,
        CreateWatchlistRequest(name=str(uuid.uuid4()), symbols=["NOSUCH"]))
    assert "NOSUCH" in unknown.message or "symbol" in unknown.message
    other = client.create_watchlist(CreateWatchlistRequest(name=str(uuid.uuid4()), symbols=[]))
    assert refused(
        409, client.update_watchlist_by_id, other.id, UpdateWatchlistRequest(name=empty.name))
    refused(404, client.add_asset_to_watchlist_by_id, uuid.uuid4(), "AAPL")
    for each in (empty, other):
        client.delete_watchlist_by_id(each.id)


# Assets, clock, calendar, history


def test_assets(up, client):
    every = client.get_all_assets()
    assert len(every) == int(up.psql("SELECT count(*) FROM assets"))
    crypto = client.get_all_assets(
        GetAssetsRequest(status=AssetStatus.ACTIVE, asset_class=AssetClass.CRYPTO))
    assert {each.symbol for each in crypto} == {"BTC/USD", "ETH/USD"}
    apple = client.get_asset("AAPL")
    assert apple.name == "Apple Inc." and client.get_asset(str(apple.id)) == apple
    assert client.get_asset("BTC/USD").id == client.get_asset("BTCUSD").id
    refused(404, client.get_asset, "NOSUCH")
    refused(404, client.get_asset, str(uuid.uuid4()))


def test_clock(client):
    clock = client.get_clock()
    assert clock.timestamp.tzinfo is not None
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(clock.timestamp - now) < datetime.timedelta(minutes=1)
    assert clock.next_open > clock.timestamp and clock.next_close > clock.timestamp
    assert clock.is_open == (clock.next_close < clock.next_open)


def test_calendar(client):
    days = client.get_calendar(
        GetCalendarRequest(start=datetime.date(2026, 11, 1), end=datetime.date(2026, 11, 30)))
    assert [each.date.day for each in days[:5]] == [2, 3, 4, 5, 6]
    assert all(each.date.weekday() < 5 for each in days)
    assert datetime.date(2026, 11, 26) not in [each.date for each in days]  # Thanksgiving
    assert days[0].open.time() == datetime.time(9, 30)
    early = [each for each in days if each.date == datetime.date(2026, 11, 27)]
    assert early and early[0].close.time() == datetime.time(13, 0)


def test_portfolio_history(up, client):
    history = client.get_portfolio_history(
        GetPortfolioHistoryRequest(period="1M", timeframe="1D"))
    assert history.timestamp and len(history.timestamp) == len(history.equity)
    assert history.timestamp == sorted(history.timestamp) and history.timeframe == "1D"
    stored = {
        int(at): Decimal(equity) for at, equity in rows(
            up, f"SELECT extract(epoch FROM at)::bigint, equity FROM equity_history WHERE {MINE}")
    }
    closes = [equity for equity in history.equity if equity]
    values = {float(each) for each in stored.values()}
    assert all(any(abs(each - value) < 0.01 for value in values) for each in closes[:-1])
    client.get_portfolio_history()
    client.get_portfolio_history(
        GetPortfolioHistoryRequest(period="1D", timeframe="5Min", extended_hours=True))


# Beyond the SDK


def test_portfolio_is_one_picture(up):
    body = up.get("/v1/portfolio").json()
    account = up.trading(raw_data=True).get_account()
    shown = body.get("balances", body.get("account"))
    assert Decimal(shown["cash"]) == Decimal(account["cash"])
    held = up.psql(f"SELECT count(*) FROM positions WHERE {MINE}")
    assert len(body["positions"]) == int(held) and body["watchlists"]
    for position in body["positions"]:
        assert isinstance(position["stale"], bool) and "price_as_of" in position


def test_positions_are_marked_with_prices_of_the_tape(up):
    """Each price is one that the tape's channel has just had."""
    for position in up.get("/v1/portfolio").json()["positions"]:
        if not position["stale"]:
            assert position["current_price"] is not None and position["price_as_of"] is not None


def test_profile(up):
    assert up.get("/v1/profile").json()["display_name"] == "Ada"
    up.psql("UPDATE profiles SET display_name = 'Ada M.' WHERE display_name = 'Ada'")
    assert up.get("/v1/profile").json()["display_name"] in ("Ada", "Ada M.")
    up.psql("UPDATE profiles SET display_name = 'Ada' WHERE display_name = 'Ada M.'")


def test_fills_come_in_pages(up):
    seen, token = [], None
    while True:
        arguments = {"page_size": 7} | ({"page_token": token} if token else {})
        page = up.get("/v2/account/activities/FILL", params=arguments).json()
        seen += page
        if len(page) < 7:
            break
        token = page[-1]["id"]
    stored = rows(up, f"SELECT sum(qty), count(*) FROM fills WHERE {MINE}")[0]
    assert len({each["id"] for each in seen}) == len(seen) == int(stored[1])
    assert sum(Decimal(each["qty"]) for each in seen) == Decimal(stored[0])


# Who


def test_wrong_keys_are_refused(up):
    refused(401, up.trading("demo", "wrong").get_account)
    refused(401, up.trading("nobody", "wrong").get_account)
    answer = requests.get(up.http + "/v2/account", timeout=5)
    assert answer.status_code == 401 and isinstance(answer.json()["code"], int)


def test_everybody_sees_only_their_own(up):
    other = up.trading("demo2")
    mine = up.trading()
    assert other.get_account().account_number == "PA2"
    order = mine.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=1))[0]
    refused(404, other.get_order_by_id, order.id)
    refused(404, other.get_order_by_client_id, order.client_order_id + "x")
    [watchlist, *_] = mine.get_watchlists()
    for call in (
        lambda: other.get_watchlist_by_id(watchlist.id),
        lambda: other.delete_watchlist_by_id(watchlist.id),
        lambda: other.add_asset_to_watchlist_by_id(watchlist.id, "AAPL"),
        lambda: other.remove_asset_from_watchlist_by_id(watchlist.id, "AAPL"),
        lambda: other.update_watchlist_by_id(watchlist.id, UpdateWatchlistRequest(name="x")),
    ):
        refused(404, call)
    assert mine.get_watchlist_by_id(watchlist.id).name == watchlist.name


def test_session_is_opened_used_and_ended(up):
    opened = requests.post(
        up.http + "/v1/sessions", headers=headers("demo"), json={}, timeout=5)
    assert opened.status_code in (200, 201), opened.text
    body = opened.json()
    token = body["token"]
    by_token = TradingClient(oauth_token=token, url_override=up.http)
    assert by_token.get_account().account_number == "PA1"
    bearer = {"Authorization": f"Bearer {token}"}

    def status():
        return requests.get(up.http + "/v2/account", headers=bearer, timeout=5).status_code

    assert status() == 200
    path = f"{up.http}/v1/sessions/{token.split('.')[0]}"
    assert requests.delete(path, headers=headers("demo2"), timeout=5).status_code == 404
    assert status() == 200
    assert requests.delete(path, headers=bearer, timeout=5).status_code == 204
    assert status() == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("POST", "/v2/watchlists", b"{", "application/json", 400),
        ("POST", "/v2/watchlists", b"[]", "application/json", 422),
        ("POST", "/v2/watchlists", b"name=x", "application/x-www-form-urlencoded", 415),
        ("POST", "/v2/watchlists", b'{"name":"' + b"x" * 2_000_000 + b'"}', "application/json", 413),
        ("GET", "/v2/orders?limit=0", None, None, 422),
        ("GET", "/v2/orders?status=odd", None, None, 422),
        ("GET", "/v2/orders/not-a-uuid", None, None, 422),
        ("PATCH", "/v2/account", b"{}", "application/json", 405),
        ("GET", "/v2/nothing", None, None, 404),
    ],
)
def test_error_says_what_is_wrong(up, method, path, body, kind, status):
    own = headers("demo") | ({"Content-Type": kind} if kind else {})
    answer = requests.request(method, up.http + path, headers=own, data=body, timeout=10)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["code"], int) and answer.json()["message"]
