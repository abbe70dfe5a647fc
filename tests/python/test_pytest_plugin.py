# SPDX-License-Identifier: MIT
"""Load tests as tests of pytest and of unittest, each in a pytest or unittest of its own."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
import rampa
from rampa._sync import scale_fields

SECONDS = 120

HEAD = """
import asyncio
import os
import pytest
import rampa

URL = os.environ["URL"]

async def browse(worker):
    response = await worker.http.get(f"{URL}/")
    worker.check(response, {"status is 200": lambda r: r.status == 200})
"""

PASSES = """
seen = []

async def visit(worker):
    seen.append(worker.execution.vu)
    await browse(worker)

@pytest.mark.rampa_scenario(worker_fn=visit, executor="per-vu-iterations", vus=2, iterations=5,
                            thresholds={"http_req_failed": ["rate==0"]})
def test_passes(rampa_result):
    assert rampa_result.status is rampa.RunStatus.PASSED
    assert rampa_result.snapshot.values["http_reqs"]["count"] == len(seen) == 10
"""

FAILS = """
@pytest.mark.rampa_scenario(worker_fn=browse, executor="per-vu-iterations", vus=1, iterations=3,
                            thresholds={"http_reqs": ["count==3", "count>4"]})
def test_fails(rampa_result):
    print("the body runs:", rampa_result)

@pytest.mark.rampa_scenario(worker_fn=browse, executor="per-vu-iterations", vus=1, iterations=3,
                            thresholds={"http_reqs": ["count>4"]}, may_fail=True)
def test_may_fail(rampa_result):
    pass

async def broken(worker):
    raise LookupError("no such thing")

@pytest.mark.rampa_scenario(worker_fn=broken, executor="per-vu-iterations", vus=1, iterations=2)
def test_broken(rampa_result):
    assert rampa_result.snapshot.values["iterations"]["count"] == 2
"""

LOOKS = """
BREACHED = dict(worker_fn=browse, executor="per-vu-iterations", vus=1, iterations=3, thresholds={"http_reqs": ["count>4"]})

@pytest.mark.rampa_scenario(**BREACHED)
def test_thresholds(rampa_result):
    assert [t.lhs for t in rampa_result.threshold_results] == [3]

@pytest.mark.rampa_scenario(**BREACHED)
def test_status(rampa_result):
    assert rampa_result.status == rampa.RunStatus.THRESHOLD_FAILED

@pytest.mark.rampa_scenario(**BREACHED)
def test_passed(rampa_result):
    assert not rampa_result.passed

@pytest.mark.rampa_scenario(**BREACHED)
def test_exit_code(rampa_result):
    assert rampa_result.exit_code == 1

@pytest.mark.rampa_scenario(**BREACHED)
def test_looks_at_figures_only(rampa_result):
    assert repr(rampa_result).startswith("RunResult(") and rampa_result.snapshot and rampa_result.summary()
"""

INSIDE = """
@pytest.fixture
def path():
    return "/status/200"

class TestShop:
    async def visit(self, worker):
        self.seen.append((await worker.http.get(URL + self.path)).status)

    @pytest.mark.parametrize("vus", [1, 3])
    def test_method(self, rampa_run, path, vus):
        self.seen, self.path = [], path
        result = rampa_run(self.visit, executor="per-vu-iterations", vus=vus, iterations=2, thresholds={"http_reqs": ["count>0"]})
        assert self.seen == [200] * 2 * vus and result.passed

    @pytest.fixture(autouse=True)
    def begin(self):
        self.seen, self.path = [], "/"

    @pytest.mark.rampa_scenario(worker_fn=visit, executor="per-vu-iterations", vus=1, iterations=2)
    def test_method_in_the_marker(self, rampa_result):
        assert rampa_result.passed and self.seen == [200, 200]

