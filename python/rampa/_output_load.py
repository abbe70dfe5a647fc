# SPDX-License-Identifier: MIT
"""Finds the class of an output by name, and makes an output of it."""

from __future__ import annotations

import importlib
import inspect
import typing

ENTRY_POINTS = "rampa.outputs"


class OutputNotFound(ValueError):
    """There is no such module, it has no such class, or several packages have one.

    Args:
        text: what is wrong.
        hint: the remedy, or "".
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


def load_output(name: str) -> typing.Any:
    """The class that a name means. Only what is named is imported.

    Args:
        name: ``MODULE:CLASS``, or the name of an entry point of the group ``rampa.outputs``.

    Returns:
        The class, or a function that makes the output; None when no package has such an entry point.

    Raises:
        OutputNotFound: the name does not lead to one class.
        Exception: what the module raises.
    """
    module, colon, attribute = name.partition(":")
    return _of_module(name, module, attribute) if colon else _of_package(name)


def _of_module(name: str, module: str, attribute: str) -> typing.Any:
    if not module or not attribute or module.startswith("."):
        raise OutputNotFound(f"the output {name!r} is not MODULE:CLASS", "--output shop:Orders is the class Orders of the module shop")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise OutputNotFound(f"the output {name!r}: there is no module {error.name!r}") from None
        raise
    for part in attribute.split("."):
        if not hasattr(found, part):
            import difflib

            near = difflib.get_close_matches(part, [word for word in dir(found) if not word.startswith("_")], 1, 0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"its file is {getattr(found, '__file__', None) or module}"
            raise OutputNotFound(f"the output {name!r}: the module {module!r} has no {part!r}", hint)
        found = getattr(found, part)
    return found


def _of_package(name: str) -> typing.Any:
    import importlib.metadata

    found = list(importlib.metadata.entry_points(group=ENTRY_POINTS, name=name))
    values = sorted({point.value for point in found})
    if len(values) > 1:
        raise OutputNotFound(f"several packages have an output {name!r} ({', '.join(values)})", "uninstall all but one of them")
    try:
        return found[0].load() if found else None
    except Exception as error:
        error.add_note(f"the entry point is {values[0]}")
        raise


def make_output(kind: typing.Any, destination: str, **options: str) -> typing.Any:
    """Calls the class with the destination. A class that needs none is called without one when there is none.

    Args:
        kind: the class.
        destination: of the output, or "".
        options: further arguments by name.
    """
    if not destination:
        try:
            inspect.signature(kind).bind(**options)
        except (TypeError, ValueError):
            pass  # it wants a destination and is to say so itself, or it has no signature
        else:
            return kind(**options)
    return kind(destination, **options)
