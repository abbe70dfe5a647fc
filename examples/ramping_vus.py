# SPDX-License-Identifier: MIT
"""A number of users that follows stages: up, a while there, and down again.

    rampa run examples/ramping_vus.py
    rampa run examples/ramping_vus.py --stage 30s:100,1m:100,30s:0      # other stages
"""

import rampa

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(thresholds={"http_req_failed": ["rate<0.01"], "checks": ["rate==1"]})


# From nobody to ten users in a second, half a second with ten, and down to nobody in half a second. A user whom the
# ramp takes away has one second for the iteration it is in.
@rampa.scenario(
    executor="ramping-vus",
    start_vus=0,
    stages=[rampa.Stage("1s", 10), rampa.Stage("500ms", 10), rampa.Stage("500ms", 0)],
    graceful_ramp_down="1s",
)
async def browse(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    page = await worker.http.get(f"{base}/")
    worker.check(page, {"status is 200": lambda r: r.status == 200})
    await worker.sleep(0.05)
