# SPDX-License-Identifier: MIT
"""Tasks that iterations leave running, where the engine is a guest of somebody else's loop."""
from __future__ import annotations

import asyncio
from typing import Any

import pytest
import rampa
import rampa.loader
from enginetools import finish, plan, times

LEFT = "was still running when its iteration ended, and was cancelled"


def loops() -> list[Any]:
    """Makers of loops of each kind."""
    uvloop = pytest.importorskip("uvloop")
    return [asyncio.new_event_loop, uvloop.new_event_loop]


async def bg(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("bg")


@pytest.mark.parametrize("kind", [0, 1], ids=["asyncio", "uvloop"])
def test_what_is_left_is_cancelled_and_told(kind: int) -> None:
    ended: list[str] = []
    own: list[asyncio.Task[None]] = []

    async def child() -> None:
        asyncio.create_task(bg(ended))

    async def visit(worker: rampa.Worker) -> None:
        assert len(ended) == 2 * worker.execution.iteration
        asyncio.create_task(bg(ended), name="x")
        await asyncio.create_task(child())
        await asyncio.sleep(0.001)

    async def main() -> rampa.RunResult:
        own.append(asyncio.create_task(bg(ended)))
        result = await finish(plan(visit, **times(1, 3)))
        assert len(ended) == 6 and not own[0].done()
        assert asyncio.get_running_loop().get_task_factory() is None
        own[0].cancel()
        return result

    with asyncio.Runner(loop_factory=loops()[kind]) as runner:
        result = runner.run(main())
    assert result.passed and LEFT in " ".join(result.text.split())
    assert "(6 times)" in " ".join(result.text.split())


@pytest.mark.parametrize("kind", [0, 1], ids=["asyncio", "uvloop"])
def test_a_task_factory_of_the_program_goes_on(kind: int) -> None:
    ended: list[str] = []
    made: list[Any] = []

    def factory(loop: Any, coro: Any, **more: Any) -> Any:
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **more)

    async def visit(worker: rampa.Worker) -> None:
        asyncio.create_task(bg(ended))
        await asyncio.sleep(0.001)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        await finish(plan(visit, **times(2, 1)))
        assert loop.get_task_factory() is factory
        loop.set_task_factory(None)

    with asyncio.Runner(loop_factory=loops()[kind]) as runner:
        runner.run(main())
    assert len(ended) == 2
    assert [coro.__name__ for coro in made].count("bg") == 2


@pytest.mark.parametrize("first", [0, 1])
def test_two_runs_give_back_the_factory_in_any_order(first: int) -> None:
    async def visit(worker: rampa.Worker) -> None:
        while not over[worker.env["WHICH"]].is_set():
            await asyncio.create_task(asyncio.sleep(0.001))

    over: dict[str, asyncio.Event] = {}

    async def one(which: str) -> None:
        await finish(plan(visit, env={"WHICH": which}, **times(1, 1)))

    async def main() -> None:
        over.update({"0": asyncio.Event(), "1": asyncio.Event()})
        runs = []
        for which in over:
            runs.append(asyncio.Task(one(which)))
            await asyncio.sleep(0.05)
        over[str(first)].set()
        await runs[first]
        over[str(1 - first)].set()
        await runs[1 - first]
        assert asyncio.get_running_loop().get_task_factory() is None

    asyncio.run(main())
