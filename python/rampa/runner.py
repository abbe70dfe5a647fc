# SPDX-License-Identifier: MIT
"""A run from start to end with the output of ``rampa run``, inside a program of your own."""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import os
import sys
import typing

from rampa.engine import Engine, EngineOptions, RunController
from rampa.errors import ExitCode
from rampa.events import EXIT_CODES, RunResult, RunStatus, SnapshotEvent
from rampa.loader import TestPlan
from rampa.metrics import _with_samples

if typing.TYPE_CHECKING:
    from rampa.output import Output


def status_to_exit_code(status: RunStatus) -> ExitCode:
    """What ``rampa run`` returns for a status.

    Args:
        status: of a result.

    >>> status_to_exit_code(RunStatus.THRESHOLD_FAILED)
    <ExitCode.THRESHOLD_FAILURE: 1>
    """
    return ExitCode(EXIT_CODES[status])


async def run_test(
    plan: TestPlan,
    json_output_path: str | os.PathLike[str] | None = None,
    quiet: bool = False,
    event_log_path: str | os.PathLike[str] | None = None,
    progress: bool = False,
    extra_outputs: collections.abc.Sequence[Output] = (),
) -> RunResult:
    """Runs a plan to its end on the running loop, and prints the summary to standard output.

    When it is cancelled, it interrupts the iterations and waits until the run, with its teardown, has ended.

    Args:
        plan: see :func:`rampa.loader.load_test`.
        json_output_path: the result file to write (docs/result.md), or None.
        quiet: whether to print no summary.
        event_log_path: a file that gets every event as a line of JSON (docs/events.md), or None.
        progress: whether to print a line about the run to standard error once a second.
        extra_outputs: get the samples once a second (``EngineOptions.extra_outputs``).

    Returns:
        The result. A result file that cannot be written, or an output that has lost something, makes its status
        ``OUTPUT_FAILED``, unless more than a threshold had failed before.

    Raises:
        rampa.errors.ConfigError: the plan cannot be run.
        TypeError: ``plan`` is no plan, or ``extra_outputs`` no list of outputs.
    """
    options = EngineOptions(metric_flush_interval=1.0, event_log=event_log_path, extra_outputs=extra_outputs)
    controller = await Engine(plan, options).start()
    shown = asyncio.create_task(_show_progress(controller)) if progress else None
    try:
        result = await controller.wait()
    except asyncio.CancelledError:
        await controller._abandon()
        raise
    finally:
        if shown is not None:
            shown.cancel()
    if json_output_path is not None:
        result = _written(result, json_output_path)
    if not quiet:
        print(result.summary(), end="", flush=True)
    return result


def _written(result: RunResult, path: str | os.PathLike[str]) -> RunResult:
    try:
        result.write_json(path)
    except OSError as error:
        print(f"rampa: the result cannot be written: {error}", file=sys.stderr)
        if result.status in (RunStatus.PASSED, RunStatus.THRESHOLD_FAILED):
            code = int(ExitCode.OUTPUT_FAILURE)
            reason = f"the result cannot be written: {error}"
            return dataclasses.replace(result, status=RunStatus.OUTPUT_FAILED, exit_code=code, stop_reason=reason)
    return result


async def _show_progress(controller: RunController) -> None:
    async for event in controller.events():
        if isinstance(event, SnapshotEvent):
            print(_progress_line(event), file=sys.stderr, flush=True)


def _progress_line(event: SnapshotEvent) -> str:
    values = _with_samples(event.snapshot.values)

    def value(metric: str, stat: str) -> float:
        return values.get(metric, {}).get(stat, 0.0)

    words: list[typing.Any] = [
        f"{event.snapshot.duration:.0f} s",
        f"{value('vus', 'value'):.0f} VUs",
        f"{value('iterations', 'count'):.0f} iterations",
    ]
    if "http_reqs" in values:
        words.append(f"{value('http_reqs', 'count'):.0f} requests, {value('http_req_failed', 'rate'):.2%} failed")
    return "rampa: " + ", ".join(words)
