# SPDX-License-Identifier: MIT
"""Outputs in Python that a run in the caller's process hands its samples to."""
from __future__ import annotations

import asyncio
import csv
import importlib
import json
import re
import subprocess
import sys
import time
import typing
from pathlib import Path

import pytest
import rampa
import rampa._feed
import rampa.errors
import rampa.outputs
import rampa.runner
from enginetools import SECONDS, count, finish, plan, times
from rampa.events import RunStatus
from rampa.metrics import MetricType, ValueType


class Kept:
    """Keeps what it gets, in order."""

    def __init__(self, destination: str = "") -> None:
        self.destination = destination
        self.calls: list[str] = []
        self.samples: list[rampa.Sample] = []
        self.error: Exception | None = None
        self.summary: tuple[typing.Any, typing.Any] | None = None

    async def start(self) -> None:
        self.calls.append("start")

    async def add_samples(self, samples: list[rampa.Sample]) -> None:
        assert samples
        if self.calls[-1] != "add_samples":
            self.calls.append("add_samples")
        self.samples += samples

    async def stop(self, error: Exception | None = None) -> None:
        self.calls.append("stop")
        self.error = error

    def write_summary(self, snapshot: typing.Any, threshold_results: typing.Any = None) -> None:
        self.calls.append("write_summary")
        self.summary = (snapshot, threshold_results)


async def visit(worker: rampa.Worker) -> None:
    worker.counter("hits", 2, tags={"kind": "=a"})
    await asyncio.sleep(0)


def run_with(*outputs: typing.Any, **words: typing.Any) -> rampa.RunResult:
    """Fifteen iterations."""
    return asyncio.run(finish(plan(visit, **times(3, 5), **words), rampa.EngineOptions(extra_outputs=outputs)))


def total(samples: list[rampa.Sample], metric: str) -> float:
    return sum(sample.value for sample in samples if sample.metric == metric)


# ---- what an output gets ---------------------------------------------------------------------------------------------


def test_an_output_gets_every_sample_and_its_calls_in_order() -> None:
    first, second = Kept(), Kept()
    result = run_with(first, second, thresholds={"hits": ["count==30"]})
    assert result.status is RunStatus.PASSED and not result.warnings
    for kept in (first, second):
        assert kept.calls == ["start", "add_samples", "stop", "write_summary"]
        assert total(kept.samples, "hits") == count(result, "hits") == 30
        assert total(kept.samples, "iterations") == count(result, "iterations") == 15
        assert kept.error is None and kept.summary is not None
        assert kept.summary[0].values["hits"]["count"] == 30
        assert [row.source for row in kept.summary[1]] == ["count==30"]


def test_run_test_hands_its_samples_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, document = tmp_path / "samples.csv", tmp_path / "samples.json"
    outputs = [rampa.outputs.get_output("csv", str(table)), rampa.outputs.get_output("json", str(document))]
    shown = rampa.outputs.get_output("console")
    test = plan(visit, **times(3, 5))
    result = asyncio.run(rampa.runner.run_test(test, quiet=True, extra_outputs=[*outputs, shown]))
    assert result.exit_code == 0 and "count: 15\n" in capsys.readouterr().out
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    hits = [row for row in rows if row["metric"] == "hits"]
    assert sum(float(row["value"]) for row in hits) == 30 and {row["kind"] for row in hits} == {"'=a"}
    assert {row["kind"] for row in rows if row["metric"] == "iterations"} == {""}
    told = json.loads(document.read_text())
    assert len(told["samples"]) == len(rows) and told["summary"]["metrics"]["hits"]["count"] == 30


def test_plain_functions_will_do() -> None:
    class Plain:
        def __init__(self) -> None:
            self.samples: list[rampa.Sample] = []
            self.is_stopped = False

        def start(self) -> None:
            self.samples = []

        def add_samples(self, samples: list[rampa.Sample]) -> None:
            self.samples += samples

        def stop(self, error: Exception | None = None) -> None:
            self.is_stopped = True

    plain = Plain()
    assert run_with(plain).exit_code == 0
    assert total(plain.samples, "hits") == 30 and plain.is_stopped


def test_an_invalid_plan_starts_no_output() -> None:
    kept = Kept()
    with pytest.raises(rampa.errors.ConfigError):
        run_with(kept, thresholds={"hits": ["nonsense<"]})
    assert kept.calls == []


def test_an_output_is_told_what_has_ended_the_run() -> None:
    kept = Kept()

    def setup() -> None:
        raise LookupError("no such shelf")

    result = run_with(kept, setup=setup)
    assert result.status is RunStatus.SETUP_FAILED and isinstance(kept.error, LookupError)
    assert kept.calls[:2] == ["start", "stop"] and kept.samples == []


