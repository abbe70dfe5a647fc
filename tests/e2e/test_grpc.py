# SPDX-License-Identifier: MIT
"""worker.grpc against a server of grpcio, and against servers that break the protocol."""
from __future__ import annotations

import ast
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL, Certificate, Pki

pytest.importorskip("hpack")
from h2server import CANCEL, DATA, END_STREAM, ENHANCE_YOUR_CALM, H2Server, Peer, REFUSED_STREAM, frame, reset  # noqa: E402

SERVER = Path(__file__).with_name("grpcserver.py")

Rampa = Callable[..., Any]
Script = Callable[..., Path]

HEAD = """
import asyncio
import json
import rampa


def told(r):
    data = getattr(r, "data", b"").decode("latin-1")
    print(json.dumps(dict(status=r.status_code, details=r.details, code=r.error_code, data=data[:200], size=len(data))))


"""


def begin(*files: Path) -> tuple[subprocess.Popen[str], int]:
    pytest.importorskip("grpc")
    words = [sys.executable, str(SERVER), *map(str, files)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, int(process.stdout.readline())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of grpcio."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is asked once, with the ordinary build")
    process, port = begin()
    yield f"127.0.0.1:{port}"
    process.communicate()


def run(rampa: Rampa, script: Script, body: str, code: int = 0, **options: Any) -> tuple[Any, list[Any]]:
    """A run of one iteration of this code, and the lines of JSON that it has printed."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    text = f"{HEAD}@rampa.scenario(executor='per-vu-iterations', vus=1, iterations=1)\nasync def calls(worker):\n{lines}"
    done = rampa("run", script(text), out=True, code=code, **options)
    return done, [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]


# ---- grpcio ----------------------------------------------------------------------------------------------------------


def test_unary_calls(rampa: Rampa, script: Script, server: str) -> None:
    done, lines = run(
        rampa,
        script,
        f"""
g, target, path = worker.grpc, "{server}", "/test.Service/"
r = await g.unary(target, path + "Echo", b"hello")
told(r)
print(json.dumps([r.metadata["first"], r.metadata["first-bin"].hex(), r.trailers["last"], r.trailers["last-bin"].hex()]))
print(json.dumps([r.ok, r.status.name, r.timings.duration > 0, "grpc-status" in r.trailers]))
told(await g.unary(target, path + "Echo", b""))
told(await g.unary(target, path + "Metadata", b"", {{"X-Text": "secret-token", "x-bin": b"\\x00\\x01"}}))
r = await g.unary(target, path + "Fail", b"")
told(r)
print(json.dumps([r.ok, r.status.name, r.trailers, r.metadata]))
told(await g.unary(target, path + "None", b""))
told(await g.unary(target, path + "Deadline", b"", deadline=90))
told(await g.unary(target, path + "Hang", b"", deadline=0.3))
c = g.connect(target, compression="gzip", metadata={{"x-all": "1"}}, tags={{"way": "packed"}})
told(await c.unary(path + "Echo", b"a" * 100000))
told(await c.unary(path + "Packed", b"b" * 10, name="packed"))
told(await c.unary(path + "Metadata", b"", metadata={{"x-one": "2"}}))
small = g.connect(target, max_message_size=9999)
told(await small.unary(path + "Packed", b"b" * 10))
told(await small.unary(path + "Echo", b"b" * 10001))
try:
    async with asyncio.timeout(0.2):
        await g.unary(target, path + "Hang", b"")
except TimeoutError:
    pass
