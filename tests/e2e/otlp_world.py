# SPDX-License-Identifier: MIT
"""What the tests of --output otel share: a script, a decoder with the definitions of OpenTelemetry, and a receiver that is strict."""
from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import rampa
config = rampa.Config(options=rampa.Options(tags={"a b": "1", "a_b": "2", "Zone": "\\U0001f600 \\"q\\"\\\\"}))
@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=20)
async def browse(worker):
    worker.counter("my metric")
    worker.counter("my!metric", 2)
    worker.counter("2nd", 0.5)
    worker.rate("paid", True)
    worker.counter("paid_true", 3)
    worker.trend("size", worker.execution.iteration % 7 - 1, tags={"kind": "a\\nb"})
    worker.gauge("level", 3 + worker.execution.iteration)
    worker.check(1, {"up": lambda v: True, "bad": lambda v: False})
    await worker.sleep(0.06)
"""


def decoder(out: Path) -> Callable[[bytes, bool], dict[str, Any]]:
    """A request as a dictionary; of either encoding the same. What the definitions do not have is an error."""
    if not shutil.which("protoc"):
        pytest.skip("there is no protoc (Debian's package protobuf-compiler)")
    json_format = pytest.importorskip("google.protobuf.json_format")
    source = Path(__file__).parent / "otlp"
    files = [str(path.relative_to(source)) for path in source.rglob("*.proto")]
    subprocess.run(["protoc", "-I.", f"--python_out={out}", *files], cwd=source, check=True)
    sys.path.insert(0, str(out))
    try:
        service = importlib.import_module("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")
    finally:
        sys.path.remove(str(out))

    def run(body: bytes, is_json: bool) -> dict[str, Any]:
        message = service.ExportMetricsServiceRequest()
        if is_json:
            json_format.Parse(body, message)
        else:
            message.ParseFromString(body)
            known = service.ExportMetricsServiceRequest()
            known.CopyFrom(message)
            known.DiscardUnknownFields()
            assert known.ByteSize() == message.ByteSize(), "a field that the definitions do not have"
        made: dict[str, Any] = json_format.MessageToDict(message)
        return made

    return run


def attributes(items: list[dict[str, Any]]) -> dict[str, str]:
    keys = [item["key"] for item in items]
    assert len(set(keys)) == len(keys) and all(keys)
    return {item["key"]: item["value"]["stringValue"] for item in items}


class Streams:
    """What a receiver keeps: of each stream (metric and attributes) all points. It complains of all that the data model forbids."""

    def __init__(self) -> None:
        self.points: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        self.kinds: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.resource: dict[str, str] = {}

    def take(self, request: dict[str, Any], is_delta: bool) -> None:
        for of_resource in request["resourceMetrics"]:
            self.resource = attributes(of_resource["resource"]["attributes"])
            for of_scope in of_resource["scopeMetrics"]:
                assert of_scope["scope"]["name"] == "rampa" and of_scope["scope"]["version"]
                names = [metric["name"] for metric in of_scope["metrics"]]
                assert len(set(names)) == len(names)
                for metric in of_scope["metrics"]:
                    self._metric(metric, is_delta)

    def _metric(self, metric: dict[str, Any], is_delta: bool) -> None:
        name = metric["name"]
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}", name)
        (kind,) = set(metric) & {"gauge", "sum", "histogram", "exponentialHistogram"}
        assert self.kinds.setdefault(name, kind) == kind
        self.units[name] = metric.get("unit", "")
        if kind != "gauge":
            assert metric[kind]["aggregationTemporality"] == f"AGGREGATION_TEMPORALITY_{'DELTA' if is_delta else 'CUMULATIVE'}"
        assert kind != "sum" or metric[kind]["isMonotonic"] is True
        assert metric[kind]["dataPoints"]
        for point in metric[kind]["dataPoints"]:
            stream = self.points[name, tuple(sorted(attributes(point.get("attributes", [])).items()))]
            end = int(point["timeUnixNano"])
            before = stream[-1] if stream else None
            if kind != "gauge":
                start = int(point["startTimeUnixNano"])
                assert start <= end and (not before or start >= int(before["timeUnixNano"]) if is_delta else True)
                assert is_delta or not before or before["startTimeUnixNano"] == point["startTimeUnixNano"]
            assert not before or end > int(before["timeUnixNano"])
            if kind == "histogram":
                counts, bounds = [int(n) for n in point.get("bucketCounts", [])], point.get("explicitBounds", [])
                assert not counts and not bounds or len(counts) == len(bounds) + 1 and bounds == sorted(set(bounds)) and sum(counts) == int(point["count"])
            if kind == "exponentialHistogram":
                sides = [[int(n) for n in point.get(side, {}).get("bucketCounts", [])] for side in ("negative", "positive")]
                assert sum(map(sum, sides)) + int(point.get("zeroCount", 0)) == int(point["count"])
                assert all(len(side) <= 160 for side in sides)
            stream.append(point)

    def total(self, name: str, is_delta: bool, field: Callable[[dict[str, Any]], float]) -> float:
        """What all series of a metric have counted in the run."""
        streams = [points for (its, _), points in self.points.items() if its == name]
        return sum(sum(map(field, points)) if is_delta else field(points[-1]) for points in streams)


def number(point: dict[str, Any]) -> float:
    return float(point.get("asInt", point.get("asDouble", 0)))
