# SPDX-License-Identifier: MIT
"""Code that grpcio-tools has generated for grpc.aio, as load: testservice_pb2_grpc.py is what it has made of examples/testservice.proto."""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testservice import messages

SCRIPT = """
import rampa
import testservice_pb2 as pb
import testservice_pb2_grpc


async def client(stub):
    # What is written for grpc.aio: a call of each kind.
    payload = pb.Payload(body=b"x" * 10)
    answer = await stub.UnaryCall(pb.SimpleRequest(response_size=100, payload=payload))
    sizes = [pb.ResponseParameters(size=size) for size in (1, 20, 300)]
    parts = [part async for part in stub.StreamingOutputCall(pb.StreamingOutputCallRequest(response_parameters=sizes))]
    total = await stub.StreamingInputCall(pb.StreamingInputCallRequest(payload=payload) for _ in range(3))
    talk = stub.FullDuplexCall()
    await talk.write(pb.StreamingOutputCallRequest(response_parameters=sizes[:1]))
    first = await talk.read()
    await talk.done_writing()
    code = await talk.code()
    return len(answer.payload.body), [len(p.payload.body) for p in parts], total.aggregated_payload_size, len(first.payload.body), code.name


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


@rampa.scenario(executor="per-vu-iterations", vus=25, iterations=100)
async def load(worker):
    stub = worker.grpc.connect("TARGET").stub(testservice_pb2_grpc.TestServiceStub)
    told = await client(stub)
    worker.check(told, {"is right": lambda t: t == (100, [1, 20, 300], 30, 1, "OK")})
    if worker.execution.vu == 1 and worker.execution.iteration_in_vu in (20, 99):
        print("memory", memory())
"""


def test_10000_calls_of_generated_code(rampa: Callable[..., Any], script: Callable[..., Path], own_target: str, tmp_path: Path) -> None:
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is imported once, with the ordinary build")
    pytest.importorskip("grpc")
    messages(tmp_path)
    shutil.copy(Path(__file__).with_name("testservice_pb2_grpc.py"), tmp_path)
    done = rampa("run", script(SCRIPT.replace("TARGET", own_target)), out=True, code=0)
    metrics = done.result()["summary"]["metrics"]
    assert metrics["grpc_reqs"]["count"] == 10_000 and metrics["grpc_req_failed"]["passes"] == 0
    assert metrics["grpc_streams"]["count"] == 7_500 and metrics["grpc_req_duration"]["count"] == 2_500
    assert metrics["checks"]["passes"] == 2_500, json.dumps(metrics["checks"])
    early, late = (int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("memory "))
    assert late - early < 8192, (early, late)  # KiB, for 8,000 calls
