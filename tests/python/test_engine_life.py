# SPDX-License-Identifier: MIT
"""Runs that end otherwise than by themselves, and what is left of a run: no descriptor, no object, no warning."""
from __future__ import annotations

import asyncio
import gc
import json
import socket
import weakref
from pathlib import Path
from typing import Any

import pytest
import rampa
from enginetools import count, descriptors, finish, plan, python, run, times, until

HEAD = """
import asyncio, gc, logging, os, signal, sys
import rampa
logging.getLogger("asyncio").setLevel(logging.ERROR)  # how long a callback takes depends on the machine
from enginetools import finish, plan, times, until

told = []

async def visit(worker):
    told.append("begun")
    try:
        await worker.sleep(600)
    finally:
        await asyncio.sleep(0)
        told.append("ended")

async def teardown():
    await asyncio.sleep(0.01)
    told.append("teardown")

forever = plan(visit, teardown=teardown, vus=2, duration="10m")

async def begin():
    controller = await rampa.Engine(forever).start()
    await until(lambda: told.count("begun") == 2)
    return controller
"""

ENDS = {
    "main returns": """
async def main():
    await begin()
asyncio.run(main())
print(*told)
""",
    "main returns while it holds the controller": """
kept = []
async def main():
    kept.append(await begin())
    kept.append(asyncio.create_task(kept[0].wait()))
asyncio.run(main())
print(*told)
""",
    "main raises": """
async def main():
    await begin()
    raise LookupError
try:
    asyncio.run(main())
except LookupError:
    print(*told)
""",
    "Ctrl-C": """
async def main():
    controller = await begin()
    os.kill(os.getpid(), signal.SIGINT)
    await controller.wait()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print(*told)
""",
    "uvloop": """
import uvloop
async def main():
    await begin()
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
print(*told)
""",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_run_that_nobody_waits_for_ends_with_its_loop(name: str) -> None:
    if name == "uvloop":
        pytest.importorskip("uvloop")
    done = python(HEAD + ENDS[name])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["begun", "begun", "ended", "ended", "teardown"]


ABRUPT = {
    "loop closed at once": """
loop = asyncio.new_event_loop()
loop.run_until_complete(begin())
loop.close()
del loop
gc.collect()
print(told.count("begun"))
""",
    "loop closed in setup": """
async def setup():
    told.append("setup")
    await asyncio.sleep(60)
async def main():
    controller = await rampa.Engine(plan(visit, setup=setup, vus=1, duration="10m")).start()
    await until(lambda: told)
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
del loop
gc.collect()
print(2)
""",
    "cancelled in setup": """
async def setup():
    told.append("setup")
    await asyncio.sleep(60)
async def main():
    controller = await rampa.Engine(plan(visit, setup=setup, vus=1, duration="10m")).start()
    await until(lambda: told)
asyncio.run(main())
print(2)
""",
    "interpreter ends": """
loop = asyncio.new_event_loop()
controller = loop.run_until_complete(begin())
loop.close()
print(2)
""",
}


@pytest.mark.parametrize("name", ABRUPT)
def test_a_loop_that_is_closed_under_a_run(name: str) -> None:
    done = python(HEAD + ABRUPT[name])
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "2\n")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("where", ["await worker.sleep(0)", "await asyncio.sleep(0.001)", "pass"])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
def test_what_ends_programs_is_not_kept_by_an_iteration(error: str, where: str, loop: str) -> None:
    pytest.importorskip(loop)
    code = f"""
import {loop} as kind
async def fatal(worker):
    {where}
    raise {error}("out")
try:
    with asyncio.Runner(loop_factory=kind.new_event_loop) as runner:
        runner.run(finish(plan(fatal, vus=1, duration="10m")))
except {error} as error:
    print("raised", error)
"""
    done = python(HEAD + code)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "raised out\n")


def test_a_signal_in_the_midst_of_an_iteration() -> None:
    code = """
import time
async def busy(worker):
    await worker.sleep(0)
    told.append("begun")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
try:
    asyncio.run(finish(plan(busy, vus=1, duration="10m")))
except KeyboardInterrupt:
    print(*told)
"""
    done = python(HEAD + code)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "begun\n")


def test_a_setup_that_nothing_ends_is_given_up() -> None:
    async def setup() -> None:
        for _ in range(1000):
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                pass  # as one must not

    async def visit(worker: rampa.Worker) -> None:
        pass

    async def main() -> rampa.RunResult:
        result = await finish(plan(visit, setup=setup, options=rampa.Options(setup_timeout="10ms"), **times(1, 1)))
        leftovers = asyncio.all_tasks() - {asyncio.current_task()}
        for task in leftovers:
            assert task.get_name() == "setup"
            task.get_coro().close()  # type: ignore[union-attr]
        return result

    with asyncio.Runner() as runner:
        result = runner.run(main())
    assert result.status is rampa.RunStatus.SETUP_FAILED
    assert result.stop_reason == "setup() did not end past its timeout and was given up"


# ---- what is left ---------------------------------------------------------------------------------------------------


