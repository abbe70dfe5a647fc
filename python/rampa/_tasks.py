# SPDX-License-Identifier: MIT
"""Tasks that are still running when the iteration that created them ends."""

from __future__ import annotations

import asyncio
import types
import typing

if typing.TYPE_CHECKING:
    from rampa import _rampa
    from rampa._hooks import LeftTask
    from rampa._worker import Hooks


class Leftovers:
    """What one iteration has left running: cancelled here; the VU begins nothing more until all of it has ended."""

    def __init__(self, hooks: Hooks, worker: _rampa.Worker, tasks: list[LeftTask], is_interrupted: bool) -> None:
        self._hooks = hooks
        self._worker = worker
        self._scenario = worker.execution.scenario
        self._places: dict[asyncio.Task[typing.Any], str] = {}
        for task, code, line in tasks:
            place = self._places[task] = self._place(task, code, line)
            task.cancel()
            task.add_done_callback(self._ended)
            if not is_interrupted:
                hooks.warn_later(
                    f"scenario {self._scenario!r}: a task was still running when its iteration ended, and was cancelled: "
                    f"{place}; await it, or use asyncio.TaskGroup"
                )

    def _place(self, task: asyncio.Task[typing.Any], code: types.CodeType | None, line: int) -> str:
        frame = None if code is not None else getattr(task.get_coro(), "cr_frame", None)
        if frame is not None:
            code, line = frame.f_code, frame.f_lineno
        return self._hooks.place(code, line)

    def _ended(self, task: asyncio.Task[typing.Any]) -> None:
        del self._places[task]
        if not self._places:
            self._worker._released(self)

    def give_up(self) -> None:
        """The tasks have had their time."""
        for place in self._places.values():
            self._hooks.warn_later(
                f"scenario {self._scenario!r}: a task goes on although it was cancelled at the end of its iteration: {place}"
            )
