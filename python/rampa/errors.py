"""Exceptions of rampa.

A request that gets no response raises a subclass of :class:`RequestError`, after its metrics have been recorded. One that
nobody catches ends its iteration; it is an outcome of the test, not a bug of the script.
"""

from __future__ import annotations

import asyncio
import collections.abc
import enum
import sys
import types
import typing

if typing.TYPE_CHECKING:
    from rampa._rampa import Response
    from rampa._response import Headers


class ExitCode(enum.IntEnum):
    """What ``rampa run`` returns.

    >>> ExitCode.OK, int(ExitCode.ABORTED)
    (<ExitCode.OK: 0>, 4)
    """

    OK = 0
    THRESHOLD_FAILURE = 1
    ITERATION_EXCEPTION = 2
    INVALID_CONFIG = 3
    ABORTED = 4
    SETUP_FAILURE = 5
    OUTPUT_FAILURE = 6
    TEARDOWN_FAILURE = 7
    GENERATOR_LIMITED = 8
    INTERNAL_ERROR = 9


class RampaError(Exception):
    """Base of everything that rampa raises on purpose.

    Args:
        message: what happened.
        exit_code: what ``rampa run`` returns for it.

    >>> RampaError("it was interrupted", ExitCode.ABORTED).exit_code
    <ExitCode.ABORTED: 4>
    """

    exit_code: ExitCode = ExitCode.INTERNAL_ERROR

    def __init__(self, message: str = "", exit_code: ExitCode | None = None) -> None:
        Exception.__init__(self, message)  # not the class after this one, which may be another library's
        if exit_code is not None:
            self.exit_code = exit_code


class ThresholdError(RampaError):
    """For programs to raise when thresholds have failed. rampa raises none of these five; a run's result has its status."""

    exit_code = ExitCode.THRESHOLD_FAILURE


class SetupError(RampaError):
    """For programs to raise when setup() has failed."""

    exit_code = ExitCode.SETUP_FAILURE


class AbortError(RampaError):
    """For programs to raise when a run was ended early."""

    exit_code = ExitCode.ABORTED


class OutputError(RampaError):
    """For programs to raise when a result did not get where it should."""

    exit_code = ExitCode.OUTPUT_FAILURE


class TeardownError(RampaError):
    """For programs to raise when teardown() has failed."""

    exit_code = ExitCode.TEARDOWN_FAILURE


