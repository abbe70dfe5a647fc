# SPDX-License-Identifier: MIT
"""The script of the lateness benchmark: iterations that arrive at a rate, and do nothing or one GET."""

import os

import rampa

URL = os.environ.get("RAMPA_BENCH_URL", "")
FIELDS = {
    "executor": "constant-arrival-rate",
    "rate": int(os.environ["RAMPA_BENCH_RATE"]),
    "duration": os.environ["RAMPA_BENCH_DURATION"] + "s",
    "pre_allocated_vus": 100,
    "max_vus": 1000,
}


async def nothing(worker: rampa.Worker) -> None:
    pass


async def get(worker: rampa.Worker) -> None:
    await worker.http.get(URL)


arrive = rampa.scenario(**FIELDS)(get if URL else nothing)
