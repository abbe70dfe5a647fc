# SPDX-License-Identifier: MIT
"""Connections that the VUs of a worker share: how many the server sees, who waits, and what stays with the VU."""
from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer

Rampa = Callable[..., Any]
Script = Callable[..., Path]

SERVE = [Repeat([ExpectRequest(), Send(answer())])]


@pytest.mark.parametrize(("words", "env", "most"), [
    (["--shared-connections", "2"], None, 2),
    (["--shared-connections", "2", "--workers", "2"], None, 4),
    ([], {"RAMPA_SHARED_CONNECTIONS": "3"}, 3),
    (["--shared-connections", "0"], {"RAMPA_SHARED_CONNECTIONS": "3"}, 8),
])  # fmt: skip
def test_urls(rampa: Rampa, words: list[str], env: dict[str, str] | None, most: int) -> None:
    """The VUs begin together, so that all connections are needed. The limit is that of each worker."""
    with FaultServer(SERVE) as server:
        rampa("run", server.url, "--vus", "8", "-i", "40", *words, env=env, code=0)
        assert len({request.connection for request in server.requests}) == most and len(server.requests) == 40


def test_without_reuse(rampa: Rampa) -> None:
    """Each request has a connection of its own, and the limit is for those that are open at a time."""
    with FaultServer(SERVE) as server:
        rampa("run", server.url, "--vus", "5", "-i", "10", "--no-reuse", "--shared-connections", "1", code=0)
        assert [request.connection for request in server.requests] == list(range(10))


class Echo(http.server.BaseHTTPRequestHandler):
    """/login/N sets a cookie, /jump/N leads to /mine/N, which says who asks."""

    protocol_version = "HTTP/1.1"
    connections: list[object]

    def setup(self) -> None:
        super().setup()
        self.connections.append(self)

    def do_GET(self) -> None:
        _, action, me = self.path.split("/")
        body = f"{self.headers['Cookie']} {self.headers['Authorization']}".encode()
        self.send_response(302 if action == "jump" else 200)
        if action == "login":
            self.send_header("Set-Cookie", f"who={me}; Path=/")
        if action == "jump":
            self.send_header("Location", f"/mine/{me}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[tuple[str, list[object]]]:
    handler = type("Handler", (Echo,), {"connections": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", handler.connections  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def test_what_stays_with_the_vu(rampa: Rampa, script: Script, echo: tuple[str, list[object]]) -> None:
    """Cookies and credentials, also when a VU makes requests side by side, and when a redirect goes on."""
    script("""
import asyncio, rampa
config = rampa.Config(options=rampa.Options(shared_connections=2))

@rampa.scenario(executor="per-vu-iterations", vus=5, iterations=4)
async def go(worker):
    me, base, get = worker.execution.vu, worker.env["BASE"], worker.http.get
    assert (await get(f"{base}/mine/{me}")).text() == "None None"
    first = await get(f"{base}/login/{me}", auth=("user", str(me)))
    assert first.text().startswith("None Basic ")
    answers = await asyncio.gather(*(get(f"{base}/{action}/{me}") for action in ("mine", "jump", "jump", "mine")))
    assert [a.text() for a in answers] == [f"who={me} None"] * 4
    assert any(a.timings.connecting == 0 and a.timings.blocked > 0 for a in answers)
""")
    url, connections = echo
    done = rampa("run", "script.py", "--env", f"BASE={url}", out=True, code=0)
    assert done.count("http_reqs") == 5 * 4 * 8 and len(connections) == 2


# ---- HTTP/2 -----------------------------------------------------------------------------------------------------------

TOGETHER = """
import asyncio, rampa
config = rampa.Config(options=rampa.Options(shared_connections=2, http2=True))
begin = asyncio.Event()

@rampa.scenario(executor="per-vu-iterations", vus=4)
async def go(worker):
    me = worker.execution.vu
    if me == 1:
        assert (await worker.http.get(worker.env["BASE"] + "/first")).status == 200
        begin.set()
    await begin.wait()
    assert (await worker.http.get(f"{worker.env['BASE']}/{me}")).status == 200
"""


def test_vus_are_streams_of_one_connection(rampa: Rampa, script: Script) -> None:
    """The server answers nobody before it has the requests of all. At the end the connection is closed as it should be."""
    pytest.importorskip("hpack")
    from h2server import H2Server, Peer

    def handle(peer: Peer) -> None:
        peer.begin()
        peer.answer(peer.expect(1)[0])
        for stream in peer.expect(5):
            if peer.requests[stream].fields[":path"] != "/first":
                peer.answer(stream)
        peer.read_to_end()
        assert not peer.resets

    script(TOGETHER)
    with H2Server(handle) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 1


def test_a_further_connection_when_all_streams_are_taken(rampa: Rampa, script: Script) -> None:
    """Two streams for each connection, two connections: four VUs are served side by side."""
    pytest.importorskip("hpack")
    from h2server import H2Server, Peer

    most_streams = (3, 2)
    both = threading.Barrier(2)

    def handle(peer: Peer) -> None:
        peer.begin(most_streams)
        asked = 2
        if peer is server.peers[0]:
            peer.answer(peer.expect(1)[0])
            asked = 3
        streams = [stream for stream in peer.expect(asked) if peer.requests[stream].fields[":path"] != "/first"]
        both.wait(30)
        for stream in streams:
            peer.answer(stream)

    script(TOGETHER)
    with H2Server(handle) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        assert len(server.peers) == 2


# ---- settings ---------------------------------------------------------------------------------------------------------


def test_settings_that_do_not_fit(rampa: Rampa, script: Script) -> None:
    done = rampa("run", "http://127.0.0.1:1/", "--shared-connections", "5", "--no-vu-reuse", code=3)
    assert done.stderr.startswith("error: shared_connections cannot stand beside no_vu_connection_reuse\n  connections that VUs share do not end with")
    script("import rampa\nconfig = rampa.Config(options=rampa.Options(shared_connections=-1))\nasync def default(worker): pass\n")
    assert "shared_connections must be a whole number from 0 to 1000000, not -1" in rampa("check", "script.py", code=1).stderr
    script("import rampa\nconfig = rampa.Config(options=rampa.Options(shared_connections=3, connections_per_host=9, iterations=1))\nasync def default(worker): pass\n")
    assert "connections_per_host does nothing beside shared_connections" in rampa("run", "script.py", code=0).stderr
