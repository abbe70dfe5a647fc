# SPDX-License-Identifier: MIT
"""Bodies that an iterator makes while they are sent."""

from __future__ import annotations

import asyncio
import collections.abc
import typing

if typing.TYPE_CHECKING:
    from rampa._rampa import HttpClient, Request, Response
    from rampa._stream import Stream, _BodyStream


async def each(source: typing.Any) -> collections.abc.AsyncGenerator[typing.Any, None]:
    """What a plain iterator gives, as an async generator.

    Args:
        source: an iterator of pieces of a body.
    """
    try:
        for chunk in source:
            yield chunk
    finally:
        if hasattr(source, "close"):
            source.close()


def _bytes_of(chunk: typing.Any) -> bytes:
    if isinstance(chunk, str):
        return chunk.encode()
    if not isinstance(chunk, (bytes, bytearray, memoryview)):
        raise TypeError(f"data: what makes a body gives bytes or text, not {type(chunk).__name__}")
    return bytes(chunk)


async def _feed(client: HttpClient, request: Request | _BodyStream, source: typing.Any, drained: typing.Any) -> None:
    """Gives a request what an iterator makes, until it ends or nothing more is wanted; then the iterator is closed.

    Args:
        client: that has made the request.
        request: with a body that is fed.
        source: an async iterator of bytes or text.
        drained: has wait(), which waits until more may be wanted.
    """
    client._on_drain(request, drained)
    iterator = source.__aiter__()
    try:
        async for chunk in iterator:
            enough = client._feed(request, _bytes_of(chunk))
            while enough:
                await drained.wait()
                enough = client._feed(request, b"")
            if enough is None:  # the server has answered without waiting for the rest
                break
        else:
            client._feed(request, None)
    finally:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()


class _Drained:
    """Called when a request may want more of its body, and awaited by who feeds it."""

    def __init__(self) -> None:
        self._wanted: asyncio.Future[None] | None = None

    def __call__(self, *_: object) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def wait(self) -> None:
        """Returns after the next call."""
        self._wanted = asyncio.get_running_loop().create_future()
        await self._wanted


async def send_from(client: HttpClient, request: Request, source: typing.Any) -> Response:
    """Sends a request with what an iterator gives as its body, in chunks, and waits for the response.

    Args:
        client: that has made the request.
        request: with a body that is fed.
        source: an async iterator of bytes or text.

    Raises:
        rampa.errors.RequestError: there is no complete response.
    """
    drained = _Drained()
    request.add_done_callback(drained)  # which begins it
    try:
        await _feed(client, request, source, drained)
    except BaseException:
        request.cancel()
        raise
    return await request


class StreamFeed:
    """Feeds the body of a stream, in a task of its own, for the script reads the answer meanwhile.

    Args:
        client: that has made the request.
        body: the request.
        source: an async iterator of bytes or text.
    """

    def __init__(self, client: HttpClient, body: _BodyStream, source: typing.Any) -> None:
        self._client = client
        self._body = body
        self._source = source
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def begin(self) -> bool:
        """Begins to feed. False when it has begun before."""
        if self._task is not None:
            return False
        self._task = asyncio.get_running_loop().create_task(self._run())
        return True

    async def _run(self) -> None:
        try:
            await _feed(self._client, self._body, self._source, _Drained())
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failure = error
            self._body.fail(error)

    def stop(self) -> None:
        """Has the iterator closed, if it has not come to its end."""
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Waits until the iterator is closed or has come to its end."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def check(self) -> None:
        """Raises what the iterator has raised, unless a reader of the stream was told."""
        if self._failure is not None and not self._body.has_told:
            raise self._failure


def feed_stream(client: HttpClient, stream: Stream, source: typing.Any) -> Stream:
    """Has a stream send what an iterator makes (called by the extension).

    Args:
        client: that has made the stream.
        stream: that is new.
        source: an async iterator of bytes or text.
    """
    stream._feed = StreamFeed(client, stream._body, source)
    return stream
