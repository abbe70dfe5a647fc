# SPDX-License-Identifier: MIT
"""What has been measured, as plain numbers; and sinks, which sum up samples outside of a run."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import queue
import threading
import time
import typing

from rampa._types import MetricType, Sample, ValueType

if typing.TYPE_CHECKING:
    from rampa import _rampa
    from rampa.thresholds import Threshold, ThresholdResult
else:
    import _rampa

SubmetricKey = tuple[str, frozenset[tuple[str, str]]]


@dataclasses.dataclass(frozen=True)
class MetricSnapshot:
    """The metrics at one moment of a run, or at its end.

    Attributes:
        timestamp: nanoseconds since the start of the run; only differences mean something.
        duration: seconds since the iterations began, without pauses.
        values: metric -> statistic -> number. Counters have ``count`` and ``rate`` (per second), gauges ``value``, ``min``
            and ``max``, rates ``rate`` (0 to 1), ``passes`` and ``fails``, trends ``count``, ``avg``, ``min``, ``max``,
            ``med``, ``p(90)``, ``p(95)`` and ``p(99)``. Times are milliseconds. The built-in metrics are always there, with
            zeros when they have no sample. The ``rate`` of a counter is that of the time since the last snapshot while the
            run goes on, and that of the whole run in its result.

    >>> MetricSnapshot(timestamp=0, duration=10.0, values={"http_reqs": {"count": 100.0, "rate": 10.0}}).values["http_reqs"]["rate"]
    10.0
    """

    timestamp: int
    duration: float
    values: dict[str, dict[str, float]]


def _with_samples(values: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The metrics of a snapshot without those that only stand there because they are built in.

    A trend or a rate without a sample is left out, and so is ``http_reqs`` when there was no request. Other counters stay: that
    no iteration had an error is worth saying.

    Args:
        values: of a :class:`MetricSnapshot`.

    >>> _with_samples({"http_reqs": {"count": 0.0}, "checks": {"passes": 0.0, "fails": 0.0}, "iteration_errors": {"count": 0.0}})
    {'iteration_errors': {'count': 0.0}}
    """

    def has_some(name: str, stats: dict[str, float]) -> bool:
        if "passes" in stats:
            return stats["passes"] + stats["fails"] > 0
        return stats.get("count", 1.0) > 0 or ("med" not in stats and name != "http_reqs")

    return {name: stats for name, stats in values.items() if has_some(name, stats)}


@dataclasses.dataclass
class Metric:
    """A metric that a :class:`MetricRegistry` knows.

    Attributes:
        name: of the metric.
        metric_type: how its samples are summed up.
        value_type: what its values are.
    """

    name: str
    metric_type: MetricType
    value_type: ValueType = ValueType.DEFAULT


class SinkProtocol(typing.Protocol):
    """What sums up the samples of one metric."""

    def add(self, value: float) -> None:
        """Takes a sample.

        Args:
            value: of the sample.
        """

    def format(self, duration: float) -> dict[str, float]:
        """The statistics.

        Args:
            duration: seconds that the samples come from.
        """
        ...


Sink = SinkProtocol


