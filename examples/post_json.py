# SPDX-License-Identifier: MIT
"""Bodies: JSON, a form, text and bytes; query parameters and headers."""

import rampa

BASE_URL = "http://127.0.0.1:8080"


@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=5)
async def send(worker: rampa.Worker) -> None:
    http = worker.http
    base = worker.env.get("BASE_URL", BASE_URL)
    user = {"name": "Ada", "number": worker.execution.vu}

    # /echo of `rampa target` sends the body and its content type back.
    answer = await http.post(f"{base}/echo", json=user)
    worker.check(
        answer,
        {
            "json": lambda r: r.json() == user,
            "content type of json": lambda r: r.headers["Content-Type"] == "application/json",
        },
    )

    answer = await http.put(f"{base}/echo", data={"name": "Ada", "tag": ["a", "b"]})
    worker.check(answer, {"form": lambda r: r.text() == "name=Ada&tag=a&tag=b"})

    answer = await http.patch(f"{base}/echo", data=b"\x00\x01", headers={"Content-Type": "application/x-thing"})
    worker.check(answer, {"bytes": lambda r: r.body == b"\x00\x01"})

    answer = await http.get(f"{base}/headers", params={"page": 2}, headers={"X-Request-Id": "7"}, name="/headers")
    worker.check(
        answer,
        {
            "header": lambda r: r.json()["X-Request-Id"] == "7",
            "query": lambda r: r.url.endswith("/headers?page=2"),
        },
    )
