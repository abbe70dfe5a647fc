# SPDX-License-Identifier: MIT
"""Names and modules that programs written for the reference use, by themselves: each works."""
from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import queue
import subprocess
import sys
import threading
import types
import typing
from pathlib import Path

import pytest
import rampa
import rampa.bus
import rampa.cli
import rampa.context
import rampa.errors
import rampa.events
import rampa.executors
import rampa.http
import rampa.metrics
import rampa.output
import rampa.pause
import rampa.thresholds
import rampa.worker
from enginetools import SECONDS, finish, plan, times, until
from rampa._types import MetricType, ValueType
from surfacetools import BUILTINS, free_port

Samples = queue.SimpleQueue


def drained(samples: queue.SimpleQueue[rampa.Sample | None]) -> list[rampa.Sample]:
    """What is in a queue."""
    ret = []
    with contextlib.suppress(queue.Empty):
        while (sample := samples.get_nowait()) is not None:
            ret.append(sample)
    return ret


@contextlib.asynccontextmanager
async def served(answer: bytes) -> typing.AsyncIterator[str]:
    """The URL of a server that gives each request this answer, or no answer and the end of the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                if not answer:
                    break
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + b'{"id": 17}'


# ---- objects made by hand --------------------------------------------------------------------------------------------


def test_a_worker_made_by_hand() -> None:
    samples: queue.SimpleQueue[rampa.Sample | None] = Samples()
    worker = rampa.worker.Worker(samples, rampa.worker.ExecutionInfo(4, "buy", 9), setup_data={"token": "t"})

    def explode(value: object) -> bool:
        raise ValueError(value)

    assert worker.check(5, {"is five": lambda value: value == 5}) is True
    assert worker.check(value=5, conditions={"explodes": explode, "is set": True}) is False
    worker.counter("hits", tags={"kind": "a"})
    worker.gauge("depth", 3)
    worker.rate("ok", True)
    with worker.group("page"), worker.group("image"):
        worker.trend("size", 7)
    assert worker.setup_data == {"token": "t"} and worker.execution.worker_id == 4
    told = [(sample.metric, sample.value, sample.tags) for sample in drained(samples)]
    base = {"scenario": "buy"}
    assert told[:7] == [
        ("checks", 1.0, {**base, "check": "is five"}),
        ("checks", 0.0, {**base, "check": "explodes"}),
        ("checks", 1.0, {**base, "check": "is set"}),
        ("hits", 1.0, {**base, "kind": "a"}),
        ("depth", 3.0, base),
        ("ok", 1.0, base),
        ("size", 7.0, {**base, "group": "::page::image"}),
    ]
    assert [(name, tags["group"]) for name, _, tags in told[7:]] == [
        ("group_duration", "::page::image"),
        ("group_duration", "::page"),
    ]


def test_the_workers_of_a_run_are_instances() -> None:
    kinds: list[bool] = []

    async def visit(worker: rampa.worker.Worker) -> None:
        kinds.append(isinstance(worker, rampa.worker.Worker) and isinstance(worker, rampa.Worker))
        kinds.append(isinstance(worker.http, rampa.http.HttpClient))
        kinds.append(isinstance(worker.execution, rampa.worker.ExecutionInfo))
        kinds.append(not isinstance(worker, rampa.http.HttpClient))

    asyncio.run(finish(plan(visit, **times(1, 1))))
    assert kinds == [True] * 4 and not isinstance(3, rampa.worker.Worker)


def test_what_scripts_of_the_reference_do_with_a_worker() -> None:
    """Keywords of check(), attributes for the length of an iteration, a client that is closed or used as a context."""
    kept: list[object] = []

    async def visit(worker: rampa.Worker) -> None:
        kept.append(getattr(worker, "mine", None))
        worker.mine = worker  # type: ignore[attr-defined]
        assert worker.mine is worker  # type: ignore[attr-defined]
        assert worker.check(value=3, conditions={"is three": lambda value: value == 3}) is True
        assert worker.check(3, tags={"a": "b"}, conditions={"is four": lambda value: value == 4}) is False
        for words in ((), (1,), (1, {}, None, None)):
            with pytest.raises(TypeError, match="check"):
                worker.check(*words)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="check"):
            worker.check(1, {}, value=2)  # type: ignore[call-arg, misc]
        with pytest.raises(TypeError, match="check"):
            worker.check(1, {}, tag={})  # type: ignore[call-arg]
        async with worker.http as client:
            assert client is worker.http
        assert await worker.http.close() is None  # type: ignore[func-returns-value]

    result = asyncio.run(finish(plan(visit, **times(1, 3))))
    assert not result.errors, result.errors
    assert kept == [None] * 3
    assert {(row["name"], row["passes"], row["fails"]) for row in result.checks} == {("is three", 3, 0), ("is four", 0, 3)}


def test_an_http_client_made_by_hand() -> None:
    """It makes the requests of a run, and measures them so; the samples are there when it returns."""

    async def main() -> None:
        samples: queue.SimpleQueue[rampa.Sample | None] = Samples()
        async with served(OK) as url, rampa.http.HttpClient(samples, {"scenario": "mine"}) as client:
            response = await client.get(url)
            assert (response.status, response.json()) == (200, {"id": 17}) and isinstance(response, rampa.http.Response)
            by_name = {sample.metric: sample for sample in drained(samples)}
            assert by_name["http_reqs"].value == 1 and by_name["http_req_failed"].value == 0
            assert by_name["http_req_duration"].value > 0 and by_name["data_received"].value > 0
            tags = by_name["http_reqs"].tags
            assert (tags["method"], tags["status"], tags["scenario"]) == ("GET", "200", "mine")
            assert (await client.post(url, data="x", tags={"kind": "b"})).status == 200
            assert next(s for s in drained(samples) if s.metric == "http_reqs").tags["kind"] == "b"
            both = await client.batch({"a": url, "b": ("POST", url, "x")})
            assert [response.status for response in both.values()] == [200, 200]
            assert [s.value for s in drained(samples) if s.metric == "http_reqs"] == [1, 1]
        with pytest.raises(rampa.errors.ConnectError):
            await client.request("GET", f"http://127.0.0.1:{free_port()}/")
        assert next(s for s in drained(samples) if s.metric == "http_req_failed").value == 1

    asyncio.run(main())


def test_a_response_made_by_hand() -> None:
    response = rampa.http.Response(status=200, headers={"A": "b"}, body=b'{"a": 1}', url="http://x/")
    assert response.json() == {"a": 1} and rampa.http.Response(200, {}, b"\xff", "").text() == "\ufffd"
    with pytest.raises(AttributeError):
        response.status = 1  # type: ignore[misc]


# ---- executors by themselves -----------------------------------------------------------------------------------------


def state(function: typing.Callable[..., typing.Any], **more: typing.Any) -> rampa.executors.ExecutionState:
    samples: queue.SimpleQueue[rampa.Sample | None] = Samples()
    return rampa.executors.ExecutionState(samples, asyncio.Event(), function, "mine", **more)


def test_an_executor_by_itself() -> None:
    seen: list[object] = []

    async def visit(worker: rampa.Worker) -> None:
        seen.append(worker.setup_data)

    async def main() -> list[rampa.Sample]:
        config = rampa.ScenarioConfig(executor="shared-iterations", vus=2, iterations=7)
        mine = state(visit, setup_data=[5])
        await rampa.executors.create_executor(config).run(mine)
        return drained(mine.sample_queue)

    samples = asyncio.run(main())
    assert sum(sample.metric == "iterations" for sample in samples) == len(seen) == 7 and seen[0] == [5]
    assert {sample.tags["scenario"] for sample in samples if sample.metric == "iterations"} == {"mine"}


def test_an_executor_is_paused_and_ended() -> None:
    async def main() -> None:
        visits = 0

        async def visit(worker: rampa.Worker) -> None:
            nonlocal visits
            visits += 1
            await asyncio.sleep(0.001)

        mine = state(visit)
        config = rampa.ScenarioConfig(executor="constant-vus", vus=1, duration="1h")
        running = asyncio.create_task(rampa.executors.ConstantVUsExecutor(config).run(mine))
        await until(lambda: visits)
        mine.pause_controller.pause()
        await asyncio.sleep(0.1)
        before = visits
        await asyncio.sleep(0.1)
        assert visits == before
        mine.pause_controller.resume()
        await until(lambda: visits > before)
        mine.abort_event.set()
        await asyncio.wait_for(running, SECONDS)

    asyncio.run(main())


@pytest.mark.parametrize("module", ["constant_vus", "ramping_vus", "shared_iterations", "per_vu_iterations"])
def test_modules_of_executors(module: str) -> None:
    found = importlib.import_module(f"rampa.executors.{module}")
    (cls,) = (getattr(found, name) for name in found.__all__)
    assert cls.name == module.replace("_", "-")


def test_unknown_executors() -> None:
    with pytest.raises(ValueError, match="unknown executor 'contsant-vus': did you mean 'constant-vus'"):
        rampa.executors.create_executor(types.SimpleNamespace(executor="contsant-vus"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs executor='constant-vus'"):
        rampa.executors.ConstantVUsExecutor(rampa.ScenarioConfig(executor="ramping-vus"))


def test_one_iteration_by_itself() -> None:
    async def fail(worker: rampa.worker.Worker) -> None:
        raise ValueError(worker.execution.iteration)

    async def wait(worker: rampa.worker.Worker) -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        mine = state(fail)
        await rampa.executors.run_iteration(mine)
        assert [s.metric for s in drained(mine.sample_queue)] == ["iteration_errors", "iterations", "iteration_duration"]
        mine = state(wait)
        task = asyncio.create_task(rampa.executors.run_iteration(mine))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [s.metric for s in drained(mine.sample_queue)] == ["iterations", "iteration_duration"]
        mine.vu_started()
        mine.vu_stopped()
        assert [(s.metric, s.value) for s in drained(mine.sample_queue)] == [("vus", 1.0), ("vus_max", 1.0), ("vus", 0.0)]

    asyncio.run(main())


# ---- sinks and thresholds --------------------------------------------------------------------------------------------


def test_sinks() -> None:
    for kind, values, stats in (
        (MetricType.COUNTER, (1.5, 2.5), {"count": 4.0, "rate": 2.0}),
        (MetricType.GAUGE, (4.0, 1.0, 2.0), {"value": 2.0, "min": 1.0, "max": 4.0}),
        (MetricType.RATE, (1.0, 0.0, 1.0, 1.0), {"rate": 0.75, "passes": 3.0, "fails": 1.0}),
        (
            MetricType.TREND,
            (4.0, 1.0, 3.0, 2.0),
            {"count": 4.0, "avg": 2.5, "min": 1.0, "max": 4.0, "med": 2.5, "p(90)": 3.7, "p(95)": 3.85, "p(99)": 3.97},
        ),
    ):
        sink = rampa.metrics.create_sink(kind)
        assert set(sink.format(0.0).values()) == {0.0}
        for value in values:
            sink.add(value)
        assert sink.format(2.0) == pytest.approx(stats)
    assert isinstance(rampa.metrics.HdrTrendSink(), rampa.metrics.TrendSink)


def test_the_registry() -> None:
    registry = rampa.metrics.MetricRegistry()
    rampa.metrics.register_builtins(registry)
    metrics = registry.all_metrics()
    for kind, names in BUILTINS.items():
        assert {metrics[name].metric_type.value for name in names.split()} == {kind}
    assert metrics["data_sent"].value_type is ValueType.DATA
    with pytest.raises(ValueError, match="'checks' is already registered as a rate"):
        registry.get_or_create("checks", MetricType.COUNTER)
    assert registry.get_or_create_sub_sink("none", {"a": "b"}) is None
    sub = registry.get_or_create_sub_sink("http_reqs", {"a": "b"})
    assert sub is registry.get_sub_sink(("http_reqs", frozenset({("a", "b")}))) and sub is not registry.get_sink("http_reqs")


def test_the_metric_engine() -> None:
    """Its thread sums up samples, also by tags, judges thresholds, and ends with everything taken."""
    registry = rampa.metrics.MetricRegistry()
    registry.get_or_create("hits", MetricType.COUNTER)
    samples: queue.SimpleQueue[rampa.Sample | None] = Samples()
    threshold = rampa.thresholds.Threshold("count<1", rampa.thresholds.parse_threshold("count<1"), abort_on_fail=True)
    registry.get_or_create_sub_sink("hits", {"kind": "a"})
    aborted, seen, judged = threading.Event(), [], []
    engine = rampa.metrics.MetricEngine(
        registry,
        samples,
        flush_interval=0.01,
        on_sample=seen.append,
        thresholds={"hits{kind:a}": [threshold]},
        threshold_interval=0.01,
        on_threshold=judged.append,
        abort_callback=aborted.set,
    )
    assert engine.get_latest_snapshot() is None
    engine.start()
    for kind in "aab":
        samples.put(rampa.make_sample("hits", 1.0, {"kind": kind}))
    samples.put(rampa.make_sample("size", 5.0))
    assert aborted.wait(SECONDS) and threshold.last_failed
    engine.stop()
    snapshot = engine.get_latest_snapshot()
    assert snapshot is not None and len(seen) == 4
    assert snapshot.values["hits"]["count"] == 3 and snapshot.values["size"]["med"] == 5
    assert judged[-1][0].lhs == 2 and judged[-1][0].metric == "hits{kind:a}"


def test_thresholds_on_sinks() -> None:
    sink = rampa.metrics.TrendSink()
    for value in range(101):
        sink.add(float(value))

    def judge(text: str) -> rampa.thresholds.ThresholdResult:
        return rampa.thresholds.evaluate_threshold(
            rampa.thresholds.Threshold(text, rampa.thresholds.parse_threshold(text)), sink, 1.0
        )

    assert (judge("p(99.5)<=99.5").passed, judge("p(99.5)<99").passed, judge("p(99.5)<99").lhs) == (True, False, 99.5)
    assert rampa.thresholds.parse_threshold("p( 95 ) < 500").aggregation == "p(95)"
    assert rampa.thresholds.parse_submetric("m{a:b:c, d:e}") == ("m", {"a": "b:c", "d": "e"})
    missing = {"none": [rampa.thresholds.Threshold("count>1", rampa.thresholds.parse_threshold("count>1"))]}
    assert rampa.thresholds.evaluate_thresholds(missing, {}, 1.0)[0].passed
    with pytest.raises(ValueError, match="invalid threshold"):
        rampa.thresholds.parse_threshold("p(95)500")


# ---- the bus, pauses, context ----------------------------------------------------------------------------------------


def test_the_bus_never_loses_the_end() -> None:
    async def main() -> None:
        bus = rampa.bus.EventBus(asyncio.get_running_loop(), maxsize=2)
        slow = bus.subscribe()
        events = [rampa.events.PauseEvent("r", i) for i in range(5)]
        for event in events:
            bus.publish(event)
        thread = threading.Thread(target=bus.publish_threadsafe, args=(None,))
        thread.start()
        await until(lambda: not slow.full() or slow._queue[-1] is None)  # type: ignore[attr-defined]
        thread.join()
        assert [await slow.get(), await slow.get()] == [events[1], None]
        bus.unsubscribe(slow)
        bus.unsubscribe(slow)
        assert bus.subscriber_count == 0
        told = asyncio.create_task(anext(bus.events()))
        await until(lambda: bus.subscriber_count)
        bus.publish(events[0])
        assert await told is events[0]

    asyncio.run(main())


def test_pauses() -> None:
    async def main() -> None:
        pauses = rampa.pause.PauseController()
        await pauses.wait_if_paused()
        pauses.pause()
        pauses.pause()
        waiting = asyncio.create_task(pauses.wait_if_paused())
        await asyncio.sleep(0.01)
        assert pauses.is_paused and not waiting.done() and pauses.total_paused_seconds >= 0.01
        pauses.resume()
        pauses.resume()
        await waiting
        total = pauses.total_paused_seconds
        await asyncio.sleep(0.01)
        assert pauses.total_paused_seconds == total > 0

    asyncio.run(main())


def test_the_name_of_the_run_in_its_iterations() -> None:
    seen: set[str | None] = set()

    async def setup() -> None:
        seen.add(rampa.context.run_id_var.get())

    async def visit(worker: rampa.Worker) -> None:
        seen.add(rampa.context.run_id_var.get())

    async def main() -> None:
        controller = await rampa.Engine(plan(visit, setup=setup, **times(2, 2))).start()
        await controller.wait()
        assert seen == {controller.run_id} and rampa.context.run_id_var.get() is None

    asyncio.run(main())
    assert rampa.context.scenario_var.get() is rampa.context.worker_id_var.get() is rampa.context.iteration_var.get() is None


def test_events_as_dicts() -> None:
    snapshot = rampa.metrics.MetricSnapshot(1, 2.0, {"hits": {"count": 3.0}})
    told = rampa.events.serialize_event(rampa.events.SnapshotEvent("r", 5, snapshot))
    assert list(told) == ["run_id", "timestamp_ns", "snapshot", "type"] and told["type"] == "SnapshotEvent"
    assert told["snapshot"]["values"] == {"hits": {"count": 3.0}}


# ---- outputs and the command line ------------------------------------------------------------------------------------


class Kept:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.samples: list[rampa.Sample] = []

    async def start(self) -> None:
        self.words.append("start")

    async def add_samples(self, samples: list[rampa.Sample]) -> None:
        self.samples += samples

    async def stop(self, error: Exception | None = None) -> None:
        self.words.append("stop")


def test_outputs_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        kept, path = Kept(), tmp_path / "out.json"
        file = rampa.output.JSONOutput(str(path))
        manager = rampa.output.OutputManager([kept])
        manager.add(file)
        await manager.start_all()
        manager.buffer_samples([rampa.Sample("hits", 1.0, 7, {"a": "b"})])
        await manager.flush()
        await manager.flush()
        manager.buffer_sample(rampa.Sample("hits", 2.0, 8, {}))
        await manager.stop_all()
        assert kept.words == ["start", "stop"] and [sample.value for sample in kept.samples] == [1.0, 2.0]
        snapshot = rampa.metrics.MetricSnapshot(0, 2.0, {"hits": {"count": 3.0, "rate": 1.23456}})
        results = [rampa.thresholds.ThresholdResult("count>2", True, 3.0, 2.0, "hits")]
        file.write_summary(snapshot, results)
        document = json.loads(path.read_text())
        assert document["samples"][0] == {"metric": "hits", "value": 1.0, "timestamp": 7, "tags": {"a": "b"}}
        assert document["summary"] == {"duration": 2.0, "metrics": {"hits": {"count": 3.0, "rate": 1.23456}}}
        assert document["thresholds"] == [{"source": "count>2", "passed": True, "lhs": 3.0, "rhs": 2.0}]
        rampa.output.ConsoleOutput().render_summary(snapshot, results)

    asyncio.run(main())
    shown = capsys.readouterr().out
    assert "rampa summary (2.0 s)" in shown and "✓ count>2" in shown and "count: 3\n" in shown and "rate: 1.2346" in shown


def test_the_program_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    rampa.cli.main(["--version"])
    assert capsys.readouterr().out.startswith("rampa ")
    with pytest.raises(SystemExit) as ended:
        rampa.cli.main(["run", "/no/such/script.py"])
    assert ended.value.code == 3 and "/no/such/script.py" in capsys.readouterr().err


def test_the_parser() -> None:
    parser = rampa.cli.build_docs_parser()
    assert parser.prog == "rampa"
    told = parser.parse_args(["run", "load.py", "-u", "5", "--duration", "1m", "--tag", "a=b", "--tag", "c=d", "--quiet"])
    assert (told.command, told.vus, told.duration, told.tag, told.quiet) == ("run", 5, "1m", ["a=b", "c=d"], True)
    alone = parser.parse_args(["run", "--http-debug", "load.py"])  # its value stands only behind a '='
    assert (alone.http_debug, alone.script) == ("headers", "load.py")
    full = parser.parse_args(["run", "load.py", "--http-debug=full"])
    assert (full.http_debug, full.script) == ("full", "load.py")
    assert parser.parse_args(["run", "--", "--http-debug"]).script == "--http-debug"
    with pytest.raises(SystemExit):
        parser.parse_args(["run", "--http-deb", "load.py"])
    for command in ("run", "check", "inspect", "doctor"):
        assert parser.parse_args([command, *(["load.py"] if command != "doctor" else [])]).command == command
    help_text = parser.format_help()
    done = subprocess.run([str(rampa.cli.program()), "--help"], capture_output=True, text=True, check=True)
    for line in done.stdout.partition("Commands:")[2].partition("\n\n")[0].splitlines():
        if line.strip():
            assert line.split()[0] in help_text


def test_importing_the_package_stays_light() -> None:
    """A worker imports rampa, but none of these modules."""
    code = "import sys, rampa._worker; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"rampa.engine", "rampa.bus", "rampa.executors", "rampa.http", "rampa.worker", "rampa.cli", "argparse", "aiohttp"}
    assert not heavy & set(done.stdout.split())
