# SPDX-License-Identifier: MIT
"""A first load test: five users look at a page, fetch some data and think for a moment.

    rampa target                        # a server to try it on; or set BASE_URL to one of yours
    rampa run examples/quickstart.py
"""

import time

import rampa

config = rampa.Config(
    thresholds={
        "http_req_duration": ["p(95)<500"],
        "http_req_failed": ["rate<0.01"],
        "checks": ["rate>0.99"],
        "view_time": ["p(95)<1000"],
    }
)


@rampa.scenario(executor="constant-vus", vus=5, duration="4s")
async def browse(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", "http://127.0.0.1:8080")
    began = time.perf_counter()

    page = await worker.http.get(f"{base}/")
    worker.check(
        page,
        {
            "page: status is 200": lambda r: r.status == 200,
            "page: is HTML": lambda r: r.headers["content-type"].startswith("text/html"),
        },
    )

    data = await worker.http.get(f"{base}/delay/20?jitter=20")
    worker.check(data, {"data: status is 200": lambda r: r.status == 200})

    worker.trend("view_time", (time.perf_counter() - began) * 1000)
    await worker.sleep(0.1)
