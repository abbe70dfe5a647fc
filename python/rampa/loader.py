"""Loading a script: the decorator, and what the script declares."""

from __future__ import annotations

import ast
import collections.abc
import importlib.util
import inspect
import json
import os
import re
import sys
import types
import typing

from rampa.config import Arrival, Config, Duration, Executor, StageLike, as_json
from rampa.errors import ScriptError

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
    """Makes an async function a scenario.

    ``@scenario``, ``@scenario("name")`` and ``@scenario(executor="constant-vus", vus=10, duration="30s")`` all work; the
    fields are those of :class:`rampa.ScenarioConfig`. Without a name the function's is taken.
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


def require_scenario(title: str, function: typing.Callable[..., typing.Any]) -> None:
    """Raises ScriptError unless the function can be one iteration of scenario ``title``."""
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
    """A loaded script."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.module = types.ModuleType("none")
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
        """setup or teardown, or None."""
        found = getattr(self.module, name, None)
        return found if callable(found) else None

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
        """A file's name as the user gave it."""
        return self.path if os.path.abspath(file) == os.path.abspath(self.path) else file


_METRIC_METHODS = ("counter", "gauge", "rate", "trend")
_METRIC_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{1,128}", re.ASCII)


def find_metrics(path: str) -> tuple[dict[str, str], bool]:
    """The custom metrics a script names by literals in ``worker.trend("name", ...)`` and the like, and whether it names some
    at run time only (then thresholds on unknown names cannot be refused before the run).

    Other objects may have such methods too. What is taken for a worker is ``worker``, ``anything.worker`` and every
    parameter of a function around the call.
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
