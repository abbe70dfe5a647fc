# SPDX-License-Identifier: MIT
"""Scripts whose mistake is in their first lines: they do not spin, and the summary says the remedy."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished
from started import warnings_of

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

BASE = "import rampa\ndef base(worker): return worker.env['BASE_URL']\n"
LOADS = {
    "constant-vus": 'executor="constant-vus", vus=2, duration="500ms"',
    "ramping-vus": 'executor="ramping-vus", start_vus=2, stages=[("500ms", 2)]',
}


@pytest.mark.parametrize("async_", ["async ", ""])
@pytest.mark.parametrize("executor", LOADS)
def test_they_pause(rampa: Rampa, script: Script, executor: str, async_: str) -> None:
    """Ten in a row, then at 10, 30, 70, 150 and 310 ms."""
    script(BASE + f"@rampa.scenario({LOADS[executor]})\n{async_}def visit(worker): base(worker)\n")
    done = rampa("run", "script.py", out=True, code=2)
    assert 2 * 11 <= done.count("iterations") <= 2 * 15
    (group,) = done.result()["errors"]["iterations"]
    assert (group["type"], group["message"]) == ("KeyError", "'BASE_URL'; give it with --env BASE_URL=...")
    assert warnings_of(done.result()) == {
        "scenario 'visit': iterations raise an exception before they wait for anything, so each is followed by a pause of up "
        "to 1 s once a VU has had 10 of them in a row": 1
    }
    rampa("run", "script.py", "--env", "BASE_URL=http://127.0.0.1", code=0)


@pytest.mark.parametrize(
    "fields, count",
    [
        ('executor="per-vu-iterations", vus=2, iterations=100', 200),
        ('executor="shared-iterations", vus=2, iterations=100', 100),
        ('executor="constant-arrival-rate", rate=500, duration="200ms", pre_allocated_vus=1', 100),
    ],
)
def test_numbers_and_arrivals_go_on(rampa: Rampa, script: Script, fields: str, count: int) -> None:
    script(BASE + f"@rampa.scenario({fields})\nasync def visit(worker): base(worker)\n")
    done = rampa("run", "script.py", out=True, code=2)
    assert done.count("iterations") + done.count("dropped_iterations") == count
    assert not any("followed by a pause" in text for text in warnings_of(done.result()))


def test_who_has_waited_does_not_pause(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n@rampa.scenario(vus=1, duration='300ms')\n"
        "async def visit(worker):\n    await worker.sleep(0)\n    raise ValueError\n"
    )
    assert rampa("run", "script.py", out=True, code=2).count("iterations") > 100


def test_one_traceback_for_all_scenarios(rampa: Rampa, script: Script) -> None:
    once = 'executor="per-vu-iterations", vus=1, iterations=1, exec_fn="visit"'
    script(
        f"import rampa\nconfig = rampa.Config(scenarios={{name: rampa.ScenarioConfig({once}) for name in 'abc'}})\n"
        "async def visit(worker): 1 / 0\n"
    )
    done = rampa("run", "script.py", out=True, code=2)
    assert done.stdout.count("Traceback") == 1
    assert done.stdout.count("(the traceback is the same as above)") == 2
    assert all("Traceback" in group["traceback"] for group in done.result()["errors"]["iterations"])
