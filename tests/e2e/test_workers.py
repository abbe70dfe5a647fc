# SPDX-License-Identifier: MIT
"""A test that several worker processes share."""
from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer
from started import SECONDS, Started

Run = Callable[..., Finished]
Script = Callable[..., Path]

NOTES = """
import os
import rampa

def note(worker):
    at = worker.execution
    with open("notes", "a") as file:  # a line is one write
        file.write(f"{at.process} {at.vu} {at.worker_id} {worker.setup_data!r} {os.getpid()}\\n")
"""


def notes(done: Finished) -> list[list[str]]:
    return [line.split() for line in (done.out.parent / "notes").read_text().splitlines()]


EXECUTORS = {
    "shared-iterations": {"vus": 7, "iterations": 100},
    "per-vu-iterations": {"vus": 7, "iterations": 9},
    "constant-vus": {"vus": 7, "duration": "0.3s"},
    "ramping-vus": {"start_vus": 7, "stages": [{"duration": "0.3s", "target": 2}]},
    "constant-arrival-rate": {"rate": 100, "duration": "0.5s", "pre_allocated_vus": 7},
    "ramping-arrival-rate": {"rate": 10, "stages": [{"duration": "0.5s", "target": 200}], "pre_allocated_vus": 7},
}
ALL = {"shared-iterations": 100, "per-vu-iterations": 63, "constant-arrival-rate": 50, "ramping-arrival-rate": 52}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_no_iteration_and_no_user_twice(rampa: Run, script: Script, executor: str) -> None:
    path = script(
        NOTES
        + f"""
@rampa.scenario(executor={executor!r}, **{EXECUTORS[executor]!r})
async def a(worker):
    note(worker)
    await worker.sleep(0.02)
"""
    )
    done = rampa("run", path, "--workers", 3, out=True, code=0)
    lines = notes(done)
    result = done.result()
    (row,) = result["accounting"]
    iterations = sorted(int(line[2]) for line in lines)
    assert len(set(iterations)) == len(iterations) == row["started"]
    if executor in ALL and executor != "per-vu-iterations":  # all of them came, or were dropped for want of VUs
        assert row["scheduled"] == ALL[executor]
    if executor in ("shared-iterations", "per-vu-iterations"):
        assert iterations == list(range(ALL[executor]))
    # A VU belongs to one worker, and their numbers are those that one worker would have given.
    owners = {int(vu): worker for worker, vu, *_ in lines}
    assert len({(vu, worker) for worker, vu, *_ in lines}) == len(owners)
    assert set(owners) <= set(range(1, 8)) and set(owners.values()) == {"1", "2", "3"}
    assert [worker["id"] for worker in result["workers"]] == [1, 2, 3]
    assert {worker["pid"] for worker in result["workers"]} == {int(line[4]) for line in lines}
    assert result["config"]["workers"] == 3
    assert result["summary"]["metrics"]["vus_max"]["max"] == 7


def test_more_workers_than_users(rampa: Run, script: Script) -> None:
    path = script(NOTES + "@rampa.scenario(executor='per-vu-iterations', vus=2, iterations=3)\ndef a(worker):\n    note(worker)\n")
    done = rampa("run", path, "--workers", 4, out=True, code=0)
    assert sorted(int(line[2]) for line in notes(done)) == list(range(6))
    assert len(done.result()["workers"]) == 4 and " 4 workers" in done.stdout


def test_setup_and_teardown_once(rampa: Run, script: Script) -> None:
    path = script(
        NOTES
        + """
class Shop:
    def __init__(self, name):
        self.name = name
    def __repr__(self):
        return f"<{self.name}>"

async def setup():
    print("setting up", flush=True)
    return Shop("shop")

def teardown(worker):
    print("tearing down", worker.setup_data, flush=True)

@rampa.scenario(executor="per-vu-iterations", vus=6, iterations=1)
async def a(worker):
    note(worker)
"""
    )
    done = rampa("run", path, "--workers", 3, out=True, code=0)
    assert done.stdout.count("setting up\n") == done.stdout.count("tearing down <shop>\n") == 1
    assert [line[3] for line in notes(done)] == ["<shop>"] * 6
    assert len({line[4] for line in notes(done)}) == 3