class CounterSink:
    """Sums up.

    >>> sink = CounterSink()
    >>> sink.add(3.0)
    >>> sink.format(2.0)
    {'count': 3.0, 'rate': 1.5}
    """

    def __init__(self) -> None:
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Takes a sample.

        Args:
            value: to add.
        """
        self._sum += value

    def format(self, duration: float) -> dict[str, float]:
        """``count`` and ``rate``.

        Args:
            duration: seconds that the samples come from.
        """
        return {"count": self._sum, "rate": self._sum / duration if duration > 0 else 0.0}


class GaugeSink:
    """Keeps the last value, the smallest and the largest.

    >>> sink = GaugeSink()
    >>> sink.add(4.0)
    >>> sink.add(2.0)
    >>> sink.format(1.0)
    {'value': 2.0, 'min': 2.0, 'max': 4.0}
    """

    def __init__(self) -> None:
        self._known: tuple[float, float, float] | None = None

    def add(self, value: float) -> None:
        """Takes a sample.

        Args:
            value: the new one.
        """
        _, least, most = self._known or (value, value, value)
        self._known = (value, min(least, value), max(most, value))

    def format(self, duration: float) -> dict[str, float]:
        """``value``, ``min`` and ``max``; zeros when there is no sample.

        Args:
            duration: is not needed.
        """
        return dict(zip(("value", "min", "max"), self._known or (0.0, 0.0, 0.0), strict=True))


class RateSink:
    """Counts what is true.

    >>> sink = RateSink()
    >>> sink.add(1.0)
    >>> sink.add(0.0)
    >>> sink.format(1.0)
    {'rate': 0.5, 'passes': 1.0, 'fails': 1.0}
    """

    def __init__(self) -> None:
        self._passes = self._fails = 0

    def add(self, value: float) -> None:
        """Takes a sample.

        Args:
            value: 0 is false.
        """
        if value:
            self._passes += 1
        else:
            self._fails += 1

    def format(self, duration: float) -> dict[str, float]:
        """``rate``, ``passes`` and ``fails``.

        Args:
            duration: is not needed.
        """
        total = self._passes + self._fails
        rate = self._passes / total if total else 0.0
        return {"rate": rate, "passes": float(self._passes), "fails": float(self._fails)}


class TrendSink:
    """Keeps every value. Percentiles are interpolated between neighbours, as in NumPy.

    >>> sink = TrendSink()
    >>> for value in (1.0, 2.0, 4.0):
    ...     sink.add(value)
    >>> sink.percentile(75)
    3.0
    """

    def __init__(self) -> None:
        self._values: list[float] = []
        self._is_sorted = True

    def add(self, value: float) -> None:
        """Takes a sample.

        Args:
            value: to keep.
        """
        self._values.append(value)
        self._is_sorted = False

    def percentile(self, p: float) -> float:
        """The value that p percent of the samples do not exceed, or 0 when there is none.

        Args:
            p: 0 to 100.
        """
        values = self._sorted()
        if not values:
            return 0.0
        place = p / 100 * (len(values) - 1)
        low = values[int(place)]
        high = values[min(int(place) + 1, len(values) - 1)]
        return low + (place - int(place)) * (high - low)

    def format(self, duration: float) -> dict[str, float]:
        """``count``, ``avg``, ``min``, ``max``, ``med``, ``p(90)``, ``p(95)`` and ``p(99)``.

        Args:
            duration: is not needed.
        """
        values = self._sorted() or [0.0]
        ret = {"count": float(len(self._values)), "avg": sum(values) / len(values), "min": values[0], "max": values[-1]}
        ret |= {name: self.percentile(p) for name, p in (("med", 50), ("p(90)", 90), ("p(95)", 95), ("p(99)", 99))}
        return ret

    def _sorted(self) -> list[float]:
        if not self._is_sorted:
            self._values.sort()
            self._is_sorted = True
        return self._values


class HdrTrendSink(TrendSink):
    """The same as :class:`TrendSink`. The reference has a histogram in Rust here, with rounded values; these are exact."""


_SINKS: dict[MetricType, type[CounterSink] | type[GaugeSink] | type[RateSink] | type[TrendSink]] = {
    MetricType.COUNTER: CounterSink,
    MetricType.GAUGE: GaugeSink,
    MetricType.RATE: RateSink,
    MetricType.TREND: TrendSink,
}


def create_sink(metric_type: MetricType) -> Sink:
    """A sink for samples of a metric.

    Args:
        metric_type: of the metric.

    >>> create_sink(MetricType.GAUGE).format(1.0)["value"]
    0.0
    """
    return _SINKS[metric_type]()


class MetricRegistry:
    """Metrics by name, each with its sink, and the sinks of sub-metrics. Any thread may call its methods.

    >>> registry = MetricRegistry()
    >>> registry.get_or_create("hits", MetricType.COUNTER).name
    'hits'
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._metrics: dict[str, Metric] = {}
        self._sinks: dict[str, Sink] = {}
        self._sub_sinks: dict[SubmetricKey, Sink] = {}

    def get_or_create(self, name: str, metric_type: MetricType, value_type: ValueType = ValueType.DEFAULT) -> Metric:
        """The metric of that name.

        Args:
            name: of the metric.
            metric_type: what it is, or is to be.
            value_type: of a new one.

        Raises:
            ValueError: there is one of another type.
        """
        with self._lock:
            known = self._metrics.setdefault(name, Metric(name, metric_type, value_type))
            if known.metric_type is not metric_type:
                raise ValueError(
                    f"the metric {name!r} is already registered as a {known.metric_type.value}; it cannot be a "
                    f"{metric_type.value} too: give one of them another name"
                )
            self._sinks.setdefault(name, create_sink(metric_type))
            return known

    def get_sink(self, name: str) -> Sink | None:
        """The sink of a metric, or None.

        Args:
            name: of the metric.
        """
        with self._lock:
            return self._sinks.get(name)

    def all_metrics(self) -> dict[str, Metric]:
        """The metrics by name."""
        with self._lock:
            return dict(self._metrics)

    def all_sinks(self) -> dict[str, Sink]:
        """The sinks by metric."""
        with self._lock:
            return dict(self._sinks)

    def get_or_create_sub_sink(self, base_name: str, tag_filter: dict[str, str]) -> Sink | None:
        """The sink of a sub-metric; None when there is no such metric.

        Args:
            base_name: of the metric.
            tag_filter: the tags that a sample of it must have.
        """
        with self._lock:
            metric = self._metrics.get(base_name)
            if metric is None:
                return None
            return self._sub_sinks.setdefault((base_name, frozenset(tag_filter.items())), create_sink(metric.metric_type))

    def get_sub_sink(self, key: SubmetricKey) -> Sink | None:
        """The sink of a sub-metric, or None.

        Args:
            key: the metric's name, and the tags as a frozen set of pairs.
        """
        with self._lock:
            return self._sub_sinks.get(key)

    def all_sub_sinks(self) -> dict[SubmetricKey, Sink]:
        """The sinks of sub-metrics by key."""
        with self._lock:
            return dict(self._sub_sinks)


