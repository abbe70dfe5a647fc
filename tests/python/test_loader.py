# SPDX-License-Identifier: MIT
"""Which functions of a script are scenarios, and what a program keeps that loads scripts."""
from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from enginetools import finish
from rampa import loader
from rampa.errors import ConfigError

ONCE = 'executor="per-vu-iterations", vus=1, iterations=1'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(path: Path) -> dict[str, str]:
    """The scenarios of a script: name -> that of its function."""
    return {name: function.__name__ for name, (_, function) in loader.load_test(path).scenarios.items()}


HELPER = f"""
import rampa

@rampa.scenario({ONCE})
async def browse(worker): ...

@rampa.scenario({ONCE})
async def search(worker): ...
"""
OWN = f"import rampa\n@rampa.scenario({ONCE})\nasync def own(worker): ...\n"


@pytest.mark.parametrize(
    "text, found",
    [
        ("import helper\n", {"own"}),
        ("from helper import browse\n", {"own", "browse"}),
        ("from helper import browse as other\n", {"own", "browse"}),
        ("from helper import *\ndel search\n", {"own", "browse"}),
        ("import helper\nlook = helper.search\nlook_again = look\n", {"own", "search"}),
    ],
)
def test_only_what_the_script_has_names_for_is_a_scenario(tmp_path: Path, text: str, found: set[str]) -> None:
    write(tmp_path, "helper.py", HELPER)
    assert set(names(write(tmp_path, "load.py", OWN + text))) == found


def test_a_function_without_its_name_is_none(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    assert names(write(tmp_path, "load.py", OWN + OWN.replace("own", "more") + "del own\n")) == {"more": "more"}
    assert not recwarn.list


def test_helpers_that_the_program_has_imported_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "helper_of_both.py", HELPER)
    monkeypatch.syspath_prepend(str(tmp_path))
    import helper_of_both  # type: ignore[import]

    test = loader.load_test(write(tmp_path, "load.py", "from helper_of_both import browse\n"))
    assert test.scenarios["browse"][1] is helper_of_both.browse
    assert sys.modules.pop("helper_of_both") is helper_of_both


def test_a_name_that_is_bound_again(tmp_path: Path) -> None:
    path = write(tmp_path, "load.py", OWN + OWN.replace("own(", "own(*").replace(ONCE, ONCE + ', name="last"'))
    with pytest.warns(UserWarning) as told:
        assert set(names(path)) == {"last"}
    assert [str(one.message) for one in told] == [
        f"{path}:2: scenario 'own' is not run: the name 'own' was bound again by line 5"
    ]


def test_two_functions_of_one_scenario_name(tmp_path: Path) -> None:
    path = write(tmp_path, "load.py", OWN + f'@rampa.scenario(name="own", {ONCE})\nasync def other(worker): ...\n')
    with pytest.raises(ConfigError, match="the name is taken by the function 'own' above"):
        loader.load_test(path)


def test_other_decorators(tmp_path: Path) -> None:
    """One that keeps the function's attributes may stand above or below; the scenario runs what the name stands for."""
    head = "import functools, rampa\ndef plain(f): return lambda worker: f(worker)\n"
    head += "def kind(f):\n    @functools.wraps(f)\n    async def around(worker): return await f(worker)\n    return around\n"
    body = f"@rampa.scenario({ONCE})\nasync def own(worker): ...\n"
    path = write(tmp_path, "load.py", head + "@kind\n" + body)
    assert loader.load_test(path).scenarios["own"][1].__code__.co_name == "around"
    path = write(tmp_path, "load.py", head + "@plain\n" + body + OWN.replace("own", "more"))
    with pytest.warns(UserWarning, match="bound again by another decorator, above which @rampa.scenario must stand"):
        assert set(names(path)) == {"more"}


def test_functions_that_no_name_holds(tmp_path: Path) -> None:
    text = f"""
import rampa
def make(name):
    @rampa.scenario(name, {ONCE})
    async def visit(worker): ...
    return visit
one = make("one")
make("two")
"""
    path = write(tmp_path, "load.py", text)
    with pytest.warns(UserWarning, match="scenario 'two' is not run: no name at the top level .* function visit"):
        assert set(names(path)) == {"one"}


METHOD = f"""
import rampa
class Shop:
    @rampa.scenario({ONCE})
    async def browse(self, worker): ...
"""


