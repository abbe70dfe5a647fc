# SPDX-License-Identifier: MIT
"""WebSockets that streams of HTTP/2 carry (RFC 8441): through haproxy to a server that is not ours, and with every fault."""
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import OPENSSL, Pki
from finished import Finished
from h2server import CANCEL, END_STREAM, HEADERS, RST_STREAM, Fields, H2Server, Peer, frame, goaway, reset
from h2server import DATA as DATA_FRAME
from test_http2 import start
from test_websocket import HEAD
from wsfaults import closing
from wsfaults import frame as ws_frame
from wsserver import WsServer

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
ALLOWED = (8, 1)  # SETTINGS_ENABLE_CONNECT_PROTOCOL

Rampa = Callable[..., Finished]
Script = Callable[..., Path]


@pytest.fixture
def run(rampa: Rampa, script: Script) -> Callable[..., Finished]:
    """Runs an async function, given as its lines, in one iteration."""

    def run(lines: str, url: str, *words: str, code: int = 0, **more: object) -> Finished:
        body = "".join(f"    {line}\n" for line in lines.strip("\n").splitlines())
        script(HEAD.format(url=url) + f"async def default(worker):\n{body}")
        done = rampa("run", "script.py", "-i", "1", *words, out=True, **more)
        assert done.code == code, done.stdout + done.stderr
        return done

    return run


# ---- haproxy in front of python3-websockets -----------------------------------------------------------------------------

CONFIG = """
global
    maxconn 200
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
frontend both
    bind 127.0.0.1:{port} ssl crt {pem} alpn h2,http/1.1
    http-request deny deny_status 403 if {{ path /forbidden }}
    default_backend sockets
backend sockets
    server one 127.0.0.1:{backend}
"""


@pytest.fixture(scope="module")
def behind() -> Iterator[WsServer]:
    with WsServer() as server:
        yield server


@pytest.mark.skipif(not HAPROXY or not OPENSSL, reason="no haproxy or openssl")
def test_through_haproxy(run: Callable[..., Finished], behind: WsServer, tmp_path: Path) -> None:
    """Several sessions on one connection, large messages both ways, compression, pings, close codes, a refusal."""
    pki = Pki(tmp_path)
    good = pki.issue("good")
    pem = tmp_path / "haproxy.pem"
    pem.write_text(good.chain.read_text() + good.key.read_text())

    def words(port: int) -> list[str | Path]:
        (tmp_path / "haproxy.cfg").write_text(CONFIG.format(port=port, pem=pem, backend=behind.port))
        assert HAPROXY
        return [HAPROXY, "-f", tmp_path / "haproxy.cfg"]

    proxy = start(words, tmp_path / "haproxy.log")
    behind.seen.clear()
    behind.closed.clear()
    done = run(
        f"""
options = dict(http2=True, verify={str(pki.root.file)!r})
worker.http.cookies.set("sid", "1", url=URL.replace("wss", "https"))

async def talk(n):
    async with worker.ws.connect(URL + "/echo", protocols=["v2"], compress=n % 2 == 1, **options) as s:
        assert (s.subprotocol, s.response.status, s.closed) == ("v2", 200, False), s.response.status
        big = os.urandom(1 << 20)
        for data in ("h\\u00e9llo", b"", big, big, "x" * 70000):
            assert await s.request(data) == data
        assert await s.ping() > 0
        texts = [str(i) for i in range(200)]
        for text in texts:
            await s.send(text)
        assert [await s.receive() for _ in texts] == texts
    assert (s.closed, s.close_code) == (True, 1000)

import os
await asyncio.gather(*(talk(n) for n in range(4)))
s = await worker.ws.connect(URL + "/echo", **options)
await s.close(4321, "so long")
s = await worker.ws.connect(URL + "/close", **options)
assert [m async for m in s] == ["one", "two", "three"]
assert (s.close_code, s.close_reason) == (4001, "enough \\x1b[31m")
with raises(errors.WebSocketHandshakeError, status=403) as caught:
    await worker.ws.connect(URL + "/forbidden", **options)
assert "status 403, not 200" in str(caught.error) and b"403" in caught.error.response.body
s = await worker.ws.connect(URL + "/abort", **options)
await s.send("x")
with raises(errors.WebSocketClosed, code=1006):
    await s.receive()
left = await worker.ws.connect(URL + "/echo?left=1", **options)
""",
        f"wss://localhost:{proxy.port}",
    )
    behind.wait_for_rest()
    proxy.read_log()
    assert sorted(code for path, code in behind.closed if path == "/echo") == [1000] * 5 + [4321]
    seen = [{name.lower(): value for name, value in fields.items()} for _, fields in behind.seen]
    assert all(fields["cookie"] == "sid=1" and "sec-websocket-key" in fields for fields in seen)
    assert (done.count("ws_sessions"), done.count("tls_full_handshakes")) == (8, 1)
    assert done.count("ws_errors") == 2 and done.metrics()["ws_session_duration"]["count"] == 8
    assert done.count("data_sent") > 8 << 20 < done.count("data_received")
    assert done.metrics().get("http_reqs", {"count": 0})["count"] == 0