UNSHAREABLE = {
    "{'a': [1, open('/dev/null')]}": "the result of setup()['a'][1] is of type _io.TextIOWrapper",
    "lambda: 1": "the result of setup() is of type function",
    "Held()": "the result of setup().lock is of type _thread.lock",
    "{open('/dev/null'): 1}": "a key of the result of setup() is of type _io.TextIOWrapper",
}


@pytest.mark.parametrize("value", UNSHAREABLE)
def test_what_cannot_be_shared(rampa: Run, script: Script, value: str) -> None:
    path = script(
        f"""
import threading
import rampa

class Held:
    def __init__(self):
        self.lock = threading.Lock()

def setup():
    return {value}

def teardown():
    print("torn down")

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=1)
async def a(worker):
    pass
"""
    )
    done = rampa("run", path, "--workers", 2, out=True, code=5)
    reason = done.result()["run"]["reason"]
    assert reason.startswith(f"setup() failed: PicklingError: {UNSHAREABLE[value]}, which cannot be sent"), reason
    assert "--workers 1" in reason
    (error,) = done.result()["errors"]["iterations"]
    assert (error["type"], error["place"]) == ("PicklingError", f"{path}:9 in setup")
    rampa("run", path, "--workers", 1, code=0)  # where nobody else needs it


def test_what_the_others_cannot_use(rampa: Run, script: Script) -> None:
    path = script(
        """
import rampa

class Odd:
    def __setstate__(self, state):
        raise ValueError("not here")
    def __getstate__(self):
        return {"a": 1}

def setup():
    return Odd()

def teardown():
    print("torn down")

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=1)
async def a(worker):
    print("ran")
"""
    )
    done = rampa("run", path, "--workers", 3, out=True, code=5)
    assert "ValueError: not here" in done.result()["run"]["reason"]
    assert "torn down\n" in done.stdout and "ran\n" not in done.stdout


# ---- loss -------------------------------------------------------------------------------------------------------

