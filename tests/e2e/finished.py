# SPDX-License-Identifier: MIT
"""A rampa that has ended, and what holds in every result that one writes."""
from __future__ import annotations

import importlib.util
import json
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
    law = result["generator"]["littles_law"]
    if law:
        assert abs(law["counted"] - law["measured"]) <= 0.02 * law["counted"], law


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
