# SPDX-License-Identifier: MIT
"""Three scenarios side by side, one for each executor that needs neither stages nor a rate.

    rampa run examples/scenarios.py
    rampa run examples/scenarios.py --scenario buy      # only this one
"""

import rampa

BASE_URL = "http://127.0.0.1:8080"


# Three users, one iteration after the other for two seconds.
@rampa.scenario(executor="constant-vus", vus=3, duration="2s", tags={"team": "shop"})
async def browse(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    page = await worker.http.get(f"{base}/")
    worker.check(page, {"browse: status is 200": lambda r: r.status == 200})
    await worker.sleep(0.1)


# Ten purchases in all, by whichever of two users is free; half a second after the others have begun.
@rampa.scenario(executor="shared-iterations", vus=2, iterations=10, start_time="500ms", max_duration="10s")
async def buy(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    order = {"order": worker.execution.iteration, "user": worker.execution.vu}
    answer = await worker.http.post(f"{base}/echo", json=order)
    worker.check(answer, {"buy: the order came back": lambda r: r.json() == order})


# Two users who do the same thing three times each. `env` is for this scenario only.
@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3, env={"REPORT_SIZE": "2000"})
async def report(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    size = int(worker.env["REPORT_SIZE"])
    answer = await worker.http.get(f"{base}/bytes/{size}")
    worker.check(answer, {"report: has its size": lambda r: len(r.body) == size})
    await worker.sleep(0.05)
