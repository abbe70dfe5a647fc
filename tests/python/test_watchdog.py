# SPDX-License-Identifier: MIT
"""What the watchdog says, without a process that is stuck: the frames are those of the test."""
from __future__ import annotations

import asyncio
import os
import sys
import threading
import types
from typing import Any

import pytest
from rampa import _watchdog


class Host:
    def __init__(self) -> None:
        self.is_running = True
        self.worker: Any = types.SimpleNamespace(execution=types.SimpleNamespace(scenario="shop", vu=3))
        self.silence = 0.0
        self.warnings: list[str] = []

    def running(self) -> tuple[bool, Any]:
        return self.is_running, self.worker

    def overdue(self) -> float:
        return self.silence

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Hooks:
    def __init__(self) -> None:
        self.host = Host()
        self.hook: Any = None

    def place(self, code: types.CodeType, line: int) -> str:
        return f"{os.path.basename(code.co_filename)} in {code.co_name}"


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def dog(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> _watchdog.Watchdog:
    monkeypatch.setattr(_watchdog.time, "monotonic", lambda: hooks.host.__dict__.setdefault("clock", 0.0))
    return _watchdog.Watchdog(hooks)  # type: ignore[arg-type]


def here(dog: _watchdog.Watchdog, seconds: float) -> bool:
    return dog.stuck(seconds)


def there(dog: _watchdog.Watchdog, seconds: float) -> bool:
    return dog.stuck(seconds)


HERE = "test_watchdog.py in here"
REMEDY = "; use await worker.sleep() or asyncio.to_thread()"


def test_first_and_further_times(hooks: Hooks, dog: _watchdog.Watchdog, capfd: pytest.CaptureFixture[str]) -> None:
    assert here(dog, 2.04)
    assert capfd.readouterr().err == f"warning: scenario 'shop' (VU 3) has not given control back for 2.0 s: {HERE}\n"
    dog.unstuck(5.26)
    for seconds in (2.1, 4.9, 5.0, 29.0, 3600.0, 9000.0):
        here(dog, 2)
        dog.unstuck(seconds)
    dog.unstuck(3)  # nobody has seen where: then it was code that kept the lock
    assert capfd.readouterr().err == ""
    again = "scenario 'shop' blocked the event loop again, for"
    assert hooks.host.warnings == [
        f"scenario 'shop' (VU 3) blocked the event loop for 5.3 s at {HERE}{REMEDY}",
        f"{again} 2 s or more at {HERE}{REMEDY}",
        f"{again} 2 s or more at {HERE}{REMEDY}",
        f"{again} 5 s or more at {HERE}{REMEDY}",
        f"{again} 10 s or more at {HERE}{REMEDY}",
        f"{again} 1800 s or more at {HERE}{REMEDY}",
        f"{again} 1800 s or more at {HERE}{REMEDY}",
        "something that keeps Python's lock, such as a computation in C, blocked the event loop for 3.0 s" + REMEDY,
    ]


def test_a_place_is_shown_once_a_minute(
    hooks: Hooks, dog: _watchdog.Watchdog, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for clock, function in ((0, here), (59, here), (59.5, there), (60, here), (61, here), (120, there), (120, here)):
        hooks.host.__dict__["clock"] = clock
        function(dog, 2)
        shown.append(capfd.readouterr().err.count("warning: "))
    assert shown == [1, 0, 1, 1, 0, 1, 1]


def test_the_number_of_places_is_bounded(
    hooks: Hooks, dog: _watchdog.Watchdog, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(300):
        monkeypatch.setattr(hooks, "place", lambda code, line, i=i: f"place {i}")
        here(dog, 2)
        dog.unstuck(3)
    assert capfd.readouterr().err.count("warning: ") == len(hooks.host.warnings) == 100


def test_hooks_and_loading(hooks: Hooks, dog: _watchdog.Watchdog, capfd: pytest.CaptureFixture[str]) -> None:
    hooks.host.is_running = False
    hooks.host.worker = None
    assert not here(dog, 1000)  # loading
    hooks.hook = types.SimpleNamespace(name="setup", timeout=60.0)
    assert not here(dog, 59)
    dog.unstuck(59)
    assert hooks.host.warnings == [] and capfd.readouterr().err == ""
    assert here(dog, 61)
    assert capfd.readouterr().err == f"warning: setup() has not given control back for 61.0 s: {HERE}\n"


def test_short_blocks_are_told_in_sum(hooks: Hooks, dog: _watchdog.Watchdog, capfd: pytest.CaptureFixture[str]) -> None:
    def block(seconds: float) -> None:
        dog.sampled()
        dog.unstuck(seconds)

    def once(seconds: float) -> None:
        dog.sampled()
        dog.unstuck(seconds)

    for seconds in (0.25, 0.1, 0.0, 1.5):
        block(seconds)
    once(0.1)  # not worth a word
    dog.unstuck(0.5)  # nobody has seen it
    dog.tell_blocks()
    assert hooks.host.warnings == []  # while it runs
    hooks.host.is_running = False
    block(1.0)
    for _ in range(2):
        dog.tell_blocks()
    assert capfd.readouterr().err == ""
    assert hooks.host.warnings == [
        "scenario 'shop' blocked the event loop 3 times, for 1.85 s in all and 1.50 s at the longest, at "
        "test_watchdog.py in block" + REMEDY,
        "something that could not be looked at, such as a computation in C, blocked the event loop for 0.50 s" + REMEDY,
    ]


def test_what_no_warning_names_is_not_judged(hooks: Hooks, dog: _watchdog.Watchdog) -> None:
    """The worker notes what is returned: how many blocks, and how long they were."""

    def block(seconds: float) -> tuple[int, float]:
        dog.sampled()
        return dog.unstuck(seconds)

    assert block(0.0) == (0, 0.0)
    assert block(0.125) == (0, 0.0)  # one short block is not mentioned
    assert block(0.25) == (2, 0.375)  # but two are, and so is the first
    assert block(0.125) == (1, 0.125)
    assert dog.unstuck(0.25) == (1, 0.25)  # long enough alone
    assert dog.unstuck(3.0) == (1, 3.0)


def test_without_a_place_there_is_no_comma_before_the_remedy(hooks: Hooks, dog: _watchdog.Watchdog) -> None:
    dog.unstuck(0.25)
    dog.unstuck(0.5)
    hooks.host.is_running = False
    dog.tell_blocks()
    assert hooks.host.warnings == [
        "something that could not be looked at, such as a computation in C, blocked the event loop 2 times, "
        "for 0.75 s in all and 0.50 s at the longest" + REMEDY
    ]


def test_a_sample_is_forgotten_with_its_block(hooks: Hooks, dog: _watchdog.Watchdog) -> None:
    dog.sampled()
    dog.unstuck(0.0)
    dog.unstuck(0.3)
    hooks.host.is_running = False
    dog.tell_blocks()
    assert [text.split(",")[0] for text in hooks.host.warnings] == ["something that could not be looked at"]


def test_the_number_of_short_blocks_is_bounded(
    hooks: Hooks, dog: _watchdog.Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(300):
        monkeypatch.setattr(hooks, "place", lambda code, line, i=i: f"place {i}")
        dog.sampled()
        dog.unstuck(0.3)
    hooks.host.is_running = False
    dog.tell_blocks()
    assert len(hooks.host.warnings) == 101
    assert hooks.host.warnings[0].startswith("code at further places blocked the event loop 200 times, for 60.00 s in all")


def test_tasks(hooks: Hooks, dog: _watchdog.Watchdog, capfd: pytest.CaptureFixture[str]) -> None:
    hooks.host.worker = None
    assert here(dog, 2)
    assert "a task of the script has not" in capfd.readouterr().err


def test_another_thread_is_looked_at(hooks: Hooks, dog: _watchdog.Watchdog, capfd: pytest.CaptureFixture[str]) -> None:
    """As in a worker: who asks is not who is stuck."""
    thread = threading.Thread(target=here, args=(dog, 2))
    thread.start()
    thread.join()
    assert f"2.0 s: {HERE}" not in capfd.readouterr().err


# ---- when the time is over -------------------------------------------------------------------------------------------


def test_a_loop_that_turns_is_left_alone(hooks: Hooks, dog: _watchdog.Watchdog) -> None:
    dog.overdue(0, sys._getframe())
    dog.overdue(0, None)
    assert hooks.host.warnings == []


def test_what_is_in_the_way_is_cancelled(hooks: Hooks, dog: _watchdog.Watchdog) -> None:
    hooks.host.silence = 1.5
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            dog.overdue(0, sys._getframe())
    where = "test_watchdog.py in test_what_is_in_the_way_is_cancelled"
    end = "interrupted because the time was over"
    assert hooks.host.warnings == [f"scenario 'shop' (VU 3) blocked the event loop for 1.5 s at {where}; {end}"]
    dog.unstuck(3)  # all is said
    assert len(hooks.host.warnings) == 1


def test_a_hook_that_is_in_the_way_is_cancelled(hooks: Hooks, dog: _watchdog.Watchdog) -> None:
    hooks.hook = types.SimpleNamespace(name="setup", timeout=60.0, overdue=False)
    hooks.host.silence = 1.5
    with pytest.raises(asyncio.CancelledError):
        dog.overdue(0, sys._getframe())
    assert hooks.hook.overdue and hooks.host.warnings == []


def test_code_of_the_library_is_not_interrupted(hooks: Hooks, dog: _watchdog.Watchdog) -> None:
    """Nothing of the script is on the stack: asyncio's own frames, say."""
    hooks.host.silence = 1.5
    frames: list[types.FrameType] = []
    code = compile("frames.append(sys._getframe())", os.__file__, "exec")
    thread = threading.Thread(target=exec, args=(code, {"frames": frames, "sys": sys}))
    thread.start()
    thread.join()
    dog.overdue(0, frames[0])
    assert hooks.host.warnings == []
