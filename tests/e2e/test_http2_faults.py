# SPDX-License-Identifier: MIT
"""Servers that break HTTP/2 as a whole (RFC 9113), or end it: what the client says on the wire, and what its streams see."""
from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from finished import Finished

pytest.importorskip("hpack")
from h2server import (  # noqa: E402
    ACK,
    CANCEL,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    H2Server,
    HEADERS,
    INTERNAL_ERROR,
    NO_ERROR,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    Peer,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    STATUS,
    WINDOW_UPDATE,
    frame,
    goaway,
    literal,
    reset,
    serve,
    settings,
)


# ---- the connection --------------------------------------------------------------------------------------------------


def answer_with(data: bytes) -> Callable[[Peer, list[int]], bytes]:
    return lambda peer, streams: data


def padded(kind: int, payload: bytes) -> Callable[[Peer, list[int]], bytes]:
    return lambda peer, streams: peer.headers(streams[0], end=False) * (kind == DATA) + frame(
        kind, PADDED | END_HEADERS * (kind == HEADERS), streams[0], payload
    )


def on_first(kind: int, flags: int, payload: bytes) -> Callable[[Peer, list[int]], bytes]:
    return lambda peer, streams: frame(kind, flags, streams[0], payload)


OF_CONNECTION: dict[str, tuple[Callable[[Peer, list[int]], bytes], int]] = {
    "DATA of no stream": (answer_with(frame(DATA, 0, 0, b"x")), PROTOCOL_ERROR),
    "HEADERS of no stream": (answer_with(frame(HEADERS, END_HEADERS, 0, STATUS)), PROTOCOL_ERROR),
    "PRIORITY of no stream": (answer_with(frame(PRIORITY, 0, 0, bytes(5))), PROTOCOL_ERROR),
    "RST_STREAM of no stream": (answer_with(reset(0, CANCEL)), PROTOCOL_ERROR),
    "CONTINUATION of no stream": (answer_with(frame(CONTINUATION, END_HEADERS, 0, STATUS)), PROTOCOL_ERROR),
    "SETTINGS of a stream": (on_first(SETTINGS, 0, b""), PROTOCOL_ERROR),
    "PING of a stream": (on_first(PING, 0, bytes(8)), PROTOCOL_ERROR),
    "GOAWAY of a stream": (on_first(GOAWAY, 0, bytes(8)), PROTOCOL_ERROR),
    "DATA of a stream that nobody has opened": (answer_with(frame(DATA, 0, 99, b"x")), PROTOCOL_ERROR),
    "HEADERS of a stream that nobody has opened": (answer_with(frame(HEADERS, END_HEADERS, 99, STATUS)), PROTOCOL_ERROR),
    "HEADERS of a stream of the server": (answer_with(frame(HEADERS, END_HEADERS, 2, STATUS)), PROTOCOL_ERROR),
    "RST_STREAM of a stream that nobody has opened": (answer_with(reset(99, CANCEL)), PROTOCOL_ERROR),
    "WINDOW_UPDATE of a stream that nobody has opened": (
        answer_with(frame(WINDOW_UPDATE, 0, 99, struct.pack(">I", 1))),
        PROTOCOL_ERROR,
    ),
    "SETTINGS of five bytes": (answer_with(frame(SETTINGS, 0, 0, bytes(5))), FRAME_SIZE_ERROR),
    "an answer to SETTINGS with settings": (answer_with(frame(SETTINGS, ACK, 0, bytes(6))), FRAME_SIZE_ERROR),
    "PING of seven bytes": (answer_with(frame(PING, 0, 0, bytes(7))), FRAME_SIZE_ERROR),
    "WINDOW_UPDATE of three bytes": (answer_with(frame(WINDOW_UPDATE, 0, 0, bytes(3))), FRAME_SIZE_ERROR),
    "RST_STREAM of five bytes": (on_first(RST_STREAM, 0, bytes(5)), FRAME_SIZE_ERROR),
    "GOAWAY of seven bytes": (answer_with(frame(GOAWAY, 0, 0, bytes(7))), FRAME_SIZE_ERROR),
    "a frame that is too long": (on_first(DATA, 0, bytes(16385)), FRAME_SIZE_ERROR),
    "a header block in a frame that is too long": (on_first(HEADERS, END_HEADERS, STATUS * 16385), FRAME_SIZE_ERROR),
    "push is allowed by the server": (answer_with(settings((2, 1))), PROTOCOL_ERROR),
    "push is neither on nor off": (answer_with(settings((2, 2))), PROTOCOL_ERROR),
    "windows that are too large": (answer_with(settings((4, 0x80000000))), FLOW_CONTROL_ERROR),
    "frames that are too small": (answer_with(settings((5, 16383))), PROTOCOL_ERROR),
    "frames that are too large": (answer_with(settings((5, 1 << 24))), PROTOCOL_ERROR),
    "the window of the connection opens by nothing": (answer_with(frame(WINDOW_UPDATE, 0, 0, bytes(4))), PROTOCOL_ERROR),
    "the window of the connection is too large": (
        answer_with(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF))),
        FLOW_CONTROL_ERROR,
    ),
    # RFC 9113 asks for a reset of the stream at least; nghttp2 does more.
    "the window of a stream opens by nothing": (on_first(WINDOW_UPDATE, 0, bytes(4)), PROTOCOL_ERROR),
    "a body without a head": (on_first(DATA, END_STREAM, b"abc"), PROTOCOL_ERROR),
    "a promise": (on_first(PUSH_PROMISE, END_HEADERS, struct.pack(">I", 2) + b"\x82\x86\x84"), PROTOCOL_ERROR),
    "CONTINUATION without HEADERS": (on_first(CONTINUATION, END_HEADERS, STATUS), PROTOCOL_ERROR),
    "PING between HEADERS and CONTINUATION": (
        lambda peer, streams: frame(HEADERS, 0, streams[0], STATUS) + frame(PING, 0, 0, bytes(8)),
        PROTOCOL_ERROR,
    ),
    "CONTINUATION of another stream": (
        lambda peer, streams: frame(HEADERS, 0, streams[0], STATUS) + frame(CONTINUATION, END_HEADERS, streams[1]),
        PROTOCOL_ERROR,
    ),
    "HEADERS in place of CONTINUATION": (
        lambda peer, streams: frame(HEADERS, 0, streams[0], STATUS) + frame(HEADERS, END_HEADERS, streams[0], STATUS),
        PROTOCOL_ERROR,
    ),
    "padding longer than DATA": (padded(DATA, b"\x09abc"), PROTOCOL_ERROR),
    "padding longer than HEADERS": (padded(HEADERS, b"\x09" + STATUS), PROTOCOL_ERROR),
    "a field that no table has": (on_first(HEADERS, END_HEADERS, b"\xff\x80\x80\x01"), COMPRESSION_ERROR),
    "field number 0": (on_first(HEADERS, END_HEADERS, b"\x80"), COMPRESSION_ERROR),
    "a field that is cut off": (on_first(HEADERS, END_HEADERS, STATUS + b"\x00\x05ab"), COMPRESSION_ERROR),
    "a bad Huffman code": (on_first(HEADERS, END_HEADERS, STATUS + b"\x00\x01a\x84\xff\xff\xff\xff"), COMPRESSION_ERROR),
    "a table that is too large": (on_first(HEADERS, END_HEADERS, b"\x3f\xe2\x1f" + STATUS), COMPRESSION_ERROR),
    "a table that changes its size too late": (on_first(HEADERS, END_HEADERS, STATUS + b"\x20"), COMPRESSION_ERROR),
    "a header block of 9 CONTINUATIONs": (
        lambda peer, streams: frame(HEADERS, 0, streams[0], STATUS)
        + b"".join(frame(CONTINUATION, 0, streams[0], literal(b"a", b"b")) for _ in range(9)),
        ENHANCE_YOUR_CALM,
    ),
    "33 settings": (answer_with(settings(*[(99, 1)] * 33)), ENHANCE_YOUR_CALM),
    "10,001 frames that bring nothing": (answer_with(frame(PRIORITY, 0, 1, bytes(4) + b"\1") * 10001), ENHANCE_YOUR_CALM),
    "10,001 empty pieces of a body": (
        lambda peer, streams: peer.headers(streams[0], end=False) + frame(DATA, 0, streams[0]) * 10001,
        ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("name", OF_CONNECTION)
def test_a_connection_error_ends_all_streams(side_by_side: Callable[..., Any], name: str) -> None:
    make, code = OF_CONNECTION[name]

    def handle(peer: Peer) -> None:
        peer.begin()
        peer.send(make(peer, peer.expect(3)))

    with H2Server(handle) as server:
        answers = side_by_side(server.url)
    (peer,) = server.peers
    assert peer.goaways == [code] and not peer.resets
    assert [(a["status"], a["code"]) for a in answers] == [(0, 1600 + code)] * 3, answers
    assert all(a["error"].startswith("HTTP/2 protocol error: ") for a in answers), answers


def test_a_header_block_that_does_not_end(side_by_side: Callable[..., Any]) -> None:
    accept = b"\x8f"  # Accept-Charset without a value, of the static table

    def handle(peer: Peer) -> None:
        peer.begin()
        peer.first = peer.expect(3)[0]
        peer.send(frame(HEADERS, 0, peer.first, STATUS.ljust(16384, accept)))
        peer.send(frame(CONTINUATION, 0, peer.first, accept * 16384) * 16)

    with H2Server(handle) as server:
        answers = side_by_side(server.url)
    (peer,) = server.peers
    assert peer.goaways == [ENHANCE_YOUR_CALM] and peer.resets == {peer.first: CANCEL}
    assert [a["code"] for a in answers] == [1900, 1611, 1611], answers
    assert answers[1]["error"].endswith("ENHANCE_YOUR_CALM, a header block is too large")


def test_a_server_that_resets_every_request_does_not_flood(rampa: Callable[..., Finished]) -> None:
    """A reset is the answer to a request. There is a limit for frames in a row that bring nothing, and these are more."""

    def handle(peer: Peer) -> None:
        peer.begin()
        left = 10_100
        while left:
            kind, _, stream, _ = peer.read_frame()
            if kind == HEADERS:
                peer.send(reset(stream, INTERNAL_ERROR))
                left -= 1

    with H2Server(handle) as server:
        result = rampa("run", "--http2", "--vus", "1", "--iterations", "10100", server.url, out=True, code=1).result()
    (peer,) = server.peers
    assert peer.goaways in ([], [NO_ERROR])
    assert [(error["error_code"], error["count"]) for error in result["errors"]["requests"]] == [("1602", 10_100)]


NO_SETTINGS = [b"HTTP/1.1 400 Bad Request\r\n\r\n", frame(PING, 0, 0, bytes(8)), bytes(100), frame(HEADERS, END_HEADERS, 1, STATUS)]


@pytest.mark.parametrize("said", NO_SETTINGS)
def test_a_server_that_does_not_begin_with_settings(side_by_side: Callable[..., Any], said: bytes) -> None:
    def handle(peer: Peer) -> None:
        peer.answers_settings = False
        peer.read(24)
        peer.expect(3)
        peer.send(said)

    with H2Server(handle) as server:
        answers = side_by_side(server.url)
    (peer,) = server.peers
    assert peer.goaways == [PROTOCOL_ERROR] or (peer.goaways == [FRAME_SIZE_ERROR] and said[:4] == b"HTTP")
    assert all(a["status"] == 0 and a["code"] == 1600 + peer.goaways[0] for a in answers), answers
    if said.startswith(b"HTTP/1"):
        assert "the server speaks HTTP/1 here" in answers[0]["error"]


# ---- what is allowed -------------------------------------------------------------------------------------------------

ALLOWED: dict[str, Callable[[Peer, int], bytes]] = {
    "an unknown frame": lambda peer, stream: frame(0xEE, 0xFF, 0, b"what") + frame(0xEE, 0xFF, stream, b"what"),
    "an unknown setting": lambda peer, stream: settings((0xEEEE, 7)),
    "unknown flags": lambda peer, stream: frame(PING, 0xFE, 0, bytes(8)),
    "PRIORITY": lambda peer, stream: frame(PRIORITY, 0, stream, bytes(4) + b"\1"),
    "interim responses": lambda peer, stream: frame(HEADERS, END_HEADERS, stream, literal(b":status", b"103")) * 2,
    "a header block in pieces": lambda peer, stream: frame(HEADERS, 0, stream, literal(b":status", b"103")[:4])
    + frame(CONTINUATION, 0, stream)
    + frame(CONTINUATION, END_HEADERS, stream, literal(b":status", b"103")[4:]),
    # Which RFC 9113 forbids (8.2.1), and curl takes all the same.
    "blanks around a value": lambda peer, stream: frame(HEADERS, END_HEADERS, stream, literal(b":status", b"103") + literal(b"link", b" a\t")),
    "larger frames of the server's choice": lambda peer, stream: settings((5, 1 << 20)),
    "another table": lambda peer, stream: settings((1, 0)) + settings((1, 65536)),
    "PING": lambda peer, stream: frame(PING, 0, 0, b"12345678"),
    "windows": lambda peer, stream: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") + frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\1"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_server_may_do(side_by_side: Callable[..., Any], name: str) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        streams = peer.expect(3)
        peer.send(ALLOWED[name](peer, streams[0]))
        for stream in streams:
            peer.send(frame(HEADERS, END_HEADERS | PADDED, stream, b"\x03" + STATUS + bytes(3)))
            peer.send(frame(DATA, PADDED, stream, b"\x02fi\0\0"))
            peer.send(frame(DATA, 0, stream))
            peer.send(frame(DATA, 0, stream, b"ne"))
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(b"trailer", b"x")))

    with H2Server(handle) as server:
        answers = side_by_side(server.url)
    (peer,) = server.peers
    assert not peer.resets and not peer.goaways
    assert [(a["status"], a["code"], a["body"]) for a in answers] == [(200, 0, "fine")] * 3
    assert peer.settings[2] == 0  # no push
    if "PING" in name:
        assert (PING, ACK, 0) in peer.frames


