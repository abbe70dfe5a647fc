# SPDX-License-Identifier: MIT
"""Load tests inside a program of your own: the engine as a guest of a running asyncio loop.

::

    controller = await rampa.Engine(rampa.loader.load_test("load.py")).start()
    async for event in controller.events():
        print(event)
    result = await controller.wait()

Scenario functions run in this process and on this loop, so that closures, bound methods and lambdas see and change the
caller's variables. One worker runs everything; for more cores there is ``rampa run``.
"""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import contextvars
import dataclasses
import json
import os
import typing
import uuid

from rampa._feed import Feed, check_outputs
from rampa._guest import Guest
from rampa._plan_script import PlanScript
from rampa._types import MetricType, Sample, ValueType
from rampa.context import run_id_var
from rampa.errors import ConfigError, RampaError
from rampa.events import (
    EngineEvent,
    RunResult,
    RunStatus,
    _live_snapshot,
    _numbers,
    _Reader,
    _threshold_result,
    _with_builtins,
)
from rampa.loader import TestPlan
from rampa.metrics import MetricSnapshot

if typing.TYPE_CHECKING:
    from rampa import _rampa
    from rampa.output import Output


RUN_ID_MAX = 255
FLUSH_MIN = 0.1


def _size(text: str) -> int:
    """In UTF-8; -1 for a text that cannot be written."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return -1


@dataclasses.dataclass(frozen=True)
class EngineOptions:
    """Settings of one run.

    Attributes:
        run_id: the name of the run in its result and its events: any text of at most 255 bytes. None, or an empty one, is a
            new UUID.
        metric_flush_interval: seconds between two snapshots while the run goes on, at least 0.1: a smaller number is taken
            as that.
        on_sample: called with a :class:`rampa.Sample` for each observation, or None. It runs on the loop, between the
            iterations, as often as there are snapshots, and its time is the generator's. When it raises, the run is stopped,
            and ``wait()`` raises that.
        event_log: a file that gets every event as a line of JSON, or None.
        summary_trend_stats: what the summary shows of trends, ``"avg,p(99)"``, or None for the plan's.
        seed: of everything random in the run, or None for the plan's.
        extra_outputs: get the samples too, as often as there are snapshots: see :class:`rampa.output.Output`. They run on the
            loop, so their time is the generator's. The run waits for none of them. What one raises, or takes too slowly, is
            lost: the run goes on, and its exit code is 6.

    Raises:
        ValueError: ``run_id`` is no such text, or ``metric_flush_interval`` no such number.
        TypeError: ``run_id`` is no text, or ``extra_outputs`` no list of outputs.

    >>> EngineOptions(seed=7).seed
    7
    """

    run_id: str | None = None
    metric_flush_interval: float = 0.05
    on_sample: collections.abc.Callable[[Sample], object] | None = None
    _: dataclasses.KW_ONLY
    event_log: str | os.PathLike[str] | None = None
    summary_trend_stats: str | None = None
    seed: int | None = None
    extra_outputs: collections.abc.Sequence[Output] = ()

    def __post_init__(self) -> None:
        check_outputs(self.extra_outputs)
        name, interval = self.run_id, self.metric_flush_interval
        if name is not None and not isinstance(name, str):
            raise TypeError(f"run_id must be a str, not {type(name).__name__}")
        if name is not None and ("\0" in name or not 0 <= _size(name) <= RUN_ID_MAX):
            raise ValueError(f"run_id must be a text of at most {RUN_ID_MAX} bytes in UTF-8, without NUL, not {name!r:.300}")
        if isinstance(interval, bool) or not isinstance(interval, (int, float)) or not 0 < interval < 86400:
            raise ValueError(f"metric_flush_interval must be a number of seconds above 0 and below a day, not {interval!r:.100}")

    def _as_dict(self) -> dict[str, str]:
        given = {
            "event_log": os.fspath(self.event_log) if self.event_log is not None else None,
            "trend_stats": self.summary_trend_stats,
            "seed": str(self.seed) if self.seed is not None else None,
            "live_ns": str(round(max(self.metric_flush_interval, FLUSH_MIN) * 1e9)),
        }
        return {name: value for name, value in given.items() if value is not None}


class RunController:
    """A run in progress, made by :meth:`Engine.start`. Its methods belong to the thread of the loop it was started on.

    Args:
        loop: the running one.
        script: the plan.
        options: settings of the run.
        more: settings that the extension knows besides.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        script: PlanScript,
        options: EngineOptions,
        more: collections.abc.Mapping[str, str] | None = None,
    ) -> None:
        self._over: asyncio.Future[RunResult] = loop.create_future()
        self._planned: asyncio.Future[None] = loop.create_future()
        self._consumers: set[_Consumer] = set()
        self._on_sample = options.on_sample
        self._sample_error: BaseException | None = None
        self._feeds = [
            Feed(f"extra_outputs[{i}] ({type(output).__name__})", output, self._lose)
            for i, output in enumerate(options.extra_outputs)
        ]
        self._described: set[str] = set()
        self._ending: asyncio.Task[None] | None = None
        name = options.run_id or str(uuid.uuid4())
        context = contextvars.copy_context()  # of all that the run calls
        context.run(run_id_var.set, name)
        settings = {**options._as_dict(), **(more or {}), "run_id": name}
        take = self._take if self._on_sample or self._feeds else None
        self._guest = context.run(Guest, loop, script, settings, self._changed, take)
        self._first: _Consumer | None = self._consumer()  # whoever asks first misses nothing
        context.run(self._guest.begin)

    @property
    def run_id(self) -> str:
        """The run's name: ``EngineOptions.run_id``, or a new UUID."""
        return self._guest.run.run_id

    @property
    def is_paused(self) -> bool:
        """Whether the run is paused."""
        return self._guest.run.is_paused

    async def wait(self) -> RunResult:
        """Waits for the run's end.

        Cancelling this wait does not stop the run: ``stop()`` does.

        Returns:
            The result, the same one for every caller.

        Raises:
            rampa.errors.RampaError: the run could not go on, which is a defect of rampa.
            Exception: what ``EngineOptions.on_sample`` has raised.
        """
        return await asyncio.shield(self._over)

    async def stop(self, reason: str | None = None) -> None:
        """Stops gracefully: no new iteration; those that run may end within graceful_stop (10 s at most); then teardown.

        Does not wait for that: ``wait()`` does. The result's status is ``STOPPED``. Stopping twice is as once.

        Args:
            reason: stands in the result as ``stop_reason``.
        """
        self._guest.run.stop(reason or "stopped by the caller")

    async def _abandon(self) -> None:
        """For a caller that was cancelled: interrupts the iterations and waits for the end of the run, with its teardown.

        How the run ended does not matter any more: what ``wait()`` raises is dropped.
        """
        self._guest.run.stop("cancelled", True)
        with contextlib.suppress(Exception):
            await self.wait()

    def pause(self) -> None:
        """No iteration starts, and no time of the schedules goes by, until :meth:`resume`. Twice is as once."""
        self._guest.run.pause()

    def resume(self) -> None:
        """Goes on where it was paused, without a burst. Does nothing when it is not paused."""
        self._guest.run.resume()

    def adjust(
        self, scenario: str | None = None, *, vus: int | None = None, rate: float | None = None, hold: bool = False
    ) -> None:
        """Gives a scenario another load, from a moment on that is some milliseconds ahead.

        The new load counts until the present stage ends, and then the plan counts again. Of executors without stages, and
        with ``hold``, it counts to the end. A later call replaces it. In a pause that moment comes as long after the
        resume.

        Args:
            scenario: its name; None if there is only one.
            vus: so many VUs, of constant-vus and ramping-vus, from 0 to ``max_vus``, or to the most that the plan asks for.
            rate: so many iterations per ``time_unit``, of constant-arrival-rate and ramping-arrival-rate.
            hold: to the end of the scenario.

        Raises:
            TypeError: not exactly one of ``vus`` and ``rate`` was given, or it is no number.
            ValueError: the scenario cannot have this load, or no iterations begin now. Nothing has changed then.
        """
        value, what = (vus, "vus") if rate is None else (rate, "rate")
        if value is None or (vus is not None and rate is not None):
            raise TypeError("adjust() takes either vus or rate")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{what} must be a number, not {type(value).__name__}")
        self._guest.run.adjust(scenario, what, value, hold)

    def snapshot(self) -> MetricSnapshot | None:
        """The metrics as of the last snapshot, or None before the iterations begin."""
        text = self._guest.run.snapshot()
        return _live_snapshot(json.loads(text)) if text else None

    async def events(self) -> collections.abc.AsyncIterator[EngineEvent]:
        """The events of the run until its end, for any number of consumers.

        The first caller gets them from the beginning, a later one from now on.

        Yields:
            Events. The run waits for nobody: a consumer that is more than 1024 events behind loses the oldest ones and gets
            a :class:`rampa.events.MissedEvent` instead.
        """
        consumer, self._first = self._first or self._consumer(), None
        reader = _Reader()
        try:
            while True:
                is_over = self._over.done()
                lines = consumer.queue.take()
                for line in lines:
                    for event in reader.read(line):
                        yield event
                if not lines and is_over:
                    return
                if not lines:
                    await consumer.wait()
        finally:
            self._consumers.discard(consumer)

    def _take(self, rows: list[tuple[str, float, int, dict[str, str]]]) -> None:
        """From the guest: samples."""
        samples = [Sample._make(row) for row in rows]
        self._describe(samples)
        for feed in self._feeds:
            feed.put(samples)
        if self._on_sample is None or self._sample_error is not None:
            return
        try:
            for sample in samples:
                self._on_sample(sample)
        except BaseException as error:
            self._sample_error = error
            self._guest.run.stop(f"on_sample raised {type(error).__name__}", True)

    def _describe(self, samples: list[Sample]) -> None:
        """Tells the outputs that want to know what each metric is."""
        feeds = [feed for feed in self._feeds if feed.wants_descriptions]
        if not feeds:
            return
        for metric in {sample.metric for sample in samples} - self._described:
            self._described.add(metric)
            kind, unit = self._guest.run.metric(metric)
            for feed in feeds:
                feed.describe(metric, MetricType(kind), ValueType(unit))

    def _consumer(self) -> _Consumer:
        consumer = _Consumer(self._guest.run)
        self._consumers.add(consumer)
        return consumer

    async def _plan_is_valid(self) -> None:
        try:
            await self._planned
        except BaseException:
            self._guest.close()
            raise

    def _changed(self) -> None:
        """From the guest: the plan is valid, or all is over, which comes once."""
        run = self._guest.run
        if run.is_planned:
            for feed in self._feeds:
                feed.begin()
        if not run.is_over and self._guest.broken is None:
            if not self._planned.done():
                self._planned.set_result(None)
        elif self._feeds and run.is_planned and not self._guest.is_leaving:
            self._ending = asyncio.create_task(self._end_outputs())
        else:
            self._end()

    async def _end_outputs(self) -> None:
        try:
            failure = self._error(self._guest.run)
            result = self._result(self._guest.run) if failure is None else None
            error = failure if result is None else result.error
            told = error if isinstance(error, Exception) else None
            await asyncio.gather(*(feed.end(told) for feed in self._feeds))
            if result is not None and result.snapshot is not None:
                for feed in self._feeds:
                    feed.summarize(result.snapshot, result.threshold_results)
        finally:
            self._end()

    def _lose(self, text: str) -> None:
        """From an output: what it has lost."""
        self._guest.run.lose(text)

    def _end(self) -> None:
        run = self._guest.run
        for feed in self._feeds:
            feed.settle()
        error = self._error(run)
        if error is None:
            self._over.set_result(self._result(run))
        else:
            _fail(self._over, error)
        if not self._planned.done():
            if error is None:
                self._planned.set_result(None)
            else:
                _fail(self._planned, error)
        for consumer in self._consumers:
            consumer.wake()

    def _error(self, run: _rampa.Run) -> BaseException | None:
        if self._guest.broken is not None:
            return self._guest.broken
        if self._sample_error is not None:
            return self._sample_error
        if run.error is None:
            return None
        message, file, line, hint, detail, others = run.error
        if run.exit_code == 3:
            return ConfigError(message, file, line, hint, others)
        return RampaError(f"{message}\n{detail}" if detail else message)

    def _result(self, run: _rampa.Run) -> RunResult:
        text = run.result_json()
        document = json.loads(text)
        status = RunStatus(document["run"]["status"])
        duration = document["run"]["elapsed_s"]
        metrics = document["summary"]["metrics"]
        raised = status in (RunStatus.SETUP_FAILED, RunStatus.TEARDOWN_FAILED, RunStatus.EXECUTION_FAILED)
        return RunResult(
            run_id=run.run_id,
            status=status,
            snapshot=MetricSnapshot(round(duration * 1e9), duration, _with_builtins(_numbers(metrics))) if metrics else None,
            threshold_results=[_threshold_result(row) for row in document["thresholds"] if row["passed"] is not None],
            error=self._guest.hooks.failure if raised else None,
            stop_reason=run.reason,
            exit_code=run.exit_code,
            document=document,
            json=text,
            text=run.summary(0, False),
        )


