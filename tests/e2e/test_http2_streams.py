# SPDX-License-Identifier: MIT
"""Malformed responses of HTTP/2 (RFC 9113): what the client says on the wire, and what its other streams see of it."""
from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hpack")
from h2server import (  # noqa: E402
    CANCEL,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    H2Server,
    HEADERS,
    NO_ERROR,
    PROTOCOL_ERROR,
    Peer,
    REFUSED_STREAM,
    STATUS,
    WINDOW_UPDATE,
    frame,
    goaway,
    literal,
    reset,
    settings,
)


def block(*fields: tuple[bytes, bytes], before: bytes = STATUS) -> Callable[[Peer, int], bytes]:
    """A response of one header block with these fields."""
    return lambda peer, stream: frame(
        HEADERS, END_HEADERS | END_STREAM, stream, before + b"".join(literal(*field) for field in fields)
    )


def with_body(body: bytes, *fields: tuple[bytes, bytes]) -> Callable[[Peer, int], bytes]:
    return lambda peer, stream: frame(
        HEADERS, END_HEADERS, stream, STATUS + b"".join(literal(*field) for field in fields)
    ) + frame(DATA, END_STREAM, stream, body)


@dataclass
class OfStream:
    send: Callable[[Peer, int], bytes]
    code: int = PROTOCOL_ERROR


OF_STREAM = {
    "no status": OfStream(block((b"server", b"x"), before=b"")),
    "two statuses": OfStream(block((b":status", b"200"))),
    "a status of letters": OfStream(block((b":status", b"abc"), before=b"")),
    "a status of four digits": OfStream(block((b":status", b"2000"), before=b"")),
    "a status below 100": OfStream(block((b":status", b"099"), before=b"")),
    "an empty status": OfStream(block((b":status", b""), before=b"")),
    "a status behind fields": OfStream(block((b"server", b"x"), (b":status", b"200"), before=b"")),
    "an unknown pseudo-field": OfStream(block((b":colour", b"red"))),
    "a pseudo-field of requests": OfStream(block((b":path", b"/"))),
    "a name in capitals": OfStream(block((b"Server", b"x"))),
    "a name with a blank": OfStream(block((b"my server", b"x"))),
    "a name with a colon": OfStream(block((b"my:server", b"x"))),
    "an empty name": OfStream(block((b"", b"x"))),
    "a value with NUL": OfStream(block((b"server", b"a\0b"))),
    "a value with LF": OfStream(block((b"server", b"a\nset-cookie: b"))),
    "a value with CR": OfStream(block((b"server", b"a\rb"))),
    "Connection": OfStream(block((b"connection", b"close"))),
    "Keep-Alive": OfStream(block((b"keep-alive", b"timeout=5"))),
    "Proxy-Connection": OfStream(block((b"proxy-connection", b"close"))),
    "Transfer-Encoding": OfStream(block((b"transfer-encoding", b"chunked"))),
    "Upgrade": OfStream(block((b"upgrade", b"websocket"))),
    "a length that is no number": OfStream(with_body(b"abc", (b"content-length", b"3x"))),
    "a negative length": OfStream(with_body(b"abc", (b"content-length", b"-3"))),
    "two lengths": OfStream(with_body(b"abc", (b"content-length", b"3"), (b"content-length", b"4"))),
    "more than the length": OfStream(with_body(b"abcd", (b"content-length", b"3"))),
    "less than the length": OfStream(with_body(b"ab", (b"content-length", b"3"))),
    "no body, but a length": OfStream(block((b"content-length", b"3"))),
    "an interim response that ends": OfStream(
        lambda peer, stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(b":status", b"103"))
    ),
    "trailers that do not end": OfStream(
        lambda peer, stream: frame(HEADERS, END_HEADERS, stream, STATUS) * 1
        + frame(DATA, 0, stream, b"abc")
        + frame(HEADERS, END_HEADERS, stream, literal(b"digest", b"x"))
    ),
    "a pseudo-field in trailers": OfStream(
        lambda peer, stream: frame(HEADERS, END_HEADERS, stream, STATUS)
        + frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(b":status", b"200"))
    ),
    "a window that is too large": OfStream(
        lambda peer, stream: frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7FFFFFFF)), FLOW_CONTROL_ERROR
    ),
    # RFC 9113, 6.9.2, asks for the end of the connection; nghttp2 resets the stream.
    "a window that new settings make too large": OfStream(
        lambda peer, stream: frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7FFF0000)) + settings((4, 0x10000)),
        FLOW_CONTROL_ERROR,
    ),
}


