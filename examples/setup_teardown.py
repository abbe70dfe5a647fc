# SPDX-License-Identifier: MIT
"""setup() runs once before the test and what it returns is worker.setup_data; teardown() runs once after it.

Both may be plain or async functions, with or without a worker argument. The requests of setup() and teardown() are
counted too, with the tag group=::setup; so the threshold names the scenario, to leave them out.
"""

import rampa

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(
    thresholds={"http_req_duration{scenario:browse}": ["p(95)<500"]},
    options=rampa.Options(setup_timeout="10s", teardown_timeout="10s"),
)


async def setup(worker: rampa.Worker) -> dict[str, str]:
    base = worker.env.get("BASE_URL", BASE_URL)
    login = await worker.http.post(f"{base}/echo", json={"token": "secret"})
    return {"base": base, "token": login.json()["token"]}


@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=5)
async def browse(worker: rampa.Worker) -> None:
    data = worker.setup_data
    page = await worker.http.get(f"{data['base']}/headers", headers={"Authorization": data["token"]})
    worker.check(page, {"the token arrived": lambda r: r.json().get("Authorization") == data["token"]})
    await worker.sleep(0.05)


async def teardown(worker: rampa.Worker) -> None:
    await worker.http.delete(f"{worker.setup_data['base']}/")
