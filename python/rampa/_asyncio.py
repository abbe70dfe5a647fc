"""What asyncio is told of VUs: their coroutines are driven by rampa and not by a Task."""

from __future__ import annotations

import asyncio
import asyncio.format_helpers
import collections.abc
import functools
import traceback
import types
import typing

if typing.TYPE_CHECKING:
    from rampa import _rampa


class VUTask(asyncio.Future[None]):
    """What asyncio.current_task() is inside an iteration: as much of a Task as asyncio's own code asks of one."""

    def __init__(self, worker: _rampa.Worker, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._worker = worker
        self._name = f"VU {worker.execution.vu}"

    def cancel(self, msg: typing.Any = None) -> bool:
        return self._worker._cancel()

    def cancelling(self) -> int:
        return self._worker._cancelling

    def uncancel(self) -> int:
        return self._worker._uncancel()

    def get_coro(self) -> typing.Any:
        return self._worker._coro

    def get_context(self) -> typing.Any:
        return self._worker._context

    # Private to asyncio's own tasks, and yet read by anyio (and so by httpx).
    @property
    def _must_cancel(self) -> bool:
        return self._worker._must_cancel

    @property
    def _fut_waiter(self) -> typing.Any:
        return self._worker._waiting

    def get_name(self) -> str:
        return self._name

    def set_name(self, value: object) -> None:
        self._name = str(value)

    def get_stack(self, *, limit: int | None = None) -> list[types.FrameType]:
        frame = getattr(self._worker._coro, "cr_frame", None)
        return [frame] if frame is not None else []

    def print_stack(self, *, limit: int | None = None, file: typing.Any = None) -> None:
        for frame in self.get_stack(limit=limit):
            traceback.print_stack(frame, limit=limit, file=file)

    def __repr__(self) -> str:
        return f"<VUTask {self._name!r}>"


@types.coroutine
def _give_way() -> collections.abc.Generator[None, None, None]:
    yield


def callback_failed(handle: asyncio.Handle, error: BaseException) -> None:
    """What a Handle of asyncio does with an exception of its callback.

    Args:
        handle: that was run.
        error: its.
    """
    parts: typing.Any = handle
    try:
        callback = asyncio.format_helpers._format_callback_source(parts._callback, parts._args)
    except Exception as why:  # an object of the script that cannot be shown must not end the loop
        callback = f"of {type(parts._callback).__name__} (which cannot be shown: {type(why).__name__})"
    # Only a loop can be told; a handle that a script has made by hand may have anything in its place.
    loop = parts._loop if isinstance(parts._loop, asyncio.AbstractEventLoop) else asyncio.get_running_loop()
    loop.call_exception_handler({"message": f"Exception in callback {callback}", "exception": error, "handle": handle})


def adapt(host: _rampa.Host, loop: asyncio.AbstractEventLoop) -> None:
    """Puts our own current_task() and sleep() over those of asyncio, in this process, before the script is loaded.

    Each hands over to asyncio's whatever is not a VU's or not of the worker's loop. A VU's task is made when somebody
    asks for it, and its sleep is one object where asyncio has five: that is most of what a VU at rest would need. The
    create_task() of the worker's loop knows which VU each task belongs to, and its call_soon() is C.
    """
    stock_task, stock_sleep, pause, vu_task = asyncio.current_task, asyncio.sleep, host.pause, host.current_task

    @functools.wraps(stock_task)
    def current_task(loop: asyncio.AbstractEventLoop | None = None) -> typing.Any:
        task = stock_task(loop)
        return vu_task(loop) if task is None else task

    @functools.wraps(stock_sleep)
    async def sleep(delay: float, result: typing.Any = None) -> typing.Any:
        if delay <= 0:
            await _give_way()
            return result
        await (pause(delay) or stock_sleep(delay))
        return result

    for module in (asyncio, asyncio.tasks):
        module.current_task = current_task  # type: ignore[attr-defined]
        module.sleep = sleep  # type: ignore[attr-defined]
    loop.call_soon = host.call_soon  # type: ignore[assignment]
    loop.create_task = host.create_task  # type: ignore[assignment]