def test_fifty_runs_leave_no_descriptor(target: str) -> None:
    async def visit(worker: rampa.Worker) -> None:
        await worker.http.get(f"{target}/")

    kept: list[Any] = []

    async def main() -> None:
        for _ in range(50):
            controller = await rampa.Engine(plan(visit, **times(2, 2))).start()
            kept.append((controller, await controller.wait()))

    run(visit, **times(1, 1))
    before = descriptors()
    asyncio.run(main())
    assert len(kept) == 50
    assert descriptors() == before


@pytest.mark.parametrize("ending", ["by itself", "stopped", "forgotten", "invalid"])
def test_what_a_scenario_holds_is_let_go(ending: str, target: str) -> None:
    class Held:
        """Something that a scenario refers to."""

    async def once() -> weakref.ref[Held]:
        held = Held()

        async def visit(worker: rampa.Worker) -> None:
            worker.vu["held"] = held
            await worker.http.get(f"{target}/")
            if ending == "forgotten":
                await worker.sleep(600)

        test = plan(visit, vus=1, duration="10m", **({"vuss": 1} if ending == "invalid" else {}))
        try:
            controller = await rampa.Engine(test).start()
        except rampa.errors.ConfigError:
            return weakref.ref(held)
        await asyncio.sleep(0.01)
        if ending != "forgotten":
            await controller.stop()
            await controller.wait()
        return weakref.ref(held)

    before = descriptors()
    reference = asyncio.run(once())
    gc.collect()
    assert reference() is None
    assert descriptors() == before


def test_a_request_for_which_only_a_callback_waits_at_the_end() -> None:
    """Nobody else holds the request, and its callback is told that it was cancelled."""
    said: list[bool] = []

    async def visit(worker: rampa.Worker) -> None:
        worker.http.get(url).add_done_callback(lambda request: said.append(request.cancelled()))

    async def main() -> None:
        await finish(plan(visit, **times(1, 1)))
        await until(lambda: said)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        asyncio.run(main())
    assert said == [True]


def test_the_programs_asyncio_is_left_as_it_was() -> None:
    code = """
before = (asyncio.sleep, asyncio.current_task, asyncio.tasks.current_task, signal.getsignal(signal.SIGTERM))
def slack():
    with open("/proc/self/timerslack_ns") as file:
        return file.read()
slack_before = slack()
async def quick(worker):
    await asyncio.sleep(0.001)
async def main():
    assert (await finish(plan(quick, **times(1, 1)))).passed
asyncio.run(main())
assert before == (asyncio.sleep, asyncio.current_task, asyncio.tasks.current_task, signal.getsignal(signal.SIGTERM))
assert slack_before == slack()
"""
    done = python(HEAD + code)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_process_does_not_import_the_engine() -> None:
    done = python("import sys, rampa, rampa._worker\nprint([m for m in sys.modules if m in ('rampa.engine', 'rampa._guest')])")
    assert done.stdout == "[]\n"


# ---- scripts and whole runs -----------------------------------------------------------------------------------------

SCRIPT = """
import rampa

config = rampa.Config(
    scenarios={
        "few": rampa.ScenarioConfig(executor="per-vu-iterations", vus=1, iterations=2, exec_fn="visit"),
        "own": rampa.ScenarioConfig(executor="per-vu-iterations", vus=2, iterations=3),
    },
    thresholds={"visits": ["count==8"]},
)

def setup():
    return 1

async def visit(worker):
    worker.counter("visits", worker.setup_data)

@rampa.scenario(vus=7, duration="10m")
async def own(worker):
    worker.counter("visits")
"""


