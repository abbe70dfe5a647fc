# SPDX-License-Identifier: MIT
"""Bodies that are made while they are sent: files on disk, async generators, chunks, and 100 Continue."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from caseserver import Answer, CaseServer
from certificates import OPENSSL, Pki
from faultserver import Close, ExpectRequest, FaultServer, Hang, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

HEAD = """
import asyncio
import os
import rampa
from rampa.errors import *

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    base = worker.env["BASE"]
    http = worker.http
    case = {"X-Case": "0"}
"""


def body(text: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines())


def ok(case: int, index: int) -> Answer:
    return 200, [], b"ok"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_files_are_read_while_they_are_sent(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    data = os.urandom(6 << 20)
    (tmp_path / "large").write_bytes(data)
    (tmp_path / "small").write_bytes(b"small")
    script(
        body(
            """
with open("large", "rb") as file:
    request = http.put(base, headers=case, data=file)  # the file may be closed before it is sent
r = await request
assert r.status == 200 and r.timings.sending > 0 and r.timings.waiting >= 0, r.timings
file = open("large", "rb")
file.seek(1000)
for _ in range(2):
    r = await http.post(base, headers=case, data={"a": "1"}, files={"f": file, "s": open("small", "rb"), "g": ("name", file, "x/y")})
    assert r.status == 200
assert file.tell() == 1000
r = await http.post(base, headers=case, data=file, chunked=True)
assert (await http.get(base)).timings.connecting == 0  # the connection was kept
import resource
assert "ASAN_OPTIONS" in os.environ or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 100 << 10, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
        )
    )
    with CaseServer(ok) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        whole, first, second, chunked = server.take()[0]
    assert sha(whole.body) == sha(data) and whole.header("Content-Length") == str(len(data))
    for form in first, second:
        boundary = (form.header("Content-Type") or "").partition("boundary=")[2].encode()
        parts = form.body.split(b"--" + boundary)
        assert [part.partition(b"\r\n\r\n")[2][:-2] for part in parts[1:-1]] == [b"1", data[1000:], b"small", data[1000:]]
        assert form.header("Content-Length") == str(len(form.body))
    assert chunked.header("Content-Length") is None and sha(chunked.body) == sha(data[1000:])


def test_async_generators(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
most = 0
async def numbers(count, size, pause=False):
    for n in range(count):
        if pause:
            await asyncio.sleep(0.01)
        yield bytes([n % 256]) * size
async def text():
    yield "\\u00fc"
    yield b""
    yield bytearray(b"end")
r = await http.post(base, headers=case, data=numbers(5, 3, True))
assert r.status == 200 and r.timings.sending >= 40, r.timings
assert (await http.post(base, headers=case, data=text())).text() == "ok"
assert (await http.post(base, headers=case, data=numbers(64, 100_000))).status == 200
answers = await asyncio.gather(*(http.put(base, headers=case, data=numbers(3, 2, True)) for _ in range(4)))
assert [r.status for r in answers] == [200] * 4
assert (await http.post(base, headers=case, data=numbers(0, 0))).status == 200
"""
        )
    )
    with CaseServer(ok) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()[0]
    assert all(request.header("Transfer-Encoding") == "chunked" and request.header("Content-Length") is None for request in seen)
    assert seen[0].body == b"".join(bytes([n]) * 3 for n in range(5)) and seen[1].body == "\u00fcend".encode()
    assert sha(seen[2].body) == sha(b"".join(bytes([n]) * 100_000 for n in range(64)))
    assert [request.body for request in seen[3:7]] == [b"\0\0\1\1\2\2"] * 4 and seen[7].body == b""


def test_a_generator_that_ends_badly(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
closed = []
async def broken():
    try:
        yield b"x"
        await asyncio.sleep(0.05)
        raise KeyError("mine")
    finally:
        closed.append("broken")
async def endless():
    try:
        while True:
            yield b"x" * 65536
    finally:
        closed.append("endless")
async def wrong():
    yield b"x"
    await asyncio.sleep(0.05)  # the server has seen the connection
    yield 5
try:
    await http.post(base, data=broken())
except KeyError as error:
    print("raised", error)
try:
    await http.post(base, data=wrong())
except TypeError as error:
    print("refused", error)
r = await http.post(base + "/early", data=endless())
assert r.status == 413, r
assert closed == ["broken", "endless"]
assert (await http.get(base)).status == 200
"""
        )
    )
    early = [answer(b"no", 413), answer(b"ok")]
    with FaultServer(
        [Hang()], [Hang()], [Send(early[0]), Hang()], [Repeat([ExpectRequest(), Send(early[1])])]
    ) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    assert "raised 'mine'" in done.stdout and "refused data: what makes a body gives bytes or text, not int" in done.stdout


