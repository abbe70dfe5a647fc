# SPDX-License-Identifier: MIT
"""Bodies that are read as they come: what ``worker.http.stream()`` returns."""

from __future__ import annotations

import collections.abc
import json
import typing

if typing.TYPE_CHECKING:
    from rampa._rampa import Response
    from rampa._response import Headers, Timings
    from rampa._upload import StreamFeed


class ServerSentEvent(typing.NamedTuple):
    """One event of a stream of server-sent events.

    Attributes:
        event: its type, ``"message"`` when the server has named none.
        data: its text; several lines are joined by ``"\\n"``.
        id: the last id that the server has given, with this event or an earlier one; ``""`` when there was none.
        retry: the last reconnection time that the server has given, in milliseconds, or None.

    >>> ServerSentEvent("message", '{"n": 1}', "", None).json()
    {'n': 1}
    """

    event: str
    data: str
    id: str
    retry: int | None

    def json(self) -> typing.Any:
        """The data, parsed as JSON."""
        return json.loads(self.data)


class _BodyStream(typing.Protocol):
    """The request, in C. Each of the first three is awaited; at the end of the body they give ``b""`` and None."""

    response: Response
    status: int
    proto: str | None
    has_head: bool
    has_ended: bool
    has_told: bool

    def open(self) -> collections.abc.Awaitable[None]: ...
    def read(self) -> collections.abc.Awaitable[bytes]: ...
    def event(self) -> collections.abc.Awaitable[tuple[str, str, str, int | None] | None]: ...
    def leave(self, gave_up: bool) -> None: ...
    def fail(self, failure: BaseException) -> None: ...


class Stream:
    """A response whose body is read as it comes: ``async with worker.http.stream("GET", url) as r``.

    The block begins when the head of the response has come, so that the status and the headers are known. Inside of it the
    body is read once, by ``async for chunk in r``, by ``read()`` or by ``events()``. However large the body is, only some
    hundred KB of it wait in memory: the server is held up when the script is slower.

    The metrics of the request are recorded when the body has ended or the block is left. A block that is left before closes
    the connection; the request counts as what its status says, or, when the script's own timeout ends the block, as
    cancelled. A stream whose events were read is never cancelled, for it need not end by itself.

    A body that an async generator or another iterator makes (``data=``) is sent by a task of the stream's own, so that the
    answer can be read meanwhile. What the generator raises is raised where the stream is read, or else at the end of the
    block. The generator is closed when the block is left, and when the server wants no more of the body.

    >>> async def download(worker, url):
    ...     size = 0
    ...     async with worker.http.stream("GET", url) as r:
    ...         async for chunk in r:
    ...             size += len(chunk)
    ...     return size
    """

    def __init__(self, body: _BodyStream) -> None:
        self._body = body
        self._reads = ""
        self._judge: typing.Any = None
        self._feed: StreamFeed | None = None

    async def __aenter__(self) -> Stream:
        feed = self._feed if self._feed is not None and self._feed.begin() else None
        try:
            await self._body.open()
        except BaseException as error:
            await self._end_feed(feed, type(error))
            raise
        if self._judge is not None:
            from rampa._request import judge_status

            try:
                await judge_status(self._body.response, self._judge)
            except BaseException as error:
                await self.__aexit__(type(error), error, None)
                raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        # Not an exception of the script itself, such as a failed assert: then it has what it wanted of the request.
        own = (Exception, GeneratorExit)
        self._body.leave(kind is not None and (issubclass(kind, TimeoutError) or not issubclass(kind, own)))
        await self._end_feed(self._feed, kind)

    async def _end_feed(self, feed: StreamFeed | None, kind: type[BaseException] | None) -> None:
        """Ends what makes the body of the request. kind: of the exception that is on its way."""
        if feed is None:
            return
        feed.stop()
        if kind is None or not issubclass(kind, GeneratorExit):  # when the script's coroutine is closed, it cannot wait
            await feed.ended()
        if kind is None:
            feed.check()

    def __await__(self) -> typing.NoReturn:
        raise TypeError("a stream is not awaited: write async with worker.http.stream(method, url) as r")

    def _begin(self, how: str) -> None:
        if not self._body.has_head and not self._body.has_ended:
            raise RuntimeError("write async with worker.http.stream(method, url) as r, and read r inside of it")
        if self._reads not in ("", how):
            raise RuntimeError(f"the body is read by {self._reads} already")
        self._reads = how

    def __aiter__(self) -> collections.abc.AsyncIterator[bytes]:
        self._begin("async for")
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._body.read()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def read(self) -> bytes:
        """The whole body, or what is left of it.

        Raises:
            rampa.errors.RequestError: the body did not come to its end.
        """
        if self._reads != "async for":
            self._begin("read()")
        chunks = []
        while chunk := await self._body.read():
            chunks.append(chunk)
        return b"".join(chunks)

    async def events(self) -> collections.abc.AsyncGenerator[ServerSentEvent, None]:
        """The server-sent events of the body, one after the other: ``async for event in r.events()``.

        The metrics sse_events, sse_first_event and sse_event_gap take the times at which the bytes of an event arrived,
        not those at which the script looks.

        Raises:
            ValueError: the response is no stream of events, by its status or Content-Type.
            rampa.errors.RequestError: the connection broke.
        """
        self._begin("events()")
        kind = self.headers.get("content-type", "")
        if self.status != 200 or kind.partition(";")[0].strip().lower() != "text/event-stream":
            raise ValueError(f"{self.url} is no stream of events: status {self.status}, Content-Type {kind!r}")
        while (event := await self._body.event()) is not None:
            yield ServerSentEvent(*event)

    @property
    def status(self) -> int:
        """The HTTP status, whatever becomes of the body; 0 when there is no head."""
        return self._body.status

    @property
    def ok(self) -> bool:
        """Whether the status is expected (200 to 399, or ``expected_statuses``), and the body has not failed."""
        return self._body.response.ok

    @property
    def headers(self) -> Headers:
        """The response headers."""
        return self._body.response.headers

    @property
    def url(self) -> str:
        """The URL of the response: the last one, when redirects were followed."""
        return self._body.response.url

    @property
    def method(self) -> str:
        """The method of the request."""
        return self._body.response.method

    @property
    def reason(self) -> str:
        """The text after the status, such as ``Not Found``."""
        return self._body.response.reason

    @property
    def proto(self) -> str | None:
        """``"HTTP/2.0"``, ``"HTTP/1.1"`` or ``"HTTP/1.0"``, None when there is no head."""
        return self._body.proto

    @property
    def error(self) -> str | None:
        """None, or why the body is not complete."""
        return self._body.response.error

    @property
    def error_code(self) -> int:
        """0, or the number of the kind of failure; 1000 + status from status 400 on."""
        return self._body.response.error_code

    @property
    def trace_id(self) -> str | None:
        """The id of the trace that the request has named with ``traceparent``, 32 digits; else None."""
        return self._body.response.trace_id

    @property
    def timings(self) -> Timings:
        """The phases of the request in milliseconds, after its end.

        Raises:
            RuntimeError: it has not ended.
        """
        if not self._body.has_ended:
            raise RuntimeError("the timings are known when the body has ended, or the block is left")
        return self._body.response.timings

    def __repr__(self) -> str:
        if not self._body.has_head:
            return "<Stream>"
        return f"<Stream {self.status} {self.url}>"
