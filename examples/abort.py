# SPDX-License-Identifier: MIT
"""Ends the whole run when going on makes no sense: here, when the server refuses the login. Exit code 4.

A threshold with abort_on_fail does the same for a number; worker.abort() is for what the script itself finds out.
"""

import rampa

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(
    thresholds={
        # Looked at while the run goes on, from its second second on: ends it when more than half of the requests fail.
        "http_req_failed{scenario:browse}": [
            {"threshold": "rate<0.5", "abort_on_fail": True, "delay_abort_eval": "2s"}
        ],
    }
)


@rampa.scenario(executor="constant-vus", vus=2, duration="1m")
async def browse(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    login = await worker.http.get(f"{base}/status/401", expected_statuses=[200, 401], name="login")
    if login.status == 401:
        worker.abort("the server refuses the login")
    await worker.http.get(f"{base}/")
