# SPDX-License-Identifier: MIT
"""Docstrings: everything public has one that names its parameters, has a signature, and stands in docs/api.md as it is."""
from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import os
import pkgutil
import pydoc
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _rampa
import pytest
import rampa

ROOT = Path(__file__).resolve().parent.parent.parent
GENERATOR = ROOT / "tools/gen-api-docs"
REFERENCES = ROOT / "tools/gen-reference-docs"
MODULES = ["rampa", *(f"rampa.{one.name}" for one in pkgutil.iter_modules(rampa.__path__) if not one.name.startswith("_"))]
# The types that scripts get to see; the others are between the engine and the package.
EXTENSION = ["Worker", "HttpClient", "Request", "Response", "Execution", "Group", "Sleep"]


def public_things() -> Iterator[tuple[str, Any]]:
    """(name, thing) of every public function and class, of each class's public attributes and methods."""
    seen: set[int] = set()
    found: list[tuple[str, Any]] = [(f"_rampa.{name}", getattr(_rampa, name)) for name in EXTENSION]
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name, value in vars(module).items():
            is_here = getattr(value, "__module__", None) == module_name or name in getattr(module, "__all__", ())
            if not name.startswith("_") and is_here and (isinstance(value, type) or callable(value)):
                found.append((f"{module_name}.{name}", value))
    for name, value in found:
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield name, value
        if isinstance(value, type) and not issubclass(value, enum.Enum):
            for member, thing in vars(value).items():
                if not member.startswith("_"):
                    yield f"{name}.{member}", thing


def is_data(thing: object) -> bool:
    """A default value of a dataclass's field, or what annotations leave in a class."""
    return not callable(thing) and not isinstance(
        thing, (property, classmethod, staticmethod, types.GetSetDescriptorType, types.MemberDescriptorType)
    )


THINGS = [(name, thing) for name, thing in public_things() if not is_data(thing)]


def doc_of(thing: Any) -> str:
    """Its docstring; of a class with those of its bases in the package, whose fields it has too."""
    if not isinstance(thing, type):
        return inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    own = [kind for kind in thing.__mro__ if kind.__module__.split(".")[0] in ("rampa", "_rampa")]
    return "\n".join(inspect.cleandoc(kind.__doc__ or "") for kind in own)


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*one, id=one[0]) for one in THINGS])
def test_docstring(name: str, thing: Any) -> None:
    own = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    if inspect.ismemberdescriptor(thing):  # its words may stand in __slots__
        own = inspect.getdoc(thing) or ""
    assert own, "no docstring"
    if isinstance(thing, type) and dataclasses.is_dataclass(thing):
        assert not own.startswith(f"{thing.__name__}("), "only the docstring that dataclass() makes"
    first = own.split("\n\n")[0]
    assert first.rstrip().endswith((".", "::", ":")), f"its first words are no sentence: {first!r}"


def parameters(thing: Any) -> list[inspect.Parameter]:
    thing = getattr(thing, "__func__", thing)
    kinds = inspect.Parameter
    return [
        one
        for one in inspect.signature(thing).parameters.values()
        if one.name not in ("self", "cls") and not one.name.startswith("_") and one.kind is not kinds.VAR_POSITIONAL
    ]


def needs_parameters(name: str, thing: Any) -> bool:
    if isinstance(thing, type):
        if "made by :meth:" in (thing.__doc__ or "").replace("\n    ", " "):  # not by users
            return False
        if getattr(thing, "_is_protocol", False):  # nobody makes one
            return False
        made_here = dataclasses.is_dataclass(thing) or any(
            "__init__" in vars(kind) or "__signature__" in vars(kind) for kind in thing.__mro__ if kind.__module__.startswith("rampa.")
        )
        return made_here and not issubclass(thing, enum.Enum)
    return callable(getattr(thing, "__func__", thing)) and not name.split(".")[-1].startswith("pytest_")


WITH_PARAMETERS = [(name, thing) for name, thing in THINGS if needs_parameters(name, thing)]


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*one, id=one[0]) for one in WITH_PARAMETERS])
def test_signature_and_parameters(name: str, thing: Any) -> None:
    words = doc_of(thing)
    missing = [one.name for one in parameters(thing) if not re.search(rf"(?<!\w){re.escape(one.name)}(?!\w)", words)]
    assert missing == [], f"parameters that the docstring of {name} does not name"


def test_the_walk_finds_what_it_should() -> None:
    names = {name for name, _ in THINGS}
    assert {"_rampa.Worker.check", "_rampa.Response.status", "rampa.errors.RequestError", "rampa.config.parse_duration"} <= names
    assert len(names) > 80 and len(WITH_PARAMETERS) > 40


