# SPDX-License-Identifier: MIT
"""Scripts that do not give control back: who is named and when, and that the run ends all the same.

The tests wait for what is said, and let scripts block until then: none depends on how fast the machine is.
"""
from __future__ import annotations

import os
import re
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from started import SECONDS, Started, warnings_of

Start = Callable[..., Started]
StartAll = Callable[[dict[str, str]], dict[str, Started]]


@pytest.fixture
def start_all(program: Path, tmp_path: Path) -> Iterator[StartAll]:
    """Runs several scripts at the same time: they do nothing but wait."""
    running: dict[str, Started] = {}

    def start(scripts: dict[str, str]) -> dict[str, Started]:
        for name, text in scripts.items():
            folder = tmp_path / re.sub(r"\W+", "-", name)
            folder.mkdir()
            (folder / "script.py").write_text(text)
            running[name] = Started([str(program), "run", "script.py"], folder)
        return running

    yield start
    for one in running.values():
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()

HEAD = """
import asyncio
import itertools
import os
import rampa
import socket
import subprocess
import threading
import time

def block():
    while not os.path.exists("go on"):
        time.sleep(0.001)

async def background():
    block()

"""
BLOCK_LINES = (12, 13)  # the loop of block()


def place(text: str, part: str) -> int:
    """The line of the script in which this stands."""
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


def scenario(body: str, fields: str = 'executor="per-vu-iterations", max_duration="1h"', kind: str = "async def") -> str:
    head = f"{HEAD}\n@rampa.scenario({fields})\n{kind} scene(worker):\n"
    return head + indent(dedent(body).strip(), "    ") + '\n\ndef teardown():\n    print("torn down", flush=True)\n'


# ---- what is said --------------------------------------------------------------------------------------------------


WHO = {
    "an iteration": ("block()", "scenario 'scene' (VU 1)"),
    "after an await": ("await asyncio.sleep(0.001); block()", "scenario 'scene' (VU 1)"),
    "a check": ('worker.check(1, {"looks": lambda value: block()})', "scenario 'scene' (VU 1)"),
    "a library that calls back": ("sorted([1, 2], key=lambda value: block() or value)", "scenario 'scene' (VU 1)"),
    "a task": ("await asyncio.create_task(background())", "a task of the script"),
    "a callback": ("asyncio.get_running_loop().call_soon(block); await asyncio.sleep(0)", "a task of the script"),
}


def test_who_blocks_is_named_at_once_and_at_the_end(start_all: StartAll) -> None:
    runs = start_all({name: scenario(code) for name, (code, _) in WHO.items()})
    for name, (_, who) in WHO.items():
        run = runs[name]
        run.wait_for(f"warning: {who} has not given control back for ")
        (run.out.parent / "go on").touch()
        assert run.end() == 0, name
        text = run.text.decode()
        said = re.findall(r"^warning: .* for (\d+\.\d) s: script\.py:(\d+) in block$", text, re.M)
        assert len(said) == 1 and float(said[0][0]) >= 2 and int(said[0][1]) in BLOCK_LINES, text
        pattern = rf"{re.escape(who)} blocked the event loop for (\d+\.\d) s at script\.py:1[23] in block; use await "
        (told,) = [re.match(pattern, text) for text in warnings_of(run.result())]
        assert told and float(told[1]) >= 2
        (row,) = run.result()["accounting"]
        assert (row["completed"], row["interrupted"], row["errors"]) == (1, 0, 0)


def test_two_iterations_in_a_row(start: Start, tmp_path: Path) -> None:
    """They follow each other without a turn of the loop in between."""
    body = """
        if worker.execution.iteration == 0:
            block()
        else:
            while not os.path.exists("go further"):
                time.sleep(0.001)
    """
    run = start(scenario(body, 'executor="per-vu-iterations", iterations=2, max_duration="1h"'))
    for times, name in ((1, "go on"), (2, "go further")):
        run.wait_for("warning: scenario 'scene' (VU 1) has not given control back for", times)
        (tmp_path / name).touch()
    assert run.end() == 0
    warnings = warnings_of(run.result())
    places = [re.search(r" blocked the event loop for .* s at script.py:\d+ in (\w+);", text) for text in warnings]
    assert {found and found[1] for found in places} == {"block", "scene"} and len(places) == 2, warnings


