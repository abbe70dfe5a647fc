# SPDX-License-Identifier: MIT
"""A plan made of Python objects, in the place of a loaded script."""

from __future__ import annotations

import collections.abc
import inspect
import json
import os
import typing

from rampa._frames import is_users, plain, shorten
from rampa.config import ScenarioConfig, as_json
from rampa.errors import ConfigError
from rampa.loader import TestPlan, find_metrics, require_scenario

Function = collections.abc.Callable[..., typing.Any]


def _place(settings: typing.Any, function: Function) -> tuple[str | None, int]:
    """Where the settings were written, or else the function: what an error of theirs names."""
    file = getattr(settings, "_file", None)
    if file is not None and is_users(file):
        return file, settings._line
    code = getattr(inspect.unwrap(function), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else (None, 0)


def _function_of(name: str, pair: typing.Any) -> Function:
    """The function of an entry of ``TestPlan.scenarios``, which may be anything."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ConfigError(f"scenario {name!r} of the plan must be a pair (ScenarioConfig, function), not {shorten(repr(pair), 200)}")
    return typing.cast(Function, pair[1])


class PlanScript:
    """What hooks and host ask of a script, answered by a :class:`rampa.loader.TestPlan`.

    Args:
        plan: of the run.

    Raises:
        TypeError: it is no plan.
    """

    def __init__(self, plan: TestPlan) -> None:
        if not isinstance(plan, TestPlan):
            hint = ": rampa.loader.load_test(path) makes one of a script" if isinstance(plan, (str, bytes, os.PathLike)) else ""
            raise TypeError(f"plan takes a rampa.loader.TestPlan, not {shorten(repr(plan), 200)}{hint}")
        self._plan = plan
        self.path: str = plain(plan.path) if plan.path else "(plan)"
        self.functions: dict[str, Function] = {name: _function_of(name, pair) for name, pair in plan.scenarios.items()}

    def hook(self, name: str) -> Function | None:
        """A function of the plan that runs once, or None.

        Args:
            name: ``setup`` or ``teardown``.
        """
        return self._plan.setup_fn if name == "setup" else self._plan.teardown_fn

    def display(self, file: str) -> str:
        """A file's name as users know it.

        Args:
            file: its name as the interpreter knows it.
        """
        return plain(file)

    def declaration(self) -> str:
        """The plan as the JSON that a script would have declared."""
        plan = self._plan
        metrics, dynamic, mistakes = find_metrics(plan.path) if plan.path else ({}, True, [])
        for name, function in self.functions.items():
            require_scenario(name, function)
        if not plan.scenarios:
            raise ConfigError("the plan has no scenario")
        config = as_json(plan.config)
        config.pop("scenarios", None)  # they are in plan.scenarios, with their functions
        declared: dict[str, typing.Any] = {
            "script": self.path,
            "functions": [],
            "decorated": [],
            "config": {**config, "file": self.display(plan.config._file), "line": plan.config._line},
            "metrics": [{"name": name, "type": kind} for name, kind in metrics.items()],
            "dynamic_metrics": dynamic,
            "mistakes": mistakes,
            "has_setup": plan.setup_fn is not None,
            "has_teardown": plan.teardown_fn is not None,
        }
        for name, (settings, function) in plan.scenarios.items():
            place, line = _place(settings, function)
            where = self.display(place) if place else None
            fields = {key: value for key, value in self._fields(settings).items() if key != "exec_fn"}
            declared["functions"].append({"name": name, "file": where, "line": line})
            declared["decorated"].append({"name": name, "exec_fn": name, "file": where, "line": line, "fields": fields})
        return json.dumps(declared)

    @staticmethod
    def _fields(settings: ScenarioConfig | dict[str, typing.Any]) -> dict[str, typing.Any]:
        return dict(as_json(settings))
