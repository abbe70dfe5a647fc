# SPDX-License-Identifier: MIT
"""A rampa that has ended, and what holds in every result that one writes."""
from __future__ import annotations

import importlib.util
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def schema_errors(result: dict[str, Any]) -> list[str]:
    """What docs/result.schema.json has against a result."""
    spec = importlib.util.spec_from_file_location("check_schema", ROOT / "tests/unit/output/check_schema.py")
    assert spec and spec.loader
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    schema = json.loads((ROOT / "docs/result.schema.json").read_text())
    return list(checker.errors_of(result, schema, schema))


def check_result(result: dict[str, Any]) -> None:
    """What holds in every result: its schema, the accounting identity and what the counters say about it."""
    assert schema_errors(result) == []
    metrics = result["summary"]["metrics"]
    for row in result["accounting"]:
        assert row["holds"] == (
            row["scheduled"] == row["started"] + row["dropped"] and row["started"] == row["completed"] + row["interrupted"]
        ), row
        assert row["holds"] or result["run"]["exit_code"] == 9, row
    is_whole = not any(worker["lost"] for worker in result["workers"])  # else what one measured last may be missing
    if result["accounting"] and is_whole and result["run"]["exit_code"] != 9:
        for metric, field in ACCOUNTED.items():
            assert metrics.get(metric, {"count": 0})["count"] == sum(row[field] for row in result["accounting"]), metric
    check_intervals(result)
    law = result["generator"]["littles_law"]
    if law:
        assert abs(law["counted"] - law["measured"]) <= 0.02 * law["counted"], law


def added_up(intervals: list[dict[str, Any]]) -> list[list[float]]:
    """The buckets of all intervals together, as [low, high, count]."""
    sums: Counter[tuple[float, float]] = Counter()
    for interval in intervals:
        assert interval["count"] == sum(count for _, _, count in interval["buckets"]), interval
        for low, high, count in interval["buckets"]:
            sums[low, high] += count
    return [[low, high, count] for (low, high), count in sorted(sums.items())]


def check_intervals(result: dict[str, Any]) -> None:
    """The histograms of the intervals add up to those of the run, in whole and by name."""
    intervals = result["intervals"]
    if intervals is None:
        assert "http_req_duration" not in result["histograms"]
        return
    assert added_up(intervals["all"]) == result["histograms"]["http_req_duration"]["buckets"]
    named = {row["name"]: row["buckets"] for row in result["summary"]["requests"]}
    for row in intervals["requests"] or []:
        assert (row["intervals"] is None) == (named[row["name"]] is None), row["name"]
        assert row["intervals"] is None or added_up(row["intervals"]) == named[row["name"]], row["name"]


ACCOUNTED = {
    "iterations": "completed",
    "iteration_errors": "errors",
    "dropped_iterations": "dropped",
    "interrupted_iterations": "interrupted",
}


@dataclass
class Finished:
    """A rampa that has ended."""

    code: int
    stdout: str
    stderr: str
    out: Path  # where --out was told to write

    def result(self) -> dict[str, Any]:
        """The result file, which must be a sound one."""
        result = json.loads(self.out.read_text())
        check_result(result)
        return result

    def metrics(self) -> dict[str, Any]:
        """summary.metrics of the result file."""
        return self.result()["summary"]["metrics"]

    def count(self, metric: str) -> float:
        """The sum of a counter; 0 when there is none."""
        return self.metrics().get(metric, {"count": 0})["count"]
