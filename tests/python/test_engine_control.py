# SPDX-License-Identifier: MIT
"""What a program sees of a run and does to it: events, snapshots, pauses, stops."""
from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import rampa
import rampa.events
from enginetools import count, plan, times, until


async def nothing(worker: rampa.Worker) -> None:
    """An iteration."""


# ---- events and snapshots -------------------------------------------------------------------------------------------


def test_events_for_several_consumers() -> None:
    async def visit(worker: rampa.Worker) -> None:
        await worker.sleep(0.01)

    async def collect(controller: rampa.RunController) -> list[rampa.events.EngineEvent]:
        return [event async for event in controller.events()]

    async def main() -> tuple[list[list[rampa.events.EngineEvent]], rampa.RunResult]:
        test = plan(visit, thresholds={"iterations": ["count>0", "rate>0"]}, vus=2, duration="1200ms", setup=lambda: 1)
        controller = await rampa.Engine(test).start()
        both = [asyncio.create_task(collect(controller)) for _ in range(2)]
        assert controller.snapshot() is None
        await until(lambda: (now := controller.snapshot()) and now.values["iterations"]["count"])
        snapshot = controller.snapshot()
        assert snapshot is not None and 0 < snapshot.duration < 1
        late = asyncio.create_task(collect(controller))
        result = await controller.wait()
        after = await collect(controller)
        return [*[await task for task in both], await late, after], result

    (first, second, late, after), result = asyncio.run(main())
    assert all(event.run_id == result.run_id for event in first + second + late)
    phases = [event.phase for event in first if isinstance(event, rampa.events.PhaseEvent)]
    assert phases == ["setup", "execute", "teardown", "complete"]
    details = [(event.phase, event.detail) for event in first if isinstance(event, rampa.events.DetailEvent)]
    assert details == [("setup", "setup")]
    assert second == first[len(first) - len(second) :] and len(second) < len(first)
    assert [event.phase for event in late if isinstance(event, rampa.events.PhaseEvent)] == ["teardown", "complete"]
    for events in (first, second):
        live = [event for event in events if isinstance(event, rampa.events.LiveThresholdEvent)]
        assert len(live) == 1 and [result.source for result in live[0].results] == ["count>0", "rate>0"]
        assert not live[0].will_abort and all(result.passed for result in live[0].results)
    assert after == []
    for events in (first, second, late):
        verdict, complete, last = events[-3:]
        assert isinstance(complete, rampa.events.PhaseEvent)
        assert isinstance(verdict, rampa.events.ThresholdEvent)
        assert [(r.source, r.passed, r.rhs) for r in verdict.results] == [("count>0", True, 0), ("rate>0", True, 0)]
        assert isinstance(last, rampa.events.FinishedEvent)
        assert (last.status, last.exit_code, last.reason) == (rampa.RunStatus.PASSED, 0, None)
        assert any(isinstance(event, rampa.events.SnapshotEvent) for event in events)


def test_a_generator_that_is_the_limit_is_told_while_it_runs() -> None:
    async def block(worker: rampa.Worker) -> None:
        time.sleep(0.3)
        await worker.sleep(0.001)

    async def main() -> list[rampa.events.EngineEvent]:
        controller = await rampa.Engine(plan(block, vus=1, duration="10m")).start()
        events = []
        async for event in controller.events():
            events.append(event)
            if isinstance(event, rampa.events.GeneratorEvent) and event.cause == "loop_lag" and event.verdict == "limited":
                await controller.stop()
        return events

    events = asyncio.run(main())
    found = [event for event in events if isinstance(event, rampa.events.GeneratorEvent)]
    for event in found:
        assert (event.worker, event.workers) == (1, 1) and event.text.startswith("the worker ")
    assert isinstance(events[-1], rampa.events.FinishedEvent)


def test_a_consumer_that_is_slow_misses_events_and_holds_nobody_up() -> None:
    async def main() -> None:
        controller = await rampa.Engine(plan(nothing, vus=1, duration="10m")).start()
        slow, quick = controller.events(), controller.events()
        first = await anext(slow)
        assert isinstance(first, rampa.events.PhaseEvent)
        for i in range(1000):
            controller.pause()
            controller.resume()
            if i == 0:
                assert isinstance(await anext(quick), rampa.events.EngineEvent)
        await controller.stop()
        rest = [event async for event in slow]
        missed = [event.count for event in rest if isinstance(event, rampa.events.MissedEvent)]
        assert len(missed) == 1 and missed[0] > 900
        assert isinstance(rest[-1], rampa.events.FinishedEvent)
        await quick.aclose()

    asyncio.run(main())


