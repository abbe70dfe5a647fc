# SPDX-License-Identifier: MIT
"""Generated stubs of gRPC where grpc.aio has its ways: arguments of a call, cancel(), callbacks, blocks; and streams that never begin."""
from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_world import Rampa, Script, run

SERVER = Path(__file__).with_name("grpcserver.py")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of grpcio."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is asked once, with the ordinary build")
    pytest.importorskip("grpc")
    process = subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield f"127.0.0.1:{process.stdout.readline().strip()}"
    process.communicate()


# Without messages of Protocol Buffers: the methods take and give bytes.
STUB = '''
import grpc


class TestStub(object):
    """What grpcio-tools generates."""

    def __init__(self, channel):
        for name in ("Echo", "Metadata", "Fail", "Hang", "UntilHanging", "Deadline"):
            setattr(self, name, channel.unary_unary("/test.Service/" + name))
        self.Numbers = channel.unary_stream("/test.Service/Numbers")
        self.Count = channel.stream_unary("/test.Service/Count")
        self.Talk = channel.stream_stream("/test.Service/Talk")


async def outcome(call):
    try:
        return repr(await call)
    except asyncio.CancelledError:
        return "CancelledError"
    except grpc.aio.AioRpcError as error:
        return error.code().name
    except (TypeError, ValueError) as error:
        return str(error)


def say(*values):
    print(json.dumps(values))
'''


def test_arguments_of_a_call(rampa: Rampa, script: Script, server: str) -> None:
    """They are taken, or refused."""
    done, lines = run(
        rampa,
        script,
        f"""
stub = worker.grpc.connect("{server}").stub(TestStub)
say(await outcome(stub.Metadata(b"", metadata=grpc.aio.Metadata(("x-a", "b"), ("x-a", "c"), ("x-b-bin", b"\\x00")))))
say(await outcome(stub.Echo(b"a" * 1000, compression=grpc.Compression.Gzip)) == repr(b"a" * 1000))
say(await outcome(stub.Echo(b"a", compression=grpc.Compression.NoCompression)))
say(await outcome(stub.Echo(b"", wait_for_ready=False, timeout=9)))
say(await outcome(stub.Hang(b"", timeout=0)), await outcome(stub.Hang(b"", timeout=-1)))
for given in (dict(compression=grpc.Compression.Deflate), dict(compression="gzip"), dict(wait_for_ready=True)):
    try:
        stub.Echo(b"", **given)
    except (TypeError, ValueError) as error:
        say(str(error))
""",
        before=STUB,
    )
    assert ast.literal_eval(ast.literal_eval(lines[0][0]).decode()) == [("x-a", "b"), ("x-a", "c"), ("x-b-bin", b"\0")]
    assert lines[1:4] == [[True], ["b'a'"], ["b''"]]
    assert lines[4] == ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]
    for [text] in lines[5:7]:
        assert text.startswith("/test.Service/Echo: compression= takes grpc.Compression.Gzip or NoCompression, not ")
    assert lines[7] == ["/test.Service/Echo: wait_for_ready=True is not taken: a call without a connection ends at once, with UNAVAILABLE"]


def test_what_a_compressed_call_sends(rampa: Rampa, script: Script, server: str) -> None:
    sent = []
    for way in ("Gzip", "NoCompression"):
        body = f"""
stub = worker.grpc.connect("{server}").stub(TestStub)
await stub.Count(iter([b"a" * 100000]), compression=grpc.Compression.{way})
"""
        sent.append(run(rampa, script, body, before=STUB)[0].result()["summary"]["metrics"]["data_sent"]["count"])
    assert sent[0] < 2000 < 100000 < sent[1]


def test_requests_that_raise(rampa: Rampa, script: Script, server: str) -> None:
    """Who asks for nothing but the status hears of it too, once."""
    _, lines = run(
        rampa,
        script,
        f"""
stub = worker.grpc.connect("{server}").stub(TestStub)
async def broken():
    yield b"a"
    raise KeyError("mine")
for make in (stub.Count, stub.Talk):
    for ask in ("code", "details", "trailing_metadata", "__await__" if make is stub.Count else "read"):
        call = make(broken())
        try:
            if ask == "__await__":
                await call
            elif ask == "read":
                while await call.read() is not grpc.aio.EOF:
                    pass
            else:
                await getattr(call, ask)()
            say(ask)
        except KeyError as error:
            say(str(error), (await call.code()).name)
""",
        before=STUB,
    )
    assert lines == [["'mine'", "CANCELLED"]] * 8


