# SPDX-License-Identifier: MIT
"""The script of the benchmark of HTTP/2: an iteration asks for all streams of its session together."""

import asyncio
import os

import rampa

URL = os.environ["RAMPA_BENCH_URL"]
STREAMS = int(os.environ["RAMPA_BENCH_STREAMS"])
REQUESTS = [("GET", URL)] * STREAMS


@rampa.scenario(
    executor="constant-vus",
    vus=int(os.environ["RAMPA_BENCH_CONNECTIONS"]),
    duration=os.environ["RAMPA_BENCH_DURATION"] + "s",
)
async def get_streams(worker: rampa.Worker) -> None:
    if STREAMS == 1:
        await worker.http.get(URL)
    elif os.environ["RAMPA_BENCH_WAY"] == "batch":
        await worker.http.batch(REQUESTS)
    else:
        await asyncio.gather(*[worker.http.get(URL) for _ in range(STREAMS)])
