# SPDX-License-Identifier: MIT
"""The script whose instructions are counted: one GET and one check an iteration, a given number of times."""

import os

import rampa

URL = os.environ["RAMPA_BENCH_URL"]


@rampa.scenario(
    executor="shared-iterations",
    vus=int(os.environ["RAMPA_BENCH_CONNECTIONS"]),
    iterations=int(os.environ["RAMPA_BENCH_REQUESTS"]),
    max_duration="1h",
)
async def get_and_check(worker: rampa.Worker) -> None:
    response = await worker.http.get(URL)
    worker.check(response, {"status is 200": lambda r: r.status == 200})