def test_the_class_of_a_block_lives_as_long_as_its_stub(rampa: Rampa, script: Script, server: str) -> None:
    _, lines = run(
        rampa,
        script,
        f"""
def once():
    class Stub(TestStub):
        pass
    made = [worker.grpc.stub(kind, "{server}") for kind in (TestStub, Stub, Stub)]
    say(isinstance(made[1], Stub), type(made[1]) is type(made[2]))
    return weakref.ref(Stub)
gone = [once() for _ in range(3)]
gc.collect()
say(*(kind() is None for kind in gone))
""",
        before="import gc\nimport weakref\n" + STUB,
    )
    assert lines == [[True, True]] * 3 + [[True] * 3]


def test_calls_that_the_script_cancels(rampa: Rampa, script: Script, server: str) -> None:
    """As in grpc.aio, who waits for one gets CancelledError; it is no failure of the server."""
    done, lines = run(
        rampa,
        script,
        f"""
stub = worker.grpc.connect("{server}").stub(TestStub)
call = stub.Hang(b"first")
await stub.UntilHanging(b"first")
asyncio.get_running_loop().call_soon(call.cancel)
say(await outcome(call), call.cancelled(), call.done(), (await call.code()).name, call.cancel(), await outcome(call))
talk = stub.Talk()
await talk.write(b"x")
say(repr(await talk.read()), talk.cancel(), await outcome(talk.read()), talk.cancelled())
call = stub.Hang(b"second")
await stub.UntilHanging(b"second")
waiting = asyncio.create_task(outcome(call))
await asyncio.sleep(0)  # it waits now
waiting.cancel()
say(await waiting, call.cancelled(), await outcome(call))
say(await outcome(stub.Echo(b"still")))
""",
        before=STUB,
    )
    assert lines[0] == ["CancelledError", True, True, "CANCELLED", False, "CancelledError"]
    assert lines[1] == ["b'x'", True, "CancelledError", True]
    assert lines[2] == ["CancelledError", True, "CancelledError"]
    assert lines[3] == ["b'still'"]
    assert done.result()["summary"]["metrics"]["grpc_req_failed"]["passes"] <= 1  # the one that was waited for no longer


def test_callbacks_and_the_time_that_is_left(rampa: Rampa, script: Script, server: str) -> None:
    _, lines = run(
        rampa,
        script,
        f"""
told = []
def note(call):
    told.append(call.done())
stub = worker.grpc.connect("{server}").stub(TestStub)
call = stub.Echo(b"")
call.add_done_callback(note)
call.add_done_callback(note)
before = list(told)
await call
await asyncio.sleep(0)
say(before, told)
call.add_done_callback(note)
say(told)
told.clear()
call = stub.Hang(b"")  # that nobody waits for
call.add_done_callback(note)
call.cancel()
say(told)
told.clear()
done = asyncio.Event()
call = stub.Echo(b"")  # likewise
call.add_done_callback(lambda _: done.set())
await done.wait()
numbers = stub.Numbers(b"2 3")
numbers.add_done_callback(note)
first = await numbers.read()
say(told, [len(first), *[len(m) async for m in numbers]], told)
calls = [stub.Echo(b"", timeout=50), stub.Echo(b""), stub.Talk(), worker.grpc.connect("{server}", deadline=7).stub(TestStub).Talk()]
say(*[call.time_remaining() for call in calls])
""",
        before=STUB,
    )
    assert lines[0] == [[], [True, True]] and lines[1] == [[True, True, True]]
    assert lines[2] == [[True]]
    assert lines[3][1:] == [[3, 3], [True]]
    own, default, none, channel = lines[4]
    assert 0 < own <= 50 and 50 < default <= 60 and none is None and 0 < channel <= 7


def test_a_stub_in_a_block(rampa: Rampa, script: Script, server: str) -> None:
    done, lines = run(
        rampa,
        script,
        f"""
with worker.grpc.stub(TestStub, "{server}", metadata={{"x-a": "b"}}) as stub:
    say(isinstance(stub, TestStub), type(stub).__name__, type(stub).__doc__, await outcome(stub.Metadata(b"")))
async with worker.grpc.stub(TestStub, "{server}") as stub:
    say(await outcome(stub.Echo(b"block")))
stub = worker.grpc.stub(TestStub, "{server}")
say(await outcome(stub.Echo(b"plain")), type(stub) is type(worker.grpc.stub(TestStub, "{server}")))
try:
    worker.grpc.stub(TestStub, "{server}", tsl=True)
except TypeError as error:
    say(str(error))
""",
        before=STUB,
    )
    assert lines[0][:3] == [True, "TestStub", "What grpcio-tools generates."] and "('x-a', 'b')" in lines[0][3]
    assert lines[1] == ["b'block'"] and lines[2] == ["b'plain'", True]
    assert "(did you mean 'tls'?)" in lines[3][0]


