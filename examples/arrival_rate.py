# SPDX-License-Identifier: MIT
"""Iterations that start at a rate, however long the ones before them take: a server that gets slow is asked as often.

    rampa run examples/arrival_rate.py
    rampa run examples/arrival_rate.py --scenario steady --rate 500/s --duration 1m --max-vus 200
    rampa run examples/arrival_rate.py --seed 7     # the same random arrivals in every run
"""

import rampa

BASE_URL = "http://127.0.0.1:8080"

# dropped_iterations counts what could not start because all max_vus were busy; iteration_lateness is how late, in ms,
# iterations started.
config = rampa.Config(thresholds={"http_req_failed": ["rate<0.01"], "iteration_lateness": ["avg<1000"]})


async def get(worker: rampa.Worker, path: str) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    answer = await worker.http.get(f"{base}{path}")
    worker.check(answer, {"status is 200": lambda r: r.status == 200})


# Forty a second, one every 25 ms, by as many users as that takes: two are made before the start, fifty at most.
@rampa.scenario(executor="constant-arrival-rate", rate=40, duration="1500ms", pre_allocated_vus=2, max_vus=50)
async def steady(worker: rampa.Worker) -> None:
    await get(worker, "/delay/20")


# As many, but each by itself, as independent users come: sometimes two at once, sometimes a while nobody.
@rampa.scenario(
    executor="constant-arrival-rate",
    rate=40,
    duration="1500ms",
    pre_allocated_vus=5,
    max_vus=50,
    arrival="poisson",
)
async def independent(worker: rampa.Worker) -> None:
    await get(worker, "/json")


# From one in two seconds to sixty in two seconds, and down to none.
@rampa.scenario(
    executor="ramping-arrival-rate",
    rate=1,
    time_unit="2s",
    stages=[("1s", 60), ("500ms", 0)],
    pre_allocated_vus=5,
    max_vus=50,
)
async def wave(worker: rampa.Worker) -> None:
    await get(worker, "/")
