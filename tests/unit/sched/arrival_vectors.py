#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Expected times of arrivals, from the definition of the schedules in exact fractions.

usage: arrival_vectors.py > arrival_vectors.h
       arrival_vectors.py --check arrival_vectors.h

Shares nothing with the C code: areas are fractions, an arrival's time is found by bisection over whole nanoseconds, and
random arrivals are drawn by a generator of its own.
"""
from __future__ import annotations

import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Iterator

S = 10**9
MS = 10**6
DAY = 86400 * S
WORD = 2**64 - 1
MOST = 14  # arrivals a vector, in the C table too


@dataclass
class Case:
    name: str
    rate: str  # iterations in a time unit, as written
    unit: int = S
    duration: int = 0  # of a constant rate
    stages: list[tuple[int, int]] = field(default_factory=list)  # duration, target
    wanted: list[int] = field(default_factory=list)  # further numbers to look at


@dataclass
class Stage:
    began: int
    duration: int
    start: Fraction  # rates in a nanosecond
    end: Fraction
    done: Fraction  # area before it

    def area(self, t: int | Fraction) -> Fraction:
        if not self.duration:
            return Fraction(0)
        return self.start * t + (self.end - self.start) * t * t / (2 * self.duration)


CASES = [
    Case("700000/s for more than an hour", "700000", duration=3601 * S,
         wanted=[700000, 2519999999, 2520000000, 2520000001]),
    Case("7 in 3 s", "7", unit=3 * S, duration=31 * S),
    Case("one in two seconds", "0.5", duration=9 * S),
    Case("a third, written out, for a day", "0.333333333", duration=DAY),
    Case("the end is not included", "10", duration=S),
    Case("one nanosecond more than the end", "10", duration=S + 1),
    Case("less than one in all", "0.1", duration=S),
    Case("one thousandth more than a round rate, for a day", "1000.001", duration=DAY, wanted=[86400000]),
    Case("3,000,000/s", "3000000", duration=10 * MS),
    Case("ten in a nanosecond", "1000000000", unit=100 * MS, duration=MS, wanted=[9, 10, 11, 9999]),
    Case("nine decimals in a day as unit", "123456.789012345", unit=DAY, duration=3650 * DAY),
    Case("the highest rate for the longest time", "1000000000", duration=3650 * DAY,
         wanted=[315359999999999999]),
    Case("a rate that has many digits", "999999.999999999", unit=7 * S + 1, duration=365 * DAY),
    Case("from 0 up", "0", stages=[(10 * S, 10)]),
    Case("from 0 up to 1, one at the very end", "0", stages=[(2 * S, 1)]),
    Case("down to 0, one at the very end", "10", stages=[(10 * S, 0)]),
    Case("down to 0, less than one left", "10", stages=[(10 * S + 7, 0)]),
    Case("an area that never reaches 1", "0", stages=[(S, 1)]),
    Case("an area that reaches 1 in the second stage", "0", stages=[(S, 1), (10 * S, 0)]),
    Case("fractions of area in every stage", "1", stages=[(300 * MS, 2), (700 * MS, 1), (100 * MS, 0), (S, 3),
                                                          (333 * MS + 1, 3), (5 * S, 2)]),
    Case("equal targets", "3", stages=[(S, 3), (S, 3), (500 * MS, 3), (2 * S, 5), (S, 5)]),
    Case("jumps of no length", "5", stages=[(0, 50), (S, 50), (0, 1), (3 * S, 1), (0, 20), (S, 0)]),
    Case("nothing but jumps", "5", stages=[(0, 50), (0, 7)]),
    Case("a jump before and after everything", "1", stages=[(0, 4), (2 * S, 2), (0, 100)]),
    Case("a pause in the middle", "2", stages=[(S, 2), (0, 0), (5 * S, 0), (0, 3), (S, 3)]),
    Case("a pause that begins when one is due", "0", stages=[(S, 4), (S, 0), (7 * S, 0), (3 * S, 6)]),
    Case("a pause at the beginning", "0", stages=[(3 * S, 0), (4 * S, 2)]),
    Case("a fractional start", "0.333333333", stages=[(10 * S, 2), (3 * S, 1)]),
    Case("a minute as unit", "90", unit=60 * S, stages=[(60 * S, 300), (30 * S, 300), (60 * S, 45)]),
    Case("up to 1,500,000/s", "1000000", stages=[(10 * MS, 1500000), (10 * MS, 0)]),
    Case("many in a nanosecond", "0", unit=100 * MS, stages=[(1000, 1000000000), (1000, 5)], wanted=[5000, 9999]),
    Case("a day", "10", stages=[(3600 * S, 5000), (80000 * S, 5000), (2800 * S, 0)],
         wanted=[9017999, 9018000, 409018000, 416017999]),
    Case("ten years up to the highest rate", "0.000000001", stages=[(1825 * DAY, 1000000000), (1825 * DAY, 1)],
         wanted=[78839999999999999, 78840000000000000, 100000000000000000, 157679999999999999]),
    Case("ten years of nearly nothing", "0.000000003", stages=[(1825 * DAY, 0), (0, 1), (1825 * DAY, 0)]),
    Case("an almost flat ramp", "999999", unit=S, stages=[(30 * DAY, 1000000)]),
    Case("a nanosecond as stage and as unit", "3", unit=1, stages=[(1, 4), (2, 0), (1, 9)]),
]


def stages_of(case: Case) -> list[Stage]:
    rate = Fraction(case.rate)
    stages, began, done = [], 0, Fraction(0)
    for duration, target in case.stages or [(case.duration, rate)]:
        stage = Stage(began, duration, rate / case.unit, Fraction(target) / case.unit, done)
        stages.append(stage)
        began, done, rate = began + duration, done + stage.area(duration), Fraction(target)
    return stages


def time_at(stages: list[Stage], area: Fraction) -> int:
    """The exact time where the area is reached, cut to the nanosecond."""
    stage = next(s for s in stages if s.done + s.area(s.duration) >= area)
    low, high = 0, stage.duration  # the last whole nanosecond with an area of at most what is wanted
    while low < high:
        middle = (low + high + 1) // 2
        if stage.done + stage.area(middle) <= area:
            low = middle
        else:
            high = middle - 1
    return stage.began + low


def total_of(case: Case) -> int:
    stages = stages_of(case)
    area = stages[-1].done + stages[-1].area(stages[-1].duration)
    return area.__floor__() if case.stages else area.__ceil__()


def arrivals_of(case: Case) -> Iterator[tuple[int, int]]:
    total, stages = total_of(case), stages_of(case)
    offset = 1 if case.stages else 0
    some = {0, 1, 2, 3, total // 3, total // 2, total - 2, total - 1} | set(case.wanted)
    for index in sorted(i for i in some if 0 <= i < total):
        yield index, time_at(stages, Fraction(index + offset))


class Random:
    """xoshiro256** seeded by splitmix64, as published by their authors."""

    def __init__(self, seed: int):
        self.state = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & WORD
            z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & WORD
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
            self.state.append(z ^ (z >> 31))

    @staticmethod
    def rotated(value: int, by: int) -> int:
        return ((value << by) | (value >> (64 - by))) & WORD

    def next(self) -> int:
        s0, s1, s2, s3 = self.state
        result = self.rotated((s1 * 5) & WORD, 7) * 9 & WORD
        s2, s3 = s2 ^ s0, s3 ^ s1
        self.state = [s0 ^ s3, s1 ^ s2, s2 ^ ((s1 << 17) & WORD), self.rotated(s3, 45)]
        return result

    def exponential(self) -> Fraction:
        """In whole 2^-32, rounded up, by the length of descending runs."""
        whole = 0
        while True:
            run = [self.next()]
            while True:
                drawn = self.next()
                if drawn >= run[-1]:
                    break
                run.append(drawn)
            if len(run) % 2 == 1:
                return whole + Fraction((run[0] >> 32) + 1, 2**32)
            whole += 1


RANDOM_CASES = [
    (Case("constant", "1000", duration=10 * MS), 1),
    (Case("constant, many", "20000.5", duration=100 * MS), 0xFEEDFACECAFEBEEF),
    (Case("ramping, with a pause", "0", stages=[(S, 0), (S, 30), (0, 0), (S, 0), (3 * S, 7)]), 42),
    (Case("ramping down", "100", unit=7 * S, stages=[(20 * S, 0)]), 7),
    (Case("nothing", "0.001", duration=MS), 3),
    (Case("many in a nanosecond, after a pause", "0", unit=1, stages=[(10, 0), (0, 3), (100, 3)]), 4),
]


def random_times(case: Case, seed: int) -> list[int]:
    stages = stages_of(case)
    end = stages[-1].done + stages[-1].area(stages[-1].duration)
    random = Random(seed)
    area, times = random.exponential(), []
    while area < end:
        times.append(time_at(stages, area))
        area += random.exponential()
    return times


def shown(case: Case) -> str:
    stages = ", ".join(f"{{ {d}, {t} }}" for d, t in case.stages) or "{ 0 }"
    return (f'    {{ "{case.name}", {case.rate}, {case.unit}, {case.duration},\n'
            f"      {{ {stages} }}, {len(case.stages)},\n")


def lines() -> Iterator[str]:
    yield "/* SPDX-License-Identifier: MIT */\n"
    yield "/* Written by arrival_vectors.py: change that and not this. */\n"
    yield "/* clang-format off */\n"
    yield "static const struct vector vectors[] = {\n"
    for case in CASES:
        found = list(arrivals_of(case))
        assert len(found) <= MOST and len(case.stages) <= 8, case.name
        yield shown(case)
        yield f"      {total_of(case)}u, {len(found)},\n      {{"
        yield ",".join(f"\n        {{ {index}u, {time} }}" for index, time in found) or " { 0 }"
        yield " } },\n"
    yield "};\n\n"
    yield "static const struct random_vector random_vectors[] = {\n"
    for case, seed in RANDOM_CASES:
        times = random_times(case, seed)
        some = sorted({i for i in [0, 1, 2, 3, 4, 5, 6, 7, len(times) // 2, len(times) - 1] if 0 <= i < len(times)})
        yield shown(case)
        yield f"      {seed}u, {len(times)}u, {len(some)},\n      {{"
        yield ",".join(f"\n        {{ {i}u, {times[i]} }}" for i in some) or " { 0 }"
        yield " } },\n"
    yield "};\n"


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
