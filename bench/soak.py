# SPDX-License-Identifier: MIT
"""Whether a long run at full rate keeps its memory and its open files: what `./dev soak` does.

The script bench/soak_load.py loads `rampa target` in two parts of the same length: a plain run, and one with an event log
and live progress. Once a second the resident memory and the open descriptors of the program and of its worker are read from
/proc. The first minute does not count: in it the series, their histograms and the connections are made.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report  # noqa: E402
from run import progress  # noqa: E402
from servers import Missing, Target  # noqa: E402

FOLDER = Path(__file__).resolve().parent
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") / 1024
PARTS = ("plain", "live")
BLOCKS = 60

# What may be added after the first minute. The program keeps a point of 64 bytes for each second and metric of the time
# series in the result file, some 80 KiB a minute for the metrics of this script, until it merges points after 10 minutes.
# The rest is for a step of an array or of the C library's heap. In a run of 10 minutes all of it is 185 KiB a minute, less
# than a byte for each request at 5,000 requests a second: a leak of 16 bytes in every 20th request is seen.
ALLOWED_KIB = 512
ALLOWED_KIB_PER_MINUTE = 128


@dataclass
class Seen:
    """One process: when it was looked at, in seconds since the run began, and what it had then."""

    at: list[float] = field(default_factory=list)
    kib: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)


@dataclass
class Verdict:
    """On one process, after its first minute."""

    minutes: float
    first_kib: float
    last_kib: float
    kib_per_minute: float
    growth_kib: float
    allowed_kib: float
    descriptors: tuple[int, int]  # fewest and most

    @property
    def complaints(self) -> list[str]:
        found = []
        if self.growth_kib > self.allowed_kib:
            found.append("the memory grows")
        if self.descriptors[0] != self.descriptors[1]:
            found.append("the number of open descriptors changes")
        return found


def blocks(values: Sequence[float]) -> list[float]:
    """Medians of at most 60 blocks: what was there for a moment only has no influence."""
    size = max(3, -(-len(values) // BLOCKS))  # of three values an odd one is not the median
    return [statistics.median_low(values[i : i + size]) for i in range(0, len(values) - size + 1, size)]


def slope(at: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes between all pairs (Theil-Sen), on which peaks and noise have little influence."""
    slopes = [
        (values[j] - values[i]) / (at[j] - at[i]) for i in range(len(at)) for j in range(i + 1, len(at)) if at[j] > at[i]
    ]
    return statistics.median(slopes) if slopes else 0.0


