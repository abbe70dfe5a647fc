# SPDX-License-Identifier: MIT
"""Which samples belong to a group: those of the task that is in its block, and of tasks made there."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HEAD = """
import asyncio
import contextlib
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def visit(worker):
"""
RUNS = 6


def groups_of(rampa: Rampa, script: Script, body: str) -> dict[str, set[str]]:
    """The groups in which each check was made; a check of each iteration has its name and its place."""
    script(HEAD + "".join(f"    {line}\n" for line in body.strip().splitlines()))
    done = rampa("run", "script.py", out=True, code=0).result()
    found: dict[str, set[str]] = {}
    for check in done["checks"]:
        found.setdefault(check["name"], set()).add(check["group"])
        assert (check["passes"], check["fails"]) == (RUNS, 0), check
    return found


def test_groups_in_tasks_side_by_side(rampa: Rampa, script: Script) -> None:
    """One begins, another begins inside of it in time, the first one ends first."""
    body = """
async def one(name, wait):
    with worker.group(name):
        worker.check(1, {"begins " + name: True})
        await asyncio.sleep(wait)
        worker.check(1, {"ends " + name: True})
await asyncio.gather(one("a", 0.01), one("b", 0.02))
with worker.group("after"):
    worker.check(1, {"after": True})
worker.check(1, {"none": True})
"""
    assert groups_of(rampa, script, body) == {
        "begins a": {"::a"}, "begins b": {"::b"}, "ends a": {"::a"}, "ends b": {"::b"}, "after": {"::after"}, "none": {""},
    }  # fmt: skip


def test_tasks_have_the_group_in_which_they_were_made(rampa: Rampa, script: Script) -> None:
    body = """
async def late(name):
    await worker.sleep(0.005)
    worker.check(1, {name: True})
    with worker.group("own"):
        await asyncio.sleep(0)
        worker.check(1, {name + " own": True})
with worker.group("outer"):
    with worker.group("inner"):
        inner = asyncio.create_task(late("inner"))
    outer = asyncio.create_task(late("outer"))
    await asyncio.sleep(0)
worker.check(1, {"none": True})
await asyncio.gather(inner, outer)
worker.check(1, {"still none": True})
"""
    assert groups_of(rampa, script, body) == {
        "inner": {"::outer::inner"}, "inner own": {"::outer::inner::own"}, "outer": {"::outer"},
        "outer own": {"::outer::own"}, "none": {""}, "still none": {""},
    }  # fmt: skip


@pytest.mark.parametrize("wait", ["", "await worker.sleep(0.001)", "await asyncio.sleep(0)"])
def test_groups_of_one_task(rampa: Rampa, script: Script, wait: str) -> None:
    body = f"""
worker.check(1, {{"before": True}})
with worker.group("a") as a:
    {wait}
    worker.check(worker.tags, {{"a": lambda tags: tags["group"] == "::a"}})
    with worker.group("b"):
        {wait}
        worker.check(1, {{"b": True}})
    {wait}
    worker.check(1, {{"a again": True}})
{wait}
with a:
    worker.check(1, {{"a once more": True}})
worker.check(worker.tags, {{"none": lambda tags: "group" not in tags}})
"""
    assert groups_of(rampa, script, body) == {
        "before": {""}, "a": {"::a"}, "b": {"::a::b"}, "a again": {"::a"}, "a once more": {"::a"}, "none": {""},
    }  # fmt: skip


def test_groups_that_are_not_left_as_they_were_entered(rampa: Rampa, script: Script) -> None:
    """Neither the next iteration nor what comes later in this one is in a group that is over."""
    body = """
worker.check(1, {"before": True})
a, b = worker.group("a"), worker.group("b")
a.__enter__(), b.__enter__()
a.__exit__(None, None, None)
worker.check(1, {"b": True})
b.__exit__(None, None, None)
worker.check(1, {"none": True})
async def numbers():
    with worker.group("generator"):
        yield 1
        yield 2
async for _ in numbers():
    break
await asyncio.sleep(0.01)  # asyncio closes the generator in a task of its own
with contextlib.suppress(ZeroDivisionError), worker.group("fails"):
    1 / 0
worker.check(1, {"after": True})
worker.group("never left").__enter__()
await asyncio.sleep(0)
worker.check(1, {"never left": True})
"""
    assert groups_of(rampa, script, body) == {
        "before": {""}, "b": {"::a::b"}, "none": {""}, "after": {""}, "never left": {"::never left"},
    }  # fmt: skip


def test_requests_and_metrics_have_the_group(rampa: Rampa, script: Script, target: str) -> None:
    body = f"""
async def get(name):
    with worker.group(name):
        await worker.http.get("{target}/json", name="r")
        worker.counter("seen", 1)
await asyncio.gather(get("a"), get("b"), get("a"))
worker.counter("seen", 10)
"""
    script(
        "import rampa\nconfig = rampa.Config(thresholds={"
        '"http_reqs{group:::a}": ["count==12"], "http_reqs{group:::b}": ["count==6"], "seen{group:::a}": ["count==12"], '
        '"seen": ["count==78"]})\n' + HEAD + "".join(f"    {line}\n" for line in body.strip().splitlines())
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.metrics()["group_duration"]["count"] == 3 * RUNS
