# SPDX-License-Identifier: MIT
"""Calls of gRPC to the demo server: by grpcio, and by a client that breaks the protocol."""
from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from testservice import PROTO, messages

hpack = pytest.importorskip("hpack")
from h2server import ACK, DATA, END_STREAM, HEADERS, PING, PREFACE, WINDOW_UPDATE, Peer, frame, settings  # noqa: E402

CLIENT = Path(__file__).with_name("testservice_client.py")
PATIENCE = 60
INITIAL_WINDOW_SIZE = 4
TESTS = "/grpc.testing.TestService/"


@pytest.fixture
def plain(own_target: str) -> str:
    """The address of a demo server."""
    return own_target.removeprefix("http://")


# ---- grpcio ----------------------------------------------------------------------------------------------------------


def test_by_grpcio(plain: str, tmp_path: Path) -> None:
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is asked once, with the ordinary build")
    pytest.importorskip("grpc")
    env = {**os.environ, "PYTHONPATH": str(messages(tmp_path))}
    done = subprocess.run([sys.executable, CLIENT, plain], env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    no_message = "INTERNAL: the request is no message of this method"
    assert json.loads(done.stdout) == {
        "empty": "",
        "large": [314159, 0],
        "metadata": [[["x-grpc-test-echo-initial", "first"]], [["x-grpc-test-echo-trailing-bin", "ababab"]]],
        "text": True,
        "output": [31415, 9, 2653, 58979, 0, 1000000],
        "input": 74922,
        "no input": 0,
        "duplex": [31415, 9, 2653, 58979],
        "empty stream": [],
        "many": 1000,
        "compressed": 100000,
        "some compressed": [5, 6],
        "mixed": [7, 8],
        "not compressed": "INVALID_ARGUMENT: the request is not compressed, and says that it is",
        "deadline": "DEADLINE_EXCEEDED",
        "within": "DEADLINE_EXCEEDED",
        "stream fails": "NOT_FOUND: ",
        "unimplemented": "UNIMPLEMENTED: this method is never implemented",
        "no method": "UNIMPLEMENTED: there is no such method here",
        "too large": "RESOURCE_EXHAUSTED: a message is larger than 4 MiB",
        "no message": [no_message] * 5,
        "negative": ["INVALID_ARGUMENT: a size or an interval is negative", "INVALID_ARGUMENT: a status is negative"],
        "none": "UNIMPLEMENTED: this method takes one message",
        "two": "UNIMPLEMENTED: this method takes one message",
        "before cancel": [3],
        "cancelled": "CANCELLED",
    }


# ---- what every server may have --------------------------------------------------------------------------------------


def responses(plain: str, path: str, *messages: bytes) -> tuple[list[bytes], dict[str, str]]:
    """The responses to these messages, and the last fields."""
    caller = Caller(plain)
    caller.call(path)
    caller.give(b"".join(map(message, messages)))
    last, body, found = caller.end(), bytes(caller.body), []
    while body:
        size = int.from_bytes(body[1:5], "big")
        found.append(body[5 : 5 + size])
        body = body[5 + size :]
    return found, last


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection(plain: str, version: str, tmp_path: Path) -> None:
    known = ["testservice.proto", "grpc.testing.TestService", "grpc.testing.TestService.UnaryCall", "grpc.testing.SimpleRequest"]
    unknown = ["other.proto", "grpc.testing.TestService.Nothing", "grpc.testing.Nothing", "grpc.testing.TestServices", ""]

    def ask(name: str) -> bytes:
        return bytes([(3 if name.endswith(".proto") else 4) << 3 | 2, len(name)]) + name.encode()

    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    services, *found = responses(plain, path, b"\x3a\x00", *map(ask, known + unknown), b"", b"\x2a\x00")[0]
    assert b"\x0a\x18grpc.testing.TestService" in services and b"\x0a\x15grpc.health.v1.Health" in services
    for name, answer in zip(known + unknown, found):
        assert answer.startswith(b"\x12" + bytes([len(ask(name))]) + ask(name))
        assert (b"it is not known here" in answer) == (name in unknown)
    assert len(found) == len(known + unknown) + 2 and all(b"nothing is asked" in answer for answer in found[-2:])
    if shutil.which("protoc"):
        made = tmp_path / "set.pb"
        subprocess.run(["protoc", "-I", PROTO.parent, f"--descriptor_set_out={made}", PROTO], check=True)
        for answer in found[: len(known)]:
            assert answer.endswith(made.read_bytes())  # a set of one file has the field of the answer
    assert responses(plain, path, b"\xff")[1]["grpc-status"] == "13"


def test_health(plain: str) -> None:
    path = "/grpc.health.v1.Health/Check"
    for name in (b"", b"grpc.testing.TestService"):
        found, last = responses(plain, path, b"\x0a" + bytes([len(name)]) + name)
        assert found == [b"\x08\x01"] and last["grpc-status"] == "0"
    assert responses(plain, path, b"\x0a\x03abc")[1]["grpc-status"] == "5"


# ---- clients that are wrong ------------------------------------------------------------------------------------------


class Caller(Peer):
    """A connection to the server, with what it has said of one call."""

    def __init__(self, address: str, window: int = 65535) -> None:
        host, _, port = address.rpartition(":")
        super().__init__(socket.create_connection((host, int(port)), timeout=PATIENCE))
        self.heads: list[dict[str, str]] = []
        self.body = bytearray()
        self.opened = 0  # bytes by which the window of the stream was opened
        self.is_over = False
        self.send(PREFACE + settings((INITIAL_WINDOW_SIZE, window)))
        while not self.settings:  # until then the windows are small
            self.read_frame()

    def note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self.heads.append(dict(self.decoder.decode(payload)))
        elif kind == DATA:
            self.body += payload
        elif kind == WINDOW_UPDATE and stream:
            self.opened += struct.unpack(">I", payload)[0]
        else:
            super().note(kind, flags, stream, payload)
        self.is_over = self.is_over or bool(kind in (HEADERS, DATA) and flags & END_STREAM)

    def call(self, path: str, end: bool = False, body: bytes = b"", **fields: str) -> None:
        """@body comes with the head, in one piece."""
        more = [(key.replace("_", "-"), value) for key, value in fields.items()]
        first = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"), ("te", "trailers")]
        content = [] if "content_type" in fields else [("content-type", "application/grpc")]
        self.send(self.headers(1, first + content + more, end) + (frame(DATA, 0, 1, body) if body else b""))

    def give(self, body: bytes, end: bool = True) -> None:
        self.send(frame(DATA, END_STREAM if end else 0, 1, body))

    def open(self, size: int) -> None:
        for stream in (0, 1):
            self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))

    def end(self) -> dict[str, str]:
        """The last fields of the call."""
        while not self.is_over:
            self.read_frame()
        self.socket.close()
        return self.heads[-1]


