# SPDX-License-Identifier: MIT
"""Load tests as tests of pytest: the marker says what runs, the fixture is its result.

    pytest examples/test_with_pytest.py                             # with rampa installed
    pytest examples/test_with_pytest.py --rampa-duration-scale 0.1  # a quick look
"""

import os

import pytest

import rampa

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8080")


async def browse(worker: rampa.Worker) -> None:
    page = await worker.http.get(f"{BASE_URL}/")
    worker.check(page, {"status is 200": lambda r: r.status == 200})
    await worker.sleep(0.02)


# The test fails by itself when a threshold does, with the actual and the expected values.
@pytest.mark.rampa_scenario(
    worker_fn=browse,
    vus=3,
    duration="1s",
    thresholds={"http_req_duration": ["p(95)<500"], "checks": ["rate==1"]},
)
def test_page_is_fast(rampa_result: rampa.RunResult) -> None:
    assert rampa_result.snapshot is not None
    assert rampa_result.snapshot.values["http_reqs"]["count"] > 10


# What may fail is judged by the test.
@pytest.mark.rampa_scenario(
    worker_fn=browse,
    executor="constant-arrival-rate",
    rate=20,
    duration="1s",
    pre_allocated_vus=5,
    thresholds={"http_req_duration": ["max<0.001"]},
    may_fail=True,
)
def test_nothing_is_that_fast(rampa_result: rampa.RunResult) -> None:
    assert rampa_result.status is rampa.RunStatus.THRESHOLD_FAILED
    assert [threshold.source for threshold in rampa_result.threshold_results] == ["max<0.001"]
