# SPDX-License-Identifier: MIT
"""Schemas of gRPC: the files that they are made of, bytes in dicts, calls that do not fit their method, and how long a server is asked."""
from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_world import Rampa, Script, run
from testservice import PROTO, messages

TESTS = "/grpc.testing.TestService/"


@pytest.fixture
def protoc() -> None:
    pytest.importorskip("google.protobuf")
    if not shutil.which("protoc"):
        pytest.skip("no protoc")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


PARTED = """
syntax = "proto3";
package test;
import "inner/part.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service S { rpc Do (Order) returns (Order); }
message Order {
  Part part = 1; google.protobuf.Timestamp at = 2; bytes raw_data = 3; repeated bytes more = 4; map<string, bytes> by_name = 5;
  google.protobuf.BytesValue maybe = 6; Order self = 7; string text = 8; map<string, Part> parts = 9;
}
"""
PART = 'syntax = "proto3"; package test; message Part { bytes data = 1; }'


@pytest.fixture
def parted(tmp_path: Path, protoc: None) -> Path:
    """A folder with .proto files of which one imports another one, and such of Protocol Buffers' own."""
    (tmp_path / "protos" / "inner").mkdir(parents=True)
    (tmp_path / "protos" / "order.proto").write_text(PARTED)
    (tmp_path / "protos" / "inner" / "part.proto").write_text(PART)
    return tmp_path / "protos"


def tried(rampa: Rampa, script: Script, calls: list[str], before: str = "") -> list[str]:
    """What becomes of each of these expressions: the methods of a schema, a text or the error."""
    body = f"""
for code in {calls!r}:
    try:
        made = eval(code)
        print(json.dumps([repr(made.methods if isinstance(made, rampa.grpc.GrpcSchema) else made)]))
    except Exception as error:
        print(json.dumps([f"{{type(error).__name__}}: {{error}}"]))
"""
    return [text for [text] in run(rampa, script, body, before="import os, pathlib\nimport rampa.grpc\n" + before)[1]]


def test_where_files_are(rampa: Rampa, script: Script, parted: Path) -> None:
    """As protoc has it: from the current folder, else in the folders of include=."""
    away = parted.parent / "away"
    away.mkdir()
    (away / "other.proto").write_text(PARTED.replace("inner/part", "protos/inner/part").replace("service S", "service T"))
    good = [
        "rampa.grpc.GrpcSchema('protos/order.proto')",
        "rampa.grpc.GrpcSchema('./protos/order.proto')",
        f"rampa.grpc.GrpcSchema('../{parted.parent.name}/protos/order.proto')",
        f"rampa.grpc.GrpcSchema({str(parted / 'order.proto')!r})",
        "rampa.grpc.GrpcSchema(pathlib.Path('protos') / 'order.proto')",
        "rampa.grpc.GrpcSchema('order.proto', include=['protos'])",
        "rampa.grpc.GrpcSchema('order.proto', include='protos')",
        "rampa.grpc.GrpcSchema('protos/order.proto', include=['away'])",
    ]
    bad = [
        ("rampa.grpc.GrpcSchema('away/other.proto')", "imports are looked for in the folders of the files, and in those of include="),
        ("rampa.grpc.GrpcSchema('other.proto', include=['away'])", "protos/inner/part.proto: File not found."),
        ("rampa.grpc.GrpcSchema('order.proto', include=['away'])", "GrpcSchema finds no such file in "),
        ("rampa.grpc.GrpcSchema('protos')", "IsADirectoryError"),
        ("rampa.grpc.GrpcSchema(b'order.proto')", "TypeError: GrpcSchema takes paths as str, not bytes"),
        ("rampa.grpc.GrpcSchema(['order.proto'])", "TypeError: GrpcSchema takes paths as str, not list; give them one by one: GrpcSchema(*files)"),
        ("rampa.grpc.GrpcSchema('order.proto', include=[3])", "TypeError: include= takes paths as str, not int"),
    ]
    found = tried(rampa, script, good + [call for call, _ in bad] + ["rampa.grpc.GrpcSchema('away/other.proto', include=['.'])"])
    assert found.pop() == "['/test.T/Do']"
    assert found[: len(good)] == ["['/test.S/Do']"] * len(good)
    for text, (call, error) in zip(found[len(good) :], bad, strict=True):
        assert error in text, (call, text)


