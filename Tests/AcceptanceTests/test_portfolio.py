"""What the portfolio service keeps to while its servers are ill used, and what it never shows."""

import base64
import contextlib
import hashlib
import os
import pathlib
import secrets
import signal
import threading
import time
import uuid
from decimal import Decimal

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.requests import CreateWatchlistRequest
from websockets.exceptions import ConnectionClosed

import harness
from harness import Raw, Up, child, children, eventually, headers


@pytest.fixture(scope="module")
def own():
    """A `tapedeck up` to be ill used, apart from the one that others look at."""
    with harness.short_directory() as state, Up(state) as running:
        yield running
        assert running.process.poll() is None, running.tail()


def add_key(up, account="PA1"):
    """A key with a secret of its own; gives both."""
    key, secret = "k" + secrets.token_hex(8), secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    up.psql(
        "INSERT INTO api_keys (id, user_id, account_id, secret_sha256) "
        f"SELECT '{key}', user_id, id, '\\x{digest}' FROM accounts "
        f"WHERE account_number = '{account}'")
    return key, secret


# Freshness


def test_balance_that_psql_changes_is_in_the_next_answer(own):
    client = own.trading()
    for cash in ("1000000.000000001", "0.01", "123456789.987654321", "250000"):
        own.psql(f"UPDATE accounts SET cash = {cash} WHERE account_number = 'PA1'")
        assert Decimal(client.get_account().cash) == Decimal(cash)
        shown = own.get("/v1/portfolio").json()
        assert Decimal(shown.get("balances", shown.get("account"))["cash"]) == Decimal(cash)


def test_watchlist_that_psql_changes_is_new_within_a_moment(own):
    client = own.trading()
    made = client.create_watchlist(CreateWatchlistRequest(name=str(uuid.uuid4()), symbols=[]))
    for number in range(20):
        assert client.get_watchlist_by_id(made.id)  # it is in the cache now
        own.psql(f"UPDATE watchlists SET name = 'v{number}' WHERE id = '{made.id}'")
        written = time.monotonic()
        eventually(
            lambda: client.get_watchlist_by_id(made.id).name == f"v{number}", 1, f"v{number}")
        assert time.monotonic() - written < 0.5
    client.delete_watchlist_by_id(made.id)


class Readers:
    """Threads that read one watchlist all the time, and one that renames it.

    The name is a number that only rises. What a reader gets must not be older than the number whose
    writing had ended when the reader asked.
    """

    def __init__(self, up, threads=6):
        self.up = up
        self.made = up.trading().create_watchlist(
            CreateWatchlistRequest(name="0", symbols=["AAPL", "MSFT"]))
        self.ended = threading.Event()
        self.written = 0
        self.reads = 0
        self.wrong = []
        self.threads = [threading.Thread(target=self._read) for _ in range(threads)]
        self.threads.append(threading.Thread(target=self._write))

    def _guarded(self, step):
        with requests.Session() as session:
            session.headers.update(headers("demo"))
            while not self.ended.is_set():
                try:
                    step(session)
                except Exception as error:  # noqa: BLE001 - shown by the test
                    self.wrong.append(repr(error))
                    time.sleep(0.01)

    def _read(self):
        path = f"{self.up.http}/v2/watchlists/{self.made.id}"

        def step(session):
            least = self.written
            answer = session.get(path, timeout=10)
            self.reads += 1
            if answer.status_code != 200:
                self.wrong.append(f"{answer.status_code} {answer.text}")
            elif int(answer.json()["name"]) < least:
                self.wrong.append(f"{answer.json()['name']} after {least} was written")
            elif [each["symbol"] for each in answer.json()["assets"]] != ["AAPL", "MSFT"]:
                self.wrong.append(answer.text)

        self._guarded(step)

    def _write(self):
        path = f"{self.up.http}/v2/watchlists/{self.made.id}"

        def step(session):
            number = self.written + 1
            answer = session.put(path, json={"name": str(number)}, timeout=10)
            if answer.status_code != 200:
                self.wrong.append(f"PUT {answer.status_code} {answer.text}")
            self.written = number
            time.sleep(0.02)

        self._guarded(step)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(15)
        with contextlib.suppress(APIError):
            self.up.trading().delete_watchlist_by_id(self.made.id)


def test_watchlists_stay_right_while_redis_is_flushed_and_killed(own):
    with Readers(own) as load:
        for _ in range(3):
            time.sleep(0.7)
            own.redis("FLUSHALL")
        for _ in range(3):
            time.sleep(1)
            os.kill(child(own.pid, "/redis.sock"), signal.SIGKILL)
        os.kill(child(own.pid, "/redis-durable.sock"), signal.SIGKILL)
        time.sleep(2)
    assert load.wrong == [] and load.reads > 200 and load.written > 50


def test_watchlists_stay_right_while_redis_hangs(own):
    with Readers(own) as load:
        time.sleep(0.5)
        server = child(own.pid, "/redis.sock")
        os.kill(server, signal.SIGSTOP)
        time.sleep(2.5)
        os.kill(server, signal.SIGCONT)
        time.sleep(2)
    assert load.wrong == [] and load.reads > 100