# ---- names of servers ------------------------------------------------------------------------------------------------


def test_targets_as_grpc_writes_them(rampa: Rampa, script: Script, server: str) -> None:
    port = server.rpartition(":")[2]
    targets = [f"dns:///localhost:{port}", f"dns:127.0.0.1:{port}", f"ipv4:127.0.0.1:{port}", f"grpc://127.0.0.1:{port}", server]
    _, lines = run(
        rampa,
        script,
        f"""
for target in {targets}:
    print(json.dumps([(await worker.grpc.connect(target).unary("/test.Service/Echo", b"x")).ok]))
for target in ("ipv6:[::1]:5", "ipv6:::1", "dns:a", "unix:g.sock", "unix:///a/b", "dns:///a:5", "[::1]:5"):
    print(json.dumps([worker.grpc.connect(target)._way.url]))
""",
    )
    assert lines[: len(targets)] == [[True]] * len(targets)
    folder = str(script("").parent).replace("/", "%2F")
    urls = ["http://[::1]:5", "http://[::1]", "http://a", f"http+unix://{folder}%2Fg.sock", "http+unix://%2Fa%2Fb", "http://a:5", "http://[::1]:5"]
    assert [line[0] for line in lines[len(targets) :]] == urls


# ---- what a script forgets -------------------------------------------------------------------------------------------

FORGOTTEN = """
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=2)
async def calls(worker):
    c = worker.grpc.connect("127.0.0.1:1")
    c.server_stream("/a.B/Server", b"")
    c.client_stream("/a.B/Client")
    c.bidi("/a.B/Both")
    c.unary("/a.B/Unary", b"")
    worker.grpc.connect("127.0.0.1:1", reflection=True).server_stream("/a.B/Asked", {})
    async with c.bidi("/a.B/Begun"):
        pass
    worker.check(1, {"came here": lambda _: True})
"""


def test_a_stream_that_cannot_begin_is_not_forgotten(rampa: Rampa, script: Script, server: str) -> None:
    """The script is told why it could not be made, and nothing else."""
    done, lines = run(
        rampa,
        script,
        f"""
channel = worker.grpc.connect("{server}")
try:
    channel.server_stream("/test.Service/Numbers", Broken())
except TypeError as error:
    print(json.dumps([str(error)]))
""",
        before="class Broken:\n    def SerializeToString(self):\n        return 'text'",
    )
    assert lines == [["a message of gRPC is bytes, not str"]]
    assert "does not begin a stream" not in done.stdout


def test_streams_that_never_begin(rampa: Rampa, script: Script) -> None:
    pytest.importorskip("google.protobuf")
    path = script(FORGOTTEN)
    done = rampa("run", path, code=0)
    said = re.sub(r"\s+", " ", done.stdout).replace(str(path), "script.py")
    for method, line in (("Server", 7), ("Client", 8), ("Both", 9)):
        assert said.count(f"the script does not begin a stream, so nothing is sent: gRPC /a.B/{method}: script.py:{line}") == 1, said
    assert said.count("the script does not await a call, so it is not sent: gRPC /a.B/Unary: script.py:10") == 1
    assert said.count("/a.B/Asked was never awaited, so it did not run: script.py:11") == 1
    assert "/a.B/Begun" not in said


# ---- the deadline ----------------------------------------------------------------------------------------------------


def test_a_deadline_is_one_kind_of_failure(rampa: Rampa, script: Script, server: str) -> None:
    """Whoever sees it pass first, the client or the server."""
    done, lines = run(
        rampa,
        script,
        f"""
c = worker.grpc.connect("{server}")
for _ in range(20):
    told(await c.unary("/test.Service/Hang", b"", deadline=0.02))
""",
        code=1,
    )
    assert {(line["status"], line["code"]) for line in lines} == {(4, 1050)}
    errors = done.result()["exchanges"]
    assert {(row["error_code"], row["url"]) for row in errors} == {(1050, f"grpc://{server}/test.Service/Hang")}
