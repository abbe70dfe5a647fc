# SPDX-License-Identifier: MIT
"""The worker outside of a run, for unit tests of scripts. In a run, the engine makes the workers."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import dataclasses
import os
import queue
import time
import typing

from rampa._by_hand import GrpcByHand, WebSocketByHand
from rampa._standin import StandIn
from rampa._types import Sample, make_sample
from rampa.http import HttpClient

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa


@dataclasses.dataclass(frozen=True)
class ExecutionInfo(metaclass=StandIn):
    """Where in a run an iteration is. ``worker.execution`` of a run is an instance too, and has more: ``rampa.Execution``.

    Attributes:
        worker_id: another number in every iteration of a scenario.
        scenario: its name.
        iteration: its number in the scenario, from 0.
    """

    _real: typing.ClassVar[type] = _rampa.Execution

    worker_id: int
    scenario: str
    iteration: int


class Worker(metaclass=StandIn):
    """What a scenario function is given, made by hand: it puts what it measures into a queue.

    The workers of a run are instances of this class too, so that annotations and ``isinstance()`` are right.

    Args:
        sample_queue: gets the samples.
        execution: what ``worker.execution`` is.
        setup_data: what ``worker.setup_data`` is.

    >>> samples = queue.SimpleQueue()
    >>> worker = Worker(samples, ExecutionInfo(worker_id=1, scenario="buy", iteration=0))
    >>> worker.check(6 * 7, {"the answer": lambda value: value == 42})
    True
    >>> samples.get().tags
    {'scenario': 'buy', 'check': 'the answer'}
    """

    _real: typing.ClassVar[type] = _rampa.Worker

    def __init__(
        self,
        sample_queue: queue.SimpleQueue[Sample | None],
        execution: ExecutionInfo,
        setup_data: typing.Any = None,
    ) -> None:
        self._queue = sample_queue
        self.execution = execution
        self.setup_data = setup_data
        self.vu: dict[str, typing.Any] = {}
        self.tags: dict[str, str] = {"scenario": execution.scenario}
        self._http: HttpClient | None = None

    @property
    def http(self) -> HttpClient:
        """The HTTP client, made when it is first asked for."""
        if self._http is None:
            self._http = HttpClient(self._queue, {"scenario": self.execution.scenario})
        return self._http

    @property
    def ws(self) -> WebSocketByHand:
        """The WebSocket client: ``connect()``, awaited or entered. A session is a run of its own, which ends when it is closed."""
        return WebSocketByHand(self._queue, {"scenario": self.execution.scenario}, "ws_")

    @property
    def grpc(self) -> GrpcByHand:
        """The gRPC client: ``unary()``, ``server_stream()`` and ``connect()``. Each call is a run; streams are entered or iterated over. No stubs."""
        return GrpcByHand(self._queue, {"scenario": self.execution.scenario}, "grpc_")

    @property
    def env(self) -> dict[str, str]:
        """The environment of the process."""
        return dict(os.environ)

    def check(
        self,
        value: typing.Any,
        conditions: collections.abc.Mapping[str, typing.Any],
        tags: dict[str, str] | None = None,
    ) -> bool:
        """Records for each condition whether it holds. One that raises does not.

        Args:
            value: that the conditions are given.
            conditions: name -> function of the value, or what is true or false by itself.
            tags: of the samples.

        Returns:
            Whether all hold.
        """
        results = {name: _holds(condition, value) for name, condition in conditions.items()}
        for name, result in results.items():
            self._record("checks", float(result), {"check": name, **(tags or {})})
        return all(results.values())

    def counter(self, name: str, value: float = 1.0, tags: dict[str, str] | None = None) -> None:
        """Adds to a counter.

        Args:
            name: of the metric.
            value: to add.
            tags: of the sample.
        """
        self._record(name, value, tags)

    def gauge(self, name: str, value: float, tags: dict[str, str] | None = None) -> None:
        """Sets a gauge.

        Args:
            name: of the metric.
            value: the new one.
            tags: of the sample.
        """
        self._record(name, value, tags)

    def rate(self, name: str, value: typing.Any, tags: dict[str, str] | None = None) -> None:
        """Records whether something was so.

        Args:
            name: of the metric.
            value: true or false.
            tags: of the sample.
        """
        self._record(name, float(bool(value)), tags)

    def trend(self, name: str, value: float, tags: dict[str, str] | None = None) -> None:
        """Records one value of a distribution.

        Args:
            name: of the metric.
            value: to record.
            tags: of the sample.
        """
        self._record(name, value, tags)

    @contextlib.contextmanager
    def group(self, name: str) -> collections.abc.Iterator[None]:
        """A ``with`` block, whose time is measured and whose samples are tagged.

        Args:
            name: of the group.
        """
        before, start = self.tags, time.monotonic_ns()
        self.tags = {**before, "group": f"{before.get('group', '')}::{name}"}
        try:
            yield
        finally:
            self._record("group_duration", (time.monotonic_ns() - start) / 1e6, None)
            self.tags = before

    async def sleep(self, seconds: float) -> None:
        """Waits.

        Args:
            seconds: how long.
        """
        await asyncio.sleep(seconds)

    def _record(self, metric: str, value: float, tags: dict[str, str] | None) -> None:
        self._queue.put(make_sample(metric, float(value), {**self.tags, **(tags or {})}))


def _holds(condition: typing.Any, value: typing.Any) -> bool:
    try:
        return bool(condition(value) if callable(condition) else condition)
    except Exception:
        return False