def test_twice(rampa_run):
    first = rampa_run(browse, executor="per-vu-iterations", vus=1, iterations=1)
    second = rampa_run(browse, executor="per-vu-iterations", vus=1, iterations=2, thresholds={"http_reqs": ["count<2"]})
    assert first.passed
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def inner(tmp_path: Path, target: str) -> Run:
    """inner(TEXT, "--option", ...) runs pytest on a file of that text."""

    def start(text: str, *options: str, module: str = "pytest") -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_load.py").write_text(HEAD + text)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        words = ["-m", "pytest", "-p", "rampa.pytest_plugin"] if module == "pytest" else ["-m", "unittest"]
        return subprocess.run(
            [os.environ.get("RAMPA_PYTHON") or sys.executable, "-X", "dev", *words, *options, "test_load.py"],
            env={**environment, "URL": target, "PYTHONPATH": str(Path(rampa.__file__).parent.parent), "COLUMNS": "150"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    return start


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """{"passed": 2, ...} of the last line."""
    last = done.stdout.strip().splitlines()[-1]
    return {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|warning)", last)}


def test_a_load_test_that_passes(inner: Run, tmp_path: Path) -> None:
    done = inner(PASSES, "-W", "error", "--junit-xml", "junit.xml", "--strict-markers")
    assert (done.returncode, outcomes(done)) == (0, {"passed": 1}), done.stdout
    assert "load tests (rampa)" in done.stdout
    line = done.stdout[done.stdout.index("load tests (rampa)") :].splitlines()[2]
    assert line.startswith("  passed, 10 requests, 0.00% failed, 10 iterations, med ")
    found = xml.etree.ElementTree.parse(tmp_path / "junit.xml").iter("property")
    properties = {item.get("name"): item.get("value") for item in found}
    assert properties["rampa.status"] == "passed"
    assert properties["rampa.http_reqs"] == properties["rampa.iterations"] == "10"
    assert properties["rampa.checks.rate"] == "1.0"
    assert float(properties["rampa.http_req_duration.p(95)"] or 0) > 0


def test_what_there_was_none_of_is_no_figure(inner: Run, tmp_path: Path) -> None:
    """A test without requests says nothing of requests, and of no time that nothing took."""
    text = """
async def think(worker):
    await worker.sleep(0.02)

@pytest.mark.rampa_scenario(worker_fn=think, executor="per-vu-iterations", vus=1, iterations=2)
def test_thinks(rampa_result): pass
"""
    done = inner(text, "--junit-xml", "junit.xml")
    line = done.stdout[done.stdout.index("load tests (rampa)") :].splitlines()[2]
    assert re.fullmatch(r"  passed, 2 iterations, med [\d.]+ m?s, p\(95\).*", line), line
    names = {item.get("name") for item in xml.etree.ElementTree.parse(tmp_path / "junit.xml").iter("property")}
    assert {"rampa.iterations", "rampa.iteration_errors", "rampa.iteration_duration.med"} <= names
    assert not [name for name in names if "http" in str(name) or "checks" in str(name)]


def test_a_test_that_is_run_again_is_judged_by_its_last_run(inner: Run, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from _pytest.runner import runtestprotocol\n"
        "def pytest_runtest_protocol(item, nextitem):\n"
        "    runtestprotocol(item, nextitem=nextitem, log=False)\n"
        "    runtestprotocol(item, nextitem=nextitem, log=True)\n"
        "    return True\n"
    )
    text = """
times = []

async def fails_at_first(worker):
    times.append(worker)
    if len(times) == 1:
        raise LookupError

@pytest.mark.rampa_scenario(worker_fn=fails_at_first, executor="per-vu-iterations", vus=1, iterations=1)
def test_again(rampa_result, record_property):
    record_property("mine", len(times))
"""
    done = inner(text, "--junit-xml", "junit.xml")
    assert (done.returncode, outcomes(done)["passed"]) == (0, 1), done.stdout
    found = [(item.get("name"), item.get("value")) for item in xml.etree.ElementTree.parse(tmp_path / "junit.xml").iter("property")]
    assert [value for name, value in found if name == "rampa.status"] == ["passed"]
    assert [value for name, value in found if name == "mine"] == ["1", "2"]  # what is not ours stays


def test_load_tests_that_fail_say_what_was_expected(inner: Run) -> None:
    done = inner(FAILS)
    assert (done.returncode, outcomes(done)) == (1, {"failed": 2, "passed": 1}), done.stdout
    assert "ok   http_reqs: expected count==3, actual 3" in done.stdout
    assert "FAIL http_reqs: expected count>4, actual 3" in done.stdout
    assert "2 x LookupError: no such thing" in done.stdout
    assert 'raise LookupError("no such thing")' in done.stdout
    assert "the body runs: RunResult(run_id=" in done.stdout
    assert "pytest_plugin.py" not in done.stdout and "_sync.py" not in done.stdout


def test_a_run_that_failed_fails_the_test_unless_the_test_looks_at_it(inner: Run) -> None:
    done = inner(LOOKS)
    assert (done.returncode, outcomes(done)) == (1, {"failed": 1, "passed": 4}), done.stdout
    assert "load test test_looks_at_figures_only: 1 of 1" in done.stdout


def test_a_test_that_fails_by_itself_shows_its_run(inner: Run) -> None:
    text = LOOKS[: LOOKS.index("@pytest")] + """
@pytest.mark.rampa_scenario(**BREACHED)
def test_asserts(rampa_result):
    assert rampa_result.passed, "too slow"
"""
    done = inner(text)
    assert (done.returncode, outcomes(done)) == (1, {"failed": 1}), done.stdout
    assert "too slow" in done.stdout and "FAIL http_reqs: expected count>4, actual 3" in done.stdout


def test_runs_from_within_tests(inner: Run, tmp_path: Path) -> None:
    done = inner(INSIDE, "--rampa-out", "out")
    assert (done.returncode, outcomes(done)) == (1, {"failed": 1, "passed": 3}), done.stdout
    assert "load test test_twice-2: 1 of 1" in done.stdout
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert len(names) == 5 and names[-2:] == ["test_load.py-test_twice-2.json", "test_load.py-test_twice.json"]


COMPARED = """
@pytest.mark.rampa_scenario(worker_fn=browse, executor="per-vu-iterations", vus=1, iterations=3, thresholds={"http_reqs": ["count>4"]})
def test_slower(rampa_result):
    assert not rampa_result.passed

@pytest.mark.rampa_scenario(worker_fn=browse, executor="per-vu-iterations", vus=1, iterations=1)
def test_new(rampa_result):
    pass
"""


def test_a_run_that_is_worse_than_before_fails_its_test(inner: Run, tmp_path: Path) -> None:
    assert outcomes(inner(COMPARED, "--rampa-out", "out")) == {"passed": 2}
    base = tmp_path / "out/test_load.py-test_slower.json"
    assert outcomes(inner(COMPARED, "--rampa-compare", "out")) == {"passed": 2}
    result = json.loads(base.read_text())
    result["thresholds"][0]["passed"] = True
    base.write_text(json.dumps(result))
    (tmp_path / "out/test_load.py-test_new.json").unlink()
    for option in ("out", str(base)):
        done = inner(COMPARED, "--rampa-compare", option)
        assert (done.returncode, outcomes(done)) == (1, {"failed": 1, "passed": 1}), done.stdout
        assert "load test test_slower: worse than before" in done.stdout
        assert re.search(r"http_reqs: count>4 +met +missed +worse", done.stdout)
    base.write_text("{")
    done = inner(COMPARED, "--rampa-compare", str(base))
    assert outcomes(done) == {"error": 2} and "it ends too early" in done.stdout
    done = inner(COMPARED, "--rampa-compare", "gone.json")
    assert done.returncode == 4 and "there is no file or folder 'gone.json'" in done.stderr


def test_ids_of_parameters(inner: Run, tmp_path: Path) -> None:
    text = """
@pytest.mark.parametrize("host", ["a.b", "a b", "a/b", "a:b", "é", "x" * 300, '{"quoted"}'])
@pytest.mark.rampa_scenario(worker_fn=browse, executor="per-vu-iterations", vus=1, iterations=1)
def test_host(rampa_result, host):
    assert rampa_result.passed
"""
    done = inner(text, "--rampa-out", "out")
    assert (done.returncode, outcomes(done)) == (0, {"passed": 7}), done.stdout
    names = [file.name for file in (tmp_path / "out").iterdir()]
    assert len(names) == 7 and max(map(len, names)) < 130


@pytest.mark.parametrize(
    "text, message",
    [
        ("@pytest.mark.rampa_scenario(browse, 1)\ndef test_none(rampa_result): pass", "keyword arguments only"),
        ("@pytest.mark.rampa_scenario(worker_fn='browse')\ndef test_none(rampa_result): pass", "worker_fn must be a function"),
        ("@pytest.mark.rampa_scenario(worker_fn=browse, vuss=1)\ndef test_none(rampa_result): pass", "did you mean 'vus'"),
        ("@pytest.mark.rampa_scenario(worker_fn=browse)\ndef test_none(): pass", "does not ask for its load test"),
        (
            "@pytest.mark.rampa_scenario(worker_fn=browse, vus=1, duration='soon')\ndef test_none(rampa_result): pass",
            "duration",
        ),
    ],
)
def test_markers_that_cannot_be(inner: Run, text: str, message: str) -> None:
    done = inner(text)
    assert outcomes(done) == {"error": 1} and message in done.stdout, done.stdout
    for word in ("Traceback", "another exception", "_sync.py", "engine.py"):
        assert word not in done.stdout


@pytest.mark.parametrize(
    "text, reason",
    [
        ("def test_none(rampa_result): pass", "needs a marker"),
        ("@pytest.mark.rampa_scenario(vus=1)\ndef test_none(rampa_result): pass", "has no worker_fn"),
    ],
)
def test_nothing_to_run(inner: Run, text: str, reason: str) -> None:
    done = inner(text, "-rs")
    assert done.returncode == 0 and "1 skipped" in done.stdout and reason in done.stdout, done.stdout


def test_scales_that_make_a_plan_impossible(inner: Run) -> None:
    text = """
@pytest.mark.rampa_scenario(worker_fn=browse, vus=1, duration="1s")
def test_short(rampa_result): pass
"""
    done = inner(text, "--rampa-duration-scale", "1e-12")
    assert outcomes(done) == {"error": 1} and "those after --rampa-duration-scale 1e-12" in done.stdout, done.stdout


def test_a_run_in_which_nothing_succeeded_fails(inner: Run) -> None:
    text = """
async def refused(worker):
    await worker.http.get("http://127.0.0.1:1/")

@pytest.mark.rampa_scenario(worker_fn=refused, executor="per-vu-iterations", vus=1, iterations=2)
def test_refused(rampa_result): pass
"""
    done = inner(text)
    assert outcomes(done) == {"failed": 1} and "nothing_succeeded" in done.stdout, done.stdout


def test_scaling_and_result_files(inner: Run, tmp_path: Path) -> None:
    text = """
@pytest.mark.rampa_scenario(worker_fn=browse, executor="ramping-vus", start_vus=4, stages=[("10m", 8)], start_time=20)
def test_ramp(rampa_result):
    row = rampa_result.document["config"]["scenarios"]["test_ramp"]
    assert (row["start_vus"], row["stages"], row["start_time"]) == (2, [{"duration": "60ms", "target": 4}], "2ms")

@pytest.mark.rampa_scenario(worker_fn=browse, executor="constant-arrival-rate", rate=40, duration="30m", pre_allocated_vus=3)
def test_rate(rampa_result):
    row = rampa_result.document["config"]["scenarios"]["test_rate"]
    assert (row["rate"], row["duration"], row["pre_allocated_vus"]) == (20, "180ms", 2)
"""
    done = inner(text, "--rampa-duration-scale", "0.0001", "--rampa-vus-scale", "0.5", "--rampa-out", "out/results")
    assert (done.returncode, outcomes(done)) == (0, {"passed": 2}), done.stdout
    files = sorted((tmp_path / "out/results").iterdir())
    assert [file.name for file in files] == ["test_load.py-test_ramp.json", "test_load.py-test_rate.json"]
    assert json.loads(files[0].read_text())["run"]["status"] == "passed"
    assert "is no factor above 0" in inner(text, "--rampa-vus-scale", "-1").stderr


def test_numbers_that_are_text_are_scaled_too() -> None:
    fields = {"vus": "4", "rate": "40", "max_vus": 8.0, "stages": [("10s", "6"), {"duration": "1m", "target": " 2 "}]}
    scaled = scale_fields(fields, 1.0, 0.5)
    assert scaled == {"vus": 2, "rate": 20, "max_vus": 4, "stages": [("10s", 3), ("1m", 1)]}
    odd = {"vus": "many", "rate": "2/s", "start_vus": True, "max_vus": 10**400}
    assert scale_fields(odd, 1.0, 0.5) == odd  # for the plan to refuse


@pytest.mark.parametrize("options", [("--rampa-duration-scale", "2"), ("--rampa-duration-scale", "0.1")])
@pytest.mark.parametrize("duration", ["float('inf')", "float('nan')", "1e300", "'9999999999d'"])
def test_durations_that_cannot_be_scaled_are_refused_by_the_plan(inner: Run, options: tuple[str, str], duration: str) -> None:
    done = inner(f"""
@pytest.mark.rampa_scenario(worker_fn=browse, vus=1, duration={duration})
def test_long(rampa_result): pass
""", *options)
    assert outcomes(done) == {"error": 1} and "duration" in done.stdout, done.stdout
    assert "OverflowError" not in done.stdout and "Traceback" not in done.stdout, done.stdout


def test_factors_that_make_numbers_too_large_are_refused_by_the_plan(inner: Run) -> None:
    text = """
@pytest.mark.rampa_scenario(worker_fn=browse, vus=10, duration="1d")
def test_large(rampa_result): pass
"""
    for option in ("--rampa-duration-scale", "--rampa-vus-scale"):
        done = inner(text, option, "1e308")
        assert outcomes(done) == {"error": 1} and f"those after {option} 1e+308" in done.stdout, done.stdout


def test_beside_pytest_asyncio(inner: Run) -> None:
    text = """
@pytest.mark.asyncio
async def test_own_loop():
    await asyncio.sleep(0)

@pytest.mark.rampa_scenario(worker_fn=browse, executor="per-vu-iterations", vus=1, iterations=3)
@pytest.mark.asyncio
async def test_both(rampa_result):
    await asyncio.sleep(0)
    assert rampa_result.snapshot.values["http_reqs"]["count"] == 3

@pytest.mark.asyncio
async def test_engine():
    plan = rampa.loader.TestPlan({"s": (rampa.ScenarioConfig(executor="per-vu-iterations", vus=2, iterations=3), browse)})
    result = await (await rampa.Engine(plan).start()).wait()
    assert result.snapshot.values["http_reqs"]["count"] == 6

@pytest.mark.asyncio
async def test_forgets():
    plan = rampa.loader.TestPlan({"s": (rampa.ScenarioConfig(vus=2, duration="10m"), browse)})
    await rampa.Engine(plan).start()
"""
    pytest.importorskip("pytest_asyncio")
    done = inner(PASSES + text, "-W", "error")
    assert (done.returncode, outcomes(done)) == (0, {"passed": 5}), done.stdout


def test_with_pytest_xdist(inner: Run, tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    done = inner(PASSES + FAILS, "-n", "2", "--junit-xml", "junit.xml")
    assert (done.returncode, outcomes(done)) == (1, {"failed": 2, "passed": 2}), done.stdout
    summary = done.stdout[done.stdout.index("load tests (rampa)") :]
    assert summary.count("test_load.py::") >= 4
    assert len(list(xml.etree.ElementTree.parse(tmp_path / "junit.xml").iter("property"))) > 20


UNITTEST = """
import unittest
from rampa.unittest_plugin import RampaTestCase

class TestShop(unittest.TestCase, RampaTestCase):
    def setUp(self):
        self.visits = 0

    async def visit(self, worker):
        self.visits += 1
        await browse(worker)

    def test_passes(self):
        result = self.run_rampa(self.visit, executor="per-vu-iterations", vus=2, iterations=4,
                                thresholds={"http_reqs": ["count==8"]}, setup=lambda: 1, teardown=lambda: None)
        self.assertEqual((self.visits, result.passed), (8, True))

    def test_positions(self):
        result = self.run_rampa(self.visit, "per-vu-iterations", 2, None, {"http_reqs": ["count==2"]})
        self.assertTrue(result.passed)

    def test_looks(self):
        result = self.run_rampa(self.visit, executor="per-vu-iterations", vus=1, iterations=1, thresholds={"http_reqs": ["count>1"]})
        self.assertIs(result.status, rampa.RunStatus.THRESHOLD_FAILED)

    def test_fails(self):
        self.run_rampa(self.visit, executor="per-vu-iterations", vus=1, iterations=1, thresholds={"http_reqs": ["count>1"]})
        print("the body runs")

    def test_may_fail(self):
        self.run_rampa(self.visit, executor="per-vu-iterations", thresholds={"http_reqs": ["count>1"]}, may_fail=True)

    def test_wrong(self):
        with self.assertRaises(rampa.errors.ConfigError):
            self.run_rampa(self.visit, vuss=1)

class TestAsync(unittest.IsolatedAsyncioTestCase, RampaTestCase):
    async def test_held_up(self):
        with self.assertRaisesRegex(RuntimeError, "await rampa.Engine"):
            self.run_rampa(browse, vus=1, duration="1s")

    async def test_engine(self):
        plan = rampa.loader.TestPlan({"s": (rampa.ScenarioConfig(executor="per-vu-iterations", vus=2, iterations=3), browse)})
        result = await (await rampa.Engine(plan).start()).wait()
        self.assertTrue(result.passed)
"""


def test_unittest(inner: Run) -> None:
    done = inner(UNITTEST, module="unittest")
    assert done.returncode == 1 and "Ran 8 tests" in done.stderr and "FAILED (failures=1)" in done.stderr, done.stderr
    assert "FAIL: test_fails (test_load.TestShop.test_fails)" in done.stderr
    assert "FAIL http_reqs: expected count>1, actual 1" in done.stderr and "the body runs" in done.stdout
    assert "Warning" not in done.stderr, done.stderr
