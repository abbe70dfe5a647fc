# SPDX-License-Identifier: MIT
"""The gRPC client of scripts: what ``worker.grpc`` is, and what its calls give.

No package for gRPC is needed. Messages are bytes, or messages of a class that Protocol Buffers has generated.
"""

from __future__ import annotations

import collections.abc
import typing

from rampa._grpc_calls import GrpcResponse, GrpcStatus, GrpcStream
from rampa._grpc_schema import GrpcSchema
from rampa._grpc_wire import MessageClass, Metadata, Request, check_class, pairs, to_bytes
from rampa._tls import tls_options

if typing.TYPE_CHECKING:
    from rampa._rampa import Worker, _GrpcMethod

__all__ = ["GrpcChannel", "GrpcClient", "GrpcResponse", "GrpcSchema", "GrpcStatus", "GrpcStream"]

_METHODS_MAX = 4096  # of a channel, that are kept prepared
_WAYS_MAX = 256  # of channels that differ, such as by a token in their metadata
_UNARY_DEADLINE = 60.0  # seconds, as of a request of HTTP
_KEEP: typing.Any = object()  # what the channel says

_Tags = collections.abc.Mapping[str, typing.Any]
_Stub = typing.TypeVar("_Stub")
_SCHEMES = {"http": False, "https": True, "grpc": False, "grpcs": True}


def _target_url(target: str, tls: bool | None) -> str:
    """``host:port``, or a URL without a path, becomes the URL that requests go to."""
    if not isinstance(target, str):
        raise TypeError(f"target: a str such as '127.0.0.1:50051' is expected, not {type(target).__name__}")
    scheme, mark, rest = target.partition("://")
    if target.startswith("unix:"):
        path = target[len("unix:") :]
        path = "/" + path.lstrip("/") if path.startswith("//") else path
        if tls:
            raise ValueError("target: a socket of this machine has no TLS")
        return "http+unix://" + path.replace("%", "%25").replace("/", "%2F")
    if not mark:
        scheme, rest = ("https" if tls else "http"), target
    elif scheme == "dns":
        scheme, rest = ("https" if tls else "http"), rest.lstrip("/")
    elif scheme not in _SCHEMES:
        raise ValueError(f"target: the scheme {scheme!r} is not one of gRPC; write host:port, and tls=True for TLS")
    elif tls is not None and tls != _SCHEMES[scheme]:
        raise ValueError(f"target: {target!r} says {'TLS' if _SCHEMES[scheme] else 'no TLS'}, and tls={tls!r} the contrary")
    rest = rest.rstrip("/")
    if not rest or "/" in rest or "?" in rest or "#" in rest:
        raise ValueError(f"target: {target!r} is no host:port; the method is given with each call")
    return f"{'https' if scheme in ('https', 'grpcs') else 'http'}://{rest}"


def _seconds(deadline: typing.Any) -> float:
    if deadline is None:
        return 0.0
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)):
        raise TypeError(f"deadline takes a number of seconds, or None, not {deadline!r:.80}")
    if not 0 < deadline < 1e9:
        raise ValueError(f"deadline takes more than 0 seconds, or None for no deadline, not {deadline!r}")
    return float(deadline)


def _tag_pairs(tags: _Tags | None) -> list[tuple[str, str]]:
    if tags is None:
        return []
    if not isinstance(tags, collections.abc.Mapping):
        raise TypeError(f"tags takes a dict, not {type(tags).__name__}")
    return [(str(name), str(value)) for name, value in tags.items()]


class _Way(typing.NamedTuple):
    """What the calls of a channel have in common."""

    url: str
    tls: tuple[int, str | None, str | None, str | None]
    metadata: tuple[tuple[str, str], ...]
    deadline: float | None
    is_gzip: bool
    message_max: int
    tags: tuple[tuple[str, str], ...]


