# SPDX-License-Identifier: MIT
"""The types of the extension module _rampa, for type checkers; at run time the module stands beside this package."""

import asyncio
import collections.abc
import contextvars
import os
import ssl as _ssl
import typing

from rampa._cookies import Cookies
from rampa._hooks import HostHooks
from rampa._response import Headers, Timings
from rampa._stream import Stream, _BodyStream
from rampa._timeout import Timeout
from rampa.grpc import GrpcClient, GrpcResponse

_T = typing.TypeVar("_T")
_Name = typing.TypeVar("_Name")
_T_co = typing.TypeVar("_T_co", covariant=True)
_Pairs: typing.TypeAlias = collections.abc.Mapping[str, typing.Any] | collections.abc.Iterable[tuple[str, typing.Any]]
_Statuses: typing.TypeAlias = int | collections.abc.Iterable[int | tuple[int, int]]

class _URL(typing.Protocol):  # of yarl, which need not be installed
    @property
    def scheme(self) -> str: ...
    def __str__(self) -> str: ...

class _ClientTimeout(typing.Protocol):  # of aiohttp, which need not be installed
    @property
    def total(self) -> float | None: ...
    @property
    def connect(self) -> float | None: ...
    @property
    def sock_connect(self) -> float | None: ...
    @property
    def sock_read(self) -> float | None: ...

