# SPDX-License-Identifier: MIT
"""The events of a run, which come from the file that it writes them to."""

from __future__ import annotations

import json
import typing

_LINE = 1 << 20  # bytes of an event; a longer one is left out
_PIECE = 1 << 18
_PIECES = 8  # of the file, at a time


class EventLog:
    """The events of a run, as they are written to a file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: typing.BinaryIO | None = None
        self._rest = b""
        self._is_skipping = False
        #: Whether the last call of take() has read all that there is.
        self.is_at_end = True

    def take(self) -> list[dict[str, typing.Any]]:
        """The events that have come since the last call, at most those of a few MiB."""
        if self._file is None:
            try:
                self._file = open(self._path, "rb")
            except OSError:
                return []
        events = []
        for _ in range(_PIECES):
            piece = self._file.read(_PIECE)
            self.is_at_end = not piece
            if self.is_at_end:
                break
            *lines, self._rest = (self._rest + piece).split(b"\n")
            for line in lines:
                if not self._is_skipping and (event := _event_of(line)) is not None:
                    events.append(event)
                self._is_skipping = False
            if len(self._rest) > _LINE:
                self._rest, self._is_skipping = b"", True
        return events

    def close(self) -> None:
        """Gives the file back."""
        if self._file is not None:
            self._file.close()


def _event_of(line: bytes) -> dict[str, typing.Any] | None:
    if len(line) > _LINE:
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None
