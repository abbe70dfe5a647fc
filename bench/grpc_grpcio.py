# SPDX-License-Identifier: MIT
"""The same with grpcio's asyncio client: a task a connection, and a channel of its own for each."""

import asyncio
import json
import os
import time

import grpc.aio
from grpc_messages import MESSAGES, SERVICE, STREAM, UNARY

OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


async def user(target: str, deadline: float) -> int:
    count = 0
    async with grpc.aio.insecure_channel(target, options=OWN_CONNECTION) as channel:
        unary = channel.unary_unary(SERVICE + "UnaryCall")
        stream = channel.unary_stream(SERVICE + "StreamingOutputCall")
        while time.monotonic() < deadline:
            if MESSAGES:
                async for _ in stream(STREAM):
                    count += 1
            else:
                await unary(UNARY)
                count += 1
    return count


async def main() -> None:
    deadline = time.monotonic() + float(os.environ["RAMPA_BENCH_DURATION"])
    users = [user(os.environ["RAMPA_BENCH_URL"], deadline) for _ in range(int(os.environ["RAMPA_BENCH_CONNECTIONS"]))]
    print(json.dumps({"requests": sum(await asyncio.gather(*users)), "failed": 0}))


asyncio.run(main())
