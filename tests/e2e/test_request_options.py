# SPDX-License-Identifier: MIT
"""Options of a request: compressed bodies, and statuses that are errors."""
from __future__ import annotations

import gzip
import http.server
import json
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HEAD = """
import json
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def go(worker):
    http, base = worker.http, worker.env["BASE"]
"""


def body(lines: str) -> str:
    return HEAD + "\n".join("    " + line for line in lines.strip("\n").split("\n"))


def test_compressed_bodies(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """Text, forms, JSON, files and generators are compressed; the field Content-Encoding says how."""
    (tmp_path / "large").write_bytes(b"0123456789" * 20_000)
    script(body("""
async def pieces():
    yield "ab" * 1000
    yield b"cd"
post = http.post
await post(base, data="text" * 100, compress="gzip")
await post(base, json={"id": 7}, compress=True)
await post(base, data={"a": "b c"}, compress="deflate, gzip")
with open("large", "rb") as file:
    await post(base, data=file, compress="gzip")
await post(base, data=pieces(), compress="gzip")
await post(base, files={"f": b"content"}, compress="gzip", headers={"Content-Type": "multipart/x"})
await post(base, data=b"plain", compress=False)
await post(base, data=b"plain", compress=None)
await http.get(base, compress="gzip")
for options in (
    {"data": b"x", "compress": "lzw"},
    {"data": b"x", "compress": 3},
    {"data": b"x", "compress": "gzip", "headers": {"content-encoding": "gzip"}},
    {"data": pieces(), "compress": "br"},
):
    try:
        post(base, **options)
    except ValueError as error:
        print(error)
"""))
    with FaultServer([Repeat([ExpectRequest(), Send(answer())])]) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    text, js, form, file, made, parts, *plain = server.requests
    assert text.header("content-encoding") == "gzip" and gzip.decompress(text.body) == b"text" * 100
    assert text.header("content-length") == str(len(text.body)) and len(text.body) < 100
    assert js.header("content-encoding") == "deflate" and json.loads(zlib.decompress(js.body)) == {"id": 7}
    assert js.header("content-type") == "application/json"
    assert form.header("content-encoding") == "deflate, gzip"
    assert zlib.decompress(gzip.decompress(form.body)) == b"a=b+c"
    assert gzip.decompress(file.body) == b"0123456789" * 20_000
    assert made.header("transfer-encoding") == "chunked" and gzip.decompress(made.body) == b"ab" * 1000 + b"cd"
    assert b"content" in gzip.decompress(parts.body) and parts.header("content-type") == "multipart/x"
    assert [(request.header("content-encoding"), request.body) for request in plain] == [
        (None, b"plain"), (None, b"plain"), (None, b""),
    ]  # fmt: skip
    errors = done.stdout.splitlines()
    assert errors[0].startswith("compress takes True or names of 'gzip', 'deflate', 'br' and 'zstd'") and "not 'lzw'" in errors[0]
    assert errors[1].endswith("not 3") and "not both" in errors[2] and "async generator" in errors[3]


@pytest.mark.parametrize("package", ["brotli", "zstandard"])
def test_codings_of_other_packages(rampa: Rampa, script: Script, tmp_path: Path, package: str) -> None:
    """They are used when they are there; a package of that name shows it."""
    coding = {"brotli": "br", "zstandard": "zstd"}[package]
    (tmp_path / f"{package}.py").write_text({
        "brotli": "def compress(data): return b'<' + data + b'>'\n",
        "zstandard": "class ZstdCompressor:\n    def compress(self, data): return b'<' + data + b'>'\n",
    }[package])  # fmt: skip
    script(body(f'await http.post(base, data=b"x", compress="{coding}")'))
    with FaultServer([Repeat([ExpectRequest(), Send(answer())])]) as server:
        rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", env={"PYTHONPATH": str(tmp_path)}, code=0)
    (request,) = server.requests
    assert (request.header("content-encoding"), request.body) == (coding, b"<x>")


def test_raise_for_status(rampa: Rampa, script: Script) -> None:
    """It is an outcome of the test, not a mistake of the script, and the samples are those of the answer."""
    script(body("""
got, errors = [], rampa.errors
async def refuse(response):
    if response.status != 200:
        raise KeyError(response.status)
for status in (200, 302, 404, 503):
    for judge in (True, False, None, refuse, lambda response: got.append(response.status)):
        try:
            response = await http.get(base + f"/{status}", raise_for_status=judge, allow_redirects=False, name="n")
            got.append((response.status, "no error"))
        except (errors.StatusError, KeyError) as error:
            got.append((status, type(error).__name__, str(error).replace(base, "BASE")))
            if isinstance(error, errors.StatusError):
                assert (error.status, error.message, error.error_code) == (status, "Scripted", 1000 + status)
                assert error.response.body == b"ok" and error.headers["content-length"] == "2" and error.history == ()
                assert isinstance(error, errors.RequestError) and error.method == "GET"
response = await http.get(base + "/404")
for failed in (response, await http.get("http://127.0.0.1:1/", raise_errors=False, name="n")):
    try:
        failed.raise_for_status()
    except errors.RequestError as error:
        got.append(type(error).__name__)
assert (await http.get(base + "/200")).raise_for_status().status == 200
try:
    async with http.stream("GET", base + "/404", raise_for_status=True):
        got.append("inside")
except errors.StatusError as error:
    got.append(error.status)
async with http.stream("GET", base + "/200", raise_for_status=True) as r:
    got.append(await r.read())
both = await http.batch([("GET", base + "/404"), ("GET", base + "/200", None, {"raise_for_status": True})])
got.append([r.status for r in both])
try:
    await http.batch([base + "/200", ("GET", base + "/404", None, {"raise_for_status": True})])
except errors.StatusError as error:
    got.append(error.status)
try:
    http.get(base, raise_for_status=3)
except TypeError as error:
    got.append(str(error))
async def pieces():
    yield b"x"
try:
    await http.post(base + "/404", data=pieces(), raise_for_status=True)
except errors.StatusError as error:
    got.append(error.status)
print(repr(got).replace(base, "BASE"))
await http.get(base + "/503", raise_for_status=True)
"""))
    with Statuses() as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", out=True, code=1)  # not 2
    got = eval(done.stdout)  # noqa: S307, of our own script
    fine = [(200, "no error"), (200, "no error"), (200, "no error"), (200, "no error"), 200, (200, "no error")]
    assert got[:6] == fine
    assert got[6:12] == [(302, "no error")] * 3 + [(302, "KeyError", "302"), 302, (302, "no error")]
    for at, status in ((12, 404), (18, 503)):
        raised = (status, "StatusError", f"GET BASE/{status}: {status} Scripted")
        assert got[at : at + 6] == [raised, *[(status, "no error")] * 2, (status, "KeyError", str(status)), status, (status, "no error")]
    assert got[24:] == ["StatusError", "ConnectError", 404, b"ok", [404, 200], 404,
                        "raise_for_status takes True, False or a function that is called with the response, not 3", 404]  # fmt: skip
    assert done.count("iteration_errors") == 1
    assert f"in go: StatusError: GET {server.url}/503: 503 Scripted" in done.stderr


class Statuses:
    """Answers /N with the status N."""

    def __enter__(self) -> Statuses:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                if self.headers.get("Transfer-Encoding"):
                    while int(self.rfile.readline(), 16):
                        self.rfile.readline()
                    self.rfile.readline()
                self.send_response(int(self.path[1:]), "Scripted")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_GET = do_POST = serve

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
