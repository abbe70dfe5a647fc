# SPDX-License-Identifier: MIT
"""Bodies that are made while they are sent, over HTTP/2: windows, pauses, early answers, resets, 100 Continue."""
from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_http2 import Server, count_of, files, nghttpd

pytest.importorskip("hpack")
from h2server import (  # noqa: E402
    CANCEL,
    DATA,
    END_STREAM,
    H2Server,
    INTERNAL_ERROR,
    NO_ERROR,
    Peer,
    REFUSED_STREAM,
    WINDOW_UPDATE,
    frame,
    goaway,
    reset,
    serve,
)

Rampa = Callable[..., Any]
Script = Callable[..., Path]

__all__ = ["files", "nghttpd"]  # fixtures

HEAD = """
import asyncio, os, rampa
from rampa.errors import RequestError
config = rampa.Config(options=rampa.Options(iterations=1, http2=True))

async def parts(*pieces, pause=False):
    for piece in pieces:
        yield piece
        if pause:
            await asyncio.sleep(0)

async def default(worker):
    base, http = worker.env["BASE"], worker.http
    assert (await http.get(base + "/small")).status == 200  # then the client knows the server's settings
"""
INITIAL_WINDOW = 4


def begin(peer: Peer, window: int = 65_535) -> None:
    """A server with this window, which the client knows."""
    peer.begin((INITIAL_WINDOW, window))
    (first,) = peer.expect(1)
    peer.answer(first)
    del peer.requests[first]


def body(text: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines())


def open_windows(peer: Peer, stream: int, size: int) -> None:
    for which in 0, stream:
        peer.send(frame(WINDOW_UPDATE, 0, which, size.to_bytes(4, "big")))


def read_head(peer: Peer) -> int:
    """The stream of the next request, whose body has not come."""
    known = set(peer.begun) | set(peer.requests)
    while not set(peer.begun) | set(peer.requests) > known:
        peer.read_frame()
    return max(set(peer.begun) | set(peer.requests))


def test_a_server_that_is_not_ours(rampa: Rampa, script: Script, nghttpd: Server, tmp_path: Path) -> None:
    """Files, generators and forms beside each other, on one connection, and each comes back as it was sent."""
    (tmp_path / "large").write_bytes(os.urandom(2 << 20))
    script(
        body(
            """
data = open("large", "rb").read()
echo = base + "/echo"
pieces = [bytes([n]) * 10_000 for n in range(40)]
file, made, slow, small, form = await asyncio.gather(
    http.put(echo, data=open("large", "rb")),
    http.post(echo, data=parts(*pieces)),
    http.post(echo, data=parts(*pieces[:5], pause=True), chunked=True),
    http.post(echo, data=parts()),
    http.post(echo, data={"a": "1"}, files={"f": open("large", "rb")}),
)
assert file.body == data and made.body == b"".join(pieces) and slow.body == b"".join(pieces[:5]) and small.body == b""
assert data in form.body and all(r.status == 200 and r.proto == "HTTP/2.0" for r in (file, made, slow, small, form))
assert all(r.timings.sending >= 0 and r.timings.waiting >= 0 for r in (file, made, slow, small, form))
assert (await http.get(base + "/small")).timings.connecting == 0  # on the same connection
"""
        )
    )
    done = rampa("run", "script.py", "--env", f"BASE=http://127.0.0.1:{nghttpd.port}", out=True, code=0)
    assert done.count("data_sent") > 4 << 20
    log = nghttpd.read_log()
    assert count_of(log, "recv RST_STREAM|recv GOAWAY") == 0
    assert len(set(re.findall(r"^\[id=(\d+)\].*:path:", log, re.MULTILINE))) == 1
    assert count_of(log, "transfer-encoding") == 0 and count_of(log, f"content-length: {2 << 20}") >= 1


def test_windows(rampa: Rampa, script: Script) -> None:
    """The client sends what the window of the stream allows, and asks the generator for little more."""
    script(
        body(
            """
asked = 0
async def counted():
    nonlocal asked
    for n in range(100):
        asked += 1
        yield bytes([n % 251]) * 10_000
async def other():
    while asked < 20:  # until the generator waits for the server
        await asyncio.sleep(0.01)
    assert (await http.get(base + "/other")).status == 200
    assert asked < 50, asked
    await http.get(base + "/go")
r, _ = await asyncio.gather(http.post(base + "/up", data=counted()), other())
assert r.status == 200 and asked == 100
"""
        )
    )

    def handle(peer: Peer) -> None:
        begin(peer, 1000)
        upload = read_head(peer)
        (other,) = peer.expect(1)
        while len(peer.begun[upload].body) < 1000:
            peer.read_frame()
        peer.answer(other)
        peer.answer(max(peer.expect(2)))
        sent = 1000
        for size in 1, 15_000, 300_000:
            open_windows(peer, upload, size)
            sent += size
            while len(peer.begun[upload].body) < sent:
                peer.read_frame()
            assert len(peer.begun[upload].body) == sent
        open_windows(peer, upload, 1_000_000)
        peer.expect(3)
        assert peer.requests[upload].body == b"".join(bytes([n % 251]) * 10_000 for n in range(100))
        peer.answer(upload)

    with H2Server(handle) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)


