# SPDX-License-Identifier: MIT
"""What asyncio is asked to do, again and again: the same code in a task of asyncio, of uvloop, and in a VU of rampa."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import resource


async def nothing() -> None:
    pass


async def sleeps_0(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def futures(times: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(times):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


async def tasks(times: int) -> None:
    for _ in range(times):
        await asyncio.create_task(nothing())


async def gathers(times: int) -> None:
    for _ in range(times):
        await asyncio.gather(nothing(), nothing())


async def sleeps(times: int) -> None:
    for _ in range(times // 10):
        await asyncio.sleep(0.001)


async def events(times: int) -> None:
    """Two tasks that wake each other."""
    ping, pong = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        for _ in range(times // 2):
            await ping.wait()
            ping.clear()
            pong.set()

    other = asyncio.create_task(answer())
    for _ in range(times // 2):
        ping.set()
        await pong.wait()
        pong.clear()
    await other


async def queues(times: int) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def put() -> None:
        for n in range(times // 2):
            await queue.put(n)

    other = asyncio.create_task(put())
    for _ in range(times // 2):
        await queue.get()
    await other


async def aiohttp_requests(times: int) -> None:
    import aiohttp

    url = os.environ["RAMPA_BENCH_URL"]
    async with aiohttp.ClientSession() as session:
        for _ in range(times // 10):
            async with session.get(url) as response:
                await response.read()


# What one await is called, the work, and by how much its loop has fewer of them than it is told.
WORK = {
    "asyncio.sleep(0)": (sleeps_0, 1),
    "a future that call_soon() sets": (futures, 1),
    "create_task()": (tasks, 1),
    "gather() of two coroutines": (gathers, 1),
    "an Event, set by a task": (events, 1),
    "a Queue, filled by a task": (queues, 1),
    "asyncio.sleep(0.001)": (sleeps, 10),
}
if importlib.util.find_spec("aiohttp"):
    WORK["a GET by aiohttp"] = (aiohttp_requests, 10)


def cpu() -> float:
    """Seconds of processor time that this process, and whoever works in it, has taken."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """Takes the time of several users who do the same at the same time: from the first begin to the last end."""

    def __init__(self, users: int, times: int) -> None:
        self.users = users
        self.times = times
        self.costs: dict[str, float] = {}
        self._barrier = asyncio.Barrier(users)
        self.before = 0.0
        self._over = 0

    async def measure(self, name: str, work, fewer: int) -> None:
        """Work of one user."""
        times = max(fewer, self.times // self.users)
        await self._barrier.wait()
        if self._over == 0 and self.before == 0.0:
            self.before = cpu()
        await work(times)
        self._over += 1
        if self._over == self.users:
            self.costs[name] = (cpu() - self.before) * 1e6 / (times // fewer * self.users)
            self._over, self.before = 0, 0.0
        await self._barrier.wait()

    async def measure_all(self) -> None:
        for name, (work, fewer) in WORK.items():
            await self.measure(name, work, fewer)

    def tell(self) -> None:
        """Microseconds of each."""
        print(json.dumps(self.costs), flush=True)
