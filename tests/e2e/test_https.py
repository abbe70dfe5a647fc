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
from certificates import OPENSSL, Certificate, Pki
from faultserver import ExpectRequest, FaultServer, Send, answer
from tlsserver import OK, TlsServer, context_of, keep_answering, read_request

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


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def good(pki: Pki) -> Certificate:
    return pki.issue("good")


@pytest.fixture
def trust(pki: Pki) -> dict[str, str]:
    """The environment of a system that trusts the root."""
    return {"SSL_CERT_FILE": str(pki.root.file), "SSL_CERT_DIR": "/nonexistent"}


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
    with TlsServer(keep_answering, good) as server:
        lines = (
            '    r = await http.get(BASE + "/a")\n'
            '    assert (r.status, r.body, r.url) == (200, b"ok", BASE + "/a") and r.timings.tls_handshaking > 0\n'
            '    r = await http.post(BASE + "/b", data=b"x" * 100)\n'
            "    assert r.status == 200 and r.timings.tls_handshaking == 0\n"
        )
        script(LOAD.format(base=server.url, lines=lines))
        rampa("run", "script.py", "--threshold", "http_reqs{tls_version:tls1.3}:count==2", env=trust, code=0)


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


# ---- options ----------------------------------------------------------------------------------------------------------


def test_whom_to_trust(rampa: Rampa, pki: Pki, good: Certificate) -> None:
    nobody = {"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"}
    with TlsServer(keep_answering, good) as server:
        rampa("run", server.url, "-n", "1", "--cacert", pki.root.file, env=nobody, code=0)
        rampa("run", server.url, "-n", "1", "--insecure", env=nobody, code=0)
        done = rampa("run", server.url, "-n", "1", "--cacert", pki.stranger.file, out=True, code=1)
        assert request_error(done)["error_code"] == "1310"
        rampa("run", "/x", "--base-url", server.url, "-n", "1", env={**nobody, "RAMPA_INSECURE": "1"}, code=0)
    assert len(server.versions) == 3


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_certificate_of_the_client(rampa: Rampa, pki: Pki, good: Certificate, version: str) -> None:
    mine = pki.issue("client")
    context = context_of(good)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki.root.file)
    words = ["--cacert", pki.root.file, "--tls-max", version]
    both = pki.folder / "both.pem"
    both.write_text(mine.chain.read_text() + mine.key.read_text())
    with TlsServer(keep_answering, good, context) as server:
        rampa("run", server.url, "-n", "5", "-u", "1", *words, "--cert", mine.chain, "--key", mine.key, code=0)
        rampa("run", server.url, "-n", "5", "-u", "1", *words, "--cert", both, code=0)
        assert len(server.versions) == 2
        done = rampa("run", server.url, "--once", *words, out=True, code=1)
    if version == "1.3":  # the server refuses after the client has opened the connection
        assert request_error(done)["error_code"] == "1300"
        told = "! TLS error: the server sent alert 116 (certificate required): it wants a certificate of the client\n"
    else:
        assert request_error(done)["error_code"] == "1313"
        told = "! handshake failed: the server sent alert 40 (handshake failure)\n"
    assert told in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("words", "version", "cipher"),
    [
        (["--tls-max", "1.2"], "TLSv1.2", None),
        (["--tls-min", "1.3"], "TLSv1.3", None),
        (["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"], "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (["--ciphers", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (["--ciphers", "TLS_CHACHA20_POLY1305_SHA256"], "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"),
    ],
)
def test_versions_and_ciphers(
    rampa: Rampa, pki: Pki, good: Certificate, words: list[str], version: str, cipher: str | None
) -> None:
    seen: list[str] = []

    def serve(sock: ssl.SSLSocket) -> None:
        seen.append((sock.cipher() or ("",))[0])
        keep_answering(sock)

    with TlsServer(serve, good) as server:
        rampa("run", server.url, "-n", "2", "-u", "1", "--cacert", pki.root.file, *words, code=0)
    assert server.versions == [version] and (cipher is None or seen == [cipher])


