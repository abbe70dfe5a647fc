# SPDX-License-Identifier: MIT
"""Two files that benchmarks have written with --json: what has become better or worse, and what is noise."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import report

FEWEST = 5  # samples on each side; with fewer their spread says nothing


@dataclass
class Change:
    """One figure of both files: the ratio of its medians, and where that ratio lies with 95 %."""

    name: str
    base: float
    current: float
    ratio: float | None
    low: float
    high: float
    verdict: str


def read(path: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {path}: {error}") from None
    if not isinstance(found, dict) or found.get("schema") != report.SCHEMA:
        raise SystemExit(f"error: {path} is no file of 'bench/run --json' with schema {report.SCHEMA}")
    return found


def judge(base: Mapping[str, Any], current: Mapping[str, Any], low: float, high: float) -> str:
    if min(len(base["samples"]), len(current["samples"])) < FEWEST:
        return f"fewer than {FEWEST} samples"
    if low <= 1 <= high:
        return "within the noise"
    if base["less_is_better"] is None:
        return "other"
    return "better" if (high < 1) == base["less_is_better"] else "WORSE"


def change(name: str, base: Mapping[str, Any], current: Mapping[str, Any]) -> Change:
    medians = [statistics.median(side["samples"]) for side in (base, current)]
    if medians[0] <= 0:
        return Change(name, *medians, None, 0, 0, "no ratio to 0")
    low, high = report.interval(base["samples"], current["samples"])
    return Change(name, *medians, medians[1] / medians[0], low, high, judge(base, current, low, high))


def changes(base: Mapping[str, Any], current: Mapping[str, Any]) -> list[Change]:
    """Of the figures that both have, in the order of the base."""
    others = current["measures"]
    both = [(name, one, others.get(name)) for name, one in base["measures"].items()]
    return [change(name, one, two) for name, one, two in both if two and one["samples"] and two["samples"]]


def warnings(base: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Why the two should not be compared."""
    found = []
    for key in ("cpu", "cores", "kernel"):
        one, two = base["machine"].get(key), current["machine"].get(key)
        if one != two:
            found.append(f"the machines differ: {key} {one} and {two}")
    for key in sorted({*base["settings"], *current["settings"]}):
        one, two = base["settings"].get(key), current["settings"].get(key)
        if one != two and key != "rounds":
            found.append(f"the settings differ: {key} {one} and {two}")
    names = [name for name in base["versions"] if name != "rampa" and name in current["versions"]]
    for name in names:
        one, two = base["versions"][name], current["versions"][name]
        if one != two:
            found.append(f"{name} is {one} and {two}")
    return found


def print_changes(found: Sequence[Change]) -> None:
    width = max(len(row.name) for row in found)
    print(f"  {'':<{width}} {'base':>12} {'current':>12} {'ratio':>7} {'with 95 %':>14}")
    for row in found:
        ratio = f"{row.ratio:7.3f} {f'{row.low:.3f}..{row.high:.3f}':>14}" if row.ratio is not None else f"{'-':>7} {'':>14}"
        print(f"  {row.name:<{width}} {row.base:>12,.3f} {row.current:>12,.3f} {ratio}  {row.verdict}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench compare", description=__doc__)
    parser.add_argument("base", metavar="BASE.json")
    parser.add_argument("current", metavar="CURRENT.json")
    options = parser.parse_args(argv)
    base, current = read(options.base), read(options.current)
    if base["item"] != current["item"]:
        raise SystemExit(f"error: {options.base} is of '{base['item']}', {options.current} of '{current['item']}'")
    found = changes(base, current)
    if not found:
        raise SystemExit("error: the two files have no figure in common")
    for name, side in (("base", base), ("current", current)):
        line = report.machine_line(side["machine"]).replace("\n", " ")
        print(f"{name}: {side['item']} of {side['commit']}, {side['time']}\n  {line}")
    for text in warnings(base, current):
        print(f"warning: {text}", file=sys.stderr)
    print_changes(found)
    return int(any(row.verdict == "WORSE" for row in found))


if __name__ == "__main__":
    sys.exit(main())
