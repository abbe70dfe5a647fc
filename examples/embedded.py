# SPDX-License-Identifier: MIT
"""A load test inside a program of your own, on its event loop: functions see and change the program's variables.

    python examples/embedded.py         # with rampa installed; not by `rampa run`
"""

import asyncio
import os
import sys

import rampa
from rampa.events import PhaseEvent
from rampa.loader import TestPlan

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8080")


async def main() -> int:
    sizes: list[int] = []

    async def visit(worker: rampa.Worker) -> None:
        answer = await worker.http.get(f"{BASE_URL}/json")
        worker.check(answer, {"status is 200": lambda r: r.status == 200})
        sizes.append(len(answer.body))

    settings = rampa.ScenarioConfig(executor="per-vu-iterations", vus=5, iterations=20)
    plan = TestPlan(
        scenarios={"visit": (settings, visit)},
        config=rampa.Config(thresholds={"http_req_duration": ["p(95)<500"], "checks": ["rate==1"]}),
    )
    controller = await rampa.Engine(plan).start()
    async for event in controller.events():
        if isinstance(event, PhaseEvent):
            print("phase:", event.phase)
    result = await controller.wait()

    for threshold in result.threshold_results:
        print(threshold.metric, threshold.source, "holds" if threshold.passed else f"does not hold: {threshold.lhs}")
    print(len(sizes), "answers,", result.status)
    return result.exit_code


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
