# SPDX-License-Identifier: MIT
"""--output MODULE:CLASS: what a class in Python gets, its mistakes, and what is lost when it is slow, raises or dies."""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from controlled import Control
from finished import Finished
from started import Started

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SCRIPT = """
import rampa
config = rampa.Config(thresholds={"hits": ["count==30"]})
@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=5)
async def browse(worker):
    worker.counter("hits", 2, tags={"kind": "a"})
    worker.trend("size", 1.5, tags={"kind": "b"})
"""
MODULE = """
import asyncio, json, os, time

class Kept:
    def __init__(self, destination="kept.json", **options):
        self.path, self.told = destination, {"options": options, "calls": []}

    async def start(self):
        self.told["calls"].append("start")
        self.told["samples"] = []
        print("printed by the output")

    async def add_samples(self, samples):
        self.told["samples"] += [s._asdict() for s in samples]
        self.told["now"] = time.monotonic_ns()

    async def stop(self, error=None):
        self.told["calls"].append("stop")
        self.told["error"] = None if error is None else [type(error).__name__, str(error)]
        self.write()

    def write(self):
        with open(self.path, "w") as file:
            json.dump(self.told, file)

class Summed(Kept):
    def write_summary(self, snapshot, threshold_results=None):
        self.told["calls"].append("write_summary")
        self.told["summary"] = [snapshot.values["hits"]["count"], [(r.source, r.passed) for r in threshold_results]]
        self.write()

class Plain:
    def start(self): pass
    def add_samples(self, samples): self.samples = samples
    def stop(self, error=None): open("plain", "w").write(str(len(self.samples)))

class RaisesAtStart(Kept):
    async def start(self): raise ValueError(f"cannot reach {self.path} {self.told['options']} \\x1b[31m")

class HangsAtStart(Kept):
    async def start(self): await asyncio.Event().wait()

class BlocksAtStart(Kept):
    async def start(self): time.sleep(1000)

class Raises(Kept):
    async def add_samples(self, samples): raise OSError(f"full: {self.path} \\x1b[31m")

class Hangs(Kept):
    async def add_samples(self, samples): await asyncio.Event().wait()

class BlocksAtStop(Kept):
    async def stop(self, error=None): time.sleep(1000)

class Dies(Kept):
    async def add_samples(self, samples): os._exit(7)

class NoOutput:
    pass
"""


@pytest.fixture
def run(rampa: Rampa, script: Script) -> Rampa:
    script(SCRIPT)
    script(MODULE, "mine.py")

    def start(*words: str, **more: object) -> Finished:
        return rampa("run", "script.py", "--quiet", *words, **more)

    return start


def test_a_class_gets_every_sample(run: Rampa, tmp_path: Path) -> None:
    words = ("--output-option", "mine:Summed.team=red=1", "-O", "mine:Plain", "-O", "ndjson=all.ndjson")
    done = run("-O", "mine:Summed=here=1.json", *words, out=True, code=0)
    assert done.stdout == "" and "printed by the output\n" in done.stderr
    told = json.loads((tmp_path / "here=1.json").read_text())
    assert told["options"] == {"team": "red=1"} and told["calls"] == ["start", "stop", "write_summary"] and told["error"] is None
    assert told["summary"] == [30, [["count==30", True]]]
    samples = told["samples"]
    hits = [s for s in samples if s["metric"] == "hits"]
    assert [s["value"] for s in hits] == [2] * 15 and {s["tags"]["kind"] for s in hits} == {"a"}
    assert {s["value"] for s in samples if s["metric"] == "size"} == {1.5}
    assert all(isinstance(s["timestamp"], int) and 0 < told["now"] - s["timestamp"] < 3600e9 for s in samples)
    points = [row for row in map(json.loads, (tmp_path / "all.ndjson").read_text().splitlines()) if row["type"] == "Point"]
    assert [(s["metric"], s["value"], s["tags"]) for s in samples] == [(p["metric"], p["data"]["value"], p["data"]["tags"]) for p in points]
    assert int((tmp_path / "plain").read_text()) <= len(samples)
    assert done.result()["run"]["exit_code"] == 0


def test_a_part_of_the_samples_and_the_folder_of_the_script(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    script(SCRIPT, "tests/script.py")
    script(MODULE, "tests/mine.py")
    rampa("run", "tests/script.py", "-q", "-O", "mine:Kept", "--output-option", "mine:Kept.sample=1/10", code=0)
    told = json.loads((tmp_path / "kept.json").read_text())
    assert [s["metric"] for s in told["samples"]].count("hits") == 2


def test_a_name_of_a_package_is_loaded_only_when_it_is_named(run: Rampa, tmp_path: Path) -> None:
    info = tmp_path / "lib" / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rampa.outputs]\nkept = mine:Kept\nbad = broken:Bad\n")
    (tmp_path / "lib" / "broken.py").write_text("open('loaded', 'w')\nraise RuntimeError('broken')\n")
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "lib"), os.environ.get("PYTHONPATH", "")])}
    run("-O", "kept=by-name.json", "--output-option", "kept.x=1", env=env, code=0)
    assert json.loads((tmp_path / "by-name.json").read_text())["options"] == {"x": "1"} and not (tmp_path / "loaded").exists()
    done = run("-O", "bad", env=env, code=3)
    assert "-O: the output bad cannot be loaded: it raised RuntimeError: broken; the entry point is broken:Bad\nTraceback" in done.stderr
    assert "there is no output 'kep'; the outputs are console, " in run("-O", "kep", env=env, code=3).stderr


