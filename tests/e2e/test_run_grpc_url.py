# SPDX-License-Identifier: MIT
"""rampa run grpc://HOST:PORT/package.Service/Method: calls without a script, with the demo server; and mistakes."""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo_target import demo_target
from testservice import PROTO

PATIENCE = 60
TESTS = "/grpc.testing.TestService/"

Rampa = Callable[..., Any]


@pytest.fixture
def server(own_target: str) -> str:
    """The URL of the service of a demo server."""
    return own_target.replace("http:", "grpc:") + TESTS


@pytest.fixture
def protobuf() -> None:
    pytest.importorskip("google.protobuf")
    if not shutil.which("protoc"):
        pytest.skip("protoc is not there")


def test_an_empty_message_needs_no_schema(rampa: Rampa, server: str) -> None:
    done = rampa("run", server + "EmptyCall", "--iterations", 20, "--vus", 3, "--threshold", "grpc_req_failed:rate==0", out=True, code=0)
    assert "grpc_req_duration" in done.stdout and "/EmptyCall" in done.stdout and "http_req" not in done.stdout
    assert done.count("grpc_reqs") == 20
    assert "PASSED: 1 of 1 threshold" in done.stdout


def test_json(rampa: Rampa, server: str, protobuf: None, tmp_path: Path) -> None:
    """The message is encoded once, before the run."""
    text = json.dumps({"response_status": {"code": 5, "message": "gone"}, "payload": {"body": "AAAA"}})
    (tmp_path / "request.json").write_text(text)
    done = rampa("run", server + "UnaryCall", "--json", "@request.json", "--proto", PROTO, "-i", 3, out=True, code=1)
    assert "3 x gRPC NOT_FOUND" in done.stdout and "NOTHING SUCCEEDED" in done.stdout
    streamed = json.dumps({"response_parameters": [{"size": 3}, {"size": 100000, "interval_us": 1}]})
    done = rampa("run", server + "StreamingOutputCall", "--json", streamed, "--proto", PROTO, "-i", 4, out=True, code=0)
    assert done.count("grpc_streams_msgs_received") == 8 and done.count("grpc_streams") == 4
    assert "grpc_stream_duration" in done.stdout
    made = tmp_path / "set.pb"
    subprocess.run(["protoc", "-I", PROTO.parent, "--include_imports", f"--descriptor_set_out={made}", PROTO], check=True)
    rampa("run", server + "UnaryCall", "--json", '{"responseSize": 5}', "--proto", made, "--once", code=0)


def test_the_server_tells_the_schema(rampa: Rampa, server: str) -> None:
    pytest.importorskip("google.protobuf")
    wanted = json.dumps({"response_parameters": [{"size": 3}, {"size": 4}]})
    done = rampa("run", server + "StreamingOutputCall", "--json", wanted, "-H", "x-a: b", "-H", "a-bin: AAE", "-i", 2, out=True, code=0)
    assert done.count("grpc_streams_msgs_received") == 4 and done.count("grpc_reqs") == 2
    done = rampa("run", server.replace("TestService", "Nothing") + "A", "--json", "{}", code=3)
    assert "has no service 'grpc.testing.Nothing'; it has grpc.health.v1.Health, grpc.reflection.v1.ServerReflection" in done.stderr


def test_bytes_metadata_and_deadline(rampa: Rampa, server: str, tmp_path: Path) -> None:
    (tmp_path / "message.bin").write_bytes(b"\x10\x05")  # response_size: 5
    words = ["--body-file", "message.bin", "-H", "x-text: secret-word", "-H", "x-bytes-bin: AAE", "--bearer", "secret-token"]
    done = rampa("run", server + "UnaryCall", *words, "-i", 2, out=True, code=0)
    assert "secret" not in done.stdout + done.stderr + json.dumps(done.result())
    (tmp_path / "message.bin").write_bytes(b"\x12\x06\x10\x80\xca\xb5\xee\x01")  # interval_us: 500,000,000
    done = rampa("run", server + "StreamingOutputCall", "--body-file", "message.bin", "--timeout", "50ms", "-i", 1, code=1)
    assert "gRPC DEADLINE_EXCEEDED" in done.stdout


def test_beside_http(rampa: Rampa, server: str) -> None:
    """URLs have their turns, each over a connection of its kind."""
    page = server.replace("grpc:", "http:").replace(TESTS, "/json")
    done = rampa("run", page, server + "EmptyCall", "-i", 10, "--no-vu-reuse", out=True, code=0)
    assert done.count("grpc_reqs") == 5 and done.count("http_reqs") == 5


