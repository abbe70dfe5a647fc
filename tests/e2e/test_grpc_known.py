# SPDX-License-Identifier: MIT
"""The services of gRPC itself, asked at servers of grpcio: reflection and health."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_world import Rampa, Script, run

SERVER = Path(__file__).with_name("grpcknown.py")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """The addresses by their names in grpcknown.py."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is asked once, with the ordinary build")
    pytest.importorskip("grpc")
    pytest.importorskip("google.protobuf")
    import grpcknown

    process = subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield {name: f"127.0.0.1:{port}" for name, port in zip(grpcknown.WAYS, process.stdout.readline().split(), strict=True)}
    process.communicate()


def test_dicts_by_reflection(rampa: Rampa, script: Script, servers: dict[str, str]) -> None:
    order = {"name": "a", "parts": [{"size": 1, "at": "2026-01-02T03:04:05Z"}]}
    done, lines = run(
        rampa,
        script,
        f"""
order, path = {order}, "/test.Shop/"
for target in ("{servers['v1']}", "{servers['alpha']}"):
    c = worker.grpc.connect(target, reflection=True)
    async with c.server_stream(path + "List", order) as s:
        print(json.dumps([[m == order async for m in s], s.status_code]))
    print(json.dumps([(await c.unary(path + "Add", order)).message == order]))
v1, none = "{servers['v1']}", "{servers['none']}"
r = await worker.grpc.connect(none, reflection=True).unary(path + "Asked", b"", response=Text)  # for which nothing has to be known
print(json.dumps([r.message]))
c = worker.grpc.connect(v1, reflection=True)
print(json.dumps([(await c.client_stream(path + "Sum", [order, {{"name": "b"}}])).message["name"]]))
s = c.bidi(path + "Talk")
print(json.dumps([s.status_code, s.details, s.trailers]))
async with s:
    await s.send(order)
    print(json.dumps([await s.receive() == order]))
    await s.end()
    print(json.dumps([await s.receive(), s.ok]))
for call in (
    lambda: c.unary(path + "Ad", order),
    lambda: c.unary(path + "Add", {{"parts": [{{"size": "x"}}]}}),
    lambda: c.unary("/test.Sop/Add", order),
    lambda: c.unary("Add", order),
    lambda: worker.grpc.connect(v1, reflection=True, schema=rampa.grpc.GrpcSchema()),
):
    try:
        await call()
    except ValueError as error:
        print(json.dumps([str(error)]))
""",
        before="""
import rampa.grpc
class Text:
    FromString = staticmethod(bytes.decode)
""",
    )
    for way in (0, 2):
        assert lines[way : way + 2] == [[[True, True], 0], [True]]
    assert lines[4] == ["0"]
    assert lines[5:9] == [["b"], [None, "", {}], [True], [None, True]]
    assert lines[9] == ["the schema has no method '/test.Shop/Ad'; did you mean '/test.Shop/Add'?"]
    assert "/test.Shop/Add: the dict is no test.Order: " in lines[10][0] and "size" in lines[10][0]
    assert lines[11][0].endswith(" has no service 'test.Sop'; it has test.Other, test.Shop")
    assert "has no method 'Add'" in lines[12][0]
    assert lines[13] == ["connect() takes schema= or reflection=True, not both"]
    metrics = done.result()["summary"]["metrics"]
    assert metrics["grpc_reqs"]["count"] == 2 * 2 + 1 + 2  # none of reflection
    assert metrics["grpc_streams_msgs_sent"]["count"] == 2 + 2 + 1


def test_reflection_of_grpcio(rampa: Rampa, script: Script, servers: dict[str, str]) -> None:
    pytest.importorskip("grpc_reflection", reason="grpcio-reflection is not installed")
    _, lines = run(
        rampa,
        script,
        f"""
c = worker.grpc.connect("{servers['judge']}", reflection=True)
print(json.dumps([(await c.unary("/test.Shop/Add", {{"parts": [{{"at": "2026-01-02T03:04:05Z"}}]}})).message]))
try:
    await c.unary("/test.Sop/Add", {{}})
except ValueError as error:
    print(json.dumps([str(error)]))
""",
    )
    assert lines[0] == [{"parts": [{"at": "2026-01-02T03:04:05Z"}]}]
    assert lines[1][0].endswith(" has no service 'test.Sop'; it has test.Shop")


