# SPDX-License-Identifier: MIT
"""The engine as a guest of a loop of ours: what scenarios may do there, results, plans that cannot be."""
from __future__ import annotations

import asyncio
import collections
import contextvars
import functools
import time
from collections.abc import Iterator
from typing import Any

import _rampa
import pytest
import rampa
import rampa.errors
import rampa.loader
from enginetools import count, finish, plan, run, times

LOOPS = ["asyncio", "uvloop"]

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def reactors() -> list[str]:
    """The back-ends of the reactor that work here."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("epoll", "io_uring"):
            patch.setenv("RAMPA_LOOP", name)
            try:
                _rampa.Host(object(), {})
            except ValueError:
                continue
            found.append(name)
    return found


@pytest.fixture(params=[f"{loop}-{reactor}" for loop in LOOPS for reactor in reactors()])
def runner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    """A loop of each kind, with each kind of guest."""
    loop, reactor = request.param.split("-")
    monkeypatch.setenv("RAMPA_LOOP", reactor)
    with asyncio.Runner(loop_factory=pytest.importorskip(loop).new_event_loop) as runner:
        yield runner


# ---- on the loop of a program ---------------------------------------------------------------------------------------


def test_thousands_of_requests_beside_the_programs_own_tasks(runner: asyncio.Runner, target: str) -> None:
    async def visit(worker: rampa.Worker) -> None:
        response = await worker.http.get(f"{target}/")
        worker.check(response, {"status is 200": lambda r: r.status == 200})

    async def main() -> tuple[rampa.RunResult, int]:
        ticks = 0

        async def application() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        task = asyncio.create_task(application())
        result = await finish(plan(visit, **times(20, 150)))
        task.cancel()
        return result, ticks

    result, ticks = runner.run(main())
    assert result.status is rampa.RunStatus.PASSED, result.text
    assert count(result, "http_reqs") == count(result, "iterations") == 3000
    assert result.checks == [{"name": "status is 200", "group": "", "passes": 3000, "fails": 0}]
    assert ticks > 20


def test_asyncio_inside_scenarios(runner: asyncio.Runner, target: str) -> None:
    async def one(worker: rampa.Worker) -> int:
        return (await worker.http.get(f"{target}/")).status

    async def visit(worker: rampa.Worker) -> None:
        responses = await asyncio.gather(worker.http.get(f"{target}/"), worker.http.get(f"{target}/"), one(worker))
        assert [getattr(r, "status", r) for r in responses] == [200, 200, 200]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(worker)) for _ in range(3)]
        assert [task.result() for task in tasks] == [200, 200, 200]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await worker.sleep(60)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.sleep(60), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        assert await asyncio.to_thread(sum, [1, 2]) == 3
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(*target.removeprefix("http://").split(":"))
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.")
        writer.close()
        await writer.wait_closed()

    result = runner.run(finish(plan(visit, **times(3, 3))))
    assert result.status is rampa.RunStatus.PASSED, result.text
    assert count(result, "http_reqs") == 9 * 6


def test_every_vu_is_a_task_with_a_context_of_its_own(runner: asyncio.Runner) -> None:
    tasks: dict[int, set[Any]] = collections.defaultdict(set)
    seen: list[tuple[str, str]] = []

    async def visit(worker: rampa.Worker) -> None:
        number = worker.execution.vu
        before = VARIABLE.get()
        VARIABLE.set(str(number))
        for wait in (worker.sleep(0), asyncio.sleep(0), asyncio.sleep(0.001), worker.sleep(0.001)):
            tasks[number].add(asyncio.current_task())
            await wait
        seen.append((before, VARIABLE.get()))

    async def main() -> rampa.RunResult:
        VARIABLE.set("of the program")
        own = asyncio.current_task()
        result = await finish(plan(visit, **times(3, 2)))
        assert asyncio.current_task() is own
        assert VARIABLE.get() == "of the program"
        return result

    assert runner.run(main()).passed
    assert sorted(tasks) == [1, 2, 3]
    assert all(len(found) == 1 and None not in found for found in tasks.values())
    assert len(set.union(*tasks.values())) == 3
    assert sorted(seen) == sorted([("of the program", n) for n in "123"] + [(n, n) for n in "123"])


def test_two_at_once_and_two_in_a_row(runner: asyncio.Runner, target: str) -> None:
    async def visit(worker: rampa.Worker) -> None:
        await worker.http.get(f"{target}/")
        await asyncio.sleep(0)

    test = plan(visit, **times(5, 20))

    async def main() -> list[rampa.RunResult]:
        both = [await rampa.Engine(test).start() for _ in range(2)]
        results = list(await asyncio.gather(*[controller.wait() for controller in both]))
        results.append(await finish(test))
        return results

    results = runner.run(main()) + runner.run(main())
    assert [count(result, "http_reqs") for result in results] == [100] * 6
    assert len({result.run_id for result in results}) == 6


def test_what_ends_an_iteration_ends_as_in_a_task(runner: asyncio.Runner) -> None:
    told: list[str] = []

    async def visit(worker: rampa.Worker) -> None:
        try:
            await (worker.sleep(60) if worker.execution.vu == 1 else asyncio.sleep(60))
        except asyncio.CancelledError:
            told.append("cancelled")
            await asyncio.sleep(0.001)
            told.append("cleaned up")
            raise

    result = runner.run(finish(plan(visit, vus=2, duration="50ms", graceful_stop="0s")))
    assert told.count("cancelled") == told.count("cleaned up") == 2
    assert count(result, "interrupted_iterations") == 2
    assert result.passed


def test_iterations_that_never_wait_starve_nobody(runner: asyncio.Runner) -> None:
    async def visit(worker: rampa.Worker) -> None:
        pass

    async def main() -> int:
        controller = await rampa.Engine(plan(visit, vus=10, duration="10m")).start()
        for _ in range(100):
            await asyncio.sleep(0.001)
        await controller.stop()
        return int(count(await controller.wait(), "iterations"))

    assert runner.run(main()) > 10


def test_arrivals_come_in_time(runner: asyncio.Runner) -> None:
    async def visit(worker: rampa.Worker) -> None:
        pass

    fields = {"executor": "constant-arrival-rate", "rate": 200, "duration": "500ms", "pre_allocated_vus": 10}
    result = runner.run(finish(plan(visit, **fields)))
    assert count(result, "iterations") + count(result, "dropped_iterations") == 100


# ---- functions ------------------------------------------------------------------------------------------------------


class Shop:
    """Something with state."""

    def __init__(self) -> None:
        self.visits = 0

    async def visit(self, worker: rampa.Worker) -> None:
        await worker.sleep(0)
        self.visits += 1


def test_closures_bound_methods_and_lambdas_change_the_callers_variables() -> None:
    shop = Shop()
    found: list[int] = []
    total = 0

    async def closure(worker: rampa.Worker) -> None:
        nonlocal total
        await worker.sleep(0)
        total += 1

    async def partial(step: int, worker: rampa.Worker) -> None:
        nonlocal total
        total += step

    def plain(worker: rampa.Worker) -> None:
        assert asyncio.current_task() is not None
        found.append(worker.execution.vu)

    for function in (shop.visit, closure, lambda worker: shop.visit(worker), functools.partial(partial, 10), plain):
        result = run(function, **times(2, 3))
        assert result.passed, result.text
    assert (shop.visits, total, sorted(found)) == (12, 6 + 60, [1, 1, 1, 2, 2, 2])


def test_setup_and_teardown() -> None:
    told: list[Any] = []

    async def setup(worker: rampa.Worker) -> dict[str, str]:
        await asyncio.sleep(0)
        told.append("setup")
        return {"token": "t"}

    async def visit(worker: rampa.Worker) -> None:
        told.append(worker.setup_data["token"])

    def teardown() -> None:
        told.append("teardown")

    assert run(visit, setup=setup, teardown=teardown, **times(1, 2)).passed
    assert told == ["setup", "t", "t", "teardown"]


def test_a_worker_is_of_no_use_after_its_run() -> None:
    kept: list[rampa.Worker] = []
    late: list[Any] = []

    async def visit(worker: rampa.Worker) -> None:
        kept.append(worker)
        late.append(worker.sleep(1))

    assert run(visit, **times(1, 1)).passed
    with pytest.raises(RuntimeError, match="is over"):
        kept[0].http.get("http://127.0.0.1:1/")
    with pytest.raises(RuntimeError, match="is over"):
        late[0].send(None)


def test_tasks_that_outlive_their_run_are_told(target: str) -> None:
    ended: list[type[BaseException]] = []

    async def wait(waiting: Any) -> None:
        try:
            await waiting
        except BaseException as error:
            ended.append(type(error))
            raise

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def visit(worker: rampa.Worker) -> None:
            tasks.append(asyncio.create_task(wait(worker.sleep(600))))
            tasks.append(asyncio.create_task(wait(worker.http.get(f"{target}/hang"))))
            await worker.sleep(0.01)

        await finish(plan(visit, **times(1, 1)))
        await asyncio.wait(tasks, timeout=60)

    asyncio.run(main())
    assert ended == [asyncio.CancelledError, asyncio.CancelledError]


# ---- results --------------------------------------------------------------------------------------------------------


async def nothing(worker: rampa.Worker) -> None:
    """An iteration."""


def test_a_result() -> None:
    async def visit(worker: rampa.Worker) -> None:
        worker.counter("visits", 2)
        worker.trend("size", 5)
        worker.rate("good", worker.execution.iteration_in_vu > 0)

    result = run(visit, thresholds={"size": ["max<6", "p(95)>5"], "visits": ["count==8"]}, **times(2, 2))
    assert (result.status, result.exit_code) == (rampa.RunStatus.THRESHOLD_FAILED, 1)
    assert [(t.metric, t.source, t.passed, t.lhs, t.rhs) for t in result.threshold_results] == [
        ("size", "max<6", True, 5, 6),
        ("size", "p(95)>5", False, 5, 5),
        ("visits", "count==8", True, 8, 8),
    ]
    assert result.snapshot is not None
    assert result.snapshot.values["good"] == {"rate": 0.5, "passes": 2, "fails": 2}
    assert result.snapshot.values["size"]["med"] == 5
    assert result.stop_reason is not None and "p(95)>5" in result.text
    assert result.document["run"]["id"] == result.run_id
    assert (result.errors, result.failed_requests, result.warnings, result.passed) == ([], [], [], False)


def test_exceptions_of_iterations() -> None:
    async def visit(worker: rampa.Worker) -> None:
        if worker.execution.iteration_in_vu == 1:
            raise ValueError("no good")

    result = run(visit, **times(2, 3))
    assert (result.status, result.exit_code) == (rampa.RunStatus.EXECUTION_FAILED, 2)
    assert [(row["type"], row["message"], row["count"]) for row in result.errors] == [("ValueError", "no good", 2)]
    assert f"{__file__}:" in result.errors[0]["place"] and "in visit" in result.errors[0]["place"]
    assert isinstance(result.error, ValueError)
    assert count(result, "iterations") == 6


def test_failed_requests_are_outcomes(target: str) -> None:
    async def visit(worker: rampa.Worker) -> None:
        await worker.http.get(f"{target}/reset")

    result = run(visit, **times(1, 2))
    assert (result.status, result.error) == (rampa.RunStatus.NOTHING_SUCCEEDED, None)
    assert sum(row["count"] for row in result.failed_requests) == 2
    assert result.errors[0]["is_request"]


@pytest.mark.parametrize("name", ["setup", "teardown"])
@pytest.mark.parametrize("is_late", [False, True], ids=["raises", "takes too long"])
def test_hooks_that_fail(name: str, is_late: bool) -> None:
    async def hook() -> None:
        if is_late:
            await asyncio.sleep(60)
        raise LookupError("nothing there")

    result = run(nothing, **{name: hook}, options=rampa.Options(**{f"{name}_timeout": "20ms"}), **times(1, 1))
    assert result.status.value == f"{name}_failed"
    assert isinstance(result.error, TimeoutError if is_late else LookupError)
    assert result.stop_reason is not None and result.stop_reason.startswith(f"{name}() failed: ")
    assert result.document["accounting"] == [] if name == "setup" else count(result, "iterations") == 1


def test_a_script_that_aborts() -> None:
    async def visit(worker: rampa.Worker) -> None:
        await worker.sleep(0)
        worker.abort("enough")

    result = run(visit, vus=3, duration="10m")
    assert (result.status, result.stop_reason) == (rampa.RunStatus.STOPPED, "aborted by the script: enough")


def test_a_threshold_that_aborts() -> None:
    async def visit(worker: rampa.Worker) -> None:
        await worker.sleep(0.01)
        worker.rate("good", False)

    limit = {"threshold": "rate>0.5", "abort_on_fail": True}
    result = run(visit, thresholds={"good": [limit]}, vus=1, duration="10m")
    assert result.status is rampa.RunStatus.THRESHOLD_FAILED
    assert result.document["run"]["elapsed_s"] < 60


def test_a_scenario_that_blocks_the_loop() -> None:
    async def visit(worker: rampa.Worker) -> None:
        time.sleep(0.3)

    result = run(visit, vus=2, duration="400ms", graceful_stop="100ms")
    assert result.status is rampa.RunStatus.PASSED, result.text
    assert result.document["generator"]["verdict"] != "valid"


# ---- plans that cannot be -------------------------------------------------------------------------------------------


async def yields(worker: rampa.Worker) -> Any:
    """No iteration."""
    yield worker


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"vuss": 1}, "did you mean 'vus'"),
    ({"vus": 0}, "vus"),
    ({"duration": "soon"}, "duration"),
    ({"executor": "constant-vu"}, "did you mean 'constant-vus'"),
    ({"thresholds": {"http_req_duration": ["p(95)<"]}}, "expected a number"),
    ({"thresholds": {"http_reqs": ["p(95)<1"]}}, "http_reqs"),
    ({"function": yields}, "generator"),
    ({"function": lambda: None}, "must take one argument"),
    ({"stages": [("1s", "many")], "executor": "ramping-vus", "vus": None, "duration": None}, "target"),
]


@pytest.mark.parametrize("words, message", WRONG, ids=[message for _, message in WRONG])
def test_plans_that_cannot_be(words: dict[str, Any], message: str) -> None:
    given = dict(words)
    test = plan(given.pop("function", nothing), **{"vus": 1, "duration": "1s", **given})
    with pytest.raises(rampa.errors.ConfigError) as raised:
        asyncio.run(rampa.Engine(test).start())
    assert message in str(raised.value)
    assert raised.value.exit_code == 3
    if "lambda" not in repr(words) and "thresholds" not in words:
        assert raised.value.file == __file__ or raised.value.file.endswith("enginetools.py")
        assert raised.value.line > 0


def test_the_messages_of_a_run_may_be_json(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    """Worker and coordinator speak them here as well."""

    async def visit(worker: rampa.Worker) -> None:
        worker.check(await worker.http.get(f"{target}/"), {"it is there": lambda r: r.status == 200})

    monkeypatch.setenv("RAMPA_WIRE", "json")
    result = asyncio.run(finish(plan(visit, **times(2, 10))))
    assert result.status is rampa.RunStatus.PASSED, result.text
    assert count(result, "http_reqs") == count(result, "iterations") == 20
    monkeypatch.setenv("RAMPA_WIRE", "yaml")
    with pytest.raises(rampa.errors.ConfigError, match="'yaml' is not an encoding"):
        asyncio.run(finish(plan(visit, **times(2, 10))))


def test_a_plan_without_scenarios() -> None:
    with pytest.raises(rampa.errors.ConfigError, match="no scenario"):
        asyncio.run(rampa.Engine(rampa.loader.TestPlan({})).start())


def test_thresholds_are_taken_apart_by_the_engines_parser() -> None:
    from rampa.thresholds import ThresholdExpression, parse_threshold

    assert parse_threshold("p(99.5)<=1.5e3") == ThresholdExpression("p(99.5)", 99.5, "<=", 1500.0)
    assert parse_threshold("rate > 0.01") == ThresholdExpression("rate", None, ">", 0.01)
    assert parse_threshold("med!=3").operator == "!="
    assert parse_threshold("count===3").operator == "=="
    with pytest.raises(rampa.errors.ConfigError):
        parse_threshold("p(101)<1")