@pytest.mark.parametrize("name", OF_STREAM)
def test_a_malformed_response_resets_its_stream_alone(side_by_side: Callable[..., Any], name: str) -> None:
    fault = OF_STREAM[name]

    def handle(peer: Peer) -> None:
        peer.begin()
        first, *others = peer.expect(3)
        peer.send(fault.send(peer, first))
        for stream in others:
            peer.answer(stream)
        peer.bad = first

    with H2Server(handle) as server:
        first, *others = side_by_side(server.url)
    (peer,) = server.peers
    assert peer.resets == {peer.bad: fault.code} and not peer.goaways
    assert first["status"] == 0 and first["code"] == 1600 + fault.code, first
    assert first["error"].startswith("HTTP/2 protocol error: "), first
    assert [(a["status"], a["body"], a["proto"]) for a in others] == [(200, "fine", "HTTP/2.0")] * 2


def test_interim_responses_without_an_end(side_by_side: Callable[..., Any]) -> None:
    """Each of them is small. All together they may not be larger than a head."""

    def handle(peer: Peer) -> None:
        peer.begin()
        first, *others = peer.expect(3)
        peer.send(frame(HEADERS, END_HEADERS, first, literal(b":status", b"103") + literal(b"link", b"x" * 100)) * 1000)
        for stream in others:
            peer.answer(stream)
        peer.bad = first

    with H2Server(handle) as server:
        first, *others = side_by_side(server.url)
    (peer,) = server.peers
    assert peer.resets == {peer.bad: CANCEL} and not peer.goaways
    assert (first["code"], first["error"]) == (1900, "malformed response: the head has more than 65536 bytes (max_head_bytes= allows more)")
    assert [(a["status"], a["body"]) for a in others] == [(200, "fine")] * 2


@pytest.mark.parametrize("code", [c for c in range(14) if c != REFUSED_STREAM] + [99])
def test_a_server_resets_a_stream(side_by_side: Callable[..., Any], code: int) -> None:
    def handle(peer: Peer) -> None:
        peer.begin()
        first, *others = peer.expect(3)
        peer.send(reset(first, code))
        for stream in others:
            peer.answer(stream)

    with H2Server(handle) as server:
        first, *others = side_by_side(server.url)
    (peer,) = server.peers
    assert not peer.resets and not peer.goaways
    assert first["status"] == 0 and first["code"] == 1600 + (code if code < 14 else 0)
    assert first["error"].startswith("HTTP/2 stream reset: "), first
    assert [a["status"] for a in others] == [200, 200]


def test_a_reset_behind_a_complete_response_is_none(side_by_side: Callable[..., Any]) -> None:
    """RFC 9113, 8.1: a server that has answered may say that it does not want the rest of the request."""

    def handle(peer: Peer) -> None:
        peer.begin((4, 10))  # of the body ten bytes come
        while not peer.begun:
            peer.read_frame()
        (stream,) = peer.begun
        peer.answer(stream)
        peer.send(reset(stream, NO_ERROR))

    with H2Server(handle) as server:
        (answer,) = side_by_side(server.url, paths=("/",), method="post", options="data=b'x' * 100000")
    assert (answer["status"], answer["code"]) == (200, 0)


READ_SLOWLY = """
import asyncio, json, resource
import rampa

config = rampa.Config(options=rampa.Options(http2=True))

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    before, size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    async with worker.http.stream("GET", worker.env["BASE"], max_body_bytes=1 << 32) as r:
        async for chunk in r:
            if not size:
                more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
                await worker.http.get(worker.env["BASE"] + "/go-on")
            size += len(chunk)
    print(json.dumps([r.status, r.error, size, more]))
"""


@pytest.mark.parametrize("then", ["stays", "leaves"])
def test_a_few_bytes_that_stand_for_very_many_wait_as_they_came(
    rampa: Callable[..., Any], script: Callable[..., Path], then: str
) -> None:
    """Also when their reader looks only after their stream has ended, and after the connection has."""
    plain = 60 << 20
    body = zlib.compress(bytes(plain), 9)

    def handle(peer: Peer) -> None:
        peer.begin()
        (stream,) = peer.expect(1)
        peer.send(peer.headers(stream, [(":status", "200"), ("content-encoding", "deflate")], end=False))
        parts = [body[at : at + 16000] for at in range(0, len(body), 16000)]
        for part in parts:
            peer.send(frame(DATA, END_STREAM if part is parts[-1] else 0, stream, part))
        if then == "leaves":
            peer.expect(2)
            peer.send(goaway(stream))  # the other request is sent once more
            raise EOFError
        else:
            peer.answer(peer.expect(2)[1])

    def handle_next(peer: Peer) -> None:
        peer.begin()
        peer.answer(peer.expect(1)[0])

    path = script(READ_SLOWLY)
    with H2Server(handle, handle_next) as server:
        done = rampa("run", str(path), "--quiet", "--env", f"BASE={server.url}", out=True, code=0)
    status, error, size, more = json.loads(done.stdout)
    assert (status, error, size) == (200, None, plain)
    assert "ASAN_OPTIONS" in os.environ or more < 16 * 1024  # KiB
    assert done.count("http_reqs") == 2 and done.metrics()["http_req_failed"]["rate"] == 0
