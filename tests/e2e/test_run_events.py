# SPDX-License-Identifier: MIT
"""Events, pause and resume, thresholds while a run goes on: what `--event-log` says, and what the result says of it."""
from __future__ import annotations

import datetime
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from started import SECONDS, Started

Event = dict[str, Any]


class Watched(Started):
    """A rampa that runs and writes its events."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.log = folder / "events"
        super().__init__([str(program), "run", "script.py", "--event-log", str(self.log)], folder)

    def events(self) -> list[Event]:
        """What the log says so far. Whole lines are written, but a reader may come while one of them is."""
        end = time.monotonic() + SECONDS
        while True:
            text = self.log.read_text() if self.log.exists() else ""
            if not text or text.endswith("\n"):
                break
            assert time.monotonic() < end, f"a line without an end: {text[-200:]}"
        return [json.loads(line) for line in text.splitlines()]

    def wait_until(self, condition: Callable[[list[Event]], Any]) -> list[Event]:
        """Until the events fulfil it."""
        end = time.monotonic() + SECONDS
        while not condition(events := self.events()):
            assert time.monotonic() < end, f"it did not happen: {events[-3:]}"
            assert self.process.poll() is None or condition(self.events()), self.text.decode()
            time.sleep(0.01)
        return events


@pytest.fixture
def watch(program: Path, script: Callable[..., Path], tmp_path: Path) -> Iterator[Callable[[str], Watched]]:
    """watch(TEXT) runs a script of this text with an event log, and returns at once."""
    running: list[Watched] = []

    def run(text: str) -> Watched:
        script(text)
        running.append(Watched(program, tmp_path))
        return running[-1]

    yield run
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def of(events: list[Event], *types: str) -> list[Event]:
    return [event for event in events if event["kind"] in types]


def phases(events: list[Event]) -> list[str]:
    """The details, which the phases of the reference have in between."""
    told = of(events, "phase")
    assert [event["phase"] for event in told if event["type"] == "PhaseEvent"] == list(dict.fromkeys(e["phase"] for e in told))
    return [event["detail"] for event in told]


def check_heads(events: list[Event], run_id: str) -> None:
    """What all events have in common."""
    first = datetime.datetime.fromisoformat(events[0]["time"])
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for before, event in zip(events, events[1:]):
        assert event["ns"] >= before["ns"]
    for event in events:
        assert event["run_id"] == run_id
        passed = datetime.datetime.fromisoformat(event["time"]) - first
        assert abs(passed.total_seconds() - (event["ns"] - events[0]["ns"]) / 1e9) < 0.002


WHOLE = """
import asyncio
import rampa

config = rampa.Config(thresholds={
    "iterations": ["count>10"],
    "checks{scenario:b}": ["rate>0.5"],
    "odd": [{"threshold": "max<5", "abort_on_fail": False}],
})

async def setup():
    return 1

@rampa.scenario(executor="constant-vus", vus=3, duration="2500ms")
async def a(worker):
    worker.trend("odd", worker.execution.iteration % 10)
    await asyncio.sleep(0.01)

@rampa.scenario(executor="shared-iterations", vus=2, iterations=20)
async def b(worker):
    worker.check(worker.execution.iteration, {"is even": lambda i: i % 2 == 0})
    await asyncio.sleep(0.01)

def teardown():
    pass
