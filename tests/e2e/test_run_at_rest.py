# SPDX-License-Identifier: MIT
"""VUs at rest: the bytes that each needs, and that nothing shows of what is made for a VU only when it is used."""
from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from test_run_asyncio import HEAD, write

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

# ---- bytes ------------------------------------------------------------------------------------------------------------

ASLEEP = """
import itertools
import rampa

VUS = 50_000
begun = itertools.count(1)

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * {page}

async def sleeper(worker):
    if next(begun) == VUS:
        everybody.append(1)
    await {sleep}(600)

async def judge(worker):
    if not everybody:
        await worker.sleep(0.01)
        return
    print("bytes", (resident() - before) // VUS)
    worker.abort()

everybody = []
rampa.scenario(executor="constant-vus", vus=VUS, duration="600s", graceful_stop="0s")(sleeper)
rampa.scenario(executor="constant-vus", vus=1, duration="600s", graceful_stop="0s")(judge)
import asyncio
before = resident()
"""

RECEIVES = """
import ctypes
import rampa

class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Mallinfo2

@rampa.scenario(executor="shared-iterations", vus=1, iterations=1)
async def count(worker):
    before = mallinfo2().hblks
    block = bytes(256 * 1024)  # what asyncio's transports receive into
    print("mapped", mallinfo2().hblks - before)
"""


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer's allocator needs more")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("sleep", "most"), [("worker.sleep", 700), ("asyncio.sleep", 900)])
def test_bytes_of_a_vu_asleep(rampa: Rampa, script: Script, sleep: str, most: int) -> None:
    """All told: what the process grows by, from the script's last line to the moment when all of them sleep."""
    script(ASLEEP.format(sleep=sleep, page=os.sysconf("SC_PAGE_SIZE")))
    done = rampa("run", "script.py", "--quiet", timeout=300)
    assert "bytes" in done.stdout, done
    assert 100 < int(done.stdout.split("bytes")[1].split()[0]) <= most


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer has an allocator of its own")
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33")
def test_what_asyncio_receives_into_is_not_mapped_each_time(rampa: Rampa, script: Script) -> None:
    script(RECEIVES)
    assert "mapped 0\n" in rampa("run", "script.py", "--quiet", code=0).stdout


def test_the_benchmark_runs(program: Path) -> None:
    bench = Path(__file__).resolve().parent.parent.parent / "bench/run"
    argv = [str(bench), "rest", "--rampa", str(program), "--vus", "50", "--starts", "1", "--rounds", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done
    for row in ("worker.sleep()", "asyncio.sleep()", "(a task of plain asyncio)", "to the first iteration"):
        assert re.search(rf"^  {re.escape(row)} +[0-9]", done.stdout, re.M), done


# ---- what is made on first use ----------------------------------------------------------------------------------------

# Timers that are due at once though they were set for different times: `stall` blocks the loop until all are.
DUE_AT_ONCE = """
        loop = asyncio.get_running_loop()
        async def due_at_once(arrange):
            while True:
                order, late = [], []
                began = time.monotonic()
                def stall():
                    late.append(time.monotonic() - began > 0.05)
                    time.sleep(0.2)
                await arrange(order, stall)
                await asyncio.sleep(0.01)
                if not late[0]:
                    return order
"""

CASES = {
    "sleepers wake in the order of their times": DUE_AT_ONCE
    + """
        async def nap(order, seconds, name):
            await asyncio.sleep(seconds)
            order.append(name)
        async def arrange(order, stall):
            early = asyncio.create_task(nap(order, 0.1, "early"))
            late = asyncio.create_task(nap(order, 0.12, "late"))
            loop.call_later(0.09, order.append, "first")
            loop.call_later(0.125, order.append, "call")
            await asyncio.sleep(0)
            loop.call_soon(stall)
            await asyncio.sleep(0.11)
            order.append("mine")
            await asyncio.gather(early, late)
        order = await due_at_once(arrange)
        # A call is made when its timer is due; whoever sleeps goes on one round later.
        assert order == ["first", "call", "early", "mine", "late"], order
    """,
    "a sleep that is cancelled when it is due": DUE_AT_ONCE
    + """
        task = asyncio.current_task()
        async def arrange(order, stall):
            loop.call_later(0.11, task.cancel)
            loop.call_soon(stall)
            try:
                await asyncio.sleep(0.1)
                order.append("slept")
            except asyncio.CancelledError:
                order.append("cancelled")
                task.uncancel()
            await worker.sleep(0.01)
            order.append("on")
        assert await due_at_once(arrange) == ["cancelled", "on"]
    """,
    "a timer that is set after many were cancelled": """
        loop = asyncio.get_running_loop()
        for _ in range(3):
            for handle in [loop.call_later(3600, print) for _ in range(300)]:
                handle.cancel()
            await asyncio.sleep(0.001)
            await worker.sleep(0.001)
            await asyncio.sleep(0.001)
            await worker.sleep(0.001)
            assert await asyncio.wait_for(asyncio.sleep(0.001, "slept"), 3000) == "slept"
    """,
    "sleeps that are cancelled are let go": """
        sleepers = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(500)]
        await asyncio.sleep(0.001)
        for task in sleepers:
            task.cancel()
        await asyncio.wait(sleepers)
        await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)
        assert all(task.cancelled() for task in sleepers)
        assert len(asyncio.get_running_loop()._scheduled) < 250
    """,
    "what asyncio.sleep takes": """
        from fractions import Fraction
        assert asyncio.iscoroutinefunction(asyncio.sleep) and asyncio.sleep is asyncio.tasks.sleep
        for delay in (0.001, 0, -1, -float("inf"), True - 1, Fraction(1, 1000)):
            assert await asyncio.sleep(delay, "result") == "result"
        for delay in (None, "1", 1j):
            with suppress(TypeError):
                await asyncio.sleep(delay)
                raise AssertionError(delay)
        with suppress(OverflowError):
            await asyncio.sleep(10 ** 400)
            raise AssertionError("slept for ever")
        never = asyncio.create_task(asyncio.sleep(float("inf")))
        await asyncio.sleep(0.001)
        assert never.cancel()
        began = time.monotonic()
        await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(100)))
        assert time.monotonic() - began >= 0.01
    """,
    "the loop of a thread": """
        async def other():
            task = asyncio.current_task()
            await asyncio.sleep(0.001)
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: calls.append(asyncio.current_task()))
            await asyncio.sleep(0)
            assert type(task) is asyncio.Task and asyncio.current_task() is task
            return await asyncio.sleep(0.001, "slept")
        def outside():
            try:
                return asyncio.current_task()
            except RuntimeError:
                return "no loop"
        calls = []
        assert await asyncio.to_thread(asyncio.run, other()) == "slept" and calls == [None]
        assert await asyncio.to_thread(outside) == "no loop"
    """,
    "one task": """
        loop, seen = asyncio.get_running_loop(), []
        task = asyncio.current_task()
        assert task is asyncio.tasks.current_task() is asyncio.current_task(loop) is asyncio.current_task(None)
        loop.call_soon(lambda: seen.append(asyncio.current_task()))
        await asyncio.sleep(0.001)
        assert seen == [None] and asyncio.current_task() is task and isinstance(task, asyncio.Future)
        assert {task: 1}[task] == 1 and weakref.ref(task)() is task
    """,
    "a variable that is set and reset": """
        var = shared.setdefault("var", contextvars.ContextVar("var"))
        for pause in (worker.sleep, asyncio.sleep):
            token = var.set(worker.execution.vu)
            await pause(0.002)
            assert var.get() == worker.execution.vu
            var.reset(token)
            assert var.get(None) is None
            var.reset(var.set("at once"))
            await pause(0.002)
            assert var.get(None) is None
    """,
    "the context of the task": """
        var = contextvars.ContextVar("var")
        context = asyncio.current_task().get_context()
        assert context is asyncio.current_task().get_context()
        var.set(worker.execution.vu)
        await worker.sleep(0.002)
        assert context[var] == worker.execution.vu and context is asyncio.current_task().get_context()
    """,
    "many VUs use all of it": """
        async with asyncio.timeout(60):
            with worker.group("g"):
                worker.vu["n"] = worker.vu.get("n", 0) + 1
                assert worker.vu["n"] == worker.execution.iteration_in_vu + 1
                assert worker.tags["group"] == "::g" and worker.env["TARGET"] == url
                assert (await worker.http.get(url + "/json")).status == 200 and worker.http is worker.http
        assert "group" not in worker.tags
        left = worker.group("never left")
        left.__enter__()
        assert worker.tags["group"] == "::never left"
    """,
}


@pytest.mark.parametrize("name", CASES)
def test_in_a_vu(rampa: Rampa, script: Script, target: str, name: str) -> None:
    vus = 1 if "stall" in CASES[name] or "_scheduled" in CASES[name] else 3  # others would be in the way
    write(script, CASES[name], vus=vus, iterations=2)
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target}, timeout=60)
    assert done.count("iterations") == 2 * vus
    assert done.stderr == ""


