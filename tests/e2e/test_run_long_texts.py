# SPDX-License-Identifier: MIT
"""Texts of the script that are megabytes long: they are cut, and everything else is told."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HEAD = """
import rampa

BIG = "x" * 2_000_000
LINES = "\\n".join(["y" * 70] * 30_000)

def fail(error): raise error
"""
SCENARIO = '@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=2)\nasync def visit(worker):\n    '

# what the scenario does, and the exit code
ITERATIONS = {
    "message": ("raise RuntimeError(BIG)", 2),
    "lines": ("raise RuntimeError(LINES)", 2),
    "type": ("raise type(BIG, (Exception,), {})('short')", 2),
    "cause": ("raise ValueError('short') from KeyError(BIG)", 2),
    "group": ("raise ExceptionGroup(BIG, [ValueError(BIG), TypeError('short')])", 2),
    "check": ("worker.check(1, {BIG: True})", 0),
    "predicate": ("worker.check(1, {BIG: lambda value: fail(ValueError(BIG))})", 0),
    "tag": ("worker.counter('seen', 1, tags={'kind': BIG, BIG: 'value'})", 0),
    "name": ("await worker.http.get('http://127.0.0.1:1/', name=BIG, raise_errors=False)", 1),
    "coroutine": ("\n    async def f(): pass\n    f.__name__ = f.__qualname__ = BIG\n    f()", 0),
    "output": ("print(BIG)", 0),
}


@pytest.mark.parametrize("kind", ITERATIONS)
def test_iterations(rampa: Rampa, script: Script, kind: str) -> None:
    code, exit_code = ITERATIONS[kind]
    script(HEAD + SCENARIO + code + "\n")
    done = rampa("run", "script.py", out=True, code=exit_code)
    assert done.count("iterations") == 2 and "\nGenerator: " in done.stdout
    assert len(done.out.read_text()) < 60_000 and done.stderr == ""
    assert kind == "output" or len(done.stdout) < 60_000
    if exit_code == 2:
        (group,) = done.result()["errors"]["iterations"]
        assert group["count"] == 2 and "script.py" in group["place"] and "in visit" in group["traceback"]
        assert "characters left out" in group["message"] + group["type"] + group["traceback"]


@pytest.mark.parametrize(
    "code, exit_code",
    [
        ("def setup(): raise ValueError(BIG)", 5),
        ("def setup(): return {BIG: fail}", 0),
        ("def teardown(): raise ValueError(BIG)", 7),
        ("def setup(worker): worker.abort(BIG)", 4),
    ],
)
def test_hooks(rampa: Rampa, script: Script, code: str, exit_code: int) -> None:
    script(HEAD + SCENARIO + "pass\n" + code + "\n")
    done = rampa("run", "script.py", out=True, code=exit_code)
    assert len(done.stdout) < 60_000 and len(done.out.read_text()) < 60_000
    assert exit_code == 0 or "xxx" in done.result()["run"]["reason"]


@pytest.mark.parametrize("code", ["raise ValueError(BIG)", 'exec("1 +" + BIG + ")")'])
def test_loading(rampa: Rampa, script: Script, code: str) -> None:
    script(HEAD + code + "\n")
    done = rampa("check", "script.py", code=1)
    assert done.stderr.startswith("error: ") and len(done.stderr) < 30_000 and "script.py" in done.stderr
