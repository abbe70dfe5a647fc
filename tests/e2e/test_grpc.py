# SPDX-License-Identifier: MIT
"""worker.grpc against a server of grpcio: calls, messages, generated stubs; and mistakes of scripts."""
from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL, Certificate, Pki
from grpc_world import Rampa, Script, run

SERVER = Path(__file__).with_name("grpcserver.py")

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
    assert re.search(r"^ +1 x gRPC NOT_FOUND +/test.Service/Fail$", done.stdout, re.MULTILINE)
    kept = {row["error"]: row for row in done.result()["exchanges"]}
    assert len(kept) == 6, sorted(kept)
    row = kept["gRPC NOT_FOUND: nothing here: \u20ac 100% "]
    assert (row["name"], row["url"], row["status"], row["error_code"]) == ("/test.Service/Fail", f"grpc://{server}/test.Service/Fail", 5, None)
    assert (row["scenario"], row["vu"], row["iteration"], row["proto"]) == ("calls", 1, 0, "HTTP/2.0")
    assert row["remote"] and row["response"]["line"] == "HTTP/2.0 200" and row["request"] is None
    assert re.search(r"^ +gRPC NOT_FOUND: nothing here: \u20ac 100% +/test.Service/Fail$", done.stdout, re.MULTILINE)
    errors = {row["error"]: row for row in json.loads(rampa("result", "errors", "result.json", "--format", "json", code=0).stdout)["errors"]}
    exchanges = [row["error"] for row in done.result()["exchanges"]]
    for name in ("gRPC NOT_FOUND", "gRPC UNIMPLEMENTED", "gRPC DEADLINE_EXCEEDED"):
        assert [exchanges[int(x[1:]) - 1].partition(":")[0] for x in errors[name]["exchanges"]] == [name]
    assert "1 time: gRPC NOT_FOUND, such as /test.Service/Fail  kept: x" in rampa("result", "errors", "result.json", code=0).stdout
    assert "requests of HTTP only" in rampa("result", "slowest", "result.json", code=0).stdout


def check_unary_result(result: dict[str, Any]) -> None:
    metrics = result["summary"]["metrics"]
    assert metrics["grpc_reqs"]["count"] == 14
    assert metrics["grpc_req_failed"]["passes"] == 6 and metrics["grpc_req_failed"]["fails"] == 8
    assert metrics["grpc_req_duration"]["count"] == 14
    assert metrics["grpc_req_duration"]["max"] >= 200
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


SHOWN = """
import asyncio
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def calls(worker):
    c = worker.grpc.connect("TARGET", metadata={"authorization": "secret-token"})
    await c.unary("/test.Service/Echo", b"hello", deadline=30)
    await c.unary("/test.Service/Fail", b"")
    async with c.bidi("/test.Service/Talk") as s:
        await s.send(b"abc")
        await s.receive()
    async with c.bidi("/test.Service/Talk") as s:
        await s.send(b"abc")
    try:
        async with asyncio.timeout(0.01):
            await c.unary("/test.Service/Hang", b"")
    except TimeoutError:
        pass
"""


@pytest.mark.parametrize("option", ["--once", "--http-debug"])
def test_calls_are_shown(rampa: Rampa, script: Script, server: str, option: str) -> None:
    done = rampa("run", option, script(SHOWN.replace("TARGET", server)), code=0)
    text = done.stdout if option == "--once" else done.stderr
    parts = text.split("> POST ")[1:]
    assert [part.split()[0] for part in parts] == [f"/test.Service/{name}" for name in ("Echo", "Fail", "Talk", "Talk", "Hang")]
    assert "> authorization: ***\n" in parts[0] and "> grpc-timeout: 30000000u\n" in parts[0] and "secret-token" not in text
    assert "\ngRPC: OK (0)\ngRPC: messages sent 1 (5 bytes), received 1 (5 bytes)\n" in parts[0]
    assert "\ngRPC: NOT_FOUND (5), nothing here: \u20ac 100%" in parts[1] and "received 0 (0 bytes)\n" in parts[1]
    assert "\ngRPC: CANCELLED (1), left by the script\ngRPC: messages sent 1 (3 bytes), received 1 (3 bytes)\n" in parts[2]
    assert "\ngRPC: CANCELLED (1), left by the script\ngRPC: messages sent 1 (3 bytes), received 0 (0 bytes)\n" in parts[3]
    assert "\ngRPC: CANCELLED (1), given up by the script\n" in parts[4]
    assert [", failed\n" in part for part in parts] == [False, False, False, False, True]


HOOKS = """
import rampa

async def setup(worker):
    return (await worker.grpc.unary("TARGET", "/test.Service/Echo", b"from setup")).data

async def teardown(worker):
    print("teardown", (await worker.grpc.unary("TARGET", "/test.Service/Echo", worker.setup_data)).data.decode())

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def calls(worker):
    r = await worker.grpc.unary("TARGET", "/test.Service/Echo", worker.setup_data)
    worker.check(r, {"is that of setup": lambda r: r.data == b"from setup"})
"""


