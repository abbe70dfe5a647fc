# SPDX-License-Identifier: MIT
"""Histograms of intervals in the result file: they add up to those of the run (which `check_result` says of every result)."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SCRIPT = """
from rampa import scenario

async def setup(worker):
    await worker.http.get("{url}/", name="login")

@scenario(executor="constant-arrival-rate", rate=60, duration="3s", pre_allocated_vus=12, max_vus=180)
async def visit(worker):
    await worker.http.get("{url}/", name="home")
    await worker.http.get("{url}/delay/20", name="slow")
"""


@pytest.mark.parametrize("workers", [1, 3])
def test_intervals_add_up(rampa: Rampa, script: Script, target: str, workers: int) -> None:
    done = rampa("run", script(SCRIPT.format(url=target)), "--quiet", "--workers", str(workers), out=True, code=0)
    result = done.result()
    whole = result["intervals"]["all"]
    aside, seconds = whole[0], whole[1:]
    assert (aside["start_s"], aside["length_s"], aside["count"]) == (None, None, 1)
    assert [interval["start_s"] for interval in seconds][:3] == [0, 1, 2]
    assert all(interval["length_s"] <= 1 for interval in seconds)
    assert sum(interval["count"] for interval in whole) == done.count("http_reqs") == 1 + 180 + 180
    named = {row["name"]: row["intervals"] for row in result["intervals"]["requests"]}
    assert sorted(named) == ["home", "login", "slow"]
    assert [interval["count"] for interval in named["login"]] == [1]
    assert sum(interval["count"] for interval in named["slow"]) == 180
    # Sixty a second begin; what a worker says of a second may come in the next one, on a busy machine more of it.
    assert len(named["home"]) >= 3 and all(interval["count"] > 5 for interval in named["home"][:3])
    assert min(low for interval in named["slow"] for low, _, _ in interval["buckets"]) > 15


def test_a_run_without_requests_has_none(rampa: Rampa, script: Script) -> None:
    path = script("from rampa import scenario\n@scenario()\nasync def go(worker):\n    await worker.sleep(0.01)\n")
    assert rampa("run", path, "--quiet", "-i", "2", out=True, code=0).result()["intervals"] is None