# The second one refuses while the first one starts, which goes on until the process of the second one has ended.
TOGETHER = """
import os, time
def wait_for(name):
    while not os.path.lexists(name): time.sleep(0.01)
def has_ended(process):
    try:
        return open(f"/proc/{process}/stat").read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
class Late:
    def __init__(self, destination=""): pass
    def start(self):
        open("starts", "w").close()
        wait_for("refuses")
        while not has_ended(os.readlink("refuses")): time.sleep(0.01)
    def add_samples(self, samples): pass
    def stop(self, error=None): open("stopped", "w").write(str(error))
class Refuses(Late):
    def start(self):
        wait_for("starts")
        os.symlink(str(os.getpid()), "refuses")  # whole at once
        raise ValueError("no")
"""


def test_an_output_is_told_what_has_ended_the_run(run: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT + "\ndef setup(): raise LookupError('no such shelf')\n")
    run("-O", "mine:Kept", code=5)
    told = json.loads((tmp_path / "kept.json").read_text())
    assert told["error"][0] == "RampaError" and "no such shelf" in told["error"][1] and told["calls"] == ["start", "stop"]
    script(TOGETHER, "mine.py")
    done = run("-O", "mine:Late", "-O", "mine:Refuses", code=3)
    assert "start() of the output mine:Refuses raised ValueError: no" in done.stderr
    assert (tmp_path / "stopped").read_text() == "the run has come to nothing"


MISTAKES = [
    (["-O", "nope.sub:A"], ["the output 'nope.sub:A': there is no module 'nope'\n  modules are looked for in "]),
    (["-O", "mine:Ketp"], ["the output 'mine:Ketp': the module 'mine' has no 'Ketp'\n  did you mean 'Kept'?\n"]),
    (["-O", "mine:"], ["the output 'mine:' is not MODULE:CLASS\n"]),
    (["-O", "torn:A"], ["the output torn:A cannot be loaded: it raised ZeroDivisionError: ", 'torn.py", line 1, in <module>\n']),
    (["-O", "lacking:A"], ["it raised ModuleNotFoundError: No module named 'nowhere'\nTraceback"]),
    (["-O", "mine:NoOutput"], ["mine:NoOutput is no output: NoOutput has no method start()\n"]),
    (["-O", "mine:Plain=there"], ["the output mine:Plain cannot be made: it raised TypeError: Plain() takes no arguments\n"]),
    (["-O", "mine:Plain", "--output-option", "mine:Plain.x=1"], ["the output mine:Plain cannot be made: it raised TypeError: "]),
    (["-O", "mine:Kept", "--output-option", "mine:Plain.x=1"], ["there is an option of the output 'mine:Plain', which is not asked for\n"]),
    (["-O", "mine:Kept", "--output-option", "mine:Kept.wait=x"], ["the option mine:Kept.wait is 'x', which is no time up to 1h\n"]),
    (["-O", "mine:Kept", "--output-option", "mine:Kept.sample=2"], ["the option mine:Kept.sample is '2', which is not 1/N\n"]),
    (["-O", "mine:Kept", "-O", "mine:Kept"], ["-O: the output 'mine:Kept' is given twice with the same destination\n"]),
    (
        ["-O", "mine:RaisesAtStart=http://joe:planted@h/T0ken/planted-path"],
        ["start() of the output mine:RaisesAtStart raised ValueError: cannot reach http://joe:***@h/", "in start\n"],
    ),
    (
        ["-O", "mine:RaisesAtStart", "--output-option", "mine:RaisesAtStart.token=planted-token"],
        ["raised ValueError: cannot reach kept.json {'token': '***'} "],
    ),
    (
        ["-O", "mine:HangsAtStart", "--output-option", "mine:HangsAtStart.wait=0.3s"],
        ["the output mine:HangsAtStart did not ", " within 0.3 s\n  --output-option mine:HangsAtStart.wait=30s gives it more time\n"],
    ),
    (
        ["-O", "mine:BlocksAtStart", "--output-option", "mine:BlocksAtStart.wait=0.1s"],
        ["the output mine:BlocksAtStart did not start within 0.1 s\n"],
    ),
]


