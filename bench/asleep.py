# SPDX-License-Identifier: MIT
"""VUs that fall asleep: what bench/rest.py runs. The last of them says what they have cost since this file was loaded."""

import asyncio
import contextlib
import itertools
import json
import os
import time

import rampa

VUS = int(os.environ.get("RAMPA_BENCH_VUS", "1000"))
PAGE = os.sysconf("SC_PAGE_SIZE")
SETTINGS = {"executor": "constant-vus", "vus": VUS, "duration": "10m", "graceful_stop": "0s"}
begun = itertools.count(1)
times = []


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


def note_begin(worker: rampa.Worker) -> None:
    number = next(begun)
    if number in (1, VUS):
        times.append(time.monotonic())
    if number == VUS:
        asyncio.get_running_loop().call_soon(report, worker)


def report(worker: rampa.Worker) -> None:
    figures = {
        "bytes": (resident() - before[0]) / VUS,
        "cpu": (time.process_time() - before[1]) / VUS,
        "made": times[0] - before[2],
        "begun": times[-1] - times[0],
        "first": times[0],
    }
    print(json.dumps(figures), flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        worker.abort()


async def native(worker: rampa.Worker) -> None:
    note_begin(worker)
    await worker.sleep(86400)


async def foreign(worker: rampa.Worker) -> None:
    note_begin(worker)
    await asyncio.sleep(86400)


rampa.scenario(**SETTINGS)(foreign if os.environ.get("RAMPA_BENCH_SLEEP") == "asyncio" else native)
before = resident(), time.process_time(), time.monotonic()