# ---- limits of a request ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "error"),
    [
        ("timeout=0.3", 1050, "request timeout"),
        ("timeout=20, max_head_bytes=100", 1900, "malformed response: the head has more than 100 bytes"),
        ("timeout=20, max_body_bytes=100", 1902, "response body too large: more than 100 bytes"),
    ],
)
def test_a_request_that_ends_early_resets_its_stream_alone(side_by_side: Callable[..., Any], options: str, code: int, error: str) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        first, *others = peer.expect(3)
        for stream in others:
            peer.answer(stream)
        if code == 1900:
            peer.send(peer.headers(first, [(":status", "200"), ("a", "b" * 200)]))
        elif code == 1902:
            peer.send(peer.headers(first, end=False) + frame(DATA, 0, first, bytes(200)))
        peer.bad = first

    with H2Server(handle) as server:
        first, *others = side_by_side(server.url, options=options)
    (peer,) = server.peers
    assert peer.resets == {peer.bad: CANCEL} and not peer.goaways
    assert first["code"] == code and first["error"].startswith(error), first
    assert [a["status"] for a in others] == [200, 200]


# ---- refused and gone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_refused_stream_is_sent_once_more(side_by_side: Callable[..., Any], method: str) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        streams = peer.expect(3)
        peer.send(reset(streams[0], REFUSED_STREAM))
        again = [stream for stream in peer.expect(4) if stream not in streams]
        for stream in [*streams[1:], *again]:
            peer.answer(stream)
        peer.again = again[0]

    with H2Server(handle) as server:
        answers = side_by_side(server.url, method=method, options="data=b'abc'" if method == "post" else "")
    (peer,) = server.peers
    assert [a["status"] for a in answers] == [200] * 3
    assert peer.requests[peer.again].fields[":path"] == "/1"
    assert peer.requests[peer.again].body == (b"abc" if method == "post" else b"")