"""


def test_the_events_of_a_run_agree_with_its_result(watch: Callable[..., Watched]) -> None:
    run = watch(WHOLE)
    assert run.end() == 1
    events, result = run.events(), run.result()
    check_heads(events, result["run"]["id"])
    assert phases(events) == ["loading", "setup", "running", "teardown", "complete"]
    (verdicts,) = of(events, "threshold")
    for verdict, threshold in zip(verdicts["results"], result["thresholds"], strict=True):
        assert [verdict[k] for k in ("metric", "source", "passed", "lhs", "no_samples")] == [
            threshold[k] for k in ("metric", "expression", "passed", "actual", "no_samples")
        ]
    last = events[-1]
    assert (last["kind"], last["exit_code"], last["status"]) == ("finished", 1, "threshold_failed")
    assert last["reason"] == result["run"]["reason"]
    assert last["elapsed_ns"] / 1e9 == pytest.approx(result["run"]["elapsed_s"], abs=1e-6)
    # The last snapshot has the totals.
    snapshots = of(events, "snapshot")
    assert len(snapshots) >= 4 and snapshots[0]["elapsed_ns"] < 10**9  # the first one as soon as they run
    metrics = result["summary"]["metrics"]
    for name, metric in snapshots[-1]["metrics"].items():
        assert metric["type"] == result["summary"]["types"][name]["type"]
        for stat in ("count", "value", "min", "max", "avg", "passes"):
            if stat in metric:
                assert metric[stat] == pytest.approx(metrics[name][stat], rel=1e-9), (name, stat)
    assert {name for name in metrics if "{" not in name} == set(snapshots[-1]["metrics"])
    for scenario, row in zip(snapshots[-1]["scenarios"], result["accounting"], strict=True):
        assert (scenario["name"], scenario["state"], scenario["vus"]) == (row["scenario"], "finished", 0)
        for field in ("scheduled", "started", "dropped", "completed", "interrupted", "errors"):
            assert scenario[field] == row[field]
    assert [scenario["total"] for scenario in snapshots[-1]["scenarios"]] == [None, 20]
    # Counters only grow, and a rate is what has been added since the snapshot before.
    for before, after in zip(snapshots, snapshots[1:]):
        assert before["elapsed_ns"] <= after["elapsed_ns"]
        done = [snapshot["metrics"].get("iterations", {"count": 0})["count"] for snapshot in (before, after)]
        seconds = (after["elapsed_ns"] - before["elapsed_ns"]) / 1e9
        if seconds:
            assert after["metrics"]["iterations"]["rate"] == pytest.approx((done[1] - done[0]) / seconds, rel=1e-6)


def test_live_thresholds_are_told_at_once_and_every_two_seconds(watch: Callable[..., Watched]) -> None:
    run = watch(WHOLE)
    run.end()
    live = of(run.events(), "live_threshold")
    assert len(live) == 2 and live[0]["elapsed_ns"] < 1.9e9 < live[1]["elapsed_ns"]
    for event in live:
        assert (event["will_abort"], event["aborting"]) == (False, None)
        assert [row["metric"] for row in event["results"]] == ["iterations", "checks{scenario:b}", "odd"]
        # "odd" has the value 9 from the tenth iteration on.
        assert event["results"][2]["passed"] is False and event["results"][2]["lhs"] == 9


def test_setup_fails(watch: Callable[..., Watched]) -> None:
    run = watch("import rampa\ndef setup(): raise ValueError('no')\n@rampa.scenario\nasync def a(worker): pass\n")
    assert run.end() == 5
    events = run.events()
    assert phases(events) == ["loading", "setup", "teardown", "complete"]
    assert events[-1]["exit_code"] == 5 and events[-1]["elapsed_ns"] == 0
    assert "no" in events[-1]["reason"]


# ---- the file ----------------------------------------------------------------------------------------------------------


def test_a_killed_program_leaves_whole_lines(watch: Callable[..., Watched]) -> None:
    run = watch('import asyncio\nimport rampa\n@rampa.scenario(vus=2, duration="1h")\nasync def a(worker): await asyncio.sleep(0.01)\n')
    run.wait_until(lambda events: len(of(events, "snapshot")) >= 2)
    run.process.kill()
    run.process.wait(SECONDS)
    events = run.events()
    check_heads(events, events[0]["run_id"])
    assert len(of(events, "snapshot")) >= 2
    assert events[-1]["kind"] != "finished"


SHORT = """
import asyncio
import rampa

@rampa.scenario(executor="constant-vus", vus=1, duration="{duration}")
async def a(worker):
    await asyncio.sleep(0.01)

def teardown():
    print("torn down", flush=True)
"""


def test_a_full_device_does_not_stop_the_run(rampa: Callable[..., Finished], script: Callable[..., Path]) -> None:
    done = rampa("run", script(SHORT.format(duration="1s")), "--event-log", "/dev/full", out=True, code=6)
    text = "an event could not be written to the event log '/dev/full': No space left on device"
    result = done.result()
    assert result["run"]["reason"] == text and result["run"]["status"] == "output_failed"
    (warning,) = [warning for warning in result["warnings"] if warning["text"] == text]
    assert warning["count"] >= 5
    assert "torn down" in done.stdout and text in " ".join(done.stdout.split())
    assert done.count("iterations") > 10


def test_a_full_disk_leaves_whole_lines(program: Path, script: Callable[..., Path], tmp_path: Path) -> None:
    limit, log = 4000, tmp_path / "events"
    done = subprocess.run(
        [program, "run", script(SHORT.format(duration="4s")), "--event-log", log],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        env={key: value for key, value in os.environ.items() if key != "RAMPA_EVENT_LOG"},
    )
    assert done.returncode == 6, done.stdout + done.stderr
    assert "torn down" in done.stdout
    text = log.read_text()
    assert 1000 < len(text) <= limit and text.endswith("\n")
    assert json.loads(text.splitlines()[0])["detail"] == "loading"
    for line in text.splitlines():
        json.loads(line)
    assert "could not be written to the event log" in " ".join(done.stdout.split())


def test_a_log_that_cannot_be_opened_is_an_error_before_the_run(
    rampa: Callable[..., Finished], script: Callable[..., Path], tmp_path: Path
) -> None:
    path = script(SHORT.format(duration="1h"))
    done = rampa("run", path, "--event-log", tmp_path, out=True, code=3)
    assert f"cannot open the event log '{tmp_path}': Is a directory" in done.stderr
    assert "torn down" not in done.stdout and not done.out.exists()
    rampa("run", path, "--event-log", tmp_path / "no" / "folder", code=3)


def test_an_invalid_script_leaves_an_old_log(
    rampa: Callable[..., Finished], script: Callable[..., Path], tmp_path: Path
) -> None:
    log = tmp_path / "events"
    log.write_text("old\n")
    rampa("run", script("raise ValueError"), "--event-log", log, code=3)
    assert log.read_text() == "old\n"
    rampa("run", script(SHORT.format(duration="10ms")), "--event-log", log, code=0)
    assert json.loads(log.read_text().splitlines()[-1])["kind"] == "finished"
    assert "old" not in log.read_text()


# ---- pause and resume ----------------------------------------------------------------------------------------------------

ARRIVALS = """
import asyncio
import rampa

