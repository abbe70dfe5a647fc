# SPDX-License-Identifier: MIT
"""Streams whose request has a body that is made while it is sent: both ways at the same time, ends of every kind."""
from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faultserver import Close, ExpectRequest, FaultServer, Hang, Repeat, Reset, Send, answer

pytest.importorskip("hpack")
from h2server import CANCEL, DATA, END_STREAM, WINDOW_UPDATE, H2Server, Peer, frame, reset  # noqa: E402

Rampa = Callable[..., Any]
Script = Callable[..., Path]

HEAD = """
import asyncio, os
import rampa
from rampa import errors

config = rampa.Config(options=rampa.Options(iterations=1{options}))
closed = []

async def parts(*pieces):
    try:
        for piece in pieces:
            yield piece
            await asyncio.sleep(0)
    finally:
        closed.append("parts")

async def endless():
    try:
        while True:
            yield b"x" * 65536
    finally:
        closed.append("endless")

async def slow(*pieces):
    "Gives these, and then waits for ever."
    try:
        for piece in pieces:
            yield piece
        await asyncio.Event().wait()
    finally:
        closed.append("slow")

async def broken(event, *pieces):
    for piece in pieces:
        yield piece
    await event.wait()
    raise KeyError("mine")

async def default(worker):
    http, base = worker.http, worker.env["BASE"]
"""
H2 = ", http2=True"


def body(text: str, options: str = "") -> str:
    return HEAD.replace("{options}", options) + "".join(f"    {line}\n" for line in text.strip().splitlines())


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what comes, as it comes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def do_POST(self) -> None:
        heads: list[dict[str, str]] = self.server.heads  # type: ignore[attr-defined]
        heads.append(dict(self.headers.items()))
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        left = int(self.headers.get("Content-Length", 0))
        while left:
            piece = self.rfile.read1(min(left, 65536))
            left -= len(piece)
            self.chunk(piece)
        while self.headers.get("Transfer-Encoding") and (size := int(self.rfile.readline(), 16)):
            self.chunk(self.rfile.read(size))
            self.rfile.readline()
        if self.headers.get("Transfer-Encoding"):
            self.rfile.readline()
        self.chunk(b"")

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass  # a client that has gone away


@pytest.fixture(scope="module")
def echo() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Echo) as server:
        server.heads = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


EVERY_KIND = """
async def send(**options):
    async with http.stream("POST", base + "/echo", **options) as r:
        assert r.status == 200
        return await r.read()
data = open("large", "rb").read()
with open("large", "rb") as file:
    request = send(data=file)
    assert await request == data
file = open("large", "rb")
file.seek(1000)
assert await send(data=file) == data[1000:] and await send(data=file, chunked=True) == data[1000:]
form = await send(data={"a": "1"}, files={"f": file, "s": ("name", b"small", "x/y")})
assert data[1000:] in form and b"small" in form and form.count(b"Content-Disposition") == 3
many = [bytes([n]) * 50_000 for n in range(40)]
assert await send(data=parts(*many)) == b"".join(many) and closed == ["parts"]
assert await send(data=(piece for piece in many)) == b"".join(many)
assert await send(data=iter([b"a", "\\u00fc", bytearray(b"c")])) == b"a\\xc3\\xbcc"
assert await send(data=parts()) == b"" and await send(data=b"plain", chunked=True) == b"plain"
assert await asyncio.gather(*(send(data=parts(b"a", b"b")) for _ in range(4))) == [b"ab"] * 4
assert (await http.post(base + "/echo", data=parts(*many))).body == b"".join(many)
# Each piece is made when the one before has come back: both ways at the same time.
back = asyncio.Queue()
async def in_turn():
    for n in range(5):
        yield b"%d" % n
        assert await back.get() == b"%d" % n
async with http.stream("POST", base + "/echo", data=in_turn()) as r:
    async for chunk in r:
        back.put_nowait(chunk)
assert back.empty()
timings = (await http.post(base + "/echo", data=b"x")).timings
assert timings.connecting == 0  # on a connection that was kept
"""


def test_every_kind_of_body(rampa: Rampa, script: Script, tmp_path: Path, echo: Server) -> None:
    (tmp_path / "large").write_bytes(os.urandom(1 << 20))
    script(body(EVERY_KIND))
    done = rampa("run", "script.py", "--env", f"BASE=http://127.0.0.1:{echo.server_port}", out=True, code=0)
    heads = echo.heads  # type: ignore[attr-defined]
    assert heads[0]["Content-Length"] == str(1 << 20) and "Content-Length" not in heads[2]
    assert heads[4]["Transfer-Encoding"] == "chunked" and heads[4]["Content-Type"] == "application/octet-stream"
    assert done.count("http_reqs") == 16 and done.metrics()["http_req_failed"]["passes"] == 0


