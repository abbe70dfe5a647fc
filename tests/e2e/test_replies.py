# SPDX-License-Identifier: MIT
"""Hundreds of replies, byte for byte: what a script gets of each is what curl gets, but where the RFC says otherwise."""
from __future__ import annotations

import gzip
import itertools
import json
import shutil
import socket
import subprocess
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

STARTS = [
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 201 Made  twice", b"HTTP/1.1 404 Not \xfcblich",
    b"HTTP/1.1 599 x", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\nHTTP/1.1 206 Partial", b"HTTP/1.1 102 A\r\n\r\nHTTP/1.1 102 B\r\n\r\nHTTP/1.0 302 C",
]  # fmt: skip
GZIP = gzip.compress(b"hello, world")


@dataclass(frozen=True)
class Framing:
    fields: bytes
    body: bytes = b""
    closes: bool = False  # the server ends the connection behind it
    # RFC 9112 calls it malformed. rampa says so; curl may take it for an answer all the same, for some starts at least.
    is_strict: bool = False


def chunked(body: bytes, fields: bytes = b"", closes: bool = False, is_strict: bool = False) -> Framing:
    return Framing(b"Transfer-Encoding: chunked\r\n" + fields, body, closes, is_strict)


FRAMINGS = {
    "length": Framing(b"Content-Length: 5\r\n", b"hello"),
    "length 0": Framing(b"Content-Length: 0\r\n"),
    "length in capitals": Framing(b"CONTENT-LENGTH:5\r\n", b"hello"),
    "length in blanks": Framing(b"Content-Length:  \t 5 \t \r\n", b"hello"),
    "length with zeros": Framing(b"Content-Length: 00005\r\n", b"hello"),
    "length and close": Framing(b"Content-Length: 5\r\nConnection: close\r\n", b"hello", True),
    "length twice": Framing(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "length too long": Framing(b"Content-Length: 6\r\n", b"hello", True),
    "to the end": Framing(b"X: y\r\n", b"hello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", True),
    "to the end, nothing": Framing(b"", b"", True),
    "all bytes": Framing(b"Content-Length: 256\r\n", bytes(range(256))),
    "chunked": chunked(b"5\r\nhello\r\n0\r\n\r\n"),
    "chunks": chunked(b"1\r\nh\r\n001\r\ne\r\n3\r\nllo\r\n000\r\n\r\n"),
    "chunked in capitals": Framing(b"transfer-ENCODING: CHUNKED\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    "chunk of capitals": chunked(b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
    "chunk extension": chunked(b'5;a=b;c="d;e"\r\nhello\r\n0;last\r\n\r\n'),
    "trailers": chunked(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"),
    "no chunk": chunked(b"0\r\n\r\n"),
    "chunked and length": chunked(b"5\r\nhello\r\n0\r\n\r\n", b"Content-Length: 3\r\n", True, True),  # 6.3: which of them?
    "chunk that is cut": chunked(b"5\r\nhel", closes=True),
    "no last chunk": chunked(b"5\r\nhello\r\n", closes=True),
    "chunk size of letters": chunked(b"xyz\r\nhello\r\n0\r\n\r\n", closes=True),
    "chunk size too large": chunked(b"fffffffffffffffff\r\nhello\r\n", closes=True),
    "gzip": Framing(b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(GZIP), GZIP),
    "gzip in chunks": chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(GZIP), GZIP), b"Content-Encoding: gzip\r\n"),
    "gzip to the end": Framing(b"Content-Encoding: x-gzip\r\n", GZIP, True),
    "deflate": Framing(b"Content-Encoding: deflate\r\n", zlib.compress(b"hello"), True),
    "no gzip": Framing(b"Content-Encoding: gzip\r\nContent-Length: 5\r\n", b"hello"),
    "folded": Framing(b"X-A: b\r\n c\r\n\td\r\nContent-Length: 5\r\n", b"hello"),
    "many fields": Framing(b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(90)) + b"Content-Length: 5\r\n", b"hello"),
    "empty value": Framing(b"X-A:\r\nX-B: \r\nContent-Length: 5\r\n", b"hello"),
    "LF alone": Framing(b"X-A: b\nContent-Length: 5\n", b"hello"),
    "bad length": Framing(b"Content-Length: five\r\n", b"hello", True, True),
    "negative length": Framing(b"Content-Length: -5\r\n", b"hello", True, True),
    "two lengths": Framing(b"Content-Length: 5\r\nContent-Length: 4\r\n", b"hello", True, True),
    "length list": Framing(b"Content-Length: 5, 5\r\n", b"hello", True),
    "huge length": Framing(b"Content-Length: 99999999999999999999999\r\n", b"hello", True, True),
    "blank before the colon": Framing(b"Content-Length : 5\r\n", b"hello", True, True),
    "no colon": Framing(b"X-A\r\nContent-Length: 5\r\n", b"hello", True),
    "NUL in a field": Framing(b"X-A: a\0b\r\nContent-Length: 5\r\n", b"hello", True),
    "unknown transfer coding": Framing(b"Transfer-Encoding: foo\r\n", b"hello", True, True),
}  # fmt: skip
CASES = list(itertools.product(STARTS, FRAMINGS))


