# SPDX-License-Identifier: MIT
"""rampa beside other clients of one protocol: the same server (`rampa target`), the same connections, alternating rounds, and the
processor time of the client for each message or call. What the benchmarks of WebSockets and of gRPC share."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import clients
import report
from run import progress
from servers import Missing, Target

REFERENCE = "rampa"


@dataclass
class Sample:
    """One client in one round. CPU in microseconds for each of what is counted."""

    client: str
    round: int
    count: int
    failed: int
    client_us: float
    busy: float  # share of its core
    server_us: float


def add_options(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    parser.add_argument("--client", choices=list(names), action="append", help="only this")
    parser.add_argument("--connections", type=int, default=64, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--duration", type=int, default=5, metavar="S", help="seconds a client a round")
    parser.add_argument(
        "--less", type=int, default=0, metavar="S", help="run each client for S seconds too, and take that off: its start (0: do not)"
    )
    parser.add_argument("--client-core", type=int, default=0, metavar="N")
    parser.add_argument("--server-core", type=int, default=1, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))


def check(parser: argparse.ArgumentParser, options: argparse.Namespace, names: Sequence[str]) -> None:
    if min(options.rounds, options.duration, options.connections) < 1:
        parser.error("--rounds, --duration and --connections are at least 1")
    if not 0 <= options.less < options.duration:
        parser.error("--less is shorter than --duration")
    options.client = options.client or list(names)


def installed(known: dict[str, clients.Client], names: list[str]) -> list[str]:
    there = []
    for name in names:
        try:
            if install := known[name].install:
                install()
            there.append(name)
        except Missing as error:
            print(f"skipped {name}: {error}", file=sys.stderr)
    return there


def measure(options: argparse.Namespace, client: clients.Client, url: str, server: Target, round_: int, scratch: Path) -> Sample:
    runs = []
    for seconds in filter(None, (options.duration, options.less)):
        before = server.cpu_seconds()
        run = clients.run(client, clients.Load(url, options.connections, seconds, scratch, options.rampa), options.client_core)
        runs.append((run, server.cpu_seconds() - before))
    (run, server_cpu), off = runs[0], runs[1:]
    count = run.requests - sum(less.requests for less, _ in off)
    if count <= 0:
        raise Missing(f"{client.name} has done no more in {options.duration} s than in {options.less} s: a longer run is needed")
    return Sample(
        client=client.name,
        round=round_,
        count=count,
        failed=run.failed,
        client_us=(run.cpu - sum(less.cpu for less, _ in off)) * 1e6 / count,
        busy=run.cpu / run.elapsed,
        server_us=(server_cpu - sum(cpu for _, cpu in off)) * 1e6 / count,
    )


def run_rounds(
    options: argparse.Namespace, known: dict[str, clients.Client], names: list[str], url: str, server: Target, scratch: Path
) -> list[Sample]:
    samples: list[Sample] = []
    for round_ in range(options.rounds):
        for name in names:
            progress(f"round {round_ + 1}/{options.rounds}: {name}")
            samples.append(measure(options, known[name], url, server, round_, scratch))
        names = names[1:] + names[:1]
    progress("")
    return samples


def ratios(samples: list[Sample], client: str) -> list[float]:
    """rampa's CPU by that of the client in the same round."""
    ours = {s.round: s.client_us for s in samples if s.client == REFERENCE}
    return [ours[s.round] / s.client_us for s in samples if s.client == client and s.round in ours]


def print_table(names: Sequence[str], samples: list[Sample], unit: str) -> None:
    print(f"  {'client':<12} {f'client us/{unit}':>24} {'rampa by it':>20} {'busy':>5}   {f'server us/{unit}':>20}")
    for client in names:
        mine = [s for s in samples if s.client == client]
        if not mine:
            continue
        rounds = [] if client == REFERENCE else ratios(samples, client)
        ratio = report.spread(rounds) if rounds else ""
        print(
            f"  {client:<12} {report.spread([s.client_us for s in mine]):>24} {ratio:>20} "
            f"{statistics.median(s.busy for s in mine):>5.0%}   {report.spread([s.server_us for s in mine]):>20}"
        )
        failed = sum(s.failed for s in mine)
        if failed:
            print(f"  {'':<12} {failed:,} of what it did has failed: its numbers mean little")


def measures_of(samples: list[Sample], unit: str) -> report.Measures:
    measures: report.Measures = {}
    for s in samples:
        report.add(measures, f"{s.client}: us/{unit}", "us", True, s.client_us)
    for client in sorted({s.client for s in samples} - {REFERENCE}):
        for ratio in ratios(samples, client):
            report.add(measures, f"rampa by {client}", "", True, ratio)
    return measures


def tell(options: argparse.Namespace, names: Sequence[str], samples: list[Sample], unit: str, what: str, item: str, before: report.Ticks) -> int:
    """Prints the table, and writes the file. @what: the load, for people; @item: the name of the benchmark."""
    if not samples:
        print("nothing was measured", file=sys.stderr)
        return 1
    about = report.machine()
    about |= report.disturbance(before, sum(s.count * (s.client_us + s.server_us) for s in samples) / 1e6)
    print(f"{report.machine_line(about)}\nmedians of {options.rounds} alternating rounds of {options.duration} s (min..max)")
    print(f"\n{what}")
    print_table(names, samples, unit)
    if options.json:
        keys = ("connections", "bytes", "rounds", "duration", "less", "client_core", "server_core")
        settings = {key: getattr(options, key) for key in keys}
        report.write(options.json, item, options.rampa, about, settings, [asdict(s) for s in samples], measures_of(samples, unit))
    return 0
