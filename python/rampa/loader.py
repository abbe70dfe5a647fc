"""Loading a script: the decorator, and what the script declares."""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import importlib.util
import inspect
import json
import os
import re
import sys
import types
import typing

from rampa.config import Arrival, Config, Duration, Executor, ScenarioConfig, StageLike, as_json, field_parameters
from rampa.errors import ConfigError, ScriptError

_F = typing.TypeVar("_F", bound=typing.Callable[..., typing.Any])
_declared: list[tuple[str, typing.Callable[..., typing.Any], dict[str, typing.Any], str, int]] = []


@typing.overload
def scenario(function: _F, /) -> _F: ...


@typing.overload
def scenario(
    title: str | None = None,
    /,
    *,
    name: str | None = None,
    executor: Executor | None = None,
    exec_fn: str | None = None,
    vus: int | None = None,
    start_vus: int | None = None,
    duration: Duration | None = None,
    iterations: int | None = None,
    stages: collections.abc.Sequence[StageLike] | None = None,
    rate: float | None = None,
    time_unit: Duration | None = None,
    arrival: Arrival | None = None,
    pre_allocated_vus: int | None = None,
    max_vus: int | None = None,
    max_duration: Duration | None = None,
    start_time: Duration | None = None,
    graceful_stop: Duration | None = None,
    graceful_ramp_down: Duration | None = None,
    tags: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
) -> typing.Callable[[_F], _F]: ...


def scenario(name: typing.Any = None, /, **fields: typing.Any) -> typing.Any:
    """Makes an async function a scenario: one call of it, with the VU's worker as its argument, is one iteration.

    ``@scenario``, ``@scenario("name")`` and ``@scenario(executor="constant-vus", vus=10, duration="30s")`` all work. A plain
    function works too, but blocks everything else while it runs; what it returns is awaited when it can be.

    Args:
        name: of the scenario, by position or as name=; that of the function by default.
        **fields: as in :class:`rampa.ScenarioConfig`: executor, exec_fn, vus, start_vus, duration, iterations, stages, rate,
            time_unit, arrival, pre_allocated_vus, max_vus, max_duration, start_time, graceful_stop, graceful_ramp_down,
            tags and env.

    Returns:
        The function as it was.

    Raises:
        TypeError: name is not text.

    >>> @scenario(executor="constant-vus", vus=10, duration="30s")
    ... async def browse(worker):
    ...     await worker.http.get("http://127.0.0.1:8080/")
    """
    frame = sys._getframe(1)
    file, line = frame.f_code.co_filename, frame.f_lineno
    given = fields.pop("name", None)

    def decorate(function: _F) -> _F:
        title = name if isinstance(name, str) else getattr(function, "__name__", "scenario")
        _declared.append((given or title, function, fields, file, line))
        return function

    if callable(name):
        return decorate(name)
    if name is not None and not isinstance(name, str):
        raise TypeError(f"@scenario takes a name, not {name!r}")
    return decorate


_NAME = inspect.Parameter("name", inspect.Parameter.POSITIONAL_ONLY, default=None, annotation="str | None")
scenario.__signature__ = inspect.Signature([_NAME, *field_parameters(ScenarioConfig)])  # type: ignore[attr-defined]


