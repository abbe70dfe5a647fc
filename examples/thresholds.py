# SPDX-License-Identifier: MIT
"""Thresholds on a part of the samples: metric{tag:value}. Exit code 1 when one fails.

The tags are those that rampa sets (scenario, name, method, status, expected_response, ...) and your own.
"""

import rampa

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(
    thresholds={
        # every request
        "http_req_duration": ["p(95)<500", "max<2000"],
        "http_req_failed": ["rate<0.5"],
        # one kind of request, by the name that the script gives it
        "http_req_duration{name:search}": ["med<200"],
        # the answers that were as expected, of one scenario
        "http_req_duration{expected_response:true,scenario:visit}": ["p(99)<1000"],
        # a tag of one's own
        "http_reqs{page:cart}": ["count>=10"],
        # one check; a value with a blank needs no quotes, one with a comma or a brace does
        "checks{check:search is 200}": ["rate==1"],
        "iterations": ["rate>1"],
    },
    options=rampa.Options(tags={"release": "2024-1"}),
)


@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=5)
async def visit(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    # The name makes one series of what would be one for each URL.
    found = await worker.http.get(f"{base}/delay/10?jitter={worker.execution.iteration}", name="search")
    worker.check(found, {"search is 200": lambda r: r.status == 200})
    await worker.http.post(f"{base}/echo", json=[1, 2], tags={"page": "cart"})
    await worker.http.get(f"{base}/status/404", tags={"page": "missing"})
    await worker.sleep(0.05)
