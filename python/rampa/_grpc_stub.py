# SPDX-License-Identifier: MIT
"""What generated stubs of grpcio take for a channel of ``grpc.aio``: their code runs over a channel of rampa."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import importlib
import time
import types
import typing

from rampa._grpc_calls import GrpcResponse, GrpcStatus, GrpcStream, head_of, trailers_of
from rampa._grpc_wire import shown
from rampa.errors import GrpcError

if typing.TYPE_CHECKING:
    from rampa._rampa import _GrpcCall
    from rampa.grpc import GrpcChannel

_AT_ONCE = 1e-9  # seconds: a deadline that has passed when the call begins

_made: dict[str, typing.Any] = {}


def _grpc() -> typing.Any:
    """The package grpcio, which generated code needs in any case, and nothing else of rampa does."""
    if "grpc" not in _made:
        try:
            importlib.import_module("grpc.aio")
            _made["grpc"] = importlib.import_module("grpc")
        except ImportError as error:
            raise ImportError("a generated stub needs the package grpcio: pip install grpcio") from error
    return _made["grpc"]


def _code(number: int) -> typing.Any:
    return next(code for code in _grpc().StatusCode if code.value[0] == number)


def _make_error(call: _GrpcCall, method: str, head: typing.Any, trailers: typing.Any) -> Exception:
    """An error of a call of a stub: what code for grpc.aio catches, and a failed request to rampa."""
    base = _grpc().aio.AioRpcError
    if "error" not in _made:
        plain = {"__init__": base.__init__, "__str__": Exception.__str__, "__repr__": Exception.__repr__}
        _made["error"] = type("StubError", (GrpcError, base), plain)
    made: typing.Any = _made["error"]
    error = made(_code(call.status), head, trailers, call.text)
    error.args = (f"{method}: {GrpcStatus(call.status).name}{': ' if call.text else ''}{call.text}",)
    error.method = error.url = method
    error.status_code = call.status
    error.error_code = call.error_code
    return typing.cast(Exception, error)


def _is_gzip(compression: typing.Any, path: str) -> bool | None:
    """What a call says of its compression; None: what the channel says."""
    if compression is None:
        return None
    known = _grpc().Compression
    if compression is known.Gzip or compression is known.NoCompression:
        return bool(compression is known.Gzip)
    raise ValueError(f"{path}: compression= takes grpc.Compression.Gzip or NoCompression, not {compression!r:.80}")


def check_stub(stub: typing.Any, *, is_class: bool = False) -> None:
    if not (isinstance(stub, type) if is_class else callable(stub)):
        raise TypeError(f"stub() takes the class of a generated stub, such as helloworld_pb2_grpc.GreeterStub, not {stub!r:.80}")


class _Block:
    """What a stub has beside its methods, to stand in a `with`. Nothing has to be closed: connections belong to the VU."""

    def __enter__(self) -> typing.Any:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: types.TracebackType | None) -> None:
        pass

    async def __aenter__(self) -> typing.Any:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: types.TracebackType | None) -> None:
        pass


_BLOCK = "_rampa_block"  # of a class of stubs: the class below. Elsewhere it would keep that class, its base, alive


def make_block(stub: type, channel: GrpcChannel) -> typing.Any:
    """A stub that can stand in a `with` as well: of a class that is made of its own, once."""
    made = vars(stub).get(_BLOCK)
    if made is None:
        own = {"__module__": stub.__module__, "__qualname__": stub.__qualname__, "__doc__": stub.__doc__}
        made = type(stub.__name__, (stub, _Block), own)
        with contextlib.suppress(AttributeError, TypeError):  # some classes take none
            setattr(stub, _BLOCK, made)
    return made(StubChannel(channel))


class StubCall:
    """A call as ``grpc.aio`` has it: awaited for its one response, or iterated over, and asked for its status."""

    def __init__(self, method: _Method, stream: GrpcStream, patience: float | None) -> None:
        self._method = method
        self._until = None if patience is None else time.monotonic() + patience
        self._is_cancelled = False  # by the script
        self._callbacks: list[collections.abc.Callable[[typing.Any], object]] = []
        self._stream = stream
        self._call = stream._call
        self._answer: typing.Any = None  # what is awaited for the one response
        self._feed: asyncio.Task[None] | None = None
        self._is_feed_told = False  # how it has ended

    # ---- what is sent ----

    def _send_all(self, requests: typing.Any) -> None:
        self._feed = asyncio.get_running_loop().create_task(self._run_feed(requests))

    async def _run_feed(self, requests: typing.Any) -> None:
        try:
            await self._write_all(requests)
        except BaseException:
            self._call.leave(False)  # who waits for the call is told
            raise

    async def _write_all(self, requests: typing.Any) -> None:
        if isinstance(requests, collections.abc.AsyncIterable):
            async for request in requests:
                await self.write(request)
                if self._call.has_ended:
                    return
        else:
            for request in requests:
                await self.write(request)
                if self._call.has_ended:
                    return
        await self.done_writing()

    async def write(self, request: typing.Any) -> None:
        await self._stream.send(self._method.serialize(request))

    async def done_writing(self) -> None:
        await self._stream.end()

    def _end_feed(self) -> None:
        """The call has ended. What the requests themselves have raised has ended it, and is raised to who waits for it."""
        if self._feed is None:
            return
        self._is_feed_told = True
        if not self._feed.done():
            self._feed.cancel()  # the script may wait for its next request
        elif not self._feed.cancelled():
            self._feed.result()

    # ---- what comes ----

    async def _take_response(self) -> GrpcResponse:
        """Of a call with one response. Several may wait for it."""
        if self._answer is None:
            self._answer = self._call.result()
        if self._answer.cancelled():  # by who has waited for it
            raise asyncio.CancelledError
        try:
            response = typing.cast(GrpcResponse, await self._answer)
        except asyncio.CancelledError:
            if self._feed is not None:
                self._feed.cancel()
            raise
        self._tell_done()
        return response

    async def _finish(self) -> typing.Any:
        response = await self._take_response()
        self._end_feed()
        if response.ok:
            return self._method.parse(response.data)
        self._fail()

    def __await__(self) -> collections.abc.Generator[typing.Any, typing.Any, typing.Any]:
        return self._finish().__await__()

    async def read(self) -> typing.Any:
        data = await self._stream.receive()
        if data is not None:
            return self._method.parse(data)
        self._tell_done()
        self._end_feed()
        if self._call.status != 0:
            self._fail()
        return _grpc().aio.EOF

    def __aiter__(self) -> StubCall:
        return self

    async def __anext__(self) -> typing.Any:
        message = await self.read()
        if message is _grpc().aio.EOF:
            raise StopAsyncIteration
        return message

    # ---- how it ends ----

    def _fail(self) -> typing.NoReturn:
        """Raises what says how the call has ended: as grpc.aio does, CancelledError after cancel()."""
        if self._is_cancelled:
            raise asyncio.CancelledError
        raise _make_error(self._call, self._method.path, self._metadata(True), self._metadata(False))

    def _tell_done(self) -> None:
        told, self._callbacks = self._callbacks, []
        for callback in told:
            callback(self)

    def add_done_callback(self, callback: collections.abc.Callable[[typing.Any], object]) -> None:
        """It is called with the call when that has ended; one with several responses has when the end of them was read."""
        if self._call.has_ended:
            callback(self)
            return
        self._callbacks.append(callback)
        if self._method.has_responses or len(self._callbacks) > 1:
            return
        if self._answer is None:
            self._answer = self._call.result()
        self._answer.add_done_callback(lambda _: self._tell_done())

    def time_remaining(self) -> float | None:
        """Seconds until the deadline, which may be that of the channel; None: there is none."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def _metadata(self, is_initial: bool) -> typing.Any:
        pairs = head_of(self._call) if is_initial else trailers_of(self._call)
        return _grpc().aio.Metadata(*shown(pairs).items())

    async def _ended(self) -> None:
        """Waits for the end, as far as nobody takes messages of it."""
        if self._method.has_responses:
            while not self._call.has_ended and await self._stream.receive() is not None:
                pass
        elif not self._call.has_ended:
            await self._take_response()
        self._tell_done()
        if not self._is_feed_told:  # else a script that has caught it may ask for the status
            self._end_feed()

    async def initial_metadata(self) -> typing.Any:
        if not self._call.has_head:
            await self._call.head()
        return self._metadata(True)

    async def trailing_metadata(self) -> typing.Any:
        await self._ended()
        return self._metadata(False)

    async def code(self) -> typing.Any:
        await self._ended()
        return _code(self._call.status)

    async def details(self) -> str:
        await self._ended()
        return self._call.text

    def done(self) -> bool:
        return self._call.has_ended

    def cancel(self) -> bool:
        was_running = not self._call.has_ended
        if self._feed is not None:
            self._feed.cancel()
        if was_running:
            self._is_cancelled = True
            self._call.leave(False)
            self._tell_done()
        return was_running

    def cancelled(self) -> bool:
        return self._call.has_ended and self._call.status == GrpcStatus.CANCELLED


