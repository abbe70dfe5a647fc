# SPDX-License-Identifier: MIT
"""Samples, snapshots and errors of a run, as programs written for the reference expect them."""
from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import time
import types

import pytest
import rampa
import rampa.errors
import rampa.events
import rampa.metrics
from enginetools import SECONDS, count, finish, plan, times
from surfacetools import BUILTINS, free_port


# ---- samples of a run ------------------------------------------------------------------------------------------------


def test_every_observation_is_a_sample() -> None:
    """As many as the result counts, with their tags, their values and the moment by the clock of the program."""
    samples: list[rampa.Sample] = []

    async def visit(worker: rampa.Worker) -> None:
        worker.counter("hits", 2, tags={"kind": "é"})
        worker.trend("size", 12.5)
        worker.check(1, {"is one": lambda value: value == 1, "is two": lambda value: value == 2})
        await asyncio.sleep(0.01)

    before = time.monotonic_ns()
    result = asyncio.run(finish(plan(visit, **times(3, 5)), rampa.EngineOptions(on_sample=samples.append)))
    after = time.monotonic_ns()
    by_name: dict[str, list[rampa.Sample]] = {}
    for sample in samples:
        assert type(sample) is rampa.Sample and before - 10**7 <= sample.timestamp <= after + 10**7
        by_name.setdefault(sample.metric, []).append(sample)
    assert len(by_name["iterations"]) == count(result, "iterations") == 15
    assert sum(sample.value for sample in by_name["hits"]) == count(result, "hits") == 30
    assert by_name["hits"][0].tags == {"scenario": "visit", "kind": "é"}
    assert {sample.value for sample in by_name["size"]} == {12.5}
    assert sorted(sample.value for sample in by_name["checks"]) == [0.0] * 15 + [1.0] * 15
    assert all(10 <= sample.value < 5000 for sample in by_name["iteration_duration"])  # milliseconds
    by_name["hits"][0].tags["kind"] = "mine"
    assert by_name["hits"][1].tags["kind"] == "é"


def test_samples_come_while_the_run_goes_on() -> None:
    seen = asyncio.Event()

    async def visit(worker: rampa.Worker) -> None:
        await asyncio.sleep(0.01)

    async def main() -> None:
        options = rampa.EngineOptions(on_sample=lambda sample: seen.set())
        controller = await rampa.Engine(plan(visit, executor="constant-vus", vus=1, duration="1h"), options).start()
        await asyncio.wait_for(seen.wait(), SECONDS)
        await controller.stop()
        await controller.wait()

    asyncio.run(main())


def test_an_on_sample_that_raises_ends_the_run() -> None:
    calls: list[rampa.Sample] = []

    def fail(sample: rampa.Sample) -> None:
        calls.append(sample)
        raise LookupError("no such shelf")

    async def visit(worker: rampa.Worker) -> None:
        await asyncio.sleep(0.01)

    with pytest.raises(LookupError, match="no such shelf"):
        endless = plan(visit, executor="constant-vus", vus=1, duration="1h")
        asyncio.run(finish(endless, rampa.EngineOptions(on_sample=fail)))
    assert len(calls) == 1


def test_options_in_the_order_of_the_reference() -> None:
    def take(sample: rampa.Sample) -> None:
        pass

    options = rampa.EngineOptions("my run", 0.5, take)
    assert (options.run_id, options.metric_flush_interval, options.on_sample) == ("my run", 0.5, take)
    assert rampa.EngineOptions().metric_flush_interval == 0.05
    with pytest.raises(TypeError):
        rampa.EngineOptions("my run", 0.5, take, "events.jsonl")  # type: ignore[misc]
    for wrong in (0, -1, "1", True, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="metric_flush_interval must be a number of seconds"):
            rampa.EngineOptions(metric_flush_interval=wrong)  # type: ignore[arg-type]


# ---- snapshots -------------------------------------------------------------------------------------------------------

STATS = {
    "counter": {"count", "rate"},
    "gauge": {"value", "min", "max"},
    "rate": {"rate", "passes", "fails"},
    "trend": {"count", "avg", "min", "max", "med", "p(90)", "p(95)", "p(99)"},
}


def test_built_in_metrics_are_always_there() -> None:
    """Live and at the end, with zeros when there was nothing; and so are the percentiles."""
    live: list[rampa.metrics.MetricSnapshot] = []

    async def visit(worker: rampa.Worker) -> None:
        await asyncio.sleep(0.02)

    async def main() -> rampa.RunResult:
        controller = await rampa.Engine(plan(visit, executor="constant-vus", vus=2, duration="1s")).start()
        async for event in controller.events():
            if isinstance(event, rampa.events.SnapshotEvent):
                live.append(event.snapshot)
        return await controller.wait()

    result = asyncio.run(main())
    assert result.snapshot is not None
    for snapshot in (*live, result.snapshot):
        for kind, names in BUILTINS.items():
            for name in names.split():
                assert STATS[kind] <= set(snapshot.values[name]), name
        assert set(snapshot.values["http_req_duration"].values()) == {0.0}
        assert snapshot.values["iteration_errors"] == {"count": 0.0, "rate": 0.0}
    assert live[0].duration < 0.5 and len(live) >= 4  # the first at once, then every 0.1 s
    assert 20 <= live[-1].values["iteration_duration"]["p(95)"] < 5000


