# SPDX-License-Identifier: MIT
"""How late iterations begin that are due at a rate, and what waiting for them costs, with and without the spin.

First the event loop alone (bench/lateness_bench.c), then whole runs with a Python script (bench/arrivals.py). The cases
alternate, so that what the machine does meanwhile meets all of them. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report  # noqa: E402
import run  # noqa: E402
from servers import Missing, Target, pin_to, run_rampa  # noqa: E402

FOLDER = Path(__file__).resolve().parent
LOOPS = {"io_uring": "io_uring", "epoll": "epoll"}
MODES = {"spin": [], "no spin": ["--no-spin"]}


@dataclass
class Sample:
    """One run. Lateness in microseconds; CPU of all processes, their start included, as a share of one core."""

    loop: str
    mode: str
    round: int
    iterations: int
    dropped: int
    p50: float
    p99: float
    max: float
    core: float


def parse_options(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench lateness", description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=int, default=10_000, metavar="N", help="iterations a second")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--duration", type=int, default=5, metavar="S", help="seconds a case a round")
    parser.add_argument("--get", action="store_true", help="every iteration is one GET of 'rampa target'")
    parser.add_argument("--loop", choices=LOOPS, action="append", help="only this")
    parser.add_argument("--client-core", type=int, default=0, metavar="N")
    parser.add_argument("--server-core", type=int, default=1, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write all samples there")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))
    options = parser.parse_args(argv)
    if min(options.rate, options.rounds, options.duration) < 1:
        parser.error("--rate, --rounds and --duration are at least 1")
    options.loop = options.loop or list(LOOPS)
    return options


def measure_loop(options: argparse.Namespace) -> None:
    """The loop alone, with a program of the build that `rampa` is of."""
    program = "tests/unit/loop/lateness_bench"
    build = Path(options.rampa).resolve().parent
    try:
        subprocess.run(["ninja", "-C", build, program], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped the loop alone: {build} builds no {program} ({error})", file=sys.stderr)
        return
    seconds = options.rounds * options.duration
    only = ["-l", options.loop[0]] if len(options.loop) == 1 else []
    print(f"\nthe loop alone, {options.rate:,} deadlines/s (lateness in us)", flush=True)
    subprocess.run(
        [build / program, "-r", str(options.rate), "-s", str(seconds), *only],
        check=True, preexec_fn=pin_to(options.client_core),
    )  # fmt: skip


def measure(options: argparse.Namespace, url: str, out: Path, loop: str, mode: str, round_: int) -> Sample:
    env = os.environ | {
        "RAMPA_LOOP": loop,
        "RAMPA_BENCH_URL": url,
        "RAMPA_BENCH_RATE": str(options.rate),
        "RAMPA_BENCH_DURATION": str(options.duration),
    }
    argv = [options.rampa, "run", str(FOLDER / "arrivals.py"), "--quiet", "--out", str(out), *MODES[mode]]
    usage, _ = run_rampa(argv, out.with_suffix(".err"), env=env, preexec_fn=pin_to(options.client_core))
    result = json.loads(out.read_text())
    metrics = result["summary"]["metrics"]
    late = metrics["iteration_lateness"]
    return Sample(
        loop=loop,
        mode=mode,
        round=round_,
        iterations=metrics["iterations"]["count"],
        dropped=metrics.get("dropped_iterations", {}).get("count", 0),
        p50=late["med"] * 1e3,
        p99=late["p(99)"] * 1e3,
        max=late["max"] * 1e3,
        core=(usage.ru_utime + usage.ru_stime) / result["run"]["elapsed_s"],
    )


def run_rounds(options: argparse.Namespace) -> list[Sample]:
    samples: list[Sample] = []
    cases = list(itertools.product(options.loop, MODES))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rampa-bench-")))
        url = ""
        if options.get:
            target = Target(options.server_core, f"{options.rampa} target --port 0")
            stack.callback(target.stop)
            url = target.url
        for round_ in range(options.rounds):
            for loop, mode in cases:
                run.progress(f"round {round_ + 1}/{options.rounds}: {loop}, {mode}")
                samples.append(measure(options, url, scratch / "result.json", loop, mode, round_))
            cases = cases[1:] + cases[:1]
    run.progress("")
    return samples


def print_table(options: argparse.Namespace, samples: list[Sample]) -> None:
    what = "one GET each" if options.get else "empty"
    print(
        f"\nrampa, {options.rate:,} iterations/s, {what}; medians of {options.rounds} rounds of "
        f"{options.duration} s (min..max), lateness in us\n"
        f"  {'loop':<9} {'mode':<8} {'p50':>24} {'p99':>26} {'max':>9} {'core':>6} {'dropped':>8}"
    )
    for loop, mode in itertools.product(options.loop, MODES):
        mine = [s for s in samples if (s.loop, s.mode) == (loop, mode)]
        print(
            f"  {loop:<9} {mode:<8} {run.spread([s.p50 for s in mine]):>24} {run.spread([s.p99 for s in mine]):>26} "
            f"{max(s.max for s in mine):>9.1f} {statistics.median(s.core for s in mine):>6.0%} "
            f"{sum(s.dropped for s in mine):>8,}"
        )


def write_json(options: argparse.Namespace, about: dict, samples: list[Sample]) -> None:
    measures: report.Measures = {}
    for s in samples:
        name = f"{s.loop}, {s.mode}"
        report.add(measures, f"{name}: p50", "us", True, s.p50)
        report.add(measures, f"{name}: p99", "us", True, s.p99)
        report.add(measures, f"{name}: core", "", True, s.core)
    settings = {key: getattr(options, key) for key in ("rate", "rounds", "duration", "get")}
    rows = [asdict(s) for s in samples]
    report.write(options.json, "lateness", options.rampa, about, settings, rows, measures)


def main() -> int:
    options = parse_options()
    run.choose_cores(options)
    about = report.machine()
    before = report.Ticks.now()
    measure_loop(options)
    try:
        samples = run_rounds(options)
    except Missing as error:
        run.progress("")
        print(f"the whole runs: {error}", file=sys.stderr)
        return 1
    about |= report.disturbance(before, 0)
    print_table(options, samples)
    print(f"\n{report.machine_line(about)} (ours are among them)")
    if options.json:
        write_json(options, about, samples)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
