# SPDX-License-Identifier: MIT
"""HTTP/2 against servers that are not ours: nghttpd without TLS, nginx with it."""
from __future__ import annotations

import os
import re
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL, Pki

NGHTTPD = shutil.which("nghttpd")
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")

Rampa = Callable[..., Any]
Script = Callable[..., Path]

BIG = bytes(range(256)) * 4096 * 3  # 3 MiB


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """True once it listens, False when it ended, for its port was taken."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
            return True
        except ConnectionRefusedError:
            os.sched_yield()
    return False


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def read_log(self) -> str:
        """Ends the server, so that the log is whole."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        return self.log.read_text()


def start(words: Callable[[int], list[str | Path]], log: Path) -> Server:
    for _ in range(20):  # until nobody else has taken the port meanwhile
        port = free_port()
        with open(log, "wb") as out:
            process = subprocess.Popen(words(port), stdout=out, stderr=out)
        if listens(process, port):
            return Server(port, process, log)
    pytest.fail(log.read_text())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "small").write_bytes(b"hello")
    (folder / "big").write_bytes(BIG)
    return folder


@pytest.fixture
def nghttpd(files: Path, tmp_path: Path) -> Iterator[Server]:
    if not NGHTTPD:
        pytest.skip("no nghttpd")
    server = start(
        lambda port: [NGHTTPD, "-v", "--no-tls", "--echo-upload", "-m", "20", "-d", files, str(port)], tmp_path / "nghttpd.log"
    )
    yield server
    server.read_log()


CONFIG = """
daemon off;
{user}
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    log_format h2 '$connection [$http2] $server_protocol $status $request_method $uri';
    access_log {folder}/access.log h2;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    gzip_types *;
    gzip_min_length 100000;
    keepalive_requests {requests};
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        root {folder}/files;
        location /moved {{ return 302 /small; }}
        location /login {{ add_header Set-Cookie session=$cookie_session.1; return 200 ok; }}
    }}
}}
"""


@dataclass
class Secure:
    url: str
    server: Server
    folder: Path
    env: dict[str, str]

    def lines(self) -> list[list[str]]:
        self.server.read_log()
        return [line.split() for line in (self.folder / "access.log").read_text().splitlines()]