QUIET = {
    "a plain setup": "def setup():\n    block()\n",
    "an async setup": "async def setup():\n    block()\n",
    "module code": "block()\n",
    "a thread": "async def setup():\n    await asyncio.to_thread(block)\n",
}


def test_what_stops_nobody_is_not_mentioned(start_all: StartAll) -> None:
    """Hooks have a time limit of their own, loading has none."""
    head = ("def block", "began = time.monotonic()\n\ndef block")
    until = ('os.path.exists("go on")', "time.monotonic() > began + 2.6")
    texts = {name: (scenario("pass") + code).replace(*head).replace(*until) for name, code in QUIET.items()}
    for name, run in start_all(texts).items():
        assert run.end() == 0, name
        assert warnings_of(run.result()) == {}
        assert "warning" not in run.text.decode()


# ---- when the time is over -------------------------------------------------------------------------------------------


ENDLESS = {
    "an endless loop": "while True: pass",
    "a loop that catches exceptions": """
        while True:
            try:
                while True: pass
            except Exception:
                print("not here")
    """,
    "time.sleep": "time.sleep(3600)",
    "a socket": "ends = socket.socketpair(); ends[0].recv(1)",
    "a lock": "threading.Semaphore(0).acquire()",
    "another process": 'subprocess.run(["sleep", "3600"])',
    "a check": 'worker.check(1, {"looks": lambda value: time.sleep(3600)})',
    "after an await": "await asyncio.sleep(0.001); time.sleep(3600)",
    "clean-up that waits": """
        try:
            time.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            print("cleaned up")
    """,
}
FIELDS = 'executor="per-vu-iterations", vus=3, max_duration="1s", graceful_stop="0s"'


def line_of(code: str, text: str) -> int:
    """The line that blocks: the last one of those that could, for all that come before it return."""
    part = code if "\n" not in code else next(part for part in ("while True: pass", "time.sleep(3600)") if part in code)
    return place(text, part.split("; ")[-1])


def check_interrupted(run: Started, line: int) -> None:
    """All of them are, although only one has blocked the others."""
    assert run.end() == 0, run.text.decode()
    result = run.result()
    (row,) = result["accounting"]
    assert row["started"] + row["dropped"] == 3 and row["interrupted"] == row["started"] >= 1 and row["errors"] == 0
    warnings = [warning["text"] for warning in result["warnings"]]
    pattern = rf"scenario 'scene' \(VU \d\) blocked the event loop for \d+\.\d s at script\.py:{line} in \S+; "
    assert any(re.match(pattern + "interrupted because the time was over", text) for text in warnings), warnings
    text = run.text.decode()
    assert text.count("torn down\n") == 1 and "not here" not in text


def test_what_blocks_is_interrupted(start_all: StartAll) -> None:
    texts = {name: scenario(code, FIELDS) for name, code in ENDLESS.items()}
    texts["a plain function"] = scenario("while True: pass", FIELDS, "def")
    for name, run in start_all(texts).items():
        check_interrupted(run, line_of(ENDLESS.get(name, "while True: pass"), texts[name]))
        assert ("cleaned up\n" in run.text.decode()) == ("clean-up" in name)


