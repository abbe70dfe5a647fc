# SPDX-License-Identifier: MIT
"""Which files a script consists of, found in its text: nothing of it is executed."""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import glob
import importlib.metadata
import os
import posixpath
import sys

from rampa._archive import ArchiveError, shown
from rampa._script_module import folder_of


@dataclasses.dataclass
class Collected:
    """The files of a test.

    Attributes:
        entrypoint: name of the script.
        files: name in the archive -> path.
        packages: modules that are imported from elsewhere, without Python's own.
        left_out: what the script names and what does not go into an archive by itself, with the reason.
    """

    entrypoint: str
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    packages: set[str] = dataclasses.field(default_factory=set)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)


def _joined(node: ast.expr) -> str | None:
    """The path in an expression like ``"users.csv"``, ``FOLDER / "data" / "users.csv"`` or ``os.path.join(folder, "users.csv")``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts = [_joined(node.left), _joined(node.right)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "joinpath"):
        parts = [_joined(argument) for argument in node.args]
    else:
        return None
    if parts[-1] is None:
        return None
    start = max((i + 1 for i, part in enumerate(parts) if part is None), default=0)
    return posixpath.join(*(part for part in parts[start:] if part is not None))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


class Collector:
    """Goes from the script to what it imports and names.

    Args:
        script: its path.
    """

    def __init__(self, script: str) -> None:
        self._folder = folder_of(script)
        self.found = Collected(os.path.basename(os.path.realpath(script)))
        self._todo: list[str] = []
        self._add_module(os.path.realpath(script))
        while self._todo:
            self._read(self._todo.pop())

    def include(self, path: str) -> None:
        """Adds a file, or all files of a folder, because somebody has said so.

        Raises:
            ArchiveError: there is no such file, or another one has its name.
        """
        if os.path.isdir(path):
            for place, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if name != "__pycache__")
                for name in sorted(names):
                    if os.path.isfile(os.path.join(place, name)):
                        self._include(os.path.join(place, name), os.path.relpath(os.path.join(place, name), os.path.dirname(os.path.abspath(path))))
        elif os.path.isfile(path):
            self._include(path, os.path.basename(path))
        else:
            raise ArchiveError(f"there is no file {shown(path)} to include")

    def _include(self, path: str, outside: str) -> None:
        """`outside` is its name when it is not in the folder of the script."""
        name = self._name(path, os.path.abspath(path)) or outside.replace(os.sep, "/")
        if os.path.realpath(self.found.files.setdefault(name, path)) != os.path.realpath(path):
            raise ArchiveError(f"two files would be called {shown(name)} in the archive: {shown(self.found.files[name])} and {shown(path)}")
        self.found.left_out.pop(name, None)

    def _name(self, path: str, place: str) -> str | None:
        """The name of a file in the folder of the script, None for one elsewhere."""
        for folder in (self._folder, os.path.realpath(self._folder)):
            if place.startswith(os.path.join(folder, "")):
                return os.path.relpath(place, folder).replace(os.sep, "/")
        return None

    def _add_module(self, path: str) -> None:
        name = self._name(path, os.path.abspath(path))
        if name is None or name in self.found.files:
            return
        self.found.files[name] = path
        if path.endswith(".py"):
            self._todo.append(path)

    def _read(self, path: str) -> None:
        with open(path, "rb") as file:
            source = file.read()
        try:
            tree = ast.parse(source, path)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise ArchiveError(f"{shown(path)} is no Python: {error}") from None
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._import(self._folder, alias.name.split("."))
            elif isinstance(node, ast.ImportFrom):
                self._import_from(path, node)
            elif isinstance(node, ast.expr):
                text = _joined(node)
                if text:
                    self._note_text(text)
            if isinstance(node, ast.Call) and self._imports(node.func) and node.args:
                text = _joined(node.args[0])
                if text and not text.startswith("."):
                    self._import(self._folder, text.split("."))

    @staticmethod
    def _imports(function: ast.expr) -> bool:
        name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
        return name in ("import_module", "__import__")

    def _import_from(self, path: str, node: ast.ImportFrom) -> None:
        base = self._folder
        if node.level:
            base = os.path.dirname(path)
            for _ in range(node.level - 1):
                base = os.path.dirname(base)
        parts = node.module.split(".") if node.module else []
        for alias in node.names:
            self._import(base, [*parts, alias.name], is_relative=node.level > 0)

    def _import(self, folder: str, parts: list[str], is_relative: bool = False) -> None:
        """`import a.b.c`; the last part may be a name in the module before it."""
        place = folder
        for i, part in enumerate(parts):
            module = os.path.join(place, part)
            files = [module + ".py"] if os.path.isfile(module + ".py") else sorted(glob.glob(glob.escape(module) + "*.so"))
            if os.path.isfile(os.path.join(module, "__init__.py")):
                self._add_package(module)
                return
            if files and not os.path.isdir(module):
                for file in files:
                    self._add_module(file)
                return
            if not os.path.isdir(module):
                if i == 0 and not is_relative and part not in sys.stdlib_module_names and part.isidentifier():
                    self.found.packages.add(part)
                return
            place = module

    def _add_package(self, folder: str) -> None:
        """A package is taken whole: what it imports may depend on what is said at run time."""
        for place, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
            for name in sorted(names):
                if name.endswith((".py", ".so")) and not name.startswith("."):
                    self._add_module(os.path.join(place, name))

    def _note_text(self, text: str) -> None:
        """A text of the script that is the name of a file."""
        if len(text) > 1000 or any(letter < " " for letter in text):
            return
        path = os.path.normpath(os.path.join(self._folder, text))
        try:
            if not os.path.isfile(path):
                return
        except ValueError:
            return
        name = self._name(path, path)
        if name in self.found.files:
            return
        if os.path.isabs(text):
            self.found.left_out[text] = "its path is absolute"
        elif name is None or self._name(path, os.path.realpath(path)) is None:
            self.found.left_out[text] = "it is outside the folder of the script"
        elif _is_hidden(name):
            self.found.left_out[name] = "its name begins with a dot"
        else:
            self.found.files[name] = path


def versions(packages: collections.abc.Iterable[str]) -> list[str]:
    """``name==version`` of the distributions that have these modules, as far as they are installed."""
    owners = importlib.metadata.packages_distributions()
    names = {owner for package in packages if package not in ("rampa", "_rampa") for owner in owners.get(package, ())}
    found = set()
    for name in names:
        try:
            found.add(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return sorted(found)