def test_every_kind_of_body_over_http2(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(1 << 20))
    script(body(EVERY_KIND, H2))

    def handle(peer: Peer) -> None:
        """Echoes each piece when it comes; the windows are open."""
        peer.begin((4, 1 << 30))
        peer.send(frame(8, 0, 0, (1 << 30).to_bytes(4, "big")))
        while True:
            kind, flags, stream, payload = peer.read_frame()
            if kind == 1:
                peer.send(peer.headers(stream, end=False))
            if kind == DATA:
                peer.send(frame(DATA, flags & END_STREAM, stream, payload))

    with H2Server(handle) as server:
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True, code=0)
        assert len(server.peers) == 1 and not server.peers[0].resets
    assert done.metrics()["http_req_failed"]["passes"] == 0


EARLY = """
async with http.stream("POST", base + "/early", data=endless()) as r:
    assert r.status == 413 and not r.ok
    assert await r.read() == b"no"
assert closed == ["endless"]
async with http.stream("POST", base + "/left", data=slow(b"x" * 100)) as r:
    assert r.status == 200
assert closed == ["endless", "slow"]
async with http.stream("POST", base + "/refused", data=slow(b"x" * 100), expect100=True) as r:
    assert r.status == 417
assert (await http.get(base + "/get")).status == 200
"""


def test_answers_before_the_end_of_the_body(rampa: Rampa, script: Script) -> None:
    """A refusal ends the sending, and the generator. So does a script that has seen enough."""
    script(body(EARLY))
    fine = answer(b"ok", length=10)
    with FaultServer(
        [Send(answer(b"no", 413)), Hang()], [Send(fine), Hang()], [Send(answer(b"", 417)), Hang()],
        [Repeat([ExpectRequest(), Send(answer())])],
    ) as server:  # fmt: skip
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True, code=0)
        server.wait_for_connections(4)
    assert not bytes(server.connections[2].received).endswith(b"x")
    assert {one["name"].rpartition("/")[2]: one["failed"] for one in done.result()["summary"]["requests"]} == {
        "early": 1, "left": 0, "refused": 1, "get": 0,
    }  # fmt: skip


def read_head(peer: Peer) -> int:
    known = set(peer.begun) | set(peer.requests)
    while not set(peer.begun) | set(peer.requests) > known:
        peer.read_frame()
    return max(set(peer.begun) | set(peer.requests))


def read_data(peer: Peer, stream: int) -> None:
    """A generator that has not begun has nothing to close."""
    while not peer.begun[stream].body:
        peer.read_frame()


def test_answers_before_the_end_of_the_body_over_http2(rampa: Rampa, script: Script) -> None:
    script(body(EARLY, H2))

    def handle(peer: Peer) -> None:
        peer.begin()
        early = read_head(peer)
        peer.send(peer.headers(early, [(":status", "413")], end=False))
        peer.send(frame(DATA, END_STREAM, early, b"no"))
        left = read_head(peer)
        peer.send(frame(WINDOW_UPDATE, 0, 0, (1 << 20).to_bytes(4, "big")))  # the first request has used all of it
        read_data(peer, left)
        peer.send(peer.headers(left, end=False))
        refused = read_head(peer)
        peer.send(peer.headers(refused, [(":status", "417")]))
        (get,) = peer.expect(1)
        assert peer.resets == {early: CANCEL, left: CANCEL, refused: CANCEL} and not peer.begun[refused].body
        peer.answer(get)

    with H2Server(handle) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 1


BROKEN = """
now, later = asyncio.Event(), asyncio.Event()
now.set()
async def attempt(name, source, read):
    try:
        async with http.stream("POST", base + "/" + name, data=source, name=name) as r:
            later.set()
            await read(r)
    except (KeyError, TypeError) as error:
        print(name, type(error).__name__, error)
    else:
        print(name, "no error")
async def whole(r):
    await r.read()
async def swallow(r):
    try:
        await r.read()
    except KeyError:
        pass
async def look_away(r):
    while not r._body.has_ended:
        await asyncio.sleep(0)
await attempt("at a read", broken(later, b"x"), whole)
later.clear()
await attempt("at the end of the block", broken(later, b"x"), look_away)
later.clear()
await attempt("at a read that swallows it", broken(later, b"x"), swallow)
await attempt("before the head", broken(now, b"x"), whole)  # the request may not have been sent yet
await attempt("of what is no bytes", parts(b"x", 5), whole)
"""
TOLD = [
    "at a read KeyError 'mine'",
    "at the end of the block KeyError 'mine'",
    "at a read that swallows it no error",
    "before the head KeyError 'mine'",
    "of what is no bytes TypeError data: what makes a body gives bytes or text, not int",
]


def test_a_generator_that_raises(rampa: Rampa, script: Script) -> None:
    """The script is told once, by the await that finds it out, or at the end of the block."""
    script(body(BROKEN))
    begun = [Send(answer(b"ok", length=10)), Hang()]
    with FaultServer(begun, begun, begun, [Hang()]) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", out=True, code=1)  # nothing has succeeded
    assert done.stdout.splitlines() == TOLD
    assert done.count("http_reqs") == 5 and done.metrics()["http_req_failed"]["passes"] == 5


