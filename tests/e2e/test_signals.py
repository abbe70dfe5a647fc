# SPDX-License-Identifier: MIT
"""What ends a run from outside: signals to the program, and the death of its worker."""
from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from started import SECONDS, Started


LONG = """
import asyncio
import os
import sys
import rampa

{top}

@rampa.scenario(executor="constant-vus", vus=3, duration="1h", graceful_stop="{graceful_stop}")
async def a(worker):
    if worker.execution.iteration == 5:
        print("started", os.getpid(), flush=True)
    {body}

def teardown():
    print("torn down", flush=True)
"""


def long(body: str = "await asyncio.sleep(0.01)", graceful_stop: str = "30s", top: str = "") -> str:
    return LONG.format(body=body, graceful_stop=graceful_stop, top=top)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_the_run_gracefully(start: Callable[..., Started], number: int) -> None:
    run = start(long())
    run.wait_for("started")
    run.signal(number)
    assert run.end() == 4
    text = run.text.decode()
    assert "torn down\n" in text
    assert "exit code 4" in text and "iteration_duration" in text
    result = run.result()
    assert (result["run"]["status"], result["run"]["reason"]) == ("stopped", "aborted by a signal")
    (row,) = result["accounting"]
    assert row["holds"] and row["interrupted"] == 0 and row["completed"] >= 6


def test_a_terminal_that_goes_away_ends_it_gracefully(start: Callable[..., Started], tmp_path: Path) -> None:
    run = start(long())
    run.wait_for("started")
    run.signal(signal.SIGHUP)
    assert run.end() == 4
    assert "torn down\n" in run.text.decode()
    assert (run.result()["run"]["status"], run.result()["run"]["reason"]) == ("stopped", "aborted by a signal")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".rampa-")]


def test_with_nohup_it_goes_on(start: Callable[..., Started]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a child inherits that
    try:
        run = start(long().replace('"1h"', '"700ms"'))
    finally:
        signal.signal(signal.SIGHUP, before)
    run.wait_for("started")
    run.signal(signal.SIGHUP)
    assert run.end() == 0
    assert run.result()["run"]["status"] == "passed"


def test_a_killed_program_leaves_no_file(start: Callable[..., Started], tmp_path: Path) -> None:
    """Where the file system has files without a name, which is nearly everywhere."""
    try:
        os.close(os.open(tmp_path, os.O_WRONLY | os.O_TMPFILE))
    except OSError:
        pytest.skip("this file system has no files without a name")
    run = start(long())
    run.wait_for("started")
    run.signal(signal.SIGKILL)
    run.process.wait(SECONDS)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".rampa-")]


WAITS = [
    (signal.SIGINT, "30s", "stopping: waiting for the iterations that run, 10.0s at most, then for teardown(); a second Ctrl-C ends them at once\n"),
    (signal.SIGTERM, "2s", "stopping: waiting for the iterations that run, 2.00s at most, then for teardown(); a second signal ends them at once\n"),
]


@pytest.mark.parametrize(("number", "graceful_stop", "said"), WAITS)
def test_the_first_signal_says_what_is_waited_for(
    start: Callable[..., Started], number: int, graceful_stop: str, said: str
) -> None:
    run = start(long(graceful_stop=graceful_stop))
    run.wait_for("started")
    run.signal(number)
    assert run.end() == 4
    assert run.text.decode().count(said) == 1


def test_running_iterations_have_graceful_stop_to_end(start: Callable[..., Started]) -> None:
    body = """
    print("waiting", flush=True)
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaned up", flush=True)
"""
    run = start(long(body.strip(), graceful_stop="200ms").replace("iteration == 5", "iteration == 99"))
    run.wait_for("waiting", times=3)
    run.signal(signal.SIGINT)
    assert run.end() == 4
    assert run.text.decode().count("cleaned up\n") == 3
    (row,) = run.result()["accounting"]
    assert (row["started"], row["interrupted"], row["completed"]) == (3, 3, 0)


def test_the_second_signal_ends_it_at_once(start: Callable[..., Started]) -> None:
    body = "print('waiting', flush=True); await asyncio.sleep(3600)"
    run = start(long(body, graceful_stop="1h").replace("iteration == 5", "iteration == 99"))
    run.wait_for("waiting")
    run.signal(signal.SIGINT)
    run.signal(signal.SIGTERM)  # another one: two equal ones that are both waiting are one to the system
    assert run.end() == 4
    assert "torn down" not in run.text.decode()
    assert run.result()["run"]["exit_code"] == 4


def test_the_second_signal_ends_even_a_script_that_never_yields(start: Callable[..., Started]) -> None:
    run = start(long("print('waiting', flush=True)\n    while True: pass").replace("iteration == 5", "iteration == 99"))
    run.wait_for("waiting")
    run.signal(signal.SIGINT)
    run.signal(signal.SIGTERM)
    assert run.end() == 4
    assert run.result()["run"]["exit_code"] == 4


