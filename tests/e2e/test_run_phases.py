# SPDX-License-Identifier: MIT
"""SIGINT once and twice in every phase of a run: how it ends, and that nothing stays behind."""
from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from finished import check_result
from started import SECONDS, Started, wait_until_taken

Start = Callable[..., Started]

PHASES = """
import asyncio
import os
import subprocess
import time
import rampa

child = subprocess.Popen(["sleep", "3600"])
print("pids", os.getpid(), child.pid, flush=True)

def block():
    print("here", flush=True)
    while not os.path.exists("go on"):
        time.sleep(0.001)

async def wait():
    print("here", flush=True)
    while not os.path.exists("go on"):
        await asyncio.sleep(0.001)

{loading}

{async_}def setup():
    {setup}
    print("set up", flush=True)

@rampa.scenario(executor="{executor}", {duration} graceful_stop="1h")
{async_}def scene(worker):
    {iteration}
    print("iterated", flush=True)

{async_}def teardown():
    {teardown}
    print("torn down", flush=True)
"""

ALL = ["set up", "iterated", "torn down"]
# What has been said at the end, after one signal and after two.
SAID = {
    "loading": ([], []),
    "setup": (["set up", "torn down"], []),
    "iteration": (ALL, ["set up"]),
    "teardown": (ALL, ["set up", "iterated"]),
}


def phases(phase: str, is_async: bool) -> str:
    fields = {name: "pass" for name in SAID} | {"async_": "async " if is_async else ""}
    is_endless = phase == "iteration"
    fields["executor"] = "constant-vus" if is_endless else "per-vu-iterations"
    fields["duration"] = 'duration="1h",' if is_endless else ""
    return PHASES.format(**(fields | {phase: "await wait()" if is_async else "block()"}))


def is_gone(pid: int) -> bool:
    """Whether a process has ended; nobody may have waited for it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pids: list[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not all(is_gone(int(pid)) for pid in pids):
        assert time.monotonic() < deadline, f"of {pids} some are still there"
        time.sleep(0.01)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("form", ["plain", "async"])
@pytest.mark.parametrize("phase", SAID)
def test_a_signal_in_every_phase(start: Start, tmp_path: Path, phase: str, form: str, times: int) -> None:
    if (phase, form) == ("loading", "async"):
        pytest.skip("a module's code is not async")
    run = start(phases(phase, form == "async"))
    run.wait_for("here")
    run.signal(signal.SIGINT)
    run.wait_until_taken()
    if times == 2:
        run.signal(signal.SIGINT)
    elif phase != "loading":
        (tmp_path / "go on").touch()
    assert run.end() == 4
    lines = run.text.decode().splitlines()
    # A worker that has been blocked begins further iterations until it reads that it should not.
    assert list(dict.fromkeys(line for line in lines if line in ALL)) == SAID[phase][times - 1]
    assert lines.count("torn down") <= 1
    assert "Traceback" not in run.text.decode()
    wait_until_gone(run.wait_for("pids")[1:])
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".rampa-")]
    if phase == "loading":
        assert not run.out.exists()
        return
    told = run.result()["run"]
    is_cut = times == 2
    reason = "aborted at once by a second signal, without teardown" if is_cut else "aborted by a signal"
    assert (told["status"], told["exit_code"], told["reason"]) == ("stopped", 4, reason)


def test_what_a_script_leaves_running_ends_with_it(start: Start) -> None:
    run = start(phases("setup", False).replace("block()\n", "pass\n"))
    assert run.end() == 0
    wait_until_gone(run.wait_for("pids")[1:])


WRITING = """
import rampa

@rampa.scenario(executor="per-vu-iterations")
async def scene(worker):
    pass

def teardown():
    print("x" * 3999)
"""


@pytest.fixture
def writing(program: Path, script: Callable[..., Path], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A rampa that cannot get rid of its summary: the pipe is full."""
    script(WRITING)
    words = [program, "run", "script.py", "--out", "result.json"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    assert fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096) == 4096
    while not (tmp_path / "result.json").exists():
        assert process.poll() is None
        time.sleep(0.001)
    yield process
    process.kill()
    process.communicate()


def test_a_signal_while_results_are_written_comes_too_late(writing: subprocess.Popen[bytes], tmp_path: Path) -> None:
    writing.send_signal(signal.SIGINT)
    wait_until_taken(writing)
    text, _ = writing.communicate(timeout=SECONDS)
    assert writing.returncode == 0
    assert b"NOT JUDGED" in text
    check_result(json.loads((tmp_path / "result.json").read_text()))


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_while_results_are_written_ends_it(
    writing: subprocess.Popen[bytes], tmp_path: Path, second: int
) -> None:
    writing.send_signal(signal.SIGINT)
    wait_until_taken(writing)
    writing.send_signal(second)
    assert writing.wait(SECONDS) == -second
    check_result(json.loads((tmp_path / "result.json").read_text()))
