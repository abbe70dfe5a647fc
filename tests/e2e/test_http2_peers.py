# SPDX-License-Identifier: MIT
"""HTTP/2 as others see it: a proxy that is reloaded while requests are under way, and the bytes on the wire."""
from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL, Pki
from test_http2 import Server, start

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")

Rampa = Callable[..., Any]
Script = Callable[..., Path]


# ---- haproxy in front of nginx -----------------------------------------------------------------------------------------

NGINX_CONFIG = """
daemon off;
{user}
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 hello; }}
    }}
}}
"""

HAPROXY_CONFIG = """
global
    stats socket {folder}/haproxy.sock mode 600 expose-fd listeners level admin
    maxconn 200
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
frontend both
    bind 127.0.0.1:{plain} proto h2
    bind 127.0.0.1:{port} ssl crt {pem} alpn h2
    http-response set-header x-worker %pid
    default_backend nginx
backend nginx
    http-reuse safe
    server one 127.0.0.1:{backend}
"""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Server]:
    if not NGINX:
        pytest.skip("no nginx")
    user = "user root;" if os.getuid() == 0 else ""

    def words(port: int) -> list[str | Path]:
        (tmp_path / "nginx.conf").write_text(NGINX_CONFIG.format(folder=tmp_path, port=port, user=user))
        assert NGINX
        return [NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"]

    server = start(words, tmp_path / "nginx.log")
    yield server
    server.read_log()


@pytest.mark.skipif(not HAPROXY or not OPENSSL, reason="no haproxy or openssl")
def test_a_proxy_that_is_reloaded_fails_no_request(rampa: Rampa, script: Script, nginx: Server, tmp_path: Path) -> None:
    """The old process sends GOAWAY when it answers next, and ends when its streams have. VU 1 comes by TLS, VU 2 without."""
    pki = Pki(tmp_path)
    good = pki.issue("good")
    pem = tmp_path / "haproxy.pem"
    pem.write_text(good.chain.read_text() + good.key.read_text())
    others: list[int] = []

    def words(port: int) -> list[str | Path]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            others[:] = [int(probe.getsockname()[1])]
        config = HAPROXY_CONFIG.format(folder=tmp_path, port=port, plain=others[0], pem=pem, backend=nginx.port)
        (tmp_path / "haproxy.cfg").write_text(config)
        assert HAPROXY
        return [HAPROXY, "-W", "-f", tmp_path / "haproxy.cfg"]

    proxy = start(words, tmp_path / "haproxy.log")
    script(f"""
import asyncio, os, rampa, signal
config = rampa.Config(options=rampa.Options(http2=True, tls_ca="{pki.root.file}"), scenarios={{
    "default": rampa.ScenarioConfig(executor="per-vu-iterations", vus=2, iterations=1),
}})

seen_three = asyncio.Event()

async def default(worker):
    is_first = worker.execution.vu == 1
    url = "https://localhost:{proxy.port}/" if is_first else "http://127.0.0.1:{others[0]}/"
    workers = []
    rounds = reloads = 0
    # VU 2 may come too late for the one in the middle.
    while rounds < 60 or (len(workers) < 3 if is_first else not seen_three.is_set()):
        answers = await asyncio.gather(*[worker.http.get(url) for _ in range(8)])
        assert all(r.status == 200 and r.body == b"hello" and r.proto == "HTTP/2.0" for r in answers)
        for answer in answers:
            if answer.headers["x-worker"] not in workers:
                workers.append(answer.headers["x-worker"])
        rounds += 1
        # A reload that haproxy did not hear of, because it was busy with another one, is asked for again.
        if is_first and len(workers) < 3 and rounds % 20 == 0 and (reloads < len(workers) or rounds % 1000 == 0):
            reloads += 1
            os.kill({proxy.process.pid}, signal.SIGUSR2)
    if is_first:
        seen_three.set()
    assert len(workers) >= (3 if is_first else 2)
""")
    try:
        done = rampa("run", "script.py", out=True)
        assert done.count("iteration_errors") == 0, done.stdout + proxy.log.read_text()
        assert done.metrics()["http_req_failed"]["rate"] == 0 and done.count("http_reqs") >= 2 * 60 * 8
    finally:
        proxy.read_log()


# ---- bytes on the wire -------------------------------------------------------------------------------------------------


class Relay:
    """Stands between client and server and counts what goes by."""

    def __init__(self, port: int) -> None:
        self.server = port
        self.sent, self.received = 0, 0  # by the client
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.pumps: list[threading.Thread] = []
        self.acceptor = threading.Thread(target=self.accept)
        self.acceptor.start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            if not self.server:
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self.server))
            for from_, to in ((client, server), (server, client)):
                self.pumps.append(threading.Thread(target=self.pump, args=(from_, to, from_ is client)))
                self.pumps[-1].start()

    def pump(self, from_: socket.socket, to: socket.socket, is_sent: bool) -> None:
        try:
            while data := from_.recv(65536):
                with self.lock:
                    self.sent += len(data) * is_sent
                    self.received += len(data) * (not is_sent)
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            from_.close()

    def end(self) -> tuple[int, int]:
        """What the client has sent and received, when all its connections have ended."""
        self.server = 0
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.acceptor.join()
        self.listener.close()
        for pump in self.pumps:
            pump.join()
        return self.sent, self.received


@pytest.mark.parametrize("loop", ["epoll", "io_uring"])
def test_bytes_are_those_on_the_wire(rampa: Rampa, script: Script, target: str, loop: str) -> None:
    """Many streams come in one piece, and pieces end within frames; each byte counts once, and for no other stream."""
    relay = Relay(int(target.rpartition(":")[2]))
    script(f"""
import asyncio, rampa
config = rampa.Config(options=rampa.Options(iterations=6, vus=2, http2=True))
URL = "http://127.0.0.1:{relay.port}"

async def default(worker):
    get = worker.http.get
    await asyncio.gather(*[get(URL + "/bytes/" + str(n * 3000), name="many") for n in range(30)])
    await worker.http.post(URL + "/echo", data=b"x" * 300_000, name="echo")
    await get(URL + "/status/404", raise_errors=False, headers={{"X-Long": "y" * 5000}})
    await get(URL + "/json", name="last")
""")
    done = rampa("run", "script.py", out=True, env={"RAMPA_LOOP": loop})
    wire = relay.end()
    assert done.count("iteration_errors") == 0, done.stdout
    assert (done.count("data_sent"), done.count("data_received")) == wire
    bodies = 6 * (sum(n * 3000 for n in range(30)) + 300_000)
    assert bodies < wire[1] < bodies * 1.01
