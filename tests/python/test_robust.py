# SPDX-License-Identifier: MIT
"""The extension under scripts that do everything wrong: exceptions of Python, and never a crash, a hang or a spoilt run."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from leaks import CASES as LEAK_CASES
from leaks import left_by
from robust_cases import CASES, FAILING

HERE = Path(__file__).resolve().parent
SANITIZED = "RAMPA_SANITIZED" in os.environ
SECONDS = 120
RSS_MAX_GROWTH = 12 << 20  # of which 3 to 6 MiB are pages of histograms, and what is kept for the next iteration
GROWING = {"new tags", "options"}  # up to their bounds: series, pages of histograms

# Ways to run the same: another loop, Python's own checks, a collection of garbage at every chance.
WAYS = {
    "stock": {},
    "epoll": {"RAMPA_LOOP": "epoll"},
    "debug allocator": {"PYTHONMALLOC": "debug"},
    "dev mode": {"PYTHONDEVMODE": "1"},
    "gc stress": {"GC_STRESS": "1"},
}


@dataclass
class Ended:
    """A run that has ended."""

    code: int
    stdout: str
    stderr: str
    result: dict[str, Any]

    def errors(self) -> dict[str, str]:
        """The first traceback of each group of exceptions, by scenario."""
        return {group["scenario"]: group["traceback"] or group["message"] for group in self.result["errors"]["iterations"]}


@pytest.fixture
def run(program: Path, target: str, tmp_path: Path) -> Iterator[Callable[..., Ended]]:
    """run(TEXT, code, ...) runs a script that begins with all that robust_script.py has."""

    def start(text: str, code: int = 0, **env: str) -> Ended:
        (tmp_path / "script.py").write_text("from robust_script import *\n\n" + textwrap.dedent(text))
        done = subprocess.run(
            [program, "run", "script.py", "--out", "result.json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}:{HERE}", "TARGET": target, "NO_COLOR": "1", **env},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode != code:
            pytest.fail(f"exit code {done.returncode}, not {code}\n{done.stdout[-20000:]}\n{done.stderr[-20000:]}")
        return Ended(done.returncode, done.stdout, done.stderr, json.loads((tmp_path / "result.json").read_text()))

    yield start


# What Python rightly says something of, and what needs a thousand VUs.
MISTAKEN = {"misuse", "tasks", "interrupted", "refused"}


def scenario(name: str, body: str, fields: str = 'executor="per-vu-iterations"') -> str:
    text = textwrap.indent(textwrap.dedent(body), "    ")
    name_of_function = "run_" + name.replace("-", "_")
    return f'\n\n@rampa.scenario("{name}", {fields}, graceful_stop="5s")\nasync def {name_of_function}(worker):\n{text}\n'


def accounting(result: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {row["scenario"]: (row["completed"], row["errors"]) for row in result["accounting"]}


# ---- what iterations leave behind ---------------------------------------------------------------------------------------


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' allocator is not the one that counts blocks")
@pytest.mark.parametrize("kind", ["steady", "growing", "interrupted"])
def test_iterations_leave_nothing_behind(program: Path, target: str, tmp_path: Path, kind: str) -> None:
    """leaks.py does this for each case alone, with as many iterations as one likes."""
    others = {"growing": GROWING, "interrupted": {"interrupted"}}
    cases = list(others.get(kind) or LEAK_CASES.keys() - {"new urls"}.union(*others.values()))
    few, many = (left_by(program, target, cases, n, tmp_path) for n in (1000, 8000))
    assert many["iterations"] - few["iterations"] > (0 if kind == "interrupted" else 6900 * len(cases))
    # How many are interrupted is a matter of time: a machine that is busy misses ramps.
    # One block or one reference for each iteration of a single case would be more.
    assert many["blocks"] - few["blocks"] < 1000, (few, many)
    assert many["references"] - few["references"] < 1000, (few, many)
    if kind != "growing":
        assert many["rss"] - few["rss"] < RSS_MAX_GROWTH, (few, many)


# ---- misuse -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_misuse(run: Callable[..., Ended], way: str) -> None:
    """All cases at once, each with a VU of its own."""
    done = run("".join(scenario(name, body) for name, body in CASES.items()), **WAYS[way])
    assert accounting(done.result) == {name: (1, 0) for name in CASES}


@pytest.mark.parametrize("way", ["stock", "dev mode", "gc stress"])
def test_exceptions_that_end_iterations(run: Callable[..., Ended], way: str) -> None:
    fields = 'executor="per-vu-iterations", vus=2, iterations=3'
    done = run("".join(scenario(name, body, fields) for name, (body, _) in FAILING.items()), 2, **WAYS[way])
    assert accounting(done.result) == {name: (6, 6) for name in FAILING}
    told = {group["scenario"]: (group["type"], group["count"]) for group in done.result["errors"]["iterations"]}
    assert told == {name: (kind, 6) for name, (_, kind) in FAILING.items()}


@pytest.mark.parametrize("way", ["dev mode", "gc stress"])
def test_nothing_is_said_of_what_is_right(program: Path, target: str, tmp_path: Path, way: str) -> None:
    """No warning, no slip that the debug allocator sees, nothing that an exception could not leave."""
    cases = [case for case in LEAK_CASES if case not in MISTAKEN]
    left_by(program, target, cases, 100, tmp_path, PYTHONWARNINGS="always", **WAYS[way])
    assert (tmp_path / "stderr").read_text() == ""


@pytest.mark.parametrize("way", ["stock", "epoll", "debug allocator"])
def test_any_call_with_any_arguments(run: Callable[..., Ended], way: str) -> None:
    calls = 3000 if SANITIZED else 10000
    limit = "" if SANITIZED else "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))"  # MemoryError, not a machine that swaps
    body = f"""
        {limit}
        chance = random.Random(worker.execution.vu)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        for _ in range(10):
            things = await of_every_type(worker)
            things += [things[4].headers, things[4].timings, next(o for o in gc.get_objects() if type(o).__name__ == "Host")]
            fine = fuzz(chance, things, {calls // 10})
            assert fine > {calls // 100}, fine
            with contextlib.suppress(asyncio.CancelledError):  # it may have cancelled itself
                await asyncio.sleep(0)
        """
    done = run(scenario("fuzz", body, 'executor="per-vu-iterations", vus=3'), **WAYS[way])
    assert accounting(done.result) == {"fuzz": (3, 0)}
    assert "Exception ignored" not in done.stderr, done.stderr


# ---- imported more than once ----------------------------------------------------------------------------------------------

AGAIN = """
import asyncio, gc, importlib, sys, weakref
import rampa, rampa.engine
from rampa.loader import TestPlan


async def visit(worker):
    worker.check(1, {"one": lambda value: value == 1})


async def run(package):
    asyncio.get_running_loop().slow_callback_duration = 3600
    fields = package.ScenarioConfig(executor="per-vu-iterations", iterations=3)
    controller = await package.Engine(TestPlan(scenarios={"visit": (fields, visit)}, config=package.Config())).start()
    result = await controller.wait()
    assert result.status.value == "passed" and result.snapshot.values["checks"]["rate"] == 1, result.summary()


first = rampa
asyncio.run(run(first))
for name in [name for name in sys.modules if name.split(".")[0] in ("rampa", "_rampa")]:
    del sys.modules[name]
import rampa
from rampa.loader import TestPlan
import _rampa

assert rampa is not first and rampa.Worker is not first.Worker
asyncio.run(run(rampa))

try:
    import _xxsubinterpreters as interpreters
except ImportError:
    sys.exit()
for _ in range(3):
    other = interpreters.create()
    try:
        interpreters.run_string(other, "import _rampa, asyncio; assert _rampa.parse_threshold('p(95)<5')")
    except interpreters.RunFailedError as error:  # from Python 3.12 on an interpreter may want modules of another kind
        assert "does not support loading in subinterpreters" in str(error), error
    interpreters.destroy(other)
asyncio.run(run(rampa))
"""


def test_imported_more_than_once(tmp_path: Path) -> None:
    """By a program that forgets its modules, and in interpreters within the same process."""
    (tmp_path / "program.py").write_text(AGAIN)
    python = os.environ.get("RAMPA_PYTHON", sys.executable)
    done = subprocess.run([python, "-X", "dev", "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
