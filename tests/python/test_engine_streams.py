# SPDX-License-Identifier: MIT
"""Streams in a run that is a guest of a program's own loop: those that end, and those that the end of the run meets."""
from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import rampa
from enginetools import count, finish, plan, run, times


@pytest.mark.parametrize("loop", ["epoll", "io_uring"])
def test_bodies_are_read_as_they_come(monkeypatch: pytest.MonkeyPatch, target: str, loop: str) -> None:
    monkeypatch.setenv("RAMPA_LOOP", loop)
    sizes = []

    async def visit(worker: rampa.Worker) -> None:
        async with worker.http.stream("GET", f"{target}/bytes/5000000") as r:
            sizes.append(sum([len(chunk) async for chunk in r]))
        response = await worker.http.get(f"{target}/")
        assert response.timings.connecting == 0  # on the same connection

    result = run(visit, **times(3, 2))
    assert sizes == [5_000_000] * 6
    assert result.status == rampa.RunStatus.PASSED
    assert count(result, "http_reqs") == 12
    assert count(result, "data_received") > 30_000_000


def test_streams_that_outlive_their_iteration(target: str) -> None:
    kept: list[rampa.Stream] = []

    async def visit(worker: rampa.Worker) -> None:
        kept.append(await worker.http.stream("GET", f"{target}/bytes/50000000").__aenter__())

    async def main() -> rampa.RunResult:
        result = await finish(plan(visit, **times(2, 2)))
        for stream in kept:
            assert stream.status == 200
            with pytest.raises(RuntimeError, match="is over"):
                await stream.read()
        return result

    assert asyncio.run(main()).status == rampa.RunStatus.PASSED
    kept.clear()


def test_a_reader_that_waits_when_the_run_is_cut_short(target: str) -> None:
    seen: list[str] = []

    async def visit(worker: rampa.Worker) -> None:
        try:
            async with worker.http.stream("GET", f"{target}/delay/100000") as r:
                seen.append(str(r.status))
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> rampa.RunResult:
        controller = await rampa.Engine(plan(visit, executor="constant-vus", vus=2, duration="1h", graceful_stop="0s")).start()
        await asyncio.sleep(0.2)
        await controller.stop()
        return await asyncio.wait_for(controller.wait(), 60)

    asyncio.run(main())
    assert seen == ["cancelled", "cancelled"]


def test_grpc_calls_for_which_only_a_callback_waits_when_the_run_ends() -> None:
    """The end of the iteration leaves the first one. The second one begins then, and the end of the run cancels it."""
    cancelled: list[bool] = []

    async def visit(worker: rampa.Worker) -> None:
        def begin() -> None:
            wait: Any = worker.grpc.unary(f"127.0.0.1:{silent.getsockname()[1]}", "/a.B/C", b"?")
            wait.add_done_callback(note)

        def note(wait: asyncio.Future[object]) -> None:
            cancelled.append(wait.cancelled())
            if len(cancelled) == 1:
                begin()

        begin()

    async def main() -> rampa.RunResult:
        result = await finish(plan(visit, **times(1, 1)))
        while len(cancelled) < 2:
            await asyncio.sleep(0)
        return result

    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = asyncio.run(asyncio.wait_for(main(), 60))
    assert cancelled == [False, True]
    assert count(result, "grpc_reqs") == 1
