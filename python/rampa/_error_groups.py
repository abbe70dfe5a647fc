# SPDX-License-Identifier: MIT
"""Exceptions of iterations, grouped by scenario, type and place, so that a million of them are one line of the summary."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing

from rampa._frames import format_error, is_ours, name_of, plain, shorten, text_of, users_place
from rampa.errors import RequestError

if typing.TYPE_CHECKING:
    from rampa._hooks import ToldErrors

GROUPS_MAX = 1000
"""How many kinds of errors are told apart; all further ones of a scenario are one group."""


@dataclasses.dataclass(slots=True)
class ErrorGroup:
    """The errors of one kind: their number, and what the first of them was."""

    scenario: str
    type: str
    """Name of the exception's class."""
    message: str
    place: str
    """``file:line in function``; empty when the group is of many places."""
    traceback: str | None
    is_request: bool
    """Whether all of them are :class:`rampa.errors.RequestError`."""
    count: int = 0

    def told(self) -> ToldErrors:
        """What C is told of the group, as plain values in the order that it takes."""
        return self.scenario, self.type, self.message, self.place, self.traceback, self.count, self.is_request


class _Kind(typing.NamedTuple):
    """What tells one group from another. A class that the script makes anew each time counts as the same by its name."""

    scenario: str
    type: str
    function: tuple[str, str] | None
    """File and name of the function, when the place is the user's."""
    line: int


class ErrorGroups:
    """All groups of one worker.

    Args:
        place: says where a line of code is, as the user is told of it.
    """

    def __init__(self, place: collections.abc.Callable[[types.CodeType | None, int], str]) -> None:
        self._place = place
        self._groups: dict[_Kind, ErrorGroup] = {}
        self._changed: set[_Kind] = set()

    def note(self, scenario: str, error: BaseException, vu: int, iteration: int) -> None:
        """Counts an error that has ended an iteration."""
        code, line = users_place(error)
        if code is None or is_ours(code.co_filename):
            code, line = None, 0
        kind = _Kind(scenario, type(error).__name__, (code.co_filename, code.co_name) if code else None, line)
        group = self._groups.get(kind)
        if group is None:
            if len(self._groups) < GROUPS_MAX:
                group = self._describe(scenario, error, code, line)
                group.traceback = f"{group.traceback}\n(first in iteration {iteration} of scenario {scenario!r}, VU {vu})"
                self._groups[kind] = group
            else:
                kind = _Kind(scenario, "(others)", None, 0)
                others = ErrorGroup(scenario, "(others)", "", "more kinds of errors", None, False)
                group = self._groups.setdefault(kind, others)
        group.count += 1
        group.is_request = group.is_request and isinstance(error, RequestError)
        self._changed.add(kind)

    def _describe(self, scenario: str, error: BaseException, code: types.CodeType | None, line: int) -> ErrorGroup:
        return ErrorGroup(
            scenario=scenario,
            type=name_of(error),
            message=text_of(error),
            place=plain(shorten(self._place(code, line))),
            traceback=plain(format_error(error)),
            is_request=isinstance(error, RequestError),
        )

    def take_changed(self) -> list[ToldErrors]:
        """The groups that have changed since the last call."""
        changed = [self._groups[kind].told() for kind in self._changed]
        self._changed.clear()
        return changed
