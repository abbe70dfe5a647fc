"""The worker process: an asyncio loop that waits in rampa's reactor, and what the C host asks of Python."""

from __future__ import annotations

import asyncio
import collections
import collections.abc
import contextlib
import inspect
import os
import selectors
import signal
import sys
import threading
import time
import types
import typing
import warnings

from rampa._asyncio import VUTask, adapt
from rampa._error_groups import ErrorGroups
from rampa._frames import format_error, is_ours, kind_of_file, name_of, plain, shorten, text_of, users_frame, users_place
from rampa._request import prepare
from rampa._share import NotShareable, pack, unpack
from rampa._tasks import Leftovers
from rampa._watchdog import Watchdog
from rampa.errors import RunAborted, ScriptError
from rampa.loader import Script, require_scenario

if typing.TYPE_CHECKING:
    from rampa import _rampa
    from rampa._hooks import Description, LeftTask, PreparedRequest, PreparedSocket, ToldErrors
else:
    import _rampa

_TEXTS_MAX = 1000
_LEAVE_SECONDS = 1.0


class ReactorSelector(selectors.EpollSelector):
    """asyncio's selector: its own epoll descriptor is nested in the reactor, and waiting is the reactor's."""

    def __init__(self, host: _rampa.Host) -> None:
        super().__init__()
        self._host = host
        self.loop: asyncio.AbstractEventLoop | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._host.wait(timeout)
        if self._host.ended and self.loop is not None:
            self.loop.stop()
        return super().select(0) if ready else []


class RunningHook:
    """setup() or teardown() while it runs."""

    def __init__(self, name: str, function: typing.Callable[..., typing.Any], timeout: float) -> None:
        self.name = name
        self.function = function
        self.timeout = timeout
        self.overdue = False  # it blocked past its time and was told to end

    async def run(self, worker: _rampa.Worker) -> typing.Any:
        deadline: asyncio.Timeout | None = None
        try:
            wants_worker = bool(inspect.signature(self.function).parameters)
            result = self.function(worker) if wants_worker else self.function()
            if inspect.isawaitable(result):
                async with asyncio.timeout(self.timeout) as deadline:
                    result = await result
            return result
        except (TimeoutError, asyncio.CancelledError) as error:
            if not self.overdue and not (deadline is not None and deadline.expired()):
                raise
            late = TimeoutError(f"{self.name}() took longer than {self.timeout:g} s")
            # The traceback of the cancellation says where it was.
            cancelled = error if isinstance(error, asyncio.CancelledError) else error.__context__ or error
            raise late.with_traceback(cancelled.__traceback__) from None


