# SPDX-License-Identifier: MIT
"""The script that the benchmark runs with rampa: one GET and one check an iteration."""

import os

import rampa

URL = os.environ["RAMPA_BENCH_URL"]


@rampa.scenario(
    executor="constant-vus",
    vus=int(os.environ["RAMPA_BENCH_CONNECTIONS"]),
    duration=os.environ["RAMPA_BENCH_DURATION"] + "s",
)
async def get_and_check(worker: rampa.Worker) -> None:
    response = await worker.http.get(URL)
    worker.check(response, {"status is 200": lambda r: r.status == 200})
