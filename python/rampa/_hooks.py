# SPDX-License-Identifier: MIT
"""What the C host asks of Python, with types.

The table in ``src/python/drive/hooks.h`` names the same methods for C; ``tests/python/test_hooks.py`` compares the two.
Unless a method says otherwise it is called in the thread of the event loop.
"""

from __future__ import annotations

import asyncio
import collections.abc
import types
import typing

if typing.TYPE_CHECKING:
    from rampa import _rampa

Description = tuple[str, "str | None", int, "str | None", "str | None"]
"""Of an exception: message, file, line (0 when there is none), traceback, hint."""

ToldErrors = tuple[str, str, str, str, "str | None", int, bool]
"""Of a group of errors: scenario, type, message, place, traceback, number, whether all are of requests."""

PreparedBody = typing.Union[
    "bytes", "tuple[list[bytes | tuple[int, int, int]] | None, collections.abc.AsyncIterable[bytes | str] | None, bool]", None
]
"""Bytes; or pieces of memory and of files (descriptor, offset, size), or what makes it, and whether it comes in chunks."""

PreparedRequest = tuple[
    str, "list[tuple[str, str | bytes]]", "PreparedBody", "str | None", list[tuple[str, str]], "list[tuple[int, int]] | None",
    "tuple[str, str] | None", "tuple[str, str | None] | None",
]
"""URL, headers, body, name, tags, ranges of expected statuses, user name and password for a challenge, a proxy and a warning about it."""

PreparedSocket = tuple[
    str, "list[tuple[str, str | bytes]]", "str | None", list[tuple[str, str]], "tuple[str, str | None] | None",
    "tuple[int, str | None, str | None, str | None]", list[str], "str | None",
    tuple[bool, bool, bool, int, int], int, float, float, float, float, bool,
]
"""URL, headers, name, tags, a proxy and a warning about it, TLS, subprotocols, the one that is wanted, permessage-deflate, bytes of a message; seconds: for opening, for closing,
of the heartbeat, of receive(), where 0 is the default; whether it goes by HTTP/2."""

LeftTask = tuple["asyncio.Task[typing.Any]", types.CodeType | None, int]
"""A task; code and line that created it, when its coroutine is not the user's own."""


class HostHooks(typing.Protocol):
    """The object that :class:`_rampa.Host` is made with. ``rampa._worker.Hooks`` is one."""

    # ---- the script ----

    def load(self, path: bytes) -> str:
        """Loads the script. The answer is its declaration as JSON."""
        ...

    def function(self, scenario: str, exec_fn: str) -> collections.abc.Callable[[_rampa.Worker], typing.Any]:
        """The function that an iteration of the scenario calls. It is asked for before the run begins."""
        ...

    def run_hook(self, name: str, worker: _rampa.Worker, timeout: float) -> None:
        """Begins ``setup`` or ``teardown``. ``Host.hook_ended()`` tells its end, later."""
        ...

    def pack(self) -> bytes:
        """What ``setup`` returned, for the other workers."""
        ...

    def share(self, data: bytes) -> None:
        """Takes what another worker has packed."""
        ...

    # ---- iterations ----

    def awaiting(self, result: typing.Any) -> collections.abc.Coroutine[typing.Any, typing.Any, None] | None:
        """A coroutine that awaits what a plain function returned; None when that is nothing to await."""
        ...

    def prepare_request(self, url: str, options: dict[str, typing.Any]) -> PreparedRequest:
        """Makes plain values of the options of a request: those that were given, by their names."""
        ...

    def prepare_socket(self, url: str, options: dict[str, typing.Any]) -> PreparedSocket:
        """Makes plain values of the options of a WebSocket: those that were given, by their names."""
        ...

    def tls_options(self, given: dict[str, typing.Any]) -> tuple[int, str | None, str | None, str | None]:
        """What a request says of TLS: 1 = verify, 2 = do not, 0 = neither; authorities, certificate and key, as files."""
        ...

    def new_task(self, worker: _rampa.Worker) -> asyncio.Future[None]:
        """What ``asyncio.current_task()`` is inside the VU's iterations. It is asked for once a VU."""
        ...

    def kind_of_file(self, name: str) -> bool | None:
        """Whose code a file holds: True the user's, False a library's, None that of Python itself or of rampa."""
        ...

    def end_tasks(self, worker: _rampa.Worker, tasks: list[LeftTask], is_interrupted: bool) -> object:
        """Cancels tasks that an iteration has left running. When the last has ended the answer goes to ``Worker._released()``."""
        ...

    def give_up_tasks(self, leftovers: typing.Any) -> None:
        """The tasks of what ``end_tasks()`` answered have had their time, and the VU waits for them no longer."""
        ...

    # ---- what went wrong ----

    def describe(self, error: BaseException) -> Description:
        """An exception, as the user is told of it."""
        ...

    def note_error(self, scenario: str, error: BaseException, vu: int, iteration: int) -> None:
        """An exception has ended an iteration."""
        ...

    def changed_errors(self) -> list[ToldErrors]:
        """The groups of errors that have changed since the last call. It is called once a second."""
        ...

    def note_check(self, name: str, error: BaseException) -> None:
        """A predicate of ``worker.check()`` has raised."""
        ...

    def note_unawaited_check(self, name: str, given: typing.Any) -> None:
        """A predicate of ``worker.check()`` has returned something that must be awaited."""
        ...

    def not_awaited(self, text: str) -> None:
        """Something that only an await begins was given up without one. The text says what."""
        ...

    # ---- the event loop ----

    def sampled(self) -> None:
        """The script has kept control for a moment: the time to look at what runs. Called in the watching thread."""
        ...

    def stuck(self, seconds: float) -> bool:
        """The script has kept control for so long. The answer is whether all is said. Called in the watching thread."""
        ...

    def unstuck(self, seconds: float) -> tuple[int, float]:
        """The script has given control back, after so many seconds; 0 when they were too few to mention. Returns how many blocks,
        of how many seconds in all, the warnings name now that none has named before."""
        ...

    def leave_fork(self, error: BaseException | None) -> typing.NoReturn:
        """This process was forked by the script and has come back to the event loop: it ends here."""
        ...
