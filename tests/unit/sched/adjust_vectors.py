#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Expected times of arrivals of schedules that are adjusted, from the definition in exact fractions.

usage: adjust_vectors.py > adjust_vectors.h
       adjust_vectors.py --check adjust_vectors.h

Shares nothing with the C code. What the rate is at a moment is asked of the definition: the last adjustment that has
begun, while it lasts, and else the plan. The area under that is added up from one moment to the next at which something
changes. Where a ramp is cut, the area is cut to a whole unit, as the header says; the times without that are computed
too, and may differ by a nanosecond at most where the rate is not near 0.
"""
from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Iterator

S = 10**9
MOST = 16
ROOM = 4  # adjustments of a vector, and stages


@dataclass
class Adjustment:
    rate: str
    at: int
    hold: bool


@dataclass
class Case:
    rate: str
    unit: int
    duration: int
    stages: list[tuple[int, int]]
    adjustments: list[Adjustment]

    @property
    def end(self) -> int:
        return sum(d for d, _ in self.stages) if self.stages else self.duration

    def ends(self) -> list[int]:
        return [sum(d for d, _ in self.stages[: i + 1]) for i in range(len(self.stages))]

    def until(self, adjustment: Adjustment) -> int:
        if adjustment.hold or not self.stages:
            return self.end
        return next(e for e in self.ends() if e > adjustment.at)

    def counting(self, time: int) -> Adjustment | None:
        begun = [a for a in self.adjustments if a.at <= time]
        return begun[-1] if begun and time < self.until(begun[-1]) else None

    def plan(self, time: Fraction | int, ahead: bool) -> Fraction:
        """The planned rate; at a jump the one after it when it is looked @ahead."""
        level, began = Fraction(self.rate), 0
        if not self.stages:
            return level
        for duration, target in self.stages:
            ended = began + duration
            if time < ended or (time == ended and not ahead and duration):
                return level + (target - level) * Fraction(time - began, duration)
            level, began = Fraction(target), ended
        return level


@dataclass
class Piece:
    began: int
    ended: int
    start: Fraction  # rates in a nanosecond
    end: Fraction
    done: Fraction

    def area(self, t: int) -> Fraction:
        return self.start * t + (self.end - self.start) * t * t / (2 * (self.ended - self.began))


def pieces_of(case: Case, cuts: bool) -> list[Piece]:
    moments = {0, case.end} | {a.at for a in case.adjustments} | {case.until(a) for a in case.adjustments} | set(case.ends())
    order = sorted(m for m in moments if m <= case.end)
    pieces, done = [], Fraction(0)
    for began, ended in zip(order, order[1:]):
        here = [a for a in case.adjustments if a.at == began]
        if here and cuts:
            den = math.lcm(*(Fraction(r).denominator for r in [case.rate, *(a.rate for a in case.adjustments if a.at <= began)]))
            unit = 2 * case.unit * den
            done = Fraction(math.floor(done * unit), unit)
        counting = case.counting(began)
        if counting:
            start = end = Fraction(counting.rate)
        else:
            start, end = case.plan(began, True), case.plan(ended, False)
        piece = Piece(began, ended, start / case.unit, end / case.unit, done)
        pieces.append(piece)
        done += piece.area(ended - began)
    return pieces


def area_of(pieces: list[Piece]) -> Fraction:
    return pieces[-1].done + pieces[-1].area(pieces[-1].ended - pieces[-1].began)


def total_of(case: Case, pieces: list[Piece]) -> int:
    return math.floor(area_of(pieces)) if case.stages else math.ceil(area_of(pieces))


def time_of(case: Case, pieces: list[Piece], index: int) -> int:
    """Arrivals of a ramping rate come where the area is reached, those of a constant one where it begins to be passed."""
    area = Fraction(index + 1 if case.stages else index)
    for piece in pieces:
        whole = piece.done + piece.area(piece.ended - piece.began)
        if whole > area or (case.stages and whole == area):
            break
    low, high = 0, piece.ended - piece.began
    while low < high:
        middle = (low + high + 1) // 2
        if piece.done + piece.area(middle) <= area:
            low = middle
        else:
            high = middle - 1
    return piece.began + low


def random_case(chance: random.Random, small: bool) -> Case:
    length, most = (40, 6) if small else (100 * S, 1000)
    rates = ["0", "1", "2.5", "0.333333333", str(most), f"{chance.randint(0, 1000 * most) / 1000}"]
    stages = []
    if chance.random() < 0.7:
        for _ in range(chance.randint(1, ROOM)):
            stages.append((chance.choice([0, chance.randint(1, length), chance.randint(1, length)]), chance.randint(0, most)))
        if not sum(d for d, _ in stages):
            stages[-1] = (length, most)
    rate = chance.choice(rates if stages else rates[1:])
    if not stages and float(rate) == 0:
        rate = "1"
    case = Case(rate, chance.randint(1, 30) if small else chance.choice([S, 60 * S, 7 * S + 1]), chance.randint(1, length), stages, [])
    edges = [0, *(e for e in case.ends() if e < case.end)]
    times = [chance.choice([chance.randrange(case.end), chance.randrange(case.end), chance.choice(edges)])
             for _ in range(chance.randint(1, ROOM))]
    case.adjustments = [Adjustment(chance.choice(rates), at, chance.random() < 0.4) for at in sorted(times)]
    return case


def lines() -> Iterator[str]:
    yield "/* SPDX-License-Identifier: MIT */\n"
    yield "/* Written by adjust_vectors.py: change that and not this. */\n"
    yield "/* clang-format off */\n"
    yield "static const struct vector vectors[] = {\n"
    chance = random.Random(14)
    for number in range(160):
        case = random_case(chance, number % 2 == 0)
        pieces, exact = pieces_of(case, True), pieces_of(case, False)
        total = total_of(case, pieces)
        assert 0 <= total_of(case, exact) - total <= 1
        some = sorted(i for i in {0, 1, 2, total // 4, total // 3, total // 2, 2 * total // 3, total - 2, total - 1} if 0 <= i < total)
        times = [(i, time_of(case, pieces, i)) for i in some]
        assert all(abs(time - time_of(case, exact, i)) <= 1 for i, time in times) or ramps_at_zero(case)
        stages = ", ".join(f"{{ {d}, {t} }}" for d, t in case.stages) or "{ 0 }"
        adjustments = ", ".join(f"{{ {a.rate}, {a.at}, {int(a.hold)} }}" for a in case.adjustments)
        yield f"    {{ {case.rate}, {case.unit}, {case.duration}, {{ {stages} }}, {len(case.stages)},\n"
        yield f"      {{ {adjustments} }}, {len(case.adjustments)}, {total}u, {len(some)},\n"
        yield "      { " + (", ".join(f"{{ {i}u, {t} }}" for i, t in times) or "{ 0 }") + " } },\n"
    yield "};\n"


def ramps_at_zero(case: Case) -> bool:
    """There a unit of area, which is half a nanosecond at a rate of 1/den, takes longer."""
    return bool(case.stages) and any(level == 0 for level in [float(case.rate), *(t for _, t in case.stages)])


def main(argv: list[str]) -> int:
    text = "".join(lines())
    if argv[1:2] == ["--check"]:
        if Path(argv[2]).read_text() == text:
            return 0
        print(f"{argv[2]} is not what {argv[0]} writes", file=sys.stderr)
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