def test_100_continue(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
assert (await http.post(base + "/wait", data=b"x" * 100, expect100=True)).status == 200
assert (await http.post(base + "/refuse", data=parts(b"ab"), expect100=True)).status == 417
r = await http.post(base + "/silent", data=parts(b"cd"), expect100=True)
assert r.status == 200 and r.timings.sending >= 900, r.timings
"""
        )
    )

    def handle(peer: Peer) -> None:
        begin(peer)
        first = read_head(peer)
        assert peer.begun[first].fields["expect"] == "100-continue" and not peer.begun[first].body
        peer.send(peer.headers(first, [(":status", "100")], end=False))
        peer.expect(1)
        assert peer.requests[first].body == b"x" * 100
        peer.answer(first)
        second = read_head(peer)
        peer.send(peer.headers(second, [(":status", "417")]))
        third = read_head(peer)
        peer.expect(2)
        assert peer.resets == {second: CANCEL} and not peer.begun[second].body
        assert peer.requests[third].body == b"cd"
        peer.answer(third)

    with H2Server(handle) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 1


def test_answers_before_the_end_of_the_body(rampa: Rampa, script: Script) -> None:
    """A refusal ends the sending. An answer that begins early does not, as a stream goes both ways. The connection is kept."""
    script(
        body(
            """
closed = []
async def endless():
    try:
        while True:
            yield b"x" * 65536
    finally:
        closed.append(1)
r = await http.post(base + "/refused", data=endless())
assert r.status == 413 and r.body == b"no" and closed == [1], (r, closed)
r = await http.post(base + "/echo", data=parts(b"a" * 5000, b"b" * 5000, pause=True))
assert r.status == 200 and r.body == b"a" * 5000 + b"b" * 5000, r
r = await http.post(base + "/enough", data=endless())
assert r.status == 200 and r.body == b"enough" and closed == [1, 1], (r, closed)
"""
        )
    )

    def handle(peer: Peer) -> None:
        begin(peer, 5000)
        refused = read_head(peer)
        peer.send(peer.headers(refused, [(":status", "413")], end=False))
        peer.send(frame(DATA, END_STREAM, refused, b"no"))
        echo = read_head(peer)
        peer.send(peer.headers(echo, [(":status", "200")], end=False))
        while len(peer.begun[echo].body) < 5000:
            peer.read_frame()
        peer.send(frame(DATA, 0, echo, peer.begun[echo].body))
        open_windows(peer, echo, 10_000)  # for the end too, which comes by itself
        peer.expect(1)
        peer.send(frame(DATA, END_STREAM, echo, peer.requests[echo].body[5000:]))
        enough = read_head(peer)
        while len(peer.begun[enough].body) < 5000:
            peer.read_frame()
        peer.answer(enough, b"enough")
        peer.send(reset(enough, NO_ERROR))
        peer.read_to_end()
        assert peer.resets == {refused: CANCEL, enough: CANCEL} and not peer.goaways

    with H2Server(handle) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 1


def test_resets_and_bodies_that_end_badly(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """The stream ends, and the connection goes on."""
    (tmp_path / "large").write_bytes(b"0" * 200_000)
    script(
        body(
            """
closed = []
async def endless():
    try:
        while True:
            yield b"x" * 65536
    finally:
        closed.append(1)
async def broken():
    yield b"x" * 10
    await asyncio.sleep(0.01)
    raise KeyError("mine")
async def other():
    return await http.get(base + "/other")
r, _ = await asyncio.gather(http.post(base + "/reset", data=endless(), raise_errors=False), other())
assert r.error == "HTTP/2 stream reset: CANCEL" and r.error_code == 1608 and closed == [1], (r, closed)
try:
    await http.post(base + "/broken", data=broken())
except KeyError as error:
    print("raised", error)
request = http.post(base + "/short", data=open("large", "rb"), raise_errors=False)
os.truncate("large", 100_000)
r = await request
print("short", r.error_code, r.error)
"""
        )
    )

    def handle(peer: Peer) -> None:
        begin(peer)
        first, other = read_head(peer), 0
        while not other:
            peer.read_frame()
            other = next(iter(peer.requests), 0)
        peer.send(reset(first, CANCEL))
        peer.answer(other)
        broken = read_head(peer)
        while broken not in peer.resets:
            peer.read_frame()
        short = read_head(peer)
        open_windows(peer, short, 200_000)
        while short not in peer.resets:
            peer.read_frame()
        assert peer.resets == {broken: CANCEL, short: INTERNAL_ERROR}
        assert len(peer.begun[short].body) <= 100_000

    with H2Server(handle) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 1
    assert "raised 'mine'" in done.stdout and "short 1010 " in done.stdout, done.stdout


def test_what_is_repeated(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """A refused stream, GOAWAY, a redirect: a file is sent once more, and no generator that has begun."""
    (tmp_path / "large").write_bytes(bytes(range(250)) * 200)
    script(
        body(
            """
for path in "/refuse", "/refuse", "/redirect":
    with open("large", "rb") as file:
        r = await http.put(base + path, data=file)
        assert r.status == 200 and len(r.history) == (path == "/redirect"), r
r = await http.put(base + "/refuse", data=parts(b"a" * 100), raise_errors=False)
print("refused", r.error_code, r.error)
r = await http.put(base + "/redirect", data=parts(b"b" * 100), raise_errors=False)
print("redirected", r.error_code, r.error)
r = await http.put(base + "/goaway", data=open("large", "rb"))
assert r.status == 200
"""
        )
    )
    data = bytes(range(250)) * 200

    def finish(peer: Peer) -> int:
        """Reads the next request to its end, which needs an open window."""
        stream = read_head(peer)
        open_windows(peer, stream, 100_000)
        while stream not in peer.requests:
            peer.read_frame()
        assert peer.requests[stream].body == data or stream == generator
        return stream

    generator = 0

    def first(peer: Peer) -> None:
        nonlocal generator
        begin(peer, 99)
        for wait in 0, 99:
            refused = read_head(peer)
            while len(peer.begun[refused].body) < wait:
                peer.read_frame()
            peer.send(reset(refused, REFUSED_STREAM))
            peer.answer(finish(peer))
        moved = finish(peer)
        peer.send(peer.headers(moved, [(":status", "307"), ("location", "/there")]))
        there = finish(peer)
        assert peer.requests[there].fields[":path"] == "/there"
        peer.answer(there)
        refused = read_head(peer)
        while len(peer.begun[refused].body) < 99:
            peer.read_frame()
        peer.send(reset(refused, REFUSED_STREAM))
        generator = refused + 2
        peer.send(peer.headers(finish(peer), [(":status", "307"), ("location", "/there")]))
        away = read_head(peer)
        peer.send(goaway(away - 2))

    with H2Server(first, serve) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 2 and [r.body for r in server.peers[1].requests.values()] == [data]
    assert "refused 1607 HTTP/2 stream refused: REFUSED_STREAM" in done.stdout
    assert "redirected 1000 send failed: the body cannot be sent a second time" in done.stdout


def test_goaway_in_the_middle(rampa: Rampa, script: Script) -> None:
    """The server finishes what it has begun: the upload goes on, and the next request has a new connection."""
    script(
        body(
            """
r = await http.post(base + "/up", data=parts(*[b"x" * 10_000] * 50))
assert r.status == 200
assert (await http.get(base + "/next")).timings.connecting > 0
"""
        )
    )

    def handle(peer: Peer) -> None:
        begin(peer, 50_000)
        upload = read_head(peer)
        while len(peer.begun[upload].body) < 50_000:
            peer.read_frame()
        peer.send(goaway(upload))
        open_windows(peer, upload, 450_000)
        peer.expect(1)
        assert peer.requests[upload].body == b"x" * 500_000
        peer.answer(upload)

    with H2Server(handle, serve) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 2


def test_a_window_that_stays_closed(rampa: Rampa, script: Script) -> None:
    """A stalled upload ends by its time-out, and others on the same connection do not wait for it."""
    script(
        body(
            """
async def other():
    return await http.get(base + "/other")
r, fine = await asyncio.gather(http.post(base + "/up", data=parts(*[b"x" * 10_000] * 50), timeout=0.5, raise_errors=False), other())
assert r.error == "request timeout" and r.error_code == 1050 and fine.status == 200, r
"""
        )
    )

    def handle(peer: Peer) -> None:
        begin(peer, 0)
        upload = read_head(peer)
        (other,) = peer.expect(1)
        peer.answer(other)
        peer.read_to_end()
        assert peer.resets == {upload: CANCEL} and not peer.begun[upload].body

    with H2Server(handle) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 1