class _Operation(collections.abc.Coroutine[typing.Any, typing.Any, _T_co]):
    _asyncio_future_blocking: bool
    @property
    def _cancel_message(self) -> None: ...
    def __await__(self) -> collections.abc.Generator[typing.Any, typing.Any, _T_co]: ...
    def __iter__(self) -> collections.abc.Generator[typing.Any, typing.Any, _T_co]: ...
    def __next__(self) -> typing.Any: ...
    def add_done_callback(
        self,
        fn: collections.abc.Callable[[typing.Any], object],
        *,
        context: contextvars.Context | None = None,
    ) -> None: ...
    def remove_done_callback(self, fn: collections.abc.Callable[[typing.Any], object], /) -> int: ...
    def done(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def result(self) -> _T_co: ...
    def exception(self) -> BaseException | None: ...
    def cancel(self, msg: object = None) -> bool: ...
    def get_loop(self) -> asyncio.AbstractEventLoop: ...
    def _make_cancelled_error(self) -> BaseException: ...
    def send(self, value: typing.Any, /) -> typing.Any: ...
    def throw(self, typ: typing.Any, val: typing.Any = None, tb: typing.Any = None, /) -> typing.Any: ...
    def close(self) -> None: ...

@typing.final
class Request(_Operation["Response"]): ...

@typing.final
class Sleep(_Operation[None]): ...

@typing.final
class Response:
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def body(self) -> bytes: ...
    @property
    def url(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def ok(self) -> bool: ...
    @property
    def proto(self) -> str | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def error_code(self) -> int: ...
    @property
    def timings(self) -> Timings: ...
    @property
    def tls_version(self) -> str | None: ...
    @property
    def tls_cipher_suite(self) -> str | None: ...
    @property
    def trace_id(self) -> str | None: ...
    @property
    def cookies(self) -> dict[str, str]: ...
    @property
    def history(self) -> tuple[Response, ...]: ...
    @property
    def __dataclass_fields__(self) -> dict[str, typing.Any]: ...
    def text(self) -> str: ...
    def json(self) -> typing.Any: ...
    def raise_for_status(self) -> Response: ...

_Batched: typing.TypeAlias = (
    str | _URL | collections.abc.Sequence[typing.Any] | collections.abc.Mapping[str, typing.Any] | collections.abc.Awaitable[Response]
)

@typing.final
class HttpClient:
    @property
    def cookies(self) -> Cookies: ...
    def _cookies(self, url: str | None, /) -> list[tuple[str, str, str, str, int | None, bool, bool, bool]]: ...
    def _cookie_set(
        self, url: str, name: str, value: str, domain: str | None, path: str | None, expires: int | None, secure: bool, http_only: bool, /
    ) -> bool: ...
    def _feed(self, request: Request | _BodyStream, chunk: bytes | None, /) -> bool | None: ...
    def _on_drain(self, request: Request | _BodyStream, function: collections.abc.Callable[..., object], /) -> None: ...
    def _cookies_remove(self, name: str | None, url: str | None, /) -> int: ...
    @typing.overload
    def batch(
        self, __requests: collections.abc.Mapping[_Name, _Batched]
    ) -> collections.abc.Coroutine[typing.Any, typing.Any, dict[_Name, Response]]: ...
    @typing.overload
    def batch(
        self, __requests: collections.abc.Iterable[_Batched]
    ) -> collections.abc.Coroutine[typing.Any, typing.Any, list[Response]]: ...
    def close(self) -> collections.abc.Awaitable[None]: ...
    def __aenter__(self) -> collections.abc.Awaitable[HttpClient]: ...
    def __aexit__(self, *exception: object) -> collections.abc.Awaitable[None]: ...
    def get(
        self,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def post(
        self,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def put(
        self,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def patch(
        self,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def delete(
        self,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def head(
        self,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def options(
        self,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def request(
        self,
        method: str,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: typing.Any = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Request: ...
    def stream(
        self,
        method: str,
        url: str | _URL,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        files: typing.Any = None,
        chunked: bool | None = None,
        expect100: bool = False,
        timeout: float | Timeout | _ClientTimeout | tuple[float | None, float | None] | None = None,
        discard_body: bool = False,
        auto_decompress: bool = True,
        raise_errors: bool = True,
        max_head_bytes: int | None = None,
        max_body_bytes: int | None = None,
        allow_redirects: bool = True,
        max_redirects: int | None = 10,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        traceparent: bool | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | str | None = None,
        raise_for_status: bool | collections.abc.Callable[[Response], typing.Any] | None = None,
    ) -> Stream: ...

class _ClientWSTimeout(typing.Protocol):  # of aiohttp, which need not be installed
    @property
    def ws_receive(self) -> float | None: ...
    @property
    def ws_close(self) -> float | None: ...

_Bytes: typing.TypeAlias = bytes | bytearray | memoryview

@typing.final
class WebSocketConnect(_Operation["WebSocketSession"]):
    def __aenter__(self) -> _Operation[WebSocketSession]: ...
    def __aexit__(self, kind: object, error: object, traceback: object, /) -> _Operation[None]: ...

@typing.final
class WebSocketSession:
    @property
    def url(self) -> str: ...
    @property
    def response(self) -> Response: ...
    @property
    def subprotocol(self) -> str | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def close_code(self) -> int | None: ...
    @property
    def close_reason(self) -> str: ...
    def send(self, data: str | _Bytes, /) -> _Operation[None]: ...
    def send_json(self, data: typing.Any, /) -> _Operation[None]: ...
    def receive(self, timeout: float | None = None) -> _Operation[typing.Any]: ...  # str or bytes
    def receive_json(self, timeout: float | None = None) -> _Operation[typing.Any]: ...
    def request(
        self,
        data: str | _Bytes,
        /,
        match: collections.abc.Callable[[typing.Any], object] | None = None,
        timeout: float | None = None,
    ) -> _Operation[typing.Any]: ...  # str or bytes
    def ping(self, timeout: float | None = None) -> _Operation[float]: ...
    def close(self, code: int = 1000, reason: str = "") -> _Operation[None]: ...
    def __aenter__(self) -> _Operation[WebSocketSession]: ...
    def __aexit__(self, kind: object, error: object, traceback: object, /) -> _Operation[None]: ...
    def __aiter__(self) -> WebSocketSession: ...
    def __anext__(self) -> _Operation[typing.Any]: ...  # str or bytes

@typing.final
class WebSocketClient:
    def connect(
        self,
        url: str | _URL,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        protocols: collections.abc.Iterable[str] = (),
        subprotocol: str | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        timeout: float | _ClientWSTimeout | None = None,
        close_timeout: float | None = None,
        receive_timeout: float | None = None,
        heartbeat: float | None = None,
        max_msg_size: int | None = 4194304,
        max_message_size: int | None = None,
        cookies: typing.Any = None,
        auth: typing.Any = None,
        origin: str | None = None,
        verify: bool | str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        ssl: bool | _ssl.SSLContext | None = None,
        proxy: str | _URL | None = None,
        proxy_auth: typing.Any = None,
        compress: bool | int | dict[str, bool | int] | None = 0,
        http2: bool | None = False,
        autoclose: typing.Literal[True] = True,
        autoping: typing.Literal[True] = True,
        method: str = "GET",
    ) -> WebSocketConnect: ...
    def close(self) -> _Operation[None]: ...

@typing.final
class Execution:
    @property
    def worker_id(self) -> int: ...
    @property
    def process(self) -> int: ...
    @property
    def vu(self) -> int: ...
    @property
    def scenario(self) -> str | None: ...
    @property
    def iteration(self) -> int: ...
    @property
    def iteration_in_vu(self) -> int: ...
    @property
    def stage(self) -> int | None: ...

@typing.final
class Group:
    def __enter__(self) -> Group: ...
    def __exit__(self, *args: object) -> typing.Literal[False]: ...

@typing.final
class Worker:
    def __setattr__(self, name: str, value: typing.Any, /) -> None: ...
    def __delattr__(self, name: str, /) -> None: ...
    @property
    def http(self) -> HttpClient: ...
    @property
    def ws(self) -> WebSocketClient: ...
    @property
    def grpc(self) -> GrpcClient: ...
    @property
    def _grpc_methods(self) -> dict[typing.Any, dict[typing.Any, _GrpcMethod]]: ...
    @property
    def _grpc_schemas(self) -> dict[typing.Any, typing.Any]: ...
    def _grpc_method(
        self,
        target: str,
        path: str,
        metadata: list[tuple[str, str]],
        deadline: float,
        is_gzip: bool,
        message_max: int,
        kind: int,
        name: str,
        tags: list[tuple[str, str]],
        tls: tuple[int, str | None, str | None, str | None],
        keepalive: tuple[float, float],
        /,
    ) -> _GrpcMethod: ...
    def _grpc_call(self, method: _GrpcMethod, request: bytes | None, schema: typing.Any, /) -> _GrpcCall: ...
    @property
    def setup_data(self) -> typing.Any: ...
    @property
    def execution(self) -> Execution: ...
    @property
    def vu(self) -> dict[typing.Any, typing.Any]: ...
    @property
    def env(self) -> dict[str, str]: ...
    @property
    def tags(self) -> dict[str, str]: ...
    def check(
        self,
        value: _T,
        conditions: collections.abc.Mapping[str, collections.abc.Callable[[_T], object] | bool],  # a dict
        tags: dict[str, typing.Any] | None = None,
    ) -> bool: ...
    def counter(self, name: str, value: float = 1, tags: dict[str, typing.Any] | None = None) -> None: ...
    def gauge(self, name: str, value: float, tags: dict[str, typing.Any] | None = None) -> None: ...
    def rate(self, name: str, value: object, tags: dict[str, typing.Any] | None = None) -> None: ...
    def trend(self, name: str, value: float, tags: dict[str, typing.Any] | None = None) -> None: ...
    def group(self, name: str, /) -> Group: ...
    def sleep(self, seconds: float, /) -> Sleep: ...
    def abort(self, reason: str = "") -> typing.NoReturn: ...
    @property
    def _coro(self) -> typing.Any: ...
    @property
    def _context(self) -> contextvars.Context | None: ...
    @property
    def _waiting(self) -> typing.Any: ...
    @property
    def _must_cancel(self) -> bool: ...
    def _cancel(self) -> bool: ...
    @property
    def _cancelling(self) -> int: ...
    def _uncancel(self) -> int: ...
    def _released(self, leftovers: object, /) -> None: ...

class _GrpcMethod(typing.Protocol):
    pass

class _GrpcCall(typing.Protocol):
    @property
    def schema(self) -> typing.Any: ...
    @property
    def has_head(self) -> bool: ...
    @property
    def has_ended(self) -> bool: ...
    @property
    def status(self) -> int: ...
    @property
    def error_code(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def timings(self) -> tuple[float, float, float, float, float, float, float]: ...
    def start(self) -> None: ...
    def result(self) -> collections.abc.Awaitable[GrpcResponse]: ...
    def head(self) -> collections.abc.Awaitable[None]: ...
    def receive(self) -> collections.abc.Awaitable[bytes | None]: ...
    def take(self) -> bytes | None: ...
    def room(self) -> collections.abc.Awaitable[None]: ...
    def send(self, message: bytes, /) -> bool: ...
    def half_close(self) -> None: ...
    def leave(self, gave_up: bool, /) -> None: ...
    def headers(self) -> list[tuple[str, str]]: ...
    def trailers(self) -> list[tuple[str, str]]: ...

@typing.final
class Host:
    setup_data: typing.Any
    @property
    def is_cut_short(self) -> bool: ...
    @property
    def is_forked(self) -> bool: ...
    @property
    def ended(self) -> bool: ...
    def __new__(cls, hooks: HostHooks, env: dict[str, str], /) -> Host: ...
    def attach(self, loop: asyncio.AbstractEventLoop, fd: int, /) -> None: ...
    def serve(self, fd: int, /) -> None: ...
    def wait(self, timeout: float | None, /) -> bool: ...
    def hook_ended(self, name: str, error: BaseException | None, /) -> None: ...
    def warn(self, text: str, times: int = ..., /) -> None: ...
    def call_soon(
        self, callback: collections.abc.Callable[..., object], /, *args: object, context: contextvars.Context | None = ...
    ) -> asyncio.Handle: ...
    def create_task(
        self, coro: collections.abc.Coroutine[typing.Any, typing.Any, typing.Any], /, **kwargs: typing.Any
    ) -> asyncio.Task[typing.Any]: ...
    def spawn(
        self,
        make: collections.abc.Callable[..., typing.Any],
        coro: collections.abc.Coroutine[typing.Any, typing.Any, typing.Any],
        /,
        **kwargs: typing.Any,
    ) -> typing.Any: ...
    def overdue(self) -> float: ...
    def running(self) -> tuple[bool, Worker | None]: ...
    def current_task(self, loop: asyncio.AbstractEventLoop | None, /) -> typing.Any: ...
    def pause(self, delay: float, /) -> collections.abc.Awaitable[None] | None: ...
    def attach_guest(self, loop: asyncio.AbstractEventLoop, wake: collections.abc.Callable[[], object], /) -> None: ...
    def start(
        self,
        script: str,
        options: dict[str, str],
        on_samples: collections.abc.Callable[[list[tuple[str, float, int, dict[str, str]]]], object] | None = None,
        /,
    ) -> Run: ...
    def turn(self) -> None: ...
    def fileno(self) -> int: ...
    def timer_fileno(self) -> int: ...
    def forked(self) -> None: ...
    def close(self) -> None: ...

@typing.final
class Run:
    @property
    def run_id(self) -> str: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_planned(self) -> bool: ...
    @property
    def is_paused(self) -> bool: ...
    @property
    def exit_code(self) -> int: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def error(self) -> tuple[str, str | None, int, str | None, str | None, tuple[tuple[str, str | None, int, str | None], ...]] | None: ...
    def begin(self) -> None: ...
    def stop(self, reason: str, at_once: bool = False, /) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def adjust(self, scenario: str | None, what: str, value: float, hold: bool, /) -> None: ...
    def lose(self, text: str, /) -> None: ...
    def metric(self, name: str, /) -> tuple[str, str]: ...
    def snapshot(self) -> str | None: ...
    def events(self, wake: collections.abc.Callable[[], object], /) -> Events: ...
    def result_json(self) -> str: ...
    def summary(self, width: int, color: bool, /) -> str: ...

@typing.final
class Events:
    def take(self) -> list[str]: ...

def builtin_metrics() -> list[tuple[str, str, str]]: ...
def end_with_parent() -> None: ...
def metric_aliases() -> dict[str, str]: ...
def parse_threshold(expression: str, /) -> tuple[str, float | None, str, float]: ...
def resolve_plan(declaration: str, /) -> str: ...
def snappy_compress(data: bytes, /) -> bytes: ...
