# SPDX-License-Identifier: MIT
"""The script of the workers benchmark: iterations that cost the client much, and a server little or nothing."""

import json
import os

import rampa

URL = os.environ.get("RAMPA_BENCH_URL", "")
FIELDS = {"executor": "constant-vus", "vus": 64, "duration": os.environ["RAMPA_BENCH_DURATION"] + "s"}
DOCUMENT = json.dumps([{"id": i, "name": f"item {i}", "tags": ["a", "b"], "price": i * 1.5} for i in range(30)])


async def compute(worker: rampa.Worker) -> None:
    worker.check(worker, {"is there": lambda w: w is not None})
    worker.trend("size", len(DOCUMENT))
    await worker.sleep(0)


async def get(worker: rampa.Worker) -> None:
    response = await worker.http.get(URL)
    items = json.loads(DOCUMENT)
    worker.check(response, {"status is 200": lambda r: r.status == 200, "has items": lambda r: len(items) == 30})


work = rampa.scenario(**FIELDS)(get if URL else compute)