await g.unary(target, path + "Echo", b"")
""",
    )
    assert lines[0] == {"status": 0, "details": "", "code": 0, "data": "hello", "size": 5}
    assert lines[1] == ["one", "00ff", "two", "01"]
    assert lines[2] == [True, "OK", True, False]
    assert lines[3]["status"] == 0 and lines[3]["data"] == ""
    assert ast.literal_eval(lines[4]["data"]) == [("x-bin", b"\x00\x01"), ("x-text", "secret-token")]
    assert lines[5] == {"status": 5, "details": "nothing here: \u20ac 100%\n", "code": 0, "data": "", "size": 0}
    assert lines[6] == [False, "NOT_FOUND", {"why": "because"}, {}]
    assert lines[7]["status"] == 12 and lines[7]["data"] == ""
    assert 30 < float(lines[8]["data"]) <= 90
    assert lines[9]["status"] == 4
    assert lines[10]["size"] == 100000 and lines[11]["size"] == 10000 and set(lines[11]["data"]) == {"b"}
    assert ast.literal_eval(lines[12]["data"]) == [("x-all", "1"), ("x-one", "2")]
    assert lines[13]["status"] == lines[14]["status"] == 8
    assert "10001 bytes, and 9999 are allowed (max_message_size=)" in lines[14]["details"] and lines[14]["code"] == 1902
    check_unary_result(done.result())
    assert "secret-token" not in json.dumps(done.result()) + done.stderr


def check_unary_result(result: dict[str, Any]) -> None:
    metrics = result["summary"]["metrics"]
    assert metrics["grpc_reqs"]["count"] == 14
    assert metrics["grpc_req_failed"]["passes"] == 6 and metrics["grpc_req_failed"]["fails"] == 8
    assert metrics["grpc_req_duration"]["count"] == 14
    assert metrics["grpc_req_duration"]["max"] >= 290
    assert metrics["data_sent"]["count"] > 11000 and metrics["data_received"]["count"] > 20000
    assert "grpc_streams" not in metrics and "http_reqs" not in metrics


def test_streams(rampa: Rampa, script: Script, server: str) -> None:
    done, lines = run(
        rampa,
        script,
        f"""
g, target, path = worker.grpc, "{server}", "/test.Service/"
print(json.dumps([len(m) async for m in g.server_stream(target, path + "Numbers", b"3 5")]))
c = g.connect(target)
async with c.server_stream(path + "Numbers", b"100 100000") as s:  # which is more than may wait
    first = await s.receive()
    await asyncio.sleep(0)
    print(json.dumps([len(first), s.status, sum([len(m) async for m in s]), s.status_code]))
told(await c.client_stream(path + "Count", [b"12345", b"678"]))
async def several():
    for _ in range(1000):
        yield b"a" * 1000
told(await c.client_stream(path + "Count", several()))
async with c.client_stream(path + "Count") as s:
    await s.send(b"1")
    told(await s.finish())
async with c.bidi(path + "Talk") as s:
    for i in range(50):
        await s.send(b"%d" % i)
        assert await s.receive() == b"%d" % i
    await s.end()
    print(json.dumps([await s.receive(), s.status_code, s.ok, await s.metadata(), s.trailers]))
async with c.bidi(path + "Talk") as s:  # left open: no failure
    await s.send(b"x")
    await s.receive()
try:
    print(json.dumps([len(m) async for m in c.server_stream(path + "Numbers", b"2 1 9")]))
except rampa.errors.GrpcError as error:
    print(json.dumps([str(error), error.status_code]))
async with c.server_stream(path + "Numbers", b"2 1 9") as s:
    while await s.receive() is not None:
        pass
    told(s)
""",
    )
    assert lines[0] == [5, 5, 5]
    assert lines[1] == [100000, None, 99 * 100000, 0]
    assert [line["data"] for line in lines[2:5]] == ["8", "1000000", "1"]
    assert lines[5] == [None, 0, True, {}, {}]
    assert lines[6] == ["/test.Service/Numbers: FAILED_PRECONDITION: after all", 9]
    assert lines[7]["status"] == 9
    metrics = done.result()["summary"]["metrics"]
    assert metrics["grpc_streams"]["count"] == metrics["grpc_reqs"]["count"] == metrics["grpc_stream_duration"]["count"] == 9
    assert metrics["grpc_req_failed"]["passes"] == 2 and "grpc_req_duration" not in metrics
    assert metrics["grpc_streams_msgs_sent"]["count"] == 4 + 2 + 1000 + 1 + 50 + 1
    assert metrics["grpc_streams_msgs_received"]["count"] == 3 + 100 + 3 + 50 + 1 + 4


@pytest.mark.skipif(not OPENSSL, reason="no openssl")
@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="grpcio is asked once, with the ordinary build")
def test_tls(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    process, port = begin(good.chain, good.key, pki.root.file)
    client = pki.issue("client")
    _, lines = run(
        rampa,
        script,
        f"""