# ---- a server that keeps to a script -------------------------------------------------------------------------------------


def accept(peer: Peer, fields: Fields | None = None) -> int:
    """The next request that asks for a WebSocket, once it has been answered with 200 and these fields."""
    known = set(peer.begun)
    while not (fresh := set(peer.begun) - known):
        peer.read_frame()
    (stream,) = fresh
    asked = peer.begun[stream].fields
    assert (asked[":method"], asked[":protocol"], asked[":scheme"]) == ("CONNECT", "websocket", "http"), asked
    assert asked["sec-websocket-version"] == "13" and asked[":path"].startswith("/") and asked[":authority"]
    assert not {"connection", "upgrade", "sec-websocket-key", "host", "transfer-encoding", "content-length"} & set(asked), asked
    peer.send(peer.headers(stream, [(":status", "200"), *(fields or [])], end=False))
    return stream


def data(stream: int, payload: bytes, end: bool = False) -> bytes:
    return frame(DATA_FRAME, END_STREAM if end else 0, stream, payload)


def until_end(peer: Peer, stream: int) -> bytes:
    """What the client sends on the stream until its end, unmasked and without the heads of frames that are short."""
    while stream not in peer.requests and stream not in peer.resets:
        peer.read_frame()
    body, text = (peer.requests.get(stream) or peer.begun[stream]).body, b""
    while body:
        length = body[1] & 127
        assert body[1] & 128 and length < 126, body[:2]
        text += bytes(byte ^ body[2 + i % 4] for i, byte in enumerate(body[6 : 6 + length]))
        body = body[6 + length :]
    return text


def test_the_settings_are_waited_for(run: Callable[..., Finished]) -> None:
    """Nothing is asked for before the server has allowed it; both sides end the stream after the close frames."""

    def serve(peer: Peer) -> None:
        peer.read(24)
        peer.answers_settings = False
        while len(peer.frames) < 2:  # its settings and its window
            peer.read_frame()
        assert not [kind for kind, _, _ in peer.frames if kind == HEADERS]
        peer.send(frame(4, 0, 0, b"\0\x08\0\0\0\1"))
        streams = [accept(peer), accept(peer)]
        for stream in streams:
            peer.send(data(stream, ws_frame(1, b"hel", fin=False)) + data(stream, ws_frame(0, b"lo")))
        for stream in streams:
            peer.send(data(stream, closing(4000, b"bye")))
        for stream in streams:
            assert until_end(peer, stream) == b"\x0f\xa0"  # the code, and nothing else
            assert stream in peer.requests
            peer.send(data(stream, b"", end=True))

    with H2Server(serve) as server:
        done = run(
            """
for s in await asyncio.gather(*(asyncio.ensure_future(one()) for one in [
        lambda n=n: worker.ws.connect(URL + "/", http2=True).__aenter__() for n in range(2)])):
    assert [m async for m in s] == ["hello"]
    assert (s.close_code, s.close_reason) == (4000, "bye")
""",
            server.url.replace("http", "ws"),
        )
        assert len(server.peers) == 1
    assert done.count("ws_sessions") == 2 and done.count("ws_errors") == 0


