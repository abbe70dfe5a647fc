# SPDX-License-Identifier: MIT
"""Groups, thresholds that stop a run, and what is said of a run that nothing judges."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

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


# ---- nothing succeeded ---------------------------------------------------------------------------------------------

REFUSED = """
import rampa
config = rampa.Config(thresholds={thresholds})

@rampa.scenario(executor="shared-iterations", vus=1, iterations=3)
async def a(worker):
    {body}
"""


@pytest.mark.parametrize("words", [(), ("--workers", "2")])
@pytest.mark.parametrize("body", ["raise_errors=False", "timeout=1"])
def test_a_run_whose_requests_all_failed_does_not_pass(rampa: Rampa, script: Script, body: str, words: tuple[str, ...]) -> None:
    script(REFUSED.format(thresholds={}, body=f'await worker.http.get("http://127.0.0.1:1/", {body})'))
    done = rampa("run", "script.py", *words, out=True, code=1)
    assert "\nNOTHING SUCCEEDED: none of the 3 requests has succeeded (exit code 1)\n" in done.stdout
    run = done.result()["run"]
    assert (run["status"], run["exit_code"], run["reason"]) == ("nothing_succeeded", 1, "none of the 3 requests has succeeded")


def test_a_url_that_nobody_answers_does_not_pass(rampa: Rampa) -> None:
    done = rampa("run", "http://127.0.0.1:1/", "-i", "1", out=True, code=1)
    assert "\nNOTHING SUCCEEDED: the only request has not succeeded (exit code 1)\n" in done.stdout
    assert done.result()["run"]["status"] == "nothing_succeeded"


def test_a_server_of_errors_only_does_not_pass(rampa: Rampa, target: str) -> None:
    assert "NOTHING SUCCEEDED: none of the 2 requests has succeeded" in rampa("run", f"{target}/status/500", "-i", "2", code=1).stdout


def test_fast_failures_do_not_pass_by_meeting_a_threshold(rampa: Rampa, script: Script) -> None:
    script(
        REFUSED.format(
            thresholds={"iteration_duration": ["p(95)<500"]},
            body='await worker.http.get("http://127.0.0.1:1/", raise_errors=False)',
        )
    )
    done = rampa("run", "script.py", out=True, code=1)
    assert done.result()["run"]["status"] == "nothing_succeeded"
    assert done.result()["thresholds"][0]["passed"]


@pytest.mark.parametrize(
    ("metric", "expression", "code", "status"),
    [("http_req_failed", "rate==1", 0, "passed"), ("http_req_failed", "rate<0.1", 1, "threshold_failed")],
)
def test_a_threshold_on_failed_requests_decides(
    rampa: Rampa, script: Script, metric: str, expression: str, code: int, status: str
) -> None:
    body = 'await worker.http.get("http://127.0.0.1:1/", raise_errors=False)'
    script(REFUSED.format(thresholds={metric: [expression]}, body=body))
    done = rampa("run", "script.py", out=True, code=code)
    assert done.result()["run"]["status"] == status
    assert "NOTHING SUCCEEDED" not in done.stdout


def test_a_failed_threshold_comes_before_nothing_succeeded(rampa: Rampa, script: Script) -> None:
    body = 'await worker.http.get("http://127.0.0.1:1/", raise_errors=False)'
    script(REFUSED.format(thresholds={"iterations": ["count>5"]}, body=body))
    done = rampa("run", "script.py", out=True, code=1)
    assert done.result()["run"]["status"] == "threshold_failed"
    assert [warning["text"] for warning in done.result()["warnings"]] == ["nothing succeeded: none of the 3 requests has succeeded"]


SECOND_FAILS = 'await worker.http.get("{target}/"); await worker.http.get("http://127.0.0.1:1/")'


def test_a_run_whose_iterations_all_failed_does_not_pass(rampa: Rampa, script: Script, target: str) -> None:
    """Half of the requests succeeded, but nobody got to the end."""
    script(REFUSED.format(thresholds={}, body=SECOND_FAILS.format(target=target)))
    done = rampa("run", "script.py", out=True, code=1)
    assert done.result()["run"]["status"] == "nothing_succeeded"
    assert "NOTHING SUCCEEDED: none of the 3 iterations has ended without an error (exit" in done.stdout


def test_a_threshold_on_iteration_errors_decides(rampa: Rampa, script: Script, target: str) -> None:
    script(REFUSED.format(thresholds={"iteration_errors": ["count==3"]}, body=SECOND_FAILS.format(target=target)))
    rampa("run", "script.py", code=0)


def test_one_success_is_enough(rampa: Rampa, script: Script, target: str) -> None:
    script(
        REFUSED.format(
            thresholds={},
            body="await worker.http.get("
            f'"{target}/" if worker.execution.iteration == 1 else "http://127.0.0.1:1/", raise_errors=False)',
        )
    )
    assert rampa("run", "script.py", out=True, code=0).result()["run"]["status"] == "passed"


def test_endless_iterations_are_not_nothing(rampa: Rampa, script: Script, target: str) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(vus=1, duration="1s", graceful_stop="0s")\n'
        "async def a(worker):\n"
        "    while True:\n"
        f'        await worker.http.get("{target}/")\n'
        "        await worker.sleep(0.01)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.result()["accounting"][0]["completed"] == 0 and done.count("http_reqs") > 1


NO_REQUEST = "no request was made: rampa measures what its own clients send, such as worker.http, not what other libraries send"


@pytest.mark.parametrize(("body", "is_warned"), [("pass", True), ('worker.counter("done")', False), ('worker.check(1, {"is": 1})', False)])
def test_a_run_without_requests_is_warned_of(rampa: Rampa, script: Script, body: str, is_warned: bool) -> None:
    script(REFUSED.format(thresholds={}, body=body))
    done = rampa("run", "script.py", out=True, code=0)
    assert NO_REQUEST in [warning["text"] for warning in done.result()["warnings"]] if is_warned else not done.result()["warnings"]


def test_a_run_that_nothing_judges_is_not_called_passed(rampa: Rampa, target: str) -> None:
    done = rampa("run", target, "-i", "2", out=True, code=0)
    assert "\nNOT JUDGED: there is no threshold\n" in done.stdout and "PASSED" not in done.stdout
    assert done.result()["run"]["status"] == "passed"


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
