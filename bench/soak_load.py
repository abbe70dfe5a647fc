# SPDX-License-Identifier: MIT
"""The script of the soak: requests as fast as they go, under 1,000 names, with tags, a check and a metric of its own."""

import os

import rampa

URL = os.environ["RAMPA_BENCH_URL"]
NAMES = 1000
PARTS = 10  # a name has the same tag each time: there are as many series as names


@rampa.scenario(executor="constant-vus", vus=64, duration=os.environ["RAMPA_BENCH_DURATION"] + "s")
async def requests(worker: rampa.Worker) -> None:
    number = worker.execution.iteration % NAMES
    tags = {"part": f"p{number % PARTS}"}
    response = await worker.http.get(URL, name=f"n{number}", tags=tags)
    worker.check(response, {"status is 200": lambda r: r.status == 200})
    worker.trend("size", len(response.body), tags=tags)