FAULTS = {
    "none": ("UNIMPLEMENTED", "it has no reflection; give schema= with .proto files or a descriptor set"),
    "circle": ("INTERNAL", "its answer cannot be used: these files import each other: deep/part.proto, shop.proto"),
    "broken": ("INTERNAL", "its answer cannot be used: the file 'shop.proto' cannot be used: "),
    "missing": ("INTERNAL", "it does not give the file 'deep/part.proto', which another one imports: there is none"),
    "rubbish": ("INTERNAL", "its answer cannot be used: a file is no descriptor: "),
    "other": ("INTERNAL", "asked for the file 'deep/part.proto', it gives another one"),
    "end": ("UNKNOWN", "the answer has ended"),
    "denied": ("PERMISSION_DENIED", "not for you"),
    "long": ("PERMISSION_DENIED", "[31mlong"),
    "nobody": ("UNAVAILABLE", "connection refused"),
}


def test_reflection_that_fails(rampa: Rampa, script: Script, servers: dict[str, str]) -> None:
    targets = {name: servers.get(name, "127.0.0.1:1") for name in FAULTS}
    done, lines = run(
        rampa,
        script,
        f"""
for name, target in {targets}.items():
    try:
        await worker.grpc.connect("joe:s3cret@" + target, reflection=True).unary("/test.Shop/Add", {{}})
    except rampa.errors.GrpcError as error:
        print(json.dumps([name, error.status_code, str(error)]))
try:
    await worker.grpc.connect("{targets['long']}", reflection=True).unary("/test.Sop/Add", {{}})
except ValueError as error:
    print(json.dumps([str(error)]))
c = worker.grpc.connect("joe:s3cret@127.0.0.1:1", reflection=True)
print(json.dumps(["repr", repr(c), repr(c._schema)]))
""",
    )
    shown, [unknown] = lines.pop(), lines.pop()
    assert all("127.0.0.1:1>" in text for text in shown[1:])
    assert "test.Sop'; it has 0  xxx" in unknown and unknown.endswith(", and 1 more") and unknown.isprintable() and len(unknown) < 3000
    assert "s3cret" not in done.stdout + done.stderr
    for [name, _, text], (status, part) in zip(lines, FAULTS.values(), strict=True):
        assert f"ServerReflectionInfo: {status}: reflection of grpc://{targets[name]}: " in text and part in text, (name, text)
        assert text.isprintable() and len(text) < 1000
    assert "grpc_reqs" not in done.result()["summary"]["metrics"]


def test_health(rampa: Rampa, script: Script, servers: dict[str, str]) -> None:
    done, lines = run(
        rampa,
        script,
        f"""
c = worker.grpc.connect("{servers['v1']}")
print(json.dumps([await c.health(name) for name in ("", "test.Shop", "test.Down", "test.Next", "test.None")]))
print(json.dumps([status async for status in c.watch_health("test.Shop")]))
async with c.watch_health("test.None", deadline=30) as s:
    print(json.dumps([status async for status in s]))
try:
    await worker.grpc.connect("{servers['none']}").health(deadline=30)
except rampa.errors.GrpcError as error:
    print(json.dumps([str(error)]))
""",
    )
    assert lines[0] == ["SERVING", "SERVING", "NOT_SERVING", "UNKNOWN", "SERVICE_UNKNOWN"]
    assert lines[1] == ["UNKNOWN", "NOT_SERVING", "SERVING"] and lines[2] == ["UNKNOWN", "NOT_SERVING", "SERVICE_UNKNOWN"]
    assert lines[3][0].startswith("/grpc.health.v1.Health/Check: UNIMPLEMENTED")
    assert done.result()["summary"]["metrics"]["grpc_reqs"]["count"] == 8