def require_scenario(title: str, function: typing.Callable[..., typing.Any]) -> None:
    """Whether a function can be one iteration of a scenario.

    Args:
        title: name of the scenario.
        function: the function.

    Raises:
        ScriptError: it is a generator, or does not take one argument.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    file, line = (code.co_filename, code.co_firstlineno) if code else (None, 0)
    name = getattr(function, "__name__", title)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise ScriptError(f"scenario {title!r}: {name}() is a generator, for it has a 'yield'", file, line)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a callable that does not tell
        return
    try:
        signature.bind(None)
    except TypeError:
        message = f"scenario {title!r}: {name}{signature} must take one argument, the worker"
        raise ScriptError(message, file, line) from None


class Script:
    """A script for a worker to run.

    Args:
        path: of the script.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.module: types.ModuleType = types.ModuleType("none")
        self.functions: dict[str, typing.Callable[..., typing.Any]] = {}
        self._declared: list[tuple[str, typing.Callable[..., typing.Any], dict[str, typing.Any], str, int]] = []

    def load(self) -> None:
        """Runs the script's module code; raises what it raises."""
        name = os.path.splitext(os.path.basename(self.path))[0]
        spec = importlib.util.spec_from_file_location(name, self.path)
        assert spec is not None and spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        sys.modules[name] = self.module
        sys.path.insert(0, os.path.dirname(os.path.abspath(self.path)))
        _declared.clear()
        spec.loader.exec_module(self.module)
        self._declared = list(_declared)
        _declared.clear()
        for key, value in vars(self.module).items():
            if inspect.isfunction(value):
                self.functions[key] = value
        for title, function, fields, _, _ in self._declared:
            self.functions[fields.get("exec_fn") or self._function_name(title, function)] = function

    def _function_name(self, title: str, function: typing.Callable[..., typing.Any]) -> str:
        """The name by which exec_fn finds a decorated function: its own, unless another function has taken it."""
        own = getattr(function, "__name__", title)
        return own if self.functions.get(own, function) is function else title

    def hook(self, name: str) -> typing.Callable[..., typing.Any] | None:
        """A function of the script that runs once, or None.

        Args:
            name: ``setup`` or ``teardown``.
        """
        found = getattr(self.module, name, None)
        return found if callable(found) else None

    def settings(self, config: Config) -> dict[str, ScenarioConfig]:
        """The fields of each scenario: those of ``config.scenarios`` for what stands there, else those of the decorator.

        Args:
            config: of the script.
        """
        found = {}
        for title, _, fields, file, line in self._declared:
            settings = ScenarioConfig(**fields)
            settings._file, settings._line = file, line
            found[title] = settings
        for title, given in (config.scenarios or {}).items():
            found[title] = given if isinstance(given, ScenarioConfig) else ScenarioConfig(**(given or {}))
        return found

    def declaration(self) -> str:
        """What the script declares, as JSON for the engine's plan."""
        metrics, dynamic = find_metrics(self.path)
        declared: dict[str, typing.Any] = {
            "script": self.path,
            "functions": [
                {"name": name, "file": self.path, "line": function.__code__.co_firstlineno}
                for name, function in self.functions.items()
                if hasattr(function, "__code__")
            ],
            "decorated": [
                {
                    "name": title,
                    "exec_fn": self._function_name(title, function),
                    "file": self.display(file),
                    "line": line,
                    "fields": as_json(fields),
                }
                for title, function, fields, file, line in self._declared
            ],
            "metrics": [{"name": name, "type": kind} for name, kind in metrics.items()],
            "dynamic_metrics": dynamic,
            "has_setup": self.hook("setup") is not None,
            "has_teardown": self.hook("teardown") is not None,
        }
        config = getattr(self.module, "config", None)
        if isinstance(config, Config):
            declared["config"] = {**as_json(config), "file": self.display(config._file), "line": config._line}
        elif config is not None and not isinstance(config, types.ModuleType):
            raise ScriptError(f"config must be a rampa.Config, not {type(config).__name__}", self.path)
        for title, function, _, _, _ in self._declared:
            require_scenario(title, function)
        return json.dumps(declared)

    def display(self, file: str) -> str:
        """A file's name as the user gave it.

        Args:
            file: its name as the interpreter knows it.
        """
        return self.path if os.path.abspath(file) == os.path.abspath(self.path) else file


_METRIC_METHODS = ("counter", "gauge", "rate", "trend")
_METRIC_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{1,128}", re.ASCII)


