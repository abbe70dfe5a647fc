# SPDX-License-Identifier: MIT
"""worker.ws and worker.grpc of a worker that is made by hand: they do what those of a run do, and the samples come into its queue."""
from __future__ import annotations

import asyncio
import collections
import datetime
import queue
import warnings

import pytest

import rampa
import rampa.engine
import rampa.loader
import rampa.worker

TESTS = "/grpc.testing.TestService/"


def made() -> tuple[rampa.worker.Worker, queue.SimpleQueue[rampa.Sample | None]]:
    samples: queue.SimpleQueue[rampa.Sample | None] = queue.SimpleQueue()
    return rampa.worker.Worker(samples, rampa.worker.ExecutionInfo(1, "buy", 0)), samples


def drained(samples: queue.SimpleQueue[rampa.Sample | None]) -> dict[str, float]:
    """The sums of what has come, all of which has the scenario."""
    sums: dict[str, float] = collections.defaultdict(float)
    while not samples.empty():
        sample = samples.get()
        assert sample is not None and sample.tags["scenario"] == "buy"
        sums[sample.metric] += sample.value
    return sums


def test_websockets(target: str) -> None:
    url = target.replace("http:", "ws:") + "/ws"

    async def main() -> None:
        worker, samples = made()
        async with worker.ws.connect(url) as session:
            await session.send("hello")
            assert await session.receive() == "hello"
        sums = drained(samples)
        assert (sums["ws_sessions"], sums["ws_msgs_sent"], sums["ws_msgs_received"]) == (1, 1, 1) and sums["ws_session_duration"] > 0
        assert sums["data_sent"] > 0 and "iterations" not in sums

        first, second = await asyncio.gather(worker.ws.connect(url), worker.ws.connect(url))
        await first.send("one")
        await second.send("two")
        async for message in second:
            assert message == "two"
            break
        assert await first.receive() == "one"
        await first.close()
        async with second:
            pass
        assert second.close_code == 1000 and drained(samples)["ws_sessions"] == 2
        await second.close()
        async with second:
            await second.close()
        assert not drained(samples)

        with pytest.raises(rampa.errors.WebSocketError):
            await worker.ws.connect(target.replace("http:", "ws:") + "/json")
        with pytest.raises(rampa.errors.WebSocketError):
            async with worker.ws.connect(target.replace("http:", "ws:") + "/json"):
                pass
        assert drained(samples)["ws_errors"] == 2

    asyncio.run(main())


def test_calls_of_grpc(target: str) -> None:
    async def main() -> None:
        worker, samples = made()
        response = await worker.grpc.unary(target, TESTS + "EmptyCall", b"", {"x-a": "b"})
        assert response.ok and response.data == b""
        sums = drained(samples)
        assert (sums["grpc_reqs"], sums["grpc_req_failed"]) == (1, 0) and sums["grpc_req_duration"] > 0
        assert not (await worker.grpc.unary(target, TESTS + "Nothing", b"")).ok
        assert drained(samples)["grpc_req_failed"] == 1

        sizes = b"\x12\x02\x08\x03\x12\x02\x08\x04"  # response_parameters: 3 and 4 bytes
        channel = worker.grpc.connect(target, deadline=30)
        for stream in (worker.grpc.server_stream(target, TESTS + "StreamingOutputCall", sizes), channel.server_stream(TESTS + "StreamingOutputCall", sizes)):
            assert [len(message) async for message in stream] == [7, 8]
            assert drained(samples)["grpc_streams_msgs_received"] == 2
        async with channel.bidi(TESTS + "FullDuplexCall") as talk:
            await talk.send(sizes[:4])
            assert len(await talk.receive()) == 7
            await talk.end()
            assert await talk.receive() is None and talk.ok
        assert (await channel.client_stream(TESTS + "StreamingInputCall", [b"", b""])).ok
        assert await channel.health() == "SERVING"
        assert drained(samples)["grpc_reqs"] == 3
        with pytest.raises(ValueError, match="no method of gRPC"):
            await channel.unary("NoSlash", b"")
        for unentered in (channel.bidi(TESTS + "FullDuplexCall"), worker.grpc.server_stream(target, TESTS + "StreamingOutputCall", sizes)):
            with pytest.raises(AttributeError, match="has no 'receive' before it is entered: async with"):
                await unentered.receive()
            assert not hasattr(unentered, "no_such_name")
        with pytest.raises(TypeError, match="generated stubs need the worker of a run"):
            channel.stub(object)

    asyncio.run(main())


def test_a_session_that_is_never_closed(target: str) -> None:
    """Its run ends with the loop."""

    async def main() -> object:
        worker, _ = made()
        return await worker.ws.connect(target.replace("http:", "ws:") + "/ws")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())


def test_a_use_has_no_end_of_its_own(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lasts until it is closed, and no scenario of a run may last longer."""
    given: list[datetime.timedelta] = []
    real = rampa.engine.Engine

    class Noted(real):  # type: ignore[misc, valid-type]
        def __init__(self, plan: rampa.loader.TestPlan, options: rampa.engine.EngineOptions) -> None:
            given.extend(fields.max_duration for fields, _ in plan.scenarios.values() if fields.max_duration is not None)
            super().__init__(plan, options)

    monkeypatch.setattr(rampa.engine, "Engine", Noted)

    async def main() -> None:
        worker, _ = made()
        assert (await worker.grpc.unary(target, TESTS + "EmptyCall", b"")).ok

    asyncio.run(main())
    assert given == [datetime.timedelta(days=3650)]

    async def start(plan: rampa.loader.TestPlan) -> None:
        await real(plan).start()

    one_more = rampa.ScenarioConfig(executor="per-vu-iterations", iterations=1, max_duration=given[0] + datetime.timedelta(days=1))
    plan = rampa.loader.TestPlan(scenarios={"buy": (one_more, lambda worker: None)}, config=rampa.Config())
    with pytest.raises(rampa.errors.ConfigError, match="max_duration must be .* up to 3650d"):
        asyncio.run(start(plan))


def test_one_that_is_cancelled() -> None:
    """When the server has it, which says nothing to it."""

    async def main() -> None:
        worker, samples = made()
        has_call = asyncio.Event()

        async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            has_call.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def call() -> None:
            await worker.grpc.unary(f"127.0.0.1:{port}", TESTS + "EmptyCall", b"")

        task = asyncio.create_task(call())
        async with asyncio.timeout(30):
            await has_call.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert drained(samples)["grpc_req_failed"] == 1
        server.close()

    asyncio.run(main())
