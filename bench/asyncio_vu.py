# SPDX-License-Identifier: MIT
"""The work of asyncio_work.py in VUs, and what only rampa has: native operations; or iterations that do nothing."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rampa
from asyncio_work import Meter, cpu

USERS = int(os.environ["RAMPA_BENCH_USERS"])
TIMES = int(os.environ["RAMPA_BENCH_TIMES"])
URL = os.environ["RAMPA_BENCH_URL"]
ITERATIONS = os.environ["RAMPA_BENCH_WHAT"] == "iterations"
meters: list[Meter] = []


async def awaits(worker):
    async def sleeps(times: int) -> None:
        for _ in range(times):
            await worker.sleep(0)

    async def requests(times: int) -> None:
        for _ in range(times):
            await worker.http.get(URL)

    await meters[0].measure_all()
    await meters[0].measure("worker.sleep(0)", sleeps, 1)
    await meters[0].measure("worker.http.get()", requests, 1)


async def nothing(worker):
    pass


rampa.scenario(
    "work",
    executor="per-vu-iterations",
    vus=USERS,
    iterations=max(1, TIMES // USERS) if ITERATIONS else 1,
    max_duration="10m",
)(nothing if ITERATIONS else awaits)


async def setup():
    meters.append(Meter(USERS, TIMES))
    if ITERATIONS:
        meters[0].before = cpu()


def teardown():
    meter = meters[0]
    if ITERATIONS:
        meter.costs["an iteration"] = (cpu() - meter.before) * 1e6 / (max(1, TIMES // USERS) * USERS)
    meter.tell()