def test_a_consumer_may_leave() -> None:
    async def main() -> rampa.RunResult:
        controller = await rampa.Engine(plan(nothing, **times(1, 1))).start()
        async for _ in controller.events():
            break
        return await controller.wait()

    assert asyncio.run(main()).passed


# ---- pausing and stopping -------------------------------------------------------------------------------------------


def test_pause_and_resume() -> None:
    started = 0

    async def visit(worker: rampa.Worker) -> None:
        nonlocal started
        started += 1
        await worker.sleep(0.001)

    async def main() -> tuple[rampa.RunResult, list[Any]]:
        controller = await rampa.Engine(plan(visit, vus=2, duration="2s")).start()
        events = controller.events()
        await until(lambda: started > 2)
        controller.pause()
        controller.pause()
        assert controller.is_paused
        await asyncio.sleep(0.05)  # those that run end
        before = started
        await asyncio.sleep(2.2)  # longer than the run
        assert started == before
        assert controller.is_paused
        controller.resume()
        assert not controller.is_paused
        await until(lambda: started > before)
        return await controller.wait(), [event async for event in events]

    result, events = asyncio.run(main())
    assert result.passed
    kinds = [type(event).__name__ for event in events]
    assert kinds.count("PauseEvent") == kinds.count("ResumeEvent") == 1
    resume = next(event for event in events if isinstance(event, rampa.events.ResumeEvent))
    assert resume.paused_seconds > 0.5
    assert result.document["run"]["paused_s"] > 0.5


def test_adjust() -> None:
    async def visit(worker: rampa.Worker) -> None:
        running.add(worker.execution.vu)
        await worker.sleep(0.001)
        running.discard(worker.execution.vu)

    async def main() -> tuple[rampa.RunResult, list[Any]]:
        controller = await rampa.Engine(plan(visit, vus=3, max_vus=4, duration="10m", graceful_stop="1m")).start()
        events = controller.events()
        await until(lambda: len(running) == 3)
        controller.adjust(vus=1)
        await until(lambda: running == {1})
        controller.pause()
        controller.adjust("visit", vus=2, hold=True)
        controller.resume()
        await until(lambda: running == {1, 2})
        controller.adjust(vus=4)
        await until(lambda: len(running) == 4)
        await controller.stop()
        return await controller.wait(), [event async for event in events]

    running: set[int] = set()
    result, events = asyncio.run(main())
    found = [event for event in events if isinstance(event, rampa.events.AdjustEvent)]
    assert [(event.scenario, event.what, event.value, event.hold) for event in found] == [
        ("visit", "vus", 1, False),
        ("visit", "vus", 2, True),
        ("visit", "vus", 4, False),
    ]
    assert 0 < found[0].at_seconds < found[1].at_seconds < found[2].at_seconds
    made = result.document["run"]["adjustments"]
    assert [(row["scenario"], row["what"], row["value"], row["hold"]) for row in made] == [
        ("visit", "vus", 1, False),
        ("visit", "vus", 2, True),
        ("visit", "vus", 4, False),
    ]
    assert [row["elapsed_s"] for row in made] == [event.at_seconds for event in found]
    assert all(row["start_s"] >= row["elapsed_s"] for row in made)
    assert "load adjusted 3 times, the last time: vus of visit to 4" in " ".join(result.summary().split())


def test_adjust_a_rate() -> None:
    async def main() -> rampa.RunResult:
        fields = {"executor": "constant-arrival-rate", "rate": 1, "time_unit": "1h", "duration": "2h"}
        controller = await rampa.Engine(plan(visit, **fields)).start()
        await until(lambda: begun)
        controller.adjust(rate=3600 * 200)
        await until(lambda: len(begun) > 20)
        controller.adjust(rate=0)
        await controller.stop()
        return await controller.wait()

    async def visit(worker: rampa.Worker) -> None:
        begun.append(worker.execution.iteration)

    begun: list[int] = []
    result = asyncio.run(main())
    assert begun == list(range(len(begun)))
    [books] = result.document["accounting"]
    assert books["scheduled"] == books["started"] + books["dropped"]