LOSS = """
import os, signal, time
import rampa

def setup():
    return 1

def teardown():
    print("torn down", flush=True)

@rampa.scenario(executor="constant-vus", vus=6, duration="{duration}")
async def a(worker):
    if worker.execution.process == {who} and worker.execution.iteration_in_vu == 1:
        {fate}
    await worker.sleep(0.01)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
STOP = "os.kill(os.getpid(), signal.SIGSTOP)"
FATES = {
    KILL: "was killed by signal 9 (Killed)",
    STOP: "was stopped by a signal",
    "os._exit(3)": "exited with status 3",
}


def lost(done: Finished) -> list[int]:
    return [worker["id"] for worker in done.result()["workers"] if worker["lost"]]


@pytest.mark.parametrize("who", [1, 2])
@pytest.mark.parametrize("fate", FATES)
def test_a_loss_aborts(rampa: Run, script: Script, fate: str, who: int) -> None:
    path = script(LOSS.format(fate=fate, who=who, duration="1h"))
    done = rampa("run", path, "--workers", 3, out=True, code=9)
    result = done.result()
    pid = result["workers"][who - 1]["pid"]
    assert result["run"]["reason"] == f"worker {who} (process {pid}) {FATES[fate]}"
    assert lost(done) == [who] and "torn down\n" in done.stdout
    assert result["workers"][who - 1]["lost"]["reason"] == result["run"]["reason"]
    assert result["accounting"][0]["holds"]
    assert any("share of the load (1 of 3)" in warning["text"] for warning in result["warnings"])


@pytest.mark.parametrize("who", [1, 3])
@pytest.mark.parametrize("fate", FATES)
def test_a_loss_is_borne(rampa: Run, script: Script, fate: str, who: int) -> None:
    seconds = 5 if fate == STOP else 2  # one that is stopped is noticed after 2 s
    path = script(LOSS.format(fate=fate, who=who, duration=f"{seconds}s"))
    done = rampa("run", path, "--workers", 3, "--on-worker-loss", "continue", out=True, code=0)
    result = done.result()
    assert lost(done) == [who] and "torn down\n" in done.stdout
    assert result["accounting"][0]["holds"] and result["run"]["elapsed_s"] >= seconds
    assert result["generator"]["verdict"] != "valid"
    assert FATES[fate] in result["workers"][who - 1]["lost"]["reason"]
    assert result["workers"][who - 1]["lost"]["from_s"] < seconds
    # The last points of the series are those of the other two.
    assert result["series"]["vus_max"]["points"][-1][3] == 4


def test_nobody_is_left(rampa: Run, script: Script) -> None:
    path = script(LOSS.format(fate=KILL, who="worker.execution.process", duration="1h"))
    done = rampa("run", path, "--workers", 2, "--on-worker-loss", "continue", out=True, code=9)
    assert lost(done) == [1, 2]
    assert "was killed by signal 9" in done.result()["run"]["reason"]


def test_one_is_silent_for_a_while(rampa: Run, script: Script) -> None:
    path = script(LOSS.format(fate="worker.execution.vu == 2 and time.sleep(5)", who=2, duration="3s"))
    done = rampa("run", path, "--workers", 2, "--event-log", "log", out=True, code=0)
    events = [json.loads(line) for line in (done.out.parent / "log").read_text().splitlines()]
    silent = [event["text"] for event in events if event["kind"] == "warning" and "has said nothing" in event["text"]]
    assert len(silent) == 1 and silent[0].startswith("worker 2 (process ")
    texts = [warning["text"] for warning in done.result()["warnings"]]
    assert any("blocked the event loop" in text for text in texts) and not any("said nothing" in text for text in texts)
    assert lost(done) == []


LOADS = """
import os
import rampa

try:
    os.close(os.open("first", os.O_CREAT | os.O_EXCL))
except FileExistsError:
    {other}

def teardown():
    print("torn down")

@rampa.scenario(executor="constant-vus", vus=4, duration="1h")
async def a(worker):
    pass
"""


def test_one_dies_while_it_loads(rampa: Run, script: Script) -> None:
    done = rampa("run", script(LOADS.format(other="os._exit(3)")), "--workers", 3, out=True, code=9)
    assert re.fullmatch(r"worker [23] \(process \d+\) exited with status 3", done.result()["run"]["reason"])
    assert "torn down" not in done.stdout


def test_one_cannot_load(rampa: Run, script: Script) -> None:
    done = rampa("run", script(LOADS.format(other="raise ValueError('not twice')")), "--workers", 3, code=3)
    assert "ValueError: not twice" in done.stderr and "script.py:8" in done.stderr


def test_one_declares_other_things(rampa: Run, script: Script) -> None:
    path = script(
        LOADS.replace("constant-vus", "per-vu-iterations")
        .replace('duration="1h"', "iterations=1")
        .format(other="setup = lambda: 1")
    )
    done = rampa("run", path, "--workers", 2, out=True, code=0)
    assert any("declares other things" in warning["text"] for warning in done.result()["warnings"])


# ---- all of them at once ----------------------------------------------------------------------------------------

ENDLESS = """
import os
import rampa

def teardown():
    print("torn down", flush=True)

@rampa.scenario(executor="constant-vus", vus=6, duration="1h", graceful_stop="{grace}")
async def a(worker):
    if worker.execution.iteration_in_vu == 0 and worker.execution.vu <= 3:
        print("started", worker.execution.process, os.getpid(), flush=True)
    {body}