ONLY_VUS = {"many VUs use all of it", "the context of the task"}  # tasks have get_context() from Python 3.12 on


@pytest.mark.parametrize("name", sorted(CASES.keys() - ONLY_VUS))
def test_in_setup(rampa: Rampa, script: Script, target: str, name: str) -> None:
    """The same in an ordinary task: what asyncio's own would do, a VU does."""
    body = textwrap.indent(textwrap.dedent(CASES[name]).replace("worker.execution.vu", "0"), "    ")
    script(
        HEAD.format(vus=1, iterations=1).split("\n@rampa")[0]
        + f"\nasync def setup(worker):\n{body}\n\n"
        + '@rampa.scenario(executor="per-vu-iterations")\nasync def case(worker): pass\n'
    )
    done = rampa("run", "script.py", "--quiet", env={"TARGET": target}, code=0, timeout=60)
    # The one scenario makes no request, which a run always says.
    assert [line for line in done.stderr.splitlines() if not line.startswith("warning: no request was made")] == []


def test_variables_that_the_script_sets_as_it_is_loaded(rampa: Rampa, script: Script) -> None:
    script(
        textwrap.dedent("""
        import contextvars
        import rampa
        var = contextvars.ContextVar("var")
        var.set("module")

        @rampa.scenario(executor="per-vu-iterations", vus=5, iterations=2)
        async def each(worker):
            mine = worker.execution.vu
            assert var.get() == (mine if worker.execution.iteration_in_vu else "module"), var.get()
            var.set(mine)
            await worker.sleep(0.002)
            assert var.get() == mine
        """)
    )
    assert rampa("run", "script.py", out=True, code=0).count("iterations") == 10


def test_interrupting_vus_that_had_nothing(rampa: Rampa, script: Script) -> None:
    """What cancelling needs is made when it comes to it: clean-up runs, and knows that it was a cancellation."""
    script(
        textwrap.dedent("""
        import asyncio
        import rampa
        ends = []

        @rampa.scenario(executor="constant-vus", vus=300, duration="300ms", graceful_stop="0s")
        async def sleeper(worker):
            try:
                await (worker.sleep(600) if worker.execution.vu % 2 else asyncio.sleep(600))
            except asyncio.CancelledError:
                ends.append(asyncio.current_task().cancelling())
                raise

        async def teardown():
            assert ends == [1] * 300, ends
        """)
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.count("interrupted_iterations") == 300
