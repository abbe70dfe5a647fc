# SPDX-License-Identifier: MIT
"""Opens many WebSockets in one VU, and writes into $RAMPA_BENCH_NOTES by how much the worker has grown for each."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import rampa

URL = os.environ["RAMPA_BENCH_URL"]
SOCKETS = int(os.environ["RAMPA_BENCH_CONNECTIONS"])
TEXT = "x" * int(os.environ["RAMPA_BENCH_WS_BYTES"])
AT_ONCE = 100


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1, max_duration="1h")
async def idle(worker: rampa.Worker) -> None:
    async def talk() -> rampa.WebSocketSession:
        session = await worker.ws.connect(URL)
        await session.send(TEXT)
        await session.receive()
        return session

    sessions = [await talk() for _ in range(AT_ONCE)]
    before = resident()
    for _ in range(SOCKETS // AT_ONCE):
        sessions += await asyncio.gather(*[talk() for _ in range(AT_ONCE)])
    grown = (resident() - before) / (len(sessions) - AT_ONCE)
    Path(os.environ["RAMPA_BENCH_NOTES"]).write_text(json.dumps({"sockets": len(sessions), "bytes_each": grown}))
