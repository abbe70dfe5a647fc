# SPDX-License-Identifier: MIT
"""Samples, and the kinds of metrics and values."""

from __future__ import annotations

import enum
import time
import typing


class MetricType(enum.Enum):
    """How the samples of a metric are summed up.

    >>> MetricType("trend")
    <MetricType.TREND: 'trend'>
    """

    COUNTER = "counter"
    GAUGE = "gauge"
    RATE = "rate"
    TREND = "trend"


class ValueType(enum.Enum):
    """What the values of a metric are: milliseconds, bytes, or plain numbers."""

    DEFAULT = "default"
    TIME = "time"
    DATA = "data"


class Sample(typing.NamedTuple):
    """One observation, as ``EngineOptions.on_sample`` gets it.

    Attributes:
        metric: its name.
        value: what a counter grew by, the new value of a gauge, 1.0 or 0.0 of a rate, the value of a trend; times are
            milliseconds.
        timestamp: when it was recorded, in nanoseconds of the monotonic clock (``time.monotonic_ns()``).
        tags: of the observation. The dict belongs to the sample.

    >>> Sample("http_reqs", 1.0, 0, {"method": "GET"}).tags["method"]
    'GET'
    """

    metric: str
    value: float
    timestamp: int
    tags: dict[str, str]


def make_sample(metric: str, value: float, tags: dict[str, str] | None = None) -> Sample:
    """A sample that is recorded now.

    Args:
        metric: its name.
        value: see :class:`Sample`.
        tags: of the observation; None is none.

    >>> make_sample("hits", 2.0).tags
    {}
    """
    return Sample(metric, value, time.monotonic_ns(), {} if tags is None else tags)
