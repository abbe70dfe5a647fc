# SPDX-License-Identifier: MIT
"""Processes that a script forks: they have no part in the run, whatever way they end."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

BACK = "came back to the event loop of the test"

HEAD = """
import asyncio, json, multiprocessing, os, subprocess, sys
import rampa

codes = {}


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def teardown():
    json.dump(codes, open("codes.json", "w"))

"""

# The body of an iteration that forks, and the exit code of its child.
CASES = {
    "exits": ("pid = os.fork() or os._exit(7)", 7),
    "comes_back": ("pid = os.fork()\nif not pid: return", 1),
    "raises": ("pid = os.fork()\nif not pid: raise ValueError('in the child')", 1),
    "sys_exit": ("pid = os.fork()\nif not pid: sys.exit(5)", 5),
    "sys_exit_with_a_text": ("pid = os.fork()\nif not pid: sys.exit('said by the child')", 1),
    "awaits": (
        """
        pid = os.fork()
        if not pid:
            try:
                await worker.sleep(0)
            except RuntimeError as error:
                os._exit(11 if "no part in the run" in str(error) else 12)
        """,
        11,
    ),
    "awaits_asyncio": ("pid = os.fork()\nif not pid: await asyncio.sleep(0)", 1),
    "measures": (
        """
        pid = os.fork()
        if not pid:
            worker.counter("never_told")
            worker.check(1, {"never told": True})
            os._exit(3)
        """,
        3,
    ),
}

SCENARIO = """
@rampa.scenario("{name}", executor="per-vu-iterations")
async def run_{name}(worker):
{body}
    codes["{name}"] = status_of(pid)

"""

OTHERS = """
@rampa.scenario(executor="per-vu-iterations")
def plain(worker):
    pid = os.fork()
    if pid:
        codes["plain"] = status_of(pid)


@rampa.scenario(executor="per-vu-iterations")
async def in_a_task(worker):
    async def fork():
        return os.fork()
    pid = await asyncio.create_task(fork())
    if pid:
        codes["in_a_task"] = status_of(pid)


@rampa.scenario(executor="per-vu-iterations")
async def made_by_libraries(worker):
    child = multiprocessing.get_context("fork").Process(target=sys.exit, args=(9,))
    child.start()
    child.join()
    codes["multiprocessing"] = child.exitcode
    codes["preexec_fn"] = subprocess.run([sys.executable, "-c", "raise SystemExit(4)"], preexec_fn=os.getpid).returncode
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(6)")
    codes["asyncio"] = await child.wait()


def setup():
    pid = os.fork()
    if pid:
        codes["setup"] = status_of(pid)
"""


def run(program: Path, folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text)
    return subprocess.run(
        [program, "run", "script.py", "--out", "result.json"], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_children_of_a_script(program: Path, tmp_path: Path) -> None:
    text = HEAD
    for name, (body, _) in CASES.items():
        text += SCENARIO.format(name=name, body=textwrap.indent(textwrap.dedent(body), "    "))
    done = run(program, tmp_path, text + OTHERS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "codes.json").read_text()) == {
        **{name: code for name, (_, code) in CASES.items()},
        **{"plain": 1, "in_a_task": 1, "setup": 1, "multiprocessing": 9, "preexec_fn": 4, "asyncio": 6},
    }
    # comes_back, raises, awaits_asyncio, plain, in_a_task, setup
    assert done.stderr.count(BACK) == 6, done.stderr
    assert "in the child" in done.stderr and "said by the child" in done.stderr, done.stderr
    result: dict[str, Any] = json.loads((tmp_path / "result.json").read_text())
    assert {row["completed"] for row in result["accounting"]} == {1}
    assert "never_told" not in result["summary"]["metrics"]


GUEST = """
import asyncio, os, sys
import rampa
from rampa.loader import TestPlan

FIELDS = rampa.ScenarioConfig(executor="per-vu-iterations", vus=2, iterations=2)
codes = []


async def back(worker):
    pid = os.fork()
    if pid:
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    await worker.sleep(0)


async def wait(worker):
    await worker.sleep(0.01)


async def run(function):
    return await rampa.Engine(TestPlan(scenarios={"forks": (FIELDS, function)}, config=rampa.Config())).start()


async def main():
    result = await (await run(back)).wait()
    assert result.status is rampa.RunStatus.PASSED, result.summary()
    # The program itself forks while a run is in progress: its child has nothing of it, and ends as it likes.
    controller = await run(wait)
    pid = os.fork()
    if not pid:
        del controller
        os._exit(21)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    result = await controller.wait()
    assert result.status is rampa.RunStatus.PASSED, result.summary()


asyncio.run(main())
assert codes == [1] * 4 + [21], codes
"""


def test_children_of_a_program_with_the_engine(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(GUEST)
    python = os.environ.get("RAMPA_PYTHON", sys.executable)
    done = subprocess.run([python, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count(BACK) == done.stderr.count("no part in the run") == 4, done.stderr
