"""The description of the REST interface, and whether the interface is as it says."""

import os
import pathlib
import re
import subprocess
import sys

import requests

import harness

MAX_EXAMPLES = 200 if os.environ.get("TAPEDECK_TEST_FULL") else 20


def test_description_is_openapi_3_1(up):
    answer = requests.get(up.http + "/openapi.json", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    document = answer.json()
    assert document["openapi"].startswith("3.1.")
    assert "/v2/watchlists/{watchlist_id}" in document["paths"]
    identifiers = [
        operation["operationId"] for path in document["paths"].values()
        for method, operation in path.items() if method in ("get", "post", "put", "delete")
    ]
    assert len(set(identifiers)) == len(identifiers) > 20


def test_every_operation_but_the_open_ones_wants_credentials(up):
    document = requests.get(up.http + "/openapi.json", timeout=5).json()
    asked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not operation.get("security", document.get("security")):
                continue
            filled = path.replace("{", "").replace("}", "")
            answer = requests.request(method, up.http + filled, timeout=5, json={})
            assert answer.status_code == 401, (method, path, answer.text)
            assert isinstance(answer.json()["code"], int)
            asked += 1
    assert asked > 20


def test_schemathesis_finds_nothing(directory):
    """Generated requests, good and bad, against a server of their own."""
    with harness.Up(directory) as up:
        # One worker: of Python 3.11, two threads that parse Python at once can break one another's
        # count of depth ("AST constructor recursion depth mismatch", cpython issue 106905).
        command = [
            str(pathlib.Path(sys.executable).parent / "schemathesis"),
            "--config-file", str(pathlib.Path(__file__).parent / "schemathesis.toml"), "run",
            up.http + "/openapi.json",
            "--header", "APCA-API-KEY-ID: demo", "--header", "APCA-API-SECRET-KEY: demo",
            "--max-examples", str(MAX_EXAMPLES), "--workers", "1", "--no-color",
            "--request-timeout", "15", "--generation-database", "none",
        ]
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, found(done)
        assert up.is_well()


def found(done):
    """What schemathesis says went wrong, without its header, its warnings and its sums."""
    parts = re.split(r"^=+ ([A-Z]+) =+$", done.stdout, flags=re.MULTILINE)
    failures = [
        text for name, text in zip(parts[1::2], parts[2::2]) if name in ("ERRORS", "FAILURES")
    ]
    seed = re.findall(r"^Seed: .*$", done.stdout, flags=re.MULTILINE)
    lines = [line for line in "\n".join(failures + seed).splitlines() if line.strip()]
    return "\n".join(lines or [done.stdout[-12_000:]]) + done.stderr[-2_000:]