def test_a_signal_during_loading(start: Callable[..., Started]) -> None:
    run = start("import time\nprint('loading', flush=True)\ntime.sleep(3600)\n")
    run.wait_for("loading")
    run.signal(signal.SIGINT)
    assert run.end() == 4
    assert "Traceback" not in run.text.decode()
    assert not [path for path in run.out.parent.iterdir() if path.name.startswith(".rampa-")]


SETUP = """
import asyncio
import os
import rampa

async def {hook}():
    print("in hook", flush=True)
    while not os.path.exists("go on"):
        await asyncio.sleep(0.01)
    print("hook done", flush=True)

{other}

@rampa.scenario(executor="per-vu-iterations")
async def a(worker):
    print("iteration", flush=True)
"""


def test_a_signal_during_setup(start: Callable[..., Started], tmp_path: Path) -> None:
    """set-up ends, no iteration starts, teardown undoes what set-up did."""
    run = start(SETUP.format(hook="setup", other='def teardown(): print("torn down", flush=True)'))
    run.wait_for("in hook")
    run.signal(signal.SIGTERM)
    run.wait_until_taken()
    (tmp_path / "go on").touch()
    assert run.end() == 4
    assert run.text.decode().splitlines()[:4] == [
        "in hook",
        "stopping: waiting for setup(), 1m00s at most, then for teardown(); a second signal ends it at once",
        "hook done",
        "torn down",
    ]
    assert run.result()["accounting"] == [] or run.result()["accounting"][0]["started"] == 0


def test_a_second_signal_during_setup(start: Callable[..., Started]) -> None:
    run = start(SETUP.format(hook="setup", other=""))
    run.wait_for("in hook")
    run.signal(signal.SIGINT)
    run.signal(signal.SIGTERM)
    assert run.end() == 4
    assert run.result()["run"]["status"] == "stopped"


def test_a_signal_during_teardown(start: Callable[..., Started], tmp_path: Path) -> None:
    run = start(SETUP.format(hook="teardown", other=""))
    run.wait_for("in hook")
    run.signal(signal.SIGINT)
    run.wait_until_taken()
    (tmp_path / "go on").touch()
    assert run.end() == 4
    assert "hook done\n" in run.text.decode()
    assert run.result()["accounting"][0]["completed"] == 1


def test_a_second_signal_during_teardown(start: Callable[..., Started]) -> None:
    run = start(SETUP.format(hook="teardown", other=""))
    run.wait_for("in hook")
    run.signal(signal.SIGINT)
    run.signal(signal.SIGTERM)
    assert run.end() == 4
    assert run.result()["accounting"] == [] or run.result()["accounting"][0]["holds"]


def test_a_keyboard_interrupt_reaches_the_program_only(start: Callable[..., Started]) -> None:
    """Ctrl-C goes to the whole foreground group: the worker must not die of it before it has torn down."""
    run = start(long())
    words = run.wait_for("started")
    assert os.getpgid(int(words[1])) != os.getpgid(run.process.pid)
    run.signal(signal.SIGINT)
    assert run.end() == 4
    assert "KeyboardInterrupt" not in run.text.decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_is_killed(start: Callable[..., Started], number: int) -> None:
    run = start(long(top='print("famous last words", file=sys.stderr)'))
    pid = int(run.wait_for("started")[1])
    os.kill(pid, number)
    assert run.end() == 9
    reason = run.result()["run"]["reason"]
    assert reason.startswith(f"worker 1 (process {pid}) was killed by signal {int(number)} (")
    assert "its last words: famous last words" in reason
    assert run.result()["run"]["status"] == "internal_error"


def test_a_script_that_exits_the_process(start: Callable[..., Started]) -> None:
    run = start(long("print('gone', file=sys.stderr, flush=True); os._exit(3)"))
    assert run.end() == 9
    reason = run.result()["run"]["reason"]
    assert "exited with status 3; its last words: gone" in reason


def test_a_worker_that_dies_while_loading(start: Callable[..., Started]) -> None:
    run = start("import os, sys\nprint('oh no', file=sys.stderr, flush=True)\nos._exit(4)\n")
    assert run.end() == 9
    text = run.text.decode()
    assert "oh no\n" in text and "exited with status 4 before the test began" in text


def test_no_process_outlives_the_program(start: Callable[..., Started]) -> None:
    """Killed, the program cannot clean up: its worker ends by itself."""
    run = start(long())
    pid = int(run.wait_for("started")[1])
    fd = os.pidfd_open(pid)
    run.signal(signal.SIGKILL)
    run.process.wait(SECONDS)
    ready, _, _ = select.select([fd], [], [], SECONDS)
    os.close(fd)
    assert ready
