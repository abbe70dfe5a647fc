# SPDX-License-Identifier: MIT
"""What each series of a run has got since its start, for servers that want sums and histograms and allow fewer characters in names."""

from __future__ import annotations

import bisect
import collections.abc
import dataclasses
import typing

from rampa._types import MetricType, Sample, ValueType

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
NUMBERS = (0.01, 0.1, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 1e5, 1e6)
"""Upper bounds of the buckets of a trend; above them is one bucket more."""


@dataclasses.dataclass
class Series:
    """A series and what it has got. Times are in seconds.

    Attributes:
        metric: its name.
        tags: of all its samples.
        kind: of the metric.
        is_time: whether the values of the trend are times.
        count: its samples.
        sum: of their values.
        last: the newest value.
        min: the smallest value.
        max: the largest value.
        hits: samples that were true.
        buckets: of a trend, each without those below.
        is_told: the output's own.
    """

    metric: str
    tags: dict[str, str]
    kind: MetricType
    is_time: bool
    count: int = 0
    sum: float = 0.0
    last: float = 0.0
    min: float = 0.0
    max: float = 0.0
    hits: int = 0
    buckets: list[int] = dataclasses.field(default_factory=list)
    is_told: bool = False

    @property
    def bounds(self) -> tuple[float, ...]:
        """Of the buckets."""
        return SECONDS if self.is_time else NUMBERS

    def add(self, value: float) -> None:
        """Counts a sample in.

        Args:
            value: of the sample, in milliseconds for times.
        """
        if self.is_time:
            value /= 1e3
        self.min = min(self.min, value) if self.count else value
        self.max = max(self.max, value) if self.count else value
        self.count += 1
        self.sum += value
        self.last = value
        self.hits += value != 0
        if self.kind is MetricType.TREND:
            self.buckets = self.buckets or [0] * (len(self.bounds) + 1)
            self.buckets[bisect.bisect_left(self.bounds, value)] += 1


class Sums:
    """The series of a run."""

    def __init__(self) -> None:
        self._kinds = {name: (MetricType(kind), ValueType(unit)) for name, kind, unit in _rampa.builtin_metrics()}
        self._series: dict[tuple[str, frozenset[tuple[str, str]]], Series] = {}

    def describe(self, metric: str, kind: MetricType, value_type: ValueType) -> None:
        """What a metric is. One that is not built in and was not described is a gauge.

        Args:
            metric: its name.
            kind: how its samples are summed up.
            value_type: what its values are.
        """
        self._kinds[metric] = (kind, value_type)

    def add(self, samples: collections.abc.Iterable[Sample]) -> dict[int, Series]:
        """Counts samples in.

        Args:
            samples: of the run.

        Returns:
            The series that have got some, by their ``id()``, in the order in which they came.
        """
        changed = {}
        for sample in samples:
            key = (sample.metric, frozenset(sample.tags.items()))
            series = self._series.get(key)
            if series is None:
                kind, unit = self._kinds.get(sample.metric, (MetricType.GAUGE, ValueType.DEFAULT))
                is_time = kind is MetricType.TREND and unit is ValueType.TIME
                series = self._series[key] = Series(sample.metric, dict(sample.tags), kind, is_time)
            series.add(sample.value)
            changed[id(series)] = series
        return changed


class Names:
    """Names of metrics as a server allows them. What comes to a name that is taken gets a number behind it.

    Args:
        make: makes a valid name.
        suffixes: what stands behind the names that a series has.
    """

    def __init__(
        self, make: collections.abc.Callable[[str], str], suffixes: collections.abc.Callable[[Series], collections.abc.Sequence[str]]
    ) -> None:
        self._make = make
        self._suffixes = suffixes
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, series: Series) -> str:
        """The name of the metric of a series, without a suffix.

        Args:
            series: of the run.
        """
        name = self._known.get(series.metric)
        if name is None:
            suffixes = self._suffixes(series)
            name = unused(self._make(series.metric), lambda tried: any(tried + suffix in self._taken for suffix in suffixes))
            self._taken.update(name + suffix for suffix in suffixes)
            self._known[series.metric] = name
        return name


def unused(name: str, is_taken: collections.abc.Callable[[str], bool]) -> str:
    """The name, or with a number behind it.

    Args:
        name: that is wanted.
        is_taken: tells which cannot be had.

    >>> unused("a", {"a", "a_2"}.__contains__)
    'a_3'
    """
    tried, number = name, 1
    while is_taken(tried):
        number += 1
        tried = f"{name}_{number}"
    return tried