@pytest.mark.parametrize(("words", "messages"), MISTAKES, ids=[" ".join(words[1:]) for words, _ in MISTAKES])
def test_a_mistake_is_told_before_anything_runs(
    run: Rampa, script: Script, tmp_path: Path, words: list[str], messages: list[str]
) -> None:
    script(SCRIPT.replace('worker.counter("hits"', 'open("ran", "w"); worker.counter("hits"'))
    script("1 / 0\n", "torn.py")
    script("import nowhere\n", "lacking.py")
    done = run(*words, code=3)
    assert done.stderr.startswith("error: ") and done.stdout == "" and not (tmp_path / "ran").exists()
    assert [message for message in messages if message not in done.stderr] == [], done.stderr
    assert "\x1b" not in done.stderr and "planted" not in done.stderr and "_output_host" not in done.stderr


def lost(text: str) -> tuple[int, int]:
    found = re.search(r"of the (\d+) samples of the output mine:\w+ (\d+) are lost", text)
    assert found, text
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Raises", "add_samples() of the output mine:Raises raised OSError: full: kept.json "),
        ("Hangs", "the output mine:Hangs did not "),
        ("Dies", "the process of the output mine:Dies exited with status 7"),
    ],
)
def test_what_an_output_does_not_take_is_counted(run: Rampa, tmp_path: Path, name: str, message: str) -> None:
    wait = ["--output-option", "mine:Hangs.wait=0.5s"] if name == "Hangs" else []
    done = run("-O", f"mine:{name}", "-O", "ndjson=a", *wait, out=True, code=6)
    assert message in done.stderr and "\x1b" not in done.stderr
    samples = sum('"type":"Point"' in line for line in (tmp_path / "a").read_text().splitlines())
    assert lost(done.stderr) == (samples, samples)
    result = done.result()
    assert result["run"]["status"] == "output_failed" and result["summary"]["metrics"]["hits"]["count"] == 30


def test_an_output_that_does_not_stop_is_killed(run: Rampa, tmp_path: Path) -> None:
    done = run("-O", "mine:BlocksAtStop", "--output-option", "mine:BlocksAtStop.wait=0.1s", code=6)
    assert "error: the process of the output mine:BlocksAtStop did not end, and was killed\n" in done.stderr


def test_an_output_that_is_killed_in_the_run(run: Rampa, script: Script, tmp_path: Path) -> None:
    """The run goes on, and is told at once. The script waits for that."""
    script(
        "import os, signal, asyncio, rampa\n"
        "@rampa.scenario(executor='per-vu-iterations', vus=1, iterations=1)\n"
        "async def a(worker):\n"
        "    pid = int(open('pid').read())\n"
        "    os.kill(pid, signal.SIGKILL)\n"
        "    while os.path.exists(f'/proc/{pid}/cmdline'): await asyncio.sleep(0.01)\n"
        "    worker.counter('hits', 1)\n"
        "def teardown(): open('torn down', 'w')\n"
    )
    script(MODULE.replace('print("printed', 'open("pid", "w").write(str(os.getpid())); print("printed'), "mine.py")
    done = run("-O", "mine:Kept", out=True, code=6)
    told = "the process of the output mine:Kept was killed by signal 9 (Killed); what it has not taken is lost"
    assert told in done.stderr and told in [warning["text"] for warning in done.result()["warnings"]]
    assert (tmp_path / "torn down").exists() and lost(done.stderr)[0] == lost(done.stderr)[1] > 0


def test_a_run_that_is_interrupted_stops_its_outputs(start: Callable[..., object], script: Script, tmp_path: Path) -> None:
    script(MODULE, "mine.py")
    running = start(
        "import rampa\n@rampa.scenario(vus=1, duration='1h')\nasync def a(worker):\n"
        "    if worker.execution.iteration == 0: print('runs', flush=True)\n    await worker.sleep(0.01)\n",
        "-q",
        "-O",
        "mine:Kept",
    )
    running.wait_for("runs")
    running.process.send_signal(signal.SIGINT)
    assert running.end() == 4, running.text
    told = json.loads((tmp_path / "kept.json").read_text())
    assert told["calls"] == ["start", "stop"] and told["error"] is None and told["samples"]


SLOW = """
import time
class Slow:
    def __init__(self, destination=""): pass
    def start(self):
        print("the output starts", flush=True)
        time.sleep(600)
    def add_samples(self, samples): pass
    def stop(self, error=None): pass
"""


@pytest.mark.parametrize("how", ["signal", "control"])
def test_a_run_is_stopped_while_an_output_starts(start: Callable[..., Started], script: Script, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Nobody waits for the output: the wait for its start is longer than this test may take."""
    folder = tempfile.mkdtemp(prefix="rampa-", dir="/tmp")
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    script(SLOW, "mine.py")
    running = start(SCRIPT, "-q", "-O", "mine:Slow", "--output-option", "mine:Slow.wait=5m", "--serve")
    try:
        control = Control(running.wait_for("control: socket ")[2])
        running.wait_for("the output starts")
        assert control.get("/v1/status")["status"] == "starting"
        if how == "signal":
            running.signal(signal.SIGINT)
        else:
            control.post("/v1/stop", {"reason": "enough"})
        assert running.end() == 4
        assert (b"stopped by control: enough" if how == "control" else b"aborted by a signal") in running.text
    finally:
        shutil.rmtree(folder)
