"""The description of the streams: that it is one, and that what it is held against would tell."""

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
    crypto = Path(document, document["channels"]["crypto"])
    status = dict.fromkeys(("sc", "sm", "rc", "rm", "z"), "") | {
        "E": 1, "N": 2, "T": "s", "S": "A", "t": "2026-11-21T06:23:00Z",
    }
    assert stocks.fault([status], packed=False) is None and crypto.fault([status], packed=False)