{setup}

@rampa.scenario(executor="constant-arrival-rate", rate=50, duration="4s", pre_allocated_vus=20)
async def a(worker):
    await asyncio.sleep(0.001)
"""


def paused(events: list[Event]) -> list[Event]:
    return [event for event in of(events, "snapshot") if event["is_paused"]]


def pause(run: Watched, seconds: int) -> None:
    """Pauses for so many snapshots, then goes on."""
    before = len(paused(run.events()))
    run.signal(signal.SIGUSR1)
    run.wait_until(lambda events: len(paused(events)) >= before + seconds)
    run.signal(signal.SIGUSR2)
    run.wait_until(lambda events: len(of(events, "pause")) == len(of(events, "resume")))


def check_pauses(result: dict[str, Any], count: int) -> None:
    pauses = result["run"]["pauses"]
    assert len(pauses) == count
    assert sum(one["length_s"] for one in pauses) == pytest.approx(result["run"]["paused_s"], abs=1e-6)
    for before, after in zip(pauses, pauses[1:]):
        assert before["start_s"] + before["length_s"] <= after["start_s"]


def test_a_pause_takes_nothing_from_the_schedule(watch: Callable[..., Watched]) -> None:
    run = watch(ARRIVALS.format(setup=""))
    run.wait_until(lambda events: "running" in phases(events))
    pause(run, 3)
    assert run.end() == 0
    events, result = run.events(), run.result()
    (row,) = result["accounting"]
    # In the pause 100 would have been due, and found 20 VUs; a busy machine may be late for some at the end.
    assert row["scheduled"] == 200 and row["dropped"] < 50
    check_pauses(result, 1)
    assert result["run"]["paused_s"] >= 2  # three snapshots, a second apart
    assert 4 <= result["run"]["elapsed_s"] < 4 + result["run"]["paused_s"]
    assert [event["kind"] for event in of(events, "pause", "resume")] == ["pause", "resume"]
    # Nothing begins in a pause, and none of its time counts.
    held = paused(events)
    assert len({event["scenarios"][0]["started"] for event in held}) == 1
    assert len({event["scenarios"][0]["elapsed_ns"] for event in held}) == 1
    assert held[0]["elapsed_ns"] == pytest.approx(held[-1]["elapsed_ns"], abs=1e6) and held[0]["elapsed_ns"] < 4e9
    # The series goes on in real time.
    last = result["series"]["vus_max"]["points"][-1]
    assert last[0] + last[1] == pytest.approx(result["run"]["elapsed_s"] + result["run"]["paused_s"], abs=0.001)


def test_pausing_twice_is_once_and_twice_is_two(watch: Callable[..., Watched]) -> None:
    run = watch(ARRIVALS.format(setup=""))
    run.wait_until(lambda events: "running" in phases(events))
    run.signal(signal.SIGUSR1)
    run.wait_until_taken()
    run.signal(signal.SIGUSR1)
    run.wait_until_taken()
    pause(run, 1)
    run.signal(signal.SIGUSR2)
    run.wait_until_taken()
    pause(run, 1)
    assert run.end() == 0
    assert [event["kind"] for event in of(run.events(), "pause", "resume")] == ["pause", "resume"] * 2
    check_pauses(run.result(), 2)
    assert run.result()["accounting"][0]["scheduled"] == 200


SETUP_WAITS = """
async def setup():
    print("in setup", flush=True)
    while not __import__("os").path.exists("go on"):
        await asyncio.sleep(0.01)
