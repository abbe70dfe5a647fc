# SPDX-License-Identifier: MIT
"""The demo server with TLS, through clients that are not ours and through ours."""
from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Rampa = Callable[..., Any]


@pytest.fixture(params=["epoll", "io_uring"])
def target(program: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Its address, and the file of its certificate."""
    env = {**os.environ, "RAMPA_LOOP": request.param, "TMPDIR": str(tmp_path)}
    run = subprocess.Popen([program, "target", "--port", "0", "--tls"], stdout=subprocess.PIPE, text=True, env=env)
    assert run.stdout
    url = run.stdout.readline().split()[-1]
    certificate = run.stdout.readline().split()[-1]
    assert url.startswith("https://127.0.0.1:") and Path(certificate).parent == tmp_path
    yield url, certificate
    run.send_signal(signal.SIGINT)
    rest = run.stdout.read()
    assert run.wait(30) == 0 and "requests: " in rest
    assert not Path(certificate).exists()


def curl(certificate: str, *words: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(
        ["curl", "-sS", "-m", "60", "--cacert", certificate, *words], input=stdin, capture_output=True, check=True
    ).stdout


def test_curl_trusts_it(target: tuple[str, str]) -> None:
    url, certificate = target
    assert curl(certificate, url + "/json", url + "/json") == 2 * curl(certificate, url + "/json")
    assert len(curl(certificate, url + "/bytes/3000000")) == 3_000_000
    body = os.urandom(500_000)
    assert curl(certificate, "--data-binary", "@-", url.replace("127.0.0.1", "localhost") + "/echo", stdin=body) == body
    refused = subprocess.run(["curl", "-sS", url], capture_output=True, env={**os.environ, "CURL_CA_BUNDLE": "/dev/null"})
    assert refused.returncode in (60, 77)


@pytest.mark.parametrize("loop", ["epoll", "io_uring"])
def test_it_loads_itself(rampa: Rampa, target: tuple[str, str], loop: str) -> None:
    url, certificate = target
    words = [url + "/", url + "/bytes/200000", "-n", "600", "-u", "5", "--cacert", certificate]
    done = rampa("run", *words, env={"RAMPA_LOOP": loop}, out=True, code=0)
    assert done.count("http_reqs") == 600 and done.metrics()["http_req_failed"]["rate"] == 0
    assert done.count("data_received") > 300 * 200_000


def test_ends_of_both_kinds(target: tuple[str, str]) -> None:
    """A client that says good-bye before it has its answer gets it all the same; one that only ends TCP too."""
    url, certificate = target
    port = int(url.rpartition(":")[2])
    context = ssl.create_default_context(cafile=certificate)
    for says_goodbye in (True, False):
        raw = socket.create_connection(("127.0.0.1", port), 30)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

        def turn(step: Callable[[], Any], raw: socket.socket = raw, incoming: Any = incoming, outgoing: Any = outgoing) -> Any:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    incoming.write(raw.recv(65536))

        turn(secure.do_handshake)
        secure.write(b"GET /bytes/1000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        if says_goodbye:
            with pytest.raises(ssl.SSLWantReadError):
                secure.unwrap()
        raw.sendall(outgoing.read())
        raw.shutdown(socket.SHUT_WR)
        text = b""
        while chunk := raw.recv(65536):
            text += chunk
        incoming.write(text)
        answer = b""
        try:
            while chunk := secure.read(65536):
                answer += chunk
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        if not says_goodbye:  # a library that has said good-bye reads no more
            assert answer.endswith(b"x" * 0) and len(answer.partition(b"\r\n\r\n")[2]) == 1000
        assert len(text) > 1000
        raw.close()
