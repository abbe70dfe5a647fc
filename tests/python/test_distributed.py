# SPDX-License-Identifier: MIT
"""rampa.distributed: parts of a load."""
from __future__ import annotations

import math
import random

import pytest

from rampa.distributed.segment import ExecutionSegment


def test_pieces_and_shares() -> None:
    dice = random.Random(5)
    for _ in range(300):
        total, count = dice.randint(1, 40), dice.randint(0, 500)
        parts = [ExecutionSegment(i, total) for i in range(total)]
        everything = list(range(count))
        assert [n for part in parts for n in part.vu_range(count)] == everything
        assert [n for part in parts for n in part.iteration_range(count)] == everything
        assert sorted(n for part in parts for n in part.numbers(count)) == everything
        rate = dice.uniform(0.1, 1e6)
        assert math.fsum(part.scale_rate(rate) for part in parts) == rate
        if count:
            assert math.fsum(part.scale_rate(rate, count) for part in parts) == pytest.approx(rate, rel=1e-15)
            assert all((part.scale_rate(rate, count) > 0) == bool(part.vu_range(count)) for part in parts)
        assert all(part.fraction == 1 / total for part in parts)


def test_the_references_numbers() -> None:
    assert [len(ExecutionSegment(i, 3).vu_range(10)) for i in range(3)] == [3, 3, 4]
    assert ExecutionSegment(0, 2).scale_rate(100.0, 10) == 50.0
    part = ExecutionSegment(index=1, total=4)
    assert (str(part), part.sequence) == ("1/4:2/4", "0,1/4,2/4,3/4,1")
    assert part == ExecutionSegment(1, 4) and hash(part) == hash(ExecutionSegment(1, 4))
    with pytest.raises(AttributeError):
        part.index = 2  # type: ignore[misc]


def test_parts_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="total must be >= 1, got 0"):
        ExecutionSegment(0, 0)
    with pytest.raises(ValueError, match=r"index must be in \[0, 2\), got 2"):
        ExecutionSegment(2, 2)
    with pytest.raises(ValueError, match=r"index must be in \[0, 2\), got -1"):
        ExecutionSegment(-1, 2)
    with pytest.raises(ValueError, match="total_vus must be >= 1, got 0"):
        ExecutionSegment(0, 2).scale_rate(10, 0)
