# SPDX-License-Identifier: MIT
"""Names that programs written for the reference use: what is cancelled, what is interrupted, what never comes to rest."""
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import typing
from pathlib import Path

import pytest
import rampa
import rampa.executors
import rampa.http
import rampa.metrics
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


SLOW = """
import asyncio
import rampa

@rampa.scenario(executor="per-vu-iterations", iterations=2)
async def visit(worker):
    print("began", flush=True)
    await asyncio.sleep(1.5)
    worker.counter("ended")
"""
CAPTURED = """
import contextlib, io, sys
import rampa.cli
err = io.StringIO()
with contextlib.redirect_stderr(err):
    try:
        rampa.cli.main(sys.argv[1:])
    finally:
        print("kept:", "stopping" in err.getvalue())
"""


@pytest.mark.parametrize("code", ["import sys, rampa.cli; rampa.cli.main(sys.argv[1:])", CAPTURED])
def test_ctrl_c_reaches_the_program_and_its_end_is_waited_for(tmp_path: Path, code: str) -> None:
    """A terminal sends the signal to both. The iteration that runs may end, and the result is written."""
    (tmp_path / "load.py").write_text(SLOW)
    words = [sys.executable, "-c", code, "run", "load.py", "--out", "out.json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(rampa.__file__).parent.parent)}
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "began\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 4, err
    assert "Traceback" not in err and "kept: False" not in out
    assert json.loads((tmp_path / "out.json").read_text())["summary"]["metrics"]["ended"]["count"] == 1


def test_the_metric_engine_gives_snapshots_while_samples_keep_coming() -> None:
    registry = rampa.metrics.MetricRegistry()
    samples: queue.SimpleQueue[rampa.Sample | None] = queue.SimpleQueue()
    told = threading.Event()

    def again(sample: rampa.Sample) -> None:
        if not told.is_set():
            samples.put(sample)  # so that the queue is never empty

    engine = rampa.metrics.MetricEngine(registry, samples, 0.01, on_sample=again, on_snapshot=lambda snapshot: told.set())
    engine.start()
    samples.put(rampa.make_sample("hits", 1.0))
    seen = told.wait(10)
    told.set()
    engine.stop()
    assert seen
