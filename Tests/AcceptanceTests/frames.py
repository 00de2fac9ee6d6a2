"""Every frame that the tests see, held against the description that the server gives of itself.

Raw clients hand their frames over; those of the official SDK are taken from its connections. A frame
that `/asyncapi.json` does not describe fails the test that saw it, and so does a `T` that it does not
know. At the end the terminal shows how many of each kind there were, and a whole run without one of
the kinds that must come fails.
"""

import collections
import json
import re
import threading
import urllib.parse

import jsonschema_rs
import msgpack
import requests
from websockets.legacy.protocol import WebSocketCommonProtocol

# What a run of all the tests sees, whatever the machine.
MUST_COME = {"success", "error", "subscription", "stale", "gap", *"tqobudsxc"}


class Path:
    """One channel of the description: what the server may say there."""

    def __init__(self, document, channel):
        self.pattern = re.compile(re.sub(r"\{[^}]*\}", "[^/]+", channel["address"]))
        self.kinds = {}
        schemas = document["components"]["schemas"]
        sent = {
            message["$ref"].rpartition("/")[2]
            for operation in document["operations"].values() if operation["action"] == "send"
            for message in operation["messages"]
        }
        for name in channel["messages"].keys() & sent:
            payload = document["components"]["messages"][name]["payload"]
            items = payload["items"]
            for each in items.get("anyOf", [items]):
                schema = each["$ref"].rpartition("/")[2]
                properties = schemas[schema]["properties"]
                [kind] = properties["T"]["enum"]
                self.kinds[kind] = (
                    jsonschema_rs.validator_for({**each, "components": {"schemas": schemas}}),
                    payload.get("maxItems") == 1,
                    [key for key, value in properties.items() if value.get("format") == "date-time"],
                )

    def fault(self, frame, packed):
        """What is wrong with a frame, None where it is as described."""
        if not (isinstance(frame, list) and frame and all(isinstance(m, dict) for m in frame)):
            return f"a frame is an array of maps: {frame!r}"
        for message in frame:
            if message.get("T") not in self.kinds:
                return f"an unknown kind: {message}"
            validator, is_alone, times = self.kinds[message["T"]]
            if is_alone and len(frame) > 1:
                return f"it comes alone: {frame}"
            if packed:
                message = dict(message)
                for key in times:
                    if key in message:
                        if not isinstance(message[key], msgpack.Timestamp):
                            return f"{key} is no timestamp: {message}"
                        message[key] = "2026-11-21T06:23:00Z"
            for error in validator.iter_errors(message):
                return f"{error.message} in {message}"
        return None


class Frames:
    def __init__(self):
        self.paths = None
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.faults = []

    def load(self, url):
        """Reads the description, once, from the server behind a stream's URL."""
        with self.lock:
            if self.paths is None:
                parts = urllib.parse.urlsplit(url)
                scheme = {"ws": "http", "wss": "https"}[parts.scheme]
                answer = requests.get(
                    f"{scheme}://{parts.netloc}/asyncapi.json", timeout=10, verify=False)
                assert answer.status_code == 200, answer.text
                document = answer.json()
                self.paths = [Path(document, each) for each in document["channels"].values()]

    def take(self, url, data):
        """A frame as it came, text or bytes; gives what is wrong with it."""
        self.load(url)
        packed = isinstance(data, bytes)
        try:
            frame = msgpack.unpackb(data, timestamp=0) if packed else json.loads(data)
        except ValueError as error:
            return self.note(f"cannot be read: {error}: {data[:200]!r}")
        where = urllib.parse.urlsplit(url).path
        path = next((each for each in self.paths if each.pattern.fullmatch(where)), None)
        fault = path.fault(frame, packed) if path else f"no such channel: {where}"
        if fault:
            return self.note(fault)
        self.counts.update((message["T"], packed) for message in frame)
        return None

    def note(self, fault):
        self.faults.append(fault)
        return fault

    def summary(self):
        kinds = sorted({kind for kind, _ in self.counts})
        return ", ".join(
            f"{kind} {self.counts[kind, False]}+{self.counts[kind, True]}" for kind in kinds)

    def never_seen(self):
        return sorted(MUST_COME - {kind for kind, _ in self.counts})


frames = Frames()


def tap_the_sdk():
    """The official SDK reads by the old interface of websockets, on threads of its own."""
    receive = WebSocketCommonProtocol.recv

    async def recv(self):
        data = await receive(self)
        secure = "wss" if self._secure else "ws"
        frames.take(f"{secure}://{self._host}:{self._port}{self.path}", data)
        return data

    WebSocketCommonProtocol.recv = recv