g, path = worker.grpc, "/test.Service/Echo"
mine = ("{client.chain}", "{client.key}")
told(await g.connect("localhost:{port}", tls=True, verify="{pki.root.file}", cert=mine).unary(path, b"1"))
told(await g.connect("grpcs://localhost:{port}", verify=False, cert=mine).unary(path, b"2"))
told(await g.connect("localhost:{port}", tls=True, cert=mine).unary(path, b"3"))
told(await g.connect("localhost:{port}", tls=True, verify=False).unary(path, b"4"))
""",
    )
    process.communicate()
    assert [line["data"] for line in lines] == ["1", "2", "", ""]
    assert lines[2]["status"] == lines[3]["status"] == 14
    assert lines[2]["code"] == 1310


# ---- servers that break the protocol ---------------------------------------------------------------------------------


def message(data: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + struct.pack(">I", len(data)) + data


GRPC = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]


def answer(*parts: Any) -> Callable[[Peer, int], bytes]:
    """Lists of fields become HEADERS, bytes become DATA; the last part ends the stream unless it is None."""

    def make(peer: Peer, stream: int) -> bytes:
        made = b""
        for i, part in enumerate(parts):
            end = i + 1 == len(parts)
            if isinstance(part, list):
                made += peer.headers(stream, part, end=end)
            elif isinstance(part, bytes):
                made += frame(DATA, END_STREAM * end, stream, part)
            elif isinstance(part, int):
                made += reset(stream, part)
        return made

    return make


# method -> what the server does, status, part of the details
FAULTS: dict[str, tuple[Callable[[Peer, int], bytes], int, str]] = {
    "Fine": (answer(GRPC, message(b"fine"), OK), 0, ""),
    "OnlyTrailers": (answer([*GRPC, ("grpc-status", "7"), ("grpc-message", "go%20away")]), 7, "go away"),
    "NoTrailers": (answer(GRPC, message(b"x")), 2, "no grpc-status"),
    "NoStatus": (answer(GRPC, message(b"x"), [("a", "b")]), 2, "no grpc-status"),
    "BadStatus": (answer(GRPC, [("grpc-status", "ninety"), ("grpc-message", "?")]), 2, "?"),
    "NoMessage": (answer(GRPC, OK), 12, "no message"),
    "TwoMessages": (answer(GRPC, message(b"1") + message(b"2"), OK), 12, "more than one message"),
    "Truncated": (answer(GRPC, message(b"12345")[:-2], OK), 13, "ends within a message"),
    "HugeLength": (answer(GRPC, b"\0\xff\xff\xff\xffxx", None), 8, "4294967295 bytes"),
    "BadFlag": (answer(GRPC, b"<html>", None), 13, "no row of messages"),
    "CompressedUnsaid": (answer(GRPC, message(b"x", 1), OK), 13, "no grpc-encoding"),
    "CompressedUnknown": (answer([*GRPC, ("grpc-encoding", "br")], message(b"x", 1), OK), 13, "(grpc-encoding: br)"),
    "CompressedBroken": (answer([*GRPC, ("grpc-encoding", "gzip")], message(b"x", 1), OK), 13, "compressed message is broken"),
    "Html": (answer([(":status", "200"), ("content-type", "text/html")], b"<html>"), 2, "not one of gRPC (Content-Type: text/html)"),
    "Http503": (answer([(":status", "503"), ("content-type", "text/plain")], b"busy"), 14, "HTTP status 503"),
    "Http401": (answer([(":status", "401")]), 16, "HTTP status 401"),
    "ResetBefore": (answer(CANCEL), 1, "CANCEL"),
    "ResetWithin": (answer(GRPC, message(b"12345")[:-2], ENHANCE_YOUR_CALM), 8, "ENHANCE_YOUR_CALM"),
    "Refused": (answer(REFUSED_STREAM), 14, "REFUSED_STREAM"),
    "Hostile": (answer([*GRPC, ("grpc-status", "3"), ("grpc-message", "%1b[31m::error::%0a")]), 3, "\x1b[31m::error::\n"),
}


def misbehave(peer: Peer) -> None:
    peer.begin()
    answered: set[int] = set()
    while True:
        for stream in [stream for stream in peer.requests if stream not in answered]:
            answered.add(stream)
            peer.send(FAULTS[peer.requests[stream].fields[":path"].rpartition("/")[2]][0](peer, stream))
        peer.read_frame()


def test_what_servers_do_wrong(rampa: Rampa, script: Script) -> None:
    with H2Server(misbehave) as broken:
        done, lines = run(
            rampa,
            script,
            f"""
for name in {list(FAULTS)}:
    told(await worker.grpc.unary("{broken.url}", "/test.Service/" + name, b"?"))
for name in {list(FAULTS)}:  # as streams
    async with worker.grpc.server_stream("{broken.url}", "/test.Service/" + name, b"?") as s:
        while await s.receive() is not None:
            pass
        told(s)