def message(body: bytes, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(body)) + body


@pytest.mark.parametrize(
    ("method", "fields", "body", "status", "text"),
    [
        ("EmptyCall", {}, message(b""), "0", ""),
        ("EmptyCall", {"content_type": "application/grpc+proto"}, message(b""), "0", ""),
        ("EmptyCall", {"grpc_encoding": "identity"}, message(b""), "0", ""),
        ("EmptyCall", {}, message(b"", 2), "13", "the first byte of a message is neither 0 nor 1"),
        ("EmptyCall", {}, message(b"ab")[:-1], "13", "the request ends within a message"),
        ("EmptyCall", {}, b"\0", "13", "the request ends within a message"),
        ("FullDuplexCall", {}, message(b"")[:-1], "13", "the request ends within a message"),
        ("EmptyCall", {}, struct.pack(">BI", 0, 2**32 - 1), "8", "a message is larger than 4 MiB"),
        ("EmptyCall", {}, message(b"", 1), "13", "a message is compressed, and grpc-encoding is not there"),
        ("EmptyCall", {"grpc_encoding": "gzip"}, message(b"abc", 1), "13", "a compressed message is broken"),
        ("EmptyCall", {"grpc_encoding": "snappy"}, message(b""), "12", "the only compression known here is gzip"),
        ("EmptyCall", {"grpc_timeout": "soon"}, message(b""), "13", "grpc-timeout is no time"),
        ("EmptyCall", {"grpc_timeout": "0n"}, b"", "4", "the deadline has passed"),
        ("StreamingOutputCall", {}, message(b"\x12\x02\x08"), "13", "the request is no message of this method"),
    ],
)
def test_requests_that_are_wrong(plain: str, method: str, fields: dict[str, str], body: bytes, status: str, text: str) -> None:
    caller = Caller(plain)
    caller.call(TESTS + method, **fields)
    if body:
        caller.give(body)
    last = caller.end()
    assert last["grpc-status"] == status and last.get("grpc-message", "") == text
    assert caller.heads[0][":status"] == "200" and caller.heads[0]["content-type"] == "application/grpc"
    assert len(caller.heads) == (1 if status != "0" else 2)  # an error that comes before any message has no further fields
    assert caller.body == (b"" if status != "0" else message(b""))


def test_what_is_no_call(plain: str) -> None:
    caller = Caller(plain)
    caller.call(TESTS + "EmptyCall", content_type="application/json")
    caller.give(b"{}")
    while not caller.is_over:
        caller.read_frame()
    assert caller.heads[0][":status"] == "415" and b"application/grpc" in caller.body
    caller.socket.close()


def test_a_client_that_takes_nothing_is_held_up(plain: str) -> None:
    """It may send what its window allows, and no more, until it takes its responses."""
    caller = Caller(plain)
    caller.call(TESTS + "FullDuplexCall")
    request = message(b"\x12\x03\x08\x90\x4e" + b"\x1a\xfa\x3f\x12\xf7\x3f" + bytes(8183))  # 10,000 bytes are wanted
    assert len(request) < 8210
    count = 100
    for _ in range(count):
        caller.give(request, end=False)
    caller.send(frame(PING, 0, 0, b"question"))
    while (PING, ACK, 0) not in caller.frames:
        caller.read_frame()
    assert not caller.opened and len(caller.body) < 65536
    caller.give(b"")
    caller.open(2**30)
    assert caller.end()["grpc-status"] == "0"
    assert caller.opened
    payload = b"\x0a\x93\x4e\x12\x90\x4e" + bytes(10000)
    assert caller.body == message(payload) * count


@pytest.mark.parametrize(("window", "is_within"), [(19, False), (10, True), (5019, True)])
def test_a_deadline_passes_while_the_window_is_full(plain: str, window: int, is_within: bool) -> None:
    """What was sent before the deadline is a whole message, or a part of one."""
    size = b"\x0a" if window < 20 else b"\x90\x4e"
    caller = Caller(plain, window)
    caller.call(TESTS + "FullDuplexCall", body=message(b"\x12" + bytes([1 + len(size)]) + b"\x08" + size), grpc_timeout="200m")
    while len(caller.body) < window:
        caller.read_frame()
    later = Caller(plain)
    later.call(TESTS + "FullDuplexCall", grpc_timeout="200m")
    assert later.end()["grpc-status"] == "4"  # so the deadline of the first one has passed, too
    caller.open(2**30)
    while not (caller.is_over or caller.resets):
        caller.read_frame()
    caller.socket.close()
    assert len(caller.body) == window
    assert bool(caller.resets) == is_within and caller.is_over != is_within
    assert is_within or caller.heads[-1]["grpc-status"] == "4"
