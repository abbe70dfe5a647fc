# SPDX-License-Identifier: MIT
"""MCP over Streamable HTTP, at the path /mcp."""

from __future__ import annotations

import collections.abc
import hmac
import socket
import sys
import typing
import urllib.parse

import uvicorn  # type: ignore[import]
from mcp.server.transport_security import TransportSecuritySettings  # type: ignore[import]

from rampa.mcp._server import RunServer
from rampa.mcp._settings import LOOPBACK, Settings, SettingsError

_PATH = "/mcp"
_SESSIONS = 64
_IDLE_SECONDS = 1800.0
_CONNECTIONS = 256
_END_SECONDS = 2

_Message = dict[str, typing.Any]
_Receive = collections.abc.Callable[[], collections.abc.Awaitable[_Message]]
_Send = collections.abc.Callable[[_Message], collections.abc.Awaitable[None]]
_App = collections.abc.Callable[[_Message, _Receive, _Send], collections.abc.Awaitable[None]]


def _host_of(authority: str) -> str | None:
    """The host of ``HOST:PORT``, in lower case."""
    try:
        return urllib.parse.urlsplit(f"//{authority}").hostname
    except ValueError:
        return None


class Guard:
    """Refuses requests that a page in a browser may have made, and those without the token.

    A page of another origin says so in Origin. One whose name has been made to mean this machine says its name in Host.

    Args:
        app: gets the requests that pass.
        settings: of the server.
    """

    def __init__(self, app: _App, settings: Settings) -> None:
        self._app = app
        self._token = None if settings.token is None else f"Bearer {settings.token}".encode()
        self._is_local = settings.host in LOOPBACK

    def _refusal(self, fields: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = fields.get(b"host", b"").decode("latin-1")
        if self._is_local and _host_of(host) not in LOOPBACK:
            return 403, "The Host field names another server."
        if b"origin" in fields:
            origin = fields[b"origin"].decode("latin-1")
            scheme, _, authority = origin.partition("://")
            if scheme not in ("http", "https") or authority.lower() != host.lower():
                return 403, "The request comes from a page of another origin."
        if self._token is not None and not hmac.compare_digest(fields.get(b"authorization", b""), self._token):
            return 401, "The request needs the token of RAMPA_MCP_TOKEN, or of the file that the server has named: Authorization: Bearer TOKEN."
        return None

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = self._refusal(dict(scope["headers"]))
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, text = refusal
        fields = [(b"content-type", b"text/plain; charset=utf-8")]
        fields += [(b"www-authenticate", b"Bearer")] if status == 401 else []
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": f"{text}\n".encode()})


def _listen(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SettingsError(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; FASTMCP_HOST and FASTMCP_PORT choose another") from None
    return listener


async def serve_http(server: RunServer, settings: Settings, remark: str | None = None) -> None:
    """Serves clients until the process is told to end.

    Args:
        server: to serve.
        settings: of it.
        remark: what to say after the address, or None.

    Raises:
        SettingsError: when it cannot listen.
    """
    # The guard checks Host and Origin, also for names that the SDK would have to be told.
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = server.streamable_http_app(
        streamable_http_path=_PATH, transport_security=unchecked, max_sessions=_SESSIONS, session_idle_timeout=_IDLE_SECONDS
    )
    with _listen(settings) as listener:
        host, port = listener.getsockname()[:2]
        print(f"rampa mcp listens on http://{f'[{host}]' if ':' in host else host}:{port}{_PATH}", file=sys.stderr, flush=True)
        if remark is not None:
            print(remark, file=sys.stderr, flush=True)
        config = uvicorn.Config(
            Guard(app, settings), log_level="warning", limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=_END_SECONDS, server_header=False
        )
        serving = uvicorn.Server(config)
        server.registry.is_ending = lambda: bool(serving.should_exit)
        await serving.serve(sockets=[listener])