"""


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def started(run: Started) -> list[int]:
    return [int(run.wait_for(f"started {worker}")[2]) for worker in (1, 2, 3)]


def test_a_signal_reaches_all(start: Callable[..., Started]) -> None:
    run = start(ENDLESS.format(grace="30s", body="await worker.sleep(0.01)"), "--workers", "3")
    pids = started(run)
    run.signal(signal.SIGINT)
    assert run.end() == 4
    result = run.result()
    assert "torn down\n" in run.text.decode()
    assert result["accounting"][0]["holds"] and result["accounting"][0]["interrupted"] == 0
    assert [worker["pid"] for worker in result["workers"]] == pids and all(map(has_ended, pids))


@pytest.mark.parametrize("body", ["await worker.sleep(3600)", "__import__('time').sleep(3600)"])
def test_no_orphan_is_left(start: Callable[..., Started], body: str) -> None:
    run = start(ENDLESS.format(grace="30s", body=body), "--workers", "3")
    pids = started(run)
    run.process.kill()
    run.process.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while not all(map(has_ended, pids)):
        assert time.monotonic() < deadline, [pid for pid in pids if not has_ended(pid)]
        time.sleep(0.01)


def test_one_aborts_for_all(rampa: Run, script: Script) -> None:
    path = script(ENDLESS.format(grace="0s", body="worker.execution.process == 2 and worker.abort('enough')"))
    done = rampa("run", path, "--workers", 3, out=True, code=4)
    assert done.result()["run"]["reason"] == "aborted by the script: enough"
    assert "torn down\n" in done.stdout


def test_a_pause_of_all(start: Callable[..., Started]) -> None:
    text = ENDLESS.format(grace="30s", body="await worker.sleep(0.01)").replace("1h", "2s")
    run = start(text, "--workers", "3", "--event-log", "log")
    started(run)
    run.signal(signal.SIGUSR1)
    log = run.out.parent / "log"
    events: list[dict[str, Any]] = []
    while not any(event["kind"] == "pause" for event in events):
        assert run.process.poll() is None
        events = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        time.sleep(0.005)
    time.sleep(1.2)  # what is measured: longer than a second, in which nobody may begin anything
    run.signal(signal.SIGUSR2)
    assert run.end() == 0
    result = run.result()
    (pause,) = result["run"]["pauses"]
    assert pause["length_s"] >= 1 and result["run"]["elapsed_s"] >= 2
    assert result["accounting"][0]["holds"]


def test_errors_of_all_are_one_group(rampa: Run, script: Script) -> None:
    path = script(
        "import rampa\n@rampa.scenario(executor='per-vu-iterations', vus=6, iterations=2)\ndef a(worker):\n    raise ValueError('x')\n"
    )
    done = rampa("run", path, "--workers", 3, out=True, code=2)
    (error,) = done.result()["errors"]["iterations"]
    assert (error["count"], error["type"]) == (12, "ValueError")


def test_what_all_of_them_miss_is_said_once(rampa: Run, script: Script) -> None:
    path = script(
        """
import rampa
@rampa.scenario(executor="constant-arrival-rate", rate=300, duration="1s", pre_allocated_vus=3, max_vus=3)
async def a(worker):
    await worker.sleep(0.05)
"""
    )
    done = rampa("run", path, "--workers", 3, out=True, code=0)
    assert done.count("dropped_iterations") > 100
    (warning,) = [w for w in done.result()["warnings"] if "iterations were dropped" in w["text"]]
    assert warning["count"] == 1 and warning["text"].endswith("max_vus is 3")


def test_thresholds_see_all(rampa: Run, script: Script) -> None:
    path = script(
        """
import rampa
config = rampa.Config(thresholds={"hits": ["count==30"], "level": ["value>=1"], "took": ["max==6", "min==1"]})
@rampa.scenario(executor="per-vu-iterations", vus=6, iterations=5)
async def a(worker):
    worker.counter("hits", 1)
    worker.gauge("level", worker.execution.process)
    worker.trend("took", worker.execution.vu)
