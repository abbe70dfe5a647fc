# SPDX-License-Identifier: MIT
"""Executors end to end, what goes over what the script says, and what is printed meanwhile."""
from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]


def accounting(done: Any) -> dict[str, dict[str, Any]]:
    return {row["scenario"]: row for row in done.result()["accounting"]}


# ---- executors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vus", "iterations"), [(1, 1), (1, 100), (7, 100), (50, 50), (100, 12345)])
def test_shared_iterations_are_exactly_as_many(rampa: Rampa, script: Script, vus: int, iterations: int) -> None:
    script(
        "import rampa\nseen = []\n"
        f'@rampa.scenario(executor="shared-iterations", vus={vus}, iterations={iterations})\n'
        "async def a(worker):\n    seen.append(worker.execution.iteration)\n    await worker.sleep(0)\n"
        "def teardown():\n"
        f"    assert sorted(seen) == list(range({iterations}))\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    row = accounting(done)["a"]
    assert (row["scheduled"], row["started"], row["completed"], row["dropped"]) == (iterations, iterations, iterations, 0)
    assert done.count("iterations") == done.metrics()["iteration_duration"]["count"] == iterations
    assert done.metrics()["vus_max"]["value"] == vus


def test_per_vu_iterations_belong_to_their_vu(rampa: Rampa, script: Script) -> None:
    script(
        "import json\nimport rampa\nseen = []\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=5, iterations=20)\n'
        "async def a(worker):\n    e = worker.execution\n"
        "    seen.append((e.vu, e.iteration_in_vu, e.iteration, e.scenario, e.process, e.worker_id))\n"
        "    await worker.sleep(0.0001 * e.vu)\n"
        "def teardown(): print(json.dumps(seen))\n"
    )
    seen = json.loads(rampa("run", "script.py", "--quiet", code=0).stdout)
    assert Counter(vu for vu, *_ in seen) == {vu: 20 for vu in range(1, 6)}
    for vu in range(1, 6):
        assert [n for v, n, *_ in seen if v == vu] == list(range(20))
    assert sorted(iteration for _, _, iteration, *_ in seen) == list(range(100))
    assert {(scenario, process) for *_, scenario, process, _ in seen} == {("a", 1)}
    assert [worker_id for *_, worker_id in seen] == [iteration for _, _, iteration, *_ in seen]


def test_constant_vus_run_for_their_time(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="constant-vus", vus=4, duration="400ms")\n'
        "async def a(worker): await worker.sleep(0.05)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    result = done.result()
    assert 0.4 <= result["run"]["elapsed_s"] < 20
    row = accounting(done)["a"]
    assert row["interrupted"] == 0 and row["completed"] == row["started"] >= 4
    assert row["started"] <= 4 * 9  # a VU begins at 0, 50, ..., 400 ms at the most


def test_no_iteration_starts_after_the_end(rampa: Rampa, script: Script) -> None:
    """Those that run then may end."""
    script(
        'import rampa\n@rampa.scenario(executor="constant-vus", vus=3, duration="50ms")\n'
        "async def a(worker): await worker.sleep(0.2)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert accounting(done)["a"] == {
        "scenario": "a", "scheduled": 3, "started": 3, "dropped": 0, "completed": 3, "interrupted": 0, "errors": 0,
        "holds": True,
    }  # fmt: skip
    assert done.metrics()["iteration_duration"]["min"] >= 199


def test_start_time_delays_a_scenario(rampa: Rampa, script: Script) -> None:
    script(
        "import time\nimport rampa\ntimes = {}\n"
        '@rampa.scenario(executor="per-vu-iterations")\nasync def first(worker): times["first"] = time.monotonic()\n'
        '@rampa.scenario(executor="per-vu-iterations", start_time="200ms")\n'
        'async def second(worker): times["second"] = time.monotonic()\n'
        'def teardown(): assert times["second"] - times["first"] >= 0.19, times\n'
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.result()["run"]["elapsed_s"] >= 0.2


def test_graceful_stop_interrupts(rampa: Rampa, script: Script) -> None:
    script(
        "import asyncio\nimport rampa\n"
        '@rampa.scenario(executor="constant-vus", vus=3, duration="50ms", graceful_stop="50ms")\n'
        "async def a(worker):\n    try:\n        async with asyncio.timeout(3600):\n            await worker.sleep(3600)\n"
        "    finally:\n        print('finally')\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    row = accounting(done)["a"]
    assert (row["started"], row["completed"], row["interrupted"]) == (3, 0, 3)
    assert done.count("interrupted_iterations") == 3
    assert done.count("iterations") == 0
    assert done.stdout.count("finally\n") == 3
    assert "iteration_duration" not in done.metrics()


def test_a_graceful_stop_of_zero_interrupts_at_once(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="constant-vus", vus=3, duration="50ms", graceful_stop="0s")\n'
        "async def a(worker): await worker.sleep(3600)\n"
    )
    assert accounting(rampa("run", "script.py", out=True, code=0))["a"]["interrupted"] == 3


@pytest.mark.parametrize(
    ("fields", "scheduled"),
    [('"shared-iterations", vus=2, iterations=100', 100), ('"per-vu-iterations", vus=2, iterations=50', 100)],
)
def test_max_duration_drops_the_rest(rampa: Rampa, script: Script, fields: str, scheduled: int) -> None:
    script(
        f'import rampa\n@rampa.scenario(executor={fields}, max_duration="200ms")\n'
        "async def a(worker): await worker.sleep(0.05)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    row = accounting(done)["a"]
    assert row["scheduled"] == scheduled and row["dropped"] == scheduled - row["started"]
    assert 0 < row["started"] <= 2 * 5
    assert done.count("dropped_iterations") == row["dropped"]


def test_scenarios_run_side_by_side(rampa: Rampa, script: Script) -> None:
    script(
        "import asyncio\nimport rampa\n\nmet = asyncio.Barrier(6)\n"
        "config = rampa.Config(scenarios={\n"
        '    "left": rampa.ScenarioConfig(executor="per-vu-iterations", vus=2, exec_fn="meet", tags={"side": "l"}),\n'
        '    "right": rampa.ScenarioConfig(executor="shared-iterations", vus=3, iterations=3, exec_fn="meet",\n'
        '                                  tags={"side": "r"}, env={"SIDE": "right"}),\n'
        '}, thresholds={"visits{side:l}": ["count==2"], "visits{scenario:right}": ["count==3"]})\n'
        'async def meet(worker):\n    worker.counter("visits")\n'
        '    assert worker.tags == {"scenario": worker.execution.scenario, "side": worker.execution.scenario[0]}\n'
        '    assert worker.env.get("SIDE") == ("right" if worker.execution.scenario == "right" else None)\n'
        "    await asyncio.wait_for(met.wait(), 30)\n"
        '@rampa.scenario(executor="constant-vus", duration="10ms")\n'
        "async def third(worker):\n    if worker.execution.iteration == 0:\n        await asyncio.wait_for(met.wait(), 30)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    rows = accounting(done)
    assert (rows["left"]["completed"], rows["right"]["completed"]) == (2, 3)
    assert set(rows) == {"left", "right", "third"}
    vus = done.metrics()["vus_max"]["value"]
    assert vus == 6


def test_numbers_of_vus_are_unique_in_the_run(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\nseen = []\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=3)\nasync def a(worker): seen.append(worker.execution.vu)\n'
        '@rampa.scenario(executor="per-vu-iterations", vus=3)\nasync def b(worker): seen.append(worker.execution.vu)\n'
        "def teardown(): assert sorted(seen) == [1, 2, 3, 4, 5, 6], seen\n"
    )
    rampa("run", "script.py", "--quiet", code=0)


def test_ten_thousand_vus(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="per-vu-iterations", vus=10_000, iterations=2)\n'
        "async def a(worker): await worker.sleep(0.01)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.count("iterations") == 20_000


@pytest.mark.parametrize("kind", ["plain", "decorated", "callable", "partial"])
def test_what_can_be_a_scenario(rampa: Rampa, script: Script, kind: str) -> None:
    text = {
        "plain": "def a(worker): worker.counter('ran')\na = rampa.scenario(executor='per-vu-iterations')(a)\n",
        "decorated": (
            "import functools\ndef twice(f):\n    @functools.wraps(f)\n    async def inner(worker):\n"
            "        await f(worker)\n        await f(worker)\n    return inner\n"
            "@rampa.scenario(executor='per-vu-iterations')\n@twice\nasync def a(worker): worker.counter('ran', 0.5)\n"
        ),
        "callable": (
            "class Visit:\n    __name__ = 'a'\n    async def __call__(self, worker): worker.counter('ran')\n"
            "a = rampa.scenario(executor='per-vu-iterations')(Visit())\n"
        ),
        "partial": (
            "import functools\nasync def f(by, worker): worker.counter('ran', by)\n"
            "a = rampa.scenario('a', executor='per-vu-iterations')(functools.partial(f, 1))\n"
        ),
    }[kind]
    script("import rampa\n" + text)
    assert rampa("run", "script.py", out=True, code=0).count("ran") == 1


# ---- over the script ------------------------------------------------------------------------------------------------


TWO = """
import rampa

config = rampa.Config(options=rampa.Options(tags={"team": "script"}))


@rampa.scenario(executor="shared-iterations", vus=2, iterations=10, env={"WHO": "script"})
async def browse(worker):
    print(worker.execution.scenario, worker.env.get("WHO"), worker.tags.get("team"))


@rampa.scenario(executor="constant-vus", vus=3, duration="100ms")
async def buy(worker):
    await worker.sleep(0.01)
"""


def plan_of(rampa: Rampa, *words: str, **kwargs: Any) -> dict[str, Any]:
    return json.loads(rampa("inspect", "script.py", "--format", "json", *words, code=0, **kwargs).stdout)["scenarios"]


def test_a_scenario_is_chosen(rampa: Rampa, script: Script) -> None:
    script(TWO)
    done = rampa("run", "script.py", "--scenario", "browse", out=True, code=0)
    assert set(accounting(done)) == {"browse"}
    done = rampa("run", "script.py", "--scenario", "buy", "--scenario=browse", out=True, code=0)
    assert set(accounting(done)) == {"browse", "buy"}
    message = rampa("run", "script.py", "--scenario", "brows", code=3).stderr
    assert message.startswith("error: --scenario: ") and "did you mean 'browse'?" in message


def test_vus_iterations_and_duration_of_the_command_line(rampa: Rampa, script: Script) -> None:
    script(TWO)
    done = rampa("run", "script.py", "--vus", "4", "--iterations", "8", out=True, code=0)
    assert {name: row["completed"] for name, row in accounting(done).items()} == {"browse": 8, "buy": 8}
    assert done.metrics()["vus_max"]["value"] == 8
    done = rampa("run", "script.py", "--scenario", "buy", "-d", "50ms", "-u", "1", out=True, code=0)
    assert 1 <= accounting(done)["buy"]["completed"] <= 6


def test_environment_of_a_run(rampa: Rampa, script: Script) -> None:
    script(TWO)
    words = ["run", "script.py", "--scenario", "browse", "-i", "1", "-u", "1", "--quiet"]
    assert rampa(*words, code=0).stdout == "browse script script\n"
    assert rampa(*words, "--env", "WHO=line", code=0, env={"WHO": "shell"}).stdout in ("browse script script\n", "browse line script\n")
    assert rampa(*words, "--tag", "team=line", code=0).stdout == "browse script line\n"


ENV = 'import rampa\n@rampa.scenario(executor="per-vu-iterations")\nasync def a(worker): print(worker.env.get("WHO"))\n'


def test_the_line_goes_over_the_shell(rampa: Rampa, script: Script) -> None:
    script(ENV)
    assert rampa("run", "script.py", "-q", code=0, env={"WHO": "shell"}).stdout == "shell\n"
    assert rampa("run", "script.py", "-q", "-e", "WHO=li=ne", code=0, env={"WHO": "shell"}).stdout == "li=ne\n"
    assert rampa("run", "script.py", "-q", "-e", "WHO=", code=0, env={"WHO": "shell"}).stdout == "\n"


def test_precedence(rampa: Rampa, script: Script) -> None:
    """Command line over environment over script over defaults."""
    script(TWO)
    assert plan_of(rampa)["buy"]["vus"] == 3
    assert plan_of(rampa, env={"RAMPA_VUS": "5"})["buy"]["vus"] == 5
    assert plan_of(rampa, "--vus", "6", env={"RAMPA_VUS": "5"})["buy"]["vus"] == 6
    message = rampa("inspect", "script.py", "--vus", "0", code=3).stderr
    assert message.startswith("error: --vus: ")
    assert rampa("inspect", "script.py", code=3, env={"RAMPA_VUS": "0"}).stderr.startswith("error: RAMPA_VUS: ")


def test_quiet_and_progress(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="constant-vus", duration="100ms")\n'
        "async def a(worker):\n    await worker.sleep(0.01)\n    worker.counter('slept')\n"
    )
    done = rampa("run", "script.py", code=0)
    assert done.stderr == "" and "NOT JUDGED" in done.stdout
    done = rampa("run", "script.py", "--quiet", code=0)
    assert (done.stdout, done.stderr) == ("", "")
    done = rampa("run", "script.py", "--quiet", "--progress", code=0)
    assert done.stdout == "" and re.search(r"^running\b", done.stderr, re.M)
    assert "\x1b" not in done.stderr and "\r" not in done.stderr


def test_quiet_still_says_why_it_failed(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\nconfig = rampa.Config(thresholds={"iterations": ["count>5", "count>0", "count==2"]})\n'
        '@rampa.scenario(executor="per-vu-iterations")\nasync def a(worker): worker.counter("done")\n'
    )
    done = rampa("run", "script.py", "--quiet", code=1)
    assert (done.stdout, done.stderr) == (
        "",
        "error: 2 of 3 thresholds failed\n"
        "error: iterations count>5: actual 1\n"
        "error: iterations count==2: actual 1\n",
    )


def test_quiet_says_a_threshold_that_had_nothing_to_judge(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\nconfig = rampa.Config(thresholds={"http_req_duration": ["p(95)<50"]})\n'
        '@rampa.scenario(executor="per-vu-iterations")\nasync def a(worker): worker.counter("done")\n'
    )
    done = rampa("run", "script.py", "--quiet", code=1)
    assert "error: http_req_duration p(95)<50: no samples\n" in done.stderr


def test_quiet_says_the_first_exception_with_its_place(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="per-vu-iterations", iterations=3)\n'
        "async def a(worker):\n"
        '    raise ValueError("no\\x1b[31m price\\nof it")\n'
    )
    done = rampa("run", "script.py", "--quiet", code=2)
    assert done.stdout == ""
    assert done.stderr == (
        "error: 3 iterations raised an exception\n"
        "error: script.py:4 in a: ValueError: no\N{REPLACEMENT CHARACTER}[31m price (3 times)\n"
    )


def test_quiet_says_what_failed_when_nothing_succeeded(rampa: Rampa) -> None:
    done = rampa("run", "http://127.0.0.1:1/", "-i", "3", "-q", code=1)
    assert (done.stdout, done.stderr) == (
        "",
        "error: none of the 3 requests has succeeded\nerror: 3 x connection refused (1212): GET http://127.0.0.1:1/\n",
    )


def test_quiet_says_every_warning(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="per-vu-iterations", iterations=3)\n'
        "async def a(worker):\n"
        '    worker.http.get("http://127.0.0.1:1/")\n'
    )
    done = rampa("run", "script.py", "--quiet", out=True, code=0)
    assert done.stdout == ""
    warnings = done.result()["warnings"]
    assert len(warnings) >= 2
    assert [line for line in done.stderr.splitlines() if line.startswith("warning: ")] == [
        f"warning: {row['text']}" + (f" ({row['count']} times)" if row["count"] > 1 else "") for row in warnings
    ]


