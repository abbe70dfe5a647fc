# SPDX-License-Identifier: MIT
"""How iterations and runs end before their time: exceptions anywhere, worker.abort(), interruption, scripts that block."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]


def accounting(done: Finished) -> dict[str, int]:
    (row,) = done.result()["accounting"]
    assert row["holds"]
    return {key: row[key] for key in ("started", "completed", "interrupted", "dropped", "errors")}


# ---- what a function returns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["(1, 2)", "()", "[]", "'text'", "0", "{'a': 1}"])
@pytest.mark.parametrize("async_", ["", "async "])
def test_what_an_iteration_returns_is_dropped(rampa: Rampa, script: Script, async_: str, value: str) -> None:
    fields = 'executor="shared-iterations", iterations=3'
    script(f"import rampa\n@rampa.scenario({fields})\n{async_}def a(worker):\n    return {value}\n")
    done = rampa("run", "script.py", out=True, code=0)
    assert accounting(done) == {"started": 3, "completed": 3, "interrupted": 0, "dropped": 0, "errors": 0}


# ---- exceptions, wherever they are raised ----------------------------------------------------------------------------


EVERYWHERE = """
import asyncio
import rampa

class Odd(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")

def fail():
    raise {what}

async def fail_later():
    await asyncio.sleep(0)
    fail()

{module}

{async_setup}def setup(worker):
    {setup}

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=2)
{async_scenario}def scene(worker):
    {scenario}

{async_teardown}def teardown(worker):
    print("torn down")
    {teardown}
"""

RAISED = {
    'ValueError("bad")': ("ValueError", "bad"),
    "KeyboardInterrupt": ("KeyboardInterrupt", ""),
    "SystemExit(3)": ("SystemExit", "3"),
    'Odd("bad")': ("Odd", "bad"),
    "asyncio.CancelledError": ("CancelledError", ""),
    "Mute()": ("Mute", "(its text cannot be had)"),
}

# place: the code there, and whether functions are async
PLACES = {
    "module": ("module", "fail()", ""),
    "setup": ("setup", "fail()", ""),
    "async setup": ("setup", "await fail_later()", "async "),
    "scenario": ("scenario", "fail()", ""),
    "async scenario": ("scenario", "await fail_later()", "async "),
    "gather": ("scenario", "await asyncio.gather(fail_later())", "async "),
    "awaited task": ("scenario", "await asyncio.create_task(fail_later())", "async "),
    "finally": ("scenario", "\n    try: await asyncio.sleep(0)\n    finally: fail()", "async "),
    "teardown": ("teardown", "fail()", ""),
    "async teardown": ("teardown", "await fail_later()", "async "),
}
EXIT = {"module": 3, "setup": 5, "scenario": 2, "teardown": 7}


def everywhere(place: str, code: str, async_: str, what: str) -> str:
    fields = {key: "pass" for key in ("module", "setup", "scenario", "teardown")}
    fields |= {"async_setup": "", "async_scenario": "async ", "async_teardown": ""}
    if f"async_{place}" in fields:
        fields[f"async_{place}"] = async_
    return EVERYWHERE.format(**(fields | {place: code}), what=what)


@pytest.mark.parametrize("what", RAISED)
@pytest.mark.parametrize("name", PLACES)
def test_exceptions_everywhere(rampa: Rampa, script: Script, name: str, what: str) -> None:
    place, code, async_ = PLACES[name]
    kind, text = RAISED[what]
    said = f"{kind}: {text}" if text else kind
    script(everywhere(place, code, async_, what))
    done = rampa("run", "script.py", out=True, code=EXIT[place])
    assert done.stdout.count("torn down\n") == (place != "module")
    if place == "module":
        assert f"script.py:13: {said}\n" in done.stderr
        assert not done.out.exists()
        return
    result = done.result()
    (group,) = result["errors"]["iterations"]
    assert (group["type"], group["message"]) == (kind, text)
    if kind != "CancelledError":  # asyncio makes a new one where a task is awaited
        assert group["place"] == "script.py:13 in " + ("fail" if place == "scenario" else place)
    if place == "scenario":
        assert (group["scenario"], group["count"]) == ("scene", 4)
        assert group["traceback"].endswith("\n(first in iteration 0 of scenario 'scene', VU 1)")
        assert accounting(done) == {"started": 4, "completed": 4, "interrupted": 0, "dropped": 0, "errors": 4}
        assert result["run"]["reason"] == "4 iterations raised an exception"
    else:
        assert result["run"]["reason"] == f"{place}() failed: {said}"
        assert (group["scenario"], group["count"]) == (place, 1)


@pytest.mark.parametrize("what", RAISED)
def test_exceptions_in_predicates(rampa: Rampa, script: Script, what: str) -> None:
    """A check that raises has failed; what is no Exception goes on its way."""
    kind, text = RAISED[what]
    is_failed_check = kind in ("ValueError", "Mute")
    script(everywhere("scenario", 'worker.check(1, {"looks": lambda value: fail()})', "async ", what))
    done = rampa("run", "script.py", out=True, code=0 if is_failed_check else 2)
    if is_failed_check:
        assert done.metrics()["checks"]["rate"] == 0
        assert f"check 'looks' raised {kind}: {text} (it counts as failed)" in " ".join(done.stdout.split())
    else:
        assert done.result()["errors"]["iterations"][0]["type"] == kind


@pytest.mark.parametrize("what", ["SystemExit(3)", "KeyboardInterrupt"])
@pytest.mark.parametrize(
    "code", ["asyncio.create_task(fail_later())", "asyncio.get_running_loop().call_soon(fail)"], ids=["task", "callback"]
)
def test_exits_that_nobody_waits_for(rampa: Rampa, script: Script, code: str, what: str) -> None:
    """asyncio lets them out of its loop: they end neither the worker nor the run."""
    script(everywhere("scenario", code + "; await asyncio.sleep(0.01)", "async ", what))
    done = rampa("run", "script.py", out=True, code=0)
    assert accounting(done)["completed"] == 4
    assert "does not end the run; use worker.abort() (4 times)" in " ".join(done.stdout.split())


# ---- where an iteration is -------------------------------------------------------------------------------------------


STAGES = {
    'executor="ramping-vus", start_vus=1, stages=[("1h", 1)]': 0,
    'executor="ramping-vus", start_vus=0, stages=[("0s", 1), ("0s", 2), ("1h", 1)]': 2,
    'executor="ramping-arrival-rate", rate=1000, stages=[("0s", 1000), ("1h", 1000)], pre_allocated_vus=1': 1,
    'executor="constant-arrival-rate", rate=1000, duration="1h", pre_allocated_vus=1': None,
    'executor="constant-vus", vus=1, duration="1h"': None,
}


@pytest.mark.parametrize("fields", STAGES)
def test_the_stage(rampa: Rampa, script: Script, fields: str) -> None:
    script(
        f"import rampa\n@rampa.scenario({fields})\nasync def a(worker):\n    await worker.sleep(0.001)\n"
        "    print('stage', worker.execution.stage)\n    worker.abort()\n"
        "def setup(worker): print('setup', worker.execution.stage)\n"
    )
    done = rampa("run", "script.py", "--quiet", code=4)
    assert done.stdout.splitlines()[:2] == ["setup None", f"stage {STAGES[fields]}"]


# ---- worker.abort() --------------------------------------------------------------------------------------------------


ABORT = """
import asyncio
import rampa
from rampa.errors import RunAborted