def _fail(future: asyncio.Future[typing.Any], error: BaseException) -> None:
    future.set_exception(error)
    future.exception()  # whoever waits is told, and who does not need not be warned of it


class _Consumer:
    """A queue of events and somebody who waits for it."""

    def __init__(self, run: _rampa.Run) -> None:
        self._ready = asyncio.Event()
        self.queue = run.events(self.wake)

    def wake(self) -> None:
        self._ready.set()

    async def wait(self) -> None:
        await self._ready.wait()
        self._ready.clear()


class Engine:
    """Runs a plan in this process.

    Args:
        plan: what :func:`rampa.loader.load_test` gives, or a :class:`rampa.loader.TestPlan` of your own.
        options: settings of the run.

    >>> import asyncio, rampa
    >>> async def visit(worker):
    ...     worker.check(6 * 7, {"the answer": lambda value: value == 42})
    >>> async def main():
    ...     fields = rampa.ScenarioConfig(executor="per-vu-iterations", iterations=3)
    ...     plan = rampa.loader.TestPlan(scenarios={"visit": (fields, visit)}, config=rampa.Config())
    ...     controller = await Engine(plan).start()
    ...     return await controller.wait()
    >>> result = asyncio.run(main())
    >>> result.status.value, result.snapshot.values["iterations"]["count"]
    ('passed', 3.0)
    """

    def __init__(self, plan: TestPlan, options: EngineOptions | None = None) -> None:
        self._plan = plan
        self._options = options or EngineOptions()

    async def start(self) -> RunController:
        """Starts the run on the running loop. May be called again for another run of the same plan, also at the same time.

        The run goes on by itself from here, waited for or not. When the loop is shut down before it has ended
        (``asyncio.run()`` does that when its main function returns), it is stopped as by ``stop()``, without grace.

        Returns:
            The run in progress.

        Raises:
            rampa.errors.ConfigError: the plan cannot be run: what is wrong and where.
            TypeError: the plan is no :class:`rampa.loader.TestPlan`.
        """
        controller = RunController(asyncio.get_running_loop(), PlanScript(self._plan), self._options)
        await controller._plan_is_valid()
        return controller