def rise(values: Sequence[float]) -> float:
    """From the first fifth to the last one: also a single step, as of an array that doubles, which is no trend yet."""
    fifth = -(-len(values) // 5)
    return statistics.median(values[-fifth:]) - statistics.median(values[:fifth])


def judge(seen: Seen, warm_up_s: float) -> Verdict:
    """The growth is what the slope comes to over the whole time, or the rise, whichever is more."""
    first = next((i for i, at in enumerate(seen.at) if at >= warm_up_s), len(seen.at))
    at, kib, descriptors = blocks(seen.at[first:]), blocks(seen.kib[first:]), blocks(seen.descriptors[first:])
    if len(at) < 2:
        raise Missing(f"the run was looked at {len(seen.at) - first} times after its first {warm_up_s:g} s: too few")
    minutes = (seen.at[-1] - seen.at[first]) / 60
    per_minute = slope(at, kib) * 60
    return Verdict(
        minutes, kib[0], kib[-1], per_minute, max(per_minute * minutes, rise(kib)),
        ALLOWED_KIB + ALLOWED_KIB_PER_MINUTE * minutes, (int(min(descriptors)), int(max(descriptors))),
    )  # fmt: skip


def children(pid: int) -> list[int]:
    return [int(word) for task in Path(f"/proc/{pid}/task").glob("*/children") for word in task.read_text().split()]


def look(pid: int, at: float, found: dict[int, Seen]) -> None:
    """At a process and its children. One that is ending has no memory any more, and is left out."""
    for process in (pid, *children(pid)):
        kib = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_KIB
        descriptors = len(os.listdir(f"/proc/{process}/fd"))
        if kib:
            seen = found.setdefault(process, Seen())
            seen.at.append(at)
            seen.kib.append(kib)
            seen.descriptors.append(descriptors)


def watch(options: argparse.Namespace, part: str, url: str, scratch: Path) -> tuple[dict[str, Seen], float]:
    """What was seen of the program and its worker while the script ran, and the requests a second."""
    out, said_path = scratch / "result.json", scratch / "said"
    argv = [options.rampa, "run", str(FOLDER / "soak_load.py"), "--quiet", "--out", str(out)]
    if part == "live":
        argv += ["--event-log", str(scratch / "events.jsonl"), "--progress"]
    seconds = options.minutes * 60
    env = os.environ | {"RAMPA_BENCH_URL": url, "RAMPA_BENCH_DURATION": f"{seconds:g}"}
    found: dict[int, Seen] = {}
    with open(said_path, "w") as said:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env)
    begin = time.monotonic()
    try:
        while process.poll() is None:
            at = time.monotonic() - begin
            if at < seconds:  # afterwards the result is made and written
                progress(f"{part}: {at:.0f} of {seconds:.0f} s")
                try:
                    look(process.pid, at, found)
                except (OSError, IndexError):  # a process has ended meanwhile
                    pass
            time.sleep(options.every)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        progress("")
    if process.returncode:
        lines = said_path.read_text(errors="replace").splitlines()[-3:]
        raise Missing(f"rampa ended with code {process.returncode}: {' | '.join(lines)}")
    result = json.loads(out.read_text())
    metrics = result["summary"]["metrics"]
    if not metrics["http_reqs"]["count"] or metrics["http_req_failed"]["rate"]:
        raise Missing("requests failed, or there was none: the run says nothing about one at full rate")
    names = ["program", *(f"worker {i + 1}" for i in range(len(found) - 1))]
    seen = {name: found[pid] for name, pid in zip(names, [process.pid, *sorted(set(found) - {process.pid})])}
    return seen, metrics["http_reqs"]["count"] / result["run"]["elapsed_s"]


def print_verdict(part: str, name: str, verdict: Verdict) -> bool:
    """Whether there was nothing to complain of."""
    fewest, most = verdict.descriptors
    complaints = verdict.complaints
    print(
        f"  {part:<6} {name:<9} {verdict.first_kib:>10,.0f} {verdict.last_kib:>10,.0f} {verdict.kib_per_minute:>11,.1f}"
        f" {verdict.growth_kib:>10,.0f} {verdict.allowed_kib:>11,.0f}"
        f" {fewest if fewest == most else f'{fewest} to {most}':>12}  {' and '.join(complaints) or 'steady'}",
        flush=True,
    )
    return not complaints


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__.partition("\n")[0])
    parser.add_argument("minutes", nargs="?", type=float, default=10, metavar="MINUTES", help="of each part (10)")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one: plain, or live with event log and progress")
    parser.add_argument("--warm-up", type=float, default=60, metavar="S", help="seconds at the beginning that do not count (60)")
    parser.add_argument("--every", type=float, default=1, metavar="S", help="seconds from one look to the next (1)")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))
    options = parser.parse_args(argv)
    if options.every <= 0 or options.warm_up < 0:
        parser.error("--every is more than 0, --warm-up at least 0")
    if not options.minutes * 60 >= options.warm_up + 6 * options.every:
        parser.error(
            f"MINUTES is {options.minutes:g}: the first {options.warm_up:g} s do not count, and six looks must follow; "
            "2 is enough"
        )
    options.part = options.part or list(PARTS)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    steady = True
    print(
        f"{options.minutes:g} minutes each, without the first {options.warm_up:g} s; resident memory in KiB\n\n"
        f"  {'part':<6} {'process':<9} {'first':>10} {'last':>10} {'a minute':>11} {'growth':>10} {'allowed':>11}"
        f" {'descriptors':>12}",
        flush=True,
    )
    rates = []
    try:
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rampa-bench-")))
            server = Target(None, f"{options.rampa} target --port 0")
            stack.callback(server.stop)
            for part in options.part:
                found, per_s = watch(options, part, server.url, scratch)
                rates.append(f"{part} {per_s:,.0f}")
                if len(found) < 2:
                    raise Missing("no worker was seen beside the program")
                for name, seen in found.items():
                    steady = print_verdict(part, name, judge(seen, options.warm_up)) and steady
    except Missing as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n  requests a second: {', '.join(rates)}")
    return 0 if steady else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
