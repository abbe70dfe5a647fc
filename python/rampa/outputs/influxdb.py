# SPDX-License-Identifier: MIT
"""The output ``influxdb`` in Python."""

from __future__ import annotations

import re

from rampa._types import Sample
from rampa.outputs._post import Poster, WallClock

_LINE_END = re.compile(r"[\r\n\t]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BACKSLASH = re.compile(r"\\(?=[\\,= ]|$)")
_SPECIAL = re.compile(r"([,= ])")
_SPECIAL_IN_METRIC = re.compile(r"([, ])")


def _plain(text: str) -> str:
    """A line ends nowhere but at its end. Servers differ in what a backslash in front of what may be escaped means: it becomes a slash."""
    return _CONTROL.sub("\ufffd", _BACKSLASH.sub("/", _LINE_END.sub(" ", text)))


def _metric(name: str) -> str:
    """InfluxDB keeps names that begin with ``_`` for itself, and takes ``#`` for a comment."""
    name = _plain(name)
    prefix = "metric" if name.startswith("#") else "metric_" if name.startswith("_") else ""
    return _SPECIAL_IN_METRIC.sub(r"\\\1", prefix + name)


def _tag(key: str, value: str) -> str:
    if key.startswith("_") or key == "time":
        key = f"tag_{key}"
    return f",{_escaped(key)}={_escaped(value)}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _plain(text))


def _head(sample: Sample) -> str:
    """The series of a sample. A tag without a name or a value cannot be written."""
    tags = sorted((key, value) for key, value in sample.tags.items() if key and value)
    return _metric(sample.metric) + "".join(_tag(key, value) for key, value in tags)


def _sample_to_line(sample: Sample) -> str:
    """A line of the line protocol. Its time is the one that stands in the sample.

    >>> _sample_to_line(Sample("size", 1.5, 7, {"kind": "a b"}))
    'size,kind=a\\\\ b value=1.5 7'
    """
    return f"{_head(sample)} value={sample.value!r} {sample.timestamp}"


class InfluxDBOutput:
    """Sends every sample to InfluxDB, in the line protocol, with the field ``value``.

    What the server does not take is sent again for 10 s after 429, 5xx and failed connections; then it is lost, which is an error.
    ``rampa run --output influxdb`` sends the sums of each second instead, which are far fewer.

    Args:
        url: that is posted to, such as ``http://localhost:8086/api/v2/write?org=shop&bucket=tests``.
        token: or "" for none.
        batch_size: lines of one request at most.

    Raises:
        ValueError: that is no URL of HTTP.
    """

    def __init__(self, url: str, token: str = "", batch_size: int = 5000) -> None:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if token:
            headers["Authorization"] = f"Token {token}"
        self._poster = Poster("influxdb", url, headers)
        self._batch_size = max(int(batch_size), 1)
        self._clock = WallClock()
        self._last: dict[str, int] = {}

    async def start(self) -> None:
        """Sends nothing yet."""
        self._clock = WallClock()
        self._last = {}

    async def add_samples(self, samples: list[Sample]) -> None:
        """Sends them.

        Args:
            samples: of about a second.
        """
        lines = [self._line(sample) for sample in samples]
        for first in range(0, len(lines), self._batch_size):
            await self._poster.post("\n".join(lines[first : first + self._batch_size]).encode("utf-8", "replace"))

    async def stop(self, error: Exception | None = None) -> None:
        """Does nothing: all is sent.

        Args:
            error: that has ended the run, or None.
        """

    def _line(self, sample: Sample) -> str:
        """InfluxDB keeps one point of a series for each nanosecond: a second one comes a nanosecond later."""
        head = _head(sample)
        at = max(self._clock.of(sample), self._last.get(head, 0) + 1)
        self._last[head] = at
        return f"{head} value={sample.value!r} {at}"