def test_a_stream_that_is_refused_twice_has_failed(side_by_side: Callable[..., Any]) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        for count in (1, 2):
            peer.send(reset(peer.expect(count)[-1], REFUSED_STREAM))

    with H2Server(handle) as server:
        (answer,) = side_by_side(server.url, paths=("/",))
    assert (answer["status"], answer["code"]) == (0, 1607) and answer["error"] == "HTTP/2 stream refused: REFUSED_STREAM"
    assert len(server.peers[0].requests) == 2


@pytest.mark.parametrize("refusal", ["reset", "goaway"])
def test_a_stream_that_is_refused_within_its_answer_has_failed(side_by_side: Callable[..., Any], refusal: str) -> None:
    """What has come of the answer was passed on, and another answer behind it would be mixed up with it."""

    def handle(peer: Peer) -> None:
        peer.begin()
        (stream,) = peer.expect(1)
        peer.send(peer.headers(stream, end=False) + frame(DATA, 0, stream, b"half"))
        peer.send(reset(stream, REFUSED_STREAM) if refusal == "reset" else goaway(0))
        peer.read_to_end()

    with H2Server(handle) as server:
        (answer,) = side_by_side(server.url, paths=("/",))
    assert (answer["status"], answer["code"]) == (0, 1607) and answer["error"] == "HTTP/2 stream refused: REFUSED_STREAM"
    assert len(server.peers[0].requests) == 1


