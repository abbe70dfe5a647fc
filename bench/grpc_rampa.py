# SPDX-License-Identifier: MIT
"""The script of the benchmark of gRPC: a VU makes one call after the other over a connection of its own."""

import os
import time

from grpc_messages import MESSAGES, SERVICE, STREAM, UNARY

import rampa

TARGET = os.environ["RAMPA_BENCH_URL"]
SECONDS = int(os.environ["RAMPA_BENCH_DURATION"])


@rampa.scenario(executor="per-vu-iterations", vus=int(os.environ["RAMPA_BENCH_CONNECTIONS"]), iterations=1, max_duration="1h")
async def calls(worker: rampa.Worker) -> None:
    deadline = time.monotonic() + SECONDS
    channel = worker.grpc.connect(TARGET)
    while time.monotonic() < deadline:
        if MESSAGES:
            async for _ in channel.server_stream(SERVICE + "StreamingOutputCall", STREAM):
                pass
        else:
            await channel.unary(SERVICE + "UnaryCall", UNARY)
