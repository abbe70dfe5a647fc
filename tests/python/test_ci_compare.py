# SPDX-License-Identifier: MIT
"""rampa.ci.compare: two result files in Python, with the functions that scripts of the reference call."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rampa.ci.compare import MetricDelta, compare_results, format_json, format_markdown, format_text, is_regressed

OURS: dict[str, Any] = {
    "schema": 2,
    "summary": {
        "duration": 1.0,
        "metrics": {
            "http_req_duration": {"med": 10.0, "p(95)": 20.0, "count": 5, "max": None},
            "http_reqs": {"count": 100, "rate": 50.0},
            "data_sent": {"count": 7, "rate": 1},
        },
        "types": {},
    },
}
REFERENCE: dict[str, Any] = {
    "samples": [],
    "summary": {"duration": 1.0, "metrics": {"http_req_duration": {"med": 12.0, "p(95)": 20.5, "count": 6.0, "max": 30.0}, "http_reqs": {"count": 80.0, "rate": 40.0}}},
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "base.json", tmp_path / "now.json"
    for path, content in zip(paths, (OURS, REFERENCE), strict=True):
        path.write_text(json.dumps(content))
    return paths


def test_what_both_have_is_compared_in_the_order_of_the_names(files: tuple[Path, Path]) -> None:
    deltas = compare_results(*files)
    assert deltas == [
        MetricDelta("http_req_duration", "count", 5.0, 6.0, 20.0),
        MetricDelta("http_req_duration", "med", 10.0, 12.0, 20.0),
        MetricDelta("http_req_duration", "p(95)", 20.0, 20.5, 2.5),
        MetricDelta("http_reqs", "count", 100.0, 80.0, -20.0),
        MetricDelta("http_reqs", "rate", 50.0, 40.0, -20.0),
    ]
    assert [delta.metric for delta in compare_results(str(files[0]), files[1], metrics=["http_reqs", "no_such"])] == ["http_reqs"] * 2
    assert [delta.stat for delta in deltas if is_regressed(delta)] == ["med", "count", "rate"]


@pytest.mark.parametrize(
    ("metric", "stat", "base", "current", "change", "worse"),
    [
        ("http_req_duration", "p(95)", 45, 52, 15.56, True),
        ("http_req_duration", "p(95)", 45, 46, 2.2, False),
        ("http_req_duration", "p(95)", 52, 45, -13.5, False),
        ("http_req_duration{status:200}", "avg", 1, 2, 100.0, True),
        ("http_req_duration", "max", 1, 2, 100.0, False),
        ("http_req_connecting", "p(95)", 0, 1, 0.0, False),
        ("http_reqs", "rate", 100, 200, 100.0, False),
        ("http_reqs", "rate", 200, 100, -50.0, True),
        ("checks", "rate", 1, 0.9, -10.0, True),
        ("checks", "fails", 0, 1, 0.0, True),
        ("http_req_failed", "rate", 0, 0.1, 0.0, True),
        ("http_req_failed", "passes", 10, 20, 100.0, True),
        ("http_req_failed", "fails", 10, 20, 100.0, False),
        ("dropped_iterations", "count", 0, 1, 0.0, True),
        ("data_sent", "count", 1, 2, 100.0, False),
        ("dur", "p95", 45, 52, 15.56, True),
    ],
)
def test_what_is_worse_has_a_direction(metric: str, stat: str, base: float, current: float, change: float, worse: bool) -> None:
    assert is_regressed(MetricDelta(metric, stat, base, current, change)) is worse


def test_the_formats() -> None:
    deltas = [MetricDelta("http_req_duration", "p(95)", 45.0, 52.0, 15.56), MetricDelta("a|<b>\x1b[2J@x https://e.example www.e.example __b__", "med", 1.0, 1.0, 0.0)]
    text = format_text(deltas).splitlines()
    assert text[0] == "Metric                         Stat             Base    Current     Change"
    assert text[1] == "-" * 75
    assert text[2] == "http_req_duration              p(95)           45.00      52.00     +15.6% !"
    assert "\x1b" not in text[3] and not text[3].endswith("!")
    page = format_markdown(deltas).splitlines()
    assert page[:2] == ["## rampa Performance Report", ""]
    assert page[4] == "| http_req_duration | p(95) | 45.00 | 52.00 | +15.6% :warning: |"
    assert page[5].startswith("| a\\|&lt;b>\ufffd\\[2J&#64;x https&#58;//e.example www&#46;e.example \\_\\_b\\_\\_ | med |")
    assert json.loads(format_json(deltas))[0] == {
        "metric": "http_req_duration", "stat": "p(95)", "baseline": 45.0, "current": 52.0, "pct_change": 15.56, "regressed": True,
    }  # fmt: skip


@pytest.mark.parametrize("module", ["rampa.ci", "rampa.ci.compare"])
def test_both_spellings_run(files: tuple[Path, Path], tmp_path: Path, module: str) -> None:
    command = [sys.executable, "-m", module, "--baseline", str(files[0]), "--current"]
    done = subprocess.run([*command, str(files[1]), "--format", "json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == 5
    (tmp_path / "foreign.json").write_text("[1]")
    (tmp_path / "cut.json").write_text('{"summary": {')
    (tmp_path / "deep.json").write_text('{"summary": ' + "[" * 100_000)
    (tmp_path / "other.json").write_text('{"summary": {"metrics": {"mine": {"count": 3}}}}')
    for name, says in (("other.json", "have no metric in common"), ("gone.json", "cannot be read: No such file"), ("cut.json", "is no JSON"), ("deep.json", "is no JSON"), ("foreign.json", "no 'summary'")):
        done = subprocess.run([*command, str(tmp_path / name)], capture_output=True, text=True, check=False)
        assert done.returncode == 3 and done.stdout == ""
        assert says in done.stderr and done.stderr.count("\n") == 1
