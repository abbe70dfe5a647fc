# SPDX-License-Identifier: MIT
"""The names at the top level of a script: those that rampa looks for, and those by which it was perhaps meant to find something."""

from __future__ import annotations

import ast
import collections.abc
import inspect
import types
import typing

from rampa.config import Config, Options, ScenarioConfig

Note = dict[str, typing.Any]
"""A mistake or a warning in a declaration: text, file, line, and for a mistake hint."""

_KEYS = {*Config._table, *Options._table}

_HOOKS = {
    **dict.fromkeys(("set_up", "setUp", "before_all", "on_start", "on_test_start", "test_start"), "setup"),
    **dict.fromkeys(("tear_down", "tearDown", "after_all", "on_stop", "on_test_stop", "test_stop"), "teardown"),
}
_SUMMARY = ("handle_summary", "handleSummary")


class Names:
    """What the names of a script say.

    Args:
        module: of the script, once its code has run.
        tree: of its source.
        file: its name for messages.
        source_file: its name as the interpreter knows it.
    """

    def __init__(self, module: types.ModuleType, tree: ast.Module, file: str, source_file: str) -> None:
        self.mistakes: list[Note] = []
        self.warnings: list[Note] = []
        self._bound = vars(module)
        self._tree = tree
        self._file = file
        self._source_file = source_file
        self._read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        config = self._bound.get("config")
        if "config" not in self._bound:
            self._look_for_configs()
        elif not isinstance(config, (Config, types.ModuleType)) and config is not None:
            self._judge_other_config(config)
        self._look_for_options()
        self._look_for_dicts()
        self._look_for_hooks()

    def _line(self, name: str) -> int:
        """Where the script binds a name for the last time; 0 when that is not at its top level."""
        line = 0
        for node in self._tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                line = node.lineno
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
                line = node.lineno
        return line

    def _note(self, line: int, text: str, hint: str | None = None) -> Note:
        return {"text": text, "file": self._file, "line": line, **({"hint": hint} if hint else {})}

    def _look_for_configs(self) -> None:
        for name, value in self._bound.items():
            if isinstance(value, Config):
                text = f"this rampa.Config is called {name!r}, and only the one that is called 'config' is used"
                self.mistakes.append(self._note(self._line(name) or value._line, text, f"rename {name} to config"))

    def _look_for_options(self) -> None:
        for name, value in self._bound.items():
            line = self._line(name)
            if line and name not in self._read and name != "config" and isinstance(value, Options):
                text = f"this rampa.Options is called {name!r} and is not used: options are a part of the config"
                self.mistakes.append(self._note(line, text, f"write config = rampa.Config(options={name}) below it"))

    def _judge_other_config(self, config: object) -> None:
        kind = type(config).__name__
        if isinstance(config, collections.abc.Mapping) and any(key in _KEYS for key in config):
            text = f"config must be a rampa.Config, not {kind}"
            self.mistakes.append(self._note(self._line("config"), text, "write config = rampa.Config(...) with these keys"))
        elif not callable(config):
            self.warnings.append(self._note(self._line("config"), f"config is no rampa.Config but {kind}, and is not used"))

    def _look_for_dicts(self) -> None:
        for name, remedy in (
            ("options", "config = rampa.Config(scenarios=..., thresholds=..., options=...)"),
            ("thresholds", "config = rampa.Config(thresholds=...)"),
        ):
            line = self._line(name)
            if line and name not in self._read and isinstance(self._bound.get(name), dict):
                self.warnings.append(self._note(line, f"{name} at the top level is not used: write {remedy}"))

    def _look_for_hooks(self) -> None:
        for name, value in self._bound.items():
            line = self._line(name) if name in _HOOKS or name in _SUMMARY else 0
            if not line or name in self._read or not inspect.isfunction(value) or hasattr(value, "__rampa_scenarios__"):
                continue
            remedy = f"rampa calls {_HOOKS[name]}()" if name in _HOOKS else "--out FILE writes the result"
            self.warnings.append(self._note(line, f"{name}() is not called by rampa: {remedy}"))

    def places(self, config: Config) -> dict[str, typing.Any]:
        """Where single entries of the config stand, as far as that can be seen.

        Args:
            config: of the script.
        """
        places: dict[str, typing.Any] = {"scenarios": {}, "thresholds": {}}
        if config._file == self._source_file:
            for group in places:
                places[group] = {key: [self._file, line] for key, line in self._keys(config._line, group)}
        scenarios = config.scenarios if isinstance(config.scenarios, dict) else {}
        for name, entry in scenarios.items():
            if isinstance(entry, ScenarioConfig) and (entry._file, entry._line) != (config._file, config._line):
                places["scenarios"][name] = [self._name(entry._file), entry._line]
        options = config._given().get("options")
        if isinstance(options, Options):
            places["options"] = [self._name(options._file), options._line]
        return places

    def _name(self, file: str) -> str:
        return self._file if file == self._source_file else file

    def _keys(self, line: int, group: str) -> collections.abc.Iterator[tuple[str, int]]:
        """The keys of a dict that a call in this line is given as this keyword."""
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Call) or node.lineno != line:
                continue
            for keyword in node.keywords:
                if keyword.arg == group and isinstance(keyword.value, ast.Dict):
                    for key in keyword.value.keys:
                        if isinstance(key, ast.Constant) and isinstance(key.value, str):
                            yield key.value, key.lineno
