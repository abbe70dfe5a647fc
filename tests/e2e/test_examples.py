# SPDX-License-Identifier: MIT
"""Every example runs against the demo server and passes: what users copy from must work."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_passes(path: Path, rampa: Callable, target: str) -> None:
    done = rampa("run", path, "--env", f"BASE_URL={target}", out=True, code=0)
    result = done.result()
    assert result["run"]["status"] == "passed"
    assert result["summary"]["metrics"]["iterations"]["count"] > 0
    assert all(check["fails"] == 0 and check["passes"] > 0 for check in result["checks"])
    assert all(threshold["passed"] and not threshold["no_samples"] for threshold in result["thresholds"])
    assert not [error for error in result["errors"]["iterations"] if not error["is_request"]]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_is_valid(path: Path, rampa: Callable) -> None:
    rampa("check", path, code=0)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_uses_the_default_server(path: Path) -> None:
    """Without BASE_URL an example goes to where `rampa target` listens by default."""
    assert "http://127.0.0.1:8080" in path.read_text()


def test_quickstart_shows_what_it_promises(rampa: Callable, target: str) -> None:
    quickstart = next(path for path in EXAMPLES if path.stem == "quickstart")
    done = rampa("run", quickstart, "--env", f"BASE_URL={target}", "--duration", "1s", out=True, code=0)
    metrics = done.result()["summary"]["metrics"]
    # two requests and three checks in each iteration, and the metric of the script
    iterations = metrics["iterations"]["count"]
    assert metrics["http_reqs"]["count"] == 2 * iterations
    assert metrics["checks"]["passes"] == 3 * iterations
    assert metrics["view_time"]["count"] == iterations
    for part in ("THRESHOLDS", "CHECKS", "HTTP", "EXECUTION", "NETWORK", "CUSTOM"):
        assert re.search(rf"^{part}\b", done.stdout, re.MULTILINE), part
    assert "PASSED: 4 of 4 thresholds" in done.stdout


def test_one_scenario_of_several(rampa: Callable, target: str) -> None:
    """What the head of examples/scenarios.py says."""
    scenarios = next(path for path in EXAMPLES if path.stem == "scenarios")
    done = rampa("run", scenarios, "--env", f"BASE_URL={target}", "--scenario", "buy", out=True, code=0)
    assert [entry["scenario"] for entry in done.result()["accounting"]] == ["buy"]
    assert done.result()["summary"]["metrics"]["iterations"]["count"] == 10


def test_failed_requests_are_counted_by_kind(rampa: Callable, target: str) -> None:
    """The errors that examples/error_handling.py provokes, each under its own code."""
    example = next(path for path in EXAMPLES if path.stem == "error_handling")
    done = rampa("run", example, "--env", f"BASE_URL={target}", out=True, code=0)
    codes = {error["error_code"]: error["count"] for error in done.result()["errors"]["requests"]}
    assert codes == {"1220": 2, "1050": 1, "1212": 1, "1404": 1, "1900": 1}