def test_a_generator_that_raises_over_http2(rampa: Rampa, script: Script) -> None:
    """The stream is reset, and the connection goes on."""
    script(body(BROKEN, H2))

    def handle(peer: Peer) -> None:
        peer.begin()
        for _ in range(3):
            stream = read_head(peer)
            peer.send(peer.headers(stream, end=False))
            while stream not in peer.resets:
                peer.read_frame()
            assert peer.resets[stream] == CANCEL

    with H2Server(handle) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=1)
        assert len(server.peers) == 1
    assert done.stdout.splitlines() == TOLD


def test_a_server_that_goes_away(rampa: Rampa, script: Script) -> None:
    """The request fails, the generator is closed, whether it runs or waits."""
    text = """
async def attempt(source):
    try:
        async with http.stream("POST", base + "/gone", data=source) as r:
            await r.read()
    except errors.RequestError as error:
        print(error.error_code, closed)
await attempt(endless())
await attempt(slow(b"x" * 10))
"""
    script(body(text))
    gone = [Send(answer(b"o", length=10)), Reset()]
    with FaultServer(gone, [Send(answer(b"o", length=10)), Close()]) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=1)
    first, second = done.stdout.splitlines()
    assert first.endswith("['endless']") and second.endswith("['endless', 'slow']"), done.stdout
    script(body(text, H2))

    def handle(peer: Peer) -> None:
        peer.begin()
        for _ in range(2):
            stream = read_head(peer)
            peer.send(peer.headers(stream, end=False) + reset(stream, CANCEL))

    with H2Server(handle) as h2:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={h2.url}", code=1)
    assert done.stdout.splitlines() == ["1608 ['endless']", "1608 ['endless', 'slow']"]


def test_a_script_that_gives_up(rampa: Rampa, script: Script) -> None:
    """Its time-out, its iteration's end and the end of the run close the generator, and the request was cancelled."""
    script(
        body(
            """
try:
    async with asyncio.timeout(0.05), http.stream("POST", base + "/head", data=slow(b"x"), name="gave up"):
        raise AssertionError("there is no head")
except TimeoutError:
    pass
task = asyncio.create_task(http.stream("POST", base + "/head", data=slow(b"x"), name="gave up").__aenter__())
while not await asyncio.sleep(0) and len(closed) < 1:
    pass
task.cancel()
await asyncio.wait([task])
assert closed == ["slow", "slow"] and task.cancelled(), closed
stream = http.stream("POST", base + "/again", data=slow(b"x"), timeout=0.05, raise_errors=False, name="too late")
async with stream as r:
    assert r.error == "request timeout"
try:
    async with stream:
        raise AssertionError("it was used")
except RuntimeError as error:
    print(error)
http.stream("POST", base + "/unused", data=slow())
"""
        )
    )
    with FaultServer([Hang()]) as server:
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True, code=1)
    assert done.stdout.splitlines()[0] == "a stream is used once, in async with"
    requests = {one["name"]: (one["count"], one["failed"]) for one in done.result()["summary"]["requests"]}
    assert requests == {"gave up": (2, 2), "too late": (1, 1)}


def test_the_end_of_the_run(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(
        """
import asyncio, rampa

async def slow():
    try:
        yield b"x"
        await asyncio.Event().wait()
    finally:
        with open("closed", "a") as file:
            file.write("x")

@rampa.scenario(executor="constant-vus", vus=3, duration="3s", graceful_stop="0s")
async def go(worker):
    async with worker.http.stream("POST", worker.env["BASE"], data=slow()) as r:
        await r.read()
"""
    )
    with FaultServer([Send(answer(b"o", length=10)), Hang()]) as server:
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True)
    assert (tmp_path / "closed").read_text() == "xxx"
    assert done.count("http_reqs") == 3 and "task" not in done.stderr, done.stderr


def test_redirects(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """A file is sent again, and no generator."""
    (tmp_path / "large").write_bytes(b"0123456789" * 10_000)
    script(
        body(
            """
async with http.stream("POST", base + "/moved", data=open("large", "rb")) as r:
    assert r.status == 200 and await r.read() == b"ok"
try:
    async with http.stream("POST", base + "/moved", data=parts(b"a")) as r:
        pass
except errors.RequestError as error:
    print(error)
"""
        )
    )
    moved = answer(b"", 307, [("Location", "/there")])
    steps = [ExpectRequest(), Send(moved), ExpectRequest(), Send(answer()), ExpectRequest(), Send(moved), Hang()]
    with FaultServer(steps) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    assert [request.body[:11] for request in server.requests] == [b"01234567890"] * 2 + [b"a"]
    assert "the body cannot be sent a second time" in done.stdout
