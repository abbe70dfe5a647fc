# SPDX-License-Identifier: MIT
"""The program as a user starts it."""
from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from started import Started


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


@pytest.fixture(autouse=True)
def crashes_on_purpose(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that sends SIGSEGV is not to leave a report of the sanitizers, which counts as a failure."""
    params = request.node.callspec.params.values() if hasattr(request.node, "callspec") else ()
    if "ASAN_OPTIONS" in os.environ and any(value is signal.SIGSEGV for value in params):
        monkeypatch.setenv("ASAN_OPTIONS", os.environ["ASAN_OPTIONS"] + ":handle_segv=0")


@pytest.fixture
def rampa(program: Path, tmp_path: Path) -> Callable[..., Finished]:
    """rampa("run", SCRIPT, ...) runs the program to its end in an empty folder.

    `env` adds to the environment (from which RAMPA_* is removed), `timeout` is in seconds, `out=True` adds --out. With `code` the exit code must be it.
    """

    def run(
        *args: str | Path,
        env: dict[str, str] | None = None,
        timeout: float = 120,
        out: bool = False,
        code: int | None = None,
        stdin: str | None = None,
    ) -> Finished:
        result_path = tmp_path / "result.json"
        ours = {k: v for k, v in os.environ.items() if not k.startswith("RAMPA_") or k == "RAMPA_PYTHON"}
        words = [str(program), *map(str, args), *(["--out", str(result_path)] if out else [])]
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env={**ours, "NO_COLOR": "1", **(env or {})},
            timeout=timeout,
            input=stdin or "",
            capture_output=True,
            text=True,
        )
        finished = Finished(done.returncode, done.stdout, done.stderr, result_path)
        if code is not None and finished.code != code:
            pytest.fail(
                f"{' '.join(words)}: exit code {finished.code}, not {code}\n"
                f"--- stdout\n{finished.stdout}\n--- stderr\n{finished.stderr}"
            )
        return finished

    return run


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """script(TEXT) writes a scenario script and returns its path."""

    def write(text: str, name: str = "script.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def start(program: Path, script: Callable[..., Path], tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """start(TEXT) runs a script of this text and returns at once."""
    from started import Started

    running: list[Started] = []

    def run(text: str, *options: str) -> Started:
        script(text)
        running.append(Started([str(program), "run", "script.py", *options], tmp_path))
        return running[-1]

    yield run
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
