# SPDX-License-Identifier: MIT
"""Loads as scripts declare them and as the command line and the environment change them: what resolves to what."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

BARE = "import rampa\n@rampa.scenario\nasync def a(worker): pass\n"
POISSON = (
    'import rampa\n@rampa.scenario(executor="constant-arrival-rate", rate=200, duration="500ms", pre_allocated_vus=20, '
    'arrival="poisson", max_vus=200)\nasync def a(worker): pass\n'
)


def inspect(rampa: Rampa, *words: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """The resolved configuration of script.py."""
    return json.loads(rampa("inspect", "script.py", "--format", "json", *words, env=env, code=0).stdout)


def decorated(fields: str) -> str:
    return f"import datetime\nimport rampa\n@rampa.scenario({fields})\nasync def a(worker): pass\n"


# ---- what scripts say -----------------------------------------------------------------------------------------------


STAGES = [{"duration": "30s", "target": 100}, {"duration": "1m30s", "target": 0}]


@pytest.mark.parametrize(
    "stages",
    [
        '[rampa.Stage("30s", 100), rampa.Stage(duration="1m30s", target=0)]',
        '[("30s", 100), ["90s", 0]]',
        '({"duration": 30, "target": 100.0}, {"duration": "1.5m", "target": 0})',
        "[(datetime.timedelta(seconds=30), 100), rampa.Stage(datetime.timedelta(minutes=1.5), 0)]",
    ],
)
def test_stages_of_scripts(rampa: Rampa, script: Script, stages: str) -> None:
    script(decorated(f'executor="ramping-vus", start_vus=0, stages={stages}'))
    scenario = inspect(rampa)["scenarios"]["a"]
    assert (scenario["executor"], scenario["start_vus"], scenario["stages"]) == ("ramping-vus", 0, STAGES)
    script(
        f"import datetime\nimport rampa\nconfig = rampa.Config(options=rampa.Options(vus=3, stages={stages}))\n"
        "async def default(worker): pass\n"
    )
    scenario = inspect(rampa)["scenarios"]["default"]
    assert (scenario["executor"], scenario["start_vus"], scenario["stages"]) == ("ramping-vus", 3, STAGES)


def test_every_field_of_arrivals(rampa: Rampa, script: Script) -> None:
    script(
        "import datetime\nimport rampa\nconfig = rampa.Config(scenarios={\n"
        '    "r": rampa.ScenarioConfig(executor="ramping-arrival-rate", rate=0.5, time_unit=datetime.timedelta(minutes=1),\n'
        '        arrival="poisson", stages=[("30s", 100)], pre_allocated_vus=0, max_vus=9, graceful_stop=1,\n'
        '        start_time="2s", tags={"k": "v"}, env={"A": "B"}, exec_fn="f"),\n'
        "}, options=rampa.Options(seed=7, tags={}, setup_timeout=1, teardown_timeout=datetime.timedelta(seconds=2)))\n"
        "async def f(worker): pass\n"
    )
    plan = inspect(rampa)
    assert {k: v for k, v in plan["scenarios"]["r"].items() if k not in ("file", "line")} == {
        "executor": "ramping-arrival-rate",
        "exec_fn": "f",
        "stages": [{"duration": "30s", "target": 100}],
        "vus": None,
        "duration": None,
        "iterations": None,
        "rate": 0.5,
        "time_unit": "1m",
        "arrival": "poisson",
        "pre_allocated_vus": 0,
        "max_vus": 9,
        "start_time": "2s",
        "graceful_stop": "1s",
        "tags": {"k": "v"},
        "env": {"A": "B"},
    }
    assert (plan["seed"], plan["no_spin"], plan["setup_timeout"], plan["teardown_timeout"]) == (7, False, "1s", "2s")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            'executor="ramping-vus", stages=[rampa.Stage("30s", 5, taget=6)]',
            "unknown field 'taget'\n  did you mean 'target'?",
        ),
        (
            'executor="ramping-vus", stages=[("30s",)]',
            "stages[0] must be {duration, target} or (duration, target), not a list",
        ),
        (
            'executor="ramping-vus", stage=[("30s", 5)]',
            "unknown field 'stage'\n  did you mean 'stages'?",
        ),
        (
            'executor="constant-arrival-rate", duration="1s", rate=float("inf")',
            "rate must be a number from 0 to 1000000000 with at most 9 decimals, not 'inf'",
        ),
        (
            'executor="constant-arrival-rate", duration="1s", rate=1/3',
            "rate must be a number from 0 to 1000000000 with at most 9 decimals, not 0.333333333333333\n"
            '  a third in a second is 1 with the time_unit "3s"',
        ),
        (
            'executor="constant-arrival-rate", duration="1s", rate=5, arival="poisson"',
            "unknown field 'arival'\n  did you mean 'arrival'?",
        ),
        (
            'executor="constant-arrival-rate", duration="1s", rate="50/s"',
            "rate must be a number from 0 to 1000000000 with at most 9 decimals, not '50/s'\n"
            '  write rate=50, time_unit="1s"',
        ),
        (
            'executor="constant-vus", duration=datetime.timedelta(seconds=-1)',
            "duration: '-1000000us' is not a duration: it is negative\n"
            '  a duration is numbers with units, such as "30s", "1m30s" or "250ms" (units: d h m s ms us ns)',
        ),
    ],
)
def test_wrong_loads_of_scripts(rampa: Rampa, script: Script, fields: str, message: str) -> None:
    script(decorated(fields))
    done = rampa("run", "script.py", code=3)
    assert (done.stdout, done.stderr) == ("", f"error: script.py:3: scenario 'a': {message}\n")


# ---- what the command line says -------------------------------------------------------------------------------------


A_STAGE = "a stage is DURATION:TARGET, as in 30s:100 or 30s:100,1m:0"
A_RATE = "a rate is NUMBER/TIME, as in 500/s, 30/m, 7/3s or 0.5/s"


@pytest.mark.parametrize(
    ("option", "variable", "value", "message"),
    [
        (
            "--stage", "RAMPA_STAGES", "30:100",
            f"'30:100' is not a stage: '30' is not a duration: it has no unit ({A_STAGE})",
        ),
        ("--stage", "RAMPA_STAGES", "30s", f"'30s' is not a stage: it has no target ({A_STAGE})"),
        (
            "--stage", "RAMPA_STAGES", "100:30s",
            f"'100:30s' is not a stage: '100' is not a duration: it has no unit ({A_STAGE})",
        ),
        ("--stage", "RAMPA_STAGES", "30s:1,", f"'' is not a stage: it is empty ({A_STAGE})"),
        (
            "--stage", "RAMPA_STAGES", "30s:-5",
            f"'30s:-5' is not a stage: its target must be a whole number from 0 to 1000000000, not '-5' ({A_STAGE})",
        ),
        ("--rate", "RAMPA_RATE", "fast", f"'fast' is not a rate: 'fast' is not a number ({A_RATE})"),
        ("--rate", "RAMPA_RATE", "500/", f"'500/' is not a rate: the time is missing after '/' ({A_RATE})"),
        (
            "--rate", "RAMPA_RATE", "500/sec",
            f"'500/sec' is not a rate: 'sec' is not a time of more than 0s, up to 3650d ({A_RATE})",
        ),
        ("--rate", "RAMPA_RATE", "-5/s", f"'-5/s' is not a rate: the number must be from 0 to 1000000000 ({A_RATE})"),
        ("--max-vus", "RAMPA_MAX_VUS", "-1", "-1 is less than 1"),
        ("--max-vus", "RAMPA_MAX_VUS", "many", "'many' is not a whole number"),
        ("--seed", "RAMPA_SEED", "x", "'x' is not a whole number"),
        ("--seed", "RAMPA_SEED", "-1", "-1 is not between 0 and 9007199254740991"),
        ("--seed", "RAMPA_SEED", "1.5", "'1.5' is not a whole number"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["run", "check", "inspect"])
def test_wrong_values_of_options(
    rampa: Rampa, script: Script, command: str, option: str, variable: str, value: str, message: str
) -> None:
    script(BARE)
    see = f"see 'rampa {command} --help'\n"
    for words, env, name in (([option, value], {}, option), ([], {variable: value}, variable)):
        done = rampa(command, "script.py", *words, env=env, code=3)
        assert (done.stdout, done.stderr) == ("", f"error: {name}: {message}\n{see}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stage", "1s:5", "-d", "1s"], "--stage cannot stand beside -d\n  stages have their own times"),
        (["--rate", "5/s", "-i", "1"], "--rate cannot stand beside -i\n  a rate lasts for a time: give --duration"),
        (
            ["--rate", "5/s"],
            "script.py:2: scenario 'a': executor 'constant-arrival-rate' needs 'duration', a duration of more than 0s, "
            'up to 3650d\n  add duration="30s" to the scenario, or give --duration',
        ),
        (
            ["--max-vus", "5"],
            "script.py:2: scenario 'a': --max-vus cannot be applied: executor 'per-vu-iterations' has no max_vus\n"
            "  give --vus instead, or leave the scenario out with --scenario",
        ),
    ],
)
def test_options_that_contradict(rampa: Rampa, script: Script, words: list[str], message: str) -> None:
    script(BARE)
    assert rampa("run", "script.py", *words, code=3).stderr == f"error: {message}\n"
    assert rampa("check", "script.py", *words, code=1).stderr == f"error: {message}\n"


def test_the_line_goes_over_the_environment(rampa: Rampa, script: Script) -> None:
    script(BARE)
    env = {"RAMPA_STAGES": "30s:100,1m30s:0", "RAMPA_SEED": "3", "RAMPA_NO_SPIN": "1"}
    plan = inspect(rampa, env=env)
    assert (plan["scenarios"]["a"]["stages"], plan["seed"], plan["no_spin"]) == (STAGES, 3, True)
    plan = inspect(rampa, "--stage", "5s:1", "--stage", "0s:9,1s:2", "--seed", "4", env=env)
    assert [stage["target"] for stage in plan["scenarios"]["a"]["stages"]] == [1, 9, 2]
    assert plan["seed"] == 4
    env = {"RAMPA_RATE": "7/3s", "RAMPA_MAX_VUS": "9", "RAMPA_DURATION": "1m"}
    scenario = inspect(rampa, env=env)["scenarios"]["a"]
    assert (scenario["rate"], scenario["time_unit"], scenario["max_vus"]) == (7, "3s", 9)
    scenario = inspect(rampa, "--rate", "0.5/m", env=env)["scenarios"]["a"]
    assert (scenario["rate"], scenario["time_unit"], scenario["max_vus"]) == (0.5, "1m", 9)


def test_inspect_says_the_same_each_time(rampa: Rampa, script: Script) -> None:
    """A seed by chance would differ."""
    script(POISSON)
    for form in ("text", "json"):
        first = rampa("inspect", "script.py", "--format", form, code=0).stdout
        assert first == rampa("inspect", "script.py", "--format", form, code=0).stdout
        assert "seed" not in first
        assert "seed" in rampa("inspect", "script.py", "--format", form, "--seed", "0", code=0).stdout


# ---- what runs ------------------------------------------------------------------------------------------------------


def accounting(done: Any) -> dict[str, Any]:
    (row,) = done.result()["accounting"]
    return row


def test_a_rate_of_the_line_runs(rampa: Rampa, script: Script) -> None:
    script(BARE)
    done = rampa("run", "script.py", "--rate", "70/2s", "-d", "1s", out=True, code=0)
    assert accounting(done)["scheduled"] == 35


def test_stages_of_the_line_run(rampa: Rampa, script: Script) -> None:
    script("import rampa\n@rampa.scenario\nasync def a(worker): await worker.sleep(0.01)\n")
    done = rampa("run", "script.py", "--stage", "300ms:4", "--stage=200ms:0", out=True, code=0)
    assert done.result()["config"]["scenarios"]["a"]["executor"] == "ramping-vus"
    assert accounting(done)["completed"] > 0
    done = rampa("run", "script.py", "--rate", "0", "--stage", "1s:50,0s:0", out=True, code=0)
    assert accounting(done)["scheduled"] == 25


def test_the_seed_in_the_result_repeats_the_run(rampa: Rampa, script: Script) -> None:
    script(POISSON)
    first = rampa("run", "script.py", out=True, code=0)
    seed, scheduled = first.result()["config"]["seed"], accounting(first)["scheduled"]
    again = rampa("run", "script.py", "--seed", str(seed), out=True, code=0)
    assert again.result()["config"]["seed"] == seed
    assert accounting(again)["scheduled"] == scheduled
    others = {accounting(rampa("run", "script.py", "--seed", str(n), out=True, code=0))["scheduled"] for n in range(4)}
    assert len(others) > 1


@pytest.mark.parametrize("words", [[], ["--no-spin"]])
def test_runs_with_and_without_spinning(rampa: Rampa, script: Script, words: list[str]) -> None:
    script(POISSON.replace("poisson", "uniform"))
    done = rampa("run", "script.py", *words, out=True, code=0)
    assert accounting(done)["scheduled"] == 100
    assert done.result()["config"]["no_spin"] is bool(words)
