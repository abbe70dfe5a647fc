# SPDX-License-Identifier: MIT
"""Names that programs written for the reference use: what is cancelled."""
from __future__ import annotations

import asyncio
import contextlib
import queue
import typing

import pytest
import rampa
import rampa.executors
import rampa.http
from enginetools import SECONDS


@contextlib.asynccontextmanager
async def silent() -> typing.AsyncIterator[tuple[str, asyncio.Event, asyncio.Event]]:
    """The URL of a server that reads a request and never answers; that it has come; that its connection has ended."""
    came, ended = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            came.set()
            await reader.read()
        ended.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x", came, ended


def test_a_request_that_is_cancelled_leaves_the_wire() -> None:
    """At once: not when the time of a graceful stop is over."""

    async def main() -> None:
        samples: queue.SimpleQueue[rampa.Sample | None] = queue.SimpleQueue()
        async with silent() as (url, came, ended), rampa.http.HttpClient(samples, {}) as client:
            task = asyncio.create_task(client.get(url))
            await came.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, SECONDS)
            told = [samples.get_nowait() for _ in range(samples.qsize())]
            assert [sample.value for sample in told if sample is not None and sample.metric == "http_reqs"] == [1.0]
            await asyncio.wait_for(ended.wait(), 5)

    asyncio.run(main())


def test_an_executor_that_is_cancelled_leaves_nothing_running() -> None:
    """Its iterations have ended, by their interruption, before run() returns."""

    async def main() -> None:
        began, ended = asyncio.Event(), []

        async def visit(worker: rampa.Worker) -> None:
            began.set()
            try:
                await asyncio.sleep(3600)
            finally:
                ended.append(worker.execution.vu)

        config = rampa.ScenarioConfig(executor="constant-vus", vus=1, duration="1h")
        mine = rampa.executors.ExecutionState(queue.SimpleQueue(), asyncio.Event(), visit, "mine")
        running = asyncio.create_task(rampa.executors.ConstantVUsExecutor(config).run(mine))
        await began.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(ended) == 1

    asyncio.run(main())