def test_calls_of_hooks(rampa: Rampa, script: Script, server: str) -> None:
    done = rampa("run", script(HOOKS.replace("TARGET", server)), code=0, out=True)
    assert "teardown from setup" in done.stdout
    assert done.result()["summary"]["metrics"]["checks"]["passes"] == 1


@pytest.mark.skipif(not OPENSSL, reason="no openssl")
@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="grpcio is asked once, with the ordinary build")
def test_tls(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    process, port = begin(good.chain, good.key, pki.root.file)
    client = pki.issue("client")
    done, lines = run(
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
    assert done.result()["summary"]["metrics"]["tls_full_handshakes"]["count"] >= 2


# ---- generated stubs -------------------------------------------------------------------------------------------------

# As grpcio-tools writes it, but for the messages, which are Protocol Buffers' own.
STUB = '''
import grpc
from google.protobuf.wrappers_pb2 import StringValue


class TestStub(object):
    def __init__(self, channel):
        self.Echo = channel.unary_unary(
            "/test.Service/Echo", request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString)
        self.Fail = channel.unary_unary(
            "/test.Service/Fail", request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString)
        self.Hang = channel.unary_unary(
            "/test.Service/Hang", request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString)
        self.Numbers = channel.unary_stream("/test.Service/Numbers", request_serializer=bytes, response_deserializer=len)
        self.Count = channel.stream_unary("/test.Service/Count", request_serializer=bytes, response_deserializer=int)
        self.Talk = channel.stream_stream(
            "/test.Service/Talk", request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString)


async def client(stub):
    """What is written for grpc.aio."""
    answer = await stub.Echo(StringValue(value="hello"), timeout=30, metadata=(("x-a", "b"),))
    print(json.dumps([answer.value]))
    call = stub.Echo(StringValue(value="again"))
    print(json.dumps([(await call.code()).name, (await call.trailing_metadata())["last"], (await call).value]))
    try:
        await stub.Fail(StringValue())
    except grpc.aio.AioRpcError as error:
        print(json.dumps([error.code().name, error.details(), dict(list(error.trailing_metadata())), str(error)]))
    try:
        await stub.Hang(StringValue(), timeout=0.2)
    except grpc.RpcError as error:
        print(json.dumps([error.code().name]))
    print(json.dumps([size async for size in stub.Numbers(b"3 7")]))
    call = stub.Numbers(b"1 2 9")
    print(json.dumps([await call.read()]))
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        print(json.dumps([error.code().name, error.details()]))
    async def pieces():
        for _ in range(100):
            yield b"abc"
    print(json.dumps([await stub.Count(pieces()), await stub.Count([b"a", b"b"])]))
    call = stub.Count()
    await call.write(b"12")
    await call.done_writing()
    print(json.dumps([await call]))
    talk = stub.Talk(StringValue(value=str(i)) for i in range(3))
    print(json.dumps([answer.value async for answer in talk]))
    talk = stub.Talk()
    await talk.write(StringValue(value="one"))
    print(json.dumps([(await talk.read()).value]))
    await talk.done_writing()
    print(json.dumps([await talk.read() is grpc.aio.EOF, (await talk.code()).name]))
    def broken():
        yield StringValue(value="x")
        raise KeyError("mine")
    try:
        async for answer in stub.Talk(broken()):
            pass
    except KeyError as error:
        print(json.dumps([str(error)]))
'''


def test_generated_stubs(rampa: Rampa, script: Script, server: str) -> None:
    pytest.importorskip("google.protobuf")
    done, lines = run(
        rampa,
        script,
        f"""
stub = worker.grpc.connect("{server}").stub(TestStub)
await client(stub)
for i in range(2000):
    assert (await stub.Echo(StringValue(value=str(i)))).value == str(i)
await stub.Fail(StringValue())  # which nobody catches: an outcome of the test, and no bug of the script
""",
        before=STUB,
        code=1,  # as of any iteration that a failed request ends; a bug of the script is 2
    )
    assert lines[0] == ["hello"] and lines[1] == ["OK", "two", "again"]
    details = "nothing here: \u20ac 100%\n"
    assert lines[2] == ["NOT_FOUND", details, {"why": "because"}, f"/test.Service/Fail: NOT_FOUND: {details}"]
    assert lines[3] == ["DEADLINE_EXCEEDED"]
    assert lines[4:7] == [[7, 7, 7], [2], ["FAILED_PRECONDITION", "after all"]]
    assert lines[7:9] == [[300, 2], [2]]
    assert lines[9:12] == [["0", "1", "2"], ["one"], [True, "OK"]]
    assert lines[12] == ["'mine'"]
    assert done.result()["summary"]["metrics"]["grpc_reqs"]["count"] == 2000 + 13


# ---- messages as dicts -----------------------------------------------------------------------------------------------

PROTO = """
syntax = "proto3";
package test;
import "part.proto";
service Service {
  rpc Echo (Order) returns (Order);
  rpc Talk (stream Order) returns (stream Order);
}
message Order { string name = 1; repeated int32 sizes = 2; Part first_part = 3; }
"""
OLD = """
syntax = "proto2";
package test;
service Old { rpc Echo (Need) returns (Need); }
message Need { required int32 a = 1; }
"""
PART = """
syntax = "proto3";
package test;
message Part { bytes data = 1; int64 large = 2; }
"""


def test_messages_as_dicts(rampa: Rampa, script: Script, server: str, tmp_path: Path) -> None:
    pytest.importorskip("google.protobuf")
    if not shutil.which("protoc"):
        pytest.skip("no protoc")
    (tmp_path / "order.proto").write_text(PROTO)
    (tmp_path / "part.proto").write_text(PART)
    (tmp_path / "old.proto").write_text(OLD)
    (tmp_path / "broken.proto").write_text("message {")
    (tmp_path / "folder.proto").mkdir()
    (tmp_path / "rubbish.pb").write_bytes(b"\xff\xff\xff")
    words = ["protoc", f"-I{tmp_path}", "--include_imports", f"--descriptor_set_out={tmp_path / 'set.pb'}", str(tmp_path / "order.proto")]
    subprocess.run(words, check=True, timeout=60)
    order = {"name": "a", "sizes": [1, 2], "first_part": {"data": "AAE=", "large": "9007199254740993"}}
    _, lines = run(
        rampa,
        script,
        f"""
order = {order}
for schema in (PROTOS, SETS):
    c = worker.grpc.connect("{server}", schema=schema)
    r = await c.unary("/test.Service/Echo", order)
    print(json.dumps([r.message == order, r.ok, schema.methods]))
async with c.bidi("/test.Service/Talk") as s:
    await s.send(order)
    print(json.dumps([await s.receive()]))
for call in (
    lambda: c.unary("/test.Service/Ecko", order),
    lambda: c.unary("/test.Service/Echo", {{"nam": "a"}}),
    lambda: c.unary("/test.Service/Echo", {{"sizes": "a"}}),
    lambda: rampa.grpc.GrpcSchema("broken.proto"),
    lambda: rampa.grpc.GrpcSchema("rubbish.pb"),
    lambda: rampa.grpc.GrpcSchema("missing.proto"),
    lambda: rampa.grpc.GrpcSchema("missing.pb"),
    lambda: rampa.grpc.GrpcSchema("/missing.proto"),
    lambda: rampa.grpc.GrpcSchema("folder.proto"),
    lambda: worker.grpc.connect("{server}", schema="order.proto"),
    lambda: worker.grpc.connect("{server}", schema=rampa.grpc.GrpcSchema("old.proto")).unary("/test.Old/Echo", {{}}),
):
    try:
        call()
    except (ValueError, TypeError, OSError) as error:
        print(json.dumps([str(error), type(error).__name__]))
""",
        before='import rampa.grpc\nPROTOS = rampa.grpc.GrpcSchema("order.proto")\nSETS = rampa.grpc.GrpcSchema("set.pb")\n',
    )
    assert lines[0] == lines[1] == [True, True, ["/test.Service/Echo", "/test.Service/Talk"]]
    assert lines[2] == [order]
    assert lines[3][0] == "the schema has no method '/test.Service/Ecko'; did you mean '/test.Service/Echo'?"
    assert "/test.Service/Echo: the dict is no test.Order: " in lines[4][0] and '"nam"' in lines[4][0]
    assert "/test.Service/Echo: the dict is no test.Order: " in lines[5][0]
    assert "protoc cannot read broken.proto: " in lines[6][0]
    assert "rubbish.pb is no descriptor set, as protoc --include_imports --descriptor_set_out makes it: " in lines[7][0]
    for line, name in zip(lines[8:10], ("missing.proto", "missing.pb")):
        there = f"GrpcSchema finds no such file in {tmp_path}, the working directory, or in include="
        beside = f"one beside the script is os.path.join(os.path.dirname(__file__), {name!r})"
        assert line == [f"[Errno 2] {there}; {beside}: {name!r}", "FileNotFoundError"]
    assert lines[10] == ["[Errno 2] GrpcSchema cannot read the file: No such file or directory: '/missing.proto'", "FileNotFoundError"]
    a_folder = "[Errno 21] GrpcSchema takes files, and this is a folder: give those in it: 'folder.proto'"
    assert lines[11] == [a_folder, "IsADirectoryError"]
    assert lines[12][0] == "schema takes a rampa.grpc.GrpcSchema, not str"
    assert lines[13][0].startswith("/test.Old/Echo: the dict is no test.Need: ") and "missing required fields: a" in lines[13][0]