def test_what_a_script_prints_goes_where_it_was_printed(rampa: Rampa, script: Script) -> None:
    script(
        "import sys\nimport rampa\nprint('loaded')\n"
        '@rampa.scenario(executor="per-vu-iterations", iterations=3)\nasync def a(worker):\n'
        "    print('out', worker.execution.iteration, 'ä€')\n    print('err', file=sys.stderr)\n"
        "    worker.counter('printed')\n"
    )
    done = rampa("run", "script.py", "--quiet", code=0)
    assert done.stdout == "loaded\nout 0 ä€\nout 1 ä€\nout 2 ä€\n"
    assert done.stderr == "err\n" * 3
    done = rampa("inspect", "script.py", "--format", "json", code=0)
    json.loads(done.stdout)  # nothing mixes into it
    assert done.stderr == "loaded\n"


# ---- check and inspect ----------------------------------------------------------------------------------------------


def test_check(rampa: Rampa, script: Script) -> None:
    script(TWO)
    lines = rampa("check", "script.py", code=0).stdout.splitlines()
    assert lines[0] == "scenarios: 2 found" and lines[3:] == ["thresholds: 0 configured", "setup: no", "teardown: no", "status: valid"]
    assert rampa("check", "script.py", "--scenario", "nobody", code=1).stderr.startswith("error: --scenario")


