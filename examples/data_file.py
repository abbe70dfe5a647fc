# SPDX-License-Identifier: MIT
"""Data from a file: read once when the script is loaded, then a row for each VU, or for each iteration.

    rampa run examples/data_file.py
"""

import csv
import pathlib

import rampa

BASE_URL = "http://127.0.0.1:8080"

# At the top level: once for all VUs. Beside the script, wherever rampa is started.
with open(pathlib.Path(__file__).with_name("users.csv"), newline="", encoding="utf-8") as file:
    USERS = list(csv.DictReader(file))

config = rampa.Config(thresholds={"checks": ["rate==1"], "http_req_failed": ["rate==0"]})


# Each VU is one user of the file, all the time. Numbers of VUs begin at 1 and are unique in the run.
@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=4)
async def same_user(worker: rampa.Worker) -> None:
    user = USERS[(worker.execution.vu - 1) % len(USERS)]
    base = worker.env.get("BASE_URL", BASE_URL)
    answer = await worker.http.post(f"{base}/echo", json=user)
    worker.check(answer, {"the user came back": lambda r: r.json()["name"] == user["name"]})


# Each iteration takes the next row, whichever VU runs it: every row is used exactly once.
@rampa.scenario(executor="shared-iterations", vus=2, iterations=len(USERS))
async def next_user(worker: rampa.Worker) -> None:
    user = USERS[worker.execution.iteration]
    base = worker.env.get("BASE_URL", BASE_URL)
    answer = await worker.http.get(f"{base}/headers", headers={"X-Country": user["country"]}, name="by country")
    worker.check(answer, {"the country arrived": lambda r: r.json()["X-Country"] == user["country"]})
    worker.counter("users_seen", tags={"country": user["country"]})
