# SPDX-License-Identifier: MIT
"""Many iterations: nothing grows, whatever the garbage collector and the interpreter's checks do."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

SANITIZED = "ASAN_OPTIONS" in os.environ
PYTHON = os.environ.get("RAMPA_PYTHON") or sys.executable


@pytest.fixture
def strict_python(tmp_path: Path) -> Path:
    """The tests' interpreter with every warning an error and its debug checks on."""
    path = tmp_path / "strict-python"
    path.write_text(f'#!/bin/sh\nexec {PYTHON} -X dev -W error "$@"\n')
    path.chmod(0o755)
    return path


GROWTH = """
import gc
import resource
import sys
import rampa

url = "{url}"
seen = []


def measure():
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    seen.append((pages * resource.getpagesize(), sys.getallocatedblocks()))


@rampa.scenario(executor="shared-iterations", vus=20, iterations={iterations})
async def a(worker):
    if worker.execution.iteration in ({iterations} // 4, {iterations} - 100):
        measure()
    r = await worker.http.get(url)
    worker.check(r, {{"ok": lambda r: r.status == 200}})
    worker.trend("length", len(r.body), tags={{"kind": "x"}})
    if worker.execution.iteration % 16 == 0:
        await worker.http.post(url, json={{"n": 1}}, headers={{"X": "y"}}, name="post")
        await worker.sleep(0)
        assert r.headers["content-length"] and r.timings.duration >= 0


def teardown():
    (rss, blocks), (rss_after, blocks_after) = seen
    print("grown by", rss_after - rss, "bytes and", blocks_after - blocks, "blocks")
    # Pages of histograms and buffers of messages still grow, the more so on a busy machine, where times and deltas vary more. The
    # smallest thing that is kept of each iteration is 32 bytes: 4.5 MiB.
    assert rss_after - rss < 3 << 20
    assert abs(blocks_after - blocks) < 2000
"""


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps freed memory")
def test_memory_does_not_grow(rampa: Rampa, script: Script, target: str) -> None:
    script(GROWTH.format(url=f"{target}/json", iterations=200_000))
    done = rampa("run", "script.py", out=True, code=0)
    assert done.count("iterations") == 200_000
    assert done.metrics()["checks"]["fails"] == 0


MIXED = """
import asyncio
import gc
import rampa
from rampa import errors

{top}


@rampa.scenario(executor="shared-iterations", vus=8, iterations={iterations})
async def a(worker):
    url, n = "{url}", worker.execution.iteration
    match n % 9:
        case 0:
            await worker.http.get(url + "/json")
        case 1:
            await asyncio.gather(*(worker.http.get(f"{{url}}/bytes/{{i}}") for i in range(4)))
        case 2:
            try:
                async with asyncio.timeout(0.001):
                    await worker.http.get(url + "/hang")
            except TimeoutError:
                pass
        case 3:
            try:
                await worker.http.get(url + "/reset")
            except errors.ConnectionLost:
                pass
        case 4:
            task = asyncio.create_task(worker.http.post(url + "/echo", json={{"n": n}}))
            await asyncio.sleep(0)
            assert (await task).json() == {{"n": n}}
        case 5:
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(worker.sleep(0.0001))
        case 6:
            worker.check(n, {{"six": lambda n: n % 9 == 6}})
            worker.counter("sixes", tags={{"mod": str(n % 4)}})
        case 7:
            request = worker.http.get(url + "/json")
            request.cancel()
        case 8:
            response = await worker.http.get(url + "/extra")
            assert response.headers and response.text()
"""


@pytest.mark.parametrize("loop", ["default", "epoll"])
@pytest.mark.parametrize("top", ["", "gc.set_threshold(1)", "gc.disable()"])
def test_the_garbage_collector_may_come_at_any_time(
    rampa: Rampa, script: Script, target: str, top: str, loop: str
) -> None:
    script(MIXED.format(url=target, top=top, iterations=900))
    env = {} if loop == "default" else {"RAMPA_LOOP": loop}
    done = rampa("run", "script.py", out=True, code=0, env=env)
    assert done.count("iterations") == 900 and done.count("iteration_errors") == 0
    assert done.stderr == ""


def test_nothing_is_warned_about_in_development_mode(
    rampa: Rampa, script: Script, target: str, strict_python: Path
) -> None:
    script(MIXED.format(url=target, top="", iterations=450))
    done = rampa("run", "script.py", "--python", strict_python, out=True, code=0)
    assert done.stderr == ""
    assert done.count("iterations") == 450


def test_a_failing_run_is_clean_in_development_mode(
    rampa: Rampa, script: Script, target: str, strict_python: Path
) -> None:
    """Errors, interruptions and leftovers, with every resource checked."""
    script(
        "import asyncio\nimport rampa\nkept = []\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=4, iterations=2, max_duration="2s", graceful_stop="50ms")\n'
        "async def a(worker):\n    if worker.execution.iteration_in_vu == 0:\n        1 / 0\n"
        f'    kept.append(asyncio.create_task(worker.http.get("{target}/hang")))\n'
        f'    await worker.http.get("{target}/hang")\n'
    )
    done = rampa("run", "script.py", "--python", strict_python, out=True, code=2)
    assert done.stderr == ""
    (row,) = done.result()["accounting"]
    assert (row["errors"], row["interrupted"]) == (4, 4)
