# SPDX-License-Identifier: MIT
"""HTTP/2 as what https:// speaks when the server chooses it: beside HTTP/1.1, with the options of connections, in what --once shows."""
from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL, Pki
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer
from test_http2 import Secure, files, nginx
from tlsserver import OK, context_of, read_request

pytest.importorskip("hpack")
from h2server import DATA, END_STREAM, H2Server, Peer, frame, serve  # noqa: E402

Rampa = Callable[..., Any]
Script = Callable[..., Path]

__all__ = ["files", "nginx"]  # fixtures
pytestmark = pytest.mark.skipif(not OPENSSL, reason="no openssl")

HEAD = """
import asyncio, os, rampa
config = rampa.Config(options=rampa.Options({options}))

async def default(worker):
    base, http, gather = worker.env["BASE"], worker.http, asyncio.gather
"""


def write(text: str, options: str = "") -> str:
    return HEAD.format(options=f"iterations=1, {options}") + "".join(f"    {line}\n" for line in text.strip().splitlines())


@pytest.fixture(scope="module")
def shake(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Callable[[socket.socket], socket.socket]]:
    """shake("h2") does handshakes that choose this protocol."""
    certificate = Pki(tmp_path_factory.mktemp("pki")).self_signed("self")

    def choose(protocol: str) -> Callable[[socket.socket], socket.socket]:
        context = context_of(certificate)
        context.set_alpn_protocols([protocol])
        return lambda sock: context.wrap_socket(sock, server_side=True)

    return choose


def test_once_shows_what_was_sent(rampa: Rampa, script: Script, nginx: Secure) -> None:
    script(
        write("""
r = await http.get(base + "/small", headers={"X-Token": "secret", "Connection": "keep-alive", "TE": "gzip", "Accept": "a/b"})
assert r.proto == "HTTP/2.0"
""")
    )
    done = rampa("run", "script.py", "--once", "--env", f"BASE={nginx.url}", env=nginx.env, code=0)
    shown = [line for line in done.stdout.splitlines() if line[:1] in "><" and line]
    host = nginx.url.removeprefix("https://")
    assert shown[:5] == ["> GET /small HTTP/2.0", f"> :authority: {host}", "> user-agent: rampa/0.1.0", "> x-token: ***", "> accept: a/b"]
    assert shown[5] == "< HTTP/2.0 200" and shown[6].startswith("< server: nginx"), shown
    done = rampa("run", "script.py", "--once", "--no-http2", "--env", f"BASE={nginx.url}", env=nginx.env)
    assert "> GET /small HTTP/1.1\n" in done.stdout and "< HTTP/1.1 200 OK\n" in done.stdout  # the script's assertion fails


def test_a_script_that_wants_http_1(rampa: Rampa, script: Script, nginx: Secure) -> None:
    script(
        write(
            """
answers = await gather(*[http.get(base + "/small") for _ in range(12)])
assert all(r.proto == "HTTP/1.1" for r in answers)
print("connections", sum(r.timings.connecting > 0 for r in answers))
""",
            "http2=False",
        )
    )
    done = rampa("run", "script.py", "--quiet", "--env", f"BASE={nginx.url}", env=nginx.env, code=0)
    assert done.stdout == "connections 6\n"
    assert {line[1] for line in nginx.lines()} == {"[]"}


def test_redirects_between_versions(rampa: Rampa, script: Script, nginx: Secure) -> None:
    """From HTTP/1.1 to HTTP/2 and on; the cookies of one server are sent to it again, whatever it speaks then."""
    script(
        write("""
for _ in range(2):
    r = await http.get(base + "/")
    assert r.body == b"hello" and [h.proto for h in r.history] == ["HTTP/1.1", "HTTP/2.0"] and r.proto == "HTTP/2.0", r.history
""")
    )
    moved = answer(b"", 302, headers=[("Location", f"{nginx.url}/moved"), ("Set-Cookie", "a=b")])
    with FaultServer([Repeat([ExpectRequest(), Send(moved)])]) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url.replace('127.0.0.1', 'localhost')}", env=nginx.env, code=0)
        first, second = server.requests
    assert b"a=b" in bytes(second.head) and b"a=b" not in bytes(first.head)
    assert [line[1] for line in nginx.lines()] == ["[h2]"] * 4


