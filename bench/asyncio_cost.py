# SPDX-License-Identifier: MIT
"""CPU per await of what asyncio offers: in plain asyncio, in uvloop, and in a VU of rampa. See docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from asyncio_work import WORK, Meter  # noqa: E402
import report  # noqa: E402
from run import QUIET, progress  # noqa: E402
from servers import Missing, Target  # noqa: E402

LOOPS = ("asyncio", "uvloop", "rampa", "rampa-epoll")
REFERENCE = "asyncio"
NATIVE = ("worker.sleep(0)", "worker.http.get()", "an iteration")


def parse_options(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench asyncio", description=__doc__.partition(".")[0])
    parser.add_argument("--users", type=int, action="append", metavar="N", help="at the same time; 1 and 64 by default")
    parser.add_argument("--times", type=int, default=100_000, metavar="N", help="awaits of each kind, of all users")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--core", type=int, default=0, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--rampa", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")), help=argparse.SUPPRESS)
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    options.users = options.users or [1, 64]
    if min(*options.users, options.rounds, options.times) < 1:
        parser.error("--users, --rounds and --times are at least 1")
    return options


# ---- in a process of its own ------------------------------------------------------------------------------------------


def inside(loop: str, users: int, times: int) -> None:
    """All of the work in one loop; microseconds an await to standard output."""
    import asyncio

    factory = asyncio.new_event_loop
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop

    async def main() -> Meter:
        meter = Meter(users, times)
        await asyncio.gather(*(meter.measure_all() for _ in range(users)))
        return meter

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main()).tell()


# ---- rounds -----------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """What is measured where; costs[users][loop][name] are microseconds, one of each round."""

    options: argparse.Namespace
    loops: list[str]
    url: str
    server: Target
    costs: dict[int, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    cpu_s: float = 0.0

    def run_rounds(self) -> None:
        order = list(self.loops)
        for round_ in range(self.options.rounds):
            for users in self.options.users:
                for loop in order:
                    progress(f"round {round_ + 1}/{self.options.rounds}: {loop}, {users} at a time")
                    self.measure(loop, users)
            order = order[1:] + order[:1]
        progress("")

    def measure(self, loop: str, users: int) -> None:
        if loop in ("asyncio", "uvloop"):
            words = [sys.executable, str(FOLDER / "asyncio_cost.py"), "--inside", loop, str(users), str(self.options.times)]
            self.note(loop, users, self.run(words, {"RAMPA_BENCH_URL": self.url}))
            return
        words = [self.options.rampa, "run", str(FOLDER / "asyncio_vu.py"), "--quiet"]
        for what in ("awaits", "iterations"):
            settings = {
                "RAMPA_BENCH_USERS": str(users),
                "RAMPA_BENCH_TIMES": str(self.options.times),
                "RAMPA_BENCH_URL": self.url,
                "RAMPA_BENCH_WHAT": what,
                **({"RAMPA_LOOP": "epoll"} if loop == "rampa-epoll" else {}),
            }
            self.note(loop, users, self.run(words, settings))

    def run(self, words: list[str], settings: dict[str, str]) -> str:
        if self.options.core in os.sched_getaffinity(0) and len(os.sched_getaffinity(0)) > 1:
            words = ["taskset", "-c", str(self.options.core), *words]
        before = os.times()
        server = self.server.cpu_seconds()
        done = subprocess.run(words, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
        after = os.times()
        self.cpu_s += sum(after[2:4]) - sum(before[2:4]) + self.server.cpu_seconds() - server
        if done.returncode:
            sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def note(self, loop: str, users: int, out: str) -> None:
        for name, cost in json.loads(out.splitlines()[-1]).items():
            self.costs.setdefault(users, {}).setdefault(loop, {}).setdefault(name, []).append(cost)


# ---- results ----------------------------------------------------------------------------------------------------------


def cell(costs: dict[str, dict[str, list[float]]], loop: str, name: str) -> str:
    """The median, and its ratio to the reference of the same round."""
    mine = costs.get(loop, {}).get(name)
    if not mine:
        return "-"
    text = f"{statistics.median(mine):.2f}"
    theirs = costs[REFERENCE].get(name)
    if loop != REFERENCE and theirs:
        text += f" ({statistics.median(a / b for a, b in zip(mine, theirs)):.2f})"
    return text


def print_table(bench: Bench, users: int) -> None:
    costs = bench.costs[users]
    print(f"\n{users} at a time: us an await (of that of {REFERENCE} in the same round)")
    print(f"  {'':<33}" + "".join(f"{loop:>15}" for loop in bench.loops))
    for name in [*WORK, *NATIVE]:
        print(f"  {name:<33}" + "".join(f"{cell(costs, loop, name):>15}" for loop in bench.loops))


def write_json(bench: Bench, about: dict) -> None:
    """Each cost, and its ratio to the reference in the same round."""
    options = bench.options
    measures: report.Measures = {}
    rows = []
    for users, loops in bench.costs.items():
        for loop, costs in loops.items():
            for name, found in costs.items():
                what = f"{loop}, {users} at a time: {name}"
                measures[what] = report.Measure("us", True, found)
                if loop != REFERENCE and (theirs := loops[REFERENCE].get(name)):
                    measures[f"{what}, of {REFERENCE}"] = report.Measure("", True, [a / b for a, b in zip(found, theirs) if b])
                rows.append({"users": users, "loop": loop, "name": name, "us": found})
    settings = {key: getattr(options, key) for key in ("times", "rounds", "core")}
    report.write(options.json, "asyncio", options.rampa, about, settings, rows, measures)


def main() -> None:
    options = parse_options()
    if options.inside:
        inside(options.inside[0], int(options.inside[1]), int(options.inside[2]))
        return
    loops = [loop for loop in LOOPS if loop != "uvloop" or importlib.util.find_spec("uvloop")]
    if "uvloop" not in loops:
        print("skipped uvloop: it is not installed (python3-uvloop)", file=sys.stderr)
    about, before = report.machine(), report.Ticks.now()
    cores = os.sched_getaffinity(0)
    try:
        server = Target(max(cores) if len(cores) > 1 else None, f"{options.rampa} target --port 0")
    except Missing as error:
        sys.exit(f"no server: {error}")
    bench = Bench(options, loops, server.url, server)
    try:
        bench.run_rounds()
    finally:
        server.stop()
    about |= report.disturbance(before, bench.cpu_s)
    print(
        f"{report.machine_line(about)}\n"
        f"Python {sys.version.split()[0]}, medians of {options.rounds} alternating rounds of {options.times:,} awaits"
    )
    if about["others"] + about["stolen"] > QUIET:
        print("warning: the machine was not quiet; compare the ratios, not the microseconds")
    for users in options.users:
        print_table(bench, users)
    if options.json:
        write_json(bench, about)


if __name__ == "__main__":
    main()
