# SPDX-License-Identifier: MIT
"""The script of the benchmark of WebSockets: a VU sends a text and takes the echo, over and over."""

import os
import time

import rampa

URL = os.environ["RAMPA_BENCH_URL"]
TEXT = "x" * int(os.environ["RAMPA_BENCH_WS_BYTES"])
SECONDS = int(os.environ["RAMPA_BENCH_DURATION"])


@rampa.scenario(executor="per-vu-iterations", vus=int(os.environ["RAMPA_BENCH_CONNECTIONS"]), iterations=1, max_duration="1h")
async def echo(worker: rampa.Worker) -> None:
    deadline = time.monotonic() + SECONDS
    async with worker.ws.connect(URL) as session:
        while time.monotonic() < deadline:
            await session.send(TEXT)
            await session.receive()