def test_a_cancelled_run_stops_its_outputs() -> None:
    kept = Kept()

    async def main() -> None:
        endless = plan(visit, executor="constant-vus", vus=1, duration="1h")
        running = asyncio.create_task(rampa.runner.run_test(endless, quiet=True, extra_outputs=[kept]))
        async with asyncio.timeout(SECONDS):
            while not kept.samples:
                await asyncio.sleep(0.005)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert kept.calls[:3] == ["start", "add_samples", "stop"]


@pytest.mark.parametrize("duration", ["1h", "1ms"])
def test_a_loop_that_is_shut_down_cancels_its_outputs(duration: str) -> None:
    """In the run, and while an output stops after it."""
    kept = Kept()

    async def stop(error: Exception | None = None) -> None:
        kept.calls.append("stop")
        await asyncio.Event().wait()

    kept.stop = stop  # type: ignore[method-assign]

    async def main() -> rampa.RunController:
        test = plan(visit, executor="constant-vus", vus=1, duration=duration)
        controller = await rampa.Engine(test, rampa.EngineOptions(extra_outputs=[kept])).start()
        while ("add_samples" if duration == "1h" else "stop") not in kept.calls:
            await asyncio.sleep(0.005)
        return controller

    result = asyncio.run(asyncio.run(asyncio.wait_for(main(), SECONDS)).wait())
    assert "the output extra_outputs[0] (Kept) was cancelled before it had stopped" in result.warnings
    assert result.status is (RunStatus.STOPPED if duration == "1h" else RunStatus.OUTPUT_FAILED)


def test_the_time_of_an_output_is_the_generators() -> None:
    class Busy(Kept):
        async def add_samples(self, samples: list[rampa.Sample]) -> None:
            time.sleep(0.2)

    words = {"executor": "constant-arrival-rate", "rate": 100, "duration": "1s", "pre_allocated_vus": 5, "max_vus": 5}
    options = rampa.EngineOptions(extra_outputs=[Busy()])
    result = asyncio.run(finish(plan(visit, **words), options))
    assert "loop_lag" in [row["cause"] for row in result.document["generator"]["reasons"]]


def test_the_modules_of_the_reference() -> None:
    for name, kind in [("console", "ConsoleOutput"), ("csv", "CSVOutput"), ("json", "JSONOutput")]:
        module = importlib.import_module(f"rampa.outputs.{name}")
        assert getattr(module, kind) is rampa.outputs.OUTPUT_REGISTRY[name]


# ---- losses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, error",
    [
        (method, error)
        for method in ("start", "add_samples", "stop", "write_summary")
        for error in (ValueError("boom \x1b[31m"), SystemExit(9), asyncio.CancelledError())
        if not (method == "write_summary" and isinstance(error, asyncio.CancelledError))  # it is a plain function
    ],
)
def test_what_an_output_raises_is_lost_and_the_run_goes_on(method: str, error: BaseException) -> None:
    kept, whole = Kept(), Kept()

    async def fail(*words: typing.Any) -> None:
        raise error

    def fail_at_once(*words: typing.Any) -> None:
        raise error

    setattr(kept, method, fail_at_once if method == "write_summary" else fail)
    result = run_with(kept, whole)
    assert result.status is RunStatus.OUTPUT_FAILED and result.exit_code == 6
    assert count(result, "iterations") == 15 and total(whole.samples, "hits") == 30
    name = f"extra_outputs[0] (Kept) raised {type(error).__name__}"
    said = [text for text in result.warnings if name in text]
    assert len(said) == 1 and said[0].startswith(f"{method}() of the output ") and "test_python_outputs.py:" in said[0]
    assert result.stop_reason == said[0] and result.document["run"]["status"] == "output_failed"
    assert "\x1b" not in result.text
    lost = [text for text in result.warnings if "are lost" in text]
    everything = f"of the {len(whole.samples)} samples of the output extra_outputs[0] (Kept) {len(whole.samples)} are lost"
    assert lost == ([everything] if method in ("start", "add_samples") else [])


