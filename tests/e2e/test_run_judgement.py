# SPDX-License-Identifier: MIT
"""Groups, thresholds that stop a run, and what is said of a run that nothing judges."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]


def test_a_threshold_stops_the_run(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        'config = rampa.Config(thresholds={"iterations": [{"threshold": "count<5", "abort_on_fail": True}]})\n'
        '@rampa.scenario(executor="constant-vus", vus=2, duration="10m")\n'
        "async def a(worker):\n"
        "    try:\n"
        "        await worker.sleep(0.1)\n"
        "    finally:\n"
        '        worker.counter("left")\n'
        "def teardown():\n"
        '    print("torn down")\n'
    )
    done = rampa("run", "script.py", out=True, code=1)
    run = done.result()["run"]
    assert "torn down" in done.stdout
    assert re.search(r"stopped after \d+ s by threshold 'count<5' on iterations", done.stdout)
    assert run["elapsed_s"] < 60
    # Whatever was started has been left by its finally, finished or interrupted.
    assert done.count("left") == sum(row["started"] for row in done.result()["accounting"])


def test_a_delayed_threshold_waits(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        'config = rampa.Config(thresholds={"iterations": [\n'
        '    {"threshold": "count<5", "abort_on_fail": True, "delay_abort_eval": "1m"}]})\n'
        '@rampa.scenario(executor="constant-vus", vus=1, duration="3s")\n'
        "async def a(worker):\n"
        "    await worker.sleep(0.1)\n"
    )
    done = rampa("run", "script.py", out=True, code=1)
    assert done.result()["run"]["elapsed_s"] >= 3
    assert "stopped" not in done.stdout


def test_groups_tag_and_time_their_samples(rampa: Rampa, script: Script, target: str) -> None:
    script(
        "import rampa\n"
        'config = rampa.Config(thresholds={"http_reqs{group:::shop::pay}": ["count==4"],\n'
        '    "group_duration{group:::shop}": ["min>=20"], "checks{group:::shop}": ["rate==1"]})\n'
        '@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=2)\n'
        "async def a(worker):\n"
        '    with worker.group("shop"):\n'
        '        worker.check(1, {"in the shop": True})\n'
        f'        await worker.http.get("{target}/delay/20")\n'
        '        with worker.group("pay"):\n'
        f'            await worker.http.get("{target}/")\n'
        '    assert "group" not in worker.tags\n'
        '    worker.group("left open").__enter__()\n'
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.metrics()["group_duration"]["count"] == 8
    assert done.result()["checks"][0]["group"] == "::shop"


def test_a_group_is_a_name_and_entered_once(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)\n'
        "async def a(worker):\n"
        "    for wrong in (lambda: worker.group(3), lambda: worker.group('x' * 2000).__enter__()):\n"
        "        try:\n"
        "            wrong()\n"
        "        except (TypeError, ValueError):\n"
        '            worker.counter("refused")\n'
        '    group = worker.group("once")\n'
        "    with group:\n"
        "        try:\n"
        "            group.__enter__()\n"
        "        except RuntimeError:\n"
        '            worker.counter("refused")\n'
    )
    assert rampa("run", "script.py", out=True, code=0).count("refused") == 3


def test_a_run_of_failures_that_nothing_judges_is_pointed_out(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="shared-iterations", vus=1, iterations=2)\n'
        "async def a(worker):\n"
        '    await worker.http.get("http://127.0.0.1:1/", raise_errors=False)\n'
    )
    assert "every request failed, and no threshold judges that" in rampa("run", "script.py", code=0).stdout


def test_a_request_without_await_is_pointed_out(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="shared-iterations", vus=1, iterations=3)\n'
        "async def a(worker):\n"
        '    worker.http.get("http://127.0.0.1:1/")\n'
    )
    done = rampa("run", "script.py", code=0)
    assert done.stdout.count("the script does not await a request") == 1
    assert "http_reqs" not in done.stdout


def test_values_of_the_environment_stay_out_of_the_result(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1, env={"B": "secret-b"})\n'
        "async def a(worker):\n"
        '    assert worker.env["A"] == "secret-a" and worker.env["B"] == "secret-b"\n'
    )
    done = rampa("run", "script.py", "--env", "A=secret-a", out=True, code=0)
    assert done.result()["config"]["env"] == {"A": "***"}
    assert "secret" not in done.out.read_text()