class GrpcChannel:
    """Calls of one server, made by :meth:`GrpcClient.connect`. It can be used as ``async with``, and need not be closed.

    The connections belong to the VU: those of an earlier channel to the same server are used again.
    """

    def __init__(self, worker: Worker, way: _Way, schema: GrpcSchema | None = None) -> None:
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
        self, method: str, kind: int, metadata: Metadata | None, deadline: typing.Any, tags: _Tags | None, name: str | None
    ) -> _GrpcMethod:
        """The prepared method; what is not new is found. kind: 1 = several requests, 2 = several responses, or both."""
        key: typing.Any = (method, kind)
        own: list[tuple[str, str]] = []
        if metadata is not None or tags is not None or name is not None or deadline is not _KEEP:
            own = pairs(metadata)
            key = (method, kind, tuple(own), deadline, tuple(_tag_pairs(tags)), name)
        prepared = self._methods.get(key)
        if prepared is not None:
            return prepared
        way = self._way
        if not isinstance(method, str):
            raise TypeError(f"method: a str such as '/package.Service/Method' is expected, not {type(method).__name__}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name takes a str, not {type(name).__name__}")
        if deadline is _KEEP:
            deadline = way.deadline if way.deadline is not None else (None if kind else _UNARY_DEADLINE)
        prepared = self._worker._grpc_method(
            way.url,
            method if method.startswith("/") else "/" + method,
            [*way.metadata, *own],
            _seconds(deadline),
            way.is_gzip,
            way.message_max,
            kind,
            name or "",
            [*way.tags, *_tag_pairs(tags)],
            way.tls,
        )
        if len(self._methods) >= _METHODS_MAX:
            self._methods.clear()
        self._methods[key] = prepared
        return prepared

    def _bytes_of(self, method: str, request: Request) -> bytes:
        if self._schema is not None and isinstance(request, dict):
            return self._schema._write(method, request)
        return to_bytes(request)

    def _reader_of(self, method: str, response: MessageClass | None) -> MessageClass | None:
        """What responses are read by: the class that the call names, or the schema."""
        check_class(response)
        return self._schema._types(method)[1] if response is None and self._schema is not None else response

    def unary(
        self,
        method: str,
        request: Request,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
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
        if response is not None or self._schema is not None:
            response = self._reader_of(method, response)
        prepared = self._prepare(method, 0, metadata, deadline, tags, name)
        return self._worker._grpc_call(prepared, self._bytes_of(method, request), response).result()

    def server_stream(
        self,
        method: str,
        request: Request,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
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
        return self._stream(method, 2, self._bytes_of(method, request), metadata, deadline, tags, name, response)

    @typing.overload
    def client_stream(
        self,
        method: str,
        requests: None = None,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
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
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
    ) -> collections.abc.Coroutine[typing.Any, typing.Any, GrpcResponse]: ...

    def client_stream(
        self,
        method: str,
        requests: collections.abc.Iterable[Request] | collections.abc.AsyncIterable[Request] | None = None,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
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
        if isinstance(requests, (bytes, bytearray, memoryview, str)):
            raise TypeError("requests takes a list or another iterable of messages; a single message goes with unary()")
        stream = self._stream(method, 1, None, metadata, deadline, tags, name, response)
        return stream if requests is None else stream._send_all(requests)

    def bidi(
        self,
        method: str,
        *,
        metadata: Metadata | None = None,
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
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
        return self._stream(method, 3, None, metadata, deadline, tags, name, response)

    def _stream(
        self,
        method: str,
        kind: int,
        request: bytes | None,
        metadata: Metadata | None,
        deadline: typing.Any,
        tags: _Tags | None,
        name: str | None,
        response: MessageClass | None,
    ) -> GrpcStream:
        reader = self._reader_of(method, response)
        call = self._worker._grpc_call(self._prepare(method, kind, metadata, deadline, tags, name), request, reader)
        return GrpcStream(call, method, bool(kind & 1), bool(kind & 2), self._bytes_of)

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
        """
        from rampa._grpc_stub import StubChannel

        return stub(StubChannel(self))

    def _open(self, method: str, kind: int, request: bytes | None, metadata: Metadata | None, deadline: float | None) -> GrpcStream:
        """A call of a stub, of any kind; it is under way."""
        call = self._stream(method, kind, request, metadata, _KEEP if deadline is None else deadline, None, None, None)
        call._call.start()
        return call

    def __repr__(self) -> str:
        return f"<GrpcChannel {self._way.url}>"


class GrpcClient:
    """The gRPC client of a VU: ``worker.grpc``.

    >>> async def greet(worker):
    ...     response = await worker.grpc.unary("127.0.0.1:50051", "/helloworld.Greeter/SayHello", b"")
    ...     worker.check(response, {"status is OK": lambda r: r.ok})
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._plain: dict[str, GrpcChannel] = {}

    def connect(
        self,
        target: str,
        *,
        tls: bool | None = None,
        metadata: Metadata | None = None,
        deadline: float | None = None,
        compression: str | None = None,
        max_message_size: int | None = None,
        tags: _Tags | None = None,
        schema: GrpcSchema | None = None,
        verify: typing.Any = None,
        cert: typing.Any = None,
        ssl_context: typing.Any = None,
    ) -> GrpcChannel:
        """A channel to a server. Nothing is sent: the connection is opened with the first call.

        Args:
            target: ``host:port``, or a URL with ``grpc://`` or ``grpcs://``; ``unix:/path`` is a socket of this machine.
            tls: whether the connection is encrypted; False unless the target says it.
            metadata: of all calls: names with str, or bytes for names that end in ``-bin``.
            deadline: seconds of each call, which the server is told and rampa keeps; without it 60 for unary calls and none
                for streams.
            compression: ``"gzip"`` has requests compressed. Responses are taken as they come, compressed or not.
            max_message_size: bytes of a response, 4 MiB without it; a larger one ends the call with RESOURCE_EXHAUSTED.
            tags: further tags of the samples.
            schema: a GrpcSchema. With it requests may be dicts, and responses are dicts.
            verify: as of HTTP requests: False, or a file of authorities.
            cert: likewise: the files of a certificate and its key.
            ssl_context: likewise: an ssl.SSLContext, as far as it says that.

        Returns:
            A GrpcChannel.

        Raises:
            TypeError: a value of the wrong type.
            ValueError: a target, metadata or deadline that cannot be.
            RuntimeError: the run is over.
        """
        if compression not in (None, "gzip", "identity"):
            raise ValueError(f"compression takes 'gzip' or None, not {compression!r:.80}")
        if max_message_size is not None and (type(max_message_size) is not int or not 0 < max_message_size < 1 << 32):
            raise ValueError(f"max_message_size takes a number of bytes from 1 to {(1 << 32) - 1}, not {max_message_size!r:.80}")
        given = {"verify": verify, "cert": cert, "ssl_context": ssl_context}
        way = _Way(
            _target_url(target, tls),
            tls_options({name: value for name, value in given.items() if value is not None}),
            tuple(pairs(metadata)),
            _seconds(deadline) or None,
            compression == "gzip",
            max_message_size or 0,
            tuple(_tag_pairs(tags)),
        )
        if schema is not None and not isinstance(schema, GrpcSchema):
            raise TypeError(f"schema takes a rampa.grpc.GrpcSchema, not {type(schema).__name__}")
        return GrpcChannel(self._worker, way, schema)

    def _to(self, target: str) -> GrpcChannel:
        channel = self._plain.get(target)
        if channel is None:
            channel = self._plain[target] = self.connect(target)
        return channel

    def unary(
        self,
        target: str,
        method: str,
        request: Request,
        metadata: Metadata | None = None,
        *,
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
    ) -> collections.abc.Awaitable[GrpcResponse]:
        """A call with one request and one response, without a channel: see :meth:`GrpcChannel.unary`.

        Args:
            target: as in :meth:`connect`.
            method: ``/package.Service/Method``.
            request: the bytes of the message, or a message.
            metadata: names with str, or bytes for names that end in ``-bin``.
            deadline: seconds; None = none. Without it 60.
            tags: further tags of the samples.
            name: the tag ``name`` of the samples, else the method.
            response: the class of the response.

        Returns:
            A GrpcResponse when it is awaited, also of a call that fails.

        Raises:
            TypeError: at the call: a value of the wrong type.
            ValueError: at the call: a target, method, metadata or deadline that cannot be.
            RuntimeError: the run is over.
        """
        return self._to(target).unary(
            method, request, metadata=metadata, deadline=deadline, tags=tags, name=name, response=response
        )

    def server_stream(
        self,
        target: str,
        method: str,
        request: Request,
        metadata: Metadata | None = None,
        *,
        deadline: float | None = _KEEP,
        tags: _Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
    ) -> GrpcStream:
        """A call with several responses, without a channel: see :meth:`GrpcChannel.server_stream`.

        Args:
            target: as in :meth:`connect`.
            method: ``/package.Service/Method``.
            request: the bytes of the message, or a message.
            metadata: names with str, or bytes for names that end in ``-bin``.
            deadline: seconds; without it there is none.
            tags: further tags of the samples.
            name: the tag ``name`` of the samples, else the method.
            response: the class of the responses.

        Returns:
            A GrpcStream: ``async for message in worker.grpc.server_stream(...)``.

        Raises:
            TypeError: a value of the wrong type.
            ValueError: a target, method, metadata or deadline that cannot be.
            RuntimeError: the run is over.
        """
        return self._to(target).server_stream(
            method, request, metadata=metadata, deadline=deadline, tags=tags, name=name, response=response
        )

    async def close(self) -> None:
        """Does nothing: connections belong to the VU. Scripts for the package rampa 0.0 may call it."""