def test_goaway_sends_what_was_not_processed_to_a_new_connection(side_by_side: Callable[..., Any]) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        streams = peer.expect(3)
        peer.send(goaway(min(streams)))
        peer.answer(min(streams))

    with H2Server(handle, serve) as server:
        answers = side_by_side(server.url, method="post", options="data=b'abc'")
    first, second = server.peers
    assert [a["status"] for a in answers] == [200] * 3
    assert len(first.requests) == 3 and len(second.requests) == 2
    assert not first.resets and not first.goaways


def test_a_graceful_goaway_lets_all_streams_end(side_by_side: Callable[..., Any]) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        streams = peer.expect(3)
        peer.send(goaway(0x7FFFFFFF))
        for stream in streams:
            peer.answer(stream)

    with H2Server(handle) as server:
        answers = side_by_side(server.url, iterations=2)
    assert [a["status"] for a in answers] == [200] * 6
    assert [len(peer.requests) for peer in server.peers] == [3, 3]


def test_goaway_with_an_error_is_told(side_by_side: Callable[..., Any]) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        streams = peer.expect(3)
        peer.answer(streams[0])
        peer.send(goaway(max(streams), ENHANCE_YOUR_CALM, b"too \x1bmany"))
        raise EOFError  # closes the connection

    with H2Server(handle) as server:
        answers = side_by_side(server.url)
    assert [a["code"] for a in answers] == [0, 1611, 1611]
    assert answers[1]["error"] == "HTTP/2 connection ended by the server: ENHANCE_YOUR_CALM, too ?many"


