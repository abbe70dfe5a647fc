# SPDX-License-Identifier: MIT
"""The output ``prometheus`` in Python: remote write 1.0."""

from __future__ import annotations

import collections.abc
import re
import struct
import time
import typing

from rampa._types import MetricType, Sample, ValueType
from rampa.outputs._post import Poster
from rampa.outputs._sums import Names, Series, Sums, unused

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa

_ODD = re.compile(r"[^a-zA-Z0-9_]")
_SUFFIXES = {MetricType.COUNTER: ("_total",), MetricType.GAUGE: ("",), MetricType.RATE: ("_total", "_true_total")}


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(field: int, data: bytes) -> bytes:
    return bytes((field << 3 | 2,)) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode("utf-8", "replace"))


def _suffixes(series: Series) -> collections.abc.Sequence[str]:
    """What stands behind the name of a metric in the names of its series there."""
    if series.kind is not MetricType.TREND:
        return _SUFFIXES[series.kind]
    unit = "_seconds" if series.is_time else ""
    return (f"{unit}_bucket", f"{unit}_sum", f"{unit}_count")


def _name(metric: str) -> str:
    return f"rampa_{_ODD.sub('_', metric)}"


def _labels(tags: dict[str, str]) -> dict[str, str]:
    """Tags as labels: with valid names, none of which is Prometheus's own, and none twice. An empty one is none."""
    labels: dict[str, str] = {}
    for key, value in sorted(tags.items()):
        name = _ODD.sub("_", f"tag_{key}" if key == "le" or key.startswith("__") else key) or "_"
        name = unused(f"_{name}" if name[0].isdigit() else name, labels.__contains__)
        if value:
            labels[name] = value
    return labels


def _values(series: Series) -> collections.abc.Iterator[tuple[str, float, dict[str, str]]]:
    """(suffix, value, further labels) of all that the series is there."""
    suffixes = _suffixes(series)
    if series.kind is MetricType.COUNTER:
        yield suffixes[0], series.sum, {}
    elif series.kind is MetricType.GAUGE:
        yield suffixes[0], series.last, {}
    elif series.kind is MetricType.RATE:
        yield suffixes[0], float(series.count), {}
        yield suffixes[1], float(series.hits), {}
    else:
        below = 0
        for bound, count in zip((*series.bounds, None), series.buckets, strict=True):
            below += count
            yield suffixes[0], float(below), {"le": "+Inf" if bound is None else f"{bound:g}"}
        yield suffixes[1], series.sum, {}
        yield suffixes[2], float(series.count), {}


class _Writer:
    """Makes messages of series. Their times only grow."""

    def __init__(self) -> None:
        self.sums = Sums()
        self._names = Names(_name, _suffixes)
        self._last_ms = time.time_ns() // 1_000_000 - 1

    def message(self, changed: collections.abc.Iterable[Series]) -> bytes:
        """A WriteRequest with what these series have got by now."""
        before, self._last_ms = self._last_ms, max(time.time_ns() // 1_000_000, self._last_ms + 1)
        return b"".join(self._series(series, before) for series in changed)

    def _series(self, series: Series, before: int) -> bytes:
        out, labels, name = [], _labels(series.tags), self._names.of(series)
        # What grows begins with a zero: rate() is made of differences, and would never see the first sum.
        has_zero = series.kind is not MetricType.GAUGE and not series.is_told
        for suffix, value, more in _values(series):
            named = sorted({**labels, **more, "__name__": name + suffix}.items())
            parts = [_bytes(1, _text(1, key) + _text(2, text)) for key, text in named]
            samples = [(0.0, before)] * has_zero + [(value, self._last_ms)]
            parts += [_bytes(2, b"\x09" + struct.pack("<d", number) + b"\x10" + _varint(at)) for number, at in samples]
            out.append(_bytes(1, b"".join(parts)))
        return b"".join(out)


def _samples_to_write_request(samples: list[Sample]) -> bytes:
    """A message with the sums of some samples."""
    writer = _Writer()
    return writer.message(writer.sums.add(samples).values())


def _compress(data: bytes) -> tuple[bytes, str]:
    """The data, and the coding."""
    return _rampa.snappy_compress(data), "snappy"


class PrometheusOutput:
    """Sends what every series has got since the start of the run to Prometheus, by remote write, under the names that
    ``rampa run --output prometheus`` gives them.

    What the server does not take is sent again for 10 s after 429, 5xx and failed connections, and then with the next numbers;
    meanwhile it counts as lost, which is an error.

    Args:
        url: that is posted to, such as ``http://localhost:9090/api/v1/write``.
        headers: further ones.
        batch_size: series of one request at most.

    Raises:
        ValueError: that is no URL of HTTP.
    """

    def __init__(self, url: str, headers: dict[str, str] | None = None, batch_size: int = 5000) -> None:
        fields = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        self._poster = Poster("prometheus", url, {**fields, **(headers or {})})
        self._batch_size = max(int(batch_size), 1)
        self._writer = _Writer()
        self._changed: dict[int, Series] = {}

    async def start(self) -> None:
        """Begins with nothing."""
        self._writer, self._changed = _Writer(), {}

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
            await self._poster.post(_compress(self._writer.message(series for _, series in some))[0])
            for key, series in some:
                series.is_told = True
                del self._changed[key]
