# SPDX-License-Identifier: MIT
"""The load is adjusted while two workers make it: their books balance, and together they make exactly what the schedule has."""
from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from controlled import Control
from started import Started

SCRIPT = """
import asyncio, rampa
@rampa.scenario(executor="constant-arrival-rate", rate=40, duration="10m", max_vus=60)
async def open(worker):
    worker.counter("numbers", worker.execution.iteration)
@rampa.scenario(executor="constant-vus", vus=3, max_vus=6, duration="10m")
async def closed(worker):
    await asyncio.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the sockets are: the path of a test's folder is too long for one."""
    path = tempfile.mkdtemp(prefix="rampa-", dir="/tmp")
    monkeypatch.setenv("XDG_RUNTIME_DIR", path)
    yield
    shutil.rmtree(path)


def arrivals_before(adjustments: list[dict[str, Any]]) -> int:
    """How many arrivals come before the last adjustment. They come where the area under the rate is a whole number, from 0 on."""
    area, began, rate = Fraction(0), Fraction(0), Fraction(40)
    for made in adjustments:
        moment = Fraction(round(made["elapsed_s"] * 1e9), 10**9)
        area, began, rate = area + (moment - began) * rate, moment, Fraction(made["value"])
    return math.ceil(area)


def test_the_books_of_two_workers_balance(start: Callable[..., Started]) -> None:
    started = start(SCRIPT, "--workers", "2", "--serve")
    control = Control(started.wait_for("control: socket ")[2])
    events = control.events(after=0)

    def wait_for_snapshot(after: int, vus: int | None = None) -> None:
        for _, name, line in events:
            if name != "SnapshotEvent":
                continue
            [closed] = [row for row in line["scenarios"] if row["name"] == "closed"]
            if line["elapsed_ns"] > after and vus in (None, closed["vus"]):
                return
        raise AssertionError("the run has ended")

    def adjusted() -> int:
        return next(int(line["at_ns"]) for _, name, line in events if name == "AdjustEvent")

    wait_for_snapshot(0)
    # Two at one instant: of both workers, and of both scenarios.
    control.post("/v1/adjust", {"scenario": "open", "rate": "100"})
    control.post("/v1/adjust", {"scenario": "closed", "vus": 6})
    adjusted()
    wait_for_snapshot(adjusted(), vus=6)
    control.post("/v1/pause")
    control.post("/v1/adjust", {"scenario": "open", "rate": "12.5"})
    control.post("/v1/resume")
    control.post("/v1/adjust", {"scenario": "closed", "vus": 1})
    adjusted()
    wait_for_snapshot(adjusted(), vus=1)
    control.post("/v1/adjust", {"scenario": "open", "rate": "0"})
    wait_for_snapshot(adjusted())
    control.post("/v1/stop")
    assert started.end() == 4

    result = started.result()
    books = {row["scenario"]: row for row in result["accounting"]}
    assert all(row["holds"] and row["scheduled"] == row["started"] + row["dropped"] for row in books.values())
    adjustments = [made for made in result["run"]["adjustments"] if made["scenario"] == "open"]
    assert [made["value"] for made in adjustments] == [100, 12.5, 0]
    expected = arrivals_before(adjustments)
    if any("late and has caught up" in warning["text"] for warning in result["warnings"]):
        assert books["open"]["scheduled"] >= expected  # what had begun when the rate became 0 could not be taken back
        return
    assert books["open"]["scheduled"] == expected
    if not books["open"]["dropped"]:  # each number was one worker's
        assert result["summary"]["metrics"]["numbers"]["count"] == expected * (expected - 1) / 2
