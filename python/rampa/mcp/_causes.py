# SPDX-License-Identifier: MIT
"""Why a script cannot be loaded, in words of the server.

A script can print whatever rampa prints, so what was printed is not to be trusted. But a line of a known form can be answered by
a sentence that has nothing of it but numbers: a script that lies by it says no more than that it is broken.
"""

from __future__ import annotations

import builtins
import os
import re

_PLACE = re.compile(r"(?P<file>[^:]*):(?P<line>[0-9]{1,7}): (?:(?P<type>[A-Za-z_][A-Za-z0-9_.]*)(?::|$))?")
_SIGNAL = re.compile(r"the worker .* was killed by signal ([0-9]{1,3}) ")
NO_SCENARIO = "has no scenario of this name"
NO_ITEM = "the result has nothing with this id"
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")


def _is_exception(name: str) -> bool:
    value = getattr(builtins, name, None)
    return isinstance(value, type) and issubclass(value, BaseException)


def cause_of(error: str, script: str | None) -> str | None:
    """The sentence, or None when the line is of no known form.

    Args:
        error: a line that was printed, without the word before it.
        script: path of the script, when there is one.
    """
    name = "the script" if script is None else f"the script {ascii(os.path.basename(script))}"
    if error.endswith(" declares no scenario"):
        return f"no scenarios found in {name}"
    if error.startswith("--scenario: ") and " has no scenario " in error:
        return f"{name} {NO_SCENARIO}"
    if script is None and error.startswith("the result has nothing with the id "):
        return NO_ITEM
    if hit := _SIGNAL.match(error):
        return f"the process that loads {name} was killed by signal {int(hit[1])}"
    hit = _PLACE.match(error)
    if hit is None:
        return None
    is_own = script is not None and os.path.basename(hit["file"]) == os.path.basename(script)
    where = f"in line {int(hit['line'])}" + ("" if is_own else " of a file that it loads")
    kind = hit["type"] or ""
    if kind in _SYNTAX:
        return f"{name} cannot be loaded: there is a syntax error {where}"
    if _is_exception(kind):
        return f"{name} cannot be loaded: {kind} {where}"
    return f"{name} cannot be loaded: {'an exception' if kind else 'what is declared is not valid'} {where}"