def test_how_streams_end(run: Callable[..., Finished]) -> None:
    """A reset, the end of a stream and of its connection are no close frame; GOAWAY leaves what is under way."""

    def serve(peer: Peer) -> None:
        peer.begin(ALLOWED)
        stream = accept(peer)
        peer.send(data(stream, ws_frame(1, b"half", fin=False)) + reset(stream, CANCEL))
        stream = accept(peer)
        peer.send(data(stream, ws_frame(1, b"last") + ws_frame(1, b"half", fin=False), end=True))
        stream = accept(peer)
        peer.send(data(stream, ws_frame(1, b"wrong \xff")))
        assert until_end(peer, stream)[:2] == b"\x03\xef"  # 1007
        stream = accept(peer)
        peer.send(goaway(stream) + data(stream, ws_frame(1, b"on")))
        while not peer.begun[stream].body:
            peer.read_frame()
        peer.send(data(stream, closing(1001)))
        until_end(peer, stream)
        peer.send(data(stream, b"", end=True))

    def again(peer: Peer) -> None:
        peer.begin(ALLOWED)
        accept(peer)
        peer.send(goaway(2**31 - 1, 2, b"\x1b[31mbroken"))
        peer.socket.shutdown(2)

    with H2Server(serve, again) as server:
        done = run(
            """
async def open():
    return await worker.ws.connect(URL + "/", http2=True)
s = await open()
with raises(errors.WebSocketClosed, code=1006, error_code=1608) as caught:
    await s.receive()
assert "the stream has ended without a close frame: HTTP/2 stream reset: CANCEL" in str(caught.error), caught.error
s = await open()
assert await s.receive() == "last"
with raises(errors.WebSocketClosed, code=1006, error_code=1901):
    await s.receive()
s = await open()
with raises(errors.WebSocketClosed, code=1007):
    await s.receive()
s = await open()
assert await s.receive() == "on"
await s.send("still here")
with raises(errors.WebSocketClosed, code=1001, error_code=0):
    await s.receive()
s = await open()
with raises(errors.WebSocketClosed, code=1006, error_code=1602) as caught:
    await s.receive()
assert "\\x1b" not in str(caught.error), caught.error
""",
            server.url.replace("http", "ws"),
        )
        assert len(server.peers) == 2
    assert done.count("ws_sessions") == 5 and done.count("ws_errors") == 4