class RawServer:
    """Answers a request for /N with the bytes of case N."""

    def __enter__(self) -> RawServer:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with one:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = b""
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        more = one.recv(65536)
                        if not more:
                            return
                        data += more
                    head, _, data = data.partition(b"\r\n\r\n")
                    start, name = CASES[int(head.split()[1][1:])]
                    framing = FRAMINGS[name]
                    one.sendall(start + b"\r\n" + framing.fields + b"\r\n" + framing.body)
                    if framing.closes:
                        one.shutdown(socket.SHUT_WR)
                        while one.recv(65536):
                            pass
                        return
            except OSError:
                return


SCRIPT = """
import json
import rampa

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    for case in range(int(worker.env["COUNT"])):
        r = await worker.http.get(f"{worker.env['BASE']}/{case}", raise_errors=False, allow_redirects=False, timeout=20)
        print(json.dumps([r.status, r.error_code, r.body.hex(), r.error]))
"""
OK_CODES = {0, *range(1400, 1600)}


def by_curl(url: str, folder: Path) -> list[tuple[bool, int, str]]:
    """Of each case: whether curl was content, the status, the body. One run of curl."""
    lines = []
    for case in range(len(CASES)):
        lines += ["next"] if case else []
        lines += [f'url = "{url}/{case}"', "compressed", "silent", "max-time = 20", f'output = "{folder}/{case}"']
        lines += ['write-out = "%{exitcode} %{http_code}\\\\n"']
    (folder / "curlrc").write_text("\n".join(lines) + "\n")
    done = subprocess.run(["curl", "-q", "--no-progress-meter", "-K", folder / "curlrc"], capture_output=True, text=True, timeout=300)
    told = [line.split() for line in done.stdout.splitlines()]
    assert len(told) == len(CASES), done.stderr
    bodies = [(folder / str(case)).read_bytes().hex() if (folder / str(case)).exists() else "" for case in range(len(CASES))]
    return [(code == "0", int(status), body) for (code, status), body in zip(told, bodies, strict=True)]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_same_replies_as_curl(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT)
    folder = tmp_path / "curl"
    folder.mkdir()
    with RawServer() as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", "--env", f"COUNT={len(CASES)}")
        theirs = by_curl(server.url, folder)
    ours = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ours) == len(CASES)
    assert len(CASES) > 450 and sum(code in OK_CODES for _, code, _, _ in ours) > 300
    different = []
    for case, (status, code, body, error), (is_good, their_status, their_body) in zip(CASES, ours, theirs, strict=True):
        is_fine = code in OK_CODES
        if FRAMINGS[case[1]].is_strict:
            assert (status, code) == (0, 1900), case
        elif is_fine != is_good or (is_fine and (status, body) != (their_status, their_body)):
            different.append((case, (status, code, body[:60], error), (is_good, their_status, their_body[:60])))
    assert not different, f"{len(different)} cases, such as {different[:5]}"