def test_inspect_shows_every_default(rampa: Rampa, script: Script) -> None:
    script(TWO)
    scenarios = plan_of(rampa)
    browse = scenarios["browse"]
    assert browse["executor"] == "shared-iterations" and browse["exec_fn"] == "browse"
    assert {"graceful_stop", "start_time", "max_duration", "vus", "iterations", "env"} <= set(browse)
    text = rampa("inspect", "script.py", code=0).stdout
    for word in ("browse", "buy", "shared-iterations", "constant-vus", "100ms", "10m", "30s"):
        assert word in text, word


def test_the_result_has_the_plan_that_inspect_shows(rampa: Rampa, script: Script) -> None:
    script(TWO)
    words = ["--vus", "2", "--scenario", "browse", "--tag", "a=b", "--seed", "3"]
    shown = json.loads(rampa("inspect", "script.py", "--format", "json", *words, code=0).stdout)
    browse = shown["scenarios"]["browse"]
    browse["env"]["WHO"] = "***"  # may be a secret
    absent = [name for name in ("vus", "duration", "iterations", "rate", "stages") if browse[name] is None]
    for name in absent:  # of other executors: only inspect names them
        del browse[name]
    assert rampa("run", "script.py", *words, out=True, code=0).result()["config"] == shown


def test_nothing_runs_in_check_and_inspect(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\ndef setup(): raise SystemExit('no')\n"
        '@rampa.scenario(executor="per-vu-iterations")\nasync def a(worker): raise SystemExit("no")\n'
    )
    rampa("check", "script.py", code=0)
    rampa("inspect", "script.py", code=0)