def test_who_does_not_agree(run: Callable[..., Finished], target: str) -> None:
    """A server without the setting, refusals, a stream that was not processed, a server of HTTP/1.1, a test without HTTP/2."""

    def without(peer: Peer) -> None:
        peer.begin((8, 0))

    def refuse(peer: Peer) -> None:
        peer.begin(ALLOWED)
        while not peer.begun:
            peer.read_frame()
        peer.send(peer.headers(1, [(":status", "403"), ("content-type", "text/plain")], end=False) + data(1, b"not for you", end=True))
        while 3 not in peer.begun:
            peer.read_frame()
        peer.send(peer.headers(3, [(":status", "200"), ("sec-websocket-protocol", "other")], end=False))
        while 5 not in peer.begun:
            peer.read_frame()
        peer.send(reset(5, 7))
        accept(peer)
        peer.send(data(7, closing(1000)))
        until_end(peer, 7)

    with H2Server(without) as plain, H2Server(refuse) as server:
        done = run(
            f"""
other = {plain.url.replace("http", "ws")!r}
with raises(errors.RequestError, error_code=1600) as caught:
    await worker.ws.connect(other + "/", http2=True)
assert "no WebSocket over HTTP/2: the settings of the server do not allow it" in str(caught.error), caught.error
with raises(errors.RequestError, error_code=1600):
    await worker.ws.connect(other + "/", http2=True)
with raises(errors.WebSocketHandshakeError, status=403, error_code=1403) as caught:
    await worker.ws.connect(URL + "/", http2=True)
assert caught.error.response.body == b"not for you" and "status 403, not 200" in str(caught.error)
with raises(errors.WebSocketHandshakeError, status=200, error_code=1900) as caught:
    await worker.ws.connect(URL + "/", http2=True, protocols=["v1"])
assert "the answer 200 of the server is wrong" in str(caught.error), caught.error
s = await worker.ws.connect(URL + "/", http2=True)
with raises(errors.WebSocketClosed, code=1000):
    await s.receive()
with raises(errors.RequestError) as caught:
    await worker.ws.connect({target.replace("http", "ws")!r} + "/nowhere", http2=True)
assert "not allow" in str(caught.error), caught.error
with raises(TypeError):
    worker.ws.connect(URL, http2="yes")
""",
            server.url.replace("http", "ws"),
        )
        assert len(server.peers) == 1 and RST_STREAM in [kind for kind, _, _ in server.peers[0].frames]
        assert done.count("ws_sessions") == 1 and done.count("ws_errors") == 5
        done = run(
            """
with raises(ValueError) as caught:
    await worker.ws.connect(URL, http2=True)
assert "HTTP/1.1 only" in str(caught.error)
""",
            server.url.replace("http", "ws"),
            "--no-http2",
        )


def test_a_url_by_http2(rampa: Rampa) -> None:
    def serve(peer: Peer) -> None:
        peer.begin(ALLOWED)
        stream = accept(peer)
        for n in range(3):
            while len(peer.begun[stream].body) < (n + 1) * 8:  # a head, a mask, and "hi"
                peer.read_frame()
            peer.send(data(stream, ws_frame(1, b"yes")))

    with H2Server(serve) as server:
        done = rampa("run", server.url.replace("http", "ws") + "/a", "--http2", "--body", "hi", "-i", "3", out=True, code=0)
        assert len(server.peers) == 1
    assert (done.count("ws_sessions"), done.count("ws_msgs_received"), done.count("ws_errors")) == (1, 3, 0)


def test_a_stream_that_lingers_keeps_no_connection_for_the_next_iteration(rampa: Rampa) -> None:
    """With --no-vu-reuse: the server has closed the WebSocket, and leaves its stream open."""

    def serve(peer: Peer) -> None:
        peer.begin(ALLOWED)
        while True:  # the end of the connection ends it
            stream = accept(peer)
            while len(peer.begun[stream].body) < 8:
                peer.read_frame()
            peer.send(data(stream, ws_frame(1, b"yes") + closing(1000)))
            until_end(peer, stream)

    with H2Server(serve) as server:
        url = server.url.replace("http", "ws") + "/a"
        done = rampa("run", url, "--http2", "--body", "hi", "-i", "3", "--no-vu-reuse", out=True, code=0)
        assert len(server.peers) == 3
    assert (done.count("ws_sessions"), done.count("ws_errors")) == (3, 0)


def test_one_iteration_shows_the_request(rampa: Rampa) -> None:
    def serve(peer: Peer) -> None:
        peer.begin(ALLOWED)
        accept(peer, [("x-secret", "s3cret")])  # and nothing more: its close frame is missing

    with H2Server(serve) as server:
        done = rampa("run", server.url.replace("http", "ws") + "/a", "--http2", "--once", "-H", "X-Token: s3cret", "--timeout", "5s", code=1, timeout=60)
    for line in ("> CONNECT /a HTTP/2.0", "> :protocol: websocket", "> x-token: ***", "< HTTP/2.0 200", "< x-secret: ***"):
        assert line in done.stdout.splitlines(), done.stdout
    assert "s3cret" not in done.stdout and done.stdout.count("> CONNECT") == 1
