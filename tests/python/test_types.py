# SPDX-License-Identifier: MIT
"""Types: what mypy, pyright and stubtest say of the package, its stub and the examples, and what the stub says of itself."""
from __future__ import annotations

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import rampa
from rampa import config, loader

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = Path(rampa.__file__).parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SECONDS = 300
PYRIGHT = "pyright@1.1.414"

# The types are the same in every build, and the checkers are slow under a sanitizer.
pytestmark = pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="checked with the ordinary build")


def run(*words: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), "MYPYPATH": str(PACKAGE.parent), **env},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


# ---- mypy -----------------------------------------------------------------------------------------------------------

needs_mypy = pytest.mark.skipif(not shutil.which("mypy"), reason="no mypy")


@needs_mypy
def test_mypy_accepts_the_examples(tmp_path: Path) -> None:
    # Two examples of the same name as a module of the standard library or of each other would be one too many.
    done = run("mypy", "--strict", "--cache-dir", tmp_path, *EXAMPLES, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (f"Success: no issues found in {len(EXAMPLES)} source files\n", "")


HELPERS = """\
import datetime

import rampa


def is_ok(response: rampa.Response) -> bool:
    return response.ok


CHECKS = {"is ok": is_ok}


async def login(worker: rampa.Worker) -> str:
    with worker.group("login"):
        answer = await worker.http.post("http://127.0.0.1/login", json={"name": "a"}, timeout=5)
        worker.check(answer, CHECKS)
        worker.check(answer, {"quick": answer.timings.duration < 100, "JSON": lambda r: r.json()["ok"]})
        return answer.text()


async def without_worker() -> None: ...


config = rampa.Config(
    scenarios={"a": rampa.ScenarioConfig(stages=[("1s", 2), rampa.Stage("1s", 2)])},
    thresholds={"http_reqs": ["count>1", {"threshold": "count>2", "abort_on_fail": True}]},
)
config.scenarios["a"].duration = "5s"
time: datetime.timedelta | None = config.scenarios["a"].duration
options = rampa.Options(vus=3)
number: int | None = options.vus
"""


@needs_mypy
def test_mypy_knows_predicates_groups_and_fields(tmp_path: Path) -> None:
    script = tmp_path / "helpers.py"
    script.write_text(HELPERS)
    done = run("mypy", "--strict", "--cache-dir", tmp_path, script, cwd=tmp_path)
    assert "Success: no issues" in done.stdout, done.stdout
    script.write_text(
        HELPERS
        + "text: str = options.vus\n"
        + "async def wrong(worker: rampa.Worker) -> None:\n"
        + "    answer = await worker.http.get('/')\n"
        + "    worker.check(answer, {'typo': lambda r: r.stats == 200})\n"
        + "    worker.check(3, CHECKS)\n"
        + "rampa.ScenarioConfig(executor='constant-vu')\n"
        + "rampa.ScenarioConfig(vuss=3)\n"
        + "rampa.Config(thresholds={'http_reqs': 'count>1'})\n"
        + "rampa.Config(tresholds={'http_reqs': ['count>1']})\n"
        + "rampa.Config(thresholds={'http_reqs': [{'threshold': 'count>1', 'abortOnFail': True}]})\n"
        + "rampa.Config().options.vuss = 3\n"
        + "rampa.Stage('1s', 3, goal=4)\n"
        + "rampa.scenario(vus=1)(without_worker)\n"
    )
    said = run("mypy", "--strict", "--cache-dir", tmp_path, script, cwd=tmp_path).stdout
    first = len(HELPERS.splitlines()) + 1
    lines = [int(number) for number in re.findall(r"^helpers\.py:(\d+): error", said, re.MULTILINE)]
    assert lines == [first, *range(first + 3, first + 13)], said


# ---- stubtest -------------------------------------------------------------------------------------------------------


def stubtest(stub: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The extension stands beside the package and its stub inside of it: to stubtest they must be called the same."""
    (folder / "_rampa.pyi").write_text(stub)
    path = f"{folder}{os.pathsep}{PACKAGE.parent}"
    return run(sys.executable, "-m", "mypy.stubtest", "_rampa", "--concise", cwd=folder, MYPYPATH=path)


@needs_mypy
def test_stubtest_accepts_the_stub_of_the_extension(tmp_path: Path) -> None:
    done = stubtest((PACKAGE / "_rampa.pyi").read_text(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_mypy
def test_stubtest_sees_what_is_wrong_with_a_stub(tmp_path: Path) -> None:
    stub = (PACKAGE / "_rampa.pyi").read_text()
    stub = stub.replace("def text(self)", "def texts(self)").replace("discard_body: bool = False", "discard_body: bool")
    said = stubtest(stub, tmp_path).stdout
    assert "_rampa.Response.texts is not present at runtime" in said
    assert "_rampa.Response.text is not present in stub" in said
    assert 'HttpClient.get is inconsistent, runtime argument "discard_body" has a default value' in said


# ---- pyright --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pyright() -> list[str]:
    """The command, or a skip: it comes from the npm registry, which a machine need not reach."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("no npx (of npm) to run pyright with")
    words = [npx, "--yes", PYRIGHT]
    offline = {"npm_config_fetch_retries": "0", "npm_config_fetch_timeout": "30000", "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(
            [*words, "--version"], env={**os.environ, **offline}, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npx did not get {PYRIGHT} in time")
    if done.returncode != 0 or not done.stdout.startswith("pyright "):
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        pytest.skip(f"npx cannot get {PYRIGHT}: {last}")
    return words


def ask_pyright(words: list[str], folder: Path, files: list[Path], mode: str) -> list[str]:
    """The errors in copies of the files, which stand beside a copy of the package."""
    shutil.copytree(PACKAGE, folder / "rampa")
    for file in files:
        shutil.copy(file, folder)
    settings = {
        "include": [file.name for file in files] or ["rampa"],
        "pythonVersion": "3.11",
        "pythonPlatform": "Linux",
        "typeCheckingMode": mode,
        "reportMissingModuleSource": False,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = run(*words, "-p", folder, "--pythonpath", sys.executable, "--outputjson", cwd=folder)
    told = json.loads(done.stdout)
    assert told["summary"]["filesAnalyzed"] >= max(1, len(files))
    return [f"{row['file']}:{row['range']['start']['line'] + 1}: {row['message']}" for row in told["generalDiagnostics"]]


def test_pyright_accepts_the_package(pyright: list[str], tmp_path: Path) -> None:
    assert ask_pyright(pyright, tmp_path, [], "standard") == []


def test_pyright_accepts_the_examples(pyright: list[str], tmp_path: Path) -> None:
    assert ask_pyright(pyright, tmp_path, EXAMPLES, "strict") == []


def test_pyright_sees_mistakes(pyright: list[str], tmp_path: Path) -> None:
    script = tmp_path / "source" / "helpers.py"
    script.parent.mkdir()
    script.write_text(HELPERS + "rampa.ScenarioConfig(executor='constant-vu')\n")
    said = ask_pyright(pyright, tmp_path, [script], "standard")
    assert len(said) == 1 and "constant-vu" in said[0]


def test_every_public_type_is_known_to_pyright(pyright: list[str], tmp_path: Path) -> None:
    """What a py.typed package is asked for: nothing public without a type that all checkers understand alike."""
    done = run(
        *pyright, "--pythonpath", sys.executable, "--ignoreexternal", "--verifytypes", "rampa", "--outputjson", cwd=tmp_path
    )
    told = json.loads(done.stdout)["typeCompleteness"]
    unknown = [
        f"{symbol['name']}: {[row['message'] for row in symbol['diagnostics']]}"
        for symbol in told["symbols"]
        if symbol["isExported"] and not symbol["isTypeKnown"]
    ]
    assert unknown == []
    assert told["completenessScore"] == 1


# ---- without a checker ----------------------------------------------------------------------------------------------


def test_the_package_says_that_it_has_types() -> None:
    assert (PACKAGE / "py.typed").is_file()


def parameters_of(kind: type) -> list[str]:
    return [name for name in inspect.signature(kind).parameters if name != "self"]


def keyword_only(module: object, function: str, index: int) -> list[str]:
    """The keyword-only parameters of a definition in the source, which at run time is another one."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
    return [argument.arg for argument in found[index].args.kwonlyargs]


def documented(marker: str) -> list[str]:
    """The first column of a table of docs/scenarios.md, which is compared with the sources."""
    part = (ROOT / "docs/scenarios.md").read_text().split(f"<!-- table: {marker} -->")[1].split("<!-- end: ")[0]
    return re.findall(r"^\| `([\w-]+)` \|", part, re.MULTILINE)


def test_executors_are_those_of_the_engine() -> None:
    kinds = documented("executors")
    assert len(kinds) >= 6
    assert list(typing.get_args(config.Executor)) == kinds
    assert [kind for kind in kinds if f"``{kind}``" not in (config.ScenarioConfig.__doc__ or "")] == []


def test_fields_are_those_of_the_engine() -> None:
    fields = set(documented("fields"))
    assert len(fields) >= 18
    assert set(parameters_of(config.ScenarioConfig)) == fields
    assert set(inspect.signature(rampa.scenario).parameters) == fields | {"name"}
    assert set(keyword_only(loader, "scenario", 1)) == fields | {"name"}
    shortcuts = {"vus", "duration", "iterations", "stages"}
    assert set(parameters_of(config.Options)) == set(documented("options")) | shortcuts


@pytest.mark.parametrize("kind", [config.ScenarioConfig, config.Options])
def test_fields_are_the_same_to_a_checker_and_at_run_time(kind: type) -> None:
    tree = ast.parse(inspect.getsource(config))
    own = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    conditional = next(node for node in own.body if isinstance(node, ast.If))
    checkers = next(node for node in conditional.body if isinstance(node, ast.FunctionDef))
    names = [argument.arg for argument in checkers.args.kwonlyargs]
    annotations = [ast.unparse(argument.annotation) for argument in checkers.args.kwonlyargs if argument.annotation]
    real = inspect.signature(kind).parameters
    assert list(zip(names, annotations)) == [(one.name, one.annotation) for one in real.values()]
