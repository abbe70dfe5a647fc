# SPDX-License-Identifier: MIT
"""The benchmarks of many connections, of HTTP/2 and of several workers: their arithmetic, and one tiny run of each."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))

import http2  # noqa: E402
import outputs  # noqa: E402
import reference  # noqa: E402
import scale  # noqa: E402
import workers  # noqa: E402


def test_the_gain_is_that_of_a_round():
    def sample(count: int, round_: int, per_s: float, cpu_us: float) -> workers.Sample:
        return workers.Sample("get", count, round_, 1, per_s, cpu_us, 0, 0)

    samples = [sample(1, 0, 100, 10), sample(2, 0, 190, 10), sample(2, 1, 300, 25), sample(1, 1, 200, 20), sample(2, 2, 1, 1)]
    assert workers.gains(samples, "get", 2) == ([1.9, 1.5], [2.0, 1.6])
    assert workers.gains(samples, "compute", 2) == ([], [])


def test_workers_are_measured(program: Path, tmp_path: Path, capsys):
    out = tmp_path / "workers.json"
    assert workers.main(["--rounds", "1", "--duration", "1", "--rampa", str(program), "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert {(s["case"], s["workers"]) for s in found["samples"]} == {(c, n) for c in ("compute", "get") for n in (1, 2)}
    assert all(s["iterations"] > 0 and s["cpu_us"] > 0 for s in found["samples"])
    assert [s["skew_ms"] for s in found["samples"] if s["workers"] == 1] == [0, 0]
    assert found["item"] == "workers" and "get: gain by processor time" in found["measures"]
    assert "2 workers against one" in capsys.readouterr().out


def test_outputs_are_measured(program: Path, tmp_path: Path, capsys):
    out = tmp_path / "outputs.json"
    words = ["prometheus", "--rounds", "1", "--duration", "1", "--rate", "200", "--rampa", str(program), "--json", str(out)]
    assert outputs.main(words) == 0
    found = json.loads(out.read_text())
    assert [s["output"] for s in found["samples"]] == ["none", "prometheus"]
    assert all(s["requests"] > 0 and not s["lost"] for s in found["samples"])
    # On a busy machine a process may end between two looks at what it has used.
    assert sum(s["coordinator_us"] + s["workers_us"] for s in found["samples"]) > 0
    assert found["item"] == "outputs" and "at 200 requests/s" in capsys.readouterr().out


REFERENCE = {
    "throughput": ("throughput", {"vus", "duration"}, {"iterations", "samples", "wall_seconds", "iterations_per_sec", "samples_per_sec"}),
    "scheduler": (
        "scheduler_precision",
        {"rate", "duration", "max_vus"},
        {"iterations", "wall_seconds", "actual_rate", "target_interval_us", "mean_interval_us", "stddev_interval_us"}
        | {"drift_p50_us", "drift_p90_us", "drift_p99_us", "max_drift_us", "late_starts", "late_start_threshold_us", "dropped_iterations"},
    ),
    "metrics": (
        "metric_engine",
        {"total_samples", "metric_type", "tag_cardinality"},
        {"push_seconds", "push_rate", "snapshot_latency_ms", "snapshot_available"},
    ),
    "http": (
        "http_local",
        {"rate", "duration", "max_vus"},
        {"requests", "wall_seconds", "actual_rate", "duration_p50_ms", "duration_p95_ms", "duration_p99_ms", "duration_max_ms"},
    ),
}


@pytest.mark.parametrize("case", REFERENCE)
def test_benchmarks_of_the_reference(program: Path, case: str):
    small = {"BENCH_DURATION": "0.2", "BENCH_VUS": "2", "BENCH_SAMPLES": "1000", "BENCH_METRIC_TYPE": "trend", "BENCH_TAG_CARDINALITY": "3"}
    done = subprocess.run(
        [sys.executable, reference.__file__, case, "--json-output", "--rampa", str(program)],
        env={**os.environ, **small},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    name, config, results = REFERENCE[case]
    assert (found["benchmark"], set(found["config"]), set(found["results"])) == (name, config, results)
    assert all(value > 0 for key, value in found["results"].items() if key not in ("late_starts", "dropped_iterations"))


def test_more_is_that_of_a_round():
    samples = [outputs.Sample(*row) for row in (("none", 0, 1, 5, 0, 0, 0, False), ("csv", 0, 1, 7, 0, 0, 0, False), ("csv", 1, 1, 9, 0, 0, 0, False))]
    assert outputs.beside_none(samples, "csv", lambda s: s.coordinator_us) == [2]


SERIES = {
    "columns": ["start_s", "length_s", "samples", "avg", "min", "max", "p(95)"],
    "points": [[0, 1, 5, 90, 0, 0, 99], [1, 1, 3, 2, 0, 0, 4], [2, 1, 1, 6, 0, 0, 8], [3, 1, 0, None, None, None, None]],
}


def test_lateness_is_that_of_a_part():
    assert scale.part_of(SERIES, 1, 4) == (3, 6)  # mean of the samples, median of the seconds' p(95)
    assert scale.part_of(SERIES, 4, 9) == (0, 0)


@pytest.mark.parametrize("size", ["19000", "5/0", "1/2", "a/b"])
def test_sizes_are_checked(size: str, capsys):
    with pytest.raises(SystemExit):
        scale.parse_options([size])
    assert "is not VUS/WORKERS" in capsys.readouterr().err


def test_full_handshakes_are_begun_more_slowly():
    assert scale.ramp_of(10_000, False) == 5
    assert scale.ramp_of(10_000, True) == 40
    assert scale.parse_options(["--resumed"]).tls and scale.parse_options(["--http2"]).tls and not scale.parse_options([]).tls


def test_connections_are_held(program: Path, tmp_path: Path):
    out = tmp_path / "scale.json"
    options = ["300/2", "--hold", "3", "--every", "1", "--rampa", str(program), "--json", str(out)]
    assert scale.main(options) == 0
    (sample,) = json.loads(out.read_text())["samples"]
    assert sample["open"] >= 300 and sample["full"] == sample["resumed"] == 0
    assert sample["requests"] >= 300 and sample["failed"] == 0
    assert set(sample["late"]) == {"lateness", "loop lag"}


def test_resumed_connections_are_held(program: Path, tmp_path: Path):
    out = tmp_path / "scale.json"
    options = ["20/1", "--resumed", "--hold", "4", "--every", "1", "--rampa", str(program), "--json", str(out)]
    assert scale.main(options) == 0
    (sample,) = json.loads(out.read_text())["samples"]
    assert (sample["full"], sample["resumed"]) == (20, 20)


def test_streams_are_measured(program: Path, tmp_path: Path):
    out = tmp_path / "http2.json"
    options = ["2x5", "1x1", "--server", "target", "--rounds", "1", "--duration", "1", "--rampa", str(program), "--json", str(out)]
    if shutil.which("h2load") is None:
        pytest.skip("no h2load")
    assert http2.main(options) == 0
    samples = json.loads(out.read_text())["samples"]
    names = [(sample["size"], sample["client"]) for sample in samples]
    assert sorted(names) == sorted(
        [("2x5", name) for name in ("h2load", "rampa", "rampa-batch")]
        + [("1x1", name) for name in ("h2load", "rampa", "rampa-batch", "rampa-url")]
    )
    assert all(sample["requests"] > 0 and sample["failed"] == 0 for sample in samples)


def test_a_ratio_is_that_of_a_round():
    def sample(client: str, round_: int, us: float) -> http2.Sample:
        return http2.Sample("nginx", "8x10", client, round_, 1, 0, us, 1, 1)

    samples = [sample("h2load", 0, 10), sample("rampa", 0, 9), sample("rampa", 1, 20), sample("h2load", 1, 40), sample("rampa", 2, 1)]
    assert http2.ratios(samples, "nginx", "8x10", "rampa") == [0.9, 0.5]