class Hooks:
    """The ``rampa._hooks.HostHooks`` of a worker process; what each method is for stands there."""

    def __init__(self) -> None:
        self.script: Script | None = None
        self.host: typing.Any = None
        self.loop: typing.Any = None
        self.errors = ErrorGroups(self.place)
        self.hook: RunningHook | None = None
        self.failure: BaseException | None = None  # what a hook raised
        self.watchdog = Watchdog(self)
        self._functions: dict[str, typing.Callable[..., typing.Any]] = {}  # by the name of the scenario
        self._checks: set[str] = set()
        self._unawaited: set[str] = set()
        self._warnings: collections.Counter[str] = collections.Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, path: bytes) -> str:
        self.script = Script(os.fsdecode(path))
        sys.argv[:] = [self.script.path]
        self.script.load()
        return self.script.declaration()

    def function(self, scenario: str, exec_fn: str) -> typing.Any:
        assert self.script is not None
        function = self.script.functions[exec_fn]
        require_scenario(scenario, function)
        self._functions[scenario] = function
        return function

    def new_task(self, worker: _rampa.Worker) -> VUTask:
        return VUTask(worker, self.loop)

    def place(self, code: types.CodeType | None, line: int) -> str:
        """file:line in function, the file as the user gave it; the script, when it is none of the user's."""
        if self.script is not None and (code is None or is_ours(code.co_filename)):
            return self.script.path
        name = code.co_filename if code else "?"
        return f"{self.script.display(name) if self.script else name}:{line} in {code.co_name if code else '?'}"

    def sampled(self) -> None:
        self.watchdog.sampled()

    def stuck(self, seconds: float) -> bool:
        return self.watchdog.stuck(seconds)

    def unstuck(self, seconds: float) -> tuple[int, float]:
        return self.watchdog.unstuck(seconds)

    def note_error(self, scenario: str, error: BaseException, vu: int, iteration: int) -> None:
        self.errors.note(scenario, error, vu, iteration)

    def changed_errors(self) -> list[ToldErrors]:
        for text, times in self._warnings.items():
            self.host.warn(plain(text), times)
        self._warnings.clear()
        self.watchdog.tell_blocks()
        return self.errors.take_changed()

    def warn_later(self, text: str) -> None:
        """For what may happen in every iteration: it is counted here and told once a second."""
        if text in self._warnings or len(self._warnings) < _TEXTS_MAX:
            self._warnings[text] += 1

    def kind_of_file(self, name: str) -> bool | None:
        return kind_of_file(name)

    def end_tasks(self, worker: _rampa.Worker, tasks: list[LeftTask], is_interrupted: bool) -> Leftovers:
        return Leftovers(self, worker, tasks, is_interrupted)

    def give_up_tasks(self, leftovers: Leftovers) -> None:
        leftovers.give_up()

    def note_check(self, name: str, error: BaseException) -> None:
        if name not in self._checks and len(self._checks) < _TEXTS_MAX:
            self._checks.add(name)
            self.host.warn(f"check {shorten(name)!r} raised {name_of(error)}: {text_of(error)} (it counts as failed)")

    def note_unawaited_check(self, name: str, given: typing.Any) -> None:
        if hasattr(given, "close"):
            given.close()
        if name not in self._checks and len(self._checks) < _TEXTS_MAX:
            self._checks.add(name)
            self.host.warn(
                f"check {shorten(name)!r} gives a {type(given).__name__}, which check() does not await (it counts as failed): await "
                "first, then check what came of it"
            )

    def not_awaited(self, text: str) -> None:
        """Something was given up without an await; said once for each place."""
        if self.host.is_cut_short:
            return
        frame = users_frame(sys._getframe(1))
        code, line = (frame.f_code, frame.f_lineno) if frame else self._running()
        place = self.place(code, line) if code else ""
        if place in self._unawaited or len(self._unawaited) >= _TEXTS_MAX:
            return
        self._unawaited.add(place)
        self.host.warn(plain(f"{text}: {place}" if place else text))

    def _running(self) -> tuple[types.CodeType | None, int]:
        """The function that an iteration, a hook or a task runs, and its first line: for what it has left at its end."""
        worker, task = self.host.running()[1], asyncio.current_task(self.loop)
        if worker is not None:
            function: typing.Any = self._functions.get(worker.execution.scenario)
        else:
            function = self.hook.function if self.hook is not None else task and task.get_coro()
        code = getattr(inspect.unwrap(function), "__code__", None) or getattr(function, "cr_code", None)
        return code, code.co_firstlineno if code else 0

    def awaiting(self, result: typing.Any) -> collections.abc.Coroutine[typing.Any, typing.Any, None] | None:
        if inspect.isawaitable(result):
            return _await(result)
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            raise TypeError("the function gave a generator, which nobody iterates: use 'async def' and 'await'")
        return None

    def describe(self, error: BaseException) -> Description:
        file: str | None
        line: int
        code, line = users_place(error)
        file = code.co_filename if code and not is_ours(code.co_filename) else None
        if isinstance(error, SyntaxError) and error.filename:
            file, line = error.filename, error.lineno or 0
        elif isinstance(error, ScriptError):
            file, line = error.file, error.line
        elif file is None and self.hook is not None and hasattr(self.hook.function, "__code__"):
            file, line = self.hook.function.__code__.co_filename, self.hook.function.__code__.co_firstlineno
        if file is not None and self.script is not None:
            file = plain(self.script.display(file))
        if isinstance(error, ScriptError):
            return text_of(error), file, line, None, None
        hint = None
        if isinstance(error, ModuleNotFoundError):
            hint = f"the worker's Python is {sys.executable}; choose another one with --python"
        text = text_of(error) if not isinstance(error, SyntaxError) else plain(shorten(error.msg))
        kind = name_of(error)
        return f"{kind}: {text}" if text else kind, file, line, plain(format_error(error)), hint

    def leave_fork(self, error: BaseException | None) -> typing.NoReturn:
        """A process that the script has forked came back from the script's code: the event loop is not its own."""
        code = 1
        try:
            if isinstance(error, SystemExit):
                code = _exit_code(error)
            else:
                print(
                    "rampa: a process that the script has forked came back to the event loop of the test, and ends here; use "
                    "os._exit() or multiprocessing",
                    *([format_error(error)] if error else []),
                    sep="\n",
                    file=sys.stderr,
                )
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def run_hook(self, name: str, worker: _rampa.Worker, timeout: float) -> None:
        task = self.loop.create_task(self._run_hook(name, worker, timeout), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_hook(self, name: str, worker: _rampa.Worker, timeout: float) -> None:
        assert self.script is not None
        function = self.script.hook(name)
        assert function is not None
        self.hook = RunningHook(name, function, timeout)
        failure: BaseException | None = None
        try:
            result = await self.hook.run(worker)
            if name == "setup":
                self.host.setup_data = result
        except RunAborted:
            pass  # the coordinator knows
        except BaseException as error:
            failure = error
        self.host.hook_ended(name, failure)
        self.failure = failure or self.failure
        self.hook = None

    def pack(self) -> bytes:
        try:
            return pack(self.host.setup_data)
        except NotShareable as error:
            assert self.script is not None
            code = getattr(self.script.hook("setup"), "__code__", None)
            if code is not None:
                error.file, error.line = code.co_filename, code.co_firstlineno
            raise

    def share(self, data: bytes) -> None:
        self.host.setup_data = unpack(data)

    def prepare_request(self, url: str, options: dict[str, typing.Any]) -> PreparedRequest:
        return prepare(url, options)

    def prepare_socket(self, url: str, options: dict[str, typing.Any]) -> PreparedSocket:
        from rampa._websocket import prepare_socket

        return prepare_socket(url, options)

    def tls_options(self, given: dict[str, typing.Any]) -> tuple[int, str | None, str | None, str | None]:
        from rampa._tls import tls_options

        return tls_options(given)


def _exit_code(error: SystemExit) -> int:
    """As Python itself has it: a code, nothing, or what is said on the way."""
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1


async def _await(result: collections.abc.Awaitable[typing.Any]) -> None:
    await result


class WarningCatcher:
    """Puts into the summary what Python says of coroutines that were never awaited; all else goes its usual way."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._thread = threading.get_ident()
        self._stock = warnings.showwarning
        warnings.showwarning = self.show

    def show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: typing.TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        if not (issubclass(category, RuntimeWarning) and text.endswith(" was never awaited")):
            self._stock(message, category, filename, lineno, file, line)
        elif threading.get_ident() == self._thread:
            self._hooks.not_awaited(f"{text}, so it did not run")
        else:
            self._hooks.loop.call_soon_threadsafe(self._hooks.host.warn, f"{text}, so it did not run: {filename}:{lineno}")


async def _cancel_leftovers() -> None:
    """What a script left running is cancelled, as asyncio.run() does at its end, but not waited for without limit."""
    leftovers = asyncio.all_tasks() - {asyncio.current_task()}
    for task in leftovers:
        task.cancel()
    if leftovers:
        await asyncio.wait(leftovers, timeout=_LEAVE_SECONDS)
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_asyncgens(), _LEAVE_SECONDS)


def _leave_threads() -> None:
    """Ends the process when a thread of the script would keep it: all results have been told by now."""
    deadline = time.monotonic() + _LEAVE_SECONDS
    for thread in threading.enumerate():
        if thread is threading.current_thread() or thread.daemon:
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


def _run_forever(loop: asyncio.AbstractEventLoop, host: _rampa.Host) -> None:
    """Runs the loop until it is stopped: asyncio lets SystemExit and KeyboardInterrupt out of tasks and callbacks."""
    while True:
        try:
            loop.run_forever()
            return
        except (SystemExit, KeyboardInterrupt) as error:
            kind = type(error).__name__
            host.warn(f"{kind} in a task or a callback of the event loop does not end the run; use worker.abort()")
        except MemoryError:  # of the event loop itself, in the midst of a round: what is ready stays so
            with contextlib.suppress(MemoryError):
                host.warn("there was no memory left: the event loop has gone on, what it was at may be lost")


def main(fd: int) -> None:
    """Serves the coordinator on descriptor ``fd`` until it says good-bye."""
    hooks = Hooks()
    host = _rampa.Host(hooks, dict(os.environ))
    selector = ReactorSelector(host)
    loop = asyncio.SelectorEventLoop(selector)
    selector.loop = loop
    hooks.host, hooks.loop = host, loop
    asyncio.set_event_loop(loop)
    signal.signal(signal.SIGURG, hooks.watchdog.overdue)
    host.attach(loop, selector.fileno())
    adapt(host, loop)
    WarningCatcher(hooks)
    os.register_at_fork(after_in_child=host.forked)
    host.serve(fd)
    try:
        _run_forever(loop, host)
        selector.loop = None  # the run has ended; the loop may still turn
        with contextlib.suppress(TimeoutError):
            loop.run_until_complete(_cancel_leftovers())
    finally:
        if host.is_forked:
            hooks.leave_fork(sys.exc_info()[1])
        host.close()
        loop.close()
    _leave_threads()
