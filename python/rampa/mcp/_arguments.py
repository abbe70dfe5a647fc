# SPDX-License-Identifier: MIT
"""Arguments of a call against the schema of its tool. It knows what the schemas of the table use, and no more."""

from __future__ import annotations

import difflib
import json
import math
import re
import typing

from rampa.mcp._failure import Failure
from rampa.mcp._files import shown

_KINDS: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),)}
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def _fits(kind: str, value: object) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind]) and not (isinstance(value, float) and not math.isfinite(value))


def _meant(kinds: list[str], value: object) -> object:
    """A value as its schema has it: some clients write all values as texts, and 2.0 is an integer in JSON Schema."""
    if isinstance(value, str) and "string" not in kinds:
        if "boolean" in kinds and value in ("true", "false"):
            return value == "true"
        if ("integer" in kinds or "number" in kinds) and _NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
        elif "null" in kinds and value == "null":
            return None
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and abs(value) < 2**53:
        return int(value)
    return value


def _words(value: object) -> str:
    """A value in the words of JSON; a text stands in single quotes, as in all messages."""
    return shown(value) if isinstance(value, str) else shown(json.dumps(value))[1:-1]


def checked(schema: dict[str, typing.Any], arguments: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """The arguments of a call, with the defaults of those that are missing.

    Args:
        schema: of the tool.
        arguments: as the client has sent them.

    Raises:
        Failure: when they do not fit.
    """
    properties = schema["properties"]
    for name in arguments:
        if name not in properties:
            near = difflib.get_close_matches(name, properties, 1)
            hint = f"did you mean {near[0]}?" if near else f"the tool takes {', '.join(properties) or 'no arguments'}"
            raise Failure(f"unknown argument {shown(name)}", hint)
    ret = {}
    for name, rules in properties.items():
        if name not in arguments:
            if name in schema["required"]:
                raise Failure(f"argument {name} is missing", f"{name}: {rules['description']}")
            ret[name] = rules.get("default")
            continue
        ret[name] = _checked_value(name, rules, arguments[name])
    return ret


def _checked_value(name: str, rules: dict[str, typing.Any], value: typing.Any) -> typing.Any:
    kinds = rules["type"] if isinstance(rules["type"], list) else [rules["type"]]
    value = _meant(kinds, value)
    if not any(_fits(kind, value) for kind in kinds):
        raise Failure(f"argument {name} is {_words(value)}: it must be of type {' or '.join(kinds)}", f"{name}: {rules['description']}")
    if isinstance(value, str) and not rules.get("minLength", 0) <= len(value) <= rules.get("maxLength", 10_000):
        raise Failure(
            f"argument {name} has {len(value)} characters",
            f"it must have from {rules.get('minLength', 0)} to {rules.get('maxLength', 10_000)}",
        )
    if isinstance(value, (int, float)) and not rules.get("minimum", value) <= value <= rules.get("maximum", value):
        raise Failure(f"argument {name} is {value}", f"it must be from {rules['minimum']} to {rules['maximum']}")
    return value
