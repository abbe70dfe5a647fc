# SPDX-License-Identifier: MIT
"""The Python package without a run: durations, configuration, loading, headers, errors, types, imports."""
from __future__ import annotations

import ast
import datetime
import doctest
import importlib
import inspect
import json
import os
import pickle
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import _rampa
import pytest
import rampa
from rampa import _response, config, errors, loader

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = sorted(["rampa"] + [f"rampa.{module.name}" for module in pkgutil.iter_modules(rampa.__path__)])
SECONDS = 120


def python(*words: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Another interpreter with the same path."""
    path = str(Path(rampa.__file__).parent.parent)
    return subprocess.run(
        [os.environ.get("RAMPA_PYTHON") or sys.executable, *words, *(["-c", code] if code else [])],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


# ---- imports --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["_rampa", *MODULES])
def test_any_module_can_be_imported_first(first: str) -> None:
    done = python("-X", "dev", "-W", "error", code=f"import {first}, _rampa, rampa; assert rampa.Worker is _rampa.Worker")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_extension_can_be_loaded_twice() -> None:
    code = "import sys, _rampa; first = _rampa.Response; del sys.modules['_rampa']; import _rampa\n"
    done = python("-X", "dev", "-W", "error", code=code + "assert _rampa.Response is not first")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) >= 7


def test_public_names_exist_and_are_documented() -> None:
    assert sorted(rampa.__all__) == rampa.__all__
    for name in rampa.__all__:
        assert inspect.getdoc(getattr(rampa, name)), name


@pytest.mark.parametrize("name", ["Worker", "Response", "HttpClient", "WebSocketClient", "WebSocketSession", "Request", "Execution"])
def test_members_of_the_extension_are_documented(name: str) -> None:
    for member, value in vars(getattr(_rampa, name)).items():
        if not member.startswith("_") and name != "Request":
            assert inspect.getdoc(value), f"{name}.{member}"


@pytest.mark.parametrize("name", ["Worker", "Response", "HttpClient", "WebSocketClient", "WebSocketSession", "WebSocketConnect", "Request", "Sleep", "Execution"])
def test_objects_of_the_engine_cannot_be_made_by_hand(name: str) -> None:
    with pytest.raises(TypeError):
        getattr(_rampa, name)()


# ---- types ----------------------------------------------------------------------------------------------------------


def stub_classes() -> dict[str, set[str]]:
    """The members of each class in the stub, with those of its bases in the stub."""
    tree = ast.parse((Path(rampa.__file__).with_name("_rampa.pyi")).read_text())
    classes: dict[str, set[str]] = {}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        members = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
        members |= {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
        for base in node.bases:
            if isinstance(base, ast.Subscript) and isinstance(base.value, ast.Name):
                members |= classes.get(base.value.id, set())
        classes[node.name] = members
    return classes


def test_the_stub_has_what_the_extension_has() -> None:
    stub = {name: members for name, members in stub_classes().items() if not name.startswith("_")}
    real = {name: value for name, value in vars(_rampa).items() if isinstance(value, type)}
    assert set(stub) == set(real)
    invisible = {"__module__", "__doc__", "__repr__", "__new__", "__weaklistoffset__", "__getattribute__"}
    for name, value in real.items():
        members = set().union(*(vars(kind) for kind in value.__mro__[:-1]))  # object is the last one
        assert stub[name] - invisible == members - invisible, name


def test_signatures_of_the_stub_are_those_of_the_extension() -> None:
    """Where the extension tells its signature: the same names, in the same order."""
    tree = ast.parse((Path(rampa.__file__).with_name("_rampa.pyi")).read_text())
    compared = 0
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or not hasattr(_rampa, node.name):
            continue
        for function in node.body:
            if not isinstance(function, ast.FunctionDef) or function.name.startswith("_"):
                continue
            real = getattr(getattr(_rampa, node.name), function.name, None)
            try:
                signature = inspect.signature(real) if callable(real) else None
            except ValueError:
                continue
            if signature is None:
                continue
            arguments = function.args
            # Of an overload, stubtest takes a name as positional only when two underscores stand before it.
            names = [a.arg.removeprefix("__") for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
            assert names == list(signature.parameters), f"{node.name}.{function.name}"
            compared += 1
    assert compared >= 10


mypy = pytest.mark.skipif(
    not shutil.which("mypy") or "RAMPA_SANITIZED" in os.environ, reason="needs mypy; checked with the ordinary build"
)


def check_types(*words: str | Path, cache: Path) -> str:
    done = subprocess.run(
        ["mypy", "--strict", "--cache-dir", str(cache), *map(str, words)],
        env={"MYPYPATH": str(Path(rampa.__file__).parent.parent), "PATH": "/usr/bin:/bin"},
        cwd=cache,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return done.stdout


@mypy
def test_mypy_accepts_the_package(tmp_path: Path) -> None:
    assert "Success: no issues" in check_types("-p", "rampa", cache=tmp_path)


SCRIPT = """
import rampa
from rampa.errors import RequestError

config = rampa.Config(thresholds={"http_reqs": ["count>1"]}, options=rampa.Options(vus=3))


async def setup(worker: rampa.Worker) -> str:
    return (await worker.http.get("http://127.0.0.1/")).text()


@rampa.scenario
async def plain(worker: rampa.Worker) -> None:
    pass


@rampa.scenario("named", executor="constant-vus", vus=10, duration="30s")
async def browse(worker: rampa.Worker) -> None:
    try:
        response = await worker.http.post("http://127.0.0.1/", json={"a": 1}, expected_statuses=[201, (300, 399)])
    except RequestError as e:
        response = e.response
    ok: bool = worker.check(response, {"status": lambda r: r.status == 200, "quick": response.timings.duration < 1})
    for name in response.headers:
        print(name, response.headers.get_all(name), ok)
    worker.trend("size", len(response.body), tags={"kind": worker.execution.scenario})
    await worker.sleep(0.1)
"""


@mypy
def test_mypy_accepts_a_script_and_sees_its_mistakes(tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text(SCRIPT)
    assert "Success: no issues" in check_types(good, cache=tmp_path)
    bad = tmp_path / "bad.py"
    bad.write_text(SCRIPT + "    response.stats\n    worker.trend(3)\n    await worker.http.get(url=1, tries=2)\n")
    said = check_types(bad, cache=tmp_path)
    assert '"Response" has no attribute "stats"' in said
    assert "Unexpected keyword argument" in said
    assert 'Missing positional argument "value"' in said


# ---- durations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("0s", 0), ("30s", 30), ("1m30s", 90), ("1.5s", 1.5), ("250ms", 0.25), ("1d", 86400), ("2h", 7200),
        ("1h1m1s1ms1us", 3661.001001), (".5s", 0.5), ("5.s", 5), (" 3s ", 3), ("1000us", 0.001), ("1500ns", 0.000001),
        (2, 2), (0.25, 0.25), (datetime.timedelta(minutes=2), 120), (0, 0),
    ],
)  # fmt: skip
def test_parse_duration(text: config.Duration, seconds: float) -> None:
    assert config.parse_duration(text) == datetime.timedelta(microseconds=round(seconds * 1e6))


@pytest.mark.parametrize(
    "text",
    [
        "", "s", "5", "1x", "1.2.3s", "-1s", "1s2", "1 s", "1e3s", "٣s", "1sm", None, True, [], b"1s", "5s30m", "30s30s", "1ms1s",
        "9999999999d", float("inf"), float("nan"), 1e300, 10**20,
    ],
)  # fmt: skip
def test_parse_duration_refuses(text: object) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        config.parse_duration(text)  # type: ignore[arg-type]
    assert config.ScenarioConfig(duration=text).duration == text or text != text  # type: ignore[arg-type]


def test_durations_of_python_and_of_the_engine_are_the_same(program: Path, tmp_path: Path) -> None:
    """The engine parses what scripts say by itself."""
    texts = ["30s", "1m30s", "1.5s", "250ms", "2h", ".5s", "1000us", "1d"]
    script = tmp_path / "script.py"
    lines = [f's{i} = rampa.scenario("s{i}", duration="{text}")(lambda worker: None)' for i, text in enumerate(texts)]
    script.write_text("import rampa\n" + "\n".join(lines) + "\n")
    done = subprocess.run([program, "inspect", script, "--format", "json"], capture_output=True, text=True, timeout=SECONDS)
    assert done.stderr == ""
    scenarios = json.loads(done.stdout)["scenarios"]
    for i, text in enumerate(texts):
        assert config.parse_duration(scenarios[f"s{i}"]["duration"]) == config.parse_duration(text), text


# ---- configuration --------------------------------------------------------------------------------------------------


def test_fields_can_be_read_compared_and_shown() -> None:
    one = config.ScenarioConfig(executor="constant-vus", vus=3)
    assert (one.executor, one.vus, one.duration) == ("constant-vus", 3, None)
    assert one == config.ScenarioConfig(executor="constant-vus", vus=3)
    assert one != config.ScenarioConfig(vus=3) and one != config.Options(executor="constant-vus", vus=3)
    assert repr(one) == "ScenarioConfig(executor='constant-vus', vus=3)"
    with pytest.raises(AttributeError):
        one._private
    with pytest.raises(TypeError):
        hash(one)
    with pytest.raises(TypeError):
        config.Stage("30s")  # type: ignore[call-arg]


def test_as_json() -> None:
    value = config.Config(
        scenarios={"a": config.ScenarioConfig(stages=[config.Stage("1s", 2)], tags={"a": 1})},
        options=config.Options(setup_timeout=datetime.timedelta(milliseconds=1.5)),
        metrics=None,
    )
    assert config.as_json(value) == {
        "scenarios": {"a": {"stages": [{"duration": "1s", "target": 2}], "tags": {"a": 1}}},
        "options": {"setup_timeout": "1500us"},
    }
    assert config.as_json((1, None, True, 1.5, "x")) == [1, None, True, 1.5, "x"]
    assert config.as_json({3: object}) == {"3": "<class 'object'>"}


# ---- loading --------------------------------------------------------------------------------------------------------


def load(tmp_path: Path, text: str) -> loader.Script:
    path = tmp_path / "script_of_test.py"
    path.write_text(text)
    before = list(sys.path)
    script = loader.Script(str(path))
    try:
        script.load()
    finally:
        sys.path[:] = before
        sys.modules.pop("script_of_test", None)
    return script


def test_the_ways_to_declare_a_scenario(tmp_path: Path) -> None:
    script = load(
        tmp_path,
        "import rampa\n@rampa.scenario\nasync def a(w): ...\n@rampa.scenario()\nasync def b(w): ...\n"
        '@rampa.scenario("c c")\nasync def c(w): ...\n@rampa.scenario(name="dd", vus=2)\nasync def d(w): ...\n'
        'def e(w): ...\nrampa.scenario("e1", vus=1)(e)\nrampa.scenario("e2", vus=2)(e)\n',
    )
    declared = json.loads(script.declaration())["decorated"]
    assert [(one["name"], one["exec_fn"], one["line"], one["fields"]) for one in declared] == [
        ("a", "a", 2, {}), ("b", "b", 4, {}), ("c c", "c", 6, {}), ("dd", "d", 8, {"vus": 2}), ("e1", "e", 11, {"vus": 1}),
        ("e2", "e", 12, {"vus": 2}),
    ]  # fmt: skip


def test_one_decorator_used_twice(tmp_path: Path) -> None:
    """The fields of one call belong to every function it decorates."""
    script = load(
        tmp_path,
        'import rampa\nmany = rampa.scenario(name="x", vus=2)\nasync def a(w): ...\nasync def b(w): ...\n'
        "many(a)\nmany(b)\n",
    )
    declared = json.loads(script.declaration())["decorated"]
    assert [one["fields"] for one in declared] == [{"vus": 2}, {"vus": 2}]
    assert [one["name"] for one in declared] == ["x", "x"]


def test_the_decorator_refuses_what_is_no_name() -> None:
    with pytest.raises(TypeError, match="@scenario takes a name, not 3"):
        loader.scenario(3)  # type: ignore[call-overload]


def test_the_function_stays_what_it_was() -> None:
    async def a(worker: rampa.Worker) -> None: ...

    assert loader.scenario(a) is a
    assert loader.scenario("n", vus=1)(a) is a
    loader._loading.clear()


def test_hooks_and_functions(tmp_path: Path) -> None:
    script = load(tmp_path, "setup = None\ndef teardown(): ...\nasync def f(w): ...\ng = 3\n")
    assert script.hook("setup") is None and script.hook("teardown") is not None
    assert set(script.functions) == {"teardown", "f"}
    declared = json.loads(script.declaration())
    assert (declared["has_setup"], declared["has_teardown"]) == (False, True)


def test_a_script_imports_its_neighbours_and_knows_its_name(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_test.py").write_text("VALUE = 7\n")
    script = load(tmp_path, "import neighbour_of_test\nvalue = neighbour_of_test.VALUE\nname, file = __name__, __file__\n")
    assert (script.module.value, script.module.name) == (7, "script_of_test")
    assert script.module.file == str(tmp_path / "script_of_test.py")


def test_find_metrics(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "async def a(worker):\n    worker.trend('one1', 1)\n    worker.counter(name='two2')\n    worker.trend('one1', 2)\n"
        "    other.rate('no_metric')\n    self.worker.gauge('three3', 1)\ndef b(w):\n    w.rate('four4', True)\n"
        "    def c():\n        w.rate('five5', True)\nw.rate('six6', True)\nd = lambda v: v.trend('seven7', 1)\n"
    )
    found, dynamic, mistakes = loader.find_metrics(str(path))
    assert found == {
        "one1": "trend", "two2": "counter", "three3": "gauge", "four4": "rate", "five5": "rate", "seven7": "trend",
    }  # fmt: skip
    assert (dynamic, mistakes) == (False, [])
    path.write_text("def a(worker): worker.trend('x' + y, 1)\n")
    assert loader.find_metrics(str(path)) == ({}, True, [])
    path.write_text("def a(worker):\n    worker.trend('x{', 1)\n    worker.gauge('y y', 1)\n    worker.rate('', 1)\n")
    found, _, mistakes = loader.find_metrics(str(path))
    rule = "the name of a metric must be 1 to 255 characters without control characters, quotes and braces"
    assert found == {"y y": "gauge"}
    assert [(note["line"], note["text"]) for note in mistakes] == [(2, f"{rule}, not 'x{{'"), (4, f"{rule}, not ''")]


# ---- headers --------------------------------------------------------------------------------------------------------


def test_headers_are_a_mapping_that_ignores_case() -> None:
    headers = _response.Headers([("Content-Type", "text/html"), ("Via", "a"), ("VIA", "b"), ("X", "")])
    assert len(headers) == 3 and list(headers) == ["Content-Type", "Via", "X"]
    assert headers["content-TYPE"] == "text/html" and headers.get("nothing") is None
    assert headers.get_all("via") == ["a", "b"] and headers["via"] == "a, b" and headers.get_all("none") == []
    assert "VIA" in headers and "none" not in headers and 3 not in headers
    assert dict(headers) == {"Content-Type": "text/html", "Via": "a, b", "X": ""}
    assert headers.raw() == [("Content-Type", "text/html"), ("Via", "a"), ("VIA", "b"), ("X", "")]
    assert repr(headers).startswith("Headers([(")
    with pytest.raises(KeyError):
        headers["none"]


@pytest.mark.parametrize(
    ("kind", "charset"),
    [
        ("text/html; charset=utf-8", "utf-8"), ("text/html; charset=\"ISO-8859-1\"", "ISO-8859-1"),
        ("text/html;charset = latin-1;x=y", "latin-1"), ("text/html; charset=no-such-thing", "utf-8"),
        ("text/html", "utf-8"), (None, "utf-8"), ("a; charset=", "utf-8"), ("a; charset=base64", "utf-8"),
        ("a; charset=hex", "utf-8"), ("a; charset=utf-8\0x", "utf-8"), ("a; charset=undefined", "utf-8"),
    ],
)  # fmt: skip
def test_charset(kind: str | None, charset: str) -> None:
    headers = _response.Headers([("Content-Type", kind)] if kind is not None else [])
    assert headers.charset() == charset
    b"abc".decode(headers.charset())


# ---- errors ---------------------------------------------------------------------------------------------------------


class FakeResponse:
    def __init__(self, code: int) -> None:
        self.error_code, self.url, self.method, self.error = code, "http://h/", "GET", "reason"
        self.status, self.history = 0, []


@pytest.mark.parametrize("code", [1000, 9999, *errors._BY_CODE])
def test_errors_by_code(code: int) -> None:
    error = errors.request_error(FakeResponse(code))  # type: ignore[arg-type]
    wanted = errors._BY_CODE.get(code, errors.RequestError)
    # Once something has imported aiohttp, it is a class of the same name that is one of aiohttp's too.
    assert isinstance(error, wanted) and type(error).__name__ == wanted.__name__
    assert isinstance(error, errors.RampaError) and str(error) == "GET http://h/: reason"
    assert (error.error_code, error.url, error.method) == (code, "http://h/", "GET")
    copy = pickle.loads(pickle.dumps(error))  # so that a process pool can hand it on
    assert isinstance(copy, errors.RampaError) and str(copy) == str(error)


def test_errors_are_pythons_own_kinds_too() -> None:
    assert issubclass(errors.RequestTimeout, TimeoutError) and issubclass(errors.ConnectTimeout, TimeoutError)
    assert issubclass(errors.ConnectionLost, ConnectionError) and issubclass(errors.ConnectError, ConnectionError)
    assert not issubclass(errors.NameResolutionError, ConnectionError)


def test_every_code_of_the_client_has_its_class_or_is_a_plain_request_error() -> None:
    import re

    header = (ROOT / "src/http/http.h").read_text()
    codes = {int(number) for number in re.findall(r"^\s*RP_HTTP_\w+ = (\d+)", header, re.M)} - {1000}
    # Cancelled, interrupted: nobody is there to catch it. A bad URL is a ValueError at the call.
    assert codes - set(errors._BY_CODE) <= {1020, 1903, 1904}
