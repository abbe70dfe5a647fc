# SPDX-License-Identifier: MIT
"""What the checks share: which files there are, C text without comments, and where its functions stand."""
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator, NamedTuple

SKIPPED_DIRS = {".git", "__pycache__", "dist", "corpus"}


class Function(NamedTuple):
    name: str
    first: int  # line of the name, from 1
    last: int  # line of the closing brace

    @property
    def lines(self) -> int:
        return self.last - self.first + 1


def walk(root: Path, suffixes: tuple[str, ...], under: tuple[str, ...] = ("",)) -> Iterator[Path]:
    """Every file below the given folders that ends so, sorted, without build folders."""
    for folder in under:
        for place, dirs, names in os.walk(root / folder):
            dirs[:] = sorted(
                d for d in dirs if d not in SKIPPED_DIRS and d != "build" and not d.startswith(("build-", "."))
            )
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield Path(place, name)


TOKEN = re.compile(
    r"""//(?:\\\n|[^\n])* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.VERBOSE | re.DOTALL
)


def _blank(match: re.Match[str]) -> str:
    text = match.group(0)
    newlines = "\n" * text.count("\n")
    if text[0] in "\"'":
        return text[0] + newlines + text[0]
    return " " + newlines


def strip(text: str) -> str:
    """The same lines without comments and without what stands inside quotes."""
    return TOKEN.sub(_blank, text)


def without_directives(code: str) -> str:
    """Stripped code without preprocessor lines; of #if ... #else ... #endif only the first branch stays."""
    out: list[str] = []
    hidden: list[bool] = []  # one entry per open #if: are we past its first branch?
    continued = False
    for line in code.split("\n"):
        word = re.match(r"\s*#\s*(\w+)", line)
        directive = continued or word is not None
        if word and not continued:
            kind = word.group(1)
            if kind in ("if", "ifdef", "ifndef"):
                hidden.append(False)
            elif kind in ("else", "elif") and hidden:
                hidden[-1] = True
            elif kind == "endif" and hidden:
                hidden.pop()
        continued = directive and line.endswith("\\")
        out.append("" if directive or any(hidden) else line)
    return "\n".join(out)


def functions(text: str) -> list[Function]:
    """The function definitions of a C file: a brace at the top level after a parameter list."""
    code = without_directives(strip(text))
    found: list[Function] = []
    open_function: tuple[str, int] | None = None
    depth = 0
    start = 0  # where the text before the next top-level brace begins
    for pos, char in enumerate(code):
        if char == "{":
            if depth == 0:
                open_function = _header(code, start, pos)
            depth += 1
        elif char == "}":
            depth = max(depth - 1, 0)
            if depth == 0:
                if open_function:
                    found.append(Function(*open_function, code.count("\n", 0, pos) + 1))
                open_function = None
                start = pos + 1
        elif char == ";" and depth == 0:
            start = pos + 1
    return found


def _header(code: str, start: int, end: int) -> tuple[str, int] | None:
    """The name and line of the function whose body opens at end, or None for a type or an initialiser."""
    head = code[start:end]
    groups = list(_top_level_groups(head))
    if "=" in _outside(head, groups) or not groups or head[groups[-1][1] + 1 :].strip():
        return None
    name = re.search(r"(\w+)\s*$", head[: groups[-1][0]])
    if not name:
        return None
    return name.group(1), code.count("\n", 0, start + name.start()) + 1


def _top_level_groups(head: str) -> Iterator[tuple[int, int]]:
    depth, first = 0, 0
    for pos, char in enumerate(head):
        if char == "(":
            if depth == 0:
                first = pos
            depth += 1
        elif char == ")" and depth:
            depth -= 1
            if depth == 0:
                yield first, pos


def _outside(head: str, groups: list[tuple[int, int]]) -> str:
    out, last = [], 0
    for first, end in groups:
        out.append(head[last:first])
        last = end + 1
    return "".join(out) + head[last:]
