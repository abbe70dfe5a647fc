# SPDX-License-Identifier: MIT
"""Tasks that iterations create: what becomes of those that are still running when the iteration ends."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished
from started import warnings_of

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HEAD = """
import asyncio
import contextvars
import os
import rampa

url = os.environ["TARGET"]
never = asyncio.Event()
kept = []
running = []


async def bg(worker):
    vu = worker.execution.vu
    running.append(vu)
    try:
        await never.wait()
    finally:
        await asyncio.sleep(0.002)
        running.remove(vu)


async def parent(child):
    kept.append(asyncio.create_task(child))


async def fetch(worker):
    await worker.http.get(url + "/hang")


@rampa.scenario(executor="per-vu-iterations", vus={vus}, iterations={iterations}, max_duration="60s", graceful_stop="{grace}")
{async_}def a(worker):
    assert {alone}
{body}
"""
BODY_LINE = 34


def write(
    script: Script,
    body: str,
    vus: int = 2,
    iterations: int = 3,
    async_: str = "async ",
    grace: str = "30s",
    alone: str = "worker.execution.vu not in running",
) -> None:
    lines = "\n".join("    " + line for line in body.splitlines())
    text = HEAD.format(vus=vus, iterations=iterations, async_=async_, body=lines, grace=grace, alone=alone)
    assert text.splitlines()[BODY_LINE - 1].strip() == body.splitlines()[0].strip()
    script(text)


def warnings(done: Finished) -> dict[str, int]:
    return warnings_of(done.result())


def left(place: str, scenario: str = "a") -> str:
    return (
        f"scenario '{scenario}': a task was still running when its iteration ended, and was cancelled: {place}; "
        "await it, or use asyncio.TaskGroup"
    )


BG = "script.py:17 in bg"
# body of an iteration: {place: how often in one}
LEFT = {
    "create_task": ("kept.append(asyncio.create_task(bg(worker)))\nawait asyncio.sleep(0.001)", {BG: 1}),
    "one that nobody refers to": ("asyncio.create_task(bg(worker))\nawait asyncio.sleep(0.001)", {BG: 1}),
    "before it has begun": ("asyncio.create_task(bg(worker))", {"script.py:13 in bg": 1}),
    "ensure_future": ("asyncio.ensure_future(bg(worker))\nawait asyncio.sleep(0.001)", {BG: 1}),
    "create_task of the loop": ('asyncio.get_running_loop().create_task(bg(worker), name="x")\nawait asyncio.sleep(0.001)', {BG: 1}),
    "with a context": (
        "asyncio.create_task(bg(worker), context=contextvars.copy_context(), name='x')\nawait asyncio.sleep(0.001)",
        {BG: 1},
    ),
    "several": ("for _ in range(20): asyncio.create_task(bg(worker))\nawait asyncio.sleep(0.001)", {BG: 20}),
    "among many that are done": (
        "for i in range(50):\n"
        "    asyncio.create_task(bg(worker)) if i % 10 == 0 else await asyncio.create_task(asyncio.sleep(0))\n"
        "    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.0001))",
        {BG: 5},
    ),
    "a task of a task": ("await asyncio.create_task(parent(bg(worker)))\nawait asyncio.sleep(0.001)", {BG: 1}),
    "a task of a task of a group": (
        "async with asyncio.TaskGroup() as group: group.create_task(parent(parent(bg(worker))))\nawait asyncio.sleep(0.001)",
        {BG: 1},
    ),
    "a task in gather": ("await asyncio.gather(parent(bg(worker)), parent(bg(worker)))\nawait asyncio.sleep(0.001)", {BG: 2}),
    "one of wait()": (
        "await asyncio.wait([asyncio.create_task(c) for c in (bg(worker), asyncio.sleep(0.001))], return_when='FIRST_COMPLETED')",
        {BG: 1},
    ),
    "gather that nobody awaits": ("asyncio.gather(bg(worker), bg(worker))\nawait asyncio.sleep(0.001)", {BG: 2}),
    "after a shield": (
        "try: await asyncio.wait_for(asyncio.shield(bg(worker)), 0.01)\nexcept asyncio.TimeoutError: pass",
        {BG: 1},
    ),
    "a coroutine of asyncio": (
        "asyncio.create_task(asyncio.sleep(3600))\nasyncio.create_task(asyncio.Queue().get())",
        {f"script.py:{BODY_LINE} in a": 1, f"script.py:{BODY_LINE + 1} in a": 1},
    ),
    "a request": ('asyncio.create_task(worker.http.get(url + "/hang"))', {f"script.py:{BODY_LINE} in a": 1}),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_is_cancelled_and_told(rampa: Rampa, script: Script, target: str, name: str) -> None:
    """It has ended before the VU begins again."""
    body, told = LEFT[name]
    write(script, body)
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {left(place): times * 6 for place, times in told.items()}
    assert done.count("iterations") == 6
    if "gather" not in name:  # which tells of the exception of one that nobody awaits
        assert done.stderr == ""


def test_a_plain_function_leaves_tasks_too(rampa: Rampa, script: Script, target: str) -> None:
    write(script, "asyncio.get_running_loop().create_task(bg(worker))", async_="")
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {left("script.py:13 in bg"): 6}


FACTORIES = {
    "None": "None",
    "a function": "lambda loop, coro, **more: asyncio.Task(coro, loop=loop, **more)",
    "eager": "getattr(asyncio, 'eager_task_factory', None)",
}


@pytest.mark.parametrize("name", FACTORIES)
def test_a_task_factory_of_the_script(rampa: Rampa, script: Script, target: str, name: str) -> None:
    body = (
        f"factory = {FACTORIES[name]}\n"
        "loop = asyncio.get_running_loop()\n"
        "loop.set_task_factory(factory)\n"
        "assert loop.get_task_factory() is factory\n"
        "assert await asyncio.create_task(asyncio.sleep(0, 5)) == 5\n"
        "await asyncio.create_task(parent(bg(worker)))\n"
        "await asyncio.sleep(0.001)"
    )
    write(script, body)
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {left(BG): 6}


NOT_LEFT = {
    "awaited": "await asyncio.create_task(asyncio.sleep(0.001))",
    "cancelled in time": (
        "task = asyncio.create_task(bg(worker))\nawait asyncio.sleep(0)\ntask.cancel()\n"
        "await asyncio.wait([task])"
    ),
    "a Task of its own": "kept.append(asyncio.Task(never.wait()))\nawait asyncio.sleep(0.001)",
    "made by a callback": "asyncio.get_running_loop().call_soon(lambda: kept.append(asyncio.ensure_future(never.wait())))\n"
    "await asyncio.sleep(0.001)",
    "a thread": "await asyncio.to_thread(lambda: None)",
}


@pytest.mark.parametrize("name", NOT_LEFT)
def test_what_is_not_the_iterations(rampa: Rampa, script: Script, target: str, name: str) -> None:
    write(script, NOT_LEFT[name])
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {}
    assert done.stderr == ""


def test_hooks_may_leave_tasks(rampa: Rampa, script: Script, target: str, tmp_path: Path) -> None:
    write(script, "assert not kept[0].done()\nawait asyncio.sleep(0.001)", alone="True")
    with (tmp_path / "script.py").open("a") as file:
        file.write(
            "\nasync def setup(worker):\n    await parent(bg(worker))\n    await asyncio.sleep(0)\n\n"
            "async def teardown():\n    assert not kept[0].done() and len(running) == 1\n"
        )
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {}


def test_the_iteration_does_not_wait_and_the_next_one_does(rampa: Rampa, script: Script, target: str) -> None:
    body = (
        "async def slow():\n"
        "    try: await never.wait()\n"
        "    finally: await asyncio.sleep(0.5); kept.append(worker.execution.vu)\n"
        "asyncio.create_task(slow())\n"
        "await asyncio.sleep(0.001)\n"
        "assert kept.count(worker.execution.vu) == worker.execution.iteration_in_vu"
    )
    write(script, body, vus=2, iterations=3)
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert done.count("iterations") == 6
    assert done.metrics()["iteration_duration"]["min"] < 500
    assert done.result()["run"]["elapsed_s"] >= 1.5


def test_a_task_that_does_not_end_holds_its_vu_for_a_second(rampa: Rampa, script: Script, target: str) -> None:
    body = (
        "async def stubborn():\n"
        "    while True:\n"
        "        try: await asyncio.sleep(3600)\n"
        "        except asyncio.CancelledError: kept.append(1)\n"
        "asyncio.create_task(stubborn())\n"
        "await asyncio.sleep(0.001)"
    )
    write(script, body, vus=1, iterations=2)
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    place = f"script.py:{BODY_LINE + 2} in stubborn"
    assert warnings(done) == {
        left(place): 2,
        f"scenario 'a': a task goes on although it was cancelled at the end of its iteration: {place}": 2,
    }
    assert done.result()["run"]["elapsed_s"] >= 2


@pytest.mark.parametrize("ending", ["raise ValueError", "worker.abort('enough')"])
def test_however_the_iteration_ends(rampa: Rampa, script: Script, target: str, ending: str) -> None:
    write(script, f"asyncio.create_task(bg(worker))\nawait asyncio.sleep(0.001)\n{ending}", vus=1, iterations=2)
    done = rampa("run", "script.py", out=True, env={"TARGET": target})
    assert done.code == (2 if "raise" in ending else 4)
    # That an aborted iteration leaves something is not its own doing.
    assert warnings(done).get(left(BG), 0) == (2 if "raise" in ending else 0)


def test_tasks_of_an_interrupted_iteration_end_with_it(rampa: Rampa, script: Script, target: str) -> None:
    """Nothing is said of them. The requests that they are in are told of as under way; no other one was made, so nothing succeeded."""
    script(
        HEAD.split("@rampa")[0]
        + '@rampa.scenario(executor="constant-vus", vus=3, duration="50ms", graceful_stop="50ms")\n'
        "async def a(worker):\n    asyncio.create_task(bg(worker))\n    asyncio.create_task(fetch(worker))\n"
        "    await asyncio.sleep(3600)\n\n"
        "def teardown():\n    print(len(running), 'left')\n"
    )
    done = rampa("run", "script.py", out=True, code=1, env={"TARGET": target})
    (warning,) = warnings(done)
    assert warning.startswith("3 requests were still under way when their iterations were interrupted")
    assert "0 left\n" in done.stdout
    assert done.result()["errors"]["requests"] == []
    (row,) = done.result()["accounting"]
    assert row["interrupted"] == 3


def test_a_request_of_a_task_that_is_left_has_failed(rampa: Rampa, script: Script, target: str) -> None:
    write(script, "asyncio.create_task(fetch(worker))\nawait asyncio.sleep(0.02)", vus=2, iterations=2)
    done = rampa("run", "script.py", out=True, code=1, env={"TARGET": target})
    assert {kind["error_code"]: kind["count"] for kind in done.result()["errors"]["requests"]} == {"1903": 4}


def test_arrivals_find_their_vu_only_when_its_tasks_have_ended(rampa: Rampa, script: Script, target: str) -> None:
    script(
        HEAD.split("@rampa")[0]
        + "async def slow():\n    running.append(1)\n    try: await never.wait()\n"
        "    finally: await asyncio.sleep(0.05); running.remove(1)\n\n"
        '@rampa.scenario(executor="constant-arrival-rate", rate=100, duration="500ms", pre_allocated_vus=1, max_vus=1)\n'
        "async def a(worker):\n    assert not running\n    asyncio.create_task(slow())\n    await asyncio.sleep(0)\n"
    )
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    (row,) = done.result()["accounting"]
    assert row["errors"] == 0 and row["started"] >= 1
    assert row["dropped"] >= row["started"] and row["scheduled"] == 50
    # Beside it there may be the warning about VUs that are missing.
    assert sum(count for text, count in warnings(done).items() if "still running" in text) == row["completed"]


LIBRARY = """
import asyncio

class Connection:
    def __init__(self):
        self.answers = asyncio.Queue()
        self.asked = asyncio.Queue()

    async def open(self):
        self.reader = asyncio.create_task(self.read())
        return self

    async def read(self):
        while True:
            await self.answers.put(-(await self.asked.get()))

    async def ask(self, number):
        await self.asked.put(number)
        return await self.answers.get()
"""


def test_tasks_of_a_library_are_its_own(rampa: Rampa, script: Script, target: str, tmp_path: Path) -> None:
    """A connection kept in worker.vu lives on, with the task that reads it."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "library.py").write_text(LIBRARY)
    body = (
        'if "connection" not in worker.vu: worker.vu["connection"] = await library.Connection().open()\n'
        'assert await worker.vu["connection"].ask(3) == -3\n'
        'asyncio.create_task(worker.vu["connection"].ask(4))'
    )
    write(script, body)
    with (tmp_path / "script.py").open("a") as file:
        file.write('\nimport sys\nsys.path.append(os.path.join(os.getcwd(), "site-packages"))\nimport library\n')
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    # What the script itself makes of the library's coroutines is the script's.
    assert warnings(done) == {left(f"script.py:{BODY_LINE + 2} in a"): 6}
