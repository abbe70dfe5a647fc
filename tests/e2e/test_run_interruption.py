# SPDX-License-Identifier: MIT
"""An interruption is a cancellation as asyncio's own: what runs then, for how long, and how it is counted."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

VUS = 2

HEAD = """
import asyncio
import contextlib
import sys
import rampa

count = [0]

def ready():
    count[0] += 1

def say(*words):
    print(*words, flush=True)

@contextlib.asynccontextmanager
async def resource(name):
    try:
        yield
    finally:
        await asyncio.sleep(0.001)
        say("released", name)

async def hang(name):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(0.001)
        say("cancelled", name)
        raise

async def numbers():
    try:
        yield 1
        await asyncio.sleep(3600)
        yield 2
    finally:
        await asyncio.sleep(0.001)
        say("generator closed")


@rampa.scenario(executor="constant-vus", vus=2, duration="1h", graceful_stop="1h")
async def waits(worker):
{body}


# The others are where they wait before the run ends.
@rampa.scenario(executor="constant-vus", vus=1, duration="1h", graceful_stop="1h")
async def ends(worker):
    while count[0] < 2:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    worker.abort()
"""

# name: body, and the lines that each VU says
CASES = {
    "task groups": (
        """
        async def inner():
            async with asyncio.TaskGroup() as group:
                group.create_task(hang("a"))
                group.create_task(hang("b"))
                ready()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(inner())
                group.create_task(hang("c"))
        finally:
            say("left", type(sys.exception() or sys.exc_info()[1]).__name__)
        """,
        ["cancelled a", "cancelled b", "cancelled c", "left CancelledError"],
    ),
    "a task group whose child fails at the cancellation": (
        """
        async def fail():
            try:
                await asyncio.sleep(3600)
            finally:
                raise ValueError("late")
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            ready()
        """,
        [],
    ),
    "gather": (
        """
        ready()
        await asyncio.gather(hang("a"), worker.sleep(3600), hang("b"), return_exceptions=True)
        say("not here")
        """,
        ["cancelled a", "cancelled b"],
    ),
    "shield": (
        """
        async def shielded():
            await asyncio.sleep(0.05)
            say("went on")
        task = worker.vu["task"] = asyncio.create_task(shielded())
        ready()
        try:
            await asyncio.shield(asyncio.sleep(3600))
        except asyncio.CancelledError:
            await task
            raise
        """,
        ["went on"],
    ),
    "timeout": (
        """
        ready()
        try:
            async with asyncio.timeout(3600):
                await hang("a")
        except TimeoutError:
            say("not here")
        """,
        ["cancelled a"],
    ),
    "wait_for": (
        """
        ready()
        try:
            await asyncio.wait_for(hang("a"), 3600)
        except TimeoutError:
            say("not here")
        """,
        ["cancelled a"],
    ),
    "async with, from the inside out": (
        """
        async with resource("outer"):
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(resource("inner"))
                with contextlib.suppress(Exception):
                    ready()
                    await worker.sleep(3600)
        """,
        ["released inner", "released outer"],
    ),
    "in an async generator": (
        """
        async for n in numbers():
            ready()
        """,
        ["generator closed"],
    ),
    "in the loop over an async generator": (
        """
        async with contextlib.aclosing(numbers()) as them:
            async for n in them:
                ready()
                await hang("a")
        """,
        ["cancelled a", "generator closed"],
    ),
    "except and raise": (
        """
        ready()
        try:
            await worker.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)
            say("cleaned up")
            raise
        """,
        ["cleaned up"],
    ),
    "another exception instead": (
        """
        ready()
        try:
            await worker.sleep(3600)
        finally:
            raise ValueError("late")
        """,
        [],
    ),
    "swallowed": (
        """
        ready()
        with contextlib.suppress(asyncio.CancelledError):
            await worker.sleep(3600)
        say("came to its end")
        """,
        ["came to its end"],
    ),
    "swallowed and waiting again": (
        """
        ready()
        while True:
            try:
                await worker.sleep(3600)
            except asyncio.CancelledError:
                say("no")
            except GeneratorExit:
                say("closed")
                raise
        """,
        ["no", "closed"],
    ),
    "clean-up that does not end": (
        """
        ready()
        try:
            await asyncio.sleep(3600)
        finally:
            say("begins")
            try:
                await asyncio.sleep(3600)
                say("not here")
            finally:
                say("ends")
        """,
        ["begins", "ends"],
    ),
    "what cancelling() says": (
        """
        ready()
        try:
            await asyncio.sleep(3600)
        finally:
            say("cancelling", asyncio.current_task().cancelling())
        """,
        ["cancelling 1"],
    ),
    "a lock": (
        """
        lock = asyncio.Lock()
        await lock.acquire()
        ready()
        try:
            async with lock:
                say("not here")
        finally:
            say("locked", lock.locked())
        """,
        ["locked True"],
    ),
    "a bare yield in a loop": (
        """
        ready()
        try:
            while True:
                await asyncio.sleep(0)
        finally:
            say("out of the loop")
        """,
        ["out of the loop"],
    ),
    "a future of its own": (
        """
        future = asyncio.get_running_loop().create_future()
        ready()
        try:
            await future
        finally:
            say("future", future.cancelled())
        """,
        ["future True"],
    ),
    "a group": (
        """
        with worker.group("slow"):
            ready()
            await worker.sleep(3600)
        """,
        [],
    ),
}


@pytest.mark.parametrize("loop", ["default", "epoll"])
@pytest.mark.parametrize("name", CASES)
def test_interrupted(rampa: Rampa, script: Script, name: str, loop: str) -> None:
    body, lines = CASES[name]
    script(HEAD.format(body=indent(dedent(body), "    ")))
    env = {} if loop == "default" else {"RAMPA_LOOP": loop}
    done = rampa("run", "script.py", out=True, code=4, env=env)
    result = done.result()
    said = done.stdout.split("rampa 0.", 1)[0].splitlines()
    assert Counter(said) == Counter({line: lines.count(line) * VUS for line in lines})
    assert [line for line in said if line in lines[:1]] == lines[:1] * VUS
    for row in result["accounting"]:
        count = VUS if row["scenario"] == "waits" else 1
        assert (row["started"], row["interrupted"], row["completed"], row["errors"]) == (count, count, 0, 0)
    assert result["errors"]["iterations"] == []
    assert done.count("iterations") == 0 and "group_duration" not in result["summary"]["metrics"]
    assert done.stderr == ""


def test_a_coroutine_that_cannot_be_closed_is_dropped(rampa: Rampa, script: Script) -> None:
    body = """
        ready()
        while True:
            try:
                await asyncio.sleep(3600)
            except BaseException:
                pass
    """
    script(HEAD.format(body=indent(dedent(body), "    ")))
    done = rampa("run", "script.py", out=True, code=4)
    (row,) = [row for row in done.result()["accounting"] if row["scenario"] == "waits"]
    assert (row["started"], row["interrupted"]) == (VUS, VUS)


def test_iterations_that_end_before_their_grace_are_complete(rampa: Rampa, script: Script) -> None:
    """The first stops at the regular end, and what is left of graceful_stop is not waited for."""
    script(
        "import rampa\n\n"
        '@rampa.scenario(executor="constant-vus", vus=2, duration="1s", graceful_stop="1h")\n'
        "async def a(worker):\n    await worker.sleep(1.1)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    (row,) = done.result()["accounting"]
    assert (row["started"], row["completed"], row["interrupted"]) == (2, 2, 0)
