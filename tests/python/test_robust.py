# SPDX-License-Identifier: MIT
"""The extension under scripts that do everything wrong: exceptions of Python, and never a crash, a hang or a spoilt run."""
from __future__ import annotations

import json
import os
import subprocess
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


def scenario(name: str, body: str, fields: str = 'executor="per-vu-iterations"') -> str:
    text = textwrap.indent(textwrap.dedent(body), "    ")
    name_of_function = "run_" + name.replace("-", "_")
    return f'\n\n@rampa.scenario("{name}", {fields}, graceful_stop="5s")\nasync def {name_of_function}(worker):\n{text}\n'


def accounting(result: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {row["scenario"]: (row["completed"], row["errors"]) for row in result["accounting"]}


# ---- what iterations leave behind ---------------------------------------------------------------------------------------


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' allocator is not the one that counts blocks")
def test_iterations_leave_nothing_behind(program: Path, target: str, tmp_path: Path) -> None:
    """leaks.py does this for each case alone, with as many iterations as one likes."""
    cases = [case for case in LEAK_CASES if case != "new urls"]  # 4096 of them are kept
    few, many = (left_by(program, target, cases, n, tmp_path) for n in (1000, 2500))
    # One block for each iteration of a single case would be 1500.
    assert many["blocks"] - few["blocks"] < 1000, (few, many)
    assert many["references"] - few["references"] < 1000, (few, many)


# ---- misuse -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["", "epoll"])
def test_misuse(run: Callable[..., Ended], loop: str) -> None:
    """All cases at once, each with a VU of its own."""
    done = run("".join(scenario(name, body) for name, body in CASES.items()), **({"RAMPA_LOOP": loop} if loop else {}))
    assert accounting(done.result) == {name: (1, 0) for name in CASES}


def test_exceptions_that_end_iterations(run: Callable[..., Ended]) -> None:
    fields = 'executor="per-vu-iterations", vus=2, iterations=3'
    done = run("".join(scenario(name, body, fields) for name, (body, _) in FAILING.items()), 2)
    assert accounting(done.result) == {name: (6, 6) for name in FAILING}
    told = {group["scenario"]: (group["type"], group["count"]) for group in done.result["errors"]["iterations"]}
    assert told == {name: (kind, 6) for name, (_, kind) in FAILING.items()}


@pytest.mark.parametrize("loop", ["", "epoll"])
def test_any_call_with_any_arguments(run: Callable[..., Ended], loop: str) -> None:
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
    done = run(scenario("fuzz", body, 'executor="per-vu-iterations", vus=3'), **({"RAMPA_LOOP": loop} if loop else {}))
    assert accounting(done.result) == {"fuzz": (3, 0)}
    assert "Exception ignored" not in done.stderr, done.stderr
