# SPDX-License-Identifier: MIT
"""The gRPC client of scripts: what ``worker.grpc`` is, and what its calls give.

No package for gRPC is needed. Messages are bytes, or messages of a class that Protocol Buffers has generated.
"""

from __future__ import annotations

import collections.abc
import typing

from rampa._grpc_calls import GrpcResponse, GrpcStatus, GrpcStream
from rampa._grpc_channel import KEEP, GrpcChannel, Way
from rampa._grpc_schema import GrpcSchema
from rampa._grpc_services import ReflectedSchema
from rampa._grpc_wire import (
    MessageClass, Metadata, Request, Tags, flag, only_named, pairs, refuse_names,
    seconds, some_seconds, tag_pairs, target_url,
)
from rampa._tls import tls_options

if typing.TYPE_CHECKING:
    from rampa._rampa import Worker

__all__ = ["GrpcChannel", "GrpcClient", "GrpcResponse", "GrpcSchema", "GrpcStatus", "GrpcStream"]

_PLAIN_MAX = 256  # channels of the calls that name their target, which are kept
_REFLECTED_MAX = 256  # servers whose schema is kept


def _message_max(size: typing.Any) -> int:
    """Bytes; 0 = it is not said."""
    if size is not None and (type(size) is not int or not 0 < size < 1 << 32):
        raise ValueError(f"max_message_size takes a number of bytes from 1 to {(1 << 32) - 1}, not {size!r:.80}")
    return size or 0


def _keepalive(every: float | None, timeout: float | None) -> tuple[float, float]:
    """Seconds."""
    if timeout is not None and every is None:
        raise ValueError("keepalive_timeout says how long the answer to a PING is waited for, and keepalive= when one is sent: give both")
    return seconds(every, "keepalive"), 20.0 if timeout is None else some_seconds(timeout, "keepalive_timeout")


