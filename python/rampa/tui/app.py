# SPDX-License-Identifier: MIT
"""A run from start to end in the dashboard of ``rampa run --tui``, inside a program of your own."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import locale
import os
import signal
import sys
import tempfile
import typing

from rampa._plan_script import PlanScript
from rampa.engine import EngineOptions, RunController
from rampa.events import RunResult
from rampa.loader import TestPlan
from rampa.runner import run_test

__all__ = ["run_tui"]

_PRINTED_MAX = 1 << 20  # bytes that are shown after the end of what was printed meanwhile
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OF_TERMINAL = (signal.SIGTSTP, signal.SIGWINCH)


def run_tui(plan: TestPlan) -> int:
    """Runs a plan to its end, shows it on the whole terminal while it goes on, and prints the summary.

    The dashboard and its keys are those of ``rampa run --tui`` (docs/summary.md). The plan runs in this process as with
    :func:`rampa.runner.run_test`, on an event loop of its own. What the process prints to the terminal meanwhile is printed
    after the end, at most the last megabyte of it. Ctrl-C stops the run gracefully at first, at once when it is pressed again.
    Where standard error or standard input is no terminal, or ``TERM`` is ``dumb``, lines of progress are printed instead.

    Args:
        plan: see :func:`rampa.loader.load_test`.

    Returns:
        The exit code that ``rampa run`` would have.

    Raises:
        rampa.errors.ConfigError: the plan cannot be run, or ``TERM`` names a terminal that is not known.
        RuntimeError: the thread has a running event loop.
        TypeError: ``plan`` is no plan.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("run_tui() runs an event loop, and this thread has one that is running: await rampa.runner.run_test() there")
    if not _is_possible():
        return asyncio.run(run_test(plan, progress=True)).exit_code
    with _own_terminal() as terminal:
        result = asyncio.run(_run(plan, terminal))
    print(result.summary(), end="", flush=True)
    return result.exit_code


def _is_possible() -> bool:
    return os.isatty(0) and os.isatty(2) and os.environ.get("TERM", "") not in ("", "dumb")


async def _run(plan: TestPlan, terminal: int) -> RunResult:
    settings = {"terminal": str(terminal)}
    if "NO_COLOR" not in os.environ:
        settings["color"] = "1"
    loop = asyncio.get_running_loop()
    controller = RunController(loop, PlanScript(plan), EngineOptions(metric_flush_interval=1.0), settings)
    stops = 0

    def stop() -> None:
        nonlocal stops
        stops += 1
        controller._guest.run.stop("aborted by a signal", stops > 1)

    for number in _ENDING:
        with contextlib.suppress(ValueError, RuntimeError):  # only the main thread gets signals
            loop.add_signal_handler(number, stop)
    await controller._plan_is_valid()
    return await controller.wait()


@contextlib.contextmanager
def _own_terminal() -> collections.abc.Iterator[int]:
    """The terminal as a descriptor of its own. What is written to it by others is kept, and printed after the end."""
    character_type = locale.setlocale(locale.LC_CTYPE)
    with tempfile.TemporaryFile() as kept, contextlib.ExitStack() as stack:
        terminal = os.dup(2)
        stack.callback(os.close, terminal)
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor in (1, 2):
            if os.isatty(descriptor):
                stack.callback(_give_back, descriptor, os.dup(descriptor))
                os.dup2(kept.fileno(), descriptor)
        stack.callback(locale.setlocale, locale.LC_CTYPE, character_type)
        stack.callback(_reset_signals, {number: signal.getsignal(number) for number in (*_ENDING, *_OF_TERMINAL)})
        try:
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            _print_kept(kept, terminal)


def _give_back(descriptor: int, own: int) -> None:
    os.dup2(own, descriptor)
    os.close(own)


def _reset_signals(before: dict[signal.Signals, typing.Any]) -> None:
    """The event loop and the dashboard have changed what signals do."""
    for number, handler in before.items():
        with contextlib.suppress(TypeError, ValueError):  # it was not Python's; or this is another thread than the main one
            signal.signal(number, handler)


def _print_kept(kept: typing.IO[bytes], terminal: int) -> None:
    size = kept.seek(0, os.SEEK_END)
    kept.seek(max(0, size - _PRINTED_MAX))
    text = kept.read()
    if size > _PRINTED_MAX:
        text = f"({size - _PRINTED_MAX} earlier bytes of what was printed are left out)\n".encode() + text
    with os.fdopen(os.dup(terminal), "wb") as stream:
        stream.write(text)