class ScriptError(RampaError):
    """The script was loaded and cannot be run: what is wrong, and in which line.

    Args:
        message: what is wrong.
        file: of the script, or None.
        line: in it, from 1; 0 when there is none.
    """

    exit_code = ExitCode.INVALID_CONFIG

    def __init__(self, message: str, file: str | None = None, line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


class ConfigError(ScriptError, ValueError):
    """A plan, or a script, cannot be run as it is: what :func:`rampa.loader.load_test` and ``Engine.start()`` raise.

    All mistakes that were found stand in one error, the first one as the error itself.

    Args:
        message: what is wrong, and what was expected.
        file: where it stands, or None.
        line: in it, from 1; 0 when there is none.
        hint: the remedy, or None.
        others: the further mistakes, as such errors or as tuples (message, file, line, hint).

    >>> error = ConfigError("scenario 'a': unknown field 'vuss'", "load.py", 7, "did you mean 'vus'?")
    >>> str(error), error.file, error.line, error.others
    ("scenario 'a': unknown field 'vuss' (did you mean 'vus'?)", 'load.py', 7, ())
    """

    def __init__(
        self,
        message: str,
        file: str | None = None,
        line: int = 0,
        hint: str | None = None,
        others: collections.abc.Iterable[ConfigError | tuple[str, str | None, int, str | None]] = (),
    ) -> None:
        self.others: tuple[ConfigError, ...] = tuple(
            other if isinstance(other, ConfigError) else ConfigError(*other) for other in others
        )
        places = [(f"{other.file}:{other.line}: " if other.file else "") + str(other) for other in self.others]
        super().__init__("\n".join([f"{message} ({hint})" if hint else message, *places]), file, line)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return (ConfigError, (self.message, self.file, self.line, self.hint, self.others))


class RunAborted(asyncio.CancelledError):
    """``worker.abort()`` was called: raised there. Like every CancelledError it is not to be swallowed."""


class RequestError(RampaError):
    """A request got no complete response. Raised by the await, after the metrics have been recorded.

    Args:
        response: with status 0.

    Attributes:
        response: with status 0, the timings in milliseconds and the reason.
        error_code: number of the kind of failure, see docs/metrics.md.
        url: of the request.
        method: of the request.

    >>> issubclass(RequestTimeout, TimeoutError), issubclass(ConnectionLost, ConnectionError)
    (True, True)
    """

    response: Response
    error_code: int
    url: str
    method: str

    def __init__(self, response: Response) -> None:
        self.response = response
        self.error_code = response.error_code
        self.url = response.url
        self.method = response.method
        super().__init__(f"{self.method} {self.url}: {response.error}")

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return (RampaError, (str(self),))


class NameResolutionError(RequestError):
    """The host's name could not be resolved (error codes 1100, 1101)."""


class ConnectError(RequestError, ConnectionError):
    """No connection could be made (1110, 1200 to 1212, 1910, 1911)."""


class ConnectTimeout(ConnectError, TimeoutError):
    """Connecting, or the TLS handshake, took longer than the timeout allows (1211)."""


class TLSError(ConnectError):
    """TLS could not be agreed on, or broke (1300, 1313)."""


class CertificateError(TLSError):
    """The server's certificate is not accepted: its authority, its host or its time (1310, 1311, 1312)."""


class ProxyError(ConnectError):
    """The proxy gave no connection to the server, or could not be reached itself (1320 to 1326)."""


class RequestTimeout(RequestError, TimeoutError):
    """The whole request took longer than its timeout (1050)."""


class ConnectionLost(RequestError, ConnectionError):
    """The connection was reset or closed before the response was complete (1010, 1220, 1314, 1901, 1907)."""


class ProtocolError(RequestError):
    """The response broke HTTP, its Content-Encoding, or a limit (1600 to 1613, 1701, 1900, 1902)."""


class StatusError(RequestError):
    """A status is 400 or more, and the script has asked for an error: ``raise_for_status=True``, or the method of a Response.

    Args:
        response: whose status it is.

    Attributes:
        status: of the response.
        message: the text after the status, such as ``Not Found``.
        headers: of the response.
        history: the redirects that led to it.
    """

    status: int
    message: str
    headers: Headers
    history: tuple[Response, ...]

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.status = response.status
        self.message = response.reason
        self.headers = response.headers
        self.history = response.history

    def __str__(self) -> str:
        return f"{self.method} {self.url}: {self.status} {self.message}"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return (RampaError, (str(self),))


class GrpcError(RequestError):
    """A stream of gRPC has ended with another status than OK. Calls with one response raise nothing: they have a status.

    Args:
        method: ``/package.Service/Method``.
        status_code: the number of the status, which is an attribute.
        status: its name.
        details: what the server, or rampa, says of it; an attribute too.
        error_code: 0, or the number of what went wrong on the way.
    """

    status_code: int
    details: str

    def __init__(self, method: str, status_code: int, status: str, details: str, error_code: int) -> None:
        self.method = method
        self.url = method
        self.status_code = status_code
        self.details = details
        self.error_code = error_code
        RampaError.__init__(self, f"{method}: {status}{': ' if details else ''}{details}")


class RedirectError(RequestError):
    """A redirect led to something that is no URL rampa can request (1906), or there were too many of them."""


class TooManyRedirects(RedirectError):
    """There were more redirects than ``max_redirects`` (1905). ``response.history`` has those that were followed."""


class WebSocketError(RequestError):
    """A WebSocket was not opened, or has not done what it was asked for.

    Args:
        response: the answer to the request that was to open it.
        message: what has happened; None is what the response says.
        error_code: number of the kind of failure, or 0.
    """

    def __init__(self, response: Response, message: str | None = None, error_code: int = 0) -> None:
        super().__init__(response)
        self.error_code = error_code
        if message is not None:
            Exception.__init__(self, f"{self.url}: {message}")


class WebSocketHandshakeError(WebSocketError):
    """The server has answered, but does not speak WebSocket there, or not as it was asked to.

    Attributes:
        status: of the answer; 101 when what else it says is wrong.
        headers: of the answer.
        message: the text after its status, such as ``Not Found``.
        history: empty: redirects are not followed.
    """

    status: int
    headers: Headers
    message: str
    history: tuple[Response, ...]

    def __init__(self, response: Response, message: str | None = None, error_code: int = 0) -> None:
        super().__init__(response, message, error_code)
        self.status = response.status
        self.headers = response.headers
        self.message = response.reason
        self.history = response.history


class WebSocketClosed(WebSocketError, ConnectionError):
    """The session is closed: nothing can be sent, and no message waits.

    Args:
        response: the answer to the request that has opened it.
        message: what has happened.
        error_code: number of the kind of failure; 0 when a close frame has ended the session.
        code: of the close frame; 1005 when it has none, 1006 when there was no close frame.
        reason: the text of the close frame.

    Attributes:
        code: see above.
        reason: see above.
    """

    code: int
    reason: str

    def __init__(self, response: Response, message: str | None = None, error_code: int = 0, code: int = 1006, reason: str = "") -> None:
        super().__init__(response, message, error_code)
        self.code = code
        self.reason = reason


class WebSocketTimeout(WebSocketError, TimeoutError):
    """A message, or a pong, has not come in time. The session goes on."""


_BY_CODE: dict[int, type[RequestError]] = {
    1010: ConnectionLost,
    1050: RequestTimeout,
    1100: NameResolutionError,
    1101: NameResolutionError,
    1110: ConnectError,
    1200: ConnectError,
    1210: ConnectError,
    1211: ConnectTimeout,
    1212: ConnectError,
    1220: ConnectionLost,
    1300: TLSError,
    1310: CertificateError,
    1311: CertificateError,
    1312: CertificateError,
    1313: TLSError,
    1314: ConnectionLost,
    **dict.fromkeys(range(1320, 1327), ProxyError),
    1600: ProtocolError,
    1701: ProtocolError,
    1900: ProtocolError,
    **dict.fromkeys((1901, 1907), ConnectionLost),
    1902: ProtocolError,
    1905: TooManyRedirects,
    1906: RedirectError,
    1910: ConnectError,
    1911: ConnectError,
}


def request_error(response: Response) -> RequestError:
    """The exception for a response with status 0 (called by the extension).

    Args:
        response: with status 0.
    """
    code = response.error_code
    kind = _BY_CODE.get(1600 if 1600 <= code < 1700 else code, RequestError)  # HTTP/2 adds its own code
    return _with_aiohttp(kind)(response)


def raise_for_status(response: Response) -> None:
    """Raises when a status is an error, or when there is none (called by the extension).

    Args:
        response: that has come, or failed.

    Raises:
        StatusError: its status is 400 or more.
        RequestError: its status is 0.
    """
    if response.status == 0:
        raise request_error(response)
    if response.status >= 400:
        raise _with_aiohttp(StatusError)(response)


def websocket_error(kind: str, response: Response, text: str, error_code: int, code: int, reason: str) -> WebSocketError:
    """The exception for what has become of a WebSocket (called by the extension).

    Args:
        kind: the name of its class.
        response: the answer to the request that was to open it.
        text: one clause, or "".
        error_code: number of the kind of failure, or 0.
        code: of the close frame, or 0.
        reason: of the close frame.
    """
    make: typing.Any
    if kind == "WebSocketHandshakeError":
        make = _with_aiohttp(WebSocketHandshakeError)
        error: WebSocketError = make(response, text, error_code)
        return error
    if kind == "WebSocketTimeout":
        make = _with_aiohttp(WebSocketTimeout)
        error = make(response, text, error_code)
        return error
    if not text:
        shown = reason.encode("unicode_escape").decode("ascii")
        text = f"the session is closed, with the code {code}" + (f" and the reason {shown!r}" if shown else "")
    make = _with_aiohttp(WebSocketClosed)
    error = make(response, text, error_code, code, reason)
    return error


# What aiohttp raises in the same place. Of two names the first is that of newer versions.
_OF_AIOHTTP: dict[type[RequestError], tuple[str, ...]] = {
    RequestError: ("ClientError",),
    NameResolutionError: ("ClientConnectorDNSError", "ClientConnectorError"),
    ConnectError: ("ClientConnectorError",),
    ConnectTimeout: ("ConnectionTimeoutError", "ServerTimeoutError"),
    ProxyError: ("ClientProxyConnectionError", "ClientConnectorError"),
    TLSError: ("ClientConnectorSSLError", "ClientConnectorError"),
    CertificateError: ("ClientConnectorCertificateError", "ClientConnectorError"),
    RequestTimeout: ("ServerTimeoutError",),
    ConnectionLost: ("ServerDisconnectedError",),
    ProtocolError: ("ClientPayloadError",),
    StatusError: ("ClientResponseError",),
    RedirectError: ("InvalidUrlRedirectClientError", "InvalidURL"),
    TooManyRedirects: ("TooManyRedirects",),
    WebSocketError: ("ClientError",),
    WebSocketHandshakeError: ("WSServerHandshakeError",),
    WebSocketClosed: ("ClientConnectionResetError", "ClientOSError"),
    WebSocketTimeout: ("ServerTimeoutError",),
}
_MADE: dict[type[RequestError], type[RequestError]] = {}


def _with_aiohttp(kind: type[RequestError]) -> type[RequestError]:
    """The same kind of error; in a script that has loaded aiohttp it is an error of aiohttp too, as which it may be caught.

    Args:
        kind: of rampa's.
    """
    if "aiohttp" not in sys.modules:
        return kind
    made = _MADE.get(kind)
    if made is None:
        aiohttp = sys.modules["aiohttp"]
        base = next((getattr(aiohttp, name) for name in _OF_AIOHTTP.get(kind, ()) if hasattr(aiohttp, name)), None)
        if base is None:  # another module of that name, or one that is still being imported
            return kind
        namespace: dict[str, typing.Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
        if isinstance(getattr(base, "url", None), property):  # which cannot be set, as ours is
            namespace["url"] = ""
        made = _MADE[kind] = type(kind.__name__, (_AlsoAiohttp, kind, base), namespace)
    return made


class _AlsoAiohttp:
    """What aiohttp's classes would have been told at their construction."""

    def __init__(self, response: Response, *more: typing.Any) -> None:
        import urllib.parse

        super().__init__(response, *more)  # type: ignore[call-arg]
        parts = urllib.parse.urlsplit(response.url)
        self._conn_key = types.SimpleNamespace(host=parts.hostname, port=_port(parts), is_ssl=parts.scheme == "https", ssl=True)
        self._os_error = OSError(str(response.error))
        self.request_info = types.SimpleNamespace(url=response.url, real_url=response.url, method=response.method, headers=None)
        if not response.status:
            self.message = str(response.error)
            self.history = response.history
            self.headers, self.status = None, 0

    def __str__(self) -> str:
        own: object = self
        return StatusError.__str__(own) if isinstance(own, StatusError) else str(typing.cast(Exception, own).args[0])


def _port(parts: typing.Any) -> int | None:
    """Of a URL that was taken apart."""
    try:
        return int(parts.port) if parts.port else {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
