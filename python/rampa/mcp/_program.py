# SPDX-License-Identifier: MIT
"""The program rampa as a child process that answers a question: inspect, compare, report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import typing

from rampa.__main__ import program
from rampa.mcp._causes import cause_of
from rampa.mcp._failure import Failure
from rampa.mcp._keeper import die_with_parent, kill_session
from rampa.mcp._settings import Settings
from rampa.mcp._untrusted import marked, plain

_SECONDS = 120.0
_ANSWER = 16 << 20
_REAP_SECONDS = 5.0  # from killing a process to its end
_MESSAGES = 16 << 10
_WORDS = 1000  # characters of an error


class Process(typing.Protocol):
    """What is done with the process of a run, be it a child or what another server has left."""

    @property
    def pid(self) -> int:
        """Its number, which is that of its session too."""
        ...

    @property
    def returncode(self) -> int | None:
        """Its exit code, or None while it is on."""
        ...

    async def wait(self) -> int:
        """Waits for its end."""
        ...

    def send_signal(self, number: int, /) -> None:
        """Sends it a signal."""
        ...


class Tail:
    """The last bytes of what a process says."""

    def __init__(self, limit: int = _MESSAGES) -> None:
        self._limit = limit
        self._bytes = b""

    async def follow(self, reader: asyncio.StreamReader) -> None:
        """Reads until the end."""
        while piece := await reader.read(65536):
            self._bytes = (self._bytes + piece)[-self._limit :]

    @property
    def lines(self) -> list[str]:
        """The whole lines of it."""
        return self._bytes.decode(errors="replace").splitlines()


def path_of_program(settings: Settings) -> str:
    """Where rampa is.

    Raises:
        Failure: it is nowhere.
    """
    beside = program()
    path = settings.program or (str(beside) if beside is not None else shutil.which("rampa"))
    if path is None:
        raise Failure("the package rampa has no program beside it, and there is none on PATH", "install rampa again, or build it")
    return path


def environment_of(settings: Settings, more: dict[str, str] | None) -> dict[str, str]:
    """The variables that rampa gets: those that scripts may see, and further ones."""
    return {**settings.environment_of_scripts(os.environ), "NO_COLOR": "1", **(more or {})}


async def start(settings: Settings, words: list[str], *, dies_by: signal.Signals, joined: bool, more: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    """Starts rampa in the root, in a session of its own, with the variables that scripts may see.

    Args:
        settings: of the server.
        words: of the command line.
        dies_by: the signal that it gets when this process is killed.
        joined: whether standard error goes where standard output goes.
        more: further variables.

    Raises:
        Failure: when it cannot be started.
    """
    environment = environment_of(settings, more)
    try:
        return await asyncio.create_subprocess_exec(
            path_of_program(settings),
            *words,
            cwd=settings.root,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if joined else asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent(dies_by),
        )
    except OSError as error:
        raise Failure(f"cannot start rampa: {error.strerror}", "look whether the machine has memory and processes left") from None


def kill(process: Process) -> None:
    """Ends a process and all that it has started, at once, also when the process itself has ended.

    Workers and outputs have process groups of their own, and scripts may make more. The session is that of all of them.
    """
    if process.returncode is not None and os.path.exists(f"/proc/{process.pid}"):
        return  # another process has the number, which it gets only when nothing of the session is left
    kill_session(process.pid)


async def ends_within(process: Process, seconds: float) -> bool:
    """Waits for the end of a process, and says whether it has come."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await process.wait()
    return process.returncode is not None


async def end(process: Process, seconds: float) -> None:
    """Ends a run and all that it has started.

    At the second SIGTERM rampa ends its workers at once, and still writes what the run has found.

    Args:
        process: of the run.
        seconds: for each of the two signals.
    """
    try:
        for _ in range(2):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
                await ends_within(process, seconds)
    finally:
        kill(process)


async def _read(reader: asyncio.StreamReader, limit: int) -> bytes:
    answer = bytearray()
    while piece := await reader.read(65536):
        answer += piece
        if len(answer) > limit:
            raise Failure(f"the answer of rampa has more than {limit >> 20} MiB", "ask for less")
    return bytes(answer)


async def ask(settings: Settings, words: list[str], *, script: str | None = None, limit: int = _ANSWER) -> bytes:
    """Runs a command of rampa that does not load a server, and waits for its answer.

    Args:
        settings: of the server.
        words: of the command line.
        script: path of the script that it looks at, if any.
        limit: bytes of the answer.

    Returns:
        What it has written to standard output.

    Raises:
        Failure: with what rampa says of it.
    """
    process = await start(settings, words, dies_by=signal.SIGKILL, joined=False)
    assert process.stdout is not None
    assert process.stderr is not None
    said = Tail()
    try:
        async with asyncio.timeout(_SECONDS):
            answer, _, code = await asyncio.gather(_read(process.stdout, limit), said.follow(process.stderr), process.wait())
    except TimeoutError:
        raise Failure(f"rampa {words[0]} has not ended within {_SECONDS:.0f} s", "look at the code at the top level of the script") from None
    finally:
        kill(process)
        await ends_within(process, _REAP_SECONDS)
    if code != 0:
        raise failure_of(said.lines, f"rampa {words[0]} has ended with exit code {code}", script)
    return answer


def failure_of(lines: list[str], otherwise: str, script: str | None) -> Failure:
    """A failure with the last error that was printed, and the hint below it.

    A script may print such lines too, and errors of rampa have texts of exceptions in them: none of it is to be trusted.

    Args:
        lines: that were printed.
        otherwise: what has happened.
        script: path of the script, when there is one.
    """
    for number in reversed(range(len(lines))):
        if lines[number].startswith("error: "):
            below = lines[number + 1] if number + 1 < len(lines) else ""
            hint = below.strip() if below.startswith("  ") else ""
            error = lines[number].removeprefix("error: ")
            cause = cause_of(error, script)
            said = marked(error=plain(error, _WORDS), hint=plain(hint, _WORDS))
            return Failure(
                otherwise if cause is None else f"{cause} ({otherwise})", "untrusted.error has the words of rampa; rampa check says more of a script", said
            )
    last = next((line for line in reversed(lines) if line.strip()), None)
    if last is None:
        return Failure(otherwise, "it has said nothing")
    return Failure(otherwise, "untrusted.last_words is the last line that was printed", marked(last_words=plain(last, _WORDS)))
