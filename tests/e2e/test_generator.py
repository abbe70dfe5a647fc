# SPDX-License-Identifier: MIT
"""The verdict on the generator itself, starved on purpose: each time the reason that it was, and exit code 8.

How starved it was is what the run reports; on a machine that starves it too, there may be further reasons.
"""
from __future__ import annotations

import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from started import Started, warnings_of

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

MACHINES = {"cpu_contention", "cpu_quota", "memory"}
"""Causes that lie outside of rampa and of what these tests do."""


WORDS = {
    "file_descriptors": "too few file descriptors",
    "local_ports": "too few local ports",
    "script": "code of the script kept the event loop",
    "cpu_quota": "a CPU quota",
    "cpu_contention": "other programs had the processor",
    "cpu": "no processor time to spare",
    "loop_lag": "the event loop turned late",
    "receive_delay": "answers were taken late",
    "late_iterations": "iterations began late",
    "dropped_iterations": "iterations were dropped late",
    "memory": "memory was read back from the disk",
}
"""How the summary names the causes that stand behind the first."""


def reasons(generator: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By cause; the worst comes first and is the reason."""
    verdicts = [reason["verdict"] for reason in generator["reasons"]]
    assert verdicts == sorted(verdicts), verdicts  # "limited" before "suspect"
    assert generator["verdict"] == (verdicts[0] if verdicts else "valid")
    assert generator["reason"] == (generator["reasons"][0]["text"] if verdicts else None)
    return {reason["cause"]: reason for reason in generator["reasons"]}


def check_limited(done: Any, cause: str) -> None:
    """What the summary, the result file and the event log say of a run with --strict."""
    result = done.result()
    found = reasons(result["generator"])
    assert cause in found and found[cause]["verdict"] == "limited", result["generator"]
    assert (found[cause]["worker"], found[cause]["workers"]) == (1, 1)
    assert (done.code, result["run"]["status"]) == (8, "generator_limited"), done.stdout + done.stderr
    assert result["run"]["reason"] == f"the generator itself was the limit: {result['generator']['reason']}"
    shown = " ".join(done.stdout.split())
    assert f"Generator: limited, {' '.join(result['generator']['reason'].split())}" in shown
    others = [WORDS[reason["cause"]] for reason in result["generator"]["reasons"][1:]]
    assert not others or f" also: {', '.join(others)}" in shown


# ---- healthy -------------------------------------------------------------------------------------------------------


def test_a_light_load_is_valid(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="constant-arrival-rate", rate=20, duration="3s", pre_allocated_vus=10)\n'
        "async def a(worker):\n"
        "    await worker.sleep(0.01)\n"
    )
    for _ in range(5):
        done = rampa("run", "script.py", "--strict", out=True)
        found = reasons(done.result()["generator"])
        if not found:
            assert done.code == 0
            assert done.stdout.endswith("Generator: valid, rampa itself was not the limit\n")
            return
        assert found.keys() & MACHINES, found
    pytest.skip("the machine is too busy for a test of 20 iterations a second")


# ---- the script ------------------------------------------------------------------------------------------------------


def test_a_script_that_blocks(rampa: Rampa, script: Script) -> None:
    script(
        "import time\nimport rampa\n"
        "def rest():\n"
        "    time.sleep(0.3)\n"
        '@rampa.scenario(executor="constant-vus", vus=3, duration="4s")\n'
        "async def scene(worker):\n"
        "    rest()\n"
        "    await worker.sleep(0.001)\n"
    )
    done = rampa("run", "script.py", "--strict", "--event-log", "log", out=True)
    check_limited(done, "script")
    assert "loop_lag" not in reasons(done.result()["generator"])  # it is known why
    (text,) = warnings_of(done.result())
    said = re.fullmatch(
        r"scenario 'scene' blocked the event loop (\d+) times, for (\d+\.\d\d) s in all and (\d+\.\d\d) s at the longest, at "
        r"script\.py:4 in rest; use await worker\.sleep\(\) or asyncio\.to_thread\(\)",
        text,
    )
    assert said, text
    times, total, longest = int(said[1]), float(said[2]), float(said[3])
    iterations = done.count("iterations")
    assert iterations / 2 <= times <= iterations
    assert total <= done.result()["run"]["elapsed_s"] + 0.1  # one blocks at a time
    assert total / times >= 0.15 and longest >= 0.2
    log = (done.out.parent / "log").read_text()
    assert log.count('"kind":"generator"') >= 1 and '"cause":"script"' in log


def test_a_computation_that_blocks(rampa: Rampa, script: Script) -> None:
    """Its own processor time counts, not what the machine gave to others meanwhile. Short ones are not mentioned."""
    script(
        "import time\nimport rampa\n"
        "def compute(seconds):\n"
        "    end = time.thread_time() + seconds\n"
        "    while time.thread_time() < end: pass\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=4)\n'
        "async def long(worker):\n"
        "    await worker.sleep(0.1)\n"
        "    compute(0.2)\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=100)\n'
        "async def short(worker):\n"
        "    compute(0.001)\n"
        "    await worker.sleep(0.001)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    warnings = [warning["text"] for warning in done.result()["warnings"]]
    assert not any("'short'" in text for text in warnings), warnings
    sums = [
        (int(said[1]), float(said[2]))
        for text in warnings
        if (said := re.search(r"'long' blocked the event loop (\d+) times, for (\d+\.\d\d) s .* in compute;", text))
    ]
    assert 4 <= sum(times for times, _ in sums) <= 8, warnings  # of two lines perhaps
    assert sum(total for _, total in sums) <= 2.2


def test_one_short_block_is_neither_warned_of_nor_judged(rampa: Rampa, script: Script) -> None:
    script(
        "import time\nimport rampa\n"
        '@rampa.scenario(executor="constant-vus", vus=1, duration="1s")\n'
        "async def a(worker):\n"
        "    if worker.execution.iteration == 3:\n"
        "        time.sleep(0.1)\n"
        "    await worker.sleep(0.01)\n"
        "    worker.counter('done')\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    blocked = [text for text in warnings_of(done.result()) if "blocked the event loop" in text]
    # A machine that is busy makes others of it; then both say so.
    assert ("script" in reasons(done.result()["generator"])) <= bool(blocked), done.result()["generator"]


def test_a_worker_that_is_stopped_is_not_the_scripts_fault(start: Callable[..., Started]) -> None:
    run = start(
        "import os\nimport rampa\n"
        '@rampa.scenario(executor="constant-vus", vus=1, duration="4s")\n'
        "async def a(worker):\n"
        "    if worker.execution.iteration == 3:\n"
        '        print("started", os.getpid(), flush=True)\n'
        "    await worker.sleep(0.01)\n"
        "    worker.counter('done')\n"
    )
    pid = int(run.wait_for("started")[1])
    for _ in range(3):
        os.kill(pid, signal.SIGSTOP)
        assert not select.select([], [], [], 0.4)[0]  # as long as it is to stand still
        os.kill(pid, signal.SIGCONT)
        assert not select.select([], [], [], 0.2)[0]
    assert run.end() == 0
    result = run.result()
    assert "script" not in reasons(result["generator"]), result["generator"]
    assert not [text for text in warnings_of(result) if "blocked the event loop" in text]


# ---- processors ------------------------------------------------------------------------------------------------------

BUSY = """
import os, subprocess, sys
import rampa

HOG = "import os, time\\nos.sched_setaffinity(0, {{{cpu}}})\\nend = time.monotonic() + 60\\nwhile time.monotonic() < end: pass"
hogs = []

def setup(worker):
{setup}

def teardown():
    for hog in hogs:
        hog.kill()
        hog.wait()
{teardown}

@rampa.scenario(executor="constant-vus", vus=2, duration="4s", graceful_stop="1s")
async def scene(worker):
    sum(range(1000))
    await worker.sleep(0)
"""


def test_other_programs_have_the_processor(rampa: Rampa, script: Script) -> None:
    cpu = max(os.sched_getaffinity(0))
    beside = (
        f"    os.sched_setaffinity(0, {{{cpu}}})\n"
        "    os.nice(10)\n"
        "    hogs.append(subprocess.Popen([sys.executable, '-c', HOG], preexec_fn=lambda: os.nice(-10)))\n"
    )
    if os.geteuid() != 0:  # nobody else may be nicer again: start it first
        lines = beside.splitlines(keepends=True)
        beside = lines[2].replace(", preexec_fn=lambda: os.nice(-10)", "") + lines[0] + lines[1]
    script(BUSY.format(cpu=cpu, setup=beside, teardown=""))
    done = rampa("run", "script.py", "--strict", out=True)
    check_limited(done, "cpu_contention")
    assert re.search(r"waited for a processor for \d+ % of the time, because other programs had it: ", done.stdout.replace("\n  ", " "))


def groups() -> Iterator[tuple[Path, dict[str, str]]]:
    """Where a control group with a quota may be made, and what gives it a tenth of a processor."""
    yield Path("/sys/fs/cgroup/cpu"), {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "10000"}
    yield Path("/sys/fs/cgroup"), {"cpu.max": "10000 100000"}


@pytest.fixture
def group() -> Iterator[Path]:
    for parent, limits in groups():
        folder = parent / f"rampa-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            for name, text in limits.items():
                (folder / name).write_text(text)
        except OSError:
            folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    pytest.skip("no control group with a quota of processor time can be made here")


def test_a_quota(rampa: Rampa, script: Script, group: Path) -> None:
    enter, leave = (f"    open({str(folder / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n" for folder in (group, group.parent))
    script(BUSY.format(cpu=0, setup=enter, teardown=leave))
    done = rampa("run", "script.py", "--strict", out=True)
    check_limited(done, "cpu_quota")
    text = reasons(done.result()["generator"])["cpu_quota"]["text"]
    said = re.search(r"stopped by the CPU quota of its control group for (\d+) % of the time \((\d+) times\)", text)
    assert said and int(said[1]) >= 20 and int(said[2]) >= 1, text


# ---- descriptors and ports -------------------------------------------------------------------------------------------

CONNECTS = """
import rampa
@rampa.scenario(executor="per-vu-iterations", vus=100, iterations=1)
async def scene(worker):
    await worker.http.get("{url}/delay/500", raise_errors=False)
"""


def run_in(words: list[str], program: Path, tmp_path: Path, *more: str) -> Any:
    from finished import Finished

    out = tmp_path / "result.json"
    ours = {k: v for k, v in os.environ.items() if not k.startswith("RAMPA_") or k == "RAMPA_PYTHON"}
    done = subprocess.run(
        [*words, str(program), "run", "script.py", "--strict", "--out", str(out), *more],
        cwd=tmp_path,
        env={**ours, "NO_COLOR": "1"},
        timeout=120,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return Finished(done.returncode, done.stdout, done.stderr, out)


def check_warned(done: Any, part: str) -> None:
    """Before the run, and in the summary."""
    (text,) = [warning["text"] for warning in done.result()["warnings"] if part in warning["text"]]
    assert f"warning: {text}\n" in done.stderr


def test_few_file_descriptors(program: Path, script: Script, target: str, tmp_path: Path) -> None:
    script(CONNECTS.format(url=target))
    done = run_in(["sh", "-c", 'ulimit -n 60; exec "$@"', "sh"], program, tmp_path)
    check_limited(done, "file_descriptors")
    check_warned(done, "up to 100 VUs, but a worker may have 60 files open: ")
    text = reasons(done.result()["generator"])["file_descriptors"]["text"]
    said = re.match(r"the worker ran out of file descriptors (\d+) times: ", text)
    failed = [kind for kind in done.result()["errors"]["requests"] if kind["error_code"] == "1910"]
    assert said and failed and sum(kind["count"] for kind in failed) == int(said[1])


def test_descriptors_are_those_of_each_worker(program: Path, script: Script, target: str, tmp_path: Path) -> None:
    """Fifty VUs each are too many, too."""
    script(CONNECTS.format(url=target))
    done = run_in(["sh", "-c", 'ulimit -n 60; exec "$@"', "sh"], program, tmp_path, "--workers", "2")
    result = done.result()
    assert done.code == 8 and result["generator"]["verdict"] == "limited"
    found = reasons(result["generator"])["file_descriptors"]
    assert found["worker"] in (1, 2) and found["workers"] in (1, 2)
    assert re.match(r"worker [12](, as 2 of 2,| of 2) ran out of file descriptors \d+ times?: ", found["text"])
    check_warned(done, "up to 50 VUs in a worker, but a worker may have 60 files open: ")


def bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        up, running = 1, 64
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh22x", b"lo", up | running))  # SIOCSIFFLAGS


def inside(program: str) -> None:
    """In a network namespace of its own: a target, few ports, and a run. This file is the program, see below."""
    bring_up_loopback()
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("50000 50019")
    server = subprocess.Popen([program, "target", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found
        Path("script.py").write_text(CONNECTS.format(url=found[0].rstrip("/")))
        sys.exit(subprocess.run([program, *sys.argv[2:]], stdin=subprocess.DEVNULL).returncode)
    finally:
        server.kill()
        server.wait()


def test_few_local_ports(program: Path, tmp_path: Path) -> None:
    unshare = ["unshare", "-rn"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no network namespace can be made here")
    done = run_in([*unshare, sys.executable, __file__], program, tmp_path)
    check_limited(done, "local_ports")
    check_warned(done, "up to 100 VUs, but there are 20 local ports: ")
    failed = [kind for kind in done.result()["errors"]["requests"] if kind["error_code"] == "1911"]
    assert failed and sum(kind["count"] for kind in failed) <= 80 + 100  # some are tried again


def test_a_target_on_the_same_processor_is_named(program: Path, tmp_path: Path) -> None:
    """The first try of many: the demo server takes from the load what it needs."""
    core = {min(os.sched_getaffinity(0))}
    server = subprocess.Popen(
        [program, "target", "--port", "0"], stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, core)
    )
    try:
        assert server.stdout
        url = re.search(r"http://\S+", server.stdout.readline())
        assert url
        done = subprocess.run(
            [program, "run", url[0], "-u", "20", "-d", "3s", "--out", "result.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=lambda: os.sched_setaffinity(0, core),
        )
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stdout + done.stderr
    text = reasons(json.loads((tmp_path / "result.json").read_text())["generator"])["cpu_contention"]["text"]
    named = re.search(
        r"because other programs had it: .*; rampa target runs on this machine \(process \d+\): if it is the server of this "
        r"test, it takes processor time from the load, and 1 core is usable here",
        text,
    )
    assert named, text


# ---- --strict ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "env", "code"), [([], {}, 1), (["--strict"], {}, 8), ([], {"RAMPA_STRICT": "1"}, 8)])
def test_strict_takes_the_place_of_thresholds(
    rampa: Rampa, script: Script, words: list[str], env: dict[str, str], code: int
) -> None:
    script(
        "import time\nimport rampa\n"
        'config = rampa.Config(thresholds={"iterations": ["count<1"]})\n'
        '@rampa.scenario(executor="constant-vus", vus=1, duration="3s")\n'
        "async def scene(worker):\n"
        "    time.sleep(0.5)\n"
    )
    done = rampa("run", "script.py", *words, env=env, out=True, code=code)
    assert done.result()["generator"]["verdict"] == "limited"
    assert not done.result()["thresholds"][0]["passed"]


def test_strict_gives_way_to_other_failures(rampa: Rampa, script: Script) -> None:
    script(
        "import time\nimport rampa\n"
        '@rampa.scenario(executor="constant-vus", vus=1, duration="3s")\n'
        "async def scene(worker):\n"
        "    time.sleep(0.5)\n"
        "    1 / 0\n"
    )
    done = rampa("run", "script.py", "--strict", out=True, code=2)
    assert done.result()["generator"]["verdict"] == "limited"


if __name__ == "__main__":
    inside(sys.argv[1])
