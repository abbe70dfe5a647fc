# SPDX-License-Identifier: MIT
"""The files of tests/vectors/messages, read by decoders that share no code with the program."""
from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).resolve().parent.parent / "vectors/messages"
NAMES = sorted(path.stem for path in VECTORS.glob("*.hex"))

# What a value is compared by: Python's == takes 1, 1.0 and True for the same, and NaN for another than itself.
Exact = Any


class Unpacker:
    """MessagePack, as its specification says; no extension types."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        self.at += size
        part = self.data[self.at - size : self.at]
        assert len(part) == size, "cut off"
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def list_of(self, count: int) -> Exact:
        return ("list", [self.value() for _ in range(count)])

    def map_of(self, count: int) -> Exact:
        pairs = [(self.value(), self.value()) for _ in range(count)]
        return ("map", {key: value for (_, key), value in pairs})

    def text(self, size: int) -> Exact:
        return ("text", self.take(size))

    def value(self) -> Exact:
        head = self.number(1)
        if head <= 0x7F or head >= 0xE0:
            return ("int", head if head <= 0x7F else head - 0x100)
        if head <= 0x8F:
            return self.map_of(head & 0x0F)
        if head <= 0x9F:
            return self.list_of(head & 0x0F)
        if head <= 0xBF:
            return self.text(head & 0x1F)
        if head == 0xC0:
            return ("nil", None)
        if head in (0xC2, 0xC3):
            return ("bool", head == 0xC3)
        if 0xC4 <= head <= 0xC6:
            return ("bytes", self.take(self.number(1 << (head - 0xC4))))
        if head == 0xCB:
            return ("float", self.take(8))
        if 0xCC <= head <= 0xCF:
            return ("int", self.number(1 << (head - 0xCC)))
        if 0xD0 <= head <= 0xD3:
            return ("int", int.from_bytes(self.take(1 << (head - 0xD0)), "big", signed=True))
        if 0xD9 <= head <= 0xDB:
            return self.text(self.number(1 << (head - 0xD9)))
        if head in (0xDC, 0xDD):
            return self.list_of(self.number(2 if head == 0xDC else 4))
        if head in (0xDE, 0xDF):
            return self.map_of(self.number(2 if head == 0xDE else 4))
        raise AssertionError(f"no such head: {head:#x}")


def from_messagepack(data: bytes) -> Exact:
    unpacker = Unpacker(data)
    value = unpacker.value()
    assert unpacker.at == len(data)
    return value


def from_special(kind: str, text: str) -> Exact:
    if kind == "$float":
        return ("float", bytes.fromhex(text))
    data = base64.b64decode(text, validate=True)
    return {"$text": ("text", data), "$bytes": ("bytes", data)}[kind]


def from_pairs(pairs: list[tuple[str, Any]]) -> Exact:
    if len(pairs) == 1 and pairs[0][0].startswith("$"):
        return from_special(*pairs[0])
    assert not any(key.startswith("$") for key, _ in pairs)
    assert len(dict(pairs)) == len(pairs)
    return ("map", {key.encode(): exact(value) for key, value in pairs})


def exact(value: Any) -> Exact:
    """Of what json makes: tuples are done already."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, list):
        return ("list", [exact(item) for item in value])
    if value is None or isinstance(value, bool):
        return ("nil" if value is None else "bool", value)
    if isinstance(value, int):
        return ("int", value)
    if isinstance(value, float):
        return ("float", struct.pack(">d", value))
    return ("text", value.encode())


def from_json(text: str) -> Exact:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return exact(json.loads(text, object_pairs_hook=from_pairs, parse_constant=refuse))


def hex_of(name: str) -> bytes:
    return bytes.fromhex((VECTORS / f"{name}.hex").read_text())


def test_there_are_vectors() -> None:
    assert "kinds" in NAMES and len(NAMES) > 20
    assert sorted(path.stem for path in VECTORS.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_both_files_hold_the_same(name: str) -> None:
    kind, message = from_messagepack(hex_of(name))
    assert kind == "map" and message[b"type"] == ("text", b"load" if name == "kinds" else name.encode())
    assert from_json((VECTORS / f"{name}.json").read_text()) == (kind, message)


@pytest.mark.parametrize("name", NAMES)
def test_the_msgpack_package_reads_the_same(name: str) -> None:
    """Where there is one: a check of the decoder above."""
    msgpack = pytest.importorskip("msgpack")

    def plain(value: Exact) -> Any:
        kind, inner = value
        if kind == "list":
            return [plain(item) for item in inner]
        if kind == "map":
            return {key.decode(): plain(item) for key, item in inner.items()}
        if kind == "float":
            return ("float", inner)
        return inner.decode("utf-8", "surrogateescape") if kind == "text" else inner

    def tagged(value: Any) -> Any:
        if isinstance(value, float):
            return ("float", struct.pack(">d", value))
        if isinstance(value, list):
            return [tagged(item) for item in value]
        return {key: tagged(item) for key, item in value.items()} if isinstance(value, dict) else value

    data = hex_of(name)
    got = tagged(msgpack.unpackb(data, unicode_errors="surrogateescape"))
    assert repr(got) == repr(plain(from_messagepack(data)))