def test_an_output_may_recover() -> None:
    """What it raised for is lost; it gets the rest."""
    kept = Kept()
    add, calls, given = kept.add_samples, iter((True,)), []

    async def fail_once(samples: list[rampa.Sample]) -> None:
        if next(calls, False):
            given.append(len(samples))
            raise OSError("full")
        await add(samples)

    kept.add_samples = fail_once  # type: ignore[method-assign]

    async def main() -> rampa.RunResult:
        endless = plan(visit, executor="constant-vus", vus=1, duration="1h")
        controller = await rampa.Engine(endless, rampa.EngineOptions(extra_outputs=[kept])).start()
        async with asyncio.timeout(SECONDS):
            while not kept.samples:
                await asyncio.sleep(0.005)
            await controller.stop()
            return await controller.wait()

    result = asyncio.run(main())
    assert result.exit_code == 6
    assert f"{len(kept.samples) + given[0]} samples of the output extra_outputs[0] (Kept) {given[0]} are" in result.warnings[-1]


@pytest.mark.parametrize("method", ["start", "add_samples", "stop"])
def test_an_output_that_hangs_does_not_hold_the_run(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rampa._feed, "PATIENCE", 0.2)
    kept = Kept()

    async def hang(*words: typing.Any) -> None:
        await asyncio.Event().wait()

    setattr(kept, method, hang)
    result = run_with(kept)
    assert result.exit_code == 6 and count(result, "iterations") == 15
    assert f"did not return from {method}() within 0.2 s" in result.warnings[0]
    assert any("are lost" in text for text in result.warnings) is (method != "stop")
    assert "write_summary" not in kept.calls


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rampa._feed, "WAITING_MAX", 10)
    monkeypatch.setattr(rampa._feed, "PATIENCE", 0.2)
    kept = Kept()

    async def hang() -> None:
        await asyncio.Event().wait()

    kept.start = hang  # type: ignore[method-assign]
    result = run_with(kept)
    assert result.warnings[0] == "the output extra_outputs[0] (Kept) loses samples: it takes them too slowly"
    told = re.fullmatch(r"of the (\d+) samples of the output .* (\d+) are lost", result.warnings[-1])
    assert told and told[1] == told[2] and int(told[1]) >= 45  # three metrics, fifteen iterations


# ---- names -----------------------------------------------------------------------------------------------------------


def test_what_is_no_output() -> None:
    for given, words in [
        ("csv=x", "must be a list of outputs, not str"),
        ([Kept], r"extra_outputs\[0\] is the class Kept: give an object of it"),
        ([Kept(), 7], r"extra_outputs\[1\] is no output: int has no method start\(\)"),
    ]:
        with pytest.raises(TypeError, match=words):
            rampa.EngineOptions(extra_outputs=given)  # type: ignore[arg-type]


def test_an_output_is_told_what_its_metrics_are() -> None:
    class Told(Kept):
        def __init__(self) -> None:
            super().__init__()
            self.kinds: dict[str, tuple[str, str]] = {}

        def describe(self, metric: str, kind: MetricType, value_type: ValueType) -> None:
            assert "start" in self.calls
            self.kinds[metric] = kind.value, value_type.value

        async def add_samples(self, samples: list[rampa.Sample]) -> None:
            assert {sample.metric for sample in samples} <= self.kinds.keys()
            await super().add_samples(samples)

    told = Told()
    assert run_with(told).exit_code == 0
    assert told.kinds["hits"] == ("counter", "default") and told.kinds["iteration_duration"] == ("trend", "time")


def test_outputs_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rampa.outputs.OUTPUT_REGISTRY, "kept", Kept)
    assert rampa.outputs.get_output("kept", "a=b").destination == "a=b"
    for name, words in [
        ("cvs", "no output 'cvs'; the outputs in Python are console, csv, github, influxdb, json, kept, otel, prometheus, webhook"),
        ("ndjson", "use rampa run --output ndjson"),
        ("csv", "needs a file"),
        ("json", "needs a file"),
    ]:
        with pytest.raises(ValueError, match=words):
            rampa.outputs.get_output(name)


def test_outputs_of_packages(tmp_path: Path) -> None:
    """Only the one that is named is loaded."""
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rampa.outputs]\nmine = mine_good:Mine\nbad = mine_bad:Mine\n")
    (tmp_path / "mine_good.py").write_text("class Mine:\n    def __init__(self, where):\n        self.where = where\n")
    (tmp_path / "mine_bad.py").write_text("print('loaded')\nraise RuntimeError('broken')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from rampa.outputs import get_output\n"
        "print(get_output('mine', 'there').where, 'mine_bad' in sys.modules)\n"
        "try:\n    get_output('bad')\nexcept ValueError as e:\n    print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stdout.splitlines() == [
        "there False",
        "loaded",
        "the output 'bad' cannot be loaded: RuntimeError: broken; the entry point is mine_bad:Mine",
    ]
