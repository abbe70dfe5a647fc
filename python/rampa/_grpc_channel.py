# SPDX-License-Identifier: MIT
"""A channel of gRPC: what calls of one server have in common, and the calls."""

from __future__ import annotations

import collections.abc
import typing

from rampa._grpc_calls import GrpcResponse, GrpcStatus, GrpcStream, LaterStream
from rampa._grpc_schema import GrpcSchema
from rampa._grpc_services import HEALTH_CHECK, HEALTH_WATCH, REFLECTION_DEADLINE, HealthStatus, ReflectedSchema, health_request
from rampa._grpc_wire import (
    MessageClass, Metadata, Request, Tags, check_class, only_named, pairs, public_url,
    refuse_names, seconds, tag_pairs, to_bytes,
)

from rampa.errors import GrpcError

if typing.TYPE_CHECKING:
    from rampa._rampa import Worker, _GrpcMethod

_METHODS_MAX = 4096  # of a channel, that are kept prepared
_WAYS_MAX = 256  # of channels that differ, such as by a token in their metadata
_UNARY_DEADLINE = 60.0  # seconds, as of a request of HTTP
KEEP: typing.Any = object()  # what the channel says

_Stub = typing.TypeVar("_Stub")


class Way(typing.NamedTuple):
    """What the calls of a channel have in common."""

    url: str
    tls: tuple[int, str | None, str | None, str | None]
    metadata: tuple[tuple[str, str], ...]
    deadline: float | None
    is_gzip: bool
    message_max: int
    tags: tuple[tuple[str, str], ...]
    keepalive: tuple[float, float]  # seconds; 0 = none
    is_shared: bool
    is_balanced: bool


