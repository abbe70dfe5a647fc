# SPDX-License-Identifier: MIT
"""A library of asyncio's world inside a scenario, here aiohttp (`apt-get install python3-aiohttp`).

Its requests are in none of rampa's http metrics: they are timed by the script, as metrics of its own. worker.http needs a
fraction of the processor time; a library is for what rampa does not speak.
"""

import time

import aiohttp

import rampa

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(thresholds={"client_time": ["p(95)<1000"], "client_ok": ["rate==1"]})


def session_of(worker: rampa.Worker) -> aiohttp.ClientSession:
    """One session for each VU, kept from iteration to iteration: its connections are what is expensive."""
    if "session" not in worker.vu:
        worker.vu["session"] = aiohttp.ClientSession(worker.env.get("BASE_URL", BASE_URL))
    session: aiohttp.ClientSession = worker.vu["session"]
    return session


@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=5)
async def fetch(worker: rampa.Worker) -> None:
    session = session_of(worker)
    began = time.perf_counter()
    async with session.get("/json") as response:
        data = await response.json()
    worker.trend("client_time", (time.perf_counter() - began) * 1000, tags={"step": "json"})
    worker.rate("client_ok", response.status == 200)
    worker.check(data, {"it is the demo server": lambda d: d["ok"] is True})
    if worker.execution.iteration_in_vu == 4:  # the last one of this VU
        await session.close()