waiting = []

def setup(worker):
    {setup}

@rampa.scenario(executor="constant-vus", vus=3, duration="1h", graceful_stop="1h")
{async_}def waits(worker):
    {wait}

@rampa.scenario(executor="constant-vus", vus=1, duration="1h", graceful_stop="1h")
async def acts(worker):
    while len(waiting) < 3:
        await asyncio.sleep(0.001)
    {act}

def teardown(worker):
    print("torn down")
    {teardown}
"""
WAIT = """
    try:
        waiting.append(worker)
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
        print("interrupted")
        raise"""


def abort(**parts: str) -> str:
    fields = {"setup": "pass", "wait": WAIT, "act": "pass", "teardown": "pass", "async_": "async "}
    return ABORT.format(**(fields | parts))


def aborted(done: Finished, reason: str) -> dict[str, Any]:
    result = done.result()
    assert (result["run"]["status"], result["run"]["reason"]) == ("stopped", reason)
    assert result["errors"]["iterations"] == []
    return {row["scenario"]: row for row in result["accounting"]}


ACTS = {
    "at once": 'worker.abort("enough")\n    print("not here")',
    "by keyword": 'worker.abort(reason="enough")',
    "except Exception": 'try: worker.abort("enough")\n    except Exception: print("not here")',
    "finally": 'try: worker.abort("enough")\n    finally: await asyncio.sleep(0.01); print("cleaned up")',
    "swallowed": 'try: worker.abort("enough")\n    except RunAborted: await asyncio.sleep(3600)',
    "in a check": 'worker.check(1, {"looks": lambda value: worker.abort("enough")})',
    "in a group": 'with worker.group("g"): worker.abort("enough")',
    "in a task": 'await asyncio.create_task(later(worker))\n    print("not here")',
    "in a task that nobody awaits": 'kept = asyncio.create_task(later(worker))\n    await asyncio.sleep(3600)',
    "in a task group": "\n    async with asyncio.TaskGroup() as tasks: tasks.create_task(later(worker))"
    '\n    await asyncio.sleep(0.02); print("not here")',
    "of another VU": 'waiting[0].abort("enough")',
    "twice": 'try: worker.abort("enough")\n    finally: worker.abort("once more")',
}
LATER = '\nasync def later(worker):\n    await asyncio.sleep(0.001)\n    worker.abort("enough")\n'


@pytest.mark.parametrize("name", ACTS)
def test_abort(rampa: Rampa, script: Script, name: str) -> None:
    script(abort(act=ACTS[name]) + LATER)
    done = rampa("run", "script.py", out=True, code=4)
    lines = done.stdout.splitlines()
    assert "not here" not in lines and lines.count("torn down") == 1
    assert lines.count("interrupted") == 3
    assert lines.count("cleaned up") == (name == "finally")
    rows = aborted(done, "aborted by the script: enough")
    for scenario, count in (("waits", 3), ("acts", 1)):
        assert rows[scenario]["started"] == rows[scenario]["interrupted"] == count, rows
    assert done.stderr == ""
    assert "STOPPED: aborted by the script: enough (exit code 4: stopped)" in done.stdout


def test_abort_in_a_plain_function(rampa: Rampa, script: Script) -> None:
    script(abort(async_="", wait='worker.abort("enough")\n    print("not here")'))
    done = rampa("run", "script.py", out=True, code=4)
    assert "not here" not in done.stdout and "torn down\n" in done.stdout
    rows = aborted(done, "aborted by the script: enough")
    assert rows["waits"]["started"] == rows["waits"]["interrupted"] == 1  # none begins after it


@pytest.mark.parametrize("code", ['worker.abort("enough")', "worker.abort()", 'worker.abort("")'])
def test_abort_in_setup(rampa: Rampa, script: Script, code: str) -> None:
    script(abort(setup=code))
    done = rampa("run", "script.py", out=True, code=4)
    rows = aborted(done, "aborted by the script" + (": enough" if "enough" in code else ""))
    assert all(row["started"] == 0 for row in rows.values())
    assert "torn down\n" in done.stdout


def test_abort_in_teardown(rampa: Rampa, script: Script) -> None:
    script(abort(act='worker.abort("enough")', teardown='worker.abort("more")\n    print("not here")'))
    done = rampa("run", "script.py", out=True, code=4)
    aborted(done, "aborted by the script: enough")
    script(
        "import rampa\n@rampa.scenario(executor='per-vu-iterations')\nasync def a(worker): pass\n"
        "def teardown(worker): worker.abort('too late')\n"
    )
    done = rampa("run", "script.py", out=True, code=4)
    aborted(done, "aborted by the script: too late")
    assert done.count("iterations") == 1


WRONG = {
    "worker.abort(3)": "TypeError: abort() takes the reason as a str, not int",
    'worker.abort("a", "b")': "TypeError: abort() takes one argument, the reason",
    'worker.abort(why="a")': "TypeError: abort() takes one argument, the reason",
    'await asyncio.to_thread(worker.abort, "a")': "RuntimeError: abort() must be called in the thread of the event loop",
}


@pytest.mark.parametrize("code", WRONG)
def test_abort_called_wrongly(rampa: Rampa, script: Script, code: str) -> None:
    script(
        "import asyncio\nimport rampa\n@rampa.scenario(executor='per-vu-iterations', iterations=2)\n"
        f"async def a(worker):\n    {code}\n"
    )
    done = rampa("run", "script.py", out=True, code=2)
    (group,) = done.result()["errors"]["iterations"]
    assert f"{group['type']}: {group['message']}" == WRONG[code]
    assert group["count"] == 2


def test_a_long_reason_is_cut_between_characters(rampa: Rampa, script: Script) -> None:
    script(abort(setup='worker.abort("a" + "\\u00fc" * 5000)'))
    reason = rampa("run", "script.py", out=True, code=4).result()["run"]["reason"]
    assert reason == "aborted by the script: a" + "ü" * 499


def test_an_exception_before_the_abort_keeps_its_place(rampa: Rampa, script: Script) -> None:
    """The first failure that ends the run decides; exceptions of iterations are judged after it."""
    script(abort(act='\n    if worker.execution.iteration == 3: worker.abort("enough")\n    raise ValueError("bad")'))
    done = rampa("run", "script.py", out=True, code=4)
    result = done.result()
    assert result["run"]["reason"] == "aborted by the script: enough"
    assert [group["count"] for group in result["errors"]["iterations"]] == [3]
