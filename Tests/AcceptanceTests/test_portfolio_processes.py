"""Portfolio, gateway and migrate as processes of their own, and what `up` keeps from run to run."""

import contextlib
import pathlib
import signal
import socket

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.requests import CreateWatchlistRequest, UpdateWatchlistRequest

import harness
from harness import Process, Raw, Up, eventually, free_port, headers


@pytest.fixture(scope="module")
def own():
    """A `tapedeck up` whose servers the others share."""
    with harness.short_directory() as state, Up(state) as running:
        yield running
        assert running.process.poll() is None, running.tail()


def test_password_of_a_postgres_url_is_hidden_and_never_logged(directory):
    # A server that takes the connection and says nothing, so that there is time to look.
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        for url in (
            f"postgresql://bob:s3cret@127.0.0.1:{port}/x",
            f"host=127.0.0.1 port={port} password=s3cret user=bob",
        ):
            with Process("migrate", "--postgres", url) as migrate:
                line = pathlib.Path(f"/proc/{migrate.pid}/cmdline")

                def hidden():
                    with contextlib.suppress(OSError):
                        text = line.read_text()
                        return "****" in text and "s3cret" not in text

                eventually(hidden, 5, "stars in the place of the password")
                assert migrate.wait(20) != 0
                assert "s3cret" not in migrate.tail() and "127.0.0.1" in migrate.tail()


def test_services_as_processes_share_keys_and_database(own, directory):
    """A second portfolio and a gateway beside `up`, on its servers."""
    port, other = free_port(), free_port()
    redis = f"unix://{own.state}/redis.sock"
    durable = f"unix://{own.state}/redis-durable.sock"
    shared = [
        "--postgres", own.database, "--redis", redis, "--cache-redis", redis,
        "--durable-redis", durable,
    ]
    with (
        Process("portfolio", *shared, "--port", port) as portfolio,
        Process("gateway", *shared, "--port", other) as gateway,
    ):
        def ready():
            assert portfolio.process.poll() is None, portfolio.tail()
            assert gateway.process.poll() is None, gateway.tail()
            with contextlib.suppress(requests.ConnectionError):
                return all(
                    requests.get(f"http://127.0.0.1:{each}/readyz", timeout=2).status_code == 200
                    for each in (port, other))

        eventually(ready, 20, "both to be ready", every=0.05)
        base = f"http://127.0.0.1:{port}"
        one = harness.TradingClient("demo", "demo", url_override=base)
        two = own.trading()
        made = one.create_watchlist(CreateWatchlistRequest(name="shared", symbols=["AAPL"]))
        assert two.get_watchlist_by_id(made.id).name == "shared"
        assert one.get_watchlist_by_id(made.id).name == "shared"
        two.update_watchlist_by_id(made.id, UpdateWatchlistRequest(name="shared too"))
        assert one.get_watchlist_by_id(made.id).name == "shared too"
        two.delete_watchlist_by_id(made.id)
        with pytest.raises(APIError):
            one.get_watchlist_by_id(made.id)
        # A session that one process opened is known to the other, and to the gateway.
        token = requests.post(
            base + "/v1/sessions", headers=headers("demo"), json={}, timeout=5).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert requests.get(own.http + "/v2/account", headers=bearer, timeout=5).ok
        with Raw(f"ws://127.0.0.1:{other}/v2/iex", authenticate=False) as stream:
            stream.frame()
            stream.send({"action": "auth", "key": "oauth", "secret": token})
            assert stream.frame() == [{"T": "success", "msg": "authenticated"}]


def test_migrate_can_be_run_again_and_says_what_it_did(own):
    with Process("migrate", "--postgres", own.database, "--seed") as migrate:
        assert migrate.wait(30) == 0, migrate.tail()
        assert any("up to date" in line for line in migrate.lines)


def test_migrate_without_a_database_is_an_error_that_names_the_setting():
    with Process("migrate") as migrate:
        assert migrate.wait(10) != 0 and "--postgres" in migrate.tail()


def test_clock_is_the_tapes_when_the_tapes_times_are_kept(directory):
    with Up(directory, "--clock", "original") as up:
        clock = up.trading().get_clock()
        assert clock.timestamp.year < 2026 and clock.is_open


def test_keys_of_the_settings_replace_the_demos(directory):
    keys = {"TAPEDECK_KEYS": "mine:of my own"}
    with Process(
        "up", "--port", "0", "--state", directory, environment=keys
    ) as up:
        eventually(lambda: up.lines or up.process.poll() is not None, 30, "the ready line")
        assert up.lines and "key=" not in up.lines[0] and "of my own" not in up.lines[0], up.tail()
        base = up.lines[0].split()[2]

        def status(sent):
            return requests.get(base + "/v2/account", headers=sent, timeout=5).status_code

        assert status(headers("mine", "of my own")) == 200
        assert status(headers("demo")) == 401
        up.signal(signal.SIGTERM)
        assert up.wait(6) == 0
    with Up(directory) as again:  # without them the ready line's promise holds
        assert again.get("/v2/account").status_code == 200


def test_data_survives_a_restart_and_the_seed_comes_once(directory):
    with Up(directory) as up:
        up.trading().create_watchlist(CreateWatchlistRequest(name="kept", symbols=["TSLA"]))
        orders = up.psql("SELECT count(*) FROM orders")
        assert int(orders) == 200
        up.signal(signal.SIGKILL)
        up.wait(5)
    with Up(directory) as again:
        lists = {each.name: each for each in again.trading().get_watchlists()}
        assert "kept" in lists
        assert again.psql("SELECT count(*) FROM orders") == orders


def test_database_of_another_version_is_refused_by_name(directory):
    (directory / "postgres").mkdir()
    (directory / "postgres" / "PG_VERSION").write_text("9\n")
    with Process("up", "--port", "0", "--state", directory) as up:
        assert up.wait(15) != 0
        assert "PostgreSQL 9" in up.tail() and up.lines == []
