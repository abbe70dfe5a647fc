# SPDX-License-Identifier: MIT
"""What a script asks for by its config: everything wrong at once, what does nothing, and names that are not found."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rampa = Callable[..., Any]
Script = Callable[..., Path]

EMPTY = "async def browse(worker): pass\n"
ONCE = '@rampa.scenario(executor="per-vu-iterations")\n' + EMPTY


# ---- all mistakes ---------------------------------------------------------------------------------------------------


def test_all_mistakes_are_told_at_once_with_their_lines(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"  # 1
        '@rampa.scenario(executor="ramping-vus", startVUs=1, gracefulRampDown="1s", stages=[("1s", 1)])\n'  # 2
        "async def first(worker):\n"
        '    worker.counter("a{b")\n'  # 4
        "config = rampa.Config(\n"
        "    scenarios={\n"
        '        "browse": rampa.ScenarioConfig(executor="constant-arrival-rate", startRate=5, preAllocatedVUs=3, duration="1s"),\n'
        '        "plain": {"executor": "constant-vus", "exec": "first", "duration": "x"},\n'  # 8
        "    },\n"
        "    thresholds={\n"
        '        "http_reqs": ["count>0", {"threshold": "count>1", "abortOnFail": True, "delayAbortEval": "1s"}],\n'  # 11
        '        "http_req_duration": ["p95<500"],\n'  # 12
        '        "nosuch": "count>1",\n'
        "    },\n"
        "    options=rampa.Options(\n"  # 15
        "        summaryTrendStats=['avg'],\n"
        "    ),\n"
        ")\n" + EMPTY
    )
    done = rampa("check", "script.py", code=1)
    said = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    hints = [line.strip() for line in done.stderr.splitlines() if line.startswith("  ")]
    assert [line.split(": ", 1)[0] for line in said] == [f"script.py:{n}" for n in (4, 15, 2, 2, 7, 7, 8, 8, 11, 11, 12, 13)]
    for word in ("start_vus", "graceful_ramp_down", "rate", "pre_allocated_vus", "exec_fn", "abort_on_fail", "delay_abort_eval"):
        assert f"did you mean '{word}'?" in hints
    assert rampa("run", "script.py", code=3).stderr == done.stderr


def test_mistakes_of_the_line_and_of_the_script_are_told_together(rampa: Rampa, script: Script) -> None:
    script('import rampa\n@rampa.scenario(executor="constant-vu")\n' + EMPTY)
    said = rampa("check", "script.py", "--vus", "3", "--scenario", "nosuch", code=1).stderr
    assert "error: --scenario: script.py has no scenario 'nosuch'" in said
    assert "error: script.py:2: scenario 'browse': unknown executor 'constant-vu'" in said


def test_words_of_python_are_used(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\nconfig = rampa.Config(thresholds={'http_reqs': [{'threshold': 'count>1', 'abort_on_fail': 'yes'}]},"
        "\n    options=rampa.Options(tags=5), metrics=True)\n" + ONCE
    )
    said = rampa("check", "script.py", code=1).stderr
    assert "abort_on_fail must be True or False, not 'yes'" in said
    assert "tags must be a dict of text to text, not 5" in said
    assert "metrics must be a dict, not True" in said


# ---- names that are not found ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["conf", "CONFIG", "cfg"])
def test_a_config_of_another_name_is_an_error(rampa: Rampa, script: Script, name: str) -> None:
    script(f"import rampa\n\n{name} = rampa.Config(thresholds={{'iterations': ['count>5']}})\n" + ONCE)
    assert rampa("check", "script.py", code=1).stderr == (
        f"error: script.py:3: this rampa.Config is called '{name}', and only the one that is called 'config' is used\n"
        f"  rename {name} to config\n"
    )


def test_options_that_no_config_has_are_an_error(rampa: Rampa, script: Script) -> None:
    script("import rampa\n\noptions = rampa.Options(vus=5)\n" + ONCE)
    mistake = (
        "error: script.py:3: this rampa.Options is called 'options' and is not used: options are a part of the config\n"
        "  write config = rampa.Config(options=options) below it\n"
    )
    assert rampa("check", "script.py", code=1).stderr == mistake
    script("import rampa\n\noptions = rampa.Options(vus=5)\nconfig = rampa.Config()\n" + ONCE)
    assert rampa("check", "script.py", code=1).stderr == mistake
    script("import rampa\n\noptions = rampa.Options(tags={'a': 'b'})\nconfig = rampa.Config(options=options)\n" + ONCE)
    assert rampa("check", "script.py", code=0).stderr == ""


def test_a_config_beside_config_is_a_part_of_it(rampa: Rampa, script: Script) -> None:
    script("import rampa\nbase = rampa.Config(thresholds={'iterations': ['count==1']})\nconfig = base.model_copy()\n" + ONCE)
    assert rampa("run", "script.py", code=0).stderr == ""


OPTIONS = "options at the top level is not used: write config = rampa.Config(scenarios=..., thresholds=..., options=...)"


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ("options = {'scenarios': {}, 'vus': 5}", OPTIONS),
        ("thresholds = {'http_reqs': []}", "thresholds at the top level is not used: write config = rampa.Config(thresholds=...)"),
        ("def set_up(): pass", "set_up() is not called by rampa: rampa calls setup()"),
        ("def on_start(): pass", "on_start() is not called by rampa: rampa calls setup()"),
        ("async def tear_down(): pass", "tear_down() is not called by rampa: rampa calls teardown()"),
        ("def handle_summary(data): pass", "handle_summary() is not called by rampa: --out FILE writes the result"),
        ("config = 5", "config is no rampa.Config but int, and is not used"),
        ("config = {'db': 'x'}", "config is no rampa.Config but dict, and is not used"),
    ],
)
def test_what_is_not_used_is_a_warning(rampa: Rampa, script: Script, lines: str, warning: str) -> None:
    script("import rampa\n" + lines + "\n" + ONCE)
    text = f"script.py:2: {warning}"
    assert rampa("check", "script.py", code=0).stderr == f"warning: {text}\n"
    done = rampa("run", "script.py", "--quiet", out=True, code=0)
    assert f"warning: {text}\n" in done.stderr
    assert text in [row["text"] for row in done.result()["warnings"]]


@pytest.mark.parametrize(
    "lines",
    [
        "thresholds = {'iterations': ['count==1']}\nconfig = rampa.Config(thresholds=thresholds)",
        "options = {'setup_timeout': '5s'}\nconfig = rampa.Config(options=options)",
        "def set_up(): pass\ndef setup(): set_up()",
        "def config(): pass",
        "import json as config",
        "config = None",
    ],
)
def test_what_is_used_or_is_the_scripts_own_is_no_warning(rampa: Rampa, script: Script, lines: str) -> None:
    script("import rampa\n" + lines + "\n" + ONCE)
    assert rampa("check", "script.py", code=0).stderr == ""


# ---- what does nothing ----------------------------------------------------------------------------------------------


def test_a_field_of_another_executor_is_a_warning(rampa: Rampa, script: Script) -> None:
    script('import rampa\n@rampa.scenario(executor="per-vu-iterations", rate=5, duration="1m")\n' + EMPTY)
    warning = (
        "script.py:2: scenario 'browse': 'rate' does nothing: executor 'per-vu-iterations' has no such field "
        "(constant-arrival-rate, ramping-arrival-rate)"
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.stderr == f"warning: {warning}\n"
    assert [row["text"] for row in done.result()["warnings"] if "rate" in row["text"]] == [warning]
    assert inspected(rampa)["browse"]["max_duration"] == "1m"


def inspected(rampa: Rampa, *words: str) -> dict[str, Any]:
    return dict(json.loads(rampa("inspect", "script.py", "--format", "json", *words, code=0).stdout)["scenarios"])


def test_inspect_has_the_same_fields_for_every_executor(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(vus=2, duration="1s")\nasync def a(worker): pass\n'
        '@rampa.scenario(executor="ramping-arrival-rate", stages=[("1s", 5)])\nasync def b(worker): pass\n'
    )
    shown = inspected(rampa)
    names = ("vus", "duration", "iterations", "rate", "stages")
    assert [shown["a"][name] for name in names] == [2, "1s", None, None, None]
    assert [shown["b"][name] for name in names] == [None, None, None, 0, [{"duration": "1s", "target": 5}]]
    assert (shown["b"]["pre_allocated_vus"], shown["b"]["max_vus"]) == (10, 10)


def test_an_option_applies_where_it_fits(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="per-vu-iterations", vus=1)\nasync def a(worker): pass\n'
        '@rampa.scenario(executor="ramping-vus", start_vus=0, stages=[("100ms", 1)])\nasync def b(worker): await worker.sleep(0.01)\n'
    )
    warning = "script.py:4: scenario 'b': --vus cannot be applied: executor 'ramping-vus' has no fixed number of VUs"
    done = rampa("run", "script.py", "--vus", "3", out=True, code=0)
    assert done.stderr == f"warning: {warning}\n"
    assert done.result()["config"]["scenarios"]["a"]["vus"] == 3
    assert "error: script.py:4: scenario 'b': --vus cannot be applied" in rampa(
        "run", "script.py", "--vus", "3", "--scenario", "b", code=3
    ).stderr  # fmt: skip


def test_thresholds_of_scenarios_that_do_not_run_are_skipped_and_named(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\nconfig = rampa.Config(thresholds={\n"
        '    "iteration_duration{scenario:load}": ["p(95)<500"],\n    "iteration_duration{scenario:smoke}": ["p(95)<500"],\n'
        '    "http_req_duration": ["p(95)<500"],\n})\n'
        '@rampa.scenario(executor="per-vu-iterations")\nasync def smoke(worker): pass\n'
        '@rampa.scenario(executor="per-vu-iterations")\nasync def load(worker): pass\n'
    )
    done = rampa("run", "script.py", "--scenario", "smoke", out=True, code=1)  # http_req_duration has no samples
    judged = {row["metric"]: row["passed"] for row in done.result()["thresholds"]}
    assert judged == {"iteration_duration{scenario:smoke}": True, "http_req_duration": False}
    assert (
        "warning: script.py:2: threshold 'p(95)<500' on 'iteration_duration{scenario:load}' is skipped, because scenario 'load' "
        "does not run\n" in done.stderr
    )
    judged = {row["metric"]: row["passed"] for row in rampa("run", "script.py", out=True, code=1).result()["thresholds"]}
    assert judged["iteration_duration{scenario:load}"] is True and len(judged) == 3


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("RAMPA_VU", "did you mean RAMPA_VUS?"), ("RAMPA_ZZZZZZZZ", "see 'rampa run --help'"), ("RAMPA_\x1b[1mQ", "see")],
)
def test_a_variable_that_is_none_is_a_warning(rampa: Rampa, script: Script, name: str, remedy: str) -> None:
    script("import rampa\n" + ONCE)
    done = rampa("check", "script.py", code=0, env={name: "3", "RAMPA_BENCH_X": "1", "RAMPA_LOOP": "epoll", "RAMPAX": "1"})
    shown = name.replace("\x1b", "\ufffd")
    assert done.stderr.startswith(f"warning: the variable {shown} is none of rampa's: {remedy}") and done.stderr.count("\n") == 1


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["my scenario", "a.b", "é", "a/b", "日本", "=1+2", "a,b", "x" * 255])
def test_a_scenario_may_have_almost_any_name(rampa: Rampa, script: Script, name: str) -> None:
    script(
        f"import rampa\nNAME = {name!r}\nconfig = rampa.Config(thresholds={{f'iterations{{{{scenario:\"{{NAME}}\"}}}}': ['count==1']}})\n"
        '@rampa.scenario(name=NAME, executor="per-vu-iterations")\n' + EMPTY
    )
    done = rampa("run", "script.py", "--scenario", name, out=True, code=0)
    assert list(done.result()["config"]["scenarios"]) == [name]


@pytest.mark.parametrize("name", ["g", "a.b", "a-b", "a b", "é", "1a", "a/b", "A:b", "x" * 255])
def test_a_metric_may_have_almost_any_name(rampa: Rampa, script: Script, name: str) -> None:
    script(
        f"import rampa\nconfig = rampa.Config(thresholds={{{name!r}: ['count==1'], {name + '{k:v}'!r}: ['count==1']}})\n"
        '@rampa.scenario(executor="per-vu-iterations")\n'
        f"async def browse(worker): worker.counter({name!r}, tags={{'k': 'v'}})\n"
    )
    assert rampa("run", "script.py", out=True, code=0).result()["summary"]["metrics"][name]["count"] == 1
