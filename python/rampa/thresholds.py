# SPDX-License-Identifier: MIT
"""Thresholds: what must hold for a run to pass."""

from __future__ import annotations

import collections.abc
import dataclasses
import operator
import re
import typing

from rampa.errors import ConfigError

if typing.TYPE_CHECKING:
    from rampa import _rampa
    from rampa.metrics import Sink, SubmetricKey
else:
    import _rampa


@dataclasses.dataclass(frozen=True)
class ThresholdExpression:
    """A threshold taken apart; :func:`parse_threshold` makes it.

    Attributes:
        aggregation: ``count``, ``rate``, ``value``, ``avg``, ``min``, ``max``, ``med`` or ``p(N)``, ``"p(95)"``.
        aggregation_value: the N of ``p(N)``, else None.
        operator: ``<``, ``<=``, ``>``, ``>=``, ``==`` or ``!=``.
        value: the right side; times are milliseconds.
    """

    aggregation: str
    aggregation_value: float | None
    operator: str
    value: float


@dataclasses.dataclass(frozen=True)
class ThresholdResult:
    """How one threshold came out.

    Attributes:
        source: the expression as it was written, ``"p(95)<500"``.
        passed: whether it held.
        lhs: the actual value, or None when the metric has no samples (then only ``count`` can hold).
        rhs: the value it was compared with.
        metric: the metric, with its tag filter if it has one.

    >>> ThresholdResult(source="p(95)<500", passed=True, lhs=450.0, rhs=500.0).passed
    True
    """

    source: str
    passed: bool
    lhs: float | None
    rhs: float
    metric: str = ""


def parse_threshold(expression: str) -> ThresholdExpression:
    """Takes a threshold apart, as the engine itself does. Whether a metric has the aggregation is not looked at.

    Args:
        expression: as in ``Config.thresholds``, ``"p(95)<500"``.

    Returns:
        Its parts.

    Raises:
        rampa.errors.ConfigError: it is none; the message says what was expected.

    >>> parse_threshold("p(99.9) < 500")
    ThresholdExpression(aggregation='p(99.9)', aggregation_value=99.9, operator='<', value=500.0)
    >>> parse_threshold("rate<=0.01").aggregation
    'rate'
    """
    try:
        aggregation, number, sign, value = _rampa.parse_threshold(expression)
    except ConfigError as error:
        before, _, after = error.message.rpartition(" on 'metric'")  # it is on none here
        raise ConfigError(f"invalid {before}{after}", hint=error.hint) from None
    return ThresholdExpression(aggregation if number is None else f"p({number:g})", number, sign, value)


_OPERATORS: dict[str, collections.abc.Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
}


@dataclasses.dataclass
class Threshold:
    """A threshold on a sink (:mod:`rampa.metrics`). In a run, ``Config.thresholds`` says what must hold.

    Attributes:
        source: the expression as it was written.
        expression: the same taken apart.
        abort_on_fail: whether a failure ends what is measured.
        grace_period: how many seconds it must have failed before that, or None.
        last_failed: whether it failed when it was last judged.
    """

    source: str
    expression: ThresholdExpression
    abort_on_fail: bool = False
    grace_period: float | None = None
    last_failed: bool = False


def parse_submetric(name: str) -> tuple[str, dict[str, str]]:
    """Takes the name of a metric and its tag filter apart.

    Args:
        name: of a metric, with a tag filter or without.

    >>> parse_submetric("http_req_duration{status:200, method:GET}")
    ('http_req_duration', {'status': '200', 'method': 'GET'})
    >>> parse_submetric("checks")
    ('checks', {})
    """
    found = re.fullmatch(r"([^{]+)\{(.*)\}", name, flags=re.S)
    if found is None:
        return name, {}
    pairs = (pair.partition(":") for pair in found[2].split(",") if ":" in pair)
    return found[1], {key.strip(): value.strip() for key, _, value in pairs}


def evaluate_threshold(threshold: Threshold, sink: Sink, duration: float) -> ThresholdResult:
    """Judges a threshold by a sink.

    Args:
        threshold: to judge.
        sink: of the metric.
        duration: seconds that its samples come from.

    >>> from rampa.metrics import CounterSink
    >>> evaluate_threshold(Threshold("count>0", parse_threshold("count>0")), CounterSink(), 1.0).passed
    False
    """
    expression = threshold.expression
    percentile = getattr(sink, "percentile", None)
    if expression.aggregation_value is not None and percentile is not None:
        actual = percentile(expression.aggregation_value)
    else:
        actual = sink.format(duration).get(expression.aggregation, 0.0)
    passed = _OPERATORS[expression.operator](actual, expression.value)
    threshold.last_failed = not passed
    return ThresholdResult(threshold.source, passed, actual, expression.value)


def evaluate_thresholds(
    metric_thresholds: collections.abc.Mapping[str, collections.abc.Sequence[Threshold]],
    sinks: collections.abc.Mapping[str, Sink],
    duration: float,
    sub_sinks: collections.abc.Mapping[SubmetricKey, Sink] | None = None,
) -> list[ThresholdResult]:
    """Judges thresholds by sinks. One whose sink is missing has passed, as in the reference; in a run it has not.

    Args:
        metric_thresholds: metric, with its tag filter if it has one -> its thresholds.
        sinks: of metrics, by name.
        duration: seconds that their samples come from.
        sub_sinks: of metrics with a tag filter.

    Returns:
        A result for each threshold, in their order.
    """
    results = []
    for metric, thresholds in metric_thresholds.items():
        name, tags = parse_submetric(metric)
        sink = (sub_sinks or {}).get((name, frozenset(tags.items()))) if tags else sinks.get(name)
        for threshold in thresholds:
            if sink is None:
                results.append(ThresholdResult(threshold.source, True, 0.0, threshold.expression.value, metric))
            else:
                results.append(dataclasses.replace(evaluate_threshold(threshold, sink, duration), metric=metric))
    return results
