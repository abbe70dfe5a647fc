# SPDX-License-Identifier: MIT
"""A gate that iterations wait at. A run has its own: see :meth:`rampa.RunController.pause`."""

from __future__ import annotations

import asyncio
import collections.abc
import time


class PauseController:
    """Whether something pauses, and for how long it has paused. Pausing or resuming twice is as once.

    >>> controller = PauseController()
    >>> controller.pause()
    >>> controller.is_paused
    True
    """

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._since = 0.0
        self._paused = 0.0
        self._watchers: list[collections.abc.Callable[[], object]] = []

    @property
    def is_paused(self) -> bool:
        """Whether it pauses now."""
        return not self._open.is_set()

    @property
    def total_paused_seconds(self) -> float:
        """The length of all pauses, with the part of one that is not over."""
        return self._paused + (time.monotonic() - self._since if self.is_paused else 0.0)

    def pause(self) -> None:
        """Closes the gate."""
        if not self.is_paused:
            self._since = time.monotonic()
            self._open.clear()
            self._tell()

    def resume(self) -> None:
        """Opens the gate."""
        if self.is_paused:
            self._paused = self.total_paused_seconds
            self._open.set()
            self._tell()

    async def wait_if_paused(self) -> None:
        """Waits until nothing pauses."""
        await self._open.wait()

    def _tell(self) -> None:
        for watcher in list(self._watchers):
            watcher()