def test_postgres_that_dies_is_a_503_with_a_body_until_it_is_back(own):
    client = own.trading()
    cash = client.get_account().cash
    before = own.psql("SELECT count(*) FROM orders")
    dead = child(own.pid, "cluster_name=tapedeck")
    os.kill(dead, signal.SIGKILL)
    seen = set()

    def back():
        try:
            return client.get_account().cash == cash
        except APIError as error:
            seen.add(error.status_code)
            assert isinstance(error.code, int) and error.message
        return False

    # Sessions outlive their server by a moment, and answer.
    eventually(
        lambda: child(own.pid, "cluster_name=tapedeck") not in (None, dead), 20, "a new server")
    eventually(back, 20, "the account again")
    assert seen <= {503}
    assert own.psql("SELECT count(*) FROM orders") == before
    assert own.is_well() or eventually(own.is_well, 10, "readiness")


def test_prices_flow_on_while_postgres_is_away(own):
    with Raw(own.stocks) as client:
        client.subscribe(quotes=["AAPL"])
        seen = client.until(lambda m: m["T"] == "q")["N"]
        os.kill(child(own.pid, "cluster_name=tapedeck"), signal.SIGKILL)
        assert [m for m in client.during(2) if m["T"] == "q" and m["N"] > seen]
    eventually(lambda: own.get("/v2/account").status_code == 200, 20, "the account again")


# Who


def test_revoked_key_stops_working_everywhere_within_two_seconds(own):
    key, secret = add_key(own)
    client = own.trading(key, secret)
    assert client.get_account().account_number == "PA1"
    token = requests.post(
        own.http + "/v1/sessions", headers=headers(key, secret), json={}, timeout=5
    ).json()["token"]
    with Raw(own.stocks, authenticate=False) as stream:
        stream.frame()
        stream.send({"action": "auth", "key": key, "secret": secret})
        assert stream.frame() == [{"T": "success", "msg": "authenticated"}]
        stream.subscribe(quotes=["AAPL"])
        revoked = time.monotonic()
        own.psql(f"UPDATE api_keys SET revoked_at = now() WHERE id = '{key}'")
        with pytest.raises(ConnectionClosed):
            while True:
                assert time.monotonic() - revoked < 2
                stream.frame(2)
    bearer = {"Authorization": f"Bearer {token}"}
    for sent in (headers(key, secret), bearer):
        def refused():
            return requests.get(
                own.http + "/v2/account", headers=sent, timeout=5).status_code == 401

        eventually(refused, 2 - (time.monotonic() - revoked), "401")


def test_stream_and_rest_know_the_same_keys(own):
    key, secret = add_key(own, "PA2")
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    answer = requests.get(
        own.http + "/v2/account", headers={"Authorization": f"Basic {basic}"}, timeout=5)
    assert answer.json()["account_number"] == "PA2"
    with Raw(own.stocks, authenticate=False) as stream:
        stream.frame()
        stream.send({"action": "auth", "key": key, "secret": secret + "x"})
        assert stream.frame()[0]["code"] == 402


# What is left behind


def test_every_key_of_both_redis_has_a_time_to_live(own):
    client = own.trading()
    client.get_watchlists()
    client.get_all_assets()
    client.get_asset("AAPL")
    own.get("/v1/profile")
    requests.post(own.http + "/v1/sessions", headers=headers("demo"), json={}, timeout=5)
    for redis in (own.redis, own.durable_redis):
        for key in redis("--scan").splitlines():
            # -2: gone meanwhile. The stream `history` is bounded by its size.
            assert key == "history" or redis("PTTL", key) != "-1", key
    cached = own.redis("--scan").splitlines()
    for kind in ("watchlist:", "asset:", "config:assets", "apikey:", "user:"):
        assert any(each.startswith(kind) for each in cached), kind
    assert any(each.startswith("session:") for each in own.durable_redis("--scan").splitlines())
    # No secret of anybody, only digests.
    for key in cached:
        if key.startswith("apikey:"):
            assert "demo" not in own.redis("GET", key)


def test_no_secret_in_logs_processes_or_redis(own):
    key, secret = add_key(own)
    client = own.trading(key, secret)
    client.get_account()
    with pytest.raises(APIError):
        own.trading(key, secret + "wrong").get_account()
    token = requests.post(
        own.http + "/v1/sessions", headers=headers(key, secret), json={}, timeout=5
    ).json()["token"]
    bearer = token.split(".")[1]
    requests.get(
        own.http + "/v2/account", headers={"Authorization": f"Bearer {token}"}, timeout=5)

    texts = ["\n".join(own.log), requests.get(own.http + "/metrics", timeout=5).text]
    texts += [path.read_text(errors="replace") for path in own.state.glob("*.log*")]
    family = [own.pid, *children(own.pid)]
    family += [each for parent in family for each in children(parent)]
    for each in family:
        with contextlib.suppress(OSError):
            texts.append(pathlib.Path(f"/proc/{each}/cmdline").read_text())
    for redis in (own.redis, own.durable_redis):
        for name in redis("--scan").splitlines():
            kind = redis("TYPE", name)
            if name == "history":
                texts.append(redis("XRANGE", name, "-", "+"))
                continue
            assert kind in ("string", "none"), (name, kind)  # none: it has expired meanwhile
            texts.append(name + redis("GET", name))
    dump = own.psql(
        "SELECT string_agg(api_keys::text, ' ') FROM api_keys UNION ALL "
        "SELECT string_agg(sessions::text, ' ') FROM sessions")
    for text in [*texts, dump]:
        assert secret not in text and bearer not in text
