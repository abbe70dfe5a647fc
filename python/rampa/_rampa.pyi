# SPDX-License-Identifier: MIT
"""The types of the extension module _rampa, for type checkers; at run time the module stands beside this package."""

import asyncio
import collections.abc
import contextvars
import typing

from rampa._response import Headers, Timings

_T = typing.TypeVar("_T")
_T_co = typing.TypeVar("_T_co", covariant=True)
_Pairs: typing.TypeAlias = collections.abc.Mapping[str, typing.Any] | collections.abc.Iterable[tuple[str, typing.Any]]
_Statuses: typing.TypeAlias = int | collections.abc.Iterable[int | tuple[int, int]]

class _Operation(collections.abc.Coroutine[typing.Any, typing.Any, _T_co]):
    _asyncio_future_blocking: bool
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
    def text(self) -> str: ...
    def json(self) -> typing.Any: ...

@typing.final
class HttpClient:
    def get(
        self,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...
    def post(
        self,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...
    def put(
        self,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...
    def patch(
        self,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...
    def delete(
        self,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...
    def head(
        self,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...
    def options(
        self,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...
    def request(
        self,
        method: str,
        url: str,
        /,
        *,
        headers: _Pairs | None = None,
        params: str | _Pairs | None = None,
        json: typing.Any = None,
        data: bytes | bytearray | memoryview | str | _Pairs | None = None,
        name: str | None = None,
        tags: _Pairs | None = None,
        expected_statuses: _Statuses | None = None,
        timeout: float | None = None,
        discard_body: bool = False,
        raise_errors: bool = True,
    ) -> Request: ...

@typing.final
class Execution:
    @property
    def worker_id(self) -> int: ...
    @property
    def vu(self) -> int: ...
    @property
    def scenario(self) -> str | None: ...
    @property
    def iteration(self) -> int: ...
    @property
    def iteration_in_vu(self) -> int: ...

@typing.final
class Group:
    def __enter__(self) -> Group: ...
    def __exit__(self, *args: object) -> typing.Literal[False]: ...

@typing.final
class Worker:
    @property
    def http(self) -> HttpClient: ...
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
        checks: collections.abc.Mapping[str, collections.abc.Callable[[_T], object] | bool],  # a dict
        /,
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

@typing.final
class Host:
    setup_data: typing.Any
    @property
    def ended(self) -> bool: ...
    def __new__(cls, hooks: object, env: dict[str, str], /) -> Host: ...
    def attach(self, loop: asyncio.AbstractEventLoop, fd: int, /) -> None: ...
    def serve(self, fd: int, /) -> None: ...
    def wait(self, timeout: float | None, /) -> bool: ...
    def hook_ended(self, name: str, error: BaseException | None, /) -> None: ...
    def warn(self, text: str, /) -> None: ...
    def overdue(self) -> float: ...
    def running(self) -> tuple[bool, Worker | None]: ...
    def current_task(self, loop: asyncio.AbstractEventLoop | None, /) -> typing.Any: ...
    def pause(self, delay: float, /) -> collections.abc.Awaitable[None] | None: ...
    def close(self) -> None: ...