""",
        )
    for (name, (_, status, details)), line in zip(FAULTS.items(), lines):
        assert (line["status"], details in line["details"]) == (status, True), (name, line)
    for (name, (_, status, details)), line in zip(FAULTS.items(), lines[len(FAULTS) :]):
        if name in ("NoMessage", "TwoMessages"):  # a stream may have any number of them
            status, details = 0, ""
        assert (line["status"], details in line["details"]) == (status, True), (name, line)
    metrics = done.result()["summary"]["metrics"]
    assert metrics["grpc_reqs"]["count"] == 2 * len(FAULTS)
    assert metrics["grpc_req_failed"]["passes"] == 2 * len(FAULTS) - 4
    assert "\x1b[31m" not in done.stdout + done.stderr


def test_no_server(rampa: Rampa, script: Script) -> None:
    """Nothing succeeded, so that the run has failed."""
    done, lines = run(rampa, script, 'told(await worker.grpc.unary("127.0.0.1:1", "/a.B/C", b""))', code=1)
    assert lines == [{"status": 14, "details": "connection refused", "code": 1212, "data": "", "size": 0}]
    assert "the only request has not succeeded" in done.stdout


# ---- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES = [
    ("g.unary('a:1', 'NoSlash', b'')", "'/NoSlash' is no method of gRPC (write it as \"/package.Service/Method\")"),
    ("g.unary('a:1', '/a.B/C', 'text')", "a request of gRPC is bytes, or a message of Protocol Buffers, not str"),
    ("g.unary('a:1', '/a.B/C', {'a': 1})", "a request of gRPC is bytes, or a message of Protocol Buffers, not dict"),
    ("g.unary('a:1/x', '/a.B/C', b'')", "target: 'a:1/x' is no host:port; the method is given with each call"),
    ("g.unary('ftp://a:1', '/a.B/C', b'')", "target: the scheme 'ftp' is not one of gRPC"),
    ("g.connect('http://a:1', tls=True)", "target: 'http://a:1' says no TLS, and tls=True the contrary"),
    ("g.unary('a:1', '/a.B/C', b'', {'A B': 'c'})", "metadata: 'A B' is no name"),
    ("g.unary('a:1', '/a.B/C', b'', {'grpc-timeout': '1S'})", "metadata: gRPC has the name 'grpc-timeout' for itself"),
    ("g.unary('a:1', '/a.B/C', b'', {'x-bin': 'text'})", "metadata: 'x-bin' ends in -bin and takes bytes, not str"),
    ("g.unary('a:1', '/a.B/C', b'', {'x': 'a\\n'})", "metadata: 'x' takes printable ASCII"),
    ("g.unary('a:1', '/a.B/C', b'', deadline=0)", "deadline takes more than 0 seconds"),
    ("g.unary('a:1', '/a.B/C', b'', response=3)", "response= takes the class of a message of Protocol Buffers, not 3"),
    ("g.connect('a:1', compression='br')", "compression takes 'gzip' or None, not 'br'"),
    ("g.connect('a:1', max_message_size=0)", "max_message_size takes a number of bytes"),
]


def test_mistakes(rampa: Rampa, script: Script) -> None:
    calls = ", ".join(f"lambda: {call}" for call, _ in MISTAKES)
    _, lines = run(
        rampa,
        script,
        f"""
g = worker.grpc
for call in [{calls}]:
    try:
        call()
    except (ValueError, TypeError) as error:
        print(json.dumps([str(error)]))
    else:
        print(json.dumps([None]))
""",
    )
    for (call, text), [said] in zip(MISTAKES, lines, strict=True):
        assert said and text in said, (call, said)


# ---- the reference's names -------------------------------------------------------------------------------------------


def test_aliases_of_metrics(rampa: Rampa, script: Script) -> None:
    """Thresholds take the names of the package rampa 0.0."""
    with H2Server(misbehave) as fine:
        text = f"""
import rampa
config = rampa.Config(thresholds={{
    "grpc_messages_received": ["count==1"], "grpc_streams_opened": ["count==1"], "grpc_messages_sent": ["count==1"],
    "grpc_req_failed{{service:test.Service}}": ["rate==0"], "grpc_reqs{{method:Fine,status:0}}": ["count==1"],
}})
@rampa.scenario(executor='per-vu-iterations', vus=1, iterations=1)
async def calls(worker):
    async for message in worker.grpc.server_stream("{fine.url}", "/test.Service/Fine", b""):
        assert message == b"fine"
"""
        done = rampa("run", script(text), out=True, code=0)
    rows = done.result()["thresholds"]
    assert {row["metric"] for row in rows} >= {"grpc_streams_msgs_received", "grpc_streams_msgs_sent", "grpc_streams"}
    assert len(rows) == 5 and all(row["passed"] for row in rows)
