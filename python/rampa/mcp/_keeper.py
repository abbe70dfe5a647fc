# SPDX-License-Identifier: MIT
"""A process between the server and a run that may outlive the server.

It bounds the run in time, ends what the run leaves behind, and writes down how it has ended. It needs only the standard library,
and is started by its path, so that it is there at once.

usage: _keeper.py FOLDER SECONDS COMMAND...
"""

from __future__ import annotations

import collections.abc
import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time

END = "end.json"  # in the folder of a run
PID = "keeper"
_STOP_SECONDS = (120.0, 10.0, 10.0)  # from each signal to what comes next
_SAID = 16 << 10  # bytes
_LATE = 64  # pieces that are read after the end of a run: what it has started may write for ever
_PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals) -> collections.abc.Callable[[], None]:
    """What a child does before it becomes another program: it asks for this signal when its parent has died."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def members_of(session: int) -> set[int]:
    """The processes of a session that are not dead."""
    ret = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            state, _, _, of_it = file.read().rpartition(b")")[2].split()[:4]
            if int(of_it) == session and state not in (b"Z", b"X"):
                ret.add(int(name))
    return ret


def kill_session(session: int) -> None:
    """Ends all processes of a session at once, but for the one that calls it.

    Args:
        session: number of it.
    """
    killed = {os.getpid()}
    while found := members_of(session) - killed:  # again, for what was started meanwhile
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found


def write(folder: str, name: str, text: str) -> None:
    """Makes a file that has all of its text, or is not there.

    Args:
        folder: to make it in.
        name: of the file.
        text: to write.
    """
    path = os.path.join(folder, name)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def _follow(child: subprocess.Popen[bytes], seconds: float) -> bytes:
    """Waits for the end of a run, and stops it when it has lasted too long. Gives the last that it has said."""
    assert child.stdout is not None
    pipe, process = child.stdout.fileno(), os.pidfd_open(child.pid)
    os.set_blocking(pipe, False)
    waited, said, steps = {pipe, process}, b"", list(_STOP_SECONDS)
    end, late, piece = time.monotonic() + seconds, 0, b""
    while True:
        ready, _, _ = select.select(waited, [], [], max(0.0, end - time.monotonic()))
        if pipe in ready:
            piece = os.read(pipe, 65536)
            said = (said + piece)[-_SAID:]
            if not piece:
                waited.discard(pipe)
        if process in ready:
            late += 1
            if pipe not in ready or not piece or late > _LATE:  # all that it had said is read, or others go on
                os.close(process)
                return said
        if time.monotonic() >= end:
            if not steps:
                child.kill()
            end += steps.pop(0) if steps else 1.0
            child.send_signal(signal.SIGTERM)


def main(words: list[str]) -> None:
    """Runs the command to its end.

    Args:
        words: of the command line.
    """
    folder, seconds, *command = words
    write(folder, PID, str(os.getpid()))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP, signal.SIGINT})

    def prepare() -> None:
        ask()
        signal.pthread_sigmask(signal.SIG_SETMASK, set())

    ask = die_with_parent(signal.SIGTERM)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=prepare)
    except OSError as error:
        write(folder, END, json.dumps({"exit_code": 127, "said": f"error: cannot start rampa: {error.strerror}"}))
        return
    # Told to end, it tells the run; and it stays until the run has ended.
    signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGHUP, signal.SIGINT})
    said = _follow(child, float(seconds))
    kill_session(os.getpid())
    write(folder, END, json.dumps({"exit_code": child.wait(), "said": said.decode(errors="replace")}))


if __name__ == "__main__":
    main(sys.argv[1:])