class GrpcClient:
    """The gRPC client of a VU: ``worker.grpc``.

    >>> async def greet(worker):
    ...     response = await worker.grpc.unary("127.0.0.1:50051", "/helloworld.Greeter/SayHello", b"")
    ...     worker.check(response, {"status is OK": lambda r: r.ok})
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._plain: dict[str, GrpcChannel] = {}

    @only_named
    def connect(
        self,
        target: str,
        *,
        tls: bool | None = None,
        metadata: Metadata | None = None,
        deadline: float | None = None,
        compression: str | None = None,
        max_message_size: int | None = None,
        tags: Tags | None = None,
        schema: GrpcSchema | None = None,
        reflection: bool = False,
        shared: bool = False,
        balance: str | None = None,
        keepalive: float | None = None,
        keepalive_timeout: float | None = None,
        verify: typing.Any = None,
        cert: typing.Any = None,
        ssl_context: typing.Any = None,
        **unknown: typing.NoReturn,
    ) -> GrpcChannel:
        """A channel to a server. Nothing is sent: the connection is opened with the first call.

        Args:
            target: ``host:port``, or a URL with ``grpc://`` or ``grpcs://``; ``unix:path`` is a socket of this machine. The names
                of gRPC are taken too: ``dns:///host:port``, ``ipv4:1.2.3.4:port``, ``ipv6:[::1]:port``.
            tls: whether the connection is encrypted; False unless the target says it.
            metadata: of all calls: names with str, or bytes for names that end in ``-bin``.
            deadline: seconds of each call, which the server is told and rampa keeps; without it 60 for unary calls and none
                for streams.
            compression: ``"gzip"`` has requests compressed. Responses are taken as they come, compressed or not.
            max_message_size: bytes of a response, 4 MiB without it; a larger one ends the call with RESOURCE_EXHAUSTED.
            tags: further tags of the samples.
            schema: a GrpcSchema. With it requests may be dicts, and responses are dicts.
            reflection: True gets the schema from the server itself (server reflection), with the first call of each service.
            shared: True has the VUs of a process share one connection, in place of one for each VU.
            balance: ``"round_robin"`` opens a connection to each address of the name, and the calls take them in turn.
            keepalive: seconds. When nothing has come from the server for so long while a call is under way, it is asked for a
                sign of life (a PING of HTTP/2). Without it, nothing finds out that a server is gone without a word.
            keepalive_timeout: seconds, 20 without it; when nothing has come for so long after the PING, the calls of the
                connection end with UNAVAILABLE. It needs ``keepalive``.
            verify: as of HTTP requests: False, or a file of authorities.
            cert: likewise: the files of a certificate and its key.
            ssl_context: likewise: an ssl.SSLContext, as far as it says that.

        Returns:
            A GrpcChannel.

        Raises:
            TypeError: a value of the wrong type.
            ValueError: a target, metadata or deadline that cannot be.
            ImportError: for ``reflection``: the package protobuf is not installed.
            RuntimeError: the run is over.
        """
        if unknown:
            refuse_names(self.connect, unknown)
        if balance not in (None, "round_robin"):
            raise ValueError(f"balance takes 'round_robin' or None, not {balance!r:.80}")
        if compression not in (None, "gzip", "identity"):
            raise ValueError(f"compression takes 'gzip' or None, not {compression!r:.80}")
        given = {"verify": verify, "cert": cert, "ssl_context": ssl_context}
        way = Way(
            target_url(target, tls),
            tls_options({name: value for name, value in given.items() if value is not None}),
            tuple(pairs(metadata)),
            seconds(deadline) or None,
            compression == "gzip",
            _message_max(max_message_size),
            tuple(tag_pairs(tags)),
            _keepalive(keepalive, keepalive_timeout),
            flag(shared, "shared"),
            balance == "round_robin",
        )
        if schema is not None and not isinstance(schema, GrpcSchema):
            raise TypeError(f"schema takes a rampa.grpc.GrpcSchema, not {type(schema).__name__}")
        if flag(reflection, "reflection"):
            if schema is not None:
                raise ValueError("connect() takes schema= or reflection=True, not both")
            schema = self._reflected(way)
        return GrpcChannel(self._worker, way, schema)

    def _reflected(self, way: Way) -> ReflectedSchema:
        """What the server says of itself, for all VUs of this process."""
        schemas = self._worker._grpc_schemas
        key = (way.url, way.tls)
        schema = schemas.get(key)
        if schema is None:
            if len(schemas) >= _REFLECTED_MAX:
                schemas.clear()
            schema = schemas[key] = ReflectedSchema(way.url)
        return schema

    def _to(self, target: str) -> GrpcChannel:
        channel = self._plain.get(target)
        if channel is None:
            channel = self.connect(target)
            if len(self._plain) >= _PLAIN_MAX:
                self._plain.clear()
            self._plain[target] = channel
        return channel

    @only_named
    def unary(
        self,
        target: str,
        method: str,
        request: Request,
        metadata: Metadata | None = None,
        *,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
        **unknown: typing.NoReturn,
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
        if unknown:
            refuse_names(self.unary, unknown)
        return self._to(target).unary(
            method, request, metadata=metadata, deadline=deadline, tags=tags, name=name, response=response
        )

    @only_named
    def server_stream(
        self,
        target: str,
        method: str,
        request: Request,
        metadata: Metadata | None = None,
        *,
        deadline: float | None = KEEP,
        tags: Tags | None = None,
        name: str | None = None,
        response: MessageClass | None = None,
        **unknown: typing.NoReturn,
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
        if unknown:
            refuse_names(self.server_stream, unknown)
        return self._to(target).server_stream(
            method, request, metadata=metadata, deadline=deadline, tags=tags, name=name, response=response
        )

    def stub(self, stub: type, target: str, **options: typing.Any) -> typing.Any:
        """A generated stub of grpcio over a channel of its own: ``with worker.grpc.stub(GreeterStub, "127.0.0.1:50051") as stub``.

        Args:
            stub: the class of the stub, see :meth:`GrpcChannel.stub`.
            target: as in :meth:`connect`.
            options: those of :meth:`connect`, by name.

        Returns:
            The stub, which can also stand in ``with`` and ``async with``. Nothing has to be closed.

        Raises:
            TypeError: it is no class, or an option is of the wrong type.
            ValueError: as of :meth:`connect`.
        """
        from rampa._grpc_stub import check_stub, make_block

        check_stub(stub, is_class=True)
        return make_block(stub, self.connect(target, **options))

    async def close(self) -> None:
        """Does nothing: connections belong to the VU. Scripts for the package rampa 0.0 may call it."""
