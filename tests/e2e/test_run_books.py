# SPDX-License-Identifier: MIT
"""Little's law: how many iterations were under way, as counted, and as their durations add up to it."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

LOADS = {
    "closed": ('executor="constant-vus", vus=9, duration="2s"', 9),
    "open": ('executor="constant-arrival-rate", rate=60, duration="2s", pre_allocated_vus=12, max_vus=30', 6),
}
"""The fields of a scenario whose iterations wait 100 ms, and how many of them are under way at each moment."""


def books_of(done: Finished) -> dict[str, Any]:
    """Both sides, which agree in every run whose workers are alive at its end; the verdict has nothing against them."""
    generator = done.result()["generator"]
    assert "books" not in {reason["cause"] for reason in generator["reasons"]}
    law = generator["littles_law"]
    assert law["measured"] == pytest.approx(law["counted"], rel=0.02)
    return law


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("load", LOADS)
def test_a_healthy_run_agrees(rampa: Rampa, script: Script, load: str, workers: int) -> None:
    fields, under_way = LOADS[load]
    path = script(
        "from rampa import scenario\n"
        f"@scenario({fields})\n"
        "async def wait(worker):\n"
        "    await worker.sleep(0.1)\n"
    )
    done = rampa("run", path, "--quiet", "--workers", str(workers), out=True, code=0)
    law = books_of(done)
    metrics, run = done.metrics(), done.result()["run"]
    duration = metrics["iteration_duration"]
    assert law["measured"] == pytest.approx(duration["count"] * duration["avg"] / 1000 / run["elapsed_s"], rel=0.001)
    # The last iterations end after the regular time. On a busy machine they end late.
    assert under_way * 0.8 <= law["counted"] <= under_way * (1.1 if load == "closed" else 3)


def test_interrupted_iterations_are_in_both(rampa: Rampa, script: Script) -> None:
    """None of them comes to its end, so no sample has their time."""
    path = script(
        "from rampa import scenario\n"
        '@scenario(executor="constant-vus", vus=4, duration="1s", graceful_stop="0s")\n'
        "async def wait(worker):\n"
        "    await worker.sleep(60)\n"
    )
    done = rampa("run", path, "--quiet", out=True)
    assert done.count("interrupted_iterations") == 4
    assert books_of(done)["counted"] == pytest.approx(4, rel=0.1)


def test_requests_of_a_url(rampa: Rampa, target: str) -> None:
    assert books_of(rampa("run", target, "-u", "8", "-d", "2s", "--quiet", out=True, code=0))["counted"] > 6
