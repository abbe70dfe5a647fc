# SPDX-License-Identifier: MIT
"""What a request may cost: instructions and allocations, counted, against the budget in bench/instructions.json."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))

import instructions  # noqa: E402

PROFILE = """\
fn=(1) rp_http_start
16 20
cfn=(2) rp_alloc
calls=3 +40
16 90
fn=(3) stream_data'2
* 5
cfn=(2)
calls=4 7
* 60
cfn=(1)
calls=10 16
+2 1000
fn=(4) PyObject_Malloc
2 2
cfn=(5) 0x00000000004d4890
calls=6 0
2 66
totals: 1250
"""


def test_calls_are_read_from_callgrind():
    profile = instructions.read_profile(PROFILE)
    assert profile.instructions == 1250
    assert profile.calls == {"rp_alloc": 7, "rp_http_start": 10, "0x00000000004d4890": 6}


def test_what_is_over_budget_is_named():
    allowed = {"instructions": 1000, "allocations": 0, "all_allocations": 7}
    counted = instructions.Counts(1029, 0.1, 7.3)
    assert instructions.excess(counted, allowed) == []
    counted = instructions.Counts(1031, 1.0, 8.0)
    assert [text.partition(" a request")[0] for text in instructions.excess(counted, allowed)] == [
        "1,031 instructions",
        "1.0 allocations in C",
        "8.0 allocations in all",
    ]


@pytest.mark.parametrize("case", instructions.CASES)
def test_a_request_stays_within_its_budget(program: Path, case: str):
    budget = instructions.read_budget()
    if why := instructions.missing():
        pytest.skip(why)
    if instructions.build_of(str(program)) != budget["build"]:
        pytest.skip(f"the budget is of {budget['build']}")
    counted = instructions.measure(str(program), [case], connections=64, requests=10_000)[case]
    assert instructions.excess(counted, budget["requests"][case]) == [], (
        "./dev bench instructions counts again, and with --update makes it the budget"
    )
