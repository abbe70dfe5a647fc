"""Loading a script: the decorator, and what the script declares."""

from __future__ import annotations

import ast
import collections.abc
import contextlib
import dataclasses
import inspect
import json
import os
import re
import sys
import types
import typing
import warnings

from rampa._frames import plain
from rampa._script_module import OwnImports, folder_of, name_of, new_module, private_name_of, require_other_name
from rampa._script_names import Names
from rampa.config import Arrival, Config, Duration, Executor, ScenarioConfig, StageLike, as_json, field_parameters
from rampa.errors import ConfigError, ScriptError

_F = typing.TypeVar("_F", bound=typing.Callable[[typing.Any], typing.Any])
_Function = typing.Callable[..., typing.Any]
_ATTRIBUTE = "__rampa_scenarios__"


@dataclasses.dataclass(frozen=True, eq=False)
class _Declaration:
    """One call of the decorator."""

    title: str
    fields: dict[str, typing.Any]
    file: str
    line: int


_loading: list[tuple[_Declaration, _Function]] = []
"""What the decorator was called for while a script is loaded, which :class:`Script` empties before and after."""


def _attached(value: typing.Any) -> tuple[_Declaration, ...]:
    """What the decorator has left at an object of a script, which may be anything."""
    try:
        attached = vars(value).get(_ATTRIBUTE, ())
    except Exception:  # there are objects that ask somebody else for their attributes
        return ()
    return attached if isinstance(attached, tuple) else ()


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
        declaration = _Declaration(given or title, fields, file, line)
        # Without attributes (a bound method has none of its own) a function is known only to the script that decorates it.
        with contextlib.suppress(AttributeError, TypeError):
            setattr(function, _ATTRIBUTE, (*_attached(function), declaration))
        _loading.append((declaration, function))
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
        ScriptError: it cannot be called, is a generator, or does not take one argument.
    """
    if not callable(function):
        raise ScriptError(f"scenario {title!r}: the function must be one that can be called, not {function!r}")
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


class _Scenario(typing.NamedTuple):
    """A decorated function, and the name of the script that holds it."""

    declaration: _Declaration
    function: _Function
    bound: str


class Script:
    """A script for a worker to run.

    Args:
        path: of the script.
        imports: what it imports from its folder, when the program that loads it is not there for this script alone.
    """

    def __init__(self, path: str, imports: OwnImports | None = None) -> None:
        self.path = path
        self.module: types.ModuleType = types.ModuleType("none")
        self.functions: dict[str, _Function] = {}
        self.warnings: list[str] = []
        """What is wrong with the script and does not keep it from running; known once its declaration has been made."""
        self._imports = imports
        self._source = b""
        self._scenarios: list[_Scenario] = []

    def load(self) -> None:
        """Runs the script's module code; raises what it raises.

        Raises:
            ScriptError: it declares a scenario that nobody could run.
        """
        require_other_name(self.path)
        _loading.clear()
        try:
            self._run()
            self._find_scenarios(list(_loading))
        finally:
            _loading.clear()

    def _run(self) -> None:
        name = private_name_of(self.path) if self._imports else name_of(self.path)
        self.module, loader = new_module(self.path, name)
        sys.modules[name] = self.module
        try:
            if self._imports:
                self._imports.give(self.module)
                with self._imports.active():
                    loader.exec_module(self.module)
            else:
                sys.path.insert(0, folder_of(self.path))
                loader.exec_module(self.module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        self._source = loader.source

    def _find_scenarios(self, declared: list[tuple[_Declaration, _Function]]) -> None:
        """Takes what names at the top level of the script hold at its end. A function that another module has decorated
        counts as soon as the script has a name for it, and one that has lost its name counts no more."""
        known: set[tuple[int, int]] = set()
        for bound, value in vars(self.module).items():
            here = [declaration for declaration, function in declared if function is value]
            declarations = dict.fromkeys((*_attached(value), *here))
            if declarations or inspect.isfunction(value):
                self.functions[bound] = value
            for declaration in declarations:
                if (id(declaration), id(value)) not in known:
                    known.add((id(declaration), id(value)))
                    self._scenarios.append(_Scenario(declaration, value, bound))
        found = {declaration for declaration, _ in known}
        for declaration, function in declared:
            if id(declaration) not in found and os.path.abspath(declaration.file) == os.path.abspath(self.path):
                self._explain_lost(declaration, function)

    def _explain_lost(self, declaration: _Declaration, function: _Function) -> None:
        """Says why a decorated function is no scenario. Who takes one out by ``del`` knows."""
        title, line = declaration.title, declaration.line
        name = getattr(function, "__name__", title)
        outside, _, _ = getattr(function, "__qualname__", name).rpartition(".")
        place = f"{self.path}:{line}: scenario {title!r} is not run"
        if outside and not outside.endswith("<locals>"):
            raise ScriptError(
                f"scenario {title!r}: {name}() is a method of the class {outside}, and an iteration has no object to call it "
                "with; decorate a function that takes the worker, and keep the object in worker.vu",
                self.path,
                line,
            )
        if outside:
            self.warnings.append(f"{place}: no name at the top level of the script holds the function {name}()")
        elif name in vars(self.module):
            again = getattr(getattr(vars(self.module)[name], "__code__", None), "co_firstlineno", 0)
            where = f"line {again}" if again > line else "another decorator, above which @rampa.scenario must stand"
            self.warnings.append(f"{place}: the name {name!r} was bound again by {where}")

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
        for declaration, _, _ in self._scenarios:
            settings = ScenarioConfig(**declaration.fields)
            settings._file, settings._line = declaration.file, declaration.line
            found[declaration.title] = settings
        for title, given in (config.scenarios or {}).items():
            found[title] = ScenarioConfig.model_validate(given or {})
        return found

    def declaration(self) -> str:
        """What the script declares, as JSON for the engine's plan."""
        metrics, dynamic, mistakes = find_metrics(self.path, self._source)
        names = Names(self.module, ast.parse(self._source, self.path), plain(self.path), self.module.__file__ or self.path)
        declared: dict[str, typing.Any] = {
            "script": plain(self.path),
            "functions": [
                {"name": name, "file": self.display(function.__code__.co_filename), "line": function.__code__.co_firstlineno}
                for name, function in self.functions.items()
                if hasattr(function, "__code__")
            ],
            "decorated": [
                {
                    "name": declaration.title,
                    "exec_fn": bound,
                    "file": self.display(declaration.file),
                    "line": declaration.line,
                    "fields": as_json(declaration.fields),
                }
                for declaration, _, bound in self._scenarios
            ],
            "metrics": [{"name": name, "type": kind} for name, kind in metrics.items()],
            "dynamic_metrics": dynamic,
            "has_setup": self.hook("setup") is not None,
            "has_teardown": self.hook("teardown") is not None,
            "mistakes": [*mistakes, *names.mistakes, *self._wrong_functions()],
            "warnings": [*({"text": plain(text)} for text in self.warnings), *names.warnings],
        }
        config = getattr(self.module, "config", None)
        if isinstance(config, Config):
            place = {"file": self.display(config._file), "line": config._line, "places": names.places(config)}
            declared["config"] = {**as_json(config), **place}
        for note in names.warnings:
            self.warnings.append(f"{note['file']}:{note['line']}: {note['text']}")
        return json.dumps(declared)

    def _wrong_functions(self) -> collections.abc.Iterator[dict[str, typing.Any]]:
        for declaration, function, _ in self._scenarios:
            runs = declaration.fields.get("exec_fn")
            try:
                require_scenario(declaration.title, self.functions.get(runs, function) if runs else function)
            except ScriptError as error:
                yield {"text": plain(str(error)), "file": error.file and self.display(error.file), "line": error.line}

    def display(self, file: str) -> str:
        """A file's name as the user gave it.

        Args:
            file: its name as the interpreter knows it.
        """
        return plain(self.path if os.path.abspath(file) == os.path.abspath(self.path) else file)


