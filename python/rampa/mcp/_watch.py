# SPDX-License-Identifier: MIT
"""Who wants to know that resources have changed. It knows nothing of the protocol.

Once a second, and only while somebody listens, it looks at each resource that is wanted, and compares it with what it was.
So a resource is told of at most once a second, however often it changes.
"""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import typing

from rampa.mcp._failure import Failure
from rampa.mcp._files import shown
from rampa.mcp._resources import mark
from rampa.mcp._tools import Tools

#: How many listeners there are at most, and how many resources one of them may name.
LISTENERS = 256
URIS = 100
_LOOK_SECONDS = 1.0

#: Tells a listener of a resource by its URI, or with None that the list of resources has changed.
Send = collections.abc.Callable[[str | None], collections.abc.Awaitable[None]]


class Listener:
    """Somebody who is told of changes. What has not been sent yet is kept once, so one who does not read costs little.

    Args:
        watch: that it belongs to.
        send: tells it. It may wait for long.
    """

    def __init__(self, watch: Watch, send: Send) -> None:
        self._watch = watch
        self._send = send
        self._pending: dict[str | None, None] = {}
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._follow())
        self.wants_list = False
        self.uris: set[str] = set()

    def add(self, uri: str) -> None:
        """Tells it of this resource from now on.

        Args:
            uri: of the resource.

        Raises:
            LookupError: there is no such resource.
            Failure: it is about a run or a metric that there is not, or there are too many.
        """
        if uri not in self.uris and len(self.uris) >= URIS:
            raise Failure(f"a client may subscribe to {URIS} resources, and {shown(uri)} is one more", "unsubscribe from one")
        self._watch.note(uri)
        self.uris.add(uri)

    def tell(self, uri: str | None) -> None:
        """Tells it of a change, when it can be told.

        Args:
            uri: of the resource, or None for the list of them.
        """
        self._pending[uri] = None
        self._wake.set()

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            pending, self._pending = self._pending, {}
            for uri in pending:
                await self._send(uri)

    def close(self) -> None:
        """Tells it nothing more."""
        self._task.cancel()
        self._watch.drop(self)


class Watch:
    """Looks at what its listeners want to know of.

    Args:
        tools: of the server.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._listeners: set[Listener] = set()
        self._marks: dict[str, typing.Any] = {}  # of each resource that is wanted, when it was last looked at
        self._runs: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def listen(self, send: Send) -> Listener:
        """A new listener, which wants nothing yet. It is to be closed.

        Args:
            send: tells it.

        Raises:
            Failure: there are too many.
        """
        if len(self._listeners) >= LISTENERS:
            raise Failure(f"{LISTENERS} clients wait for changes, and there may be no more", "close one")
        listener = Listener(self, send)
        self._listeners.add(listener)
        if self._task is None:
            self._runs = self._run_ids()
            self._task = asyncio.create_task(self._look_again())
        return listener

    def note(self, uri: str) -> None:
        """Takes what a resource is now for what its listeners know.

        Args:
            uri: of the resource.

        Raises:
            LookupError: there is no such resource.
            Failure: it is about a run or a metric that there is not.
        """
        if uri not in self._marks:
            self._marks[uri] = mark(self._tools, uri)

    def drop(self, listener: Listener) -> None:
        """Forgets a listener.

        Args:
            listener: that has been closed.
        """
        self._listeners.discard(listener)
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """Closes all listeners."""
        for listener in list(self._listeners):
            listener.close()

    def _run_ids(self) -> list[str]:
        return [row["run_id"] for row in self._tools.runs()]

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Compares everything that is wanted with what it was, and tells the listeners."""
        runs = self._run_ids()
        is_other_list, self._runs = runs != self._runs, runs
        wanted = set[str]().union(*(listener.uris for listener in self._listeners))
        self._marks = {uri: kept for uri, kept in self._marks.items() if uri in wanted}
        changed = set()
        for uri, known in self._marks.items():
            now = None
            with contextlib.suppress(LookupError, Failure):  # the run has been forgotten
                now = mark(self._tools, uri)
            if now != known:
                self._marks[uri] = now
                changed.add(uri)
        for listener in self._listeners:
            for uri in changed & listener.uris:
                listener.tell(uri)
            if is_other_list and listener.wants_list:
                listener.tell(None)