def test_a_relative_file_on_the_command_line(rampa: Rampa, target: str, protoc: None, tmp_path: Path) -> None:
    (tmp_path / "protos").mkdir()
    shutil.copy(PROTO, tmp_path / "protos" / "t.proto")
    url = target.replace("http:", "grpc:") + TESTS + "EmptyCall"
    for file in ("protos/t.proto", "./protos/t.proto"):
        rampa("run", url, "--json", "{}", "--proto", file, "-i", 1, code=0)


def test_what_is_no_descriptor_set(rampa: Rampa, script: Script, protoc: None, tmp_path: Path) -> None:
    """Text, of which some reads like the beginning of a message."""
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIDBTCCAe2gAwIBAgIUXw==\n-----END CERTIFICATE-----\n")
    (tmp_path / "a.PROTO").write_text(PART)
    (tmp_path / "empty").write_text("")
    for text in tried(rampa, script, [f"rampa.grpc.GrpcSchema({name!r})" for name in ("cert.pem", "a.PROTO", "empty", "script.py")]):
        assert text.startswith("ValueError: ") and " is no descriptor set, as protoc --include_imports " in text, text
    done = rampa("run", "grpc://127.0.0.1:1/a.B/C", "--json", "{}", "--proto", "cert.pem", code=3)
    assert "cert.pem is no descriptor set" in done.stderr and "Traceback" not in done.stderr


NAMED = """
syntax = "proto2";
package test;
import "google/protobuf/any.proto";
service N { rpc Do (Named) returns (Named); }
message Named {
  optional bytes b = 1 [json_name = "payload"]; optional google.protobuf.Any any = 2; repeated google.protobuf.Any more = 3;
  optional string payload = 4 [json_name = "text"]; extensions 100 to 199;
}
extend Named { optional bytes extra = 100; }
"""


def test_bytes_by_other_names(rampa: Rampa, script: Script, protoc: None, tmp_path: Path) -> None:
    """By a JSON name, in an Any and in an extension: never as something else than what is given."""
    (tmp_path / "named.proto").write_text(NAMED.replace("import", 'import "google/protobuf/wrappers.proto";\nimport'))
    before = """
S = rampa.grpc.GrpcSchema("named.proto")
def written(given):
    return S._write("/test.N/Do", given)
"""
    url = "type.googleapis.com/"
    inner = {"@type": url + "test.Named", "payload": b"ab"}
    wrapped = {"@type": url + "google.protobuf.BytesValue", "value": b"ab"}
    good = [
        {"payload": b"abcd"}, {"b": b"abcd"}, {"payload": "YWJjZA=="}, {"text": "x"}, {"[test.extra]": b"abcd"},
        {"any": inner}, {"any": wrapped}, {"more": [{"@type": url + "google.protobuf.Any", "value": inner}]},
    ]  # fmt: skip
    bad = [{"payload": "!!!"}, {"any": {**inner, "payload": "!!!"}}, {"any": {**wrapped, "value": "!!!"}}, {"[test.extra]": "!!!"}]
    found = tried(rampa, script, [f"written({given!r})" for given in good + bad], before)
    abcd = b"\n\x04abcd"
    assert [eval(text) for text in found[:5]] == [abcd, abcd, abcd, b'"\x01x', b"\xa2\x06\x04abcd"]
    for text in found[5 : len(good)]:
        assert eval(text).endswith(b"\n\x02ab"), text
    for text in found[len(good) :]:
        assert "takes bytes, or base64 as a str, and '!!!' is no base64" in text
    assert "Can not find message descriptor" in tried(rampa, script, ["written({'any': {'@type': 'x/no.Such', 'b': b'a'}})"], before)[0]