def test_100_continue(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
r = await http.post(base, headers=case, data=b"x" * 100, expect100=True)
assert r.status == 200
async def parts():
    yield b"a"
    yield b"b"
assert (await http.post(base, headers=case, data=parts(), expect100=True)).status == 200
assert (await http.post(base, headers=case, data=b"abc", chunked=True)).status == 200
"""
        )
    )
    with CaseServer(ok) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()[0]
    assert [(request.header("Expect"), request.body) for request in seen] == [
        ("100-continue", b"x" * 100), ("100-continue", b"ab"), (None, b"abc"),
    ]  # fmt: skip


def test_a_server_that_does_not_say_continue(rampa: Rampa, script: Script) -> None:
    """One that says nothing gets the body after a second; one that refuses does not get it at all."""
    script(
        body(
            """
r = await http.post(base, data=b"0123456789", expect100=True)
assert r.status == 200 and r.timings.sending >= 900, r.timings
r = await http.post(base, data=b"0123456789", expect100=True)
assert r.status == 417 and r.timings.duration < 900, r.timings
"""
        )
    )
    silent = [ExpectRequest(), Send(answer(headers=[("Connection", "close")])), Close()]
    refusing = [Send(answer(b"", 417)), Hang()]
    with FaultServer(silent, refusing) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        server.wait_for_connections(2)
    assert server.requests[0].body == b"0123456789"
    assert not bytes(server.connections[1].received).endswith(b"0123456789")


def test_redirects_send_a_file_again_and_no_generator(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"0123456789" * 10000)
    script(
        body(
            """
with open("large", "rb") as file:
    r = await http.post(base, headers=case, data=file)
    assert r.status == 200 and len(r.history) == 1
async def parts():
    yield b"a"
try:
    await http.post(base, headers={"X-Case": "1"}, data=parts())
except RequestError as error:
    print("refused", error)
"""
        )
    )

    def answer_of(case: int, index: int) -> Answer:
        return (307, [("Location", b"/again")], b"") if index == 0 else (200, [], b"")

    with CaseServer(answer_of) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    assert [request.body for request in seen[0]] == [b"0123456789" * 10000] * 2 and "refused" in done.stdout


@pytest.mark.skipif(not OPENSSL, reason="no openssl")
def test_uploads_over_tls(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    from tlsserver import context_of

    data = os.urandom(2 << 20)
    (tmp_path / "large").write_bytes(data)
    script(
        body(
            """
async def numbers():
    for n in range(40):
        yield bytes([n]) * 10_000
        await asyncio.sleep(0)
with open("large", "rb") as file:
    for _ in range(2):
        assert (await http.put(base, headers=case, data=file, verify=False)).status == 200
        assert (await http.put(base, headers=case, data=numbers(), verify=False)).status == 200
        assert (await http.put(base, headers=case, data=b"plain", verify=False)).timings.connecting == 0
        assert (await http.put(base, headers=case, data=b"waits", expect100=True, verify=False)).status == 200
"""
        )
    )
    with CaseServer(ok, context_of(Pki(tmp_path).self_signed("self"))) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()[0]
    wanted = [data, b"".join(bytes([n]) * 10_000 for n in range(40)), b"plain", b"waits"] * 2
    assert [sha(request.body) for request in seen] == [sha(one) for one in wanted]


def test_a_file_that_becomes_shorter_is_a_failed_request(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"0" * 200_000)
    script(
        body(
            """
request = http.post(base, headers=case, data=open("large", "rb"))
os.truncate("large", 100_000)
try:
    await request
except RequestError as error:
    print("failed", error)
"""
        )
    )
    with FaultServer([Hang()]) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}")
    assert "failed" in done.stdout