class GrpcChannel:
    """Calls of one server, made by :meth:`GrpcClient.connect`. It can be used as ``async with``, and need not be closed.

    The connections belong to the VU: those of an earlier channel to the same server are used again.
    """

    def __init__(self, worker: Worker, way: Way, schema: GrpcSchema | None = None) -> None:
        self._worker = worker
        self._way = way
        self._schema = schema
        ways = worker._grpc_methods
        if len(ways) >= _WAYS_MAX and way not in ways:
            ways.clear()  # a channel keeps its own
        self._methods = ways.setdefault(way, {})

    async def __aenter__(self) -> GrpcChannel:
        return self

    async def __aexit__(self, *exception: object) -> None:
        return None

    def _prepare(
        self,
        method: str,
        kind: int,
        metadata: Metadata | None,
        deadline: typing.Any,
        tags: Tags | None,
        name: str | None,
        is_gzip: bool | None = None,
    ) -> _GrpcMethod:
        """The prepared method; what is not new is found.

        kind: 1 = several requests, 2 = several responses, or both; beside it 4 = it is no part of the load, and in no metric.
        """
        key: typing.Any = (method, kind) if kind else method  # which unary() looks for
        own: list[tuple[str, str]] = []
        if metadata is not None or tags is not None or name is not None or deadline is not KEEP or is_gzip is not None:
            own = pairs(metadata)
            key = (method, kind, tuple(own), deadline, tuple(tag_pairs(tags)), name, is_gzip)
        prepared = self._methods.get(key)
        if prepared is not None:
            return prepared
        way = self._way
        if not isinstance(method, str):
            raise TypeError(f"method: a str such as '/package.Service/Method' is expected, not {type(method).__name__}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name takes a str, not {type(name).__name__}")
        if deadline is KEEP:
            deadline = self._patience(kind)
        prepared = self._worker._grpc_method(
            way.url,
            method if method.startswith("/") else "/" + method,
            [*way.metadata, *own],
            seconds(deadline),
            way.is_gzip if is_gzip is None else is_gzip,
            way.message_max,
            kind | 8 * way.is_shared | 16 * way.is_balanced,
            name or "",
            [*way.tags, *tag_pairs(tags)],
            way.tls,
            way.keepalive,
        )
        if len(self._methods) >= _METHODS_MAX:
            self._methods.clear()
        self._methods[key] = prepared
        return prepared

    def _bytes_of(self, method: str, request: Request | None) -> bytes:
        schema = self._schema
        if schema is not None:
            if isinstance(request, dict):
                return schema._write(method, request)
            if not isinstance(request, bytes):
                schema._check_request(method, request)
        return to_bytes(request)

    def _reader_of(self, method: str, response: MessageClass | None) -> MessageClass | None:
        """What responses are read by: the class that the call names, or the schema."""
        return self._schema._types(method).reader if response is None and self._schema is not None else response

    def _has_to_learn(self, method: str, request: typing.Any, response: MessageClass | None) -> bool:
        """Whether the server must be asked what the messages of a call look like."""
        schema = self._schema
        return isinstance(schema, ReflectedSchema) and (response is None or isinstance(request, dict)) and not schema.knows(method)

    async def _learn(self, method: str, deadline: typing.Any = KEEP) -> None:
        """Asks the server, for no longer than the deadline of the call that needs it."""
        longest = self._way.deadline if deadline is KEEP else seconds(deadline) or None
        patience = min(longest or REFLECTION_DEADLINE, REFLECTION_DEADLINE)
        await typing.cast(ReflectedSchema, self._schema).learn(self._ask, method, patience)

    def _ask(self, patience: float, method: str) -> GrpcStream:
        """A call of rampa's own, with several requests and several responses: with the metadata of the channel, and in no metric."""
        prepared = self._prepare(method, 3 | 4, None, patience, None, None)
        return GrpcStream(self._worker._grpc_call(prepared, None, None), method, True, True, lambda _, request: to_bytes(request))

    async def _unary_later(self, method: str, request: Request, response: MessageClass | None, **given: typing.Any) -> GrpcResponse:
        await self._learn(method, given["deadline"])
        return await self.unary(method, request, response=response, **given)

    @only_named
    def unary(
        self,
        method: str,
        request: Request,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
        **unknown: typing.NoReturn,
    ) -> collections.abc.Awaitable[GrpcResponse]:
        """A call with one request and one response: ``r = await channel.unary("/package.Service/Method", request)``.

        Args:
            method: ``/package.Service/Method``.
            request: the bytes of the message, or a message; a dict when the channel has a schema.
            metadata: names with str, or bytes for names that end in ``-bin``; beside that of the channel.
            deadline: seconds, which the server is told and rampa keeps; None = none. Without it that of the channel holds,
                or else 60.
            tags: further tags of the samples.
            name: the tag ``name`` of the samples, else the method.
            response: the class of the response, of which ``r.message`` will be.

        Returns:
            A GrpcResponse when it is awaited, also of a call that fails.

        Raises:
            TypeError: at the call: a value of the wrong type.
            ValueError: at the call: a target, method, metadata or deadline that cannot be.
            RuntimeError: the run is over.
        """
        if unknown:
            refuse_names(self.unary, unknown)
        if response is not None or self._schema is not None:
            check_class(response)
            if self._has_to_learn(method, request, response):
                if deadline is not KEEP:
                    seconds(deadline)
                return self._unary_later(method, request, response, metadata=metadata, deadline=deadline, tags=tags, name=name)
            if self._schema is not None:
                self._schema._check(method, 0, response)
            response = self._reader_of(method, response)
        elif metadata is None and deadline is KEEP and tags is None and name is None and isinstance(request, bytes):
            # Most calls are made again and again: their way is the short one.
            prepared = self._methods.get(method)
            if prepared is not None:
                return self._worker._grpc_call(prepared, request, None).result()
        prepared = self._prepare(method, 0, metadata, deadline, tags, name)
        return self._worker._grpc_call(prepared, self._bytes_of(method, request), response).result()

    @only_named
    def server_stream(
        self,
        method: str,
        request: Request,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
        **unknown: typing.NoReturn,
    ) -> GrpcStream:
        """A call with one request and several responses: ``async for message in channel.server_stream(method, request)``.

        ``metadata``, ``tags``, ``name``, ``response`` and ``deadline`` are as in :meth:`unary`, but there is no deadline of itself.

        Returns:
            A GrpcStream. Only ``async with`` ends the call when the loop is left early.

        Raises:
            TypeError: a value of the wrong type.
            ValueError: a target, method, metadata or deadline that cannot be.
            RuntimeError: the run is over.
        """
        if unknown:
            refuse_names(self.server_stream, unknown)
        return self._stream(method, 2, request, metadata, deadline, tags, name, response)

    @typing.overload
    def client_stream(
        self,
        method: str,
        requests: None = None,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
    ) -> GrpcStream: ...

    @typing.overload
    def client_stream(
        self,
        method: str,
        requests: collections.abc.Iterable[Request] | collections.abc.AsyncIterable[Request],
        *,
        metadata: Metadata | None = None,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
    ) -> collections.abc.Coroutine[typing.Any, typing.Any, GrpcResponse]: ...

    @only_named
    def client_stream(
        self,
        method: str,
        requests: collections.abc.Iterable[Request] | collections.abc.AsyncIterable[Request] | None = None,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
        **unknown: typing.NoReturn,
    ) -> GrpcStream | collections.abc.Coroutine[typing.Any, typing.Any, GrpcResponse]:
        """A call with several requests and one response: ``r = await channel.client_stream(method, [request, ...])``.

        Args:
            method: ``/package.Service/Method``.
            requests: a list or another iterable, or an async one. Without it the requests are sent one by one, and
                ``await s.finish()`` gives the response: ``async with channel.client_stream(method) as s``.
            metadata: as in :meth:`unary`.
            deadline: as in :meth:`server_stream`.
            tags: further tags of the samples.
            name: the tag ``name`` of the samples, else the method.
            response: the class of the response.

        Returns:
            With requests what is awaited for a GrpcResponse, else a GrpcStream.

        Raises:
            TypeError: a value of the wrong type.
            ValueError: a target, method, metadata or deadline that cannot be.
            RuntimeError: the run is over.
        """
        if unknown:
            refuse_names(self.client_stream, unknown)
        if isinstance(requests, (bytes, bytearray, memoryview, str, dict)) or hasattr(requests, "SerializeToString"):
            raise TypeError(f"requests takes a list or another iterable of messages; a single one goes in a list, not {type(requests).__name__}")
        if requests is not None and not isinstance(requests, (collections.abc.Iterable, collections.abc.AsyncIterable)):
            raise TypeError(f"requests takes a list or another iterable of messages, not {type(requests).__name__}")
        stream = self._stream(method, 1, None, metadata, deadline, tags, name, response)
        return stream if requests is None else stream._send_all(requests)

    @only_named
    def bidi(
        self,
        method: str,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
        **unknown: typing.NoReturn,
    ) -> GrpcStream:
        """A call in which both sides send messages: ``async with channel.bidi(method) as s``.

        The arguments ``metadata``, ``deadline``, ``tags``, ``name`` and ``response`` are those of :meth:`server_stream`.

        Returns:
            A GrpcStream.

        Raises:
            TypeError: a value of the wrong type.
            ValueError: a target, method, metadata or deadline that cannot be.
            RuntimeError: the run is over.
        """
        if unknown:
            refuse_names(self.bidi, unknown)
        return self._stream(method, 3, None, metadata, deadline, tags, name, response)

    def _stream(
        self,
        method: str,
        kind: int,
        request: Request | None,
        metadata: Metadata | None,
        deadline: typing.Any,
        tags: Tags | None,
        name: str | None,
        response: MessageClass | None,
    ) -> GrpcStream:
        check_class(response)
        if self._has_to_learn(method, {} if kind & 1 else request, response):

            async def begin() -> GrpcStream:
                await self._learn(method, deadline)
                return self._stream(method, kind, request, metadata, deadline, tags, name, response)

            return LaterStream(method, bool(kind & 1), bool(kind & 2), begin)
        if self._schema is not None:
            self._schema._check(method, kind, response)
        data = None if kind & 1 else self._bytes_of(method, request)
        reader = self._reader_of(method, response)
        call = self._worker._grpc_call(self._prepare(method, kind, metadata, deadline, tags, name), data, reader)
        return GrpcStream(call, method, bool(kind & 1), bool(kind & 2), self._bytes_of)

    async def health(self, service: str = "", *, deadline: float | None = KEEP) -> str:
        """How well a service is, by the health service of the server (``grpc.health.v1``). It is a call as others are.

        Args:
            service: ``package.Service``; the empty name stands for the whole server.
            deadline: as in :meth:`unary`.

        Returns:
            ``"SERVING"``, ``"NOT_SERVING"`` or ``"UNKNOWN"``; ``"SERVICE_UNKNOWN"`` when the server does not know the service.

        Raises:
            rampa.errors.GrpcError: the call has failed: there is no health service, or no server.
        """
        r = await self.unary(HEALTH_CHECK, health_request(service), deadline=deadline, response=HealthStatus)
        if r.ok:
            return str(r.message)
        if r.status_code == GrpcStatus.NOT_FOUND:
            return "SERVICE_UNKNOWN"
        raise GrpcError(HEALTH_CHECK, r.status_code, r.status.name, r.details, r.error_code)

    def watch_health(self, service: str = "", *, deadline: float | None = KEEP) -> GrpcStream:
        """The same each time that it changes: ``async with channel.watch_health() as s``, and ``async for status in s``.

        Args:
            service: ``package.Service``; the empty name stands for the whole server.
            deadline: as in :meth:`server_stream`.

        Returns:
            A GrpcStream, whose messages are the texts that :meth:`health` gives.
        """
        return self.server_stream(HEALTH_WATCH, health_request(service), deadline=deadline, response=HealthStatus)

    def stub(self, stub: collections.abc.Callable[[typing.Any], _Stub]) -> _Stub:
        """A generated stub of grpcio, as code for ``grpc.aio`` uses it: ``stub = channel.stub(GreeterStub)``.

        Its calls have the methods and the errors of ``grpc.aio`` (``await stub.SayHello(request, timeout=2)`` gives the
        message, and raises ``grpc.aio.AioRpcError``, which is a :class:`rampa.errors.GrpcError` too). The package grpcio, which
        generated code imports, sends nothing: the calls are those of this channel, with its metrics.

        Args:
            stub: the class of the stub.

        Returns:
            The stub.

        Raises:
            ImportError: when a call ends: grpcio is not installed.
            TypeError: it is no class.
        """
        from rampa._grpc_stub import StubChannel, check_stub

        check_stub(stub)
        return stub(StubChannel(self))

    def _open(
        self, method: str, kind: int, request: bytes | None, metadata: Metadata | None, deadline: float | None, is_gzip: bool | None
    ) -> GrpcStream:
        """A call of a stub, of any kind; it is under way."""
        prepared = self._prepare(method, kind, metadata, KEEP if deadline is None else deadline, None, None, is_gzip)
        call = self._worker._grpc_call(prepared, request, None)
        call.start()
        return GrpcStream(call, method, bool(kind & 1), bool(kind & 2), self._bytes_of)

    def _patience(self, kind: int) -> float | None:
        """The deadline of calls that have none of their own."""
        return self._way.deadline if self._way.deadline is not None else (None if kind else _UNARY_DEADLINE)

    def __repr__(self) -> str:
        return f"<GrpcChannel {public_url(self._way.url)}>"
