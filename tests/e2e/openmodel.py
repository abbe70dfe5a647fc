# SPDX-License-Identifier: MIT
"""What a run of an open model should have measured: the schedule computed anew, and times that the script noted itself."""
from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MASK = (1 << 64) - 1

# An iteration notes when it was called and when it ended.
SCRIPT = """
import json
import time
import rampa

seen = []


@rampa.scenario({fields})
async def user(worker):
    called = time.monotonic()
    if not seen:
        open("started", "w").close()
    await worker.http.get({url!r})
    seen.append((worker.execution.iteration, called, time.monotonic()))


def teardown():
    with open("seen.json", "w") as file:
        json.dump(seen, file)
"""


@dataclass
class Seen:
    """An iteration as the script saw it: seconds of the monotonic clock."""

    index: int
    called: float
    ended: float


def read_seen(folder: Path) -> list[Seen]:
    return sorted((Seen(*row) for row in json.loads((folder / "seen.json").read_text())), key=lambda seen: seen.index)


def start_of(seen: Sequence[Seen], due: Sequence[float], metrics: dict[str, Any]) -> float:
    """When the schedule began, from the iteration that was called with the least delay, and how late that one was."""
    return min(one.called - due[one.index] for one in seen) - metrics["iteration_lateness"]["min"] / 1000


def durations(seen: Sequence[Seen], due: Sequence[float], start: float) -> list[float]:
    """What a user who came when each iteration was due has waited."""
    return [one.ended - start - due[one.index] for one in seen]


def percentile(values: Sequence[float], p: float) -> float:
    ordered = sorted(values)
    at = p / 100 * (len(ordered) - 1)
    low = int(at)
    return ordered[low] + (at - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


# ---- random arrivals, as docs/scenarios.md and src/sched say, written down a second time ---------------------------------


def rotated(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & MASK


def random_bits(seed: int) -> Iterator[int]:
    """xoshiro256**, its state filled by splitmix64."""
    state = []
    for _ in range(4):
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = ((seed ^ seed >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        state.append(z ^ z >> 31)
    while True:
        yield rotated(state[1] * 5 & MASK, 7) * 9 & MASK
        shifted = state[1] << 17 & MASK
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = rotated(state[3], 45)


def exponential(bits: Iterator[int]) -> float:
    """With mean 1, by von Neumann's method."""
    for whole in itertools.count():
        first = last = next(bits)
        length = 1
        while (number := next(bits)) < last:
            last = number
            length += 1
        if length % 2:
            return whole + ((first >> 32) + 1) / (1 << 32)
    raise AssertionError


def scenario_seed(seed: int, name: str) -> int:
    """Each scenario has arrivals of its own."""
    value = seed ^ 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value ^ value >> 29


def poisson_arrivals(rate: float, duration: float, seed: int, name: str = "user") -> list[float]:
    bits, at, arrivals = random_bits(scenario_seed(seed, name)), 0.0, []
    while (at := at + exponential(bits) / rate) < duration:
        arrivals.append(at)
    return arrivals


def queue_times(arrivals: Sequence[float], rate: float, seed: int) -> list[float]:
    """Time in the system of each, by Lindley's recursion, with the service times of queueserver.py."""
    service, free_at, times = random.Random(seed), 0.0, []
    for arrived in arrivals:
        free_at = max(free_at, arrived) + service.expovariate(rate)
        times.append(free_at - arrived)
    return times
