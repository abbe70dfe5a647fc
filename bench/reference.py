# SPDX-License-Identifier: MIT
"""The four benchmarks of the Python package rampa 0.0, by its names, settings and keys of JSON: each is a run of the engine here.

throughput: iterations that do nothing. scheduler: how even arrivals at a rate are. metrics: what a sample of a custom metric takes, and a
snapshot. http: requests at a rate to `rampa target`. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
Scenario = Callable[[Any], Awaitable[None]]
Results = dict[str, Any]


def setting(name: str, default: Any) -> Any:
    """What the environment says, in the type of `default`."""
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        value = type(default)(text)
    except ValueError:
        raise SystemExit(f"error: {name}={text!r} is no {'whole ' if type(default) is int else ''}number") from None
    if type(default) is not str and value <= 0:
        raise SystemExit(f"error: {name}={text!r}: it must be more than 0")
    return value


def percentile(values: Sequence[float], percent: float) -> float:
    """Of sorted values, with what lies between two of them in proportion.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50)
    2.5
    """
    rank = percent / 100 * (len(values) - 1)
    low = int(rank)
    high = min(low + 1, len(values) - 1)
    return values[low] + (rank - low) * (values[high] - values[low])


async def run(rampa: types.ModuleType, scenario: Scenario, **fields: Any) -> tuple[Any, float]:
    """Runs one scenario in this process, and returns its metrics and the seconds that it took."""
    from rampa.loader import TestPlan

    plan = TestPlan(scenarios={"bench": (rampa.ScenarioConfig(**fields), scenario)}, config=rampa.Config())
    began = time.monotonic()
    result = await (await rampa.Engine(plan).start()).wait()
    if result.exit_code:
        raise SystemExit(f"error: the run ended with exit code {result.exit_code}: {result.status.value}")
    return result.snapshot.values, time.monotonic() - began


async def throughput(rampa: types.ModuleType, program: str) -> Results:
    vus, duration = setting("BENCH_VUS", 50), setting("BENCH_DURATION", 2.0)

    async def nothing(worker: Any) -> None:
        pass

    metrics, wall = await run(rampa, nothing, executor="constant-vus", vus=vus, duration=duration)
    iterations = int(metrics["iterations"]["count"])
    samples = iterations * 2  # a duration and a count each
    return {
        "benchmark": "throughput",
        "config": {"vus": vus, "duration": duration},
        "results": {
            "iterations": iterations,
            "samples": samples,
            "wall_seconds": round(wall, 3),
            "iterations_per_sec": round(iterations / wall, 1),
            "samples_per_sec": round(samples / wall, 1),
        },
    }


async def scheduler(rampa: types.ModuleType, program: str) -> Results:
    rate, duration, vus = setting("BENCH_RATE", 1000.0), setting("BENCH_DURATION", 2.0), setting("BENCH_MAX_VUS", 100)
    begun: list[int] = []

    async def note(worker: Any) -> None:
        begun.append(time.monotonic_ns())

    metrics, wall = await run(
        rampa, note, executor="constant-arrival-rate", rate=rate, duration=duration, pre_allocated_vus=vus, max_vus=vus
    )
    if len(begun) < 3:
        return {"error": "too few iterations", "iterations": len(begun)}
    intervals = [(later - earlier) / 1e3 for earlier, later in zip(begun, begun[1:])]
    target = 1e6 / rate
    drifts = sorted(abs(interval - target) for interval in intervals)
    return {
        "benchmark": "scheduler_precision",
        "config": {"rate": rate, "duration": duration, "max_vus": vus},
        "results": {
            "iterations": len(begun),
            "wall_seconds": round(wall, 3),
            "actual_rate": round(len(begun) / wall, 1),
            "target_interval_us": round(target, 2),
            "mean_interval_us": round(statistics.mean(intervals), 2),
            "stddev_interval_us": round(statistics.stdev(intervals), 2),
            "drift_p50_us": round(percentile(drifts, 50), 2),
            "drift_p90_us": round(percentile(drifts, 90), 2),
            "drift_p99_us": round(percentile(drifts, 99), 2),
            "max_drift_us": round(drifts[-1], 2),
            "late_starts": sum(drift > 2 * target for drift in drifts),
            "late_start_threshold_us": round(2 * target, 2),
            "dropped_iterations": int(metrics["dropped_iterations"]["count"]),
        },
    }


async def metrics(rampa: types.ModuleType, program: str) -> Results:
    from rampa.loader import TestPlan

    samples, kind, tags = setting("BENCH_SAMPLES", 100_000), setting("BENCH_METRIC_TYPE", "counter"), setting("BENCH_TAG_CARDINALITY", 1)
    if kind not in ("counter", "trend"):
        raise SystemExit(f"error: BENCH_METRIC_TYPE={kind!r}: it is counter or trend")
    values = [{"tag": str(i)} for i in range(tags)]
    taken = 0.0

    async def push(worker: Any) -> None:
        nonlocal taken
        record = getattr(worker, kind)
        began = time.monotonic()
        for i in range(samples):
            record("bench_metric", float(i), tags=values[i % tags])
        taken = time.monotonic() - began

    fields = rampa.ScenarioConfig(executor="per-vu-iterations", vus=1, iterations=1)
    controller = await rampa.Engine(TestPlan(scenarios={"bench": (fields, push)}, config=rampa.Config())).start()
    result = await controller.wait()
    began = time.monotonic()
    snapshot = controller.snapshot()
    latency = time.monotonic() - began
    if result.exit_code or result.snapshot.values["bench_metric"]["count"] != (samples if kind == "trend" else sum(range(samples))):
        raise SystemExit("error: not every sample has arrived")
    return {
        "benchmark": "metric_engine",
        "config": {"total_samples": samples, "metric_type": kind, "tag_cardinality": tags},
        "results": {
            "push_seconds": round(taken, 4),
            "push_rate": round(samples / taken, 1),
            "snapshot_latency_ms": round(latency * 1e3, 3),
            "snapshot_available": snapshot is not None,
        },
    }


async def http(rampa: types.ModuleType, program: str) -> Results:
    rate, duration, vus = setting("BENCH_RATE", 100.0), setting("BENCH_DURATION", 2.0), setting("BENCH_MAX_VUS", 10)
    durations: list[float] = []
    target = subprocess.Popen([program, "target", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert target.stdout
        url = target.stdout.readline().split()[-1] + "/json"

        async def get(worker: Any) -> None:
            began = time.monotonic_ns()
            await worker.http.get(url)
            durations.append((time.monotonic_ns() - began) / 1e6)

        _, wall = await run(
            rampa, get, executor="constant-arrival-rate", rate=rate, duration=duration, pre_allocated_vus=vus, max_vus=vus
        )
    finally:
        target.terminate()
        target.wait()
    if not durations:
        return {"error": "no requests completed"}
    durations.sort()
    return {
        "benchmark": "http_local",
        "config": {"rate": rate, "duration": duration, "max_vus": vus},
        "results": {
            "requests": len(durations),
            "wall_seconds": round(wall, 3),
            "actual_rate": round(len(durations) / wall, 1),
            "duration_p50_ms": round(percentile(durations, 50), 3),
            "duration_p95_ms": round(percentile(durations, 95), 3),
            "duration_p99_ms": round(percentile(durations, 99), 3),
            "duration_max_ms": round(durations[-1], 3),
        },
    }


CASES = {"throughput": throughput, "scheduler": scheduler, "metrics": metrics, "http": http}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__.partition("\n")[0], epilog="Settings are variables of the environment: docs/benchmarks.md."
    )
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--json-output", action="store_true", help="print one line of JSON")
    parser.add_argument("--ndjson", action="store_true", help="the same")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(FOLDER.parent / "build/rampa")))
    options = parser.parse_args(argv)
    sys.path.insert(0, str(Path(options.rampa).resolve().parent / "python"))
    import rampa

    found = asyncio.run(CASES[options.case](rampa, options.rampa))
    if options.json_output or options.ndjson:
        print(json.dumps(found))
    elif "error" in found:
        print("error:", found["error"], file=sys.stderr)
    else:
        print(found["benchmark"], " ".join(f"{name}={value}" for name, value in found["config"].items()))
        for name, value in found["results"].items():
            print(f"  {name:<24} {value}")
    return 1 if "error" in found else 0


if __name__ == "__main__":
    sys.exit(main())
