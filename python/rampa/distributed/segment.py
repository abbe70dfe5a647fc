# SPDX-License-Identifier: MIT
"""Equal parts of a test's load, for runs on several machines."""

from __future__ import annotations

import dataclasses
import fractions


@dataclasses.dataclass(frozen=True)
class ExecutionSegment:
    """One of ``total`` equal parts of a load. ``str(segment)`` is the text for ``--execution-segment``.

    Args:
        index: which part, from 0.
        total: how many parts there are.

    Raises:
        ValueError: there is no such part.
    """

    index: int
    total: int

    def __post_init__(self) -> None:
        if self.total < 1:
            raise ValueError(f"total must be >= 1, got {self.total}")
        if not 0 <= self.index < self.total:
            raise ValueError(f"index must be in [0, {self.total}), got {self.index}")

    def __str__(self) -> str:
        return f"{self.index}/{self.total}:{self.index + 1}/{self.total}"

    @property
    def sequence(self) -> str:
        """The text for ``--execution-segment-sequence``: the same for all parts."""
        return ",".join(["0", *(f"{i}/{self.total}" for i in range(1, self.total)), "1"])

    @property
    def fraction(self) -> float:
        """The length of the part: 1 / total."""
        return 1 / self.total

    def numbers(self, total: int) -> range:
        """Which of the numbers from 0 to ``total - 1`` a run with this segment has, such as VUs and iterations.

        They go round: with four parts, part 1 has 1, 5, 9 and so on. ``worker.execution.vu`` counts from 1: it is one more.
        """
        return range(self.index, max(total, 0), self.total)

    def vu_range(self, total_vus: int) -> range:
        """A share of the numbers from 0 to ``total_vus - 1`` in one piece, to share out users or rows of data.

        The shares of all parts are all numbers, each once. Which VUs a run has is said by ``numbers()``.
        """
        return self._piece(total_vus)

    def iteration_range(self, total_iterations: int) -> range:
        """The same as ``vu_range()``, for iterations."""
        return self._piece(total_iterations)

    def scale_rate(self, total_rate: float, total_vus: int | None = None) -> float:
        """The part's share of a rate.

        ``math.fsum()`` of the shares of all parts is ``total_rate``. With ``total_vus`` each part has as much as the VUs of its
        ``vu_range()`` make: nothing when there are fewer VUs than parts and it has none.
        """
        if total_vus is not None and total_vus < 1:
            raise ValueError(f"total_vus must be >= 1, got {total_vus}")
        vus = range(self.index, self.index + 1) if total_vus is None else self.vu_range(total_vus)
        whole = self.total if total_vus is None else total_vus
        rate = fractions.Fraction(total_rate)
        # Differences of what is before each part: so that rounding errors of neighbours cancel each other.
        return float(rate * vus.stop / whole) - float(rate * vus.start / whole)

    def _piece(self, count: int) -> range:
        return range(self.index * count // self.total, (self.index + 1) * count // self.total)
