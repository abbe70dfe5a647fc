# SPDX-License-Identifier: MIT
"""The module of a script: its name, how its source becomes code, and where it imports from.

A worker process belongs to its script: the folder of the script stands first in ``sys.path``, as in ``python3 script.py``.
A program that loads scripts keeps its modules and its ``sys.path``: :class:`OwnImports`.
"""

from __future__ import annotations

import builtins
import collections.abc
import contextlib
import importlib.machinery
import importlib.util
import os
import sys
import threading
import types
import typing

from rampa.errors import ScriptError

_PREFIX = "_rampa_script_"


class ScriptLoader(importlib.machinery.SourceFileLoader):
    """Compiles what it reads. The cache of Python knows a file by its size and by the second of its change, which two
    edits may share."""

    source: bytes = b""

    def get_code(self, fullname: str) -> types.CodeType:
        self.source = bytes(self.get_data(self.path))
        return self.source_to_code(self.source, self.path)


def require_other_name(path: str) -> None:
    """A file ``rampa.py`` is imported in the place of the package by everything that stands beside it.

    Args:
        path: of the script.

    Raises:
        ScriptError: the script, or a file beside it, has this name.
    """
    other = os.path.join(os.path.dirname(path), "rampa.py")
    if os.path.basename(path) == "rampa.py" or os.path.isfile(other):
        raise ScriptError("this file hides the package 'rampa', which has the same name: rename the file", other)


def folder_of(path: str) -> str:
    """Where a script imports its neighbours from: the folder of the file itself, when the path is a symbolic link.

    Args:
        path: of the script.
    """
    return os.path.dirname(os.path.realpath(path))


def name_of(path: str) -> str:
    """The name of a script's module in a worker process. All workers of a run find the same one.

    Args:
        path: of the script.

    Returns:
        The name of the file, by which the script can be imported too, unless it is the name of another module.
    """
    stem = os.path.splitext(os.path.basename(path))[0]
    is_taken = stem in sys.modules or stem in sys.stdlib_module_names
    return _PREFIX + stem if is_taken or not stem.isidentifier() else stem


def private_name_of(path: str) -> str:
    """A name that no module of this program has.

    Args:
        path: of the script.
    """
    stem = name_of(path).removeprefix(_PREFIX)
    name, number = _PREFIX + stem, 1
    while name in sys.modules:
        number += 1
        name = f"{_PREFIX}{stem}_{number}"
    return name


def new_module(path: str, name: str) -> tuple[types.ModuleType, ScriptLoader]:
    """The module, whose code has not run yet.

    Args:
        path: of the script.
        name: of the module.
    """
    loader = ScriptLoader(name, os.path.abspath(path))
    spec = importlib.util.spec_from_file_location(name, loader.path, loader=loader)
    assert spec is not None
    return importlib.util.module_from_spec(spec), loader


def _home(module: types.ModuleType | None) -> str | None:
    """The entry of ``sys.path`` in which a module of the top level was found, if it was."""
    spec: importlib.machinery.ModuleSpec | None = getattr(module, "__spec__", None)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return os.path.dirname(os.path.realpath(next(iter(spec.submodule_search_locations))))
    return os.path.dirname(os.path.realpath(spec.origin)) if spec.has_location and spec.origin else None


def _names_in(folder: str) -> set[str]:
    """The modules and packages of a folder, but for names that mean Python's own library or rampa to every script."""
    found = set()
    for entry in os.scandir(folder):
        name, dot, _ = entry.name.partition(".")
        is_module = entry.name.endswith((".py", ".so"))
        if is_module or (not dot and os.path.isfile(os.path.join(entry.path, "__init__.py"))):
            found.add(name)
    return found - sys.stdlib_module_names - {"rampa", "_rampa"}


class OwnImports:
    """What a script imports from its folder, kept apart from the modules of the program that has loaded it.

    The modules stand in ``sys.modules``, and the folder in ``sys.path``, only while the script imports something. A module
    that the program can import too is one and the same for both.

    Args:
        folder: of the script.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._names = _names_in(folder)
        self._path: list[str] | None = None  # sys.path as the script has left it
        self._modules: dict[str, types.ModuleType] = {}
        self._lock = threading.RLock()
        self._is_active = False

    def give(self, module: types.ModuleType) -> None:
        """Lets the import statements of a module see what is kept here, also those inside of its functions.

        Args:
            module: of the script, whose code has not run yet.
        """
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._import}

    def _import(self, name: str, *args: typing.Any, **kwargs: typing.Any) -> types.ModuleType:
        is_known = name in sys.modules and name.partition(".")[0] not in self._names
        with contextlib.nullcontext() if is_known else self.active():
            return builtins.__import__(name, *args, **kwargs)

    @contextlib.contextmanager
    def active(self) -> collections.abc.Iterator[None]:
        """While it lasts, imports are those of the script."""
        with self._lock:
            if self._is_active:
                yield
                return
            self._is_active = True
            path, hidden = list(sys.path), self._hide()
            before = set(sys.modules)
            sys.modules.update(self._modules)
            sys.path[:] = self._path or [self._folder, *path]
            try:
                yield
            finally:
                self._path = list(sys.path)
                sys.path[:] = path
                self._take(before, set(hidden), {os.path.realpath(entry) for entry in path})
                sys.modules.update(hidden)
                self._is_active = False

    def _hide(self) -> dict[str, types.ModuleType]:
        """Takes away the program's modules that have the names of others in the folder."""
        foreign = {name for name in self._names if name in sys.modules and _home(sys.modules[name]) != self._folder}
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in foreign}

    def _take(self, before: set[str], hidden: set[str], path: set[str]) -> None:
        """Takes the modules that are new, and that the program itself would not have found."""
        new = [name for name in sys.modules if name not in before and not name.startswith(_PREFIX)]
        homes = {name: _home(sys.modules[name]) for name in new if "." not in name}
        own = {name for name, home in homes.items() if name in hidden or (home is not None and home not in path)}
        self._modules.update({name: sys.modules.pop(name) for name in new if name.partition(".")[0] in own})
