"""The description of the streams: that it is one, and that what it is held against would tell."""

import datetime
import gzip
import json

import jsonschema_rs
import requests

import harness
from frames import Path, frames

OFFICIAL = harness.ROOT / "fixtures" / "asyncapi" / "schema-3.0.0.json.gz"


def test_description_is_asyncapi_3(up):
    """By the schema that the makers of AsyncAPI publish."""
    answer = requests.get(up.http + "/asyncapi.json", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    document = answer.json()
    with gzip.open(OFFICIAL) as file:
        official = jsonschema_rs.validator_for(json.load(file))
    faults = [f"{each.instance_path}: {each.message}" for each in official.iter_errors(document)]
    assert faults == []
    assert document["asyncapi"] == "3.0.0"
    assert {each["address"] for each in document["channels"].values()} == {
        "/v2/{feed}", "/v1beta3/crypto/{location}",
    }
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "http://json-schema.org/draft-07/schema#", **schema})
    # Broken on purpose, it is found.
    document["operations"]["stocksTold"]["action"] = "shout"
    assert not official.is_valid(document)


def test_frame_that_is_not_described_would_be_told(up):
    frames.load(up.stocks)
    document = requests.get(up.http + "/asyncapi.json", timeout=5).json()
    stocks = Path(document, document["channels"]["stocks"])
    trade = {
        "E": 1, "N": 2, "P": 1, "T": "t", "S": "AAPL", "t": "2026-11-21T06:23:00Z", "p": 1.5, "s": 1,
    }
    assert stocks.fault([trade], packed=False) is None
    for bad in (
        [], {}, trade, [trade, 1], [{**trade, "T": "y"}], [{**trade, "new": 1}],
        [{**trade, "p": "1"}], [{**trade, "S": "aapl"}], [{**trade, "N": -1}], [{**trade, "x": None}],
        [{k: v for k, v in trade.items() if k != "p"}],
        [{"T": "success", "msg": "connected"}, trade], [{"T": "success", "msg": "hello"}],
        [{"T": "error", "code": 499, "msg": "x"}], [{"T": "gap", "S": "AAPL", "c": "quotes", "missed": 1}],
    ):
        assert stocks.fault(bad, packed=False), bad
    assert stocks.fault([trade], packed=True), "a text is no timestamp"
    status = dict.fromkeys(("sc", "sm", "rc", "rm", "z"), "") | {
        "E": 1, "N": 2, "T": "s", "S": "A", "t": "2026-11-21T06:23:00Z",
    }
    for path in (stocks, Path(document, document["channels"]["crypto"])):
        assert path.fault([status], packed=False) is None
        assert path.fault([status | {"T": "l"}], packed=False), "nothing is said of limits"


def every_kind(path):
    """A tape of 20 seconds: each second a message of each kind, with what may be left out and without."""
    start = datetime.datetime(2026, 11, 20, 15, tzinfo=datetime.timezone.utc)
    price = {"o": 1, "h": 2.5, "l": 0.5, "c": 1.5, "v": 10, "n": 3, "vw": 1.25}
    code = {"x": "V", "z": "C"}
    kinds = [
        {"T": "t", "p": 189.97, "s": 46}, {"T": "t", "p": 189.97, "s": 46, "i": 1, "c": ["@"], **code},
        {"T": "q", "bp": 1, "bs": 2, "ap": 3, "as": 4},
        {"T": "q", "bp": 1, "bs": 2, "ap": 3, "as": 4, "bx": "V", "ax": "V", "c": ["R"], "z": "C"},
        {"T": "o", "b": [{"p": 1, "s": 2}], "a": [{"p": 3, "s": 4}], "r": True},
        {"T": "b", **price}, {"T": "b", **price, "n": None, "vw": None}, {"T": "u", **price},
        {"T": "d", **price},
        {"T": "s", "sc": "H", "sm": "Halt", "rc": "T1", "rm": "News", "z": "C"},
        {"T": "x", "p": 189.97, "s": 46, "i": 1, "a": "C", **code},
        {
            "T": "c", "oi": 1, "op": 1, "os": 2, "oc": ["@"], "ci": 2, "cp": 3, "cs": 4, "cc": ["I"],
            **code,
        },
    ]
    with open(path, "w", encoding="utf-8") as file:
        for second in range(20):
            for number, kind in enumerate(kinds):
                moment = start + datetime.timedelta(seconds=second, milliseconds=number * 50)
                line = {"S": "AAPL", "t": f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z", **kind}
                file.write(json.dumps(line) + "\n")


def test_every_kind_of_message_is_as_described(directory):
    """In both encodings; the harness holds each frame against the description."""
    tape = directory / "every.ndjson"
    every_kind(tape)
    channels = ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars", "statuses")
    with harness.Up(directory / "state", "--tape", tape, "--clock", "original") as up:
        for packed in (False, True):
            with harness.Raw(up.stocks, packed=packed) as client:
                client.subscribe(**{channel: ["AAPL"] for channel in channels})
                kinds = set()
                harness.eventually(
                    lambda: kinds.add(client.next()["T"]) or kinds >= set("tqobudsxc"), 15,
                    "every kind", every=0)