class Bad:
    """A class"""

    def method(self, number: int, other: int) -> None:
        """Takes a number."""


def test_the_walk_would_find_what_is_missing() -> None:
    with pytest.raises(AssertionError, match="no sentence"):
        test_docstring("Bad", Bad)
    with pytest.raises(AssertionError, match="other"):
        test_signature_and_parameters("method", Bad.method)


@pytest.mark.parametrize("name", EXTENSION)
def test_help_works(name: str) -> None:
    text = pydoc.plain(pydoc.render_doc(getattr(_rampa, name)))
    assert getattr(_rampa, name).__doc__.splitlines()[0] in text
    if name == "HttpClient":
        assert re.search(r"get\(self, /, url, \*, headers=None, .*timeout=None, .*max_body_bytes=None, .*\)", text)


# ---- docs/api.md ----------------------------------------------------------------------------------------------------


def generate(action: str, file: Path, generator: Path = GENERATOR) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", generator, action, file],
        env={**os.environ, "PYTHONPATH": str(Path(rampa.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_reference_is_what_the_docstrings_say() -> None:
    done = generate("check", ROOT / "docs/api.md")
    assert done.returncode == 0, done.stderr


def test_the_reference_is_compared(tmp_path: Path) -> None:
    page = tmp_path / "api.md"
    assert generate("check", page).returncode == 1
    assert generate("update", page).returncode == 0
    assert generate("check", page).returncode == 0
    page.write_text(page.read_text().replace("timeout", "timeouts", 1))
    done = generate("check", page)
    assert done.returncode == 1 and "update-docs" in done.stderr
    assert generate("rewrite", page).returncode == 2


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs/api.md").read_text()
    headings = set(re.findall(r"^#{3} ([\w.]+)$", text, re.MULTILINE))
    assert {f"rampa.{name}" for name in rampa.__all__} <= headings
    anchors = {re.sub(r"[^\w-]", "", line.lower().replace(" ", "-")) for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links and links <= anchors


# ---- docs/mcp-reference.md, docs/pytest-reference.md ----------------------------------------------------------------


def test_the_pages_of_mcp_and_pytest_are_what_the_sources_say(tmp_path: Path) -> None:
    done = generate("check", ROOT / "docs", REFERENCES)
    assert done.returncode == 0, done.stderr
    for name in ("mcp-reference.md", "pytest-reference.md"):
        (tmp_path / name).write_text((ROOT / "docs" / name).read_text().replace("| `duration` |", "| `time` |"))
    done = generate("check", tmp_path, REFERENCES)
    assert done.returncode == 1
    assert "mcp-reference.md is not" in done.stderr and "pytest-reference.md is not" in done.stderr


def test_the_page_of_mcp_has_every_parameter() -> None:
    from rampa.mcp._table import TOOLS

    sections = re.split(r"^### (\w+)$", (ROOT / "docs/mcp-reference.md").read_text(), flags=re.MULTILINE)
    by_name = dict(zip(sections[1::2], sections[2::2]))
    for tool in TOOLS:
        section = by_name[tool.name]
        assert section.strip().splitlines()[0] == " ".join(f"`{badge}`" for badge in tool.badges.split(", "))
        for name, rules in {**tool.arguments["properties"], **tool.answer["properties"]}.items():
            assert re.search(rf"^\| `{name}` \| {rules['type'] if isinstance(rules['type'], str) else rules['type'][0]}", section, re.MULTILINE)


def test_the_page_of_pytest_has_what_pytest_is_told(tmp_path: Path) -> None:
    text = (ROOT / "docs/pytest-reference.md").read_text()
    words = [sys.executable, "-B", "-m", "pytest", "-p", "rampa.pytest_plugin", "-p", "no:cacheprovider"]
    settings = {**os.environ, "COLUMNS": "300", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(Path(rampa.__file__).parent.parent)}
    shown = {
        option: subprocess.run([*words, option], capture_output=True, text=True, timeout=120, cwd=tmp_path, env=settings).stdout
        for option in ("--help", "--fixtures", "--markers")
    }
    options = set(re.findall(r"^ *(--rampa-[\w-]+)", shown["--help"], re.MULTILINE))
    fixtures = set(re.findall(r"^(rampa_\w+)", shown["--fixtures"], re.MULTILINE))
    marker = re.search(r"^(@pytest\.mark\.rampa_scenario\(.*?\)): ", shown["--markers"], re.MULTILINE)
    assert marker and f"```text\n{marker[1]}\n```" in text
    assert set(re.findall(r"^\| `(--[\w-]+)", text, re.MULTILINE)) == options != set()
    assert set(re.findall(r"^### (rampa_\w+)$", text, re.MULTILINE)) - {"rampa_scenario"} == fixtures != set()
