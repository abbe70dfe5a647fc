# SPDX-License-Identifier: MIT
"""What calls of gRPC give: responses and streams."""

from __future__ import annotations

import asyncio
import collections.abc
import enum
import typing
import warnings

from rampa._grpc_wire import Request, one_line, shown
from rampa._response import Timings
from rampa.errors import GrpcError

if typing.TYPE_CHECKING:
    from rampa._rampa import _GrpcCall


class GrpcStatus(enum.IntEnum):
    """How a call has ended.

    >>> GrpcStatus(5), GrpcStatus.OK == 0
    (<GrpcStatus.NOT_FOUND: 5>, True)
    """

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class GrpcResponse:
    """What a call with one response gives, whatever has become of it: a failed call has no message, and a status that says why.

    Args:
        data: the bytes of the message; ``b""`` when the call has failed.
        status_code: 0 = OK; see :class:`GrpcStatus`.
        metadata: what came before the message; without it nothing did.

    >>> response = GrpcResponse(b"", 5)
    >>> response.ok, response.status
    (False, <GrpcStatus.NOT_FOUND: 5>)
    """

    __slots__: typing.ClassVar[dict[str, str]] = {
        "_call": "",
        "_metadata": "",
        "data": 'The bytes of the message; ``b""`` when the call has failed.',
        "status_code": "0 = OK; see :class:`GrpcStatus`.",
    }

    data: bytes
    status_code: int

    def __init__(self, data: bytes = b"", status_code: int = 0, metadata: dict[str, typing.Any] | None = None) -> None:
        self.data = data
        self.status_code = status_code
        self._call: _GrpcCall | None = None
        self._metadata = metadata

    @property
    def ok(self) -> bool:
        """Whether the status is OK."""
        return self.status_code == 0

    @property
    def status(self) -> GrpcStatus:
        """The status by its name."""
        return GrpcStatus(self.status_code)

    @property
    def details(self) -> str:
        """What the server, or rampa, says of the status; it may be empty."""
        return self._call.text if self._call is not None else ""

    @property
    def error_code(self) -> int:
        """0, or the number of what went wrong on the way, as of HTTP requests."""
        return self._call.error_code if self._call is not None else 0

    @property
    def message(self) -> typing.Any:
        """The message as one of the class that was given as ``response=``, or as a dict when the channel has a schema.

        None when the call has failed, or there is neither.

        Raises:
            google.protobuf.message.DecodeError: the bytes are no message of that class.
        """
        schema = self._call.schema if self._call is not None else None
        return schema.FromString(self.data) if schema is not None and self.ok else None

    @property
    def metadata(self) -> dict[str, typing.Any]:
        """The metadata that came before the message: names in lower case, with str, or bytes for names that end in ``-bin``."""
        if self._metadata is None:
            self._metadata = {} if self._call is None else shown(head_of(self._call))
        return self._metadata

    @property
    def trailers(self) -> dict[str, typing.Any]:
        """The metadata that came at the end."""
        return {} if self._call is None else shown(trailers_of(self._call))

    @property
    def timings(self) -> Timings:
        """The phases of the call in milliseconds."""
        parts = self._call.timings if self._call is not None else (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return Timings(*parts, sum(parts[4:]))

    def __repr__(self) -> str:
        name = GrpcStatus(self.status_code).name
        return f"<GrpcResponse {name}, {len(self.data)} bytes>" if self.ok else f"<GrpcResponse {name}: {one_line(self.details)}>"


_new = object.__new__


def made_response(call: _GrpcCall, data: bytes, status_code: int) -> GrpcResponse:
    """C calls this for a call that has ended."""
    response = _new(GrpcResponse)  # without the frame of __init__(): there is one for each call
    response.data = data
    response.status_code = status_code
    response._call = call
    response._metadata = None
    return response


def _is_bare(call: _GrpcCall) -> bool:
    """Whether the answer was nothing but a head: then that is the end too."""
    return not call.trailers() and any(name.lower() == "grpc-status" for name, _ in call.headers())


def head_of(call: _GrpcCall) -> list[tuple[str, str]]:
    return [] if _is_bare(call) else call.headers()


def trailers_of(call: _GrpcCall) -> list[tuple[str, str]]:
    return call.headers() if _is_bare(call) else call.trailers()


class GrpcStream:
    """A call with several requests, or several responses: ``async with channel.bidi(method) as s``.

    It is made by :meth:`GrpcChannel.bidi` and its sisters.

    ``await s.send(request)`` sends a message and waits while too many of them are not yet sent; ``await s.end()`` says that
    there are no more. ``async for message in s``, or ``await s.receive()``, takes what comes. A block that is left before the
    end cancels the call.

    Iterating raises :class:`rampa.errors.GrpcError` when the call ends with another status than OK.

    >>> async def chat(worker, channel):
    ...     async with channel.bidi("/chat.Chat/Talk") as s:
    ...         await s.send(b"hello")
    ...         answer = await s.receive()
    ...         await s.end()
    ...     return answer
    """

    def __init__(
        self,
        call: _GrpcCall,
        method: str,
        has_requests: bool,
        has_responses: bool,
        write: collections.abc.Callable[[str, typing.Any], bytes],
    ) -> None:
        self._call = call
        self._write = write
        self._method = method
        self._has_requests = has_requests
        self._has_responses = has_responses
        self._response: GrpcResponse | None = None

    async def __aenter__(self) -> GrpcStream:
        self._call.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        # Not an exception of the script itself, such as a failed assert: then it has what it wanted of the call.
        own = (Exception, GeneratorExit)
        self._call.leave(kind is not None and (issubclass(kind, TimeoutError) or not issubclass(kind, own)))

    async def send(self, request: Request) -> None:
        """Sends a message. After the end of the call nothing happens.

        Raises:
            RuntimeError: the call has one request, or :meth:`end` was called.
            TypeError: the request is neither bytes nor a message.
        """
        if not self._has_requests:
            raise RuntimeError(f"{self._method} was called with its one request, and takes no further one")
        self._call.start()
        if self._call.send(self._write(self._method, request)):
            await self._call.room()

    async def _send_each(self, requests: typing.Any) -> None:
        """Sends all of them, as long as the call goes on."""
        if isinstance(requests, collections.abc.AsyncIterable):
            async for request in requests:
                await self.send(request)
                if self._call.has_ended:
                    return
        else:
            for request in requests:
                await self.send(request)
                if self._call.has_ended:
                    return
        await self.end()

    async def _feed(self, requests: typing.Any) -> None:
        """The same as a task of its own: when it fails, who waits for the call is told."""
        try:
            await self._send_each(requests)
        except BaseException:
            self._call.leave(False)
            raise

    async def _send_all(self, requests: typing.Any) -> GrpcResponse:
        """The whole of a call with one response."""
        async with self:
            if not isinstance(requests, collections.abc.AsyncIterable):
                await self._send_each(requests)
                return await self.finish()
            # The call may end while the script waits for its next request.
            feed = asyncio.get_running_loop().create_task(self._feed(requests))
            try:
                response = await self._call.result()
            finally:
                feed.cancel()
            if feed.done():
                await feed  # which may have failed, and so have ended the call
            return response

    async def end(self) -> None:
        """There are no further messages to be sent."""
        self._call.start()
        self._call.half_close()

    async def receive(self) -> typing.Any:
        """The next message, or None when there are no more: then :attr:`status_code` says how the call has ended.

        Raises:
            RuntimeError: the call has one response, which :meth:`finish` gives.
        """
        if not self._has_responses:
            raise RuntimeError(f"{self._method} has one response: await s.finish()")
        data = self._call.take()
        if data is None:
            data = await self._call.receive()
        schema = self._call.schema
        return data if data is None or schema is None else schema.FromString(data)

    def __aiter__(self) -> collections.abc.AsyncIterator[typing.Any]:
        if not self._has_responses:
            raise TypeError(f"{self._method} has one response: await s.finish()")
        return self

    async def __anext__(self) -> typing.Any:
        message = await self.receive()
        if message is not None:
            return message
        self.raise_for_status()
        raise StopAsyncIteration

    async def finish(self) -> GrpcResponse:
        """Ends the sending, and waits for the one response of the call. Later calls give the same.

        Raises:
            RuntimeError: the call has several responses, which are received one by one.
        """
        if self._has_responses:
            raise RuntimeError(f"{self._method} has several responses: async for message in s")
        if self._response is None:
            await self.end()
            self._response = await self._call.result()
        return self._response

    def raise_for_status(self) -> None:
        """Raises when the call has ended with another status than OK.

        Raises:
            rampa.errors.GrpcError: it has.
        """
        if self._call.has_ended and self._call.status != 0:
            raise GrpcError(self._method, self._call.status, GrpcStatus(self._call.status).name, self._call.text, self._call.error_code)

    @property
    def status_code(self) -> int | None:
        """None while the call is under way; 0 = OK."""
        return self._call.status if self._call.has_ended else None

    @property
    def status(self) -> GrpcStatus | None:
        """The status by its name; None while the call is under way."""
        return GrpcStatus(self._call.status) if self._call.has_ended else None

    @property
    def ok(self) -> bool:
        """Whether the call has ended with the status OK."""
        return self._call.has_ended and self._call.status == 0

    @property
    def details(self) -> str:
        """What the server, or rampa, says of the status; empty while the call is under way."""
        return self._call.text if self._call.has_ended else ""

    @property
    def error_code(self) -> int:
        """0, or the number of what went wrong on the way, as of HTTP requests."""
        return self._call.error_code

    async def metadata(self) -> dict[str, typing.Any]:
        """The metadata before the messages, which is waited for."""
        if not self._call.has_head:
            await self._call.head()
        return shown(head_of(self._call))

    @property
    def trailers(self) -> dict[str, typing.Any]:
        """The metadata at the end; empty while the call is under way."""
        return shown(trailers_of(self._call)) if self._call.has_ended else {}

    def __repr__(self) -> str:
        state = GrpcStatus(self._call.status).name if self._call.has_ended else "under way"
        return f"<GrpcStream {self._method} {state}>"


class _NotBegun:
    """What a call is before there is one."""

    schema = None
    has_head = has_ended = False
    status = error_code = 0
    text = ""

    def leave(self, gave_up: bool, /) -> None:
        pass


def _write_nothing(method: str, request: typing.Any) -> bytes:
    raise RuntimeError(f"{method} has not begun")


class LaterStream(GrpcStream):
    """A call that cannot begin at once, because something has to be asked for it first.

    Args:
        method: ``/package.Service/Method``.
        has_requests: whether it has several.
        has_responses: likewise.
        begin: what gives the call itself. It is awaited once, by the first that waits for something of the call.
    """

    def __init__(
        self,
        method: str,
        has_requests: bool,
        has_responses: bool,
        begin: collections.abc.Callable[[], collections.abc.Awaitable[GrpcStream]],
    ) -> None:
        super().__init__(typing.cast("_GrpcCall", _NotBegun()), method, has_requests, has_responses, _write_nothing)
        self._begin = begin
        self._lock = asyncio.Lock()
        self._has_begun = False
        self._was_awaited = False

    def __del__(self) -> None:
        if not self._was_awaited:
            warnings.warn(f"a stream of gRPC, {self._method} was never awaited", RuntimeWarning, stacklevel=2)

    async def _be_begun(self) -> None:
        self._was_awaited = True
        if self._has_begun:
            return
        async with self._lock:
            if not self._has_begun:
                stream = await self._begin()
                self._call = stream._call
                self._write = stream._write
                self._has_begun = True

    async def __aenter__(self) -> GrpcStream:
        await self._be_begun()
        return await super().__aenter__()

    async def send(self, request: Request) -> None:
        await self._be_begun()
        await super().send(request)

    async def end(self) -> None:
        await self._be_begun()
        await super().end()

    async def receive(self) -> typing.Any:
        await self._be_begun()
        return await super().receive()

    async def metadata(self) -> dict[str, typing.Any]:
        await self._be_begun()
        return await super().metadata()