def test_load_test(tmp_path: Path) -> None:
    path = tmp_path / "load.py"
    path.write_text(SCRIPT)
    test = rampa.loader.load_test(path)
    assert {name: function.__name__ for name, (_, function) in test.scenarios.items()} == {"few": "visit", "own": "own"}
    assert (test.scenarios["own"][0].vus, test.setup_fn is not None, test.teardown_fn) == (2, True, None)
    result = asyncio.run(finish(test))
    assert result.passed, result.text
    test.scenarios["few"] = (rampa.ScenarioConfig(executor="per-vu-iterations", vus=1, iterations=1), test.scenarios["few"][1])
    assert asyncio.run(finish(test)).status is rampa.RunStatus.THRESHOLD_FAILED


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('exec_fn="visit"', 'exec_fn="visits"', "visit"),
        ("vus=7", "vuss=7", "did you mean 'vus'"),
        ("count==8", "counts==8", "counts"),
        ("async def own(worker)", "async def own()", "must take one argument"),
        ("config = rampa.Config(", "config = dict(", "config must be"),
    ],
)
def test_scripts_that_cannot_be(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "load.py"
    path.write_text(SCRIPT.replace(old, new).replace("config.scenarios", ""))
    if "vuss" in new:
        path.write_text(path.read_text().replace('"own": rampa.ScenarioConfig(executor="per-vu-iterations", vus=2, iterations=3),', ""))
    with pytest.raises(rampa.errors.ConfigError, match=message) as raised:
        rampa.loader.load_test(path)
    assert raised.value.file == str(path)


@pytest.mark.parametrize(
    "given, message",
    [
        (len, r"scenario 'a' of the plan must be a pair \(ScenarioConfig, function\), not <built-in function len>"),
        ((rampa.ScenarioConfig(vus=1),), r"must be a pair"),
        ((rampa.ScenarioConfig(vus=1), "visit"), r"scenario 'a': the function must be one that can be called, not 'visit'"),
    ],
)
def test_plans_that_cannot_be(given: Any, message: str) -> None:
    with pytest.raises(rampa.errors.ConfigError, match=message):
        asyncio.run(finish(rampa.loader.TestPlan({"a": given})))


@pytest.mark.parametrize("given, hint", [("load.py", True), (Path("load.py"), True), ({}, False), (None, False)])
def test_what_is_no_plan(given: Any, hint: bool) -> None:
    from rampa.runner import run_test

    with pytest.raises(TypeError, match=r"plan takes a rampa\.loader\.TestPlan, not ") as raised:
        asyncio.run(run_test(given))
    assert ("rampa.loader.load_test(path) makes one" in str(raised.value)) is hint


def test_scripts_that_raise(tmp_path: Path) -> None:
    path = tmp_path / "load.py"
    path.write_text("raise LookupError('nothing')")
    with pytest.raises(LookupError):
        rampa.loader.load_test(path)
    with pytest.raises(FileNotFoundError):
        rampa.loader.load_test(tmp_path / "none.py")


def test_run_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rampa.runner import run_test, status_to_exit_code

    async def visit(worker: rampa.Worker) -> None:
        await worker.sleep(0.01)

    out, log = tmp_path / "out.json", tmp_path / "events.jsonl"
    test = plan(visit, vus=1, duration="1100ms")
    result = asyncio.run(run_test(test, str(out), event_log_path=log, progress=True))
    shown = capsys.readouterr()
    assert shown.out == result.summary() and "NOT JUDGED" in shown.out
    lines = shown.err.splitlines()
    assert 2 <= len(lines) <= 4, lines  # at the beginning, after a second, at the end
    assert all("iterations" in line and "requests" not in line for line in lines)  # there were none
    assert 2 <= log.read_text().count('"kind":"snapshot"') <= 4
    assert out.read_text() == result.json
    assert '"kind":"finished"' in log.read_text().splitlines()[-1]
    assert [status_to_exit_code(status).value for status in rampa.RunStatus] == [0, 1, 1, 2, 4, 5, 6, 7, 8, 9]


def test_run_test_says_when_the_result_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rampa.runner import run_test

    async def visit(worker: rampa.Worker) -> None:
        pass

    result = asyncio.run(run_test(plan(visit, **times(1, 1)), tmp_path / "none" / "out.json", quiet=True))
    assert (result.status, result.exit_code) == (rampa.RunStatus.OUTPUT_FAILED, 6)
    shown = capsys.readouterr()
    assert (shown.out, "cannot be written" in shown.err) == ("", True)


def test_options(tmp_path: Path) -> None:
    async def visit(worker: rampa.Worker) -> None:
        worker.counter("visits")

    log = tmp_path / "events"
    options = rampa.EngineOptions(event_log=log, summary_trend_stats="p(12),count", seed=7)
    result = asyncio.run(finish(plan(visit, **times(1, 3)), options))
    assert count(result, "visits") == 3
    assert result.document["config"]["seed"] == 7
    assert "p(12)" in result.text
    assert log.read_text().count("\n") >= 3
    assert result.run_id == result.document["run"]["id"] and len(result.run_id) == 36
    for wrong in (rampa.EngineOptions(summary_trend_stats="p(1"), rampa.EngineOptions(event_log=tmp_path / "no" / "log")):
        with pytest.raises(rampa.errors.ConfigError):
            asyncio.run(finish(plan(visit, **times(1, 3)), wrong))


def test_a_run_with_a_name(tmp_path: Path) -> None:
    """It is in the result, in what the controller says, and in every event."""
    log = tmp_path / "events"

    async def main(name: str) -> None:
        async def visit(worker: rampa.Worker) -> None:
            pass

        options = rampa.EngineOptions(run_id=name, event_log=log)
        controller = await rampa.Engine(plan(visit, **times(1, 3)), options).start()
        assert controller.run_id == name
        seen = {event.run_id async for event in controller.events()}
        result = await controller.wait()
        assert (result.run_id, result.document["run"]["id"], seen) == (name, name, {name})
        assert {json.loads(line)["run_id"] for line in log.read_text().splitlines()} == {name}

    for name in ("n", "nightly-2026-03-01", 'a"\\b', "two words", "line\n\x1b[31m", "é" * 127, "x" * 255):
        asyncio.run(main(name))
    for wrong in ("x" * 256, "é" * 128, "a\0", "\ud800"):
        with pytest.raises(ValueError, match="run_id must be a text of at most 255 bytes"):
            rampa.EngineOptions(run_id=wrong)
    with pytest.raises(TypeError):
        rampa.EngineOptions(run_id=7)  # type: ignore[arg-type]
