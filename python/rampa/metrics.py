# SPDX-License-Identifier: MIT
"""What has been measured, as plain numbers."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class MetricSnapshot:
    """The metrics at one moment of a run, or at its end.

    Attributes:
        timestamp: nanoseconds since the start of the run; only differences mean something.
        duration: seconds since the iterations began, without pauses.
        values: metric -> statistic -> number. Counters have ``count`` and ``rate`` (per second), gauges ``value``, ``min``
            and ``max``, rates ``rate`` (0 to 1), ``passes`` and ``fails``, trends ``count``, ``avg``, ``min`` and ``max``; in
            the result of a run also ``med``, ``p(90)``, ``p(95)``, ``p(99)`` and ``p(99.9)``. Times are milliseconds. The
            ``rate`` of a counter is that of the last second while the run goes on, and that of the whole run in its result.

    >>> MetricSnapshot(timestamp=0, duration=10.0, values={"http_reqs": {"count": 100.0, "rate": 10.0}}).values["http_reqs"]["rate"]
    10.0
    """

    timestamp: int
    duration: float
    values: dict[str, dict[str, float]]
