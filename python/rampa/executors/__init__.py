# SPDX-License-Identifier: MIT
"""One scenario by itself, for programs that drive an executor by hand. ``rampa.Engine`` runs whole plans.

The schedules are those of the engine: an executor here is a run with one scenario.
"""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import dataclasses
import difflib
import queue
import time
import typing

from rampa._types import Sample, make_sample
from rampa.config import Config, ScenarioConfig
from rampa.engine import Engine, EngineOptions, RunController
from rampa.loader import TestPlan
from rampa.pause import PauseController
from rampa.worker import ExecutionInfo, Worker

WorkerFn = collections.abc.Callable[[typing.Any], collections.abc.Awaitable[None]]


@dataclasses.dataclass
class ExecutionState:
    """What an executor is given.

    Attributes:
        sample_queue: gets the samples.
        abort_event: ends the executor when it is set; iterations that run have their graceful_stop.
        worker_fn: the scenario's function.
        scenario: its name.
        setup_data: what ``worker.setup_data`` is.
        pause_controller: pauses the executor.
    """

    sample_queue: queue.SimpleQueue[Sample | None]
    abort_event: asyncio.Event
    worker_fn: WorkerFn
    scenario: str
    setup_data: typing.Any = None
    pause_controller: PauseController = dataclasses.field(default_factory=PauseController)
    _iterations: int = dataclasses.field(default=0, repr=False)
    _workers: int = dataclasses.field(default=0, repr=False)
    _active_vus: int = dataclasses.field(default=0, repr=False)
    _peak_vus: int = dataclasses.field(default=0, repr=False)

    def next_iteration(self) -> int:
        """The number of another iteration, from 0."""
        self._iterations += 1
        return self._iterations - 1

    def next_worker_id(self) -> int:
        """The number of another worker, from 0."""
        self._workers += 1
        return self._workers - 1

    def make_worker(self) -> Worker:
        """A worker for another iteration."""
        execution = ExecutionInfo(self.next_worker_id(), self.scenario, self.next_iteration())
        return Worker(self.sample_queue, execution, self.setup_data)

    def vu_started(self) -> None:
        """Records that there is one VU more."""
        self._active_vus += 1
        self._record("vus", self._active_vus)
        if self._active_vus > self._peak_vus:
            self._peak_vus = self._active_vus
            self._record("vus_max", self._peak_vus)

    def vu_stopped(self) -> None:
        """Records that there is one VU less."""
        self._active_vus -= 1
        self._record("vus", self._active_vus)

    def _record(self, metric: str, value: float) -> None:
        self.sample_queue.put(make_sample(metric, float(value), {"scenario": self.scenario}))


async def run_iteration(state: ExecutionState) -> None:
    """Runs one iteration with a worker made by hand, and records it, also when it is cancelled.

    Args:
        state: of the scenario.
    """
    await state.pause_controller.wait_if_paused()
    worker = state.make_worker()
    start = time.monotonic_ns()
    try:
        await state.worker_fn(worker)
    except Exception:
        state._record("iteration_errors", 1.0)
    finally:
        state._record("iterations", 1.0)
        state._record("iteration_duration", (time.monotonic_ns() - start) / 1e6)


class Executor(typing.Protocol):
    """What runs the iterations of one scenario."""

    async def run(self, state: ExecutionState) -> None:
        """Runs them to their end.

        Args:
            state: of the scenario.
        """


class _EngineExecutor:
    """An executor of the engine.

    Args:
        config: of the scenario.
    """

    name: typing.ClassVar[str]

    def __init__(self, config: ScenarioConfig) -> None:
        if config.executor != self.name:
            raise ValueError(f"{type(self).__name__} needs executor={self.name!r}, not {config.executor!r}")
        self._config = config

    async def run(self, state: ExecutionState) -> None:
        """Runs the scenario to its end. When it is cancelled, it interrupts the iterations and waits until they have ended.

        Args:
            state: of the scenario.

        Raises:
            rampa.errors.ConfigError: the scenario cannot be run as it is.
        """

        async def setup() -> typing.Any:
            return state.setup_data

        def keep(sample: Sample) -> None:
            state.sample_queue.put(sample)

        plan = TestPlan({state.scenario: (self._config, state.worker_fn)}, Config(), setup_fn=setup)
        controller = await Engine(plan, EngineOptions(on_sample=keep)).start()
        steering = asyncio.create_task(_stop_at(state.abort_event, controller))
        follow = _follower(state.pause_controller, controller)
        state.pause_controller._watchers.append(follow)
        follow()
        try:
            await controller.wait()
        except asyncio.CancelledError:
            await controller._abandon()
            raise
        finally:
            state.pause_controller._watchers.remove(follow)
            steering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await steering


async def _stop_at(event: asyncio.Event, controller: RunController) -> None:
    await event.wait()
    await controller.stop("abort_event was set")


def _follower(pauses: PauseController, controller: RunController) -> collections.abc.Callable[[], None]:
    def follow() -> None:
        if pauses.is_paused:
            controller.pause()
        else:
            controller.resume()

    return follow


class ConstantVUsExecutor(_EngineExecutor):
    """As many VUs as ``vus`` says, for ``duration``."""

    name = "constant-vus"


class RampingVUsExecutor(_EngineExecutor):
    """VUs that become more and fewer by ``stages``."""

    name = "ramping-vus"


class SharedIterationsExecutor(_EngineExecutor):
    """``iterations`` in all, shared by ``vus``."""

    name = "shared-iterations"


class PerVUIterationsExecutor(_EngineExecutor):
    """``iterations`` for each of ``vus``."""

    name = "per-vu-iterations"


class ConstantArrivalRateExecutor(_EngineExecutor):
    """``rate`` iterations begin in each ``time_unit``."""

    name = "constant-arrival-rate"


class RampingArrivalRateExecutor(_EngineExecutor):
    """Iterations begin at a rate that changes by ``stages``."""

    name = "ramping-arrival-rate"


_executors: dict[str, type] = {
    kind.name: kind
    for kind in (
        ConstantVUsExecutor,
        RampingVUsExecutor,
        SharedIterationsExecutor,
        PerVUIterationsExecutor,
        ConstantArrivalRateExecutor,
        RampingArrivalRateExecutor,
    )
}


def register_executor(name: str, cls: type) -> None:
    """Makes a class known to :func:`create_executor`. Plans know the executors of the engine only.

    Args:
        name: of the executor.
        cls: of it, whose constructor takes a ScenarioConfig.
    """
    _executors[name] = cls


def create_executor(config: ScenarioConfig) -> typing.Any:
    """The executor that a scenario asks for.

    Args:
        config: of the scenario.

    Raises:
        ValueError: there is none of that name.
    """
    name = str(config.executor)
    cls = _executors.get(name)
    if cls is None:
        near = difflib.get_close_matches(name, _executors, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown executor {name!r}: {hint}There are {', '.join(sorted(_executors))}")
    return cls(config)
