# SPDX-License-Identifier: MIT
"""The WebSocket and gRPC clients of a worker that is made by hand: each use is a run of one iteration by the engine, which lasts as long."""

from __future__ import annotations

import asyncio
import collections.abc
import datetime
import queue
import typing

from rampa._grpc_calls import GrpcStream
from rampa._types import Sample

if typing.TYPE_CHECKING:
    from rampa import _rampa

_LONGEST = datetime.timedelta(days=3650)  # what max_duration takes

_Keep = collections.abc.Callable[[Sample], object]
_Made = collections.abc.Callable[["_rampa.Worker"], typing.Any]


class OpenRun:
    """A run that lends its worker until it is closed.

    Args:
        keep: gets the samples, the last ones before close() returns.
    """

    def __init__(self, keep: _Keep) -> None:
        self._keep = keep
        self._over = asyncio.Event()

    async def open(self) -> _rampa.Worker:
        """The worker of its only iteration."""
        from rampa.config import Config, ScenarioConfig
        from rampa.engine import Engine, EngineOptions
        from rampa.loader import TestPlan

        given: asyncio.Future[_rampa.Worker] = asyncio.get_running_loop().create_future()

        async def lend(worker: _rampa.Worker) -> None:
            given.set_result(worker)
            await self._over.wait()

        fields = ScenarioConfig(executor="per-vu-iterations", iterations=1, max_duration=_LONGEST)
        plan = TestPlan(scenarios={"by_hand": (fields, lend)}, config=Config())
        self._controller = await Engine(plan, EngineOptions(on_sample=self._keep)).start()
        try:
            return await given
        except asyncio.CancelledError:
            await self._controller._abandon()
            raise

    @property
    def is_closed(self) -> bool:
        return self._over.is_set()

    async def close(self) -> None:
        self._over.set()
        try:
            await self._controller.wait()
        except asyncio.CancelledError:
            await self._controller._abandon()
            raise


class Use:
    """What a client gives: it is awaited, entered or iterated over as that of a run, in a run of its own.

    Args:
        make: gives it, of the worker of a run.
        keep: gets the samples.
    """

    def __init__(self, make: _Made, keep: _Keep) -> None:
        self._make = make
        self._run = OpenRun(keep)

    def __await__(self) -> typing.Generator[typing.Any, None, typing.Any]:
        return self._finish().__await__()

    async def _finish(self) -> typing.Any:
        worker = await self._run.open()
        try:
            return await self._make(worker)
        finally:
            await self._run.close()

    async def __aenter__(self) -> typing.Any:
        worker = await self._run.open()
        try:
            self._entered = self._make(worker)
            return await self._entered.__aenter__()
        except BaseException:
            await self._run.close()
            raise

    async def __aexit__(self, *exception: object) -> typing.Any:
        try:
            return await self._entered.__aexit__(*exception)
        finally:
            await self._run.close()

    async def __aiter__(self) -> typing.AsyncIterator[typing.Any]:
        worker = await self._run.open()
        try:
            async for item in self._make(worker):
                yield item
        finally:
            await self._run.close()


class _Session:
    """A WebSocket that was opened by an await: its run ends with it."""

    def __init__(self, session: typing.Any, run: OpenRun) -> None:
        self._session = session
        self._run = run

    def __getattr__(self, name: str) -> typing.Any:
        return getattr(self._session, name)

    async def __aenter__(self) -> _Session:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def __aiter__(self) -> typing.Any:
        return self._session.__aiter__()

    async def close(self, *args: typing.Any, **options: typing.Any) -> None:
        try:
            if not self._run.is_closed:  # else there is no run any more that could close it
                await self._session.close(*args, **options)
        finally:
            await self._run.close()


class _Connecting(Use):
    async def _finish(self) -> typing.Any:
        worker = await self._run.open()
        try:
            return _Session(await self._make(worker), self._run)
        except BaseException:
            await self._run.close()
            raise


class _Stream(Use):
    """A call of gRPC whose messages are sent and taken one by one. Its run cannot end by itself, and so it has to be entered for that."""

    def __getattr__(self, name: str) -> typing.NoReturn:
        what = f"a stream of a worker that is made by hand has no {name!r} before it is entered: async with channel.bidi(...) as s"
        raise AttributeError(what if hasattr(GrpcStream, name) else f"{type(self).__name__!r} object has no attribute {name!r}")


class _Client:
    def __init__(self, samples: queue.SimpleQueue[Sample | None], tags: dict[str, str], prefix: str) -> None:
        self._queue = samples
        self._tags = tags
        self._prefixes = (prefix, "data_")

    def _keep(self, sample: Sample) -> None:
        if sample.metric.startswith(self._prefixes):
            self._queue.put(sample._replace(tags={**sample.tags, **self._tags}))

    async def close(self) -> None:
        """Does nothing: no connection outlives its use."""


class WebSocketByHand(_Client):
    """What ``worker.ws`` is then: the calls of ``rampa.WebSocketClient``. A session is to be closed."""

    def connect(self, *args: typing.Any, **options: typing.Any) -> Use:
        return _Connecting(lambda worker: worker.ws.connect(*args, **options), self._keep)


class GrpcByHand(_Client):
    """What ``worker.grpc`` is then: the calls of ``rampa.grpc.GrpcClient``."""

    def unary(self, *args: typing.Any, **options: typing.Any) -> Use:
        return Use(lambda worker: worker.grpc.unary(*args, **options), self._keep)

    def server_stream(self, *args: typing.Any, **options: typing.Any) -> Use:
        return _Stream(lambda worker: worker.grpc.server_stream(*args, **options), self._keep)

    def connect(self, *args: typing.Any, **options: typing.Any) -> _Channel:
        return _Channel(lambda worker: worker.grpc.connect(*args, **options), self._keep)


class _Channel:
    """The calls of a ``rampa.grpc.GrpcChannel``, each over a connection of its own. It has no stubs."""

    def __init__(self, make: _Made, keep: _Keep) -> None:
        self._make = make
        self._keep = keep

    async def __aenter__(self) -> _Channel:
        return self

    async def __aexit__(self, *exception: object) -> None:
        pass

    def _use(self, name: str, args: typing.Any, options: typing.Any) -> Use:
        kind = Use if name in ("unary", "health") else _Stream
        return kind(lambda worker: getattr(self._make(worker), name)(*args, **options), self._keep)

    def unary(self, *args: typing.Any, **options: typing.Any) -> Use:
        return self._use("unary", args, options)

    def server_stream(self, *args: typing.Any, **options: typing.Any) -> Use:
        return self._use("server_stream", args, options)

    def client_stream(self, *args: typing.Any, **options: typing.Any) -> Use:
        return self._use("client_stream", args, options)

    def bidi(self, *args: typing.Any, **options: typing.Any) -> Use:
        return self._use("bidi", args, options)

    def health(self, *args: typing.Any, **options: typing.Any) -> Use:
        return self._use("health", args, options)

    def watch_health(self, *args: typing.Any, **options: typing.Any) -> Use:
        return self._use("watch_health", args, options)

    def stub(self, stub: object) -> typing.NoReturn:
        raise TypeError("generated stubs need the worker of a run: rampa.run_test() makes one, and a worker made by hand calls its methods")