"""
    )
    done = rampa("run", path, "--workers", 3, out=True, code=0)
    assert done.count("hits") == 30
    assert {worker["started_late_ms"] is not None for worker in done.result()["workers"]} == {True}
    assert "3 workers (started within" in done.stdout


# ---- how many ---------------------------------------------------------------------------------------------------

SIZED = "import rampa\n@rampa.scenario(executor={executor!r}, {fields})\nasync def a(worker):\n    pass\n"
SIZES = [
    ("constant-vus", "vus=10, duration='1s'", 1),
    ("constant-vus", "vus=1000, duration='1s'", 2),
    ("shared-iterations", "vus=64, iterations=100", 2),
    ("constant-arrival-rate", "rate=100, duration='1s', pre_allocated_vus=500", 1),
    ("constant-arrival-rate", "rate=10000, duration='1s', pre_allocated_vus=500", 2),
    ("ramping-arrival-rate", "rate=1, stages=[{'duration': 1, 'target': 9000}], pre_allocated_vus=500", 2),
]


@pytest.mark.parametrize(("executor", "fields", "most"), SIZES)
def test_auto(rampa: Run, script: Script, executor: str, fields: str, most: int) -> None:
    path = script(SIZED.format(executor=executor, fields=fields))
    cores = len(os.sched_getaffinity(0))
    done = rampa("inspect", path, "--workers", "auto", "--format", "json", code=0)
    workers = json.loads(done.stdout)["workers"]
    assert 1 <= workers <= cores
    assert workers == 1 if most == 1 or cores == 1 else workers >= 1
    assert json.loads(rampa("inspect", path, "--format", "json", code=0).stdout)["workers"] == 1
    assert re.search(r"^ *workers +7$", rampa("inspect", path, "-w", 7, code=0).stdout, re.M)


def test_auto_keeps_to_its_cores(rampa: Run, script: Script) -> None:
    path = script(SIZED.format(executor="constant-vus", fields="vus=5000, duration='1s'"))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        done = rampa("inspect", path, "--workers", "auto", "--format", "json", code=0)
    finally:
        os.sched_setaffinity(0, before)
    assert json.loads(done.stdout)["workers"] == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0", "--workers: 0 is not between 1 and 1024"),
        ("many", "--workers: 'many' is neither a whole number nor 'auto'"),
        ("1025", "--workers: 1025 is not between 1 and 1024"),
        ("", "--workers: '' is neither a whole number nor 'auto'"),
    ],
)
def test_bad_numbers(rampa: Run, script: Script, value: str, message: str) -> None:
    path = script(SIZED.format(executor="constant-vus", fields="vus=1, duration='1s'"))
    assert message in rampa("run", path, f"--workers={value}", code=3).stderr
    if value:
        env = {"RAMPA_WORKERS": value}
        assert message.replace("--workers", "RAMPA_WORKERS") in rampa("run", path, env=env, code=3).stderr


def test_arrivals_of_several_workers_are_on_time(rampa: Run, script: Script) -> None:
    """The workers tell of a second at slightly different moments: it is one point all the same, of as many as are planned."""
    path = script(SIZED.format(executor="constant-arrival-rate", fields="rate=200, duration='6s', pre_allocated_vus=20"))
    done = rampa("run", path, "--workers", 2, out=True, code=0)
    generator, points = done.result()["generator"], done.result()["series"]["iteration_lateness"]["points"]
    late = {point[0] for point in points if point[3] >= 50}  # a busy machine may hold up a second
    assert set(generator["arrivals"]["off"]) <= late, generator
    assert all(reason["cause"] != "schedule" for reason in generator["reasons"]) or late
    assert sum(point[2] for point in points) + done.count("dropped_iterations") == 1200
    assert all(length > 0.5 for _, length, *_ in points), points
    if not late:
        assert [round(point[2], -1) for point in points] == [200] * 6, points


def test_a_url_without_a_script(rampa: Run) -> None:
    with FaultServer([Repeat([ExpectRequest(), Send(answer(b"x"))])]) as server:
        done = rampa("run", server.url, "--vus", 6, "--iterations", 60, "--workers", 3, out=True, code=0)
    assert (done.count("http_reqs"), done.count("iterations")) == (60, 60)
    assert len({worker["pid"] for worker in done.result()["workers"]}) == 3
