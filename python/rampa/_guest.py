# SPDX-License-Identifier: MIT
"""The reactor as a guest: another program's asyncio loop watches its two descriptors and turns it when they are ready.

Nothing of that loop or of asyncio is replaced, so that any implementation of the loop will do (uvloop too). Only its task
factory is ours while the run lasts, around the program's own if there is one.
"""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import functools
import os
import typing
import weakref

from rampa._plan_script import PlanScript
from rampa._worker import Hooks
from rampa.errors import RequestError

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa


class GuestHooks(Hooks):
    """The script is a plan that exists already.

    Args:
        script: the plan.
    """

    def __init__(self, script: PlanScript) -> None:
        super().__init__()
        self.script: typing.Any = script

    def load(self, path: bytes) -> str:
        return str(self.script.declaration())

    def note_error(self, scenario: str, error: BaseException, vu: int, iteration: int) -> None:
        if self.failure is None and not isinstance(error, RequestError):
            self.failure = error
        super().note_error(scenario, error, vu, iteration)

    def run_hook(self, name: str, worker: _rampa.Worker, timeout: float) -> None:
        before = set(self._tasks)
        super().run_hook(name, worker, timeout)
        for task in self._tasks - before:  # whoever closes the loop early has nothing to do with our tasks
            task._log_destroy_pending = False  # type: ignore[attr-defined]


class TaskFactory:
    """Lets a host know which VU each task belongs to.

    Args:
        loop: that gets it.
        host: that is told.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, host: _rampa.Host) -> None:
        self._loop = loop
        self._host: _rampa.Host | None = host
        self._below: typing.Any = loop.get_task_factory()
        self._set(self)

    def _set(self, factory: typing.Any) -> None:
        self._loop.set_task_factory(factory)

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: collections.abc.Coroutine[typing.Any, typing.Any, typing.Any],
        **kwargs: typing.Any,
    ) -> typing.Any:
        make: typing.Any = asyncio.Task
        if self._below is not None:
            make = functools.partial(self._below, loop)
        else:
            kwargs["loop"] = loop
        return make(coro, **kwargs) if self._host is None else self._host.spawn(make, coro, **kwargs)

    def remove(self) -> None:
        """Ends it, and takes it away unless there is another one above: that hands over to it, and it to the one below."""
        self._host = None
        top: typing.Any = self._loop.get_task_factory()
        while isinstance(top, TaskFactory) and top._host is None:
            top = top._below
            self._set(top)


def _step(awaited: typing.Any) -> None:
    """Runs what does not wait."""
    with contextlib.suppress(StopIteration):
        awaited.send(None)


class Guest:
    """One run on a loop that is already running. Belongs to the thread of that loop.

    Args:
        loop: the running one.
        script: the plan.
        options: of ``Host.start()``.
        changed: called when the plan is known to be valid, and when the run is over.
        on_samples: called with lists of samples, as tuples, or None when nobody wants them.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        script: PlanScript,
        options: dict[str, str],
        changed: collections.abc.Callable[[], None],
        on_samples: collections.abc.Callable[[list[tuple[str, float, int, dict[str, str]]]], None] | None = None,
    ) -> None:
        self._loop = loop
        self._changed = changed
        self._is_woken = False
        self._is_open = True
        self.is_leaving = False  # the loop is shut down
        self._told = (False, False)
        self.broken: OSError | None = None
        self._closed = asyncio.Event()
        self.hooks = GuestHooks(script)
        self._host = _rampa.Host(self.hooks, dict(os.environ))
        _guests.add(self)
        self.hooks.host, self.hooks.loop = self._host, loop
        self._host.attach_guest(loop, self._wake)
        self._task_factory: TaskFactory | None = None
        self.run = self._host.start(script.path, options, on_samples)
        self._descriptors = (self._host.fileno(), self._host.timer_fileno())
        self._leaving = self._leave()

    def begin(self) -> None:
        """Loads the plan, and goes on from there."""
        for descriptor in self._descriptors:
            self._loop.add_reader(descriptor, self._turn)
        self._task_factory = TaskFactory(self._loop, self._host)
        _step(self._leaving.asend(None))
        try:
            self.run.begin()
        except BaseException:
            self.close()
            raise
        self._wake()

    def _wake(self) -> None:
        """Something was queued outside a turn: it must not wait for the next descriptor."""
        if not self._is_woken and self._is_open:
            self._is_woken = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._is_woken = False
        if not self._is_open:
            return
        try:
            self._host.turn()
        except OSError as error:  # of the reactor itself, which would be the same in the next turn
            self.broken = error
        finally:
            self._look()

    def _look(self) -> None:
        is_over = self.run.is_over or self.broken is not None
        now = (self.run.is_planned, is_over)
        if now == self._told:
            return
        self._told = now
        if is_over:
            self.close()
        self._changed()

    def forked(self) -> None:
        """This process is another one: the run goes on without it."""
        self._is_open = False
        self._host.forked()

    async def _leave(self) -> collections.abc.AsyncGenerator[None, None]:
        """A generator that hangs at its yield for the life of the run. A loop that is shut down closes its generators, and
        waits for them: so a run ends properly, teardown included, with a program that has forgotten it, or was interrupted."""
        try:
            yield
        finally:
            if self._is_open:
                self.is_leaving = True
                self.run.stop("the event loop was shut down", True)
                self._wake()
                await self._closed.wait()

    def close(self) -> None:
        """Leaves the loop. What is measured stays in ``run``."""
        if not self._is_open:
            return
        self._is_open = False
        for descriptor in self._descriptors:
            self._loop.remove_reader(descriptor)
        if self._task_factory is not None:
            self._task_factory.remove()
        self._host.close()
        self._closed.set()
        if not self.is_leaving:
            _step(self._leaving.aclose())


_guests: weakref.WeakSet[Guest] = weakref.WeakSet()


def _forked() -> None:
    for guest in list(_guests):
        guest.forked()


os.register_at_fork(after_in_child=_forked)
