# SPDX-License-Identifier: MIT
"""Lines of a client, each of bounded length."""

from __future__ import annotations

import asyncio
import collections.abc
import os
import stat

LINE = 4 << 20  # bytes of a message


def _can_be_waited_for(fd: int) -> bool:
    """Whether an event loop says when a descriptor has something to read: files and devices such as /dev/null always have."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)


class Lines:
    """The lines of a descriptor. The SDK takes it for a text file that is read in the background.

    One that is too long is given as an empty line, which is no message, so that its sender gets an error.

    Args:
        fd: to read from; a file, a pipe, a socket, a terminal or a device such as /dev/null.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __aiter__(self) -> collections.abc.AsyncIterator[str]:
        return self._lines()

    async def _lines(self) -> collections.abc.AsyncIterator[str]:
        rest, is_skipping = b"", False
        async for piece in self._pieces():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if is_skipping:
                    line, is_skipping = b"", False
                yield line.decode("utf-8", errors="replace") + "\n"
            if len(rest) > LINE:
                rest, is_skipping = b"", True

    async def _pieces(self) -> collections.abc.AsyncIterator[bytes]:
        if not _can_be_waited_for(self._fd):
            while piece := os.read(self._fd, 65536):
                yield piece
                await asyncio.sleep(0)
            return
        reader = asyncio.StreamReader()
        file = os.fdopen(self._fd, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        try:
            while piece := await reader.read(65536):
                yield piece
        finally:
            transport.close()