def find_metrics(path: str) -> tuple[dict[str, str], bool]:
    """The custom metrics a script names by literals in ``worker.trend("name", ...)`` and the like, and whether it names some
    at run time only (then thresholds on unknown names cannot be refused before the run).

    Other objects may have such methods too. What is taken for a worker is ``worker``, ``anything.worker`` and every
    parameter of a function around the call.

    Args:
        path: of the script.

    Raises:
        ScriptError: a name is not one of a metric.
        SyntaxError: the script is not Python.
    """
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    finder = _MetricFinder(path)
    finder.visit(tree)
    return finder.found, finder.dynamic


class _MetricFinder(ast.NodeVisitor):
    def __init__(self, path: str) -> None:
        self.path = path
        self.found: dict[str, str] = {}
        self.dynamic = False
        self._parameters: list[str] = []

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        outside = len(self._parameters)
        self._parameters += [argument.arg for argument in arguments]
        self.generic_visit(node)
        del self._parameters[outside:]

    visit_FunctionDef = _visit_function
    visit_AsyncFunctionDef = _visit_function
    visit_Lambda = _visit_function

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in _METRIC_METHODS:
            owner = function.value
            word = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if word == "worker" or (isinstance(owner, ast.Name) and word in self._parameters):
                self._found(node, function.attr, surely=word == "worker")
        self.generic_visit(node)

    def _found(self, node: ast.Call, kind: str, surely: bool) -> None:
        by_keyword = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
        name = next(iter(node.args + by_keyword), None)
        if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            self.dynamic = self.dynamic or name is not None
        elif _METRIC_NAME.fullmatch(name.value):
            self.found.setdefault(name.value, kind)
        elif surely:
            rule = "a letter or '_' and then 1 to 128 of [a-zA-Z0-9_]"
            raise ScriptError(f"the name of a metric must be {rule}, not {name.value!r}", self.path, node.lineno)


@dataclasses.dataclass
class TestPlan:
    """What :class:`rampa.Engine` runs: from :func:`load_test`, or made of Python objects.

    The functions may be closures, bound methods and lambdas: an engine runs them in this process.

    Attributes:
        scenarios: name -> (settings, the function that is one iteration).
        config: thresholds, options and metrics; its ``scenarios`` are not looked at.
        setup_fn: runs once before, with or without a worker as its argument; what it returns is ``worker.setup_data``.
        teardown_fn: runs once after.
        path: of the script that it comes from, or None.

    >>> async def visit(worker):
    ...     worker.counter("visits")
    >>> plan = TestPlan(scenarios={"visit": (ScenarioConfig(vus=2, duration="1s"), visit)})
    >>> plan.setup_fn is None
    True
    """

    __test__: typing.ClassVar[bool] = False  # for pytest: no class of tests

    scenarios: dict[str, tuple[ScenarioConfig, typing.Callable[..., typing.Any]]]
    config: Config = dataclasses.field(default_factory=Config)
    setup_fn: typing.Callable[..., typing.Any] | None = None
    teardown_fn: typing.Callable[..., typing.Any] | None = None
    path: str | None = None


def load_test(path: str | os.PathLike[str]) -> TestPlan:
    """Loads a script, in this process, and checks it as ``rampa check`` does.

    Args:
        path: of the script.

    Returns:
        Its plan, which may be changed before it is run.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: what the script declares cannot be run.
        Exception: whatever the script's own code raises.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"there is no script {name!r}")
    if typing.TYPE_CHECKING:
        from rampa import _rampa
    else:
        import _rampa

    script = Script(name)
    script.load()
    try:
        resolved = json.loads(_rampa.resolve_plan(script.declaration()))
    except ConfigError:
        raise
    except ScriptError as error:
        raise ConfigError(str(error), error.file, error.line) from None
    config = getattr(script.module, "config", None)
    config = config if isinstance(config, Config) else Config()
    given = script.settings(config)
    scenarios = {}
    for title, row in resolved["scenarios"].items():
        function = script.functions[row["exec_fn"]]
        require_scenario(title, function)
        scenarios[title] = (given.get(title) or ScenarioConfig(), function)
    return TestPlan(scenarios, config, script.hook("setup"), script.hook("teardown"), name)
