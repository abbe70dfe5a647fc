# SPDX-License-Identifier: MIT
"""worker.grpc against a server of @grpc/grpc-js: the four kinds of calls, statuses, trailers, gzip, deadline and cancellation."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_world import Rampa, Script, run

PACKAGE = "@grpc/grpc-js@1.14.7"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a server of grpc-js, which reads compressed messages and writes none."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpc-js is asked once, with the ordinary build")
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no node")
    folders = [os.environ.get("NODE_PATH", ""), str(Path(node).resolve().parent.parent / "lib/node_modules")]
    env = {**os.environ, "NODE_PATH": ":".join(filter(None, folders))}
    if subprocess.run([node, "-e", "require.resolve('@grpc/grpc-js')"], env=env, capture_output=True).returncode:
        pytest.skip(f"there is no grpc-js (npm install -g {PACKAGE})")
    words = [node, str(Path(__file__).with_name("grpcjsserver.js"))]
    with subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.communicate()


def test_all_kinds_of_calls(rampa: Rampa, script: Script, address: str) -> None:
    done, lines = run(
        rampa,
        script,
        f"""
path = "/test.Service/"
for how in (None, "gzip"):
    c = worker.grpc.connect("{address}", compression=how)
    r = await c.unary(path + "Echo", b"a" * 100000, metadata=[("x-a", "1"), ("x-b-bin", b"\\x00\\x01\\xff")])
    told(r)
    print(json.dumps([r.metadata["first"], r.metadata["first-bin"].hex(), r.trailers["x-a"], r.trailers["x-b-bin"].hex()]))
    told(await c.unary(path + "Echo", b""))
    r = await c.unary(path + "Fail", b"")
    told(r)
    print(json.dumps([r.trailers, r.metadata]))
    told(await c.unary(path + "None", b""))
    sizes = [len(m) async for m in c.server_stream(path + "Numbers", b"100 3000")]
    print(json.dumps([len(sizes), sum(sizes)]))
    async with c.server_stream(path + "Numbers", b"2 10 11") as s:
        got = [await s.receive() for _ in range(3)]
    print(json.dumps([[len(m or "none") for m in got], s.status.name, s.details]))
    told(await c.client_stream(path + "Count", [b"a" * n for n in range(100)]))
    async with c.bidi(path + "Talk") as s:
        for n in range(50):
            await s.send(b"b" * n * 100)
            assert len(await s.receive()) == n * 100
        await s.end()
        print(json.dumps([await s.receive(), s.status.name]))
    r = await c.unary(path + "Deadline", b"", deadline=90)
    told(r)
    told(await c.unary(path + "Hang", b"", deadline=0.3))
    told(await c.unary(path + "Seen", b""))
    call = asyncio.create_task(c.unary(path + "Hang", b""))
    await c.unary(path + "Echo", b"")  # behind it on the same connection
    call.cancel()
    told(await c.unary(path + "Seen", b""))
""",
        code=0,
    )
    assert len(lines) == 28
    for got in (lines[:14], lines[14:]):
        assert got[0] == {"status": 0, "details": "OK", "code": 0, "data": "a" * 200, "size": 100000}
        assert got[1] == ["one", "00ff", "1", "0001ff"]
        assert got[2]["status"] == 0 and got[2]["size"] == 0
        assert (got[3]["status"], got[3]["details"]) == (5, "nothing here: \u20ac 100%\n") and (got[4][0]["why"], got[4][1]) == ("because", {})
        assert got[5]["status"] == 12
        assert got[6] == [100, 300000]
        assert got[7] == [[10, 10, 4], "OUT_OF_RANGE", "after all"]
        assert got[8]["data"] == "4950"
        assert got[9] == [None, "OK"]
        assert 0 < float(got[10]["data"]) <= 90000
        assert got[11]["status"] == 4
        assert got[12]["data"] == got[13]["data"] == "cancelled"
    assert done.count("grpc_reqs") == 2 * 14
    assert 227_450 < done.count("data_sent") < 2 * 170_000  # without compression the messages have 2 * 227,450 bytes