REFLECTED = """
import rampa

@rampa.scenario
async def default(worker):
    channel = worker.grpc.connect("{target}", verify=False, reflection=True)
    assert (await channel.unary("/grpc.testing.TestService/EmptyCall", {{}})).ok
"""


def test_with_tls(rampa: Rampa, program: Path, script: Callable[..., Path], protobuf: None, tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with demo_target(program, "--tls", env=env, lines=2) as (url, certificate):
        url = url.replace("https:", "grpcs:")
        done = rampa("run", url + TESTS + "EmptyCall", "--cacert", certificate, "-i", 3, out=True, code=0)
        assert done.count("grpc_reqs") == 3
        done = rampa("run", url + TESTS + "EmptyCall", "-i", 1, code=1)
        assert "gRPC UNAVAILABLE (1310)" in done.stdout
        # What asks for the schema is no part of the load, but the connection that it opens is.
        done = rampa("run", script(REFLECTED.format(target=url)), "-i", 2, out=True, code=0)
        assert (done.count("grpc_reqs"), done.count("tls_full_handshakes")) == (2, 1)


def test_secrets_are_hidden_while_the_server_is_asked(program: Path) -> None:
    """By the way to a server that says nothing: a proxy has its password there."""
    pytest.importorskip("google.protobuf")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        place = f"joe:s3cret@127.0.0.1:{silent.getsockname()[1]}"
        words = ["--json", "{}", "-H", "x-a: s3cret", "--bearer", "s3cret", "-x", f"http://{place}"]
        with subprocess.Popen([program, "run", f"grpc://{place}/a.B/C", "/b", "--base-url", f"http://{place}", *words], stderr=subprocess.PIPE) as process:
            with silent.accept()[0]:  # it asks
                line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            process.communicate(timeout=PATIENCE)
    assert b"grpc://**********@127.0.0.1:" in line and b"x-a:*" in line and b"s3cret" not in line


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["grpc://127.0.0.1:1/"], "the URL of a call has the method as its path, and nothing else"),
        (["grpc://127.0.0.1:1/a.B"], "the URL of a call has the method as its path, and nothing else"),
        (["grpc://127.0.0.1:1/a.B/C?x=1"], "the URL of a call has the method as its path, and nothing else"),
        (["grpc://127.0.0.1:1/a.B/C/D"], "the URL of a call has the method as its path, and nothing else"),
        (["grpc://127.0.0.1:0/a.B/C"], "write it like grpc://127.0.0.1:50051/package.Service/Method"),
        (["grpc://127.0.0.1:1/a.B/C", "--json", "{}", "--resolve", "a:1:127.0.0.1"], "give the .proto file or a descriptor set with --proto FILE"),
        (["grpc://127.0.0.1:1/a.B/C", "--no-http2"], "--no-http2 is not possible with calls of gRPC, which stand on HTTP/2"),
        (["grpc:///a.B/C"], "the URL 'grpc:///a.B/C' has no host"),
        (["GRPCS://joe:s3cret@:1/a.B/C"], "the URL 'GRPCS://***@:1/a.B/C' has no host"),
        (["grpc://a_'http:1/a.B/C"], "of the URL 'grpc://a_'http:1/a.B/C' holds a byte that no host has"),
        (["wsx://127.0.0.1:1/"], "for calls of gRPC there are grpc and grpcs"),
        (["grpc://127.0.0.1:1/a.B/C", "--json", "{"], "--json: what is to be sent is not JSON; the mistake is at byte 1"),
        (["grpc://127.0.0.1:1/a.B/C", "-X", "PUT"], "-X is for requests of HTTP; a call of gRPC has none"),
        (["grpc://127.0.0.1:1/a.B/C", "--follow"], "--follow is for requests of HTTP; a call of gRPC has none"),
        (["grpc://127.0.0.1:1/a.B/C", "-H", "grpc-timeout: 1S"], "'grpc-timeout' is a field of gRPC itself, and no metadata"),
        (["grpc://127.0.0.1:1/a.B/C", "-H", "TE: x"], "'TE' is a field of gRPC itself, and no metadata"),
        (["grpc://127.0.0.1:1/a.B/C", "-H", "a-bin: +"], "the value of 'a-bin' is no base64"),
        (["grpc://127.0.0.1:1/a.B/C", "-H", "a: \u20ac"], "the value of 'a' has other characters than printable ASCII"),
        (["http://127.0.0.1:1/", "--proto", "a.proto"], "--proto is for calls of gRPC, whose URLs begin with grpc://"),
        (["grpc://no-such-name.invalid:1/a.B/C", "-i", "1"], "the name of grpc://no-such-name.invalid:1 cannot be resolved"),
        (["grpc://joe:s3cret@127.0.0.1:1/a.B/C", "--json", "{}"], "reflection of grpc://127.0.0.1:1: "),
    ],
)
def test_mistakes(rampa: Rampa, words: list[str], error: str) -> None:
    done = rampa("run", *words, code=3)
    assert error in done.stderr and "s3cret" not in done.stderr
    assert not done.stdout