_METRIC_METHODS = ("counter", "gauge", "rate", "trend")
_METRIC_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff\"'{}]{1,255}")


def find_metrics(path: str, source: bytes | None = None) -> tuple[dict[str, str], bool, list[dict[str, typing.Any]]]:
    """The custom metrics a script names by literals in ``worker.trend("name", ...)`` and the like, whether it names some at
    run time only (then thresholds on unknown names cannot be refused before the run), and the names that are none, as mistakes
    of a declaration.

    Other objects may have such methods too. What is taken for a worker is ``worker``, ``anything.worker`` and every
    parameter of a function around the call.

    Args:
        path: of the script.
        source: what was read of it; None: it is read here.

    Raises:
        SyntaxError: the script is not Python.
    """
    if source is None:
        with open(path, "rb") as file:
            source = file.read()
    tree = ast.parse(source, path)
    finder = _MetricFinder(path)
    finder.visit(tree)
    return finder.found, finder.dynamic, finder.mistakes


class _MetricFinder(ast.NodeVisitor):
    def __init__(self, path: str) -> None:
        self.path = path
        self.found: dict[str, str] = {}
        self.dynamic = False
        self.mistakes: list[dict[str, typing.Any]] = []
        self._parameters: list[str] = []
        self._workers = {"worker"}
        self._imported: set[str] = set()

    def _visit_import(self, node: ast.Import | ast.ImportFrom) -> None:
        self._imported.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)

    visit_Import = _visit_import
    visit_ImportFrom = _visit_import

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        outside = len(self._parameters)
        if arguments and any("scenario" in ast.dump(mark) for mark in getattr(node, "decorator_list", ())):
            self._workers.add(arguments[0].arg)
        self._parameters += [argument.arg for argument in arguments]
        self.generic_visit(node)
        del self._parameters[outside:]

    visit_FunctionDef = _visit_function
    visit_AsyncFunctionDef = _visit_function
    visit_Lambda = _visit_function

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # record = worker.trend: who calls it, and with which names, is not seen.
        owner = node.value
        if node.attr in _METRIC_METHODS and isinstance(owner, ast.Name) and owner.id in self._workers:
            self.dynamic = True
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        root = function
        while isinstance(root, ast.Attribute):
            root = root.value
        # helper.step(worker): another module may record what it likes.
        if isinstance(root, ast.Name) and root.id in self._imported:
            self.dynamic = self.dynamic or any(isinstance(a, ast.Name) and a.id in self._workers for a in node.args)
        if isinstance(function, ast.Attribute) and function.attr in _METRIC_METHODS:
            owner = function.value
            word = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if word == "worker" or (isinstance(owner, ast.Name) and word in self._parameters):
                self._found(node, function.attr, surely=word == "worker")
            self.visit(owner)
            for part in [*node.args, *node.keywords]:
                self.visit(part)
            return
        self.generic_visit(node)

    def _found(self, node: ast.Call, kind: str, surely: bool) -> None:
        by_keyword = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
        name = next(iter(node.args + by_keyword), None)
        if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            self.dynamic = self.dynamic or name is not None
        elif _METRIC_NAME.fullmatch(name.value):
            self.found.setdefault(name.value, kind)
        elif surely:
            rule = "1 to 255 characters without control characters, quotes and braces"
            shown = plain(name.value if len(name.value) <= 64 else name.value[:61] + "...")
            text = f"the name of a metric must be {rule}, not {shown!r}"
            self.mistakes.append({"text": text, "file": plain(self.path), "line": node.lineno})


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

    The script is a module of its own with a private name. What it imports from its folder is kept apart: the modules and
    the ``sys.path`` of the program stay as they are. What is wrong with the script and does not keep it from running is
    told by :func:`warnings.warn`.

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

    try:
        script = Script(name, OwnImports(folder_of(name)))
        script.load()
        declaration = script.declaration()
        for text in script.warnings:
            warnings.warn(text, stacklevel=2)
        resolved = json.loads(_rampa.resolve_plan(declaration))
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