def test_a_name_whose_servers_differ(rampa: Rampa, script: Script, shake: Any) -> None:
    """The first one speaks HTTP/1.1 only, the second one HTTP/2: its connection is kept and shared all the same."""
    script(
        write("""
get = http.get
assert (await get(base + "/1", verify=False)).proto == "HTTP/1.1"
for _ in range(10):
    assert (await get(base + "/2", verify=False, timeout=20)).proto == "HTTP/2.0"
assert all(r.proto == "HTTP/2.0" for r in await gather(*[get(base + "/3", verify=False, timeout=20) for _ in range(9)]))
""")
    )
    shakes = [shake("http/1.1"), shake("h2")]

    def secure(sock: socket.socket) -> socket.socket:
        return shakes[min(len(server.peers) - 1, 1)](sock)  # type: ignore[no-any-return]

    def old(peer: Peer) -> None:
        assert isinstance(peer.socket, ssl.SSLSocket)
        read_request(peer.socket)
        peer.socket.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    with H2Server(old, serve, secure=secure) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 2 and len(server.peers[1].requests) == 19


def test_connections_for_one_request_each(rampa: Rampa, script: Script, shake: Any) -> None:
    """They are opened side by side, as with HTTP/1.1, up to connections_per_host."""
    script(
        write(
            """
answers = await gather(*[http.get(base + f"/{n}", verify=False) for n in range(7)])
assert all(r.status == 200 and r.timings.connecting > 0 for r in answers)
""",
            "no_connection_reuse=True, connections_per_host=3",
        )
    )
    together = threading.Barrier(3)
    lock = threading.Lock()
    open_now, most = 0, 0

    def secure(sock: socket.socket) -> socket.socket:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)
            is_first = len(server.peers) <= 3
        if is_first:
            together.wait(30)
        return shake("h2")(sock)  # type: ignore[no-any-return]

    def once(peer: Peer) -> None:
        nonlocal open_now
        peer.begin()
        (stream,) = peer.expect(1)
        with lock:
            open_now -= 1
        peer.answer(stream)
        peer.read_to_end()
        assert not peer.resets

    with H2Server(once, secure=secure) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 7 and most == 3


def test_odd_answers(rampa: Rampa, script: Script) -> None:
    """Answers without a body, trailers, another server's answer, events."""
    script(
        write(
            """
assert (await http.get(base + "/204")).body == b""
head = await http.head(base + "/head")
assert head.headers["content-length"] == "100" and head.body == b""
assert (await http.get(base + "/304")).status == 304
r = await http.get(base + "/trailers")
assert r.body == b"abc" and "x-sum" not in r.headers
r = await http.get(base + "/421", raise_errors=False)
assert r.status == 421 and r.error_code == 1421
async with http.stream("GET", base + "/events") as r:
    assert [event.data async for event in r.events()] == ["one", "two"]
""",
            "http2=True",
        )
    )

    def handle(peer: Peer) -> None:
        peer.begin()
        seen = 0

        def take() -> int:
            nonlocal seen
            seen += 1
            return max(peer.expect(seen))

        peer.send(peer.headers(take(), [(":status", "204")]))
        peer.send(peer.headers(take(), [(":status", "200"), ("content-length", "100")]))
        peer.send(peer.headers(take(), [(":status", "304"), ("content-length", "5")]))
        stream = take()
        peer.send(peer.headers(stream, end=False) + frame(DATA, 0, stream, b"abc") + peer.headers(stream, [("x-sum", "1")]))
        peer.send(peer.headers(take(), [(":status", "421")]))
        stream = take()
        peer.send(peer.headers(stream, [(":status", "200"), ("content-type", "text/event-stream")], end=False))
        peer.send(frame(DATA, 0, stream, b"data: one\n\nda") + frame(DATA, END_STREAM, stream, b"ta: two\n\n"))
        peer.read_to_end()
        assert not peer.resets and not peer.goaways

    with H2Server(handle) as server:
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True, code=0)
    assert done.count("sse_events") == 2
