# SPDX-License-Identifier: MIT
"""Hands the samples of a run to an output in Python, in a task beside the run, which waits for no output."""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import os
import typing

from rampa import _frames
from rampa._types import MetricType, Sample, ValueType

WAITING_MAX = 200_000
"""Samples that wait for one output. Each is about 400 bytes."""
PATIENCE = 10.0
"""Seconds that an output has at the end of the run for each call."""
_CANCEL_PATIENCE = 1.0
_METHODS = ("start", "add_samples", "stop")


def check_outputs(outputs: typing.Any) -> None:
    """Whether something is a list of outputs.

    Args:
        outputs: what the caller has given.

    Raises:
        TypeError: it is not, or one of them lacks a method.
    """
    if not isinstance(outputs, (list, tuple)):
        raise TypeError(
            f"extra_outputs must be a list of outputs, not {type(outputs).__name__}: "
            "write extra_outputs=[rampa.outputs.get_output('csv', 'samples.csv')]"
        )
    for i, output in enumerate(outputs):
        if isinstance(output, type):
            raise TypeError(f"extra_outputs[{i}] is the class {output.__name__}: give an object of it, {output.__name__}(...)")
        lacking = lacks(output)
        if lacking:
            raise TypeError(
                f"extra_outputs[{i}] is no output: {type(output).__name__} has no method {lacking}() (see rampa.outputs.Output)"
            )


def lacks(output: typing.Any) -> str | None:
    """The first of the methods of an output that an object has not, or None.

    Args:
        output: what may be one.
    """
    return next((name for name in _METHODS if not callable(getattr(output, name, None))), None)


def _told(error: BaseException) -> str:
    code, line = _frames.users_place(error)
    place = f" ({os.path.basename(code.co_filename)}:{line})" if code else ""
    text = _frames.plain(_frames.shorten(_frames.text_of(error), 500))
    return f"{_frames.name_of(error)}{': ' if text else ''}{text}{place}"


class Feed:
    """What one output is fed by. Belongs to the loop of the run.

    Args:
        name: of the output, for messages.
        output: see :class:`rampa.outputs.Output`.
        lose: called with a text for what is lost.
        patience: seconds for each call at the end of the run, or None for ``PATIENCE``.
    """

    def __init__(
        self, name: str, output: typing.Any, lose: collections.abc.Callable[[str], object], patience: float | None = None
    ) -> None:
        self._patience = PATIENCE if patience is None else patience
        self._name = name
        self._output = output
        self._lose = lose
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._waiting: list[Sample] = []
        self._descriptions: list[tuple[str, MetricType, ValueType]] = []
        self._given = 0  # samples of the call that is under way
        self._total = self._lost = 0
        self._doing = ""
        self._calls = 0
        self._error: Exception | None = None
        self._is_ending = self._is_refused = self._is_behind = self._is_told = self._is_stopped = self._is_settled = False

    def begin(self) -> None:
        """Starts the output. Does nothing when it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"rampa {self._name}")

    @property
    def wants_descriptions(self) -> bool:
        """Whether the output has the method ``describe``."""
        return callable(getattr(self._output, "describe", None))

    def describe(self, metric: str, kind: MetricType, value_type: ValueType) -> None:
        """Tells the output what a metric is, before it gets the samples that are put from now on.

        Args:
            metric: its name.
            kind: how its samples are summed up.
            value_type: what its values are.
        """
        if self.wants_descriptions:
            self._descriptions.append((metric, kind, value_type))

    def put(self, samples: list[Sample]) -> None:
        """Keeps samples until the output takes them.

        Args:
            samples: of the run.
        """
        room = 0 if self._is_refused else max(WAITING_MAX - len(self._waiting), 0)
        self._total += len(samples)
        self._waiting += samples[:room]
        self._ready.set()
        if len(samples) <= room:
            return
        self._lost += len(samples) - room
        if not self._is_refused and not self._is_behind:
            self._is_behind = True
            self._lose(f"the output {self._name} loses samples: it takes them too slowly")

    async def end(self, error: Exception | None) -> None:
        """Lets the output take the last samples and stop, as long as it goes on.

        Args:
            error: that has ended the run, or None.
        """
        self._error, self._is_ending = error, True
        self._ready.set()
        task = self._task
        if task is None:
            return
        while not task.done():
            before = self._calls
            await asyncio.wait({task}, timeout=self._patience)
            if task.done() or self._calls == before:
                break
        if not task.done():
            self._is_told = True
            self._lose(
                f"the output {self._name} did not return from {self._doing}() within {self._patience:g} s at the end of the run"
            )
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCEL_PATIENCE)
            self._is_refused = True
        if task.done() and not task.cancelled():
            task.exception()  # it is taken, so that nobody warns of it

    def summarize(self, snapshot: typing.Any, threshold_results: list[typing.Any]) -> None:
        """Calls ``write_summary``, or ``render_summary``, if the output has that.

        Args:
            snapshot: of the whole run.
            threshold_results: of the run.
        """
        name = next((name for name in ("write_summary", "render_summary") if hasattr(self._output, name)), None)
        if name is None or self._is_refused:
            return
        try:
            getattr(self._output, name)(snapshot, threshold_results)
        except (Exception, SystemExit) as error:
            self._raised(name, error)

    def settle(self) -> None:
        """The run is over: says how much the output has lost. What it has not taken by now is lost."""
        if self._is_settled:
            return
        self._is_settled = self._is_refused = True
        self._lost += len(self._waiting) + self._given
        self._waiting, self._given = [], 0
        if self._task is not None and not self._is_stopped and not self._is_told:
            self._lose(f"the output {self._name} was cancelled before it had stopped")
        if self._lost:
            self._lose(f"of the {self._total} samples of the output {self._name} {self._lost} are lost")

    async def _run(self) -> None:
        if not await self._call("start"):
            self._is_refused = True
            return
        while self._waiting or not self._is_ending:
            if not self._waiting:
                self._ready.clear()
                await self._ready.wait()
                continue
            samples, self._waiting = self._waiting, []
            self._given = len(samples)
            while self._descriptions:
                await self._call("describe", *self._descriptions.pop(0))
            if not await self._call("add_samples", samples):
                self._lost += self._given
            self._given = 0
        self._is_stopped = await self._call("stop", self._error)
        self._is_refused = not self._is_stopped

    async def _call(self, name: str, *words: typing.Any) -> bool:
        """False when it has raised something."""
        self._doing = name
        try:
            answer = getattr(self._output, name)(*words)
            if inspect.isawaitable(answer):
                await answer
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # by us, or by a loop that is shut down
                raise asyncio.CancelledError from error
            self._raised(name, error)
            return False
        finally:
            self._calls += 1
        return True

    def _raised(self, name: str, error: BaseException) -> None:
        if not self._is_told:
            self._is_told = True
            self._lose(f"{name}() of the output {self._name} raised {_told(error)}")
