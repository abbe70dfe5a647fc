# SPDX-License-Identifier: MIT
"""The script of the scale benchmark: VUs with an open connection each and little to do, and a probe of how late things are.

Each worker writes into $RAMPA_BENCH_NOTES/PID.json what it was before its VUs, and when they began.
"""

import json
import os
import time
from pathlib import Path

import rampa

URLS = os.environ["RAMPA_BENCH_URLS"].split()
VUS = int(os.environ["RAMPA_BENCH_VUS"])
RAMP = float(os.environ["RAMPA_BENCH_RAMP"])
HOLD = float(os.environ["RAMPA_BENCH_HOLD"])
EVERY = float(os.environ["RAMPA_BENCH_EVERY"])
RESUMED = os.environ["RAMPA_BENCH_RESUMED"] == "1"  # a first connection brings the ticket for the one that is held
NOTES = Path(os.environ["RAMPA_BENCH_NOTES"], f"{os.getpid()}.json")
LENGTH = f"{int(RAMP + HOLD)}s"
begun: list[float] = []  # when the first VU began, and the last that has
count = 0
said = 0


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@rampa.scenario(executor="constant-vus", vus=VUS, duration=LENGTH, graceful_stop="0s")
async def idle(worker: rampa.Worker) -> None:
    global count
    number = worker.execution.vu
    if worker.execution.iteration_in_vu == 0:
        begun[1:] = [time.monotonic()]
        if count == 0:
            begun[:] = [begun[-1]] * 2
        count += 1
        await worker.sleep(RAMP * (number % VUS) / VUS)
        if RESUMED:
            await worker.http.get(URLS[number % len(URLS)], headers={"Connection": "close"})
    await worker.http.get(URLS[number % len(URLS)])
    await worker.sleep(EVERY)


@rampa.scenario(executor="constant-arrival-rate", rate=100, duration=LENGTH, pre_allocated_vus=10, max_vus=100)
async def probe(worker: rampa.Worker) -> None:
    global said
    if count != said:
        said = count
        note()


def note() -> None:
    NOTES.write_text(json.dumps({"vus": count, "begun": begun, "bytes": before}))


before = resident()
