# SPDX-License-Identifier: MIT
"""The command ``rampa mcp``, also as ``rampa-mcp`` and ``python -m rampa.mcp``."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib.metadata
import os
import signal
import sys

from rampa.mcp._settings import Settings, SettingsError
from rampa.mcp._token import new_token

_REMEDY = "python3 -m venv DIR && DIR/bin/pip install 'mcp>=2,<3', then name DIR/bin/python3 with --python or RAMPA_PYTHON"
_CONFIG = 3  # exit code: what the server was told is invalid


def _what_is_missing() -> str | None:
    """Why the SDK cannot be used, or None."""
    try:
        version = importlib.metadata.version("mcp")
    except importlib.metadata.PackageNotFoundError:
        return f"the MCP server needs the package mcp, which {sys.executable} does not have"
    if version.partition(".")[0] != "2":
        return f"the MCP server needs version 2 of the package mcp, and {sys.executable} has {version}"
    return None


async def _serve(settings: Settings) -> None:
    from rampa.mcp._server import make_server

    server = make_server(settings)
    if settings.transport == "http":
        from rampa.mcp._http import serve_http

        # The server of HTTP ends at SIGTERM, and sends it to itself again.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if settings.token is not None or "RAMPA_MCP_TOKEN" in os.environ:
            await serve_http(server, settings)
            return
        with new_token() as (token, path):
            await serve_http(server, dataclasses.replace(settings, token=token), f"each request needs the token in {path}")
        return
    from rampa.mcp._stdio import serve_stdio

    task = asyncio.current_task()
    assert task is not None
    cancel = task.cancel

    def end() -> None:
        server.registry.is_ending = lambda: True
        cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await serve_stdio(server)


def main(program: str | None = None) -> None:
    """Serves until the client has gone, or the process is told to end.

    Args:
        program: path of rampa, or None for the one that belongs to the package.

    Raises:
        SystemExit: with code 3 when the SDK is missing, or a variable of the environment is of no use.
    """
    if missing := _what_is_missing():
        print(f"error: {missing}\n  {_REMEDY}", file=sys.stderr)
        sys.exit(_CONFIG)
    try:
        settings = Settings.from_environment(os.environ, program)
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_serve(settings))
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(_CONFIG)


if __name__ == "__main__":
    main()
