# SPDX-License-Identifier: MIT
"""Requests over TLS, against servers that are not ours: which certificates are accepted, and what is said of the others."""
from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from accesslog import lines_of
from certificates import OPENSSL, Certificate, Pki
from faultserver import ExpectRequest, FaultServer, Send, answer
from tlsserver import TlsServer, context_of, keep_answering

pytestmark = pytest.mark.skipif(not OPENSSL, reason="no openssl")

Rampa = Callable[..., Any]
Script = Callable[..., Path]

LOAD = """\
import rampa

BASE = {base!r}


@rampa.scenario(executor="shared-iterations", iterations=1, vus=1)
async def one(worker):
    http = worker.http
{lines}
"""


def request_error(done: Any) -> dict[str, Any]:
    (kind,) = done.result()["errors"]["requests"]
    return dict(kind)


# ---- what goes well ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["epoll", "io_uring"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_url_over_tls(rampa: Rampa, good: Certificate, trust: dict[str, str], version: str, loop: str) -> None:
    context = context_of(good)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    context.set_alpn_protocols(["http/1.1"])
    with TlsServer(keep_answering, good, context) as server:
        done = rampa("run", server.url + "/", "-n", "20", "-u", "2", env={**trust, "RAMPA_LOOP": loop}, out=True, code=0)
    assert done.count("http_reqs") == 20 and len(server.versions) == 2 and server.versions[0] == version
    assert server.protocols == ["http/1.1"] * 2 and server.failures == []
    metrics = done.metrics()
    assert metrics["http_req_tls_handshaking"]["max"] > 0.1 and metrics["http_req_tls_handshaking"]["count"] == 20
    assert metrics["http_req_tls_handshaking"]["min"] == 0  # on the kept connection
    assert metrics["http_req_duration"]["min"] > 0


def test_a_script_over_tls(rampa: Rampa, script: Script, good: Certificate, trust: dict[str, str]) -> None:
    ciphers: list[str] = []

    def serve(sock: ssl.SSLSocket) -> None:
        ciphers.append(sock.cipher()[0])
        keep_answering(sock)

    with TlsServer(serve, good) as server, FaultServer([ExpectRequest(), Send(answer())]) as plain:
        lines = (
            '    r = await http.get(BASE + "/a")\n'
            '    assert (r.status, r.body, r.url) == (200, b"ok", BASE + "/a") and r.timings.tls_handshaking > 0\n'
            '    r = await http.post(BASE + "/b", data=b"x" * 100)\n'
            "    assert r.status == 200 and r.timings.tls_handshaking == 0\n"
            '    assert r.tls_version == "tls1.3"\n'
            "    print(r.tls_cipher_suite)\n"
            f'    r = await http.get("{plain.url}")\n'
            "    assert (r.status, r.tls_version, r.tls_cipher_suite) == (200, None, None)\n"
        )
        script(LOAD.format(base=server.url, lines=lines))
        done = rampa("run", "script.py", "--quiet", "--threshold", "http_reqs{tls_version:tls1.3}:count==2", env=trust, code=0)
    assert done.stdout.split() == ciphers and ciphers[0].startswith("TLS_")


def test_large_bodies_both_ways(rampa: Rampa, script: Script, good: Certificate, trust: dict[str, str]) -> None:
    size = 16_000_017  # more than the sockets take at once

    def echo(sock: ssl.SSLSocket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        left, body = size, []
        while left:
            body.append(sock.recv(min(left, 65536)))
            left -= len(body[-1])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"".join(body))

    with TlsServer(echo, good) as server:
        lines = (
            "    import asyncio, random\n"
            f"    bodies = [random.Random(i).randbytes({size}) for i in range(3)]\n"
            "    answers = await asyncio.gather(*(http.post(BASE, data=body) for body in bodies))\n"
            "    assert [r.body for r in answers] == bodies\n"
        )
        script(LOAD.format(base=server.url, lines=lines))
        rampa("run", "script.py", env=trust, code=0)
    assert server.failures == []


# ---- certificates -----------------------------------------------------------------------------------------------------


@dataclass
class Wrong:
    make: Callable[[Pki], tuple[Path, Path]]
    code: str
    text: str
    host: str = "localhost"


def _shows(certificate: Certificate) -> tuple[Path, Path]:
    return certificate.chain, certificate.key


def _without_chain(pki: Pki) -> tuple[Path, Path]:
    certificate = pki.issue("alone")
    return certificate.file, certificate.key


DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
WRONG = {
    "self-signed": Wrong(
        lambda pki: _shows(pki.self_signed("alone")), "1310", "certificate of an unknown authority: 'alone' has signed itself"
    ),
    "stranger": Wrong(
        lambda pki: _shows(pki.issue("s", issuer=pki.stranger)),
        "1310",
        "certificate of an unknown authority: 'Stranger Root' has signed 's', and is not known here "
        r"\(does the server send its intermediate certificate\?\)",
    ),
    "no-chain": Wrong(
        _without_chain,
        "1310",
        "certificate of an unknown authority: 'Test Middle' has signed 'alone', and is not known here "
        r"\(does the server send its intermediate certificate\?\)",
    ),
    "other-host": Wrong(
        lambda pki: _shows(pki.issue("o", hosts="DNS:a.example,DNS:b.example,IP:10.0.0.1,DNS:c.example,DNS:d.example")),
        "1311",
        "certificate for another host: it is for 'a.example', 'b.example', '10.0.0.1' and 2 more, not for 'localhost'",
    ),
    "no-host": Wrong(
        lambda pki: _shows(pki.issue("n", hosts="", common_name="www.example")),
        "1311",
        "certificate for another host: it is for 'www.example', not for 'localhost'",
    ),
    "no-address": Wrong(
        lambda pki: _shows(pki.issue("i", hosts="DNS:localhost")),
        "1311",
        "certificate for another host: it is for 'localhost', not for '127.0.0.1'",
        host="127.0.0.1",
    ),
    "expired": Wrong(
        lambda pki: _shows(pki.issue("e", days=(-20, -10))),
        "1312",
        f"certificate expired or not yet valid: 'e' expired on {DATE}",
    ),
    "early": Wrong(
        lambda pki: _shows(pki.issue("y", days=(10, 20))),
        "1312",
        f"certificate expired or not yet valid: 'y' is not valid before {DATE}",
    ),
    "hostile": Wrong(
        lambda pki: _shows(pki.issue("h", hosts="DNS:a.example", common_name="\x1b[31mred")),
        "1311",
        "certificate for another host: it is for 'a.example', not for 'localhost'",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_certificate_that_is_not_accepted(
    rampa: Rampa, script: Script, tmp_path: Path, trust: dict[str, str], kind: str
) -> None:
    wrong = WRONG[kind]
    folder = tmp_path / "wrong"
    folder.mkdir()
    pki = Pki(folder)
    chain, key = wrong.make(pki)
    shown = Certificate(kind, chain, key, chain)
    with TlsServer(keep_answering, shown) as server:
        lines = (
            "    from rampa.errors import CertificateError\n"
            "    try:\n"
            f'        await http.get("https://{wrong.host}:{server.port}/")\n'
            "    except CertificateError as error:\n"
            '        print("TOLD", error.error_code, error.response.error)\n'
        )
        script(LOAD.format(base=server.url, lines=lines))
        env = {"SSL_CERT_FILE": str(pki.root.file), "SSL_CERT_DIR": "/nonexistent"}
        done = rampa("run", "script.py", env=env, out=True, code=1)
    (told,) = re.findall(r"TOLD (\d+) (.*)", done.stdout)
    assert told[0] == wrong.code and re.fullmatch(wrong.text, told[1]), told
    assert request_error(done)["error_code"] == wrong.code
    assert "http_req_duration" not in done.metrics() and "http_req_tls_handshaking" not in done.metrics()  # it is no latency
    assert len(server.failures) == 1 and "alert" in server.failures[0].lower(), server.failures


# ---- no TLS -----------------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_speak_tls(rampa: Rampa, trust: dict[str, str]) -> None:
    with FaultServer([Send(answer(b"no", status=400)), ExpectRequest()]) as server:
        url = server.url.replace("http:", "https:")
        done = rampa("run", url, "--once", env=trust, out=True, code=1)
    assert request_error(done)["error_code"] == "1313"
    assert "! handshake failed: the server does not speak TLS\n" in done.stdout


def test_a_server_that_closes_in_the_handshake(rampa: Rampa, trust: dict[str, str]) -> None:
    with FaultServer([]) as server:
        url = server.url.replace("http:", "https:")
        done = rampa("run", url, "--once", env=trust, out=True, code=1)
    code = request_error(done)["error_code"]
    # A server that closes with our hello unread resets the connection.
    assert (code == "1313" and "! handshake failed: the server closed the connection\n" in done.stdout) or code == "1220"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_that_refuses_our_version(rampa: Rampa, good: Certificate, trust: dict[str, str]) -> None:
    context = context_of(good)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with TlsServer(keep_answering, good, context) as server:
        done = rampa("run", server.url, "--once", env=trust, out=True, code=1)
    assert request_error(done)["error_code"] == "1313"
    assert "! handshake failed: the server sent alert 70 (protocol version)\n" in done.stdout


# ---- nginx ------------------------------------------------------------------------------------------------------------

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
CONFIG = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    log_format ours '$connection $ssl_protocol $ssl_server_name $ssl_session_reused $status $uri';
    access_log {folder}/access.log ours;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 50;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    server {{
        listen 127.0.0.1:{port} ssl;
        location / {{ return 200 "ok"; }}
        location = /file {{ alias {folder}/file; }}
    }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path, good: Certificate) -> Iterator[tuple[str, Path]]:
    if not NGINX:
        pytest.skip("no nginx")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "file").write_bytes(b"0123456789" * 100_000)
    user = "user root;" if os.getuid() == 0 else ""  # else it could not read the test's folder
    (folder / "nginx.conf").write_text(user + CONFIG.format(folder=folder, port=port, chain=good.chain, key=good.key))
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                break
    yield f"https://localhost:{port}", folder / "access.log"
    process.terminate()
    process.wait(30)


def test_nginx_over_tls(rampa: Rampa, nginx: tuple[str, Path], trust: dict[str, str]) -> None:
    """With connections that nginx closes after 50 requests: that is no failure, and nothing is lost."""
    url, log = nginx
    done = rampa("run", url + "/", url + "/file", "-n", "400", "-u", "3", env=trust, out=True, code=0)
    lines = [line.split() for line in lines_of(log, 400)]
    assert done.count("http_reqs") == len(lines) == 400 and {line[4] for line in lines} == {"200"}
    assert {(line[1], line[2]) for line in lines} == {("TLSv1.3", "localhost")}
    assert len({line[0] for line in lines}) >= 8
    assert done.metrics()["http_req_failed"]["rate"] == 0
