# SPDX-License-Identifier: MIT
"""The output ``otel`` in Python: OTLP over HTTP, as JSON."""

from __future__ import annotations

import collections.abc
import importlib.metadata
import json
import re
import time
import typing

from rampa._types import MetricType, Sample, ValueType
from rampa.outputs._post import Poster, PostError
from rampa.outputs._sums import Names, Series, Sums

_PATH = "/v1/metrics"
_ODD = re.compile(r"[^A-Za-z0-9_.\-/]")
_CUMULATIVE = 2

Json = dict[str, typing.Any]


def _name(metric: str) -> str:
    name = _ODD.sub("_", metric)
    return (name if name[:1].isalpha() else f"metric_{name}")[:240]


def _suffixes(series: Series) -> collections.abc.Sequence[str]:
    return ("", "_true") if series.kind is MetricType.RATE else ("",)


def _version() -> str:
    try:
        return importlib.metadata.version("rampa")
    except importlib.metadata.PackageNotFoundError:
        return "0"


class _Writer:
    """Makes messages of series. Their times only grow."""

    def __init__(self, service_name: str) -> None:
        self.sums = Sums()
        self._names = Names(_name, _suffixes)
        self._service = service_name
        self._start = self._last = time.time_ns()

    def message(self, changed: collections.abc.Iterable[Series]) -> Json:
        """An ExportMetricsServiceRequest with what these series have got by now."""
        self._last = max(time.time_ns(), self._last + 1)
        metrics: dict[str, Json] = {}
        for series in changed:
            self._put(metrics, series)
        resource: Json = {"attributes": [{"key": "service.name", "value": {"stringValue": self._service}}]}
        scope: Json = {"scope": {"name": "rampa", "version": _version()}, "metrics": list(metrics.values())}
        return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}

    def _put(self, metrics: dict[str, Json], series: Series) -> None:
        name = self._names.of(series)
        sums = {"aggregationTemporality": _CUMULATIVE, "isMonotonic": True}
        if series.kind is MetricType.GAUGE:
            self._point(metrics, name, "gauge", {}, series, {"asDouble": series.last})
        elif series.kind is MetricType.COUNTER:
            self._point(metrics, name, "sum", sums, series, {"asDouble": series.sum})
        elif series.kind is MetricType.RATE:
            self._point(metrics, name, "sum", sums, series, {"asDouble": float(series.count)})
            self._point(metrics, f"{name}_true", "sum", sums, series, {"asDouble": float(series.hits)})
        else:
            histogram = {
                "count": str(series.count),
                "sum": series.sum,
                "min": series.min,
                "max": series.max,
                "bucketCounts": [str(count) for count in series.buckets],
                "explicitBounds": list(series.bounds),
            }
            self._point(metrics, name, "histogram", {"aggregationTemporality": _CUMULATIVE}, series, histogram)

    def _point(self, metrics: dict[str, Json], name: str, kind: str, members: Json, series: Series, values: Json) -> None:
        if name not in metrics:
            metrics[name] = {"name": name, kind: {"dataPoints": [], **members}}
            if series.is_time:
                metrics[name]["unit"] = "s"
        times = {"timeUnixNano": str(self._last), **({} if kind == "gauge" else {"startTimeUnixNano": str(self._start)})}
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in sorted(series.tags.items()) if key]
        point: Json = {"attributes": attributes, **times, **values}
        metrics[name][kind]["dataPoints"].append(point)


def _samples_to_otlp(samples: list[Sample], service_name: str) -> Json:
    """A message with the sums of some samples."""
    writer = _Writer(service_name)
    return writer.message(writer.sums.add(samples).values())


class OTelOutput:
    """Sends what every series has got since the start of the run to a receiver of OpenTelemetry, under the names that
    ``rampa run --output otel`` gives them.

    What the server does not take is sent again for 10 s after 429, 5xx and failed connections, and then with the next numbers;
    meanwhile it counts as lost, which is an error.

    Args:
        url: of the receiver; ``/v1/metrics`` goes behind its path, unless that ends with it.
        service_name: of the resource.
        batch_size: series of one request at most.

    Raises:
        ValueError: that is no URL of HTTP.
    """

    def __init__(self, url: str = "http://localhost:4318", service_name: str = "rampa", batch_size: int = 5000) -> None:
        base = url.rstrip("/")
        self._poster = Poster("otel", base if base.endswith(_PATH) else base + _PATH, {"Content-Type": "application/json"})
        self._service = service_name
        self._batch_size = max(int(batch_size), 1)
        self._writer = _Writer(service_name)
        self._changed: dict[int, Series] = {}

    async def start(self) -> None:
        """Begins with nothing."""
        self._writer, self._changed = _Writer(self._service), {}

    def describe(self, metric: str, kind: MetricType, value_type: ValueType) -> None:
        """What a metric is. One that is not built in and was not described is a gauge.

        Args:
            metric: its name.
            kind: how its samples are summed up.
            value_type: what its values are.
        """
        self._writer.sums.describe(metric, kind, value_type)

    async def add_samples(self, samples: list[Sample]) -> None:
        """Counts them in, and sends the series that they are of.

        Args:
            samples: of about a second.
        """
        self._changed |= self._writer.sums.add(samples)
        await self._send()

    async def stop(self, error: Exception | None = None) -> None:
        """Sends what was not taken once more.

        Args:
            error: that has ended the run, or None.
        """
        await self._send()

    async def _send(self) -> None:
        while self._changed:
            some = list(self._changed.items())[: self._batch_size]
            answer = await self._poster.post(json.dumps(self._writer.message(series for _, series in some)).encode())
            for key, _ in some:
                del self._changed[key]
            refused = _refused(answer)
            if refused:
                raise PostError(f"{self._poster.shown}: it has not taken {refused} of the numbers")


def _refused(answer: bytes) -> int:
    """How many numbers an answer says were not taken."""
    try:
        return int(json.loads(answer)["partialSuccess"]["rejectedDataPoints"])
    except (ValueError, TypeError, LookupError):
        return 0  # it says nothing of that