def test_a_task_is_interrupted(start: Start) -> None:
    run = start(scenario("asyncio.create_task(background())\nawait asyncio.sleep(3600)", FIELDS))
    assert run.end() == 0
    (row,) = run.result()["accounting"]
    assert (row["started"], row["interrupted"]) == (3, 3)
    assert any(w["text"].startswith("a task of the script blocked the event loop") for w in run.result()["warnings"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_a_script_that_blocks(start: Start, number: int) -> None:
    body = 'print("blocks", flush=True)\nwhile True: pass'
    run = start(scenario(body, 'executor="constant-vus", vus=2, duration="1h", graceful_stop="0s"'))
    run.wait_for("blocks")
    run.signal(number)
    assert run.end() == 4
    assert run.text.decode().count("torn down\n") == 1
    assert run.result()["run"]["reason"] == "aborted by a signal"
    (row,) = run.result()["accounting"]
    assert row["started"] == row["interrupted"] >= 1


HOOKS = {
    "plain": "def {hook}():\n    time.sleep(3600)\n",
    "loop": "def {hook}():\n    while True: pass\n",
    "async": "async def {hook}():\n    await asyncio.sleep(0.001)\n    time.sleep(3600)\n",
    "swallowed": "def {hook}():\n    try: time.sleep(3600)\n    except Exception: pass\n",
}


@pytest.mark.parametrize(("hook", "code"), [("setup", 5), ("teardown", 7)])
def test_hooks_that_take_too_long(start_all: StartAll, hook: str, code: int) -> None:
    options = 'config = rampa.Config(options=rampa.Options(setup_timeout="1s", teardown_timeout="1s"))\n'
    head = scenario("pass").split("\ndef teardown")[0] + "\n" + options
    texts = {form: head + text.format(hook=hook) for form, text in HOOKS.items()}
    for form, run in start_all(texts).items():
        assert run.end() == code, form
        result = run.result()
        assert result["run"]["reason"] == f"{hook}() failed: TimeoutError: {hook}() took longer than 1 s"
        (group,) = result["errors"]["iterations"]
        lines = enumerate(texts[form].splitlines(), 1)
        line = next(i for i, part in lines if "3600" in part or "while True: pass" in part)
        assert group["place"] == f"script.py:{line} in {hook}"
        assert sum(row["started"] for row in result["accounting"]) == (hook == "teardown")


# ---- when nothing helps ------------------------------------------------------------------------------------------------


SWALLOWS = """
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass
"""
KEEPS_THE_LOCK = 'print("blocks", flush=True)\nsum(itertools.repeat(1))'


def test_what_cannot_be_interrupted_is_killed(start_all: StartAll) -> None:
    """The last place it was seen at is among its last words."""
    swallows = scenario(SWALLOWS, 'executor="per-vu-iterations", max_duration="1s", graceful_stop="0s"')
    keeps = scenario(KEEPS_THE_LOCK, 'executor="per-vu-iterations", max_duration="1h", graceful_stop="0s"')
    runs = start_all({"swallows": swallows, "keeps the lock": keeps})
    runs["keeps the lock"].wait_for("blocks")
    runs["keeps the lock"].signal(signal.SIGINT)
    assert runs["swallows"].end() == 9
    reason = runs["swallows"].result()["run"]["reason"]
    assert reason.startswith("the worker did not stop in time and was killed; its last words: ")
    assert f"script.py:{place(swallows, 'time.sleep(3600)')} in scene" in reason
    assert runs["keeps the lock"].end() == 4
    result: dict[str, Any] = runs["keeps the lock"].result()
    assert result["run"]["reason"] == "aborted by a signal"
    assert list(warnings_of(result)) == ["the worker did not stop in time and was killed"]


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(3600)"])
def test_a_worker_that_blocks_does_not_outlive_its_program(start: Start, body: str) -> None:
    run = start(scenario(f'print("blocks", os.getpid(), flush=True)\n{body}'))
    fd = os.pidfd_open(int(run.wait_for("blocks")[1]))
    run.signal(signal.SIGKILL)
    run.process.wait(SECONDS)
    ready, _, _ = select.select([fd], [], [], SECONDS)
    os.close(fd)
    assert ready
