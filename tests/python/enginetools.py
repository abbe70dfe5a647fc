# SPDX-License-Identifier: MIT
"""What the tests of the engine share: plans of one scenario, runs to their end, other interpreters."""
from __future__ import annotations

import asyncio
import collections.abc
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import rampa
import rampa.loader

SECONDS = 120
Function = collections.abc.Callable[..., Any]


def plan(
    function: Function,
    *,
    thresholds: dict[str, Any] | None = None,
    setup: Function | None = None,
    teardown: Function | None = None,
    options: rampa.Options | None = None,
    **fields: Any,
) -> rampa.loader.TestPlan:
    """A plan with the scenario "visit"."""
    config = rampa.Config(thresholds=thresholds or {}, options=options)
    return rampa.loader.TestPlan({"visit": (rampa.ScenarioConfig(**fields), function)}, config, setup, teardown)


def times(vus: int, iterations: int) -> dict[str, Any]:
    """Fields of so many iterations by each VU."""
    return {"executor": "per-vu-iterations", "vus": vus, "iterations": iterations}


async def finish(test: rampa.loader.TestPlan, options: rampa.EngineOptions | None = None) -> rampa.RunResult:
    """Runs a plan to its end."""
    controller = await rampa.Engine(test, options).start()
    return await asyncio.wait_for(controller.wait(), SECONDS)


def run(function: Function, **words: Any) -> rampa.RunResult:
    """Runs a function as a scenario under asyncio.run()."""
    return asyncio.run(finish(plan(function, **words)))


def count(result: rampa.RunResult, metric: str) -> float:
    """The sum of a counter; 0 when there is none."""
    assert result.snapshot is not None
    return result.snapshot.values.get(metric, {"count": 0.0})["count"]


async def until(condition: collections.abc.Callable[[], Any]) -> None:
    """Waits for something that other tasks bring about."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def descriptors() -> int:
    """How many files this process has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def python(code: str, *words: str, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Another interpreter with the same path, in development mode: whatever is not closed or not awaited is a warning."""
    paths = os.pathsep.join([str(Path(rampa.__file__).parent.parent), str(Path(__file__).parent)])
    return subprocess.run(
        [os.environ.get("RAMPA_PYTHON") or sys.executable, "-X", "dev", "-W", "error", "-c", code, *words],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        cwd=path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
