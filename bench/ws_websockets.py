# SPDX-License-Identifier: MIT
"""The same with the package websockets: a task a connection. The library's own compression and pings are off."""

import asyncio
import json
import os
import time

import websockets

TEXT = "x" * int(os.environ["RAMPA_BENCH_WS_BYTES"])


async def echo(url: str, deadline: float) -> int:
    count = 0
    async with websockets.connect(url, compression=None, ping_interval=None) as socket:
        while time.monotonic() < deadline:
            await socket.send(TEXT)
            await socket.recv()
            count += 1
    return count


async def main() -> None:
    deadline = time.monotonic() + float(os.environ["RAMPA_BENCH_DURATION"])
    users = [echo(os.environ["RAMPA_BENCH_URL"], deadline) for _ in range(int(os.environ["RAMPA_BENCH_CONNECTIONS"]))]
    print(json.dumps({"requests": sum(await asyncio.gather(*users)), "failed": 0}))


asyncio.run(main())
