# SPDX-License-Identifier: MIT
"""The demo server over HTTP/2: clients that are not ours (curl, h2load), ours, and one that breaks the protocol."""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

hpack = pytest.importorskip("hpack")
from h2server import (  # noqa: E402
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    HEADERS,
    PREFACE,
    PROTOCOL_ERROR,
    Peer,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    reset,
    settings,
)

H2LOAD = shutil.which("h2load")
PATIENCE = 60
ALPHABET = b"abcdefghijklmnopqrstuvwxyz"

Rampa = Callable[..., Any]
Script = Callable[..., Path]


class Served:
    """The demo server; its last line says what it has served."""

    def __init__(self, program: Path, folder: Path, *words: str) -> None:
        env = {**os.environ, "TMPDIR": str(folder)}
        self.process = subprocess.Popen([program, "target", "--port", "0", *words], stdout=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout
        self.url = self.process.stdout.readline().split()[-1]
        self.certificate = self.process.stdout.readline().split()[-1] if words else ""

    def end(self) -> str:
        assert self.process.stdout
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.last = self.process.stdout.read().splitlines()[-1]
            assert self.process.wait(30) == 0
        return self.last


@pytest.fixture
def plain(program: Path, tmp_path: Path) -> Iterator[Served]:
    served = Served(program, tmp_path)
    yield served
    served.end()


@pytest.fixture
def secure(program: Path, tmp_path: Path) -> Iterator[Served]:
    served = Served(program, tmp_path, "--tls")
    yield served
    served.end()


def curl(*words: str, stdin: bytes = b"", code: int = 0) -> bytes:
    done = subprocess.run(
        ["curl", "-sS", "-g", "-m", str(PATIENCE), "--http2-prior-knowledge", *words], input=stdin, capture_output=True
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def ask(url: str, *words: str) -> tuple[str, dict[str, str], bytes]:
    head, _, body = curl("-i", *words, url).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first.strip(), dict(line.split(": ", 1) for line in lines), body


def test_the_endpoints_answer_as_over_http_1(plain: Served) -> None:
    """The same statuses, fields and bodies, one after the other on one connection each."""
    paths = "/ /json /delay/1 /status/418 /status/204 /status/99 /bytes/30 /bytes/0 /chunked/9000 /chunked/x /redirect/2 /close /none"
    for path in [*paths.split(), "/slow/100000?bytes=2000"]:
        status, fields, body = ask(plain.url + path)
        old_status, old_fields, old_body = ask(plain.url + path, "--http1.1")
        assert status.split()[:2] == ["HTTP/2", old_status.split()[1]], path
        old = {name.lower(): value for name, value in old_fields.items()}
        assert fields == {name: old[name] for name in old if name not in ("transfer-encoding", "connection")}, path
        if "transfer-encoding" in old:  # which curl has taken off
            assert body == (ALPHABET * 400)[:9000]
        assert body == old_body, path
        assert ask(plain.url + path, "-I") == (status, fields, b""), path


def test_bodies(plain: Served) -> None:
    body = os.urandom(1 << 20)
    echo = ["--data-binary", "@-", "-H", "Content-Type: a/b", "-w", "%{http_version} %{http_code} %{content_type}"]
    assert curl(*echo, plain.url + "/echo", stdin=body) == body + b"2 200 a/b"
    assert curl(*echo, "-H", "Expect: 100-continue", plain.url + "/echo", stdin=body[:70000]) == body[:70000] + b"2 200 a/b"
    assert curl(*echo, plain.url + "/echo", stdin=body + b"x") == b"the body is larger than 1 MiB\n2 413 text/plain; charset=utf-8"
    assert curl("--data-binary", "@-", plain.url + "/json", stdin=body * 4).startswith(b'{"message"')
    assert curl(plain.url + "/bytes/3000000") == (ALPHABET * 120000)[:3_000_000]
    fields = json.loads(curl("-H", "X-Name: 1", "-H", "x-name: 2", plain.url + "/headers"))
    assert fields["Host"] == plain.url.removeprefix("http://") and fields["x-name"] == "1, 2"


def test_what_is_no_answer(plain: Served) -> None:
    curl("-m", "0.2", plain.url + "/hang", code=28)
    for path in ("/garbage", "/reset"):
        done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", plain.url + path], capture_output=True)
        assert done.returncode and not done.stdout, done


@pytest.mark.skipif(not H2LOAD, reason="no h2load")
def test_h2load_finds_nothing_wrong(plain: Served, secure: Served) -> None:
    assert H2LOAD
    for served in (plain, secure):
        words = ["-n", "3000", "-c", "3", "-m", "200", served.url + "/json", served.url + "/bytes/20000", served.url + "/status/404"]
        out = subprocess.run([H2LOAD, *words], capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
        good, bad = map(int, re.findall(r"status codes: (\d+) 2xx, 0 3xx, (\d+) 4xx, 0 5xx", out)[0])
        assert good + bad == 3000 and 990 < bad < 1010, out  # each client goes through the URLs
        assert f"3000 done, {good} succeeded, {bad} failed, 0 errored, 0 timeout" in out, out
        assert served.end() == "requests: 3000 (0 bad), connections: 3"


def test_tls_chooses(secure: Served) -> None:
    trusting = ["curl", "-sS", "--cacert", secure.certificate, "-o", "/dev/null", "-w", "%{http_version}", secure.url]
    versions = [subprocess.run([*trusting, *more], capture_output=True).stdout for more in ([], ["--http1.1"], ["--no-alpn"])]
    assert versions == [b"2", b"1.1", b"1.1"]


def test_our_client(rampa: Rampa, script: Script, secure: Served) -> None:
    script(f"""
import asyncio, rampa
config = rampa.Config(options=rampa.Options(iterations=20, vus=4, http2=True, tls_ca="{secure.certificate}"))

async def default(worker):
    get = worker.http.get
    slow, *fast = await asyncio.gather(get("{secure.url}/delay/30"), *[get("{secure.url}/bytes/" + str(n * 1000)) for n in range(20)])
    assert all(r.proto == "HTTP/2.0" and len(r.body) == n * 1000 for n, r in enumerate(fast))
    assert slow.body == b"ok\\n" and slow.timings.duration >= 30
    echo = await worker.http.post("{secure.url}/echo", data=b"x" * 300_000)
    assert echo.body == b"x" * 300_000
    assert (await get("{secure.url}/close")).status == 200
    assert (await get("{secure.url}/json")).json()["ok"]
    assert (await get("{secure.url}/reset", raise_errors=False)).error_code
""")
    done = rampa("run", "script.py", out=True)
    assert done.count("iteration_errors") == 0, done.stdout
    # what is reset may be sent once more
    assert re.fullmatch(r"requests: 5[012]\d \(0 bad\), connections: \d+", secure.end())


def test_a_client_that_closes_its_side_loses_what_waits(plain: Served) -> None:
    with peer_of(plain) as peer:
        send_request(peer, 1, "/hang")
        send_request(peer, 3, "/json")
        wait_for(peer, 3)
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.socket.recv(65536):
            pass


# ---- clients that break the protocol -----------------------------------------------------------------------------------


class Client(Peer):
    """One that reads what the server says; its answers stand in `requests`."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def peer_of(served: Served) -> Client:
    port = int(served.url.rpartition(":")[2])
    client = Client(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
    client.send(PREFACE + settings())
    return client


def block(*more: tuple[str, str], path: str = "/echo", method: str = "POST") -> bytes:
    pseudo = [(":method", method), (":scheme", "http"), (":authority", "h"), (":path", path)]
    encoded: bytes = hpack.Encoder().encode([*pseudo, *more], huffman=False)
    return encoded


def send_request(peer: Peer, stream: int, path: str) -> None:
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(path=path, method="GET")))


def wait_for(peer: Peer, stream: int) -> None:
    while stream not in peer.requests:
        peer.read_frame()


OPEN = frame(HEADERS, END_HEADERS, 1, block())

OF_CONNECTION: dict[str, tuple[bytes, int]] = {
    "an even stream": (frame(HEADERS, END_HEADERS, 2, block()), PROTOCOL_ERROR),
    "DATA of a stream that is idle": (frame(DATA, 0, 7, b"x"), PROTOCOL_ERROR),
    "a window that is too large": (OPEN + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF)), FLOW_CONTROL_ERROR),
    "CONTINUATION without end": (
        frame(HEADERS, 0, 1, block()[:2]) + frame(CONTINUATION, 0, 1, b"") * 20,
        ENHANCE_YOUR_CALM,
    ),
    "DATA without bytes and without end": (OPEN + frame(DATA, 0, 1) * 10_001, ENHANCE_YOUR_CALM),
    "SETTINGS of five bytes": (frame(SETTINGS, 0, 0, bytes(5)), 6),
    "no preface of HTTP/2 after its first line": (b"", PROTOCOL_ERROR),
}


@pytest.mark.parametrize("case", OF_CONNECTION)
def test_the_connection_ends_with(plain: Served, case: str) -> None:
    data, code = OF_CONNECTION[case]
    with peer_of(plain) as peer:
        if not data:
            peer.socket.close()
            peer.socket = socket.create_connection(("127.0.0.1", int(plain.url.rpartition(":")[2])), timeout=PATIENCE)
            data = PREFACE + frame(DATA, 0, 0, b"x")
        peer.send(data)
        with pytest.raises((EOFError, ConnectionResetError)):
            while True:
                peer.read_frame()
        assert peer.goaways == [code]
    assert ask(plain.url + "/json")[0] == "HTTP/2 200"
    assert re.search(r"\([1-9] bad\)", plain.end())


def test_streams_that_are_malformed_concern_no_other(plain: Served) -> None:
    """A reset (None) or an answer with a status."""
    cases: list[tuple[bytes, int | None]] = [
        (block(("connection", "close")), None),
        (block(("Name", "value")), None),
        (block((":path", "/")), None),
        (block(("content-length", "5")), None),
        (block(path="/a b"), None),
        (block(path="*", method="OPTIONS"), 400),
        (block(*[(f"x-{n}", "v" * 100) for n in range(90)]), 431),
        (block(*[("x", "v")] * 120), 431),
        (block(path="/" + "p" * 9000), 431),
        (block(("content-length", str((1 << 20) + 1))), 413),
    ]
    with peer_of(plain) as peer:
        for at, (fields, _) in enumerate(cases):
            peer.send(frame(HEADERS, END_HEADERS | (END_STREAM if at != 9 else 0), 2 * at + 1, fields))
        send_request(peer, 99, "/json")
        wait_for(peer, 99)
        for at, (_, status) in enumerate(cases):
            stream = 2 * at + 1
            assert (stream in peer.resets) == (status is None), at
            if status:
                assert peer.requests[stream].fields[":status"] == str(status), at
        assert peer.resets == dict.fromkeys(peer.resets, PROTOCOL_ERROR)
        assert not peer.goaways
    assert plain.end().startswith(f"requests: 2 ({len(cases)} bad)")


def test_streams_that_are_opened_and_reset_without_end(plain: Served) -> None:
    with peer_of(plain) as peer:
        hang = block(path="/hang", method="GET")
        with pytest.raises((EOFError, ConnectionError)):
            for stream in range(1, 100_001, 2):
                peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, hang) + reset(stream, CANCEL))
            while True:
                peer.read_frame()
    assert ask(plain.url + "/json")[0] == "HTTP/2 200"


def test_a_preface_in_pieces_and_the_methods_that_begin_like_it(plain: Served) -> None:
    port = int(plain.url.rpartition(":")[2])
    for word in (b"P", b"PR", b"PRI * HTTP/2.0\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
            sock.sendall(word)
            rest = b"OST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
            sock.sendall({b"P": rest, b"PR": b"OP" + rest}.get(word, b"\r\nXX\r\n\r\n"))
            got = b"".join(iter(lambda: sock.recv(65536), b""))
            assert got.startswith(b"HTTP/1.1 400" if len(word) > 2 else b"HTTP/1.1 200"), got
            assert len(word) > 2 or got.endswith(b"\r\n\r\nhi")
    with Client(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as peer:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PREFACE + settings() + frame(HEADERS, END_HEADERS | END_STREAM, 1, block(path="/json", method="GET")):
            peer.socket.sendall(bytes([byte]))
        wait_for(peer, 1)
        assert peer.requests[1].fields[":status"] == "200" and b"hello" in peer.requests[1].body
