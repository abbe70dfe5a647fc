# SPDX-License-Identifier: MIT
"""A test that several runs share, each with a part of the load."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished

Run = Callable[..., Finished]
Script = Callable[..., Path]

CUTS = "0,1/4,1/2,1"
PARTS = [("0:1/4", 1), ("1/4:1/2", 3), ("50%:1", 2)]  # the segment, and the workers of its run

SCRIPT = """
import rampa

def note(worker):
    with open("notes", "a") as file:  # a line is one write
        file.write(f"{worker.execution.scenario} {worker.execution.vu} {worker.execution.iteration}\\n")

@rampa.scenario(executor="shared-iterations", vus=10, iterations=40)
async def shared(worker):
    note(worker)
    await worker.sleep(0.01)  # so that every VU gets some

@rampa.scenario(executor="per-vu-iterations", vus=7, iterations=3)
async def each(worker):
    note(worker)

@rampa.scenario(executor="constant-arrival-rate", rate=100, duration="0.5s", max_vus=9)
async def arrivals(worker):
    note(worker)
"""


def run_part(rampa: Run, path: Path, *args: str) -> tuple[set[tuple[str, int, int]], Finished]:
    notes = path.parent / "notes"
    notes.unlink(missing_ok=True)
    done = rampa("run", path, *args, out=True, code=0)
    lines = [line.split() for line in notes.read_text().splitlines()] if notes.exists() else []
    found = {(name, int(vu), int(iteration)) for name, vu, iteration in lines}
    assert len(found) == len(lines)
    return found, done


def test_the_runs_of_a_sequence_do_what_one_run_does(rampa: Run, script: Script) -> None:
    path = script(SCRIPT)
    seen: set[tuple[str, int]] = set()
    vus: dict[str, set[int]] = {"shared": set(), "each": set(), "arrivals": set()}
    for segment, workers in PARTS:
        found, done = run_part(
            rampa, path, "--execution-segment", segment, "--execution-segment-sequence", CUTS, "--workers", str(workers)
        )
        iterations = {(name, iteration) for name, _, iteration in found}
        assert not iterations & seen
        seen |= iterations
        for name, users in vus.items():
            own = {vu for other, vu, _ in found if other == name}
            assert not own & users
            users |= own
        assert f"the part {segment} of {CUTS} of this load:" in done.stdout
        assert done.result()["config"]["execution_segment"] == segment
        assert not [one for one in done.result()["generator"]["reasons"] if "wrong time" in one["text"]]
    wanted = {("shared", n) for n in range(40)} | {("each", n) for n in range(21)}
    assert {one for one in seen if one[0] != "arrivals"} == wanted
    arrived = {n for name, n in seen if name == "arrivals"}  # one that found no VU is dropped
    assert arrived <= set(range(50)) and len(arrived) >= 40
    assert len(vus["each"]) == 7 and len(vus["shared"]) <= 10


def test_a_url_is_shared_too(rampa: Run, target: str) -> None:
    done = rampa("run", target, "--iterations", 10, "--vus", 4, "--execution-segment", "1/2:1", out=True, code=0)
    assert done.result()["summary"]["metrics"]["http_reqs"]["count"] == 5


def test_a_part_that_is_too_small_does_nothing(rampa: Run, script: Script) -> None:
    path = script("import rampa\n@rampa.scenario(executor='shared-iterations', vus=1, iterations=3)\nasync def a(worker): pass\n")
    counts = []
    for segment in ("0:1/2", "1/2:1"):
        done = rampa("run", path, "--execution-segment", segment, out=True, code=0)
        counts.append(done.result()["accounting"][0]["completed"])
    assert sorted(counts) == [0, 3]


def test_options_of_the_script(rampa: Run, script: Script) -> None:
    path = script(
        "import rampa\n"
        "config = rampa.Config(options=rampa.Options(execution_segment='0:1/4', execution_segment_sequence='0,1/4,1'))\n"
        "@rampa.scenario(executor='per-vu-iterations', vus=8, iterations=1)\nasync def a(worker): pass\n"
    )
    assert rampa("run", path, out=True, code=0).result()["accounting"][0]["completed"] == 2
    done = rampa("run", path, "--execution-segment", "3/4:1", out=True, code=0)  # of a sequence of its own
    assert done.result()["accounting"][0]["completed"] == 2
    shown = json.loads(rampa("inspect", path, "--format", "json", code=0).stdout)
    assert (shown["execution_segment"], shown["execution_segment_sequence"]) == ("0:1/4", "0,1/4,1")
    once = rampa("run", path, "--once", out=True, code=0)
    assert once.result()["accounting"][0]["completed"] == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--execution-segment", "1/2:x"], "execution segment '1/2:x', at character 5 ('x'): this is no number"),
        (["--execution-segment", "0:1/3", "--execution-segment-sequence", CUTS], "'0:1/3' is none of the sequence"),
        (["--execution-segment-sequence", CUTS], "does not say which of its segments this run is"),
        (["--execution-segment", ""], "--execution-segment: the value is empty"),
    ],
)
def test_wrong_segments(rampa: Run, script: Script, args: list[str], message: str) -> None:
    done = rampa("check", script(SCRIPT), *args)
    assert done.code in (1, 3) and message in done.stderr


def test_random_arrivals_need_a_common_seed(rampa: Run, script: Script) -> None:
    path = script(
        "import rampa\n@rampa.scenario(executor='constant-arrival-rate', rate=9, duration='1s', max_vus=4, arrival='poisson')\n"
        "async def a(worker): pass\n"
    )
    half = ["--execution-segment", "0:1/2"]
    assert "give all of them the same --seed" in rampa("check", path, *half, code=0).stderr
    assert "--seed" not in rampa("check", path, *half, "--seed", 7, code=0).stderr
