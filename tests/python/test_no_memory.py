# SPDX-License-Identifier: MIT
"""Iterations in which one allocation fails, whichever: they end by MemoryError, and the run goes on."""
from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from robust_cases import NO_MEMORY

HERE = Path(__file__).resolve().parent
SANITIZED = "RAMPA_SANITIZED" in os.environ

# Each case runs N times; in the n-th the n-th allocation from its start fails, that of what comes after it included.
HEAD = """
from robust_script import *
{setup}

async def case(worker, n):
    await CASES[n // N](worker, n % N)


@rampa.scenario(executor="per-vu-iterations", vus=1, iterations={total}, max_duration="10m")
async def every_allocation(worker):
    n = worker.execution.iteration
    fail_none()
    fail_at(n % N)
    await case(worker, n)


def teardown():
    fail_none()
"""

PYTHONS_OWN = """
import _testcapi

fail_none = _testcapi.remove_mem_hooks


def fail_at(n):
    _testcapi.set_nomemory(n, n + 1)
"""

EXTENSIONS = """
import ctypes

_fail = ctypes.CDLL(None).rampa_fail_at
_fail.argtypes, _fail.restype = [ctypes.c_uint64], ctypes.c_uint64


def fail_at(n):
    _fail(n + 1)


def fail_none():
    failures = _fail(0)
    print("failed so far:", failures)
"""

# What would be a NULL that nobody looked at, or half an object.
NEVER = {"SystemError", "TypeError", "AttributeError", "KeyError", "NameError", "AssertionError"}


# When a callback of asyncio itself lacks the memory to end what an iteration waits for, nothing ends it.
WAITS_FOR_ASYNCIO = {"groups of tasks", "a group that is never left"}


def script(setup: str, each: int, cases: dict[str, str]) -> str:
    text = HEAD.format(setup=setup, total=each * len(cases))
    names = ["case_" + name.replace(" ", "_") for name in cases]
    for name, body in zip(names, cases.values()):
        text += f"\n\nasync def {name}(worker, n):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    return text + f"\nN, CASES = {each}, [{', '.join(names)}]\n"


def run(program: Path, target: str, folder: Path, text: str, **env: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    (folder / "script.py").write_text(text)
    done = subprocess.run(
        [program, "run", "script.py", "--out", "result.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}:{HERE}", "TARGET": target, "NO_COLOR": "1", **env},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (2, 9), done.stdout + done.stderr
    return done, json.loads((folder / "result.json").read_text())


def check(done: subprocess.CompletedProcess[str], result: dict[str, Any], count: int) -> None:
    assert [(row["completed"], row["interrupted"]) for row in result["accounting"]] == [(count, 0)], done.stdout + done.stderr
    told = {group["type"] for group in result["errors"]["iterations"]}
    assert "MemoryError" in told and not told & NEVER, done.stdout
    assert "SystemError" not in done.stderr, done.stderr


def test_no_allocation_of_python_is_taken_for_granted(program: Path, target: str, tmp_path: Path) -> None:
    if not importlib.util.find_spec("_testcapi"):
        pytest.skip("this Python has no _testcapi")
    each = 150
    cases = {name: body for name, body in NO_MEMORY.items() if name not in WAITS_FOR_ASYNCIO}
    done, result = run(program, target, tmp_path, script(PYTHONS_OWN, each, cases))
    check(done, result, each * len(cases))
    assert done.returncode == 2, done.stdout + done.stderr


@pytest.mark.skipif(SANITIZED, reason="the sanitizers have a malloc of their own")
def test_no_allocation_of_the_extension_is_taken_for_granted(program: Path, target: str, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    library = tmp_path / "failing_malloc.so"
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", HERE / "failing_malloc.c", "-o", library], check=True)
    each = 30
    done, result = run(program, target, tmp_path, script(EXTENSIONS, each, NO_MEMORY), LD_PRELOAD=str(library))
    check(done, result, each * len(NO_MEMORY))
    failures = [int(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("failed so far:")]
    assert failures[-1] > 20, done.stdout
    # Either all is told, or that it is not.
    assert done.returncode == 2 or "could not report all that it measured: Cannot allocate memory" in done.stdout, done.stdout
