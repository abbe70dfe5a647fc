# SPDX-License-Identifier: MIT
"""Lines of a client, each of bounded length."""

from __future__ import annotations

import asyncio
import collections.abc
import os
import select
import stat

LINE = 4 << 20  # bytes of a message


def _can_be_waited_for(fd: int) -> bool:
    """Whether an event loop says when a descriptor has something to read: files and devices such as /dev/null always have."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)


def has_hung_up(fd: int) -> bool:
    """Whether nobody is at the other end of a pipe or a socket any more."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))


class Lines:
    """The lines of a descriptor. The SDK takes it for a text file that is read in the background.

    One that is too long is given as an empty line, which is no message, so that its sender gets an error.

    Args:
        fd: to read from; a file, a pipe, a socket, a terminal or a device such as /dev/null.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._is_over = False

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing more to read, now or ever."""
        return self._is_over or has_hung_up(self._fd)

    def __aiter__(self) -> collections.abc.AsyncIterator[str]:
        return self._lines()

    async def _lines(self) -> collections.abc.AsyncIterator[str]:
        rest, is_skipping = b"", False
        try:
            async for piece in self._pieces():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if is_skipping:
                        line, is_skipping = b"", False
                    yield line.decode("utf-8", errors="replace") + "\n"
                if len(rest) > LINE:
                    rest, is_skipping = b"", True
        finally:
            self._is_over = True

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
            self._is_over = True  # before the number belongs to something else
            transport.close()
