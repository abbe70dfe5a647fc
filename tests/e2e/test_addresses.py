# SPDX-License-Identifier: MIT
"""Hosts with several addresses, in a network of the test's own: who gets the load, and what an address that does not answer costs."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NETWORK = ["unshare", "-n", "-m"]
WORLD = Path(__file__).with_name("address_world.py")


def has_networks() -> bool:
    words = [*NETWORK, "sh", "-c", "ip link set lo up && mount --bind /etc/hosts /etc/resolv.conf"]
    try:
        return subprocess.run(words, capture_output=True).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not has_networks(), reason="this user cannot make a network of its own")

SCRIPT = """
import rampa

@rampa.scenario(executor="per-vu-iterations", vus={vus}, iterations=1)
async def go(worker):
    for _ in range({requests}):
        r = await worker.http.get("http://{host}:8000/", timeout=10, raise_errors=False, headers={{"Connection": "close"}})
        print(r.status, r.error, f"{{r.timings.connecting:.0f}}")
"""


@pytest.fixture
def world(program: Path, script: Callable[..., Path]) -> Callable[..., dict[str, Any]]:
    def run(
        host: str, zone: dict[str, Any], servers: str, holes: str = "", vus: int = 1, requests: int = 1, workers: int = 1,
        options: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        path = script(SCRIPT.format(vus=vus, requests=requests, host=host))
        words = [*NETWORK, sys.executable, str(WORLD), json.dumps(zone), servers, holes]
        words += [str(program), "run", str(path), "--quiet", "--workers", str(workers), *options]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, env={**os.environ, "NO_COLOR": "1"})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("workers", [1, 2])
def test_all_addresses_of_a_family_get_the_same_load(world: Callable[..., dict[str, Any]], workers: int) -> None:
    zone = {"many.test": {"A": ["127.0.0.21", "127.0.0.22"], "AAAA": []}}
    told = world("many.test", zone, "127.0.0.21,127.0.0.22", vus=6, requests=5, workers=workers)
    assert told["code"] == 0, told["stderr"]
    assert told["connections"] == {"127.0.0.21": 15, "127.0.0.22": 15}


def test_an_address_that_does_not_answer_costs_a_quarter_of_a_second_once(world: Callable[..., dict[str, Any]]) -> None:
    zone = {"two.test": {"A": ["127.0.0.21", "127.0.0.22"], "AAAA": []}}
    told = world("two.test", zone, "127.0.0.22", "127.0.0.21", vus=2, requests=3)
    assert told["code"] == 0, told["stderr"]
    lines = [line.split() for line in told["stdout"].splitlines()]
    assert [line[0] for line in lines] == ["200"] * 6
    assert sum(int(line[2]) >= 250 for line in lines) == 1
    assert told["connections"] == {"127.0.0.22": 6}


def test_the_family_that_works_is_remembered(world: Callable[..., dict[str, Any]]) -> None:
    zone = {"both.test": {"A": ["127.0.0.22"], "AAAA": ["::1"]}}  # nobody listens at ::1
    told = world("both.test", zone, "127.0.0.22", requests=4)
    assert told["code"] == 0, told["stderr"]
    assert told["connections"] == {"127.0.0.22": 4}
    told = world("both.test", zone, "::1", requests=4)
    assert told["connections"] == {"::1": 4}


def test_a_family_without_an_answer_holds_nobody_up(world: Callable[..., dict[str, Any]]) -> None:
    zone = {"half.test": {"A": ["127.0.0.22"], "AAAA": None}}
    told = world("half.test", zone, "127.0.0.22", requests=2)
    assert told["code"] == 0, told["stderr"]
    assert told["connections"] == {"127.0.0.22": 2}
    assert told["questions"].count("half.test A") == 1


SELECT = {
    "first": ({"127.0.0.21": 12}, 1),
    "roundRobin": ({"127.0.0.21": 6, "127.0.0.22": 6}, 1),
    "random,ttl=0": (None, 12),
    "roundRobin,policy=onlyIPv4": ({"127.0.0.21": 6, "127.0.0.22": 6}, 1),
}


@pytest.mark.parametrize("select", SELECT)
def test_which_address_a_connection_begins_with(world: Callable[..., dict[str, Any]], select: str) -> None:
    connections, questions = SELECT[select]
    zone = {"many.test": {"A": ["127.0.0.21", "127.0.0.22"], "AAAA": []}}
    options = ("--dns", f"select={select}", "--seed", "1")
    told = world("many.test", zone, "127.0.0.21,127.0.0.22", vus=1, requests=12, options=options)
    assert told["code"] == 0, told["stderr"]
    assert sum(told["connections"].values()) == 12
    assert told["connections"] == connections if connections else len(told["connections"]) == 2
    assert told["questions"].count("many.test A") == questions
    assert told["questions"].count("many.test AAAA") == (0 if "onlyIPv4" in select else questions)


@pytest.mark.parametrize(("ttl", "connections"), [("answer", {"127.0.0.21": 4}), ("0", {"127.0.0.21": 1, "127.0.0.22": 3})])
def test_a_name_that_changes(world: Callable[..., dict[str, Any]], ttl: str, connections: dict[str, int]) -> None:
    """An answer holds for its time to live, a minute here, or as long as the test says."""
    zone = {"moves.test": {"A": [["127.0.0.21"], ["127.0.0.22"]], "AAAA": []}}
    told = world("moves.test", zone, "127.0.0.21,127.0.0.22", requests=4, options=("--dns", f"ttl={ttl}"))
    assert told["code"] == 0, told["stderr"]
    assert told["connections"] == connections
    assert told["questions"].count("moves.test A") == (4 if ttl == "0" else 1)