def test_a_connection_that_closes_without_a_word(side_by_side: Callable[..., Any]) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        streams = peer.expect(3)
        while (SETTINGS, ACK, 0) not in peer.frames:
            peer.read_frame()
        peer.send(peer.headers(streams[0], end=False))
        peer.answer(streams[1])
        raise EOFError  # closes the connection

    with H2Server(handle) as server:
        answers = side_by_side(server.url)
    assert [a["code"] for a in answers] == [1901, 0, 1901]
    assert [a["error"] for a in answers][::2] == [
        "connection closed early: the response was incomplete",
        "connection closed early: there was no response",
    ]


# ---- how many streams ------------------------------------------------------------------------------------------------


def test_waiting_for_a_stream_is_blocked_and_not_waiting(side_by_side: Callable[..., Any]) -> None:
    """The server takes one stream at a time, and 0.1 s for each."""
    import time

    def handle(peer: Peer) -> None:
        peer.begin((3, 1))
        for count in range(1, 9):
            peer.expect(count)
            assert not peer.begun
            if count > 3:  # by then the client knows the limit
                time.sleep(0.1)
                assert not peer.begun and len(peer.requests) == count
            stream = max(peer.requests) if count > 3 else sorted(peer.requests)[count - 1]
            peer.answer(stream)

    def gate(peer: Peer) -> None:
        handle(peer)

    with H2Server(gate) as server:
        answers = side_by_side(server.url, paths=("/1", "/2", "/3", "/4"), iterations=2)
    assert [a["status"] for a in answers] == [200] * 8
    assert len(server.peers) == 1
    second = answers[4:]
    last = max(second, key=lambda a: a["blocked"])
    others = sum(a["waiting"] for a in second if a is not last)  # one after the other
    # On a busy machine the client may note late that it has sent.
    assert others >= 250 and last["blocked"] > 0.7 * others, second


def test_streams_that_become_allowed_are_used(side_by_side: Callable[..., Any]) -> None:
    def handle(peer: Peer) -> None:
        peer.begin((3, 0))
        peer.expect(3)  # sent before the client knew
        for stream in peer.expect(3):
            peer.answer(stream)
        peer.send(frame(PING, 0, 0, bytes(8)))
        while (PING, ACK, 0) not in peer.frames:
            peer.read_frame()
        assert len(peer.requests) == 3 and not peer.begun
        peer.send(settings((3, 100)))
        for stream in sorted(peer.expect(6))[3:]:
            peer.answer(stream)

    with H2Server(handle) as server:
        answers = side_by_side(server.url, iterations=2)
    assert [a["status"] for a in answers] == [200] * 6 and len(server.peers) == 1


def test_an_upload_waits_for_the_windows(side_by_side: Callable[..., Any]) -> None:
    def handle(peer: Peer) -> None:
        peer.begin((4, 10))
        while sum(len(r.body) for r in peer.begun.values()) < 10:
            peer.read_frame()
        (stream,) = peer.begun
        peer.send(frame(PING, 0, 0, bytes(8)))
        while (PING, ACK, 0) not in peer.frames:
            peer.read_frame()
        assert peer.begun[stream].body in (b"x" * 10, b"x" * 65535)
        peer.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1 << 20)))
        peer.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 20)))
        peer.expect(1)
        assert peer.requests[stream].body == b"x" * 200000
        peer.answer(stream)

    with H2Server(handle) as server:
        (answer,) = side_by_side(server.url, paths=("/",), method="post", options="data=b'x' * 200000")
    assert answer["status"] == 200