class _Method:
    """One method of a stub; calling it makes a call."""

    def __init__(self, channel: GrpcChannel, path: str, kind: int, serialize: typing.Any, parse: typing.Any) -> None:
        self.channel = channel
        self.path = path
        self.kind = kind
        self.has_responses = bool(kind & 2)
        self.serialize = serialize if serialize is not None else bytes
        self.parse = parse if parse is not None else bytes

    def __call__(
        self,
        request: typing.Any = None,
        *,
        timeout: float | None = None,
        metadata: typing.Any = None,
        credentials: typing.Any = None,
        wait_for_ready: bool | None = None,
        compression: typing.Any = None,
    ) -> StubCall:
        if credentials is not None:
            raise TypeError(f"{self.path}: credentials= of a call is not taken; give metadata= to the channel or to the call")
        if wait_for_ready:
            raise TypeError(f"{self.path}: wait_for_ready=True is not taken: a call without a connection ends at once, with UNAVAILABLE")
        is_gzip = _is_gzip(compression, self.path)
        if isinstance(timeout, (int, float)) and timeout <= 0:
            timeout = _AT_ONCE
        first = None if self.kind & 1 else self.serialize(request)
        stream = self.channel._open(self.path, self.kind, first, metadata, timeout, is_gzip)
        call = StubCall(self, stream, self.channel._patience(self.kind) if timeout is None else timeout)
        if self.kind & 1 and request is not None:
            call._send_all(request)
        return call


class StubChannel:
    """What a generated stub is made with, in the place of a channel of ``grpc.aio``."""

    def __init__(self, channel: GrpcChannel) -> None:
        self._channel = channel

    def _method(self, kind: int, path: str, serialize: typing.Any, parse: typing.Any) -> _Method:
        return _Method(self._channel, path, kind, serialize, parse)

    def unary_unary(
        self, method: str, request_serializer: typing.Any = None, response_deserializer: typing.Any = None, _registered_method: bool = False
    ) -> _Method:
        return self._method(0, method, request_serializer, response_deserializer)

    def stream_unary(
        self, method: str, request_serializer: typing.Any = None, response_deserializer: typing.Any = None, _registered_method: bool = False
    ) -> _Method:
        return self._method(1, method, request_serializer, response_deserializer)

    def unary_stream(
        self, method: str, request_serializer: typing.Any = None, response_deserializer: typing.Any = None, _registered_method: bool = False
    ) -> _Method:
        return self._method(2, method, request_serializer, response_deserializer)

    def stream_stream(
        self, method: str, request_serializer: typing.Any = None, response_deserializer: typing.Any = None, _registered_method: bool = False
    ) -> _Method:
        return self._method(3, method, request_serializer, response_deserializer)