def test_what_cannot_be_adjusted() -> None:
    async def main() -> rampa.RunResult:
        setting_up, go_on = asyncio.Event(), asyncio.Event()

        async def setup() -> None:
            setting_up.set()
            await go_on.wait()

        test = plan(nothing, setup=setup, vus=2, duration="10m")
        controller = await rampa.Engine(test).start()
        await setting_up.wait()
        with pytest.raises(ValueError, match="before the iterations begin"):
            controller.adjust(vus=1)
        go_on.set()
        await until(lambda: controller.snapshot())
        for words, match in WRONG:
            with pytest.raises(ValueError, match=match):
                controller.adjust(**words)
        with pytest.raises(TypeError, match="either vus or rate"):
            controller.adjust("visit")
        with pytest.raises(TypeError, match="either vus or rate"):
            controller.adjust(vus=1, rate=1)
        with pytest.raises(TypeError, match="vus must be a number, not str"):
            controller.adjust(vus="1")  # type: ignore[arg-type]
        await controller.stop()
        result = await controller.wait()
        with pytest.raises(ValueError, match="no run goes on"):
            controller.adjust(vus=1)
        return result

    WRONG: list[tuple[dict[str, Any], str]] = [
        ({"vus": 3}, "scenario 'visit': vus must be a whole number from 0 to 2, not 3"),
        ({"vus": -1}, "not -1"),
        ({"vus": 1.5}, "not 1.5"),
        ({"rate": 5}, r"constant-vus has no rate to adjust \(adjust its vus\)"),
        ({"scenario": "other", "vus": 1}, r"no scenario 'other' in the run \(the run has 'visit'\)"),
    ]
    assert asyncio.run(main()).document["run"]["adjustments"] == []


def test_stop() -> None:
    told: list[str] = []
    running = 0

    async def visit(worker: rampa.Worker) -> None:
        nonlocal running
        running += 1
        await worker.sleep(0.05)
        told.append("ended")

    async def main() -> rampa.RunResult:
        test = plan(visit, teardown=lambda: told.append("teardown"), vus=2, duration="10m")
        controller = await rampa.Engine(test).start()
        await until(lambda: running >= 2)
        await controller.stop("seen enough")
        await controller.stop("and again")
        return await controller.wait()

    result = asyncio.run(main())
    assert (result.status, result.exit_code) == (rampa.RunStatus.STOPPED, 4)
    assert result.stop_reason == "seen enough"
    assert told[-1] == "teardown" and told.count("ended") >= 2
    assert count(result, "interrupted_iterations") == 0


def test_stop_interrupts_what_does_not_end() -> None:
    cleaned: list[int] = []
    running = 0

    async def visit(worker: rampa.Worker) -> None:
        nonlocal running
        running += 1
        try:
            await worker.sleep(600)
        finally:
            cleaned.append(worker.execution.vu)

    async def main() -> rampa.RunResult:
        controller = await rampa.Engine(plan(visit, vus=3, duration="10m", graceful_stop="20ms")).start()
        await until(lambda: running == 3)
        await controller.stop()
        return await controller.wait()

    result = asyncio.run(main())
    assert result.status is rampa.RunStatus.STOPPED
    assert sorted(cleaned) == [1, 2, 3]
    assert count(result, "interrupted_iterations") == 3


def test_stop_before_anything_runs_and_after_all_is_over() -> None:
    async def main() -> tuple[rampa.RunResult, rampa.RunResult]:
        controller = await rampa.Engine(plan(nothing, vus=1, duration="10m")).start()
        await controller.stop("no")
        first = await controller.wait()
        await controller.stop("too late")
        controller.pause()
        controller.resume()
        assert not controller.is_paused
        return first, await controller.wait()

    first, second = asyncio.run(main())
    assert first is second
    assert (first.status, first.stop_reason) == (rampa.RunStatus.STOPPED, "no")


def test_stop_during_setup_lets_it_end() -> None:
    told: list[str] = []

    async def setup() -> None:
        told.append("begun")
        await asyncio.sleep(0.05)
        told.append("ended")

    async def main() -> rampa.RunResult:
        test = plan(nothing, setup=setup, teardown=lambda: told.append("teardown"), vus=1, duration="10m")
        controller = await rampa.Engine(test).start()
        await until(lambda: told)
        await controller.stop()
        return await controller.wait()

    result = asyncio.run(main())
    assert result.status is rampa.RunStatus.STOPPED
    assert told == ["begun", "ended", "teardown"]


def test_waiting_may_be_given_up_and_shared() -> None:
    async def main() -> None:
        controller = await rampa.Engine(plan(nothing, vus=1, duration="10m")).start()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(controller.wait(), 0.01)
        waiting = [asyncio.create_task(controller.wait()) for _ in range(3)]
        await controller.stop()
        results = await asyncio.gather(*waiting)
        assert results[0] is results[1] is results[2]

    asyncio.run(main())
