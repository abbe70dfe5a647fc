# SPDX-License-Identifier: MIT
"""Bodies with a content coding: what scripts get of them, and whether curl gets the same."""
from __future__ import annotations

import ctypes
import gzip
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from finished import Finished
from test_nginx import NGINX, Nginx, answers, free_port

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

TEXT = b"".join(b'{"id": %d, "name": "user %d"}\n' % (i, i * i) for i in range(3000))


def naked(data: bytes) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(data) + made.flush()


def brotli(data: bytes) -> bytes:
    size = ctypes.c_size_t(2 * len(data) + 1000)
    out = ctypes.create_string_buffer(size.value)
    made = ctypes.CDLL("libbrotlienc.so.1").BrotliEncoderCompress(
        5, 22, 0, ctypes.c_size_t(len(data)), data, ctypes.byref(size), out
    )
    assert made
    return out.raw[: size.value]


def zstd(data: bytes) -> bytes:
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(2 * len(data) + 1000)
    size = library.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]


@dataclass
class Case:
    coding: str | list[str]
    body: bytes
    plain: bytes | None = TEXT  # None: it is broken


CASES = {
    "gzip": Case("gzip", gzip.compress(TEXT)),
    "case": Case("GZip", gzip.compress(TEXT)),
    "x-gzip": Case("x-gzip", gzip.compress(TEXT)),
    "zlib": Case("deflate", zlib.compress(TEXT)),
    "naked": Case("deflate", naked(TEXT)),
    "br": Case("br", brotli(TEXT)),
    "zstd": Case("zstd", zstd(TEXT)),
    "identity": Case("identity", TEXT),
    "one-byte": Case("gzip", gzip.compress(b"x"), b"x"),
    "row": Case("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    "row-with-identity": Case("identity, br, gzip", gzip.compress(brotli(TEXT))),
    "three": Case("br,zstd , gzip", gzip.compress(zstd(brotli(TEXT)))),
    "empty-gzip": Case("gzip", gzip.compress(b""), b""),
    "no-gzip": Case("gzip", TEXT, None),
    "no-br": Case("br", b"\xff" * 50, None),
    "no-zstd": Case("zstd", TEXT, None),
    "no-deflate": Case("deflate", b"\xff" * 50, None),
    "check-sum": Case("gzip", gzip.compress(TEXT)[:-8] + b"12345678", None),
}
# Where curl is laxer than rampa (what is cut off, and what follows), or stricter.
OURS = {
    "two-fields": Case(["deflate", "gzip"], gzip.compress(zlib.compress(TEXT))),
    "members": Case("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
    "no-body": Case("gzip", b"", b""),
    "unknown": Case("foo", b"as it came", b"as it came"),
    "unknown-in-a-row": Case("foo, gzip", gzip.compress(TEXT, mtime=0), gzip.compress(TEXT, mtime=0)),  # else they have the time
    "cut-gzip": Case("gzip", gzip.compress(TEXT)[:-9], None),
    "cut-zstd": Case("zstd", zstd(TEXT)[:-2], None),
    "cut-br": Case("br", brotli(TEXT)[:-2], None),
    "cut-zlib": Case("deflate", zlib.compress(TEXT)[:-2], None),
    "followed-gzip": Case("gzip", gzip.compress(TEXT) + b"zz", None),
    "followed-zlib": Case("deflate", zlib.compress(TEXT) + b"zz", None),
    "followed-br": Case("br", brotli(TEXT) + b"zz", None),
}
ZEROS = bytes(20 << 20)
BOMBS = {
    "bomb-gzip": Case("gzip", gzip.compress(ZEROS), ZEROS),
    "bomb-br": Case("br", brotli(ZEROS), ZEROS),
    "bomb-zstd": Case("zstd", zstd(ZEROS), ZEROS),
    "bomb-in-a-bomb": Case("gzip, gzip", gzip.compress(gzip.compress(ZEROS)), ZEROS),
}


@dataclass
class Served:
    url: str
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path, Accept-Encoding


@pytest.fixture
def served() -> Iterator[Served]:
    """Answers /NAME with the case of that name, in chunks of odd sizes with /chunked/NAME."""
    cases = {**CASES, **OURS, **BOMBS}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            found.requests.append((self.path, self.headers["Accept-Encoding"]))
            case = cases[self.path.rpartition("/")[2]]
            self.send_response(200)
            for coding in [case.coding] if isinstance(case.coding, str) else case.coding:
                self.send_header("Content-Encoding", coding)
            try:
                self.send_body(case.body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def send_body(self, body: bytes) -> None:
            if not self.path.startswith("/chunked"):
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if self.command == "GET" else b"")
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 777):
                piece = body[at : at + 777]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that has gone away

    with Server(("127.0.0.1", 0), Handler) as server:
        found = Served(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


GET_ALL = """
import hashlib, json, rampa

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    for path in {paths!r}:
        r = await worker.http.get(worker.env["BASE"] + path, raise_errors=False{options})
        print(json.dumps([path, r.status, r.error_code, r.error, hashlib.sha256(r.body).hexdigest(), len(r.body)]))
"""


def get_all(rampa: Rampa, script: Script, served: Served, paths: list[str], options: str = "") -> dict[str, list]:
    script(GET_ALL.format(paths=paths, options=options))
    done = rampa("run", "script.py", "--quiet", "--no-thresholds", "--env", f"BASE={served.url}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one[0] for one in answers] == paths, done.stderr
    return {one[0]: one[1:] for one in answers}


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_every_coding_and_every_way_to_break_one(rampa: Rampa, script: Script, served: Served) -> None:
    cases = {**CASES, **OURS}
    paths = [f"{folder}/{name}" for name in cases for folder in ("", "/chunked")]
    for path, (status, code, error, sha, size) in get_all(rampa, script, served, paths).items():
        plain = cases[path.rpartition("/")[2]].plain
        if plain is None:
            assert (status, code) == (0, 1701), path
            assert error.startswith("broken content coding: "), path
        else:
            assert (status, code, size, sha) == (200, 0, len(plain), digest(plain)), path


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_curl_gets_the_same(served: Served) -> None:
    """The cases of the test before, so that what it asserts is not only our own opinion."""
    for name, case in CASES.items():
        done = subprocess.run(
            ["curl", "-s", "--compressed", f"{served.url}/{name}"], capture_output=True, check=False, timeout=60
        )
        if case.plain is None:
            assert done.returncode != 0, name
        else:
            assert (done.returncode, done.stdout) == (0, case.plain), name


def test_few_bytes_that_stand_for_very_many(rampa: Rampa, script: Script, served: Served) -> None:
    paths = [f"/{name}" for name in BOMBS]
    for path, (status, code, error, _, _) in get_all(rampa, script, served, paths).items():
        assert (status, code) == (0, 1902), path
        assert "times its" in error and "max_body_bytes= allows more" in error
    allowed = get_all(rampa, script, served, paths, ", max_body_bytes=20 << 20")
    assert all(one[0] == 200 and one[3] == digest(ZEROS) for one in allowed.values()), allowed
    less = get_all(rampa, script, served, ["/gzip"], ", max_body_bytes=1000")
    assert less["/gzip"][1] == 1902
    assert "more than 1000 bytes when decoded" in less["/gzip"][2]


def test_the_body_as_it_came(rampa: Rampa, script: Script, served: Served) -> None:
    raw = get_all(rampa, script, served, ["/br", "/no-gzip", "/bomb-gzip"], ", auto_decompress=False")
    assert {path: one[3] for path, one in raw.items()} == {
        "/br": digest(CASES["br"].body), "/no-gzip": digest(TEXT), "/bomb-gzip": digest(BOMBS["bomb-gzip"].body)
    }  # fmt: skip
    dropped = get_all(rampa, script, served, ["/br", "/no-gzip", "/bomb-gzip"], ", discard_body=True")
    assert all(one[:2] == [200, 0] and one[4] == 0 for one in dropped.values())
    assert {accept for _, accept in served.requests} == {None}  # nobody has asked for a coding


def test_only_compressed_asks_for_it(rampa: Rampa, served: Served) -> None:
    rampa("run", f"{served.url}/zstd", "--compressed", "--iterations", "1", "--quiet", code=0)
    rampa("run", f"{served.url}/zstd", "--compressed", "-H", "accept-encoding: br", "-n", "1", "--quiet", code=0)
    rampa("run", f"{served.url}/zstd", "-n", "1", "--quiet", code=0)
    assert [accept for _, accept in served.requests] == ["gzip, deflate, br, zstd", "br", None]
    once = rampa("run", f"{served.url}/zstd", "--compressed", "--once", code=0)
    assert '{"id": 1, "name": "user 1"}' in once.stdout + once.stderr


NGINX_CONF = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    log_format bytes '$connection $request_length $bytes_sent $status $request_method $uri';
    access_log {folder}/access.log bytes;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    gzip_types *;
    gzip_http_version 1.0;
    server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""

NGINX_SCRIPT = """
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=20)
async def go(worker):
    r = await worker.http.get(worker.env["BASE"] + "/text", headers={"Accept-Encoding": "gzip"})
    assert r.headers["content-encoding"] == "gzip"
    assert r.body == open(worker.env["FILE"], "rb").read()
    r = await worker.http.get(worker.env["BASE"] + "/text")
    assert "content-encoding" not in r.headers and len(r.body) == %d
""" % len(TEXT)


@pytest.mark.skipif(not NGINX, reason="no nginx")
def test_nginx_compresses_when_asked_and_bytes_are_those_of_the_wire(
    rampa: Rampa, script: Script, tmp_path: Path
) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "text").write_bytes(TEXT)
    for _ in range(20):
        port = free_port()
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(user + NGINX_CONF.format(folder=folder, port=port))
        assert NGINX
        process = subprocess.Popen(
            [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"], stderr=subprocess.DEVNULL
        )
        if answers(process, port):
            break
    server = Nginx(folder, port, process)
    script(NGINX_SCRIPT)
    env = ["--env", f"BASE={server.url}", "--env", f"FILE={folder}/text"]
    try:
        done = rampa("run", "script.py", *env, out=True, code=0)
    finally:
        log = server.log()
    assert len(log) == 120 == done.count("http_reqs")
    assert done.count("data_received") == sum(line.bytes_sent for line in log)
    assert len({line.bytes_sent for line in log}) == 2