ORDER = {
    "part": {"data": b"\0\1"}, "raw_data": b"\xff" * 4, "more": [b"a", "_-8="], "by_name": {"x": b"\2"}, "maybe": b"\3", "self": {"rawData": b"\4"},
    "parts": {"y": {"data": b"\5"}}, "at": "2026-01-02T03:04:05Z",
}  # fmt: skip


def test_bytes_in_dicts(rampa: Rampa, script: Script, parted: Path) -> None:
    before = """
S = rampa.grpc.GrpcSchema("protos/order.proto")

def again(order):
    return S._types("/test.S/Do").reader.FromString(S._write("/test.S/Do", order))
"""
    bad = [
        ({"raw_data": "!!!"}, "the field raw_data takes bytes, or base64 as a str, and '!!!' is no base64"),
        ({"raw_data": "A"}, "the field raw_data takes bytes, or base64 as a str, and 'A' is no base64"),
        ({"raw_data": "AA="}, "the field raw_data takes bytes, or base64 as a str, and 'AA=' is no base64"),
        ({"raw_data": 3}, "the field raw_data takes bytes, or base64 as a str, not int"),
        ({"more": [b"", [b""]]}, "the field more takes bytes, or base64 as a str, not list"),
        ({"by_name": {"a": "?"}}, "the field value takes bytes, or base64 as a str, and '?' is no base64"),
        ({"maybe": "?"}, "the field value takes bytes"),
        ({"self": {"self": {"part": {"data": "?"}}}}, "the field data takes bytes"),
        ({"text": b"x"}, "/test.S/Do: the dict is no test.Order: "),
        ({"part": b"x"}, "/test.S/Do: the dict is no test.Order: "),
    ]
    found = tried(rampa, script, [f"again({ORDER!r})", "again({'raw_data': None, 'more': ()})", *(f"again({order!r})" for order, _ in bad)], before)
    assert eval(found[0]) == {
        "part": {"data": "AAE="}, "raw_data": "/////w==", "more": ["YQ==", "/+8="], "by_name": {"x": "Ag=="}, "maybe": "Aw==",
        "self": {"raw_data": "BA=="}, "parts": {"y": {"data": "BQ=="}}, "at": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    assert found[1] == "{}"
    for text, (order, error) in zip(found[2:], bad, strict=True):
        assert text.startswith("ValueError: /test.S/Do: the dict is no test.Order: ") and error in text, (order, text)


WAYS = ["schema=SCHEMA", "reflection=True"]


@pytest.mark.parametrize("way", WAYS)
def test_calls_that_do_not_fit_their_method(rampa: Rampa, script: Script, target: str, protoc: None, tmp_path: Path, way: str) -> None:
    """They are told before anything is sent."""
    messages(tmp_path)
    calls = [
        ("c.unary(T + 'StreamingOutputCall', {})", "ValueError: PATH has one request and several responses: call it by server_stream(), not by unary()"),
        ("c.unary(T + 'StreamingInputCall', {})", "ValueError: PATH has several requests and one response: call it by client_stream(), not by unary()"),
        ("c.server_stream(T + 'UnaryCall', {}).receive()", "ValueError: PATH has one request and one response: call it by unary(), not by server_stream()"),
        ("c.client_stream(T + 'UnaryCall', [{}])", "ValueError: PATH has one request and one response: call it by unary(), not by client_stream()"),
        ("c.bidi(T + 'UnaryCall').receive()", "ValueError: PATH has one request and one response: call it by unary(), not by bidi()"),
        ("c.unary(T + 'FullDuplexCall', b'')", "ValueError: PATH has several requests and several responses: call it by bidi(), not by unary()"),
        ("c.unary(T + 'UnaryCall', pb.SimpleResponse())", "TypeError: PATH takes a message of grpc.testing.SimpleRequest, not one of grpc.testing.SimpleResponse"),
        ("c.unary(T + 'UnaryCall', {}, response=pb.SimpleRequest)", "TypeError: PATH answers with grpc.testing.SimpleResponse, and response= is grpc.testing.SimpleRequest"),
        ("c.client_stream(T + 'StreamingInputCall', [pb.Empty()])", "TypeError: PATH takes a message of grpc.testing.StreamingInputCallRequest, not one of grpc.testing.Empty"),
        ("c.unary(T + 'UnaryCall', {}, response=pb.SimpleResponse())", "TypeError: response= takes the class of a message itself: SimpleResponse, not one of it"),
    ]
    body = f"""
T = {TESTS!r}
c = worker.grpc.connect({target.split("//")[1]!r}, {way})
for code in {[call for call, _ in calls]!r}:
    try:
        await eval(code)
        print(json.dumps([code]))
    except Exception as error:
        print(json.dumps([f"{{type(error).__name__}}: {{error}}"]))
r = await c.unary(T + "UnaryCall", pb.SimpleRequest(response_size=3), response=pb.SimpleResponse)
print(json.dumps([len(r.message.payload.body)]))
r = await c.unary(T + "UnaryCall", {{"payload": {{"body": b"123"}}, "response_size": 2}})
print(json.dumps([r.message]))
"""
    schema = f"SCHEMA = rampa.grpc.GrpcSchema({str(PROTO)!r})\n"
    done, lines = run(rampa, script, body, before=f"import rampa.grpc\nimport testservice_pb2 as pb\n{schema}", code=0)
    for (code, error), [text] in zip(calls, lines, strict=False):
        assert text.startswith(error.replace("PATH", TESTS + code.split("'")[1])), (code, text)
    assert lines[len(calls) :] == [[3], [{"payload": {"body": "AAA="}}]]
    # An iterable is asked for its messages when the call has begun.
    assert done.result()["summary"]["metrics"]["grpc_reqs"]["count"] == 3


def test_a_silent_server_is_asked_no_longer_than_the_deadline(rampa: Rampa, script: Script, silent: str) -> None:
    pytest.importorskip("google.protobuf")
    _, lines = run(
        rampa,
        script,
        f"""
async def ask(call):
    try:
        await call
    except rampa.errors.GrpcError as error:
        return [error.status_code, error.error_code, error.details]
slow = worker.grpc.connect("{silent}", reflection=True)
patient = asyncio.create_task(ask(slow.unary("/a.B/C", {{}}, deadline=0.4)))
await asyncio.sleep(0)
print(json.dumps(await ask(slow.server_stream("/a.B/C", {{}}, deadline=0.1).receive())))  # while another one asks already
print(json.dumps(await patient))
print(json.dumps(await ask(worker.grpc.connect("{silent}", reflection=True, deadline=0.2).unary("/a.B/C", {{}}))))
try:
    await slow.unary("/a.B/C", {{}}, deadline=0)
except ValueError as error:
    print(json.dumps([str(error)]))
""",
    )
    said = f"reflection of grpc://{silent}: it has not answered within"
    assert lines[:3] == [[4, 1050, f"{said} {seconds} s"] for seconds in ("0.1", "0.4", "0.2")]
    assert lines[3] == ["deadline takes more than 0 seconds, or None for none, not 0"]
    done = rampa("run", f"grpc://{silent}/a.B/C", "--json", "{}", "--timeout", "300ms", code=3)
    assert f"{said} 0.3 s (DEADLINE_EXCEEDED)" in done.stderr


def test_a_url_whose_method_takes_several_messages(rampa: Rampa, target: str, protoc: None) -> None:
    """It gets one, and is a stream in metrics all the same."""
    url = target.replace("http:", "grpc:") + TESTS + "StreamingInputCall"
    words = ["--json", json.dumps({"payload": {"body": "AAAA"}}), "--proto", PROTO, "-i", 3]
    done = rampa("run", url, *words, out=True, code=0)
    metrics = done.result()["summary"]["metrics"]
    assert metrics["grpc_streams"]["count"] == 3 and metrics["grpc_stream_duration"]["count"] == 3
    assert metrics["grpc_streams_msgs_received"]["count"] == 3
    assert "grpc_req_duration" not in metrics
