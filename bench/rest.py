# SPDX-License-Identifier: MIT
"""What a VU costs that only waits, and how long a run takes to begin its first iteration.

Bytes and time of many VUs that fall asleep (bench/asleep.py), beside as many tasks of plain asyncio; then the start of a
run with one VU, and what of it is the interpreter's and asyncio's. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report  # noqa: E402

FOLDER = Path(__file__).resolve().parent
PYTHON = os.environ.get("RAMPA_PYTHON") or "/usr/bin/python3"
ASYNCIO = """
import asyncio, json, os, time
VUS = int(os.environ["RAMPA_BENCH_VUS"])

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def sleeper():
    await asyncio.sleep(86400)

async def main():
    before = resident(), time.process_time(), time.monotonic()
    tasks = [asyncio.create_task(sleeper()) for _ in range(VUS)]
    made = time.monotonic()
    await asyncio.sleep(0)
    cpu = (time.process_time() - before[1]) / VUS
    figures = {"bytes": (resident() - before[0]) / VUS, "cpu": cpu, "made": made - before[2], "begun": time.monotonic() - made}
    print(json.dumps(figures), flush=True)
    os._exit(0)

asyncio.run(main())
"""


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench rest", description=__doc__.partition("\n")[0])
    parser.add_argument("--vus", type=int, default=100_000, metavar="N")
    parser.add_argument("--starts", type=int, default=15, metavar="N", help="how often the start is measured")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often VUs fall asleep")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--python-path", metavar="FOLDER", help="where the package is that --rampa runs")
    parser.add_argument(
        "--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(FOLDER.parent / "build/rampa"))
    )
    options = parser.parse_args(argv)
    if min(options.vus, options.starts, options.rounds) < 1:
        parser.error("--vus, --starts and --rounds are at least 1")
    options.python_path = options.python_path or str(Path(options.rampa).resolve().parent / "python")
    return options


def figures_of(text: str) -> dict[str, float]:
    """The line of JSON among what a run has printed."""
    for line in text.splitlines():
        if line.startswith("{"):
            return json.loads(line)
    raise SystemExit(f"error: a run said nothing of itself: {text.strip()[-500:]}")


def asleep(options: argparse.Namespace, vus: int, sleep: str) -> dict[str, float]:
    """Of `vus` VUs in worker.sleep() ("worker"), in asyncio.sleep() ("asyncio"), or of plain tasks ("tasks")."""
    env = os.environ | {"RAMPA_BENCH_VUS": str(vus), "RAMPA_BENCH_SLEEP": sleep}
    argv = [options.rampa, "run", str(FOLDER / "asleep.py"), "--quiet"]
    if sleep == "tasks":
        argv = [PYTHON, "-c", ASYNCIO]
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return figures_of(done.stdout or done.stderr)


ASLEEP_IN = (("worker.sleep()", "worker"), ("asyncio.sleep()", "asyncio"), ("(a task of plain asyncio)", "tasks"))


def measure_asleep(options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {label: [] for label, _ in ASLEEP_IN}
    for _ in range(options.rounds):
        for label, sleep in ASLEEP_IN:
            found[label].append(asleep(options, options.vus, sleep))
    return found


def print_asleep(options: argparse.Namespace, found: dict[str, list[dict[str, float]]]) -> None:
    print(
        f"{options.vus:,} VUs asleep, medians of {options.rounds} rounds (min..max)\n"
        f"  {'in':<25} {'bytes each':>22} {'made in s':>18} {'all asleep':>18} {'us of CPU each':>20}"
    )
    for label, rows in found.items():
        ended = [row["made"] + row["begun"] for row in rows]
        print(
            f"  {label:<25} {report.spread([row['bytes'] for row in rows], 0):>22} "
            f"{report.spread([row['made'] for row in rows]):>18} {report.spread(ended):>18} "
            f"{report.spread([row['cpu'] * 1e6 for row in rows]):>20}"
        )


def seconds_of(argv: list[str], env: dict[str, str]) -> float:
    begin = time.monotonic()
    subprocess.run(argv, env=env, check=True)
    return time.monotonic() - begin


def first_iteration(options: argparse.Namespace) -> float:
    begin = time.monotonic()
    return asleep(options, 1, "worker")["first"] - begin


def measure_start(options: argparse.Namespace) -> dict[str, list[float]]:
    env = os.environ | {"PYTHONPATH": options.python_path}
    steps = (
        ("the interpreter", lambda: seconds_of([PYTHON, "-c", "pass"], env)),
        ("and asyncio", lambda: seconds_of([PYTHON, "-c", "import asyncio"], env)),
        ("and rampa", lambda: seconds_of([PYTHON, "-c", "import rampa._worker"], env)),
        ("to the first iteration", lambda: first_iteration(options)),
    )
    samples: dict[str, list[float]] = {label: [] for label, _ in steps}
    for _ in range(options.starts):
        for label, measure in steps:
            samples[label].append(measure())
    return samples


def print_start(options: argparse.Namespace, samples: dict[str, list[float]]) -> None:
    print(f"\nstart, {options.starts} times (ms)\n  {'':<24} {'median':>10} {'lowest':>10}")
    for label, found in samples.items():
        print(f"  {label:<24} {statistics.median(found) * 1e3:>10.1f} {min(found) * 1e3:>10.1f}")


def measures_of(sleeps: dict[str, list[dict[str, float]]], starts: dict[str, list[float]]) -> report.Measures:
    measures: report.Measures = {}
    for label, rows in sleeps.items():
        for row in rows:
            report.add(measures, f"{label}: bytes each", "bytes", True, row["bytes"])
            report.add(measures, f"{label}: all asleep", "s", True, row["made"] + row["begun"])
            report.add(measures, f"{label}: processor time each", "us", True, row["cpu"] * 1e6)
    for label, times in starts.items():
        for seconds in times:
            report.add(measures, f"start, {label}", "ms", True, seconds * 1e3)
    return measures


def main(argv: Sequence[str] | None = None) -> None:
    options = parse_options(argv)
    about = report.machine()
    before = report.Ticks.now()
    sleeps, starts = measure_asleep(options), measure_start(options)
    about |= report.disturbance(before, 0)
    print(f"{report.machine_line(about)} (ours are among them)")
    print_asleep(options, sleeps)
    print_start(options, starts)
    if options.json:
        settings = {key: getattr(options, key) for key in ("vus", "starts", "rounds")}
        rows = [{"in": label, **row} for label, found in sleeps.items() for row in found]
        report.write(options.json, "rest", options.rampa, about, settings, rows, measures_of(sleeps, starts))


if __name__ == "__main__":
    main(sys.argv[1:])
