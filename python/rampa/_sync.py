# SPDX-License-Identifier: MIT
"""A load test as part of a test of another framework: run to its end, in words that such a framework prints."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import dataclasses
import datetime
import hashlib
import pathlib
import re
import typing

from rampa.config import Config, ScenarioConfig, _number, _whole, parse_duration
from rampa.engine import Engine
from rampa.errors import ConfigError
from rampa.events import RunResult, RunStatus
from rampa.loader import TestPlan
from rampa.metrics import _with_samples

_TIMES = ("duration", "max_duration", "start_time")
_COUNTS = ("vus", "start_vus", "pre_allocated_vus", "max_vus")
_MOST = 2**53  # far above what a plan takes


def scale_fields(fields: dict[str, typing.Any], times: float, counts: float) -> dict[str, typing.Any]:
    """The fields of a scenario with its durations and its VUs (and rates) multiplied; VUs stay at 1 at least.

    How long an iteration takes to end does not scale: graceful_stop and graceful_ramp_down stay as they are. What cannot be
    understood does too, for the plan to refuse.

    Args:
        fields: of :class:`rampa.ScenarioConfig`.
        times: factor of the durations.
        counts: factor of VUs and rates.

    >>> scale_fields({"vus": 10, "duration": "10s", "stages": [("1m", 4)]}, 0.5, 0.1)
    {'vus': 1, 'duration': datetime.timedelta(seconds=5), 'stages': [(datetime.timedelta(seconds=30), 1)]}
    """
    scaled = dict(fields)

    def count(value: typing.Any) -> typing.Any:
        number = _whole(value)
        if counts == 1.0 or not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= _MOST:
            return value
        return max(1, round(min(number * counts, _MOST)))

    def rate(value: typing.Any) -> typing.Any:
        number = _number(value)
        if not isinstance(number, (int, float)) or isinstance(number, bool) or not 0 < number <= _MOST:
            return value
        return round(number * counts, 9)

    def time(value: typing.Any) -> typing.Any:
        try:
            return value if times == 1.0 else parse_duration(value) * times
        except ValueError:
            return value
        except OverflowError:
            return datetime.timedelta.max  # too long for a plan too

    if counts != 1.0:
        scaled.update({name: count(scaled[name]) for name in _COUNTS if name in scaled})
        if "rate" in scaled:
            scaled["rate"] = rate(scaled["rate"])
    scaled.update({name: time(scaled[name]) for name in _TIMES if name in scaled})
    if "stages" in scaled:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            pairs = [_pair(stage) for stage in scaled["stages"]]
            scaled["stages"] = [(time(duration), count(target)) for duration, target in pairs]
    return scaled


def _pair(stage: typing.Any) -> tuple[typing.Any, typing.Any]:
    if isinstance(stage, dict):
        return stage["duration"], stage["target"]
    duration, target = (stage.duration, stage.target) if hasattr(stage, "duration") else stage
    return duration, target


class HandedResult(RunResult):
    """The result that a test is handed. It remembers whether the test looked at how the run ended."""

    def __getattribute__(self, name: str) -> typing.Any:
        if name in ("status", "passed", "threshold_results", "exit_code"):
            object.__setattr__(self, "_is_looked_at", True)
        return super().__getattribute__(name)

    def __repr__(self) -> str:
        # A report that shows the result must not count as the test's own look.
        before = self._was_looked_at()
        text = super().__repr__().replace(type(self).__name__, RunResult.__name__, 1)
        object.__setattr__(self, "_is_looked_at", before)
        return text

    def _was_looked_at(self) -> bool:
        return bool(self.__dict__.get("_is_looked_at", False))


class TestRun:
    """A run that has ended, and what a test framework says about it.

    Args:
        result: of the run.
        title: of the test.
        may_fail: whether a run that failed is no failure of the test.

    Attributes:
        handed: the result for the test. When the test reads its ``status``, ``passed``, ``threshold_results`` or
            ``exit_code``, a run that failed is left to the test.
        worse: what is worse than in the run that it was compared with, as a table, or None.
    """

    __test__ = False  # for pytest: no class of tests

    def __init__(self, result: RunResult, title: str, may_fail: bool) -> None:
        self.result = result
        self.handed = HandedResult(**{field.name: getattr(result, field.name) for field in dataclasses.fields(result)})
        self.title = title
        self.may_fail = may_fail
        self.worse: str | None = None

    def figures(self) -> dict[str, typing.Any]:
        """The figures that a report keeps: flat names and plain values, without requests and times when there were none."""
        values = _with_samples(self.result.snapshot.values) if self.result.snapshot else {}
        figures: dict[str, typing.Any] = {"status": self.result.status.value, "run_id": self.result.run_id}
        for metric in ("iterations", "http_reqs", "iteration_errors", "dropped_iterations"):
            if metric in values:
                figures[metric] = int(values[metric]["count"])
        for metric in ("http_req_failed", "checks"):
            if metric in values:
                figures[f"{metric}.rate"] = values[metric]["rate"]
        for metric in ("http_req_duration", "iteration_duration"):
            if metric in values:
                figures.update({f"{metric}.{stat}": values[metric][stat] for stat in ("med", "p(95)", "p(99)", "max") if stat in values[metric]})
        return figures

    def line(self) -> str:
        """One line for people."""
        figures = self.figures()
        words = [self.result.status.value]
        if "http_reqs" in figures:
            words.append(f"{figures['http_reqs']} requests")
            words.append(f"{figures.get('http_req_failed.rate', 0):.2%} failed")
        words.append(f"{figures.get('iterations', 0)} iterations")
        timed = "http_req_duration" if "http_req_duration.med" in figures else "iteration_duration"
        for stat in ("med", "p(95)", "p(99)"):
            if f"{timed}.{stat}" in figures:
                words.append(f"{stat} {figures[f'{timed}.{stat}']:.4g} ms")
        return ", ".join(words)

    def failure(self) -> str | None:
        """Why the test fails once its own code has run, or None when it does not."""
        own = None if self.may_fail or self.handed._was_looked_at() else self.report()
        worse = f"load test {self.title}: worse than before\n{self.worse}" if self.worse and not self.may_fail else None
        return "\n".join(text for text in (own, worse) if text) or None

    def report(self) -> str | None:
        """What the run did not hold, with actual and expected values, or None when it passed."""
        result = self.result
        if result.status is RunStatus.PASSED:
            return None
        lines = [f"load test {self.title}: {result.stop_reason or result.status.value}"]
        for threshold in result.threshold_results:
            mark = "ok  " if threshold.passed else "FAIL"
            actual = "no samples" if threshold.lhs is None else f"{threshold.lhs:.6g}"
            lines.append(f"  {mark} {threshold.metric}: expected {threshold.source}, actual {actual}")
        for error in result.errors:
            lines.append(f"  {error['count']} x {error['type']}: {error['message']} ({error['place']})")
            if error.get("traceback"):
                lines += [f"      {row}" for row in error["traceback"].splitlines()]
        lines += [f"  warning: {text}" for text in result.warnings]
        return "\n".join(lines)


def run_scenario(
    worker_fn: collections.abc.Callable[..., typing.Any],
    *,
    title: str,
    fields: dict[str, typing.Any],
    thresholds: dict[str, typing.Any] | None = None,
    setup: collections.abc.Callable[..., typing.Any] | None = None,
    teardown: collections.abc.Callable[..., typing.Any] | None = None,
    file_name: str | None = None,
    may_fail: bool = False,
    duration_scale: float = 1.0,
    vus_scale: float = 1.0,
    out: str | None = None,
) -> TestRun:
    """Runs one scenario to its end in a loop of its own, and leaves the thread's current event loop as it is.

    Args:
        worker_fn: one iteration.
        title: of the test; the scenario is named after it.
        fields: of :class:`rampa.ScenarioConfig`.
        thresholds: metric -> list of expressions.
        setup: runs once before.
        teardown: runs once after.
        file_name: what the result file is named after; ``title`` by default.
        may_fail: whether a run that failed is no failure of the test.
        duration_scale: factor of the durations.
        vus_scale: factor of the VUs and rates.
        out: folder of the result file, or None.

    Raises:
        rampa.errors.ConfigError: the plan cannot be run.
        RuntimeError: an event loop runs in this thread.
    """
    if not callable(worker_fn):
        raise ConfigError(f"worker_fn must be a function that takes the worker, not {worker_fn!r}")
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("an event loop runs in this thread, and a load test would hold it up; await rampa.Engine there")
    with _explained_scales(duration_scale, vus_scale):
        plan = TestPlan(
            scenarios={_scenario_name(title): (ScenarioConfig(**scale_fields(fields, duration_scale, vus_scale)), worker_fn)},
            config=Config(thresholds=thresholds or {}),
            setup_fn=setup,
            teardown_fn=teardown,
        )
        # A loop factory keeps the runner from replacing the thread's current loop, which pytest-asyncio may have set.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            result = runner.run(run_plan(plan))
    if out is not None:
        folder = pathlib.Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        result.write_json(folder / f"{_file_name(file_name or title)}.json")
    return TestRun(result, title, may_fail)


async def run_plan(plan: TestPlan) -> RunResult:
    """Runs a plan on the running loop and waits for its end.

    Args:
        plan: see :func:`rampa.loader.load_test`.
    """
    controller = await Engine(plan).start()
    return await controller.wait()


@contextlib.contextmanager
def _explained_scales(duration_scale: float, vus_scale: float) -> collections.abc.Iterator[None]:
    """Says of a mistake in a plan that factors may have made it."""
    try:
        yield
    except ConfigError as error:
        given = [
            f"{name} {factor:g}"
            for name, factor in (("--rampa-duration-scale", duration_scale), ("--rampa-vus-scale", vus_scale))
            if factor != 1.0
        ]
        if given:
            error.add_note(f"the values are those after {' and '.join(given)}")
        raise


def _scenario_name(title: str) -> str:
    """A name that a scenario may have: short, and without what filters of thresholds are written with."""
    return re.sub(r"[^0-9a-zA-Z_-]+", "-", title).strip("-")[:100] or "test"


def _file_name(title: str) -> str:
    """A file name that no other title of a test has: where a character is lost, a checksum of the title stands at the end.

    >>> _file_name("test_load.py::test_visit")
    'test_load.py-test_visit'
    >>> _file_name("test_load.py::test_visit[a/b]")
    'test_load.py-test_visit-a-b-45158e76'
    """
    plain = title.replace("::", "-", 1)
    name = re.sub(r"[^0-9a-zA-Z_.-]+", "-", plain).strip("-.") or "test"
    if name == plain and len(name) <= 100:
        return name
    return f"{name[:100]}-{hashlib.sha256(title.encode()).hexdigest()[:8]}"