def test_a_snapshot_at_the_pace_that_was_asked_for() -> None:
    async def visit(worker: rampa.Worker) -> None:
        await asyncio.sleep(0.02)

    async def paced(interval: float) -> list[float]:
        test = plan(visit, executor="constant-vus", vus=1, duration="1200ms")
        controller = await rampa.Engine(test, rampa.EngineOptions(metric_flush_interval=interval)).start()
        events = [event async for event in controller.events()]
        result = await controller.wait()
        points = result.document["series"]["iterations"]["points"]
        assert len(points) <= 3, points  # of the result: still about a second each
        return [event.snapshot.duration for event in events if isinstance(event, rampa.events.SnapshotEvent)]

    slow = asyncio.run(paced(0.4))
    assert 3 <= len(slow) <= 6 and slow == sorted(slow)


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_error_classes() -> None:
    for name, code in (("Threshold", 1), ("Config", 3), ("Abort", 4), ("Setup", 5), ("Output", 6), ("Teardown", 7)):
        error = getattr(rampa.errors, f"{name}Error")("it is so")
        assert isinstance(error, rampa.errors.RampaError)
        assert (str(error), error.exit_code) == ("it is so", code) and isinstance(error.exit_code, rampa.errors.ExitCode)
    error = rampa.errors.RampaError("it is so", rampa.errors.ExitCode.ABORTED)
    assert (str(error), error.exit_code, rampa.errors.RampaError("so").exit_code) == ("it is so", 4, 9)


class FakeClientError(Exception):
    pass


class FakeOSError(FakeClientError, OSError):
    def __init__(self, connection_key: object, os_error: OSError) -> None:
        self._conn_key, self._os_error = connection_key, os_error

    @property
    def host(self) -> str:
        return str(self._conn_key.host)  # type: ignore[attr-defined]

    def __str__(self) -> str:
        raise AssertionError("the text is ours")


class FakeDisconnected(FakeClientError):
    pass


class FakeTimeout(FakeClientError, TimeoutError):
    pass


def aiohttp_like() -> types.ModuleType:
    """A module with the classes of aiohttp's errors, built as its own are."""
    module = types.ModuleType("aiohttp")
    module.ClientError = FakeClientError  # type: ignore[attr-defined]
    module.ClientConnectorError = FakeOSError  # type: ignore[attr-defined]
    module.ServerDisconnectedError = FakeDisconnected  # type: ignore[attr-defined]
    module.ServerTimeoutError = FakeTimeout  # type: ignore[attr-defined]
    return module


def caught(url: str, *kinds: type[BaseException], timeout: float = 30) -> BaseException:
    """What a request of a scenario raises, of these kinds."""
    errors: list[BaseException] = []

    async def visit(worker: rampa.Worker) -> None:
        try:
            await worker.http.get(url, timeout=timeout)
        except kinds as error:
            errors.append(error)

    result = asyncio.run(finish(plan(visit, **times(1, 1))))
    assert not result.errors, result.errors
    return errors[0]


def test_request_errors_are_those_of_aiohttp_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only in a program that has loaded aiohttp. They stay what they are, and say what they say."""
    monkeypatch.setattr(rampa.errors, "_MADE", {})
    monkeypatch.delitem(sys.modules, "aiohttp", raising=False)  # another test may have loaded the real one
    url = f"http://127.0.0.1:{free_port()}/"
    alone = caught(url, rampa.errors.ConnectError)
    assert not isinstance(alone, FakeClientError)
    monkeypatch.setitem(sys.modules, "aiohttp", aiohttp_like())
    both = caught(url, FakeClientError)
    assert isinstance(both, rampa.errors.ConnectError) and isinstance(both, FakeOSError) and isinstance(both, ConnectionError)
    assert str(both) == str(alone) and type(both).__name__ == "ConnectError"
    assert both.host == "127.0.0.1"
    assert type(caught(url, FakeClientError)) is type(both)


def test_every_kind_of_request_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rampa.errors, "_MADE", {})
    monkeypatch.setitem(sys.modules, "aiohttp", aiohttp_like())
    for kind, names in rampa.errors._OF_AIOHTTP.items():
        is_status = kind is rampa.errors.StatusError
        response = types.SimpleNamespace(
            error_code=0, url="http://h:1/", method="GET", error="no", status=404 if is_status else 0, history=[], reason="no", headers={}
        )
        error = rampa.errors._with_aiohttp(kind)(response)  # type: ignore[arg-type]
        assert isinstance(error, kind) and str(error) == "GET http://h:1/: " + ("404 no" if is_status else "no")
        known = any(hasattr(sys.modules["aiohttp"], name) for name in names)  # the module above has not all of them
        assert isinstance(error, FakeClientError) == known
    assert len(rampa.errors._MADE) >= 8


REAL = """
import aiohttp, types, rampa.errors
response = types.SimpleNamespace(
    error_code=1210, url="http://h:81/", method="GET", error="refused", status=0, history=[], reason="", headers={})
error = rampa.errors.request_error(response)
assert isinstance(error, aiohttp.ClientConnectorError) and isinstance(error, rampa.errors.ConnectError)
assert (error.host, error.port, str(error.os_error), str(error)) == ("h", 81, "refused", "GET http://h:81/: refused")
for kind in rampa.errors._OF_AIOHTTP:
    assert isinstance(rampa.errors._with_aiohttp(kind)(response), (kind, aiohttp.ClientError)), kind
print("good")
"""


@pytest.mark.skipif(importlib.util.find_spec("aiohttp") is None, reason="aiohttp is not installed")
def test_the_real_aiohttp() -> None:
    """In another process: here it would change the errors of all tests."""
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("good\n", "")
