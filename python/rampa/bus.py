# SPDX-License-Identifier: MIT
"""Events for any number of consumers. A run has its own: see :meth:`rampa.RunController.events`."""

from __future__ import annotations

import asyncio
import collections.abc
import threading

from rampa.events import EngineEvent


class EventBus:
    """Hands each event to every subscriber, by a queue of bounded length for each.

    A subscriber whose queue is full misses events, and slows nobody down. It never misses the end: for that, the oldest
    event gives way.

    Args:
        loop: of the subscribers.
        maxsize: how many events a queue holds.

    >>> loop = asyncio.new_event_loop()
    >>> bus = EventBus(loop)
    >>> queue = bus.subscribe()
    >>> bus.publish(None)
    >>> loop.run_until_complete(queue.get()) is None
    True
    >>> loop.close()
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, maxsize: int = 10_000) -> None:
        self._loop = loop
        self._maxsize = maxsize
        self._queues: list[asyncio.Queue[EngineEvent | None]] = []
        self._lock = threading.Lock()

    @property
    def subscriber_count(self) -> int:
        """How many subscribers there are."""
        with self._lock:
            return len(self._queues)

    def subscribe(self) -> asyncio.Queue[EngineEvent | None]:
        """A new queue, which gets the events from now on, and None at the end."""
        queue: asyncio.Queue[EngineEvent | None] = asyncio.Queue(self._maxsize)
        with self._lock:
            self._queues.append(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[EngineEvent | None]) -> None:
        """The queue gets nothing more. One that is not subscribed is ignored.

        Args:
            queue: that :meth:`subscribe` has given.
        """
        with self._lock:
            self._queues = [known for known in self._queues if known is not queue]

    def publish(self, event: EngineEvent | None) -> None:
        """Hands an event over, on the thread of the loop.

        Args:
            event: or None, which is the end.
        """
        with self._lock:
            queues = list(self._queues)
        for queue in queues:
            if event is None and queue.full():
                queue.get_nowait()
            if not queue.full():
                queue.put_nowait(event)

    def publish_threadsafe(self, event: EngineEvent | None) -> None:
        """Hands an event over, from any thread.

        Args:
            event: or None, which is the end.
        """
        self._loop.call_soon_threadsafe(self.publish, event)

    async def events(self) -> collections.abc.AsyncIterator[EngineEvent]:
        """The events from now on until the end.

        Yields:
            Events.
        """
        queue = self.subscribe()
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self.unsubscribe(queue)
