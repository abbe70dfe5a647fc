# SPDX-License-Identifier: MIT
"""MCP over standard input and output: a message a line, and nothing but messages on standard output."""

from __future__ import annotations

import collections.abc
import os
import sys
import typing

from mcp.server.stdio import stdio_server  # type: ignore[import]

from rampa.mcp._lines import Lines, has_hung_up
from rampa.mcp._server import RunServer


def _take_standard_input() -> int:
    """A descriptor of its own for standard input, whose number is then the null device, for what else may read it.

    Where standard input is closed, its number may belong to something else by now: then it is the null device alone.
    """
    if sys.stdin is None:
        return os.open(os.devnull, os.O_RDONLY)
    fd = os.dup(0)
    os.set_inheritable(fd, False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return fd


async def _heard(source: Lines, server: RunServer) -> collections.abc.AsyncIterator[str]:
    """The lines, after the server has learned what is called off."""
    async for line in source:
        server.calls.hear(line)
        yield line


async def serve_stdio(server: RunServer) -> None:
    """Serves one client, until standard input ends, or nobody reads what is written any more.

    Args:
        server: to serve.
    """
    source = Lines(_take_standard_input())
    lines: typing.Any = _heard(source, server)
    written = os.dup(1)  # while the SDK serves, this number is standard error; it is asked for until the process ends
    os.set_inheritable(written, False)
    # Calls are called off before the server ends. By then the client has closed one of the two, or has died.
    server.registry.is_ending = lambda: source.has_ended or has_hung_up(written)
    try:
        async with stdio_server(stdin=lines) as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    except* (BrokenPipeError, ConnectionResetError):
        if not has_hung_up(written):
            raise