"""


def test_a_pause_during_setup_holds_the_start(watch: Callable[..., Watched], tmp_path: Path) -> None:
    run = watch(ARRIVALS.format(setup=SETUP_WAITS))
    run.wait_for("in setup")
    run.signal(signal.SIGUSR1)
    run.wait_until(lambda events: of(events, "pause"))
    (tmp_path / "go on").touch()
    events = run.wait_until(lambda events: len(paused(events)) >= 2)
    assert paused(events)[-1]["scenarios"][0]["started"] == 0
    run.signal(signal.SIGUSR2)
    assert run.end() == 0
    result = run.result()
    check_pauses(result, 1)
    assert result["run"]["pauses"][0]["start_s"] < 0.5
    assert result["accounting"][0]["scheduled"] == 200


def test_a_pause_of_setup_alone_is_none(watch: Callable[..., Watched], tmp_path: Path) -> None:
    run = watch(ARRIVALS.format(setup=SETUP_WAITS))
    run.wait_for("in setup")
    run.signal(signal.SIGUSR1)
    run.wait_until(lambda events: of(events, "pause"))
    run.signal(signal.SIGUSR2)
    run.wait_until(lambda events: of(events, "resume"))
    (tmp_path / "go on").touch()
    assert run.end() == 0
    check_pauses(run.result(), 0)


def test_a_pause_during_a_ramp(watch: Callable[..., Watched]) -> None:
    run = watch(
        "import asyncio\nimport rampa\n"
        '@rampa.scenario(executor="ramping-vus", start_vus=0, stages=[{"duration": "2s", "target": 10}, {"duration": "2s", "target": 0}])\n'
        "async def a(worker): await asyncio.sleep(0.01)\n"
    )
    run.wait_until(lambda events: "running" in phases(events))
    pause(run, 2)
    assert run.end() == 0
    held, result = paused(run.events()), run.result()
    assert len({(event["scenarios"][0]["stage"], event["scenarios"][0]["started"]) for event in held}) == 1
    assert 4 <= result["run"]["elapsed_s"] < 4 + result["run"]["paused_s"]
    check_pauses(result, 1)


def test_a_stop_in_a_pause(watch: Callable[..., Watched]) -> None:
    run = watch(SHORT.format(duration="1h"))
    run.wait_until(lambda events: "running" in phases(events))
    run.signal(signal.SIGUSR1)
    run.wait_until(paused)
    run.signal(signal.SIGINT)
    assert run.end() == 4
    events = run.events()
    assert phases(events) == ["loading", "running", "stopping", "teardown", "complete"]
    assert [event["kind"] for event in of(events, "pause", "resume")] == ["pause", "resume"]
    check_pauses(run.result(), 1)


# ---- thresholds while it runs -------------------------------------------------------------------------------------------

ABORTING = """
import asyncio
import rampa

config = rampa.Config(thresholds={thresholds})

@rampa.scenario(executor="constant-vus", vus=1, duration="1h", tags={{"part": "x"}})
async def a(worker):
    worker.rate("mine", False)
    await asyncio.sleep(0.01)
"""


@pytest.mark.parametrize(
    ("thresholds", "aborted_by"),
    [
        ('{"mine{part:x}": [{"threshold": "rate>0.5", "abort_on_fail": True}]}', "mine{part:x}"),
        ('{"mine": ["rate>0.5", {"threshold": "rate>0.1", "abort_on_fail": True}]}', "mine"),
        # One that nothing matches has no samples: it is not judged while the test runs.
        (
            '{"mine{part:y}": [{"threshold": "rate>0.5", "abort_on_fail": True}],'
            ' "iterations": [{"threshold": "count<1", "abort_on_fail": True}]}',
            "iterations",
        ),
    ],
)
def test_a_threshold_aborts(watch: Callable[..., Watched], thresholds: str, aborted_by: str) -> None:
    run = watch(ABORTING.format(thresholds=thresholds))
    assert run.end() == 1
    events = run.events()
    (aborting,) = [event for event in of(events, "live_threshold") if event["will_abort"]]
    failed = aborting["results"][aborting["aborting"]]
    assert failed["metric"] == aborted_by and failed["passed"] is False
    assert aborting["seq"] > max(event["seq"] for event in of(events, "phase") if event["detail"] == "running")
    assert "stopping" in phases(events)
    assert "stopped after" in of(events, "warning")[0]["text"]


def test_the_delay_of_an_abort_does_not_count_pauses(watch: Callable[..., Watched]) -> None:
    run = watch(
        ABORTING.format(
            thresholds='{"mine": [{"threshold": "rate>0.5", "abort_on_fail": True, "delay_abort_eval": "3s"}]}'
        )
    )
    run.wait_until(lambda events: "running" in phases(events))
    pause(run, 4)
    assert run.end() == 1
    live = of(run.events(), "live_threshold")
    assert [event["will_abort"] for event in live] == [False] * (len(live) - 1) + [True]
    assert live[-1]["elapsed_ns"] >= 3e9
    assert live[-1]["ns"] - live[-1]["elapsed_ns"] >= 3e9  # what was paused, and the loading
    assert run.result()["run"]["elapsed_s"] >= 3
