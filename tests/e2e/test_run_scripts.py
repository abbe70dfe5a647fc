# SPDX-License-Identifier: MIT
"""Where a script may stand, what it may be called, and which of its functions run."""
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished
from started import warnings_of

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

ONCE = 'executor="per-vu-iterations", vus=1, iterations=1'
HEAD = f"""
import sys
import neighbour
import rampa

@rampa.scenario({ONCE})
async def visit(worker):
    import late
    print("who", neighbour.WHO, late.WHO, sys.argv)
"""


@pytest.fixture
def neighbours(script: Script) -> None:
    for name in ("neighbour.py", "late.py"):
        script(f"WHO = {name!r}\n", name)


@pytest.mark.parametrize("name", ["token.py", "types.py", "json.py", "asyncio.py", "signal.py", "load test.v1.py", "neighbour2.py"])
def test_scripts_of_any_name(rampa: Rampa, script: Script, neighbours: None, name: str) -> None:
    script(HEAD, name)
    done = rampa("run", name, code=0)
    assert f"who neighbour.py late.py ['{name}']" in done.stdout


@pytest.mark.parametrize("name", ["token.py", "types.py", "json.py", "asyncio.py", "selectors.py"])
def test_modules_of_the_current_folder_are_not_in_the_way(rampa: Rampa, script: Script, tmp_path: Path, name: str) -> None:
    script("raise SystemExit('this is no module of Python')\n", name)
    (tmp_path / "tests").mkdir()
    script("import rampa\n" + HEAD[HEAD.index("@") : HEAD.index("    import late")] + "    pass\n", "tests/load.py")
    rampa("run", "tests/load.py", code=0)


def test_a_symbolic_link(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """Neighbours are those of the file itself, as with python3."""
    (tmp_path / "real").mkdir()
    for name in ("neighbour.py", "late.py"):
        script(f"WHO = {name!r}\n", f"real/{name}")
    script(HEAD, "real/script.py")
    (tmp_path / "link.py").symlink_to("real/script.py")
    assert "who neighbour.py late.py ['link.py']" in rampa("run", "link.py", code=0).stdout


def test_a_path_that_is_no_utf_8(rampa: Rampa, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/f\xff"
    os.mkdir(folder)
    with open(folder + b"/load.py", "w") as file:
        file.write(f"import rampa\n@rampa.scenario({ONCE})\nasync def visit(worker): raise LookupError('here')\n")
    done = rampa("run", os.fsdecode(b"f\xff/load.py"), out=True, code=2)
    assert done.result()["errors"]["iterations"][0]["place"] == "f\\udcff/load.py:3 in visit"
    assert '"script": "f\\\\udcff/load.py"' in done.out.read_text()


@pytest.mark.parametrize("name", ["rampa.py", "load.py"])
def test_files_that_hide_the_package(rampa: Rampa, script: Script, name: str) -> None:
    script(HEAD, name)
    script(HEAD, "rampa.py")
    done = rampa("check", name, code=1)
    assert done.stderr == (
        "error: rampa.py: this file hides the package 'rampa', which has the same name\n  rename the file\n"
    )


def test_an_edited_script_is_read_again(rampa: Rampa, script: Script) -> None:
    for who in ("one", "two"):
        path = script(f"import rampa\n@rampa.scenario({ONCE})\nasync def visit(worker): print('who {who}')\n")
        os.utime(path, (1577836800, 1577836800))
        assert f"who {who}\n" in rampa("run", "script.py", code=0).stdout


def test_a_name_that_is_bound_again(rampa: Rampa, script: Script) -> None:
    one = f"@rampa.scenario({ONCE})\nasync def visit(worker): print('who', %d)\n"
    script("import rampa\n" + one % 1 + one % 2)
    done = rampa("run", "script.py", out=True, code=0)
    assert "who 2\n" in done.stdout and "who 1" not in done.stdout
    assert warnings_of(done.result()) == {
        "script.py:2: scenario 'visit' is not run: the name 'visit' was bound again by line 4": 1
    }


def test_scenarios_of_other_modules(rampa: Rampa, script: Script) -> None:
    script(f"import rampa\n@rampa.scenario({ONCE})\nasync def a(worker): print('a')\n@rampa.scenario({ONCE})\nasync def b(w): ...\n", "helper.py")
    script("import helper\nfrom helper import a\n")
    assert [row["scenario"] for row in rampa("run", "script.py", out=True, code=0).result()["accounting"]] == ["a"]


def test_exec_fn_names_what_runs(rampa: Rampa, script: Script) -> None:
    text = f"import rampa\n@rampa.scenario({ONCE}, exec_fn='other')\nasync def visit(worker): print('visit')\nasync def other(worker): print('other')\n"
    script(text)
    done = rampa("run", "script.py", code=0)
    assert done.stdout.startswith("other\n") and "visit\n" not in done.stdout.splitlines()[0]
    script(text.replace("'other')\nasync", "'ohter')\nasync"))
    assert rampa("check", "script.py", code=1).stderr == (
        "error: script.py:2: scenario 'visit': exec_fn: script.py has no function 'ohter'\n  did you mean 'other'?\n"
    )


def test_methods_of_a_class(rampa: Rampa, script: Script) -> None:
    script(f"import rampa\nclass Shop:\n    @rampa.scenario({ONCE})\n    async def browse(self, worker): ...\n")
    assert rampa("check", "script.py", code=1).stderr.startswith(
        "error: script.py:3: scenario 'browse': browse() is a method of the class Shop, and an iteration has no object"
    )
