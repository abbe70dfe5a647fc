# SPDX-License-Identifier: MIT
"""What a Python user would write without a load-testing tool: aiohttp, one shared session, a task a connection."""

import asyncio
import json
import os
import time

import aiohttp


async def get_until(session: aiohttp.ClientSession, url: str, deadline: float, counts: dict) -> None:
    while time.monotonic() < deadline:
        try:
            async with session.get(url) as response:
                await response.read()
                counts["requests"] += 1
                counts["failed"] += response.status != 200
        except aiohttp.ClientError:
            counts["failed"] += 1


async def main() -> None:
    url = os.environ["RAMPA_BENCH_URL"]
    connections = int(os.environ["RAMPA_BENCH_CONNECTIONS"])
    deadline = time.monotonic() + float(os.environ["RAMPA_BENCH_DURATION"])
    counts = {"requests": 0, "failed": 0}
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        users = [get_until(session, url, deadline, counts) for _ in range(connections)]
        await asyncio.gather(*users)
    print(json.dumps(counts))


asyncio.run(main())
