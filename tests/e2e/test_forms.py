# SPDX-License-Identifier: MIT
"""Forms with files: the bytes, compared with curl, and everything that scripts may give."""
from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from caseserver import Answer, CaseServer, Seen

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

HEAD = """
import io
import rampa

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    base = worker.env["BASE"]
    http = worker.http
    case = {"X-Case": "0"}
"""


def body(text: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines())


def ok(case: int, index: int) -> Answer:
    return 200, [], b""


def plain(request: Seen) -> bytes:
    """The body with another boundary, which is checked to be that of Content-Type."""
    kind = request.header("Content-Type") or ""
    match = re.fullmatch(r"multipart/form-data; boundary=([-0-9A-Za-z]+)", kind)
    assert match, kind
    return request.body.replace(match[1].encode(), b"BOUNDARY")


def test_the_same_form_as_curl(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl")
    (tmp_path / "a.txt").write_bytes(b"text\r\n--BOUND\x00\xff")
    (tmp_path / 'q"u.bin').write_bytes(bytes(range(256)) * 10)
    (tmp_path / "empty.json").write_bytes(b"")
    script(
        body(
            """
await http.post(base, headers=case, data={"plain": "1", "\\u00fc\\"x": "a&b=c\\r\\nd"}, files=[
    ("f", open("a.txt", "rb")), ("g", open('q"u.bin', "rb")), ("h", ("other.name", open("empty.json", "rb"), "x/y")),
])
"""
        )
    )
    with CaseServer(ok) as server:
        words = ["curl", "-q", "-s", "-o", "/dev/null", "-H", "X-Case: 1", "-F", "plain=1", "-F", '\u00fc"x=a&b=c\r\nd', "-F", "f=@a.txt"]
        words += ["-F", 'g=@"q\\"u.bin"', "-F", "h=@empty.json;filename=other.name;type=x/y", server.url]
        subprocess.run(words, cwd=tmp_path, check=True, timeout=60)
        rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    (ours,), (theirs,) = seen[0], seen[1]
    assert plain(ours).split(b"\r\n") == plain(theirs).split(b"\r\n") and ours.method == theirs.method


def test_the_same_form_from_the_command_line(rampa: Rampa, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\x00\n")
    (tmp_path / "data.unknown").write_bytes(b"x")
    fields = ["-F", "a=1", "-F", "b=x y=z", "-F", "p=@picture.png", "-F", "q=@data.unknown", "-F", "empty="]
    with CaseServer(ok) as server:
        subprocess.run(["curl", "-q", "-s", "-o", "/dev/null", "-H", "X-Case: 1", *fields, server.url], cwd=tmp_path, check=True, timeout=60)
        rampa("run", server.url, "-H", "X-Case: 0", "-n", "2", *fields, code=0)
        for options, text in (
            (["--body", "x"], "one body"), (["-H", "Content-Type: x/y"], "leave out"), (["-F", "f=@nothing"], "nothing"), (["-F", "f"], "-F: 'f' is not KEY=VALUE"),
        ):  # fmt: skip
            assert text in rampa("run", server.url, *fields, *options, code=3).stderr
        seen = server.take()
    assert [plain(request) for request in seen[0]] == [plain(seen[1][0])] * 2
    assert [request.method for request in seen[0]] == ["POST"] * 2


def test_everything_that_a_form_can_be(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("0123456789")
    script(
        body(
            """
class Text:  # has read() and nothing else
    def read(self):
        return "text"
with open("f.txt", "rb") as file:
    file.seek(4)
    for data in (file, io.BytesIO(b"bytes"), open("f.txt"), Text()):
        await http.put(base, headers=case, data=data)
    assert file.tell() == 4
    await http.post(base, headers=case, data={"f": file, "a": 1, "l": ["x", io.BytesIO(b"y")]})
    await http.post(base, headers=case, files={"f": b"raw", "g": ("g.json", "text"), "h": (None, "field", "x/y", {"X-Own": "1"})})
    await http.post(base, headers={**case, "Content-Type": "own/type"}, files={"f": b"raw"})
    await http.post(base, headers=case, files={}, data={"a": "b"})
for options in (
    {"files": {"f": b"x"}, "json": 1}, {"files": {"f": b"x"}, "data": b"y"}, {"files": 5}, {"files": {"f": (1,)}}, {"files": {"f": None}},
    {"files": {"f": ("n", b"x", "a/b\\r\\nX: y")}}, {"data": iter([5])},
):
    try:
        await http.post(base, headers=case, **options)
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)
"""
        )
    )
    with CaseServer(ok) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        seen = server.take()[0]
    assert [(request.body, request.header("Content-Type")) for request in seen[:4]] == [
        (b"456789", "application/octet-stream"), (b"bytes", "application/octet-stream"), (b"0123456789", "application/octet-stream"),
        (b"text", "application/octet-stream"),
    ]  # fmt: skip
    disposition = b'--BOUNDARY\r\nContent-Disposition: form-data; name="'
    assert plain(seen[4]) == (
        disposition + b'f"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n456789\r\n' + disposition + b'a"\r\n\r\n1\r\n'
        + disposition + b'l"\r\n\r\nx\r\n' + disposition + b'l"; filename="l"\r\nContent-Type: application/octet-stream\r\n\r\ny\r\n--BOUNDARY--\r\n'
    )  # fmt: skip
    assert plain(seen[5]) == (
        disposition + b'f"; filename="f"\r\nContent-Type: application/octet-stream\r\n\r\nraw\r\n'
        + disposition + b'g"; filename="g.json"\r\nContent-Type: application/json\r\n\r\ntext\r\n'
        + disposition + b'h"\r\nContent-Type: x/y\r\nX-Own: 1\r\n\r\nfield\r\n--BOUNDARY--\r\n'
    )  # fmt: skip
    assert seen[6].header("Content-Type") == "own/type" and seen[7].body == b"a=b"
    assert len(done.stdout.splitlines()) == 7, done.stdout


def test_forms_of_aiohttp(rampa: Rampa, script: Script) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    assert aiohttp
    script(
        "import aiohttp\n"
        + body(
            """
form = aiohttp.FormData()
form.add_field("a", "1")
form.add_field("f", io.BytesIO(b"file"), filename="x.bin", content_type="x/y")
await http.post(base, headers=case, data=form)
await http.post(base, headers=case, data=aiohttp.FormData({"a": "1", "b": "c d"}))
await http.get(base, headers=case, auth=aiohttp.BasicAuth("joe", "pw"), timeout=aiohttp.ClientTimeout(total=5))
"""
        )
    )
    with CaseServer(ok) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()[0]
    disposition = b'--BOUNDARY\r\nContent-Disposition: form-data; name="'
    assert plain(seen[0]) == (
        disposition + b'a"\r\n\r\n1\r\n' + disposition + b'f"; filename="x.bin"\r\nContent-Type: x/y\r\n\r\nfile\r\n--BOUNDARY--\r\n'
    )
    assert (seen[1].body, seen[1].header("Content-Type")) == (b"a=1&b=c+d", "application/x-www-form-urlencoded")
    assert seen[2].header("Authorization") == "Basic am9lOnB3"


def test_options_that_change_nothing(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
for _ in range(3):
    await http.get(base, read_bufsize=65536, max_line_size=100, skip_auto_headers=["User-Agent"], trace_request_ctx={"a": 1}, read_until_eof=True)
await http.get(base, read_bufsize=None, max_headers=None, skip_auto_headers=(), compress=None)
"""
        )
    )
    with CaseServer(ok) as server:
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    text = done.stdout + done.stderr
    for name in ("read_bufsize", "max_line_size", "skip_auto_headers", "trace_request_ctx"):
        assert text.count(f"rampa ignores the option {name}=") == 1
    assert "read_until_eof" not in text and "max_headers" not in text and "expect100" not in text