_VALUE_TYPES = {"time": ValueType.TIME, "data": ValueType.DATA}


def _builtins() -> list[Metric]:
    own = {
        name: Metric(name, MetricType(kind), _VALUE_TYPES.get(unit, ValueType.DEFAULT))
        for name, kind, unit in _rampa.builtin_metrics()
    }
    further = [Metric(alias, own[name].metric_type, own[name].value_type) for alias, name in _rampa.metric_aliases().items()]
    return [*own.values(), *further]


def register_builtins(registry: MetricRegistry) -> None:
    """Adds the metrics that every run has.

    Args:
        registry: to add them to.

    >>> registry = MetricRegistry()
    >>> register_builtins(registry)
    >>> registry.all_metrics()["http_req_duration"].value_type
    <ValueType.TIME: 'time'>
    """
    for metric in _builtins():
        registry.get_or_create(metric.name, metric.metric_type, metric.value_type)


@dataclasses.dataclass
class MetricEngine:
    """Sums up the samples of a queue on a thread of its own. A run needs none; this is for samples made by hand.

    Attributes:
        registry: gets the samples. A metric that it does not know becomes a trend.
        sample_queue: of the samples. None ends it.
        flush_interval: seconds between snapshots.
        on_sample: called on the thread with each sample, or None.
        on_snapshot: called on the thread with each snapshot, or None.
        thresholds: metric, with its tag filter if it has one -> thresholds that are judged meanwhile.
        threshold_interval: seconds between two judgements. The first is with the first snapshot.
        on_threshold: called on the thread with the results of a judgement, or None.
        abort_callback: called once, when a threshold with ``abort_on_fail`` fails longer than its ``grace_period``.
    """

    registry: MetricRegistry
    sample_queue: queue.SimpleQueue[Sample | None]
    flush_interval: float = 0.05
    on_sample: collections.abc.Callable[[Sample], object] | None = None
    on_snapshot: collections.abc.Callable[[MetricSnapshot], object] | None = None
    thresholds: dict[str, list[Threshold]] = dataclasses.field(default_factory=dict)
    threshold_interval: float = 2.0
    on_threshold: collections.abc.Callable[[list[ThresholdResult]], object] | None = None
    abort_callback: collections.abc.Callable[[], object] | None = None

    def __post_init__(self) -> None:
        self._snapshots: collections.deque[MetricSnapshot] = collections.deque(maxlen=128)
        self._thread = threading.Thread(target=self._run, name="rampa-metrics", daemon=True)
        self._started = self._judged = 0.0
        self._failing_since: dict[int, float] = {}
        self._has_aborted = False

    def start(self) -> None:
        """Starts the thread."""
        self._started = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Takes what is in the queue, makes a last snapshot, and ends the thread."""
        self.sample_queue.put(None)
        self._thread.join()

    def get_latest_snapshot(self) -> MetricSnapshot | None:
        """The last snapshot, or None before there is one."""
        return self._snapshots[-1] if self._snapshots else None

    def _run(self) -> None:
        flush_at = self._started + self.flush_interval
        while True:
            if time.monotonic() >= flush_at:  # asked of the clock: the queue may never be empty
                self._flush()
                flush_at = time.monotonic() + self.flush_interval
            try:
                sample = self.sample_queue.get(timeout=max(0.0, flush_at - time.monotonic()))
            except queue.Empty:
                continue
            if sample is None:
                break
            self._take(sample)
        self._flush()

    def _take(self, sample: Sample) -> None:
        sink = self.registry.get_sink(sample.metric)
        if sink is None:
            self.registry.get_or_create(sample.metric, MetricType.TREND)
            sink = self.registry.get_sink(sample.metric)
        assert sink is not None
        sink.add(sample.value)
        for (name, tags), sub_sink in self.registry.all_sub_sinks().items():
            if name == sample.metric and tags <= sample.tags.items():
                sub_sink.add(sample.value)
        if self.on_sample is not None:
            self.on_sample(sample)

    def _flush(self) -> None:
        now = time.monotonic()
        values = {name: sink.format(now - self._started) for name, sink in self.registry.all_sinks().items()}
        snapshot = MetricSnapshot(time.monotonic_ns(), now - self._started, values)
        self._snapshots.append(snapshot)
        if self.on_snapshot is not None:
            self.on_snapshot(snapshot)
        if self.thresholds and (not self._judged or now - self._judged >= self.threshold_interval):
            self._judged = now
            self._judge(now)

    def _judge(self, now: float) -> None:
        from rampa.thresholds import evaluate_thresholds

        results = evaluate_thresholds(
            self.thresholds, self.registry.all_sinks(), now - self._started, self.registry.all_sub_sinks()
        )
        if self.on_threshold is not None:
            self.on_threshold(results)
        flat = [threshold for thresholds in self.thresholds.values() for threshold in thresholds]
        for i, (threshold, result) in enumerate(zip(flat, results, strict=True)):
            if result.passed or not threshold.abort_on_fail:
                self._failing_since.pop(i, None)
                continue
            since = self._failing_since.setdefault(i, now)
            if now - since >= (threshold.grace_period or 0.0) and not self._has_aborted and self.abort_callback is not None:
                self._has_aborted = True
                self.abort_callback()
