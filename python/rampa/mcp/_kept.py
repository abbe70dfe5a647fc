# SPDX-License-Identifier: MIT
"""Runs that may outlive the server: how they are started, and how the next server finds them.

Each run has a folder. A keeper (_keeper.py) runs it, and holds the lock in that folder as long as it lives.
"""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing

from rampa.mcp import _keeper
from rampa.mcp._failure import Failure
from rampa.mcp._program import environment_of, path_of_program
from rampa.mcp._settings import Settings

PREFIX = "rampa-mcp-"
_LOCK = "lock"
_RUN = "run.json"
_LATER = 5.0  # seconds after RAMPA_MCP_MAX_DURATION: a server that lives is the first to stop a run, and says why
_SMALL = 1 << 20


def lock(folder: str) -> typing.BinaryIO | None:
    """Takes the lock of a folder. It is given back when all who have the descriptor have closed it.

    Args:
        folder: of a server or of a run.

    Returns:
        None when somebody else has it.
    """
    file = open(os.path.join(folder, _LOCK), "ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _read(folder: str, name: str) -> dict[str, typing.Any] | None:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            value = json.loads(file.read(_SMALL))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


class Said:
    """What a run has printed. Its keeper writes it down at the end.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    @property
    def lines(self) -> list[str]:
        """The last whole lines of it; none while the run is on."""
        return str((_read(self._folder, _keeper.END) or {}).get("said") or "").splitlines()


class Kept:
    """The keeper of a run, as a process.

    Args:
        folder: of the run.
        pid: of the keeper.
        child: the same when it is a child of this process, or None.

    Raises:
        ProcessLookupError: it has ended.
    """

    def __init__(self, folder: str, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._folder = folder
        self._child = child
        self._ended = asyncio.Event()
        self._fd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._fd, self._take_end)

    def _take_end(self) -> None:
        if self._child is not None:
            self._child.wait()  # it has ended
        code = (_read(self._folder, _keeper.END) or {}).get("exit_code")
        self.returncode = code if isinstance(code, int) else -signal.SIGKILL
        self.let_go()
        self._ended.set()

    async def wait(self) -> int:
        """Waits for the end of the run, and gives its exit code."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends the keeper a signal. SIGTERM goes on to the run.

        Args:
            number: of the signal.
        """
        if self._fd >= 0:
            signal.pidfd_send_signal(self._fd, number)

    def let_go(self) -> None:
        """Looks at it no more, and leaves it alone."""
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


def start_kept(settings: Settings, folder: str, words: list[str], about: dict[str, typing.Any], more: dict[str, str]) -> Kept:
    """Starts rampa in the root, under a keeper in a session of its own.

    Args:
        settings: of the server.
        folder: of the run.
        words: of the command line.
        about: the run, for the next server: ``script`` and ``planned``.
        more: variables beside those that scripts may see.

    Raises:
        Failure: when it cannot be started.
    """
    known = {**about, "root": settings.root, "keep": settings.keep, "started": time.time()}
    command = [sys.executable, "-I", "-S", _keeper.__file__, folder, str(settings.max_duration + _LATER), path_of_program(settings), *words]
    try:
        _keeper.write(folder, _RUN, json.dumps(known))
        held = lock(folder)
        assert held is not None
        with held:
            child = subprocess.Popen(
                command,
                cwd=settings.root,
                env=environment_of(settings, more),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(held.fileno(),),
            )
    except OSError as error:
        raise Failure(f"cannot start rampa: {error.strerror}", "look whether the machine has memory, processes and room on the disk left") from None
    return Kept(folder, child.pid, child)


@dataclasses.dataclass(frozen=True)
class Left:
    """A run that another server has left.

    Attributes:
        folder: of its files.
        script: path of it, for people.
        planned: seconds of its scenarios, or None when that cannot be told.
        age: seconds since it was started.
        rest: seconds since it ended, or None while it is on.
    """

    folder: str
    script: str
    planned: float | None
    age: float
    rest: float | None

    def is_over(self) -> bool:
        """Whether nothing of it is on any more."""
        if (free := lock(self.folder)) is not None:
            free.close()
        return free is not None

    def process(self) -> Kept | None:
        """Its keeper, or None when that has ended."""
        with contextlib.suppress(OSError, ValueError), open(os.path.join(self.folder, _keeper.PID), encoding="ascii") as file:
            found = Kept(self.folder, int(file.read()))
            if (free := lock(self.folder)) is None:  # so the number was still that of the keeper
                return found
            free.close()
            found.let_go()
        return None


def _seconds_since(path: str) -> float:
    try:
        return max(0.0, time.time() - os.stat(path).st_mtime)
    except OSError:
        return 0.0


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _left(folder: str, root: str) -> Left | None:
    """What is known of a run. Removes it when nobody will ask for it any more. None is of another root, or removed."""
    about = _read(folder, _RUN)
    free = lock(folder)
    rest = None
    if free is not None:
        free.close()
        end = os.path.join(folder, _keeper.END)
        rest = _seconds_since(end if os.path.exists(end) else folder)
        if about is None or rest > (_number(about.get("keep")) or 0.0):
            shutil.rmtree(folder, ignore_errors=True)
            return None
    if about is None or about.get("root") != root:
        return None
    age = max(0.0, time.time() - (_number(about.get("started")) or 0.0))
    return Left(folder, str(about.get("script")), _number(about.get("planned")), age, rest)


def _is_of_server(entry: os.DirEntry[str]) -> bool:
    """Whether this is the folder of a server of this user."""
    return entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()


def left_behind(root: str) -> collections.abc.Iterator[tuple[str, typing.BinaryIO, list[Left]]]:
    """The folders of servers of this user that have ended, with a lock on each, and the runs of this root in it.

    A folder without runs is removed.

    Args:
        root: of the server that asks.
    """
    for entry in os.scandir(tempfile.gettempdir()):
        held, folders = None, list[str]()
        try:
            if _is_of_server(entry) and (held := lock(entry.path)) is not None:
                folders = [inner.path for inner in os.scandir(entry.path) if inner.is_dir(follow_symlinks=False)]
        except OSError:  # its server has ended meanwhile, and has removed it
            if held is not None:
                held.close()
            continue
        if held is None:
            continue
        found = []
        for folder in folders:
            with contextlib.suppress(OSError):
                if (left := _left(folder, root)) is not None:
                    found.append(left)
        if found:
            yield entry.path, held, found
            continue
        if not any(os.path.isdir(folder) for folder in folders):
            shutil.rmtree(entry.path, ignore_errors=True)
        held.close()
