# SPDX-License-Identifier: MIT
"""asyncio inside a scenario: requests side by side, time limits, and connections that are not HTTP.

What a library does by itself, without worker.http, is not measured; time it and record it as a metric of your own.
"""

import asyncio
import time
import urllib.parse

import rampa

BASE_URL = "http://127.0.0.1:8080"


@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def side_by_side(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", BASE_URL)

    # gather() takes the requests themselves: they need not be wrapped into tasks.
    began = time.perf_counter()
    pages = await asyncio.gather(*(worker.http.get(f"{base}/delay/50") for _ in range(4)))
    worker.trend("four_pages", (time.perf_counter() - began) * 1000)  # about 50 ms, not 200
    worker.check(pages, {"all came": lambda ps: all(p.ok for p in ps)})

    # TaskGroup takes coroutines; a sequence of steps can run beside another one.
    async def steps(paths: list[str]) -> list[int]:
        return [(await worker.http.get(f"{base}{path}")).status for path in paths]

    async with asyncio.TaskGroup() as group:
        first = group.create_task(steps(["/", "/json"]))
        second = group.create_task(steps(["/status/204"]))
    worker.check(first.result() + second.result(), {"every step": lambda s: s == [200, 200, 204]})

    # A limit around several steps. The request that is given up counts as failed, with the time it has taken.
    try:
        async with asyncio.timeout(0.1):
            await worker.http.get(f"{base}/json")
            await worker.http.get(f"{base}/hang")
    except TimeoutError:
        worker.counter("gave_up")


@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=3)
async def by_hand(worker: rampa.Worker) -> None:
    url = urllib.parse.urlsplit(worker.env.get("BASE_URL", BASE_URL))
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
    writer.write(b"GET / HTTP/1.1\r\nHost: target\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    worker.trend("raw_time", (time.perf_counter() - began) * 1000)
    worker.check(answer, {"it is HTTP": lambda a: a.startswith(b"HTTP/1.1 200")})
