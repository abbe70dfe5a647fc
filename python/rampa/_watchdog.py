"""What is said and done about a script that does not give control back to the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import types
import typing

from rampa._frames import users_frame

if typing.TYPE_CHECKING:
    from rampa._worker import Hooks

_PLACES_MAX = 100
_LINE_SECONDS = 60.0
"""How often a place is shown while the test runs; the summary counts."""
_AT_LEAST = (1800, 300, 60, 30, 10, 5, 2)
"""Seconds to which repeated times are rounded down, so that the texts of warnings do not grow without bound."""
_LONG_SECONDS = 2.0
"""From here on (RP_PY_STUCK_S) it is told at once."""
_MENTION_SECONDS = 0.2
"""What happens once and is shorter, such as an import, is not worth a warning."""
_UNSEEN = "something that could not be looked at, such as a computation in C,"
_INTERRUPTED = "interrupted because the time was over"
_REMEDY = "use await worker.sleep() or asyncio.to_thread()"


class Blocks:
    """How often something has blocked the event loop, and how long."""

    def __init__(self) -> None:
        self.times = 0
        self.total = self.longest = 0.0

    def add(self, seconds: float) -> None:
        self.times += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)

    @property
    def is_worth_a_warning(self) -> bool:
        return self.times > 1 or self.longest >= _MENTION_SECONDS

    def text(self) -> str:
        if self.times == 1:
            return f"for {self.total:.2f} s"
        return f"{self.times} times, for {self.total:.2f} s in all and {self.longest:.2f} s at the longest"


class Watchdog:
    """Talks for the watching thread of the host (``sampled``, ``stuck``), the loop's (``unstuck``), and when time is over (``overdue``)."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._thread = threading.get_ident()
        self._now: tuple[str, str, str] | None = None  # who, a name without a number, where: of what is stuck
        self._ignored = False
        self._shown: dict[str, float] = {}
        self._seen: set[str] = set()
        self._interrupted: set[str] = set()
        self._blocks: dict[tuple[str, str], Blocks] = {}

    def sampled(self) -> None:
        """From the watching thread: what runs has not given control back since it looked last."""
        self._now = None
        frame = users_frame(sys._current_frames().get(self._thread))
        if frame is not None and self._hooks.host.running()[0]:
            self._now = self._describe(frame)

    def stuck(self, seconds: float) -> bool:
        """From the watching thread while the loop's is somewhere in the script; whether all is said."""
        hook = self._hooks.hook
        is_running, _ = self._hooks.host.running()
        self._ignored = not is_running and (hook is None or seconds < hook.timeout)
        frame = users_frame(sys._current_frames().get(self._thread))
        if self._ignored or frame is None:
            return False
        self._now = who, _, where = self._describe(frame)
        return self._show(f"warning: {who} has not given control back for {seconds:.1f} s: {where}", where)

    def _describe(self, frame: types.FrameType) -> tuple[str, str, str]:
        worker = self._hooks.host.running()[1]
        if self._hooks.hook is not None:
            who = kind = f"{self._hooks.hook.name}()"
        elif worker is not None:
            kind = f"scenario {worker.execution.scenario!r}"
            who = f"{kind} (VU {worker.execution.vu})"
        else:
            who = kind = "a task of the script"
        return who, kind, self._hooks.place(frame.f_code, frame.f_lineno)

    def _show(self, line: str, where: str) -> bool:
        now = time.monotonic()
        if now - self._shown.get(where, -_LINE_SECONDS) < _LINE_SECONDS:
            return False
        if len(self._shown) < _PLACES_MAX or where in self._shown:
            self._shown[where] = now
            os.write(2, (line + "\n").encode(errors="backslashreplace"))
        return True

    def unstuck(self, seconds: float) -> tuple[int, float]:
        """From the loop's thread when it turns again; 0 when it was too short to mention.

        Returns:
            How many blocks a warning names now that none has named before, and how long those were: by them the generator is
            judged.
        """
        stuck, self._now = self._now, None
        ignored, self._ignored = self._ignored, False
        if not seconds:
            return 0, 0.0
        if ignored:
            return 1, seconds
        if seconds < _LONG_SECONDS:
            return self._count(stuck, seconds) if self._hooks.host.running()[0] else (0, 0.0)
        if stuck is not None:
            self._warn(*stuck, seconds, _REMEDY)
        elif self._hooks.host.running()[0]:
            who = "something that keeps Python's lock, such as a computation in C,"
            self._warn(who, who, "", seconds, _REMEDY)
        return 1, seconds

    def _count(self, stuck: tuple[str, str, str] | None, seconds: float) -> tuple[int, float]:
        _, kind, where = stuck or ("", _UNSEEN, "")
        if (kind, where) not in self._blocks and len(self._blocks) >= _PLACES_MAX:
            kind, where = "code at further places", ""
        sums = self._blocks.setdefault((kind, where), Blocks())
        was_named = sums.is_worth_a_warning
        sums.add(seconds)
        if not sums.is_worth_a_warning:
            return 0, 0.0
        return (1, seconds) if was_named else (sums.times, sums.total)

    def tell_blocks(self) -> None:
        """What has blocked the loop for less than is said at once: in sum, when the iterations are over."""
        if not self._blocks or self._hooks.host.running()[0]:
            return
        blocks, self._blocks = self._blocks, {}
        for (kind, where), sums in sorted(blocks.items(), key=lambda item: -item[1].total):
            if sums.is_worth_a_warning:
                at = f"{',' if sums.times > 1 else ''} at {where}" if where else ""
                self._hooks.host.warn(f"{kind} blocked the event loop {sums.text()}{at}; {_REMEDY}")

    def _warn(self, who: str, kind: str, where: str, seconds: float, end: str) -> None:
        at = f" at {where}" if where else ""
        if where not in self._seen:
            if len(self._seen) < _PLACES_MAX:
                self._seen.add(where)
                self._hooks.host.warn(f"{who} blocked the event loop for {seconds:.1f} s{at}; {end}")
            return
        least = next((limit for limit in _AT_LEAST if seconds >= limit), _AT_LEAST[-1])
        self._hooks.host.warn(f"{kind} blocked the event loop again, for {least} s or more{at}; {end}")

    def overdue(self, signal: int, frame: types.FrameType | None) -> None:
        """A signal handler: the time is over and the coordinator has heard nothing. What blocks the loop is cancelled."""
        frame = users_frame(frame)
        seconds = self._hooks.host.overdue() if frame is not None else 0
        if frame is None or not seconds:
            return
        self._ignored = True  # all is said here
        if self._hooks.hook is not None:
            self._hooks.hook.overdue = True
        else:
            who, kind, where = self._describe(frame)
            if where not in self._interrupted:  # a message a second would look like a worker that goes on
                self._interrupted.add(where)
                self._warn(who, kind, where, seconds, _INTERRUPTED)
        raise asyncio.CancelledError("it blocked the event loop when its time was over")
