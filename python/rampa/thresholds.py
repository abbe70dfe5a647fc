# SPDX-License-Identifier: MIT
"""Thresholds: what must hold for a run to pass."""

from __future__ import annotations

import dataclasses
import typing

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa


@dataclasses.dataclass(frozen=True)
class ThresholdExpression:
    """A threshold taken apart; :func:`parse_threshold` makes it.

    Attributes:
        aggregation: ``count``, ``rate``, ``value``, ``avg``, ``min``, ``max``, ``med`` or ``p``.
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
    ThresholdExpression(aggregation='p', aggregation_value=99.9, operator='<', value=500.0)
    >>> parse_threshold("rate<=0.01").aggregation
    'rate'
    """
    return ThresholdExpression(*_rampa.parse_threshold(expression))