def test_a_cipher_that_the_server_does_not_have(rampa: Rampa, pki: Pki, good: Certificate) -> None:
    words = ["--cacert", pki.root.file, "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256"]  # and its key is no RSA key
    with TlsServer(keep_answering, good) as server:
        done = rampa("run", server.url, "--once", *words, out=True, code=1)
    assert request_error(done)["error_code"] == "1313"
    assert "! handshake failed: the server sent alert 40 (handshake failure)\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cacert", "nowhere"], "the file of authorities nowhere cannot be used: "),
        (["--cacert", "empty"], "the file of authorities empty cannot be used: "),
        (["--cert", "nowhere"], "the certificate nowhere cannot be used: "),
        (["--cert", "CHAIN", "--key", "CHAIN"], "the key CHAIN cannot be used: "),
        (["--cert", "CHAIN", "--key", "locked"], "the key locked cannot be used: "),
        (["--key", "empty"], "there is a key and no certificate\n"),
        (["--tls-min", "1.3", "--tls-max", "1.2"], "tls_max_version 1.2 is older than tls_min_version 1.3\n"),
        (["--ciphers", "NONE-SUCH"], "OpenSSL has not all of the ciphers 'NONE-SUCH'\n"),
        (["--tls-keylog", "nowhere/keys"], "the file for keys nowhere/keys cannot be written: "),
        (["--tls-keylog", "empty"], "the file for keys empty can be read by others\n"),
    ],
)
def test_settings_that_cannot_be_used(
    rampa: Rampa, tmp_path: Path, good: Certificate, words: list[str], message: str
) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "empty").chmod(0o644)
    subprocess.run(
        ["openssl", "pkey", "-in", good.key, "-aes256", "-passout", "pass:secret", "-out", tmp_path / "locked"], check=True
    )
    given = [str(good.chain) if word == "CHAIN" else word for word in words]
    done = rampa("run", "https://127.0.0.1:1/", "-n", "1", *given, code=3)
    assert message.replace("CHAIN", str(good.chain)) in done.stderr and done.stdout == ""


def test_keys_for_others(rampa: Rampa, pki: Pki, good: Certificate, tmp_path: Path) -> None:
    with TlsServer(keep_answering, good) as server:
        done = rampa("run", server.url, "-n", "1", "--cacert", pki.root.file, "--tls-keylog", "keys", code=0)
    assert "CLIENT_TRAFFIC_SECRET_0 " in (tmp_path / "keys").read_text()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    assert "whoever can read the file keys can read what this test sends" in done.stderr


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("words", [[], ["--no-tls-resumption"]])
def test_a_vu_resumes_its_sessions(
    rampa: Rampa, script: Script, pki: Pki, good: Certificate, version: str, words: list[str]
) -> None:
    """Each VU its own: the first connection of each has a full handshake, the others come back."""
    with TlsServer(keep_answering, good) as server:
        lines = '    await http.get(BASE, headers={"Connection": "close"})\n\n\n'
        script(LOAD.format(base=server.url, lines=lines))
        given = ["--cacert", pki.root.file, "--tls-max", version, *words]
        done = rampa("run", "script.py", "-n", "40", "-u", "4", *given, out=True, code=0)
    full, resumed = done.count("tls_full_handshakes"), done.count("tls_resumed_handshakes")
    assert full == server.resumed.count(False) and resumed == server.resumed.count(True) and full + resumed == 40
    vus = 40 if words else 4
    assert full == vus, (full, resumed)


def test_a_ticket_of_a_server_that_was_restarted(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    """Another key for tickets: a full handshake, and no error."""
    contexts = [context_of(good), context_of(good)]
    with TlsServer(keep_answering, good, contexts[0]) as server:
        lines = (
            "    for i in range(6):\n"
            "        if i == 3:\n"
            "            await http.get(BASE + '/restart')\n"
            '        await http.get(BASE, headers={"Connection": "close"})\n'
        )

        def serve(sock: ssl.SSLSocket) -> None:
            while request := read_request(sock):
                if request.startswith(b"GET /restart "):
                    server.context = contexts[1]
                sock.sendall(OK)

        server.serve = serve
        script(LOAD.format(base=server.url, lines=lines))
        done = rampa("run", "script.py", "--cacert", pki.root.file, out=True, code=0)
    assert server.resumed.count(False) == 2 and done.count("tls_full_handshakes") == 2
    assert done.metrics()["http_req_failed"]["rate"] == 0


def test_settings_of_a_script(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    with TlsServer(keep_answering, good) as server:
        lines = "    await http.get(BASE)\n\n\n"
        lines += f"config = rampa.Config(options=rampa.Options(tls_ca={str(pki.root.file)!r}, tls_max_version='tls1.2'))\n"
        script(LOAD.format(base=server.url, lines=lines))
        rampa("run", "script.py", code=0)
        script(LOAD.format(base=server.url, lines=lines.replace("tls_ca=", "tlsAuth=")))
        done = rampa("run", "script.py", code=3)
        assert "write tls_cert=FILE, tls_key=FILE" in done.stderr
    assert server.versions == ["TLSv1.2"]


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
    lines = [line.split() for line in log.read_text().splitlines()]
    assert done.count("http_reqs") == len(lines) == 400 and {line[4] for line in lines} == {"200"}
    assert {(line[1], line[2]) for line in lines} == {("TLSv1.3", "localhost")}
    assert len({line[0] for line in lines}) >= 8
    assert done.metrics()["http_req_failed"]["rate"] == 0
