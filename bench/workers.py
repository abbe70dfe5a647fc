# SPDX-License-Identifier: MIT
"""How much more several worker processes do than one, and how exactly they start together.

Two scenarios: one without any server, and one GET with 0.1 ms of Python for each answer, which costs the client many times
what it costs the server. One worker and several alternate. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report  # noqa: E402
from run import progress  # noqa: E402
from servers import Missing, Target, run_rampa  # noqa: E402

FOLDER = Path(__file__).resolve().parent
CASES = ("compute", "get")


@dataclass
class Sample:
    """One run."""

    case: str
    workers: int
    round: int
    iterations: int
    per_s: float
    cpu_us: float  # of all processes of rampa for each iteration
    server_us: float
    skew_ms: float  # between the starts of the first worker and the last


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench workers", description=__doc__.partition("\n")[0])
    parser.add_argument("case", nargs="*", help=f"only these, of {', '.join(CASES)}")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="compared with one")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--duration", type=int, default=5, metavar="S", help="seconds a run")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))
    options = parser.parse_args(argv)
    for name in options.case:
        if name not in CASES:
            parser.error(f"there is no case '{name}'; there are {', '.join(CASES)}")
    if min(options.rounds, options.duration) < 1 or options.workers < 2:
        parser.error("--rounds and --duration are at least 1, --workers at least 2")
    options.case = options.case or list(CASES)
    return options


def run_workers(options: argparse.Namespace, workers: int, url: str, scratch: Path) -> tuple[dict, float]:
    """The result file, and the processor time of all its processes."""
    out = scratch / "result.json"
    argv = [options.rampa, "run", str(FOLDER / "workers_load.py"), "--quiet", "--out", str(out), "--workers", str(workers)]
    env = os.environ | {"RAMPA_BENCH_URL": url, "RAMPA_BENCH_DURATION": str(options.duration)}
    usage, _ = run_rampa(argv, scratch / "said", env=env)
    return json.loads(out.read_text()), usage.ru_utime + usage.ru_stime


def measure(
    options: argparse.Namespace, case: str, workers: int, round_: int, server: Target | None, scratch: Path
) -> Sample:
    before = server.cpu_seconds() if server else 0
    result, cpu = run_workers(options, workers, server.url if server else "", scratch)
    server_cpu = (server.cpu_seconds() if server else 0) - before
    iterations = int(result["summary"]["metrics"]["iterations"]["count"])
    if not iterations:
        raise Missing("rampa ran no iteration")
    late = [worker["started_late_ms"] for worker in result["workers"]]
    return Sample(
        case, workers, round_, iterations, iterations / result["run"]["elapsed_s"], cpu * 1e6 / iterations,
        server_cpu * 1e6 / iterations, max(late) - min(late),
    )  # fmt: skip


def run_rounds(options: argparse.Namespace) -> list[Sample]:
    samples: list[Sample] = []
    counts = [1, options.workers]
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rampa-bench-")))
        server = None
        if "get" in options.case:
            server = Target(None, f"{options.rampa} target --port 0")
            stack.callback(server.stop)
        for round_ in range(options.rounds):
            for case in options.case:
                for workers in counts:
                    progress(f"round {round_ + 1}/{options.rounds}: {case}, {workers} workers")
                    used = server if case == "get" else None
                    samples.append(measure(options, case, workers, round_, used, scratch))
            counts.reverse()
    progress("")
    return samples


def gains(samples: list[Sample], case: str, workers: int) -> tuple[list[float], list[float]]:
    """Several workers by one of the same round: iterations a second as they were, and as cores of their own would allow.

    The second counts processor time: twice the workers do twice the work when an iteration costs them no more.
    """
    ones = {s.round: s for s in samples if (s.case, s.workers) == (case, 1)}
    pairs = [(s, ones[s.round]) for s in samples if (s.case, s.workers) == (case, workers) and s.round in ones]
    return [s.per_s / one.per_s for s, one in pairs], [workers * one.cpu_us / s.cpu_us for s, one in pairs]


def print_table(options: argparse.Namespace, samples: list[Sample]) -> None:
    print(
        f"medians of {options.rounds} alternating rounds of {options.duration} s (min..max)\n\n"
        f"  {'case':<8} {'workers':>7} {'iterations/s':>30} {'us of CPU each':>22} {'server us':>9} {'start skew us':>26}"
    )
    for case in options.case:
        for workers in (1, options.workers):
            mine = [s for s in samples if (s.case, s.workers) == (case, workers)]
            skew = report.spread([s.skew_ms * 1e3 for s in mine], 1) if workers > 1 else "-"
            print(
                f"  {case:<8} {workers:>7} {report.spread([s.per_s for s in mine], 0):>30} "
                f"{report.spread([s.cpu_us for s in mine]):>22} "
                f"{statistics.median(s.server_us for s in mine):>9.2f} {skew:>26}"
            )
    print(f"\n  {options.workers} workers against one, of the same round")
    for case in options.case:
        wall, cpu = gains(samples, case, options.workers)
        print(f"  {case:<8} {report.spread(wall)} of the work; by processor time {report.spread(cpu)}")


def measures_of(options: argparse.Namespace, samples: list[Sample]) -> report.Measures:
    measures: report.Measures = {}
    for s in samples:
        report.add(measures, f"{s.case}, {s.workers} workers: us/iteration", "us", True, s.cpu_us)
        if s.workers > 1:
            report.add(measures, f"{s.case}, {s.workers} workers: start skew", "ms", True, s.skew_ms)
    for case in options.case:
        wall, cpu = gains(samples, case, options.workers)
        for one, other in zip(wall, cpu):
            report.add(measures, f"{case}: gain", "", False, one)
            report.add(measures, f"{case}: gain by processor time", "", False, other)
    return measures


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    about = report.machine()
    before = report.Ticks.now()
    try:
        samples = run_rounds(options)
    except Missing as error:
        progress("")
        print(f"error: {error}", file=sys.stderr)
        return 1
    ours = sum(s.iterations * (s.cpu_us + s.server_us) for s in samples) / 1e6
    about |= report.disturbance(before, ours)
    print(report.machine_line(about))
    print_table(options, samples)
    if options.json:
        settings = {key: getattr(options, key) for key in ("workers", "rounds", "duration")}
        rows = [asdict(s) for s in samples]
        report.write(options.json, "workers", options.rampa, about, settings, rows, measures_of(options, samples))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