@pytest.fixture
def nginx(files: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Secure]:
    if not NGINX or not OPENSSL:
        pytest.skip("no nginx or openssl")
    pki = Pki(tmp_path)
    good = pki.issue("good")

    def words(port: int) -> list[str | Path]:
        config = CONFIG.format(
            folder=tmp_path,
            port=port,
            chain=good.chain,
            key=good.key,
            user="user root;" if os.getuid() == 0 else "",
            requests=getattr(request, "param", 100000),
        )
        (tmp_path / "nginx.conf").write_text(config)
        assert NGINX
        return [NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"]

    server = start(words, tmp_path / "nginx.log")
    env = {"SSL_CERT_FILE": str(pki.root.file), "SSL_CERT_DIR": "/nonexistent"}
    yield Secure(f"https://localhost:{server.port}", server, tmp_path, env)
    server.read_log()


def count_of(log: str, pattern: str) -> int:
    return len(re.findall(pattern, log))


def test_requests_of_a_url(rampa: Rampa, nghttpd: Server) -> None:
    done = rampa("run", f"http://127.0.0.1:{nghttpd.port}/small", "--http2", "--vus", "3", "--iterations", "300", out=True, code=0)
    assert done.count("http_reqs") == 300
    log = nghttpd.read_log()
    assert count_of(log, r"recv \(stream_id=\d+\) :path: /small") == 300
    assert count_of(log, "recv GOAWAY|recv RST_STREAM") == 0
    assert len(set(re.findall(r"^\[id=(\d+)\].*:path:", log, re.MULTILINE))) == 3  # a connection for each VU


def test_side_by_side(rampa: Rampa, script: Script, nghttpd: Server) -> None:
    """What goes out together is streams of one connection. The server allows 20, which the client learns too late for the first ones."""
    script(f"""
import asyncio, hashlib, rampa
config = rampa.Config(options=rampa.Options(iterations=3, http2=True))
BIG = bytes(range(256)) * 4096 * 3

async def default(worker):
    url = "http://127.0.0.1:{nghttpd.port}"
    small = [worker.http.get(url + "/small") for _ in range(50)]
    echo = worker.http.post(url + "/echo", data=BIG)
    big = worker.http.get(url + "/big")
    *small, echo, big = await asyncio.gather(*small, echo, big)
    assert all(r.status == 200 and r.body == b"hello" and r.proto == "HTTP/2.0" for r in small)
    assert echo.body == big.body == BIG
    head = await worker.http.head(url + "/big")
    assert head.headers["content-length"] == str(len(BIG)) and head.body == b"" and head.reason == ""
    missing = await worker.http.get(url + "/missing", raise_errors=False)
    assert missing.status == 404 and missing.error_code == 1404
""")
    done = rampa("run", "script.py", out=True)
    assert done.count("iteration_errors") == 0, done.stdout
    log = nghttpd.read_log()
    assert count_of(log, r"recv \(stream_id=\d+\) :path:") == 3 * 54
    assert len(set(re.findall(r"^\[id=(\d+)\].*:path:", log, re.MULTILINE))) == 1
    assert done.count("data_received") > 3 * 2 * len(BIG)


def test_fields_of_a_request(rampa: Rampa, script: Script, nghttpd: Server) -> None:
    script(f"""
import rampa
config = rampa.Config(options=rampa.Options(iterations=1, http2=True))

async def default(worker):
    await worker.http.put(
        "http://127.0.0.1:{nghttpd.port}/echo?a=b",
        data=b"abc",
        headers={{"X-Mixed-Case": "Yes", "Connection": "keep-alive", "TE": "trailers", "Host": "other.example"}},
    )
""")
    rampa("run", "script.py", code=0)
    fields = re.findall(r"recv \(stream_id=1\) (:?[^:]+): (.*)", nghttpd.read_log())
    assert fields[:4] == [(":method", "PUT"), (":scheme", "http"), (":path", "/echo?a=b"), (":authority", "other.example")]
    assert ("x-mixed-case", "Yes") in fields and ("te", "trailers") in fields and ("content-length", "3") in fields
    assert not {name for name, _ in fields} & {"connection", "host"}


def test_a_server_of_http_1(rampa: Rampa) -> None:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 0\r\n\r\n")
            while self.request.recv(65536):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        done = rampa("run", f"http://127.0.0.1:{server.server_address[1]}/", "--http2", "--once", code=1)
        server.shutdown()
    assert "HTTP/2 protocol error: PROTOCOL_ERROR, the server speaks HTTP/1 here" in done.stdout


def test_tls_chooses(rampa: Rampa, nginx: Secure) -> None:
    """The server chooses HTTP/2; with --no-http2 it is not asked."""
    url = nginx.url + "/small"
    done = rampa("run", url, "--vus", "2", "--iterations", "100", out=True, env=nginx.env, code=0)
    assert done.count("http_reqs") == 100
    rampa("run", url, "--no-http2", "--iterations", "7", env=nginx.env, code=0)
    rampa("run", url, "--iterations", "9", "--http2", env=nginx.env, code=0)
    lines = nginx.lines()
    assert [line[1:4] for line in lines] == [["[h2]", "HTTP/2.0", "200"]] * 100 + [["[]", "HTTP/1.1", "200"]] * 7 + [
        ["[h2]", "HTTP/2.0", "200"]
    ] * 9
    assert len({line[0] for line in lines[:100]}) == 2


def test_over_tls(rampa: Rampa, script: Script, nginx: Secure) -> None:
    script(f"""
import asyncio, rampa
config = rampa.Config(options=rampa.Options(iterations=4, vus=2, http2=True))
BIG = bytes(range(256)) * 4096 * 3

async def default(worker):
    url = "{nginx.url}"
    get = worker.http.get
    *small, big, coded, moved = await asyncio.gather(
        *[get(url + "/small") for _ in range(60)], get(url + "/big"),
        get(url + "/big", headers={{"Accept-Encoding": "gzip"}}), get(url + "/moved"),
    )
    assert all(r.status == 200 and r.body == b"hello" and r.proto == "HTTP/2.0" for r in small)
    assert big.body == coded.body == BIG and coded.headers["content-encoding"] == "gzip"
    assert moved.body == b"hello" and [r.status for r in moved.history] == [302]
    assert (await get(url + "/login")).headers["set-cookie"] == "session=.1"
    assert (await get(url + "/login")).headers["set-cookie"] == "session=.1.1"
""")
    done = rampa("run", "script.py", out=True, env=nginx.env)
    assert done.count("iteration_errors") == 0, done.stdout
    lines = nginx.lines()
    assert len(lines) == 4 * 66 and len({line[0] for line in lines}) == 2


def test_a_body_that_is_read_slowly_keeps_no_other_request_waiting(rampa: Rampa, script: Script, nghttpd: Server) -> None:
    script(f"""
import asyncio, rampa
config = rampa.Config(options=rampa.Options(iterations=1, http2=True))
BIG = bytes(range(256)) * 4096 * 3

async def default(worker):
    url = "http://127.0.0.1:{nghttpd.port}"
    body = b""
    async with worker.http.stream("GET", url + "/big") as big:
        assert big.status == 200 and big.proto == "HTTP/2.0"
        async for piece in big:
            body += piece
            assert (await worker.http.get(url + "/small")).body == b"hello"
            await asyncio.sleep(0.01)
    assert body == BIG
""")
    done = rampa("run", "script.py", out=True)
    assert done.count("iteration_errors") == 0, done.stdout
    log = nghttpd.read_log()
    assert count_of(log, "recv RST_STREAM") == 0
    assert len(set(re.findall(r"^\[id=(\d+)\].*:path:", log, re.MULTILINE))) == 1


@pytest.mark.parametrize("nginx", [10], indirect=True)
def test_a_server_that_closes_gracefully(rampa: Rampa, script: Script, nginx: Secure) -> None:
    """nginx ends each connection by GOAWAY after so many requests: no request fails."""
    script(f"""
import asyncio, rampa
config = rampa.Config(options=rampa.Options(iterations=20, vus=1, http2=True))

async def default(worker):
    for answer in await asyncio.gather(*[worker.http.get("{nginx.url}/small") for _ in range(7)]):
        assert answer.status == 200
""")
    done = rampa("run", "script.py", out=True, env=nginx.env)
    assert done.count("iteration_errors") == 0, done.stdout
    lines = nginx.lines()
    assert len(lines) == 140 and all(line[3] == "200" for line in lines)
    assert len({line[0] for line in lines}) >= 14
