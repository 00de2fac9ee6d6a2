"""https and wss on one port: what clients see, what operators are told, a certificate that changes."""

import signal
import ssl
import subprocess

import pytest
import requests
from alpaca.data.live import StockDataStream
from alpaca.trading.client import TradingClient

from harness import Process, Raw, Sdk, Up, eventually, private_redis, redis


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Certificates:
    """An authority, and pairs that it has signed."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = directory / "authority.pem"
        self.certificate, self.key = directory / "used.pem", directory / "used.key"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", "/CN=authority", "-keyout", directory / "authority.key",
            "-out", self.authority,
        )
        self.install()

    def install(self, kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """Another pair in the place of the one before."""
        request, names = self.directory / "request", self.directory / "names"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl(
            "req", "-newkey", *kind, "-nodes", "-subj", "/CN=server", "-keyout", self.key,
            "-out", request,
        )
        openssl(
            "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey",
            self.directory / "authority.key", "-CAcreateserial", "-days", "2", "-extfile", names,
            "-out", self.certificate,
        )

    @property
    def options(self):
        return ("--tls-certificate", self.certificate, "--tls-key", self.key)


@pytest.fixture
def certificates(directory):
    return Certificates(directory)


@pytest.fixture
def trusted(certificates, monkeypatch):
    """Every client of this process believes the authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))
    return certificates


class SecureUp(Up):
    """An `up` that is known by its secure addresses."""

    @property
    def http(self):
        return f"https://localhost:{self.port}"

    @property
    def stocks(self):
        return f"wss://localhost:{self.port}/v2/iex"


def shown(port):
    """The certificate that a new connection gets."""
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_sdks_and_an_ingester_of_our_own_over_tls_while_the_certificate_changes(
    directory, trusted
):
    with SecureUp(directory / "up", *trusted.options) as up:
        assert requests.get(up.http + "/readyz", timeout=5).status_code == 200
        account = TradingClient("demo", "demo", url_override=up.http).get_account()
        assert account.account_number
        sdk = Sdk(StockDataStream, up.stocks)
        sdk.stream.subscribe_quotes(sdk.handler("quotes"), "AAPL", "MSFT")
        sdk.start()
        try:
            sdk.collect(lambda seen: len(seen) >= 5, 20, "quotes by alpaca-py over wss")
            with (
                private_redis(directory) as path,
                Process(
                    "ingest", "--redis", f"unix://{path}", "--from", up.stocks,
                    "--symbols", "*", "--ca-file", trusted.authority,
                    environment={
                        "TAPEDECK_UPSTREAM_KEY": "demo", "TAPEDECK_UPSTREAM_SECRET": "demo",
                    },
                ) as ingest,
                Raw(up.stocks) as old,
            ):
                old.subscribe(quotes=["AAPL"])
                key = "stock:AAPL:quote"
                eventually(
                    lambda: redis(path, "EXISTS", key) == "1", 20, "a price of the upstream"
                )

                # Another kind of key: nothing of the first certificate may be left.
                first = shown(up.port)
                trusted.install(("rsa:2048",))
                up.signal(signal.SIGHUP)
                eventually(lambda: shown(up.port) != first, 10, "the new certificate")
                second = shown(up.port)
                with Raw(up.stocks) as new:
                    new.subscribe(quotes=["AAPL"])
                    new.until(lambda m: m["T"] == "q")

                # A pair that does not fit is refused, and the old one stays.
                trusted.key.write_text("nonsense")
                up.signal(signal.SIGHUP)
                eventually(
                    lambda: "there is no PEM private key in it" in up.tail(), 10, "an error"
                )
                assert shown(up.port) == second
                text = requests.get(up.http + "/metrics", timeout=5).text
                assert 'tapedeck_tls_reloads_total{result="loaded"} 1' in text
                assert 'tapedeck_tls_reloads_total{result="refused"} 1' in text

                # Nobody who was connected has noticed.
                old.until(lambda m: m["T"] == "q")
                sdk.collect(lambda seen: len(seen) >= 10, 20, "more quotes")
                assert redis(path, "EXISTS", key) == "1"
                assert "ended" not in ingest.tail(), ingest.tail()
        finally:
            sdk.stop()
        up.signal(signal.SIGTERM)
        assert up.wait(6) == 0, up.tail()


def spoiled(certificates, how):
    """The options of a pair that cannot be used, and the word that names why."""
    certificate, key = certificates.certificate, certificates.key
    match how:
        case "alone":
            return ("--tls-certificate", certificate), "--tls-key"
        case "missing":
            key.unlink()
            return certificates.options, "No such file"
        case "not PEM":
            certificate.write_text("no certificate")
            return certificates.options, "no PEM certificate"
        case "another":
            old = key.read_text()
            certificates.install()
            key.write_text(old)
            return certificates.options, "not the key of"
        case "encrypted":
            locked = certificates.directory / "locked.key"
            openssl("ec", "-aes256", "-passout", "pass:s3cret", "-in", key, "-out", locked)
            return ("--tls-certificate", certificate, "--tls-key", locked), "passphrase"


@pytest.mark.parametrize("how", ["alone", "missing", "not PEM", "another", "encrypted"])
@pytest.mark.parametrize("command", ["gateway", "up"])
def test_certificate_that_cannot_be_used_is_named_at_once(directory, certificates, how, command):
    options, word = spoiled(certificates, how)
    place = (
        ("--state", directory / "state") if command == "up"
        else ("--redis", f"unix://{directory}/none.sock")
    )
    with Process(
        command, "--port", "0", *place, *options, environment={"TAPEDECK_KEYS": "demo:demo"}
    ) as process:
        assert process.wait(10) == 64
        line = process.log[0]
        assert line.startswith(f"tapedeck {command}: ") and word in line, process.tail()
        assert process.lines == []
        assert not (directory / "state" / "postgres").exists(), "it had begun before it looked"