SHARED = """
import asyncio
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=200, iterations=2)
async def order(worker):
    c = worker.grpc.connect("TARGET", reflection=True, metadata={"x-vu": str(worker.execution.vu)})
    if worker.execution.vu == 1 and worker.execution.iteration == 0:
        try:
            async with asyncio.timeout(0):  # who asks first gives up: another one asks
                await c.unary("/test.Shop/Add", {"name": "a"})
        except TimeoutError:
            pass
    r = await c.unary("/test.Shop/Add", {"name": "a"})
    worker.check(r, {"is a dict": lambda r: r.message == {"name": "a"}})
"""


def test_reflection_is_asked_for_once(rampa: Rampa, script: Script, servers: dict[str, str]) -> None:
    import grpc

    with grpc.insecure_channel(servers["v1"]) as channel:
        asked = channel.unary_unary("/test.Shop/Asked")
        before = int(asked(b""))
        done = rampa("run", script(SHARED.replace("TARGET", servers["v1"])), out=True)
        after = int(asked(b""))
    metrics = done.result()["summary"]["metrics"]
    assert metrics["checks"]["passes"] == 400 and metrics["checks"]["fails"] == 0
    assert 1 <= after - before <= 2  # who gives up has perhaps asked


PEERS = """
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=20, iterations=2)
async def peer(worker):
    for shared in (False, True):
        r = await worker.grpc.connect("TARGET", shared=shared).unary("/test.Shop/Peer", b"")
        print(shared, r.data.decode())
"""


def test_a_shared_connection(rampa: Rampa, script: Script, servers: dict[str, str]) -> None:
    done = rampa("run", script(PEERS.replace("TARGET", servers["none"])), code=0)
    peers = [line.split() for line in done.stdout.splitlines() if line.startswith(("True ", "False "))]
    of = {shared: [peer for which, peer in peers if which == shared] for shared in ("True", "False")}
    assert len(of["True"]) == len(of["False"]) == 40
    assert len(set(of["True"])) == 1 and len(set(of["False"])) == 20
    assert not set(of["True"]) & set(of["False"])


class Counted:
    """The descriptor of a file that counts how often it is asked for what it imports."""

    asked = 0

    def __init__(self, name: str, dependency: list[str]) -> None:
        self.name = name
        self._dependency = dependency

    @property
    def dependency(self) -> list[str]:
        Counted.asked += 1
        return self._dependency


@pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="Python alone, and rampa is not to be imported here under the sanitizers")
def test_files_of_reflection_take_no_more_time_than_they_are_many() -> None:
    """A chain, of which each file repeats what it imports. It comes with the end in front."""
    pytest.importorskip("google.protobuf")
    from rampa._grpc_services import _Files

    files = _Files(set())
    files.found = {f"{n}": Counted(f"{n}", [f"{n + 1}"] * 10 * (n < 999)) for n in range(1000)}
    assert [file.name for file in files.sorted()] == [f"{n}" for n in reversed(range(1000))]
    assert Counted.asked == 1000


@pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="Python alone, and rampa is not to be imported here under the sanitizers")
def test_answers_of_reflection_that_are_too_much() -> None:
    descriptor = pytest.importorskip("google.protobuf.descriptor_pb2").FileDescriptorProto
    from rampa._grpc_services import _Files, _local_file, _varint, fields

    def field(number: int, data: bytes) -> bytes:
        return _varint(number << 3 | 2) + _varint(len(data)) + data

    def answer(*files: bytes) -> bytes:
        return field(4, b"".join(field(1, file) for file in files))

    many = descriptor(name="a", dependency=["b"] * 3000).SerializeToString()
    for given, error in (
        (answer(many), "more than 2048 files"),
        (answer(*[b""] * 3000), "more than 2048 files"),
        (answer(b"\n\x02\xff\xff"), "a name that is no UTF-8|codec can't decode"),
        (answer(*[b""] * 70000), "more than 65536 fields"),
    ):
        with pytest.raises(ValueError, match=error):
            _Files(set()).take(given)
    with pytest.raises(ValueError, match="more than 65536 fields"):
        list(fields(b"\x08\x00" * 70000))
    assert _local_file("google/protobuf/" + "a." * 100000 + "proto") is None
    assert _local_file("google/protobuf/timestamp.proto")
