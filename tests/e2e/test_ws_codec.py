# SPDX-License-Identifier: MIT
"""The reader and the writer of WebSocket frames against the package websockets, which knows nothing of ours."""
from __future__ import annotations

import codecs
import random
import subprocess
from pathlib import Path
from typing import Iterable

import pytest

connection = pytest.importorskip("websockets.connection", reason="python3-websockets is not installed")
from websockets.extensions.permessage_deflate import PerMessageDeflate  # noqa: E402
from websockets.frames import Frame, Opcode  # noqa: E402

KINDS = {Opcode.TEXT: b"text", Opcode.BINARY: b"binary", Opcode.PING: b"ping", Opcode.PONG: b"pong"}
Terms = tuple[int, int, int, int]  # server and client without context, server and client bits


@pytest.fixture(scope="module")
def tool(program: Path) -> Path:
    path = program.parent / "tests/unit/proto/ws_tool"
    if not path.exists():
        pytest.skip("the program was not built with its tests")
    return path


def ask(tool: Path, lines: Iterable[str]) -> list[bytes]:
    text = "".join(line + "\n" for line in lines)
    result = subprocess.run([tool], input=text, capture_output=True, text=True, timeout=120, check=True)
    return [bytes.fromhex(line) for line in result.stdout.splitlines()]


def show_terms(terms: Terms | None) -> str:
    return " ".join(map(str, terms)) if terms else "-"


def opponent(is_server: bool, terms: Terms | None = None) -> connection.Connection:
    """A connection of the other implementation. It cannot write with a window of 8 bits, which zlib does not have."""
    result = connection.Connection(connection.SERVER if is_server else connection.CLIENT, connection.OPEN, max_size=None)
    if terms:
        server, client = (bool(terms[0]), terms[2]), (bool(terms[1]), terms[3])
        remote, local = (client, server) if is_server else (server, client)
        result.extensions = [PerMessageDeflate(remote[0], local[0], remote[1], max(local[1], 9))]
    return result


class Trace:
    """What another connection reads, as in ws_trace.h. It gives frames, and does not look whether text is UTF-8."""

    def __init__(self) -> None:
        self.text = b""
        self.opcode: Opcode | None = None
        self.payload = b""
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            close = connection.Close.parse(frame.data)
            reason = close.reason.encode()
            self.text += b"close(%d%s%s);" % (close.code, b" " if reason else b"", reason)
        elif frame.opcode in (Opcode.PING, Opcode.PONG):
            self.text += KINDS[frame.opcode] + b"(" + frame.data + b");"
        else:
            if frame.opcode is not Opcode.CONT:
                self.opcode, self.payload = frame.opcode, b""
                self.decoder.reset()
            self.payload += frame.data
            if self.opcode is Opcode.TEXT:
                self.decoder.decode(frame.data, final=frame.fin)
            if frame.fin:
                assert self.opcode
                self.text += KINDS[self.opcode] + b"(" + self.payload + b");"


def read_by(other: connection.Connection, data: bytes) -> bytes:
    """What it makes of @data. An error is its code only."""
    trace = Trace()
    other.receive_data(data)
    try:
        for frame in other.events_received():
            trace.take(frame)
    except UnicodeDecodeError:
        return trace.text + b"error(1007"
    if other.parser_exc:
        trace.text += b"error(%d" % other.close_sent.code
    return trace.text


# ---- random frames -------------------------------------------------------------------------------


def payload(rng: random.Random, most: int) -> bytes:
    text = "".join(rng.choice("ab \n\u00e4\u20ac\U0001f600") for _ in range(rng.randrange(most)))
    data = bytearray(text.encode())
    if data and rng.random() < 0.1:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def frame(rng: random.Random, opcode: int, fin: bool, data: bytes, is_masked: bool) -> bytes:
    mask = rng.randbytes(4) if is_masked else b""
    bit = 0x80 if is_masked else 0
    if len(data) < 126:
        length = bytes([bit | len(data)])
    elif len(data) < 65536:
        length = bytes([bit | 126]) + len(data).to_bytes(2, "big")
    else:
        length = bytes([bit | 127]) + len(data).to_bytes(8, "big")
    if is_masked:
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
    return bytes([(0x80 if fin else 0) | opcode]) + length + mask + data


