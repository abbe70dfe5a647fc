# SPDX-License-Identifier: MIT
"""What all benchmarks say of themselves: the machine, the commit, the versions, and a JSON file for later comparison."""

from __future__ import annotations

import json
import os
import platform
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peers import PACKAGES
from servers import TICKS_PER_S

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = ["wrk", "nghttp2-client", "hey", "nginx-light", "python3-aiohttp", "python3"]
SCHEMA = 2


@dataclass
class Measure:
    """One figure of a benchmark, a sample a round. Less is better, or more, or neither (None)."""

    unit: str
    less_is_better: bool | None
    samples: list[float] = field(default_factory=list)


Measures = dict[str, Measure]


def add(measures: Measures, name: str, unit: str, less_is_better: bool | None, value: float) -> None:
    measures.setdefault(name, Measure(unit, less_is_better)).samples.append(value)


@dataclass
class Ticks:
    """What all cores have done since the machine started, in ticks."""

    busy: int
    stolen: int  # by the host
    total: int

    @classmethod
    def now(cls) -> Ticks:
        line = Path("/proc/stat").read_text().split("\n")[0]
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, line.split()[1:9])
        busy = user + nice + system + irq + softirq
        return cls(busy, steal, busy + idle + iowait + steal)


def disturbance(before: Ticks, ours_s: float) -> dict[str, float]:
    """Shares of the machine's time that were not idle, and that neither our processes had (`ours_s`) nor we."""
    now = Ticks.now()
    total = max(1, now.total - before.total)
    return {
        "stolen": round((now.stolen - before.stolen) / total, 4),
        "others": round(max(0.0, now.busy - before.busy - ours_s * TICKS_PER_S) / total, 4),
    }


def machine() -> dict[str, Any]:
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model or platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def machine_line(about: Mapping[str, Any]) -> str:
    return (
        f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}; load {about['load_before']:.1f} before; meanwhile "
        f"{about['others']:.1%} of the\nmachine went to other programs and {about['stolen']:.1%} to its host"
    )


def said_by(argv: Sequence[str]) -> str:
    """What a command prints, or nothing when it fails or is not there."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT).stdout.strip()
    except OSError:
        return ""


def commit() -> str | None:
    """Of the project's tree; with "+" when files differ from it."""
    name = said_by(["git", "rev-parse", "--short=12", "HEAD"])
    changed = said_by(["git", "status", "--porcelain", "--untracked-files=no"])
    return name + ("+" if changed else "") if name else None


def versions(rampa: str) -> dict[str, str]:
    found = {"rampa": said_by([rampa, "--version"]).partition("\n")[0]}
    known = said_by(["dpkg-query", "-W", "-f", "${Package}=${Version}\n", *DEBIAN])
    found |= dict(line.split("=", 1) for line in known.splitlines() if "=" in line)
    return found | {package.name: package.version for package in PACKAGES if package.is_there()}


def write(
    path: str, item: str, rampa: str, about: Mapping[str, Any], settings: Mapping[str, Any],
    samples: Iterable[Mapping[str, Any]], measures: Measures,
) -> None:  # fmt: skip
    report = {
        "schema": SCHEMA,
        "item": item,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "machine": dict(about),
        "versions": versions(rampa),
        "settings": dict(settings),
        "measures": {name: vars(measure) for name, measure in measures.items()},
        "samples": list(samples),
    }
    Path(path).write_text(json.dumps(report, indent=1) + "\n")


def spread(values: Sequence[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def interval(base: Sequence[float], current: Sequence[float], draws: int = 4000) -> tuple[float, float]:
    """Where the ratio of the medians lies with 95 %, judged by drawing the same samples anew (bootstrap).

    It always draws the same, so that a comparison says the same each time.
    """
    chance = random.Random(1)
    median: Callable[[Sequence[float]], float] = statistics.median
    ratios = []
    for _ in range(draws):
        denominator = median(chance.choices(base, k=len(base)))
        if denominator > 0:
            ratios.append(median(chance.choices(current, k=len(current))) / denominator)
    ratios.sort()
    return (ratios[int(len(ratios) * 0.025)], ratios[int(len(ratios) * 0.975)]) if ratios else (0.0, float("inf"))
