# SPDX-License-Identifier: MIT
"""Metrics of your own: a counter, a gauge, a rate and a trend, with tags and with thresholds; and groups."""

import rampa

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(
    thresholds={
        "items_sold": ["count>=20"],
        "items_sold{kind:book}": ["count>=10"],
        "stock": ["min>=0"],
        "in_stock": ["rate>0.9"],
        "basket_size": ["avg<10", "p(95)<=12"],
        "group_duration{group:::look}": ["p(95)<1000"],
    }
)


@rampa.scenario(executor="shared-iterations", vus=2, iterations=20)
async def shop(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)
    number = worker.execution.iteration
    size = number % 5 + 1
    with worker.group("look"):  # its time is a sample of group_duration, its samples have the tag group=::look
        await worker.http.get(f"{base}/bytes/{size * 100}", name="/bytes/:size")

    worker.counter("items_sold", size, tags={"kind": "book" if number % 2 else "record"})
    worker.gauge("stock", 1000 - number)
    worker.rate("in_stock", number != 7)
    worker.trend("basket_size", size)
    await worker.sleep(0.02)