def message(rng: random.Random, is_masked: bool) -> bytes:
    """One message in fragments with control frames between them, or a control frame. Some have faults."""
    parts: list[bytes] = []
    if rng.random() < 0.2:
        if rng.random() < 0.3:
            code = rng.choice([1000, 1001, 1003, 1007, 1014, 3000, 4999, 999, 1004, 1005, 1006, 1015, 2999, 5000])
            return frame(rng, 8, True, rng.choice([b"", code.to_bytes(2, "big") + payload(rng, 10), b"x"]), is_masked)
        return frame(rng, rng.choice([9, 10]), rng.random() < 0.95, payload(rng, 50), is_masked)
    count = rng.randrange(1, 4)
    for i in range(count):
        opcode = rng.choice([1, 2]) if i == 0 else 0
        most = rng.choice([5, 60, 200]) if rng.random() < 0.99 else 30000
        parts.append(frame(rng, opcode, i == count - 1, payload(rng, most), is_masked))
        if rng.random() < 0.3:
            parts.append(frame(rng, 9, True, payload(rng, 5), is_masked))
    if rng.random() < 0.05:
        parts.insert(rng.randrange(len(parts) + 1), frame(rng, rng.randrange(16), rng.random() < 0.5, b"x", is_masked))
    if rng.random() < 0.03:
        parts[0] = bytes([parts[0][0] | rng.choice([0x10, 0x20, 0x40])]) + parts[0][1:]
    if rng.random() < 0.02:
        parts[-1] = bytes([parts[-1][0], parts[-1][1] ^ 0x80]) + parts[-1][2:]
    return b"".join(parts)


def test_both_make_the_same_of_random_frames(tool: Path) -> None:
    rng = random.Random(6455)
    inputs = []
    for _ in range(1500):
        is_server = rng.random() < 0.5
        data = b"".join(message(rng, is_server) for _ in range(rng.randrange(1, 6)))
        if rng.random() < 0.1:
            data = data[: rng.randrange(len(data) + 1)]
        inputs.append((is_server, data))
    lines = [f"read {'server' if is_server else 'client'} - {rng.choice([1, 7, 100, 10**6])} {data.hex() or '-'}"
             for is_server, data in inputs]  # fmt: skip
    seen, other_faults = set(), 0
    for (is_server, data), ours in zip(inputs, ask(tool, lines), strict=True):
        before, _, error = ours.partition(b"error(")
        theirs, _, their_error = read_by(opponent(is_server), data).partition(b"error(")
        assert before == theirs, data.hex()
        # Ours sees a wrong byte as soon as it comes. Theirs looks at a frame when it is complete: so it says nothing of
        # one that is cut off.
        assert error[:4] == their_error or error, data.hex()
        if error and their_error and error[:4] != their_error:  # a frame has two faults
            other_faults += 1
        elif error and not their_error:
            assert is_cut_off(is_server, data), data.hex()
        seen.add(error[:4])
    assert seen == {b"", b"1002", b"1007"}
    assert other_faults < len(inputs) / 50


def is_cut_off(is_server: bool, data: bytes) -> bool:
    """Whether theirs waits for the rest of a frame."""
    other = opponent(is_server)
    other.receive_data(data)
    return bool(other.reader.buffer)


# ---- permessage-deflate --------------------------------------------------------------------------


def all_terms() -> list[Terms]:
    return [(no_server, no_client, bits, 24 - bits) for no_server in (0, 1) for no_client in (0, 1) for bits in range(9, 16)]


def texts(rng: random.Random) -> list[bytes]:
    words = [payload(rng, 12).decode("utf-8", "replace") for _ in range(20)]
    return [" ".join(rng.choices(words, k=rng.choice([0, 1, 50, 3000]))).encode() for _ in range(5)]


@pytest.mark.parametrize("is_server", [False, True], ids=["client", "server"])
def test_compressed_messages_of_theirs_are_read(tool: Path, is_server: bool) -> None:
    rng = random.Random(7692)
    lines, expected = [], []
    for terms in all_terms():
        other = opponent(not is_server, terms)
        trace = b""
        for text in texts(rng):
            trace += b"text(" + text + b");"
            if len(text) > 1000:  # in fragments
                other.send_text(text[:1000], fin=False)
                other.send_continuation(text[1000:], fin=True)
            else:
                other.send_text(text)
        expected.append(trace)
        data = b"".join(other.data_to_send())
        lines.append(f"read {'server' if is_server else 'client'} {show_terms(terms)} {rng.choice([1, 1000])} {data.hex()}")
    assert ask(tool, lines) == expected


@pytest.mark.parametrize("is_server", [False, True], ids=["client", "server"])
def test_messages_of_ours_are_read_by_theirs(tool: Path, is_server: bool) -> None:
    rng = random.Random(7692)
    lines, cases = [], []
    for terms in [None, *all_terms(), (0, 0, 8, 8), (1, 1, 8, 8)]:
        messages = texts(rng)
        lines.append(f"write {'server' if is_server else 'client'} {show_terms(terms)} "
                     + " ".join(f"1 {text.hex() or '-'}" for text in messages) + " 9 70")  # fmt: skip
        cases.append((terms, b"".join(b"text(" + text + b");" for text in messages) + b"ping(p);"))
    for (terms, expected), data in zip(cases, ask(tool, lines), strict=True):
        assert read_by(opponent(not is_server, terms), data) == expected