def test_methods(tmp_path: Path) -> None:
    path = write(tmp_path, "load.py", METHOD)
    with pytest.raises(ConfigError, match=r"browse\(\) is a method of the class Shop.*keep the object in worker.vu") as raised:
        loader.load_test(path)
    assert (raised.value.file, raised.value.line) == (str(path), 4)
    assert names(write(tmp_path, "load.py", METHOD + "browse = Shop().browse\n")) == {"browse": "browse"}


def test_objects_that_can_be_called(tmp_path: Path) -> None:
    text = f"""
import functools, rampa
class Visit:
    __slots__ = ()
    __name__ = "visit"
    async def __call__(self, worker): ...
class Odd:
    @property
    def __dict__(self): raise RuntimeError("nobody is here")
one = rampa.scenario("one", {ONCE})(functools.partial(lambda worker, n: None, n=1))
two = rampa.scenario("two", {ONCE})(Visit())
odd = Odd()
"""
    assert set(loader.load_test(write(tmp_path, "load.py", text)).scenarios) == {"one", "two"}


@pytest.mark.parametrize("given", ["", 'config = rampa.Config(scenarios={"own": rampa.ScenarioConfig(vus=1, duration="1s", exec_fn="other")})\n'])
def test_exec_fn_names_what_runs(tmp_path: Path, given: str) -> None:
    text = OWN.replace(ONCE, ONCE + ', exec_fn="other"') + "async def other(worker): ...\n" + given
    assert names(write(tmp_path, "load.py", text)) == {"own": "other"}
    path = write(tmp_path, "load.py", OWN.replace(ONCE, ONCE + ', exec_fn="ohter"') + "async def other(worker): ...\n")
    with pytest.raises(ConfigError, match="has no function 'ohter'") as raised:
        loader.load_test(path)
    assert raised.value.hint == "did you mean 'other'?"


# ---- modules --------------------------------------------------------------------------------------------------------


NEIGHBOURLY = f"""
import dataclasses, pickle, sys
import neighbour, users_of_test
sys.path.append("/nowhere")

@dataclasses.dataclass
class Item:
    value: str

import rampa
@rampa.scenario({ONCE})
async def visit(worker):
    import late_neighbour, neighbour as again
    item = pickle.loads(pickle.dumps(Item(neighbour.WHO)))
    worker.check(item, {{f"{{item.value}} {{late_neighbour.WHO}} {{users_of_test.WHO}}": again is neighbour}})
"""


def test_a_program_keeps_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scripts of one name, with neighbours of one name, one of which the program has too."""
    write(tmp_path, "program/users_of_test.py", "WHO = 'program'\n")
    monkeypatch.syspath_prepend(str(tmp_path / "program"))
    import users_of_test  # type: ignore[import]

    for who in "ab":
        write(tmp_path, f"{who}/load.py", NEIGHBOURLY)
        for name in ("neighbour", "late_neighbour", "users_of_test"):
            write(tmp_path, f"{who}/{name}.py", f"WHO = {who!r}\n")
    path, before = list(sys.path), set(sys.modules)
    tests = [loader.load_test(tmp_path / who / "load.py") for who in "ab"]
    results = [asyncio.run(finish(test)) for test in tests]
    assert [[(check["name"], check["passes"]) for check in result.checks] for result in results] == [
        [("a a a", 1)], [("b b b", 1)]
    ]  # fmt: skip
    assert sys.path == path and sys.modules["users_of_test"] is users_of_test
    assert not {name for name in set(sys.modules) - before if "neighbour" in name}
    del sys.modules["users_of_test"]


def test_a_script_that_raises_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path, "neighbour_of_test.py", "")
    path, before = list(sys.path), set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        loader.load_test(write(tmp_path, "broken.py", "import neighbour_of_test\n1/0\n"))
    assert (sys.path, set(sys.modules)) == (path, before)


def test_an_edited_script_is_read_again(tmp_path: Path) -> None:
    """Also when size and time of the file are those of the version before."""
    for text in ("one", "two"):
        path = write(tmp_path, "load.py", OWN.replace("own", text))
        os.utime(path, (1577836800, 1577836800))
        assert names(path) == {text: text}
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize("name", ["rampa.py", "load.py"])
def test_files_that_hide_the_package(tmp_path: Path, name: str) -> None:
    write(tmp_path, "rampa.py", OWN)
    path = write(tmp_path, name, OWN)
    with pytest.raises(ConfigError, match="hides the package 'rampa'.*rename") as raised:
        loader.load_test(path)
    assert raised.value.file == str(tmp_path / "rampa.py")
