# SPDX-License-Identifier: MIT
"""The command line for Python programs: :func:`main` runs the program, and a parser of argparse knows its options."""

from __future__ import annotations

import argparse
import collections.abc
import contextlib
import json
import os
import subprocess
import sys
import typing

from rampa.__main__ import program


def main(argv: collections.abc.Sequence[str] | None = None) -> None:
    """Runs ``rampa`` with these words, and waits for its end. What it prints goes to ``sys.stdout`` and ``sys.stderr``.

    Ctrl-C stops the run as it stops ``rampa`` in a terminal: gracefully at first, at once when it is pressed again.

    Args:
        argv: what follows the name of the program, or None for that of this process.

    Raises:
        SystemExit: with the exit code of ``rampa``, unless that is 0.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    streams = [sys.stdout, sys.stderr]
    kept = [None if stream is own else subprocess.PIPE for stream, own in zip(streams, (sys.__stdout__, sys.__stderr__), strict=True)]
    for stream in streams:
        stream.flush()
    with subprocess.Popen([_program(), *words], env=_environment(), stdout=kept[0], stderr=kept[1]) as process:
        texts = _outputs(process)
    for stream, text in zip(streams, texts, strict=True):
        if text:
            stream.write(text.decode("utf-8", errors="replace"))
    if process.returncode:
        sys.exit(process.returncode if process.returncode > 0 else 128 - process.returncode)


def _outputs(process: subprocess.Popen[bytes]) -> tuple[bytes | None, bytes | None]:
    """Waits for the end of the program. Ctrl-C reaches the program too, which then ends the run in its own time."""
    # Only with a time limit does communicate() keep what it has read when it is interrupted.
    limit = 3600.0 if process.stdout or process.stderr else None
    while True:
        with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
            return process.communicate(timeout=limit)


def create_parser() -> argparse.ArgumentParser:
    """A parser with the commands and options of the program, for help and for completion. ``main()`` needs none.

    >>> create_parser().parse_args(["run", "load.py", "--vus", "5"]).vus
    5
    """
    text = subprocess.run([_program(), "_options"], env=_environment(), stdout=subprocess.PIPE, check=True).stdout
    table = json.loads(text)
    parser = _Parser(prog="rampa", description=table["description"])
    parser.add_argument("--version", "-V", action="version", version=f"rampa {table['version']}")
    commands = parser.add_subparsers(dest="command")
    for row in table["commands"]:
        command = commands.add_parser(
            row["name"],
            help=_help(row["summary"]),
            description=row["description"],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if row["argument"] is not None:
            _add_argument(command, row)
        for option in row["options"]:
            _add_option(command, option)
    return parser


def build_docs_parser() -> argparse.ArgumentParser:
    """The same as :func:`create_parser`, for tools that make pages of parsers."""
    return create_parser()


def _program() -> str:
    path = program()
    if path is None:
        raise FileNotFoundError("the package rampa has no program beside it: install it with `pip install .` from a source tree")
    return str(path)


def _environment() -> dict[str, str]:
    return {"RAMPA_PYTHON": sys.executable, **os.environ}


def _help(text: str) -> str:
    return text.replace("%", "%%")


class _Parser(argparse.ArgumentParser):
    """Takes the value of an option that may stand alone only behind a ``=``, as the program does: of ``--http-debug load.py`` the
    second word is the script."""

    def __init__(self, **words: typing.Any) -> None:
        super().__init__(**words, allow_abbrev=False)
        self.bare: dict[str, str] = {}

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: typing.Any = None, namespace: typing.Any = None
    ) -> typing.Any:
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        given = [f"{word}={self.bare[word]}" if word in self.bare else word for word in words[:end]]
        return super().parse_known_args(given + words[end:], namespace)


def _add_argument(parser: argparse.ArgumentParser, row: dict[str, typing.Any]) -> None:
    name = row["argument"].split("|")[0].lower()
    words: dict[str, typing.Any] = {"nargs": "?"} if row["argument_optional"] else {"nargs": "+"} if row["more_arguments"] else {}
    if row["further"]:
        parser.add_argument(name, metavar=row["argument"], choices=row["choices"])
        parser.add_argument("further", metavar=row["further"], nargs="+")
        return
    parser.add_argument(name, metavar=row["argument"], choices=row["choices"], **words)


def _add_option(parser: _Parser, option: dict[str, typing.Any]) -> None:
    if option["name"] == "--help":
        return
    names = [option["name"], *(f"-{option[key]}" for key in ("short", "other") if option[key])]
    if option["placeholder"] is None:
        parser.add_argument(*names, action="store_true", help=_help(option["help"]))
        return
    bare = {"nargs": "?", "const": option["bare"]} if option["bare"] else {}  # for the help, as in [full]
    if option["bare"]:
        parser.bare[option["name"]] = option["bare"]
    parser.add_argument(
        *names,
        **bare,
        metavar=option["placeholder"],
        help=_help(option["help"]),
        action="append" if option["repeatable"] else "store",
        choices=option["choices"],
        type=int if option["is_integer"] else str,
    )