def test_a_list_of_targets_has_no_calls(rampa: Rampa, tmp_path: Path) -> None:
    (tmp_path / "targets.txt").write_text("GET grpc://127.0.0.1:1/a.B/C\n")
    done = rampa("run", "--targets", "targets.txt", code=3)
    assert "targets.txt:1: a list of targets has no calls of gRPC" in done.stderr


def test_the_remedy_fits_the_failure(rampa: Rampa, server: str, protobuf: None) -> None:
    """A file of messages helps only where the server could be asked."""
    refused = rampa("run", "grpc://127.0.0.1:1/a.B/C", "--json", "{}", code=3).stderr
    assert "reflection of grpc://127.0.0.1:1: connection refused (UNAVAILABLE)" in refused
    assert "check that the server runs, and its port" in refused and "--proto" not in refused
    plain = rampa("run", server.replace("grpc:", "grpcs:") + "EmptyCall", "--json", "{}", code=3).stderr
    assert "a server without TLS has a URL with grpc://" in plain and "--proto" not in plain


def test_mistakes_in_messages(rampa: Rampa, server: str, protobuf: None) -> None:
    for method, text, file, error in [
        ("UnaryCall", '{"response_siz": 1}', PROTO, '--json is no grpc.testing.SimpleRequest: Message type "grpc.testing.SimpleRequest" has no field named "response_siz"'),
        ("UnaryCall", "[]", PROTO, "--json: a message is an object, such as {}, and no list"),
        ("UnaryCal", "{}", PROTO, f"the schema has no method '{TESTS}UnaryCal'; did you mean '{TESTS}UnaryCall'?"),
        ("UnaryCall", "{}", "missing.proto", "--proto: missing.proto: No such file or directory"),
    ]:
        done = rampa("run", server + method, "--json", text, "--proto", file, code=3)
        assert error in done.stderr and done.stderr.count("\n") <= 2


def test_without_the_package_protobuf(rampa: Rampa, server: str, tmp_path: Path) -> None:
    (tmp_path / "google" / "protobuf").mkdir(parents=True)
    (tmp_path / "google" / "__init__.py").write_text("")
    (tmp_path / "google" / "protobuf" / "__init__.py").write_text("raise ImportError('hidden by a test')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = rampa("run", server + "UnaryCall", "--json", "{}", "--proto", PROTO, env={"PYTHONPATH": path}, code=3)
    assert "messages as dicts need the package protobuf: apt install python3-protobuf" in done.stderr


def test_json_by_reflection(rampa: Rampa, server: str) -> None:
    """A server that knows only the old reflection, and such that have none or refuse it."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is asked once, with the ordinary build")
    pytest.importorskip("grpc")
    pytest.importorskip("google.protobuf")
    import grpcknown

    words = [sys.executable, Path(grpcknown.__file__)]
    ports: dict[str, str] = {}
    order = json.dumps({"name": "a", "parts": [{"size": 1, "at": "2026-01-02T03:04:05Z"}]})

    def call(way: str, method: str, text: str, code: int) -> Any:
        url = f"grpc://joe:s3cret@127.0.0.1:{ports[way]}/test.Shop/{method}"
        return rampa("run", url, "--json", text, "-H", "x-a: b", "-H", "a-bin: AAE", "-i", 2, out=not code, code=code)

    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # it ends with its input
        assert process.stdout
        ports.update(zip(grpcknown.WAYS, process.stdout.readline().split(), strict=True))
        assert call("alpha", "List", order, 0).count("grpc_streams_msgs_received") == 4
        done = call("none", "Add", order, 3)
        assert "does not tell what its messages look like: it has no reflection" in done.stderr and "with --proto FILE" in done.stderr
        assert "s3cret" not in done.stderr
        assert "not for you (PERMISSION_DENIED)" in call("denied", "Add", order, 3).stderr
