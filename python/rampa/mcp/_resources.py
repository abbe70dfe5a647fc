# SPDX-License-Identifier: MIT
"""What the resources of the MCP server hold."""

from __future__ import annotations

import collections.abc
import json
import re
import typing
import urllib.parse

from rampa.mcp._failure import Failure
from rampa.mcp._files import shown
from rampa.mcp._secrets import concealed
from rampa.mcp._tools import Tools, metrics_of

_EVENTS = 256 << 10  # characters of the events of an answer
_URI = re.compile(r"rampa://runs(?:/([^/?#]+)(?:/(metrics|thresholds|events)(?:/([^/?#]+))?)?)?")


def read(tools: Tools, uri: str) -> typing.Any:
    """What JSON can hold of a resource.

    Args:
        tools: of the server.
        uri: of a resource of the table.

    Raises:
        LookupError: there is no such resource.
        Failure: it is about a run or a metric that there is not.
    """
    return concealed(_read(tools, uri))


def _read(tools: Tools, uri: str) -> typing.Any:
    match = _URI.fullmatch(uri) if len(uri) <= 4096 else None
    if match is None or (match[3] is not None and match[2] != "metrics"):
        raise LookupError(uri)
    if match[1] is None:
        return tools.runs()
    record = tools.record(urllib.parse.unquote(match[1]))
    if match[2] is None:
        details: dict[str, typing.Any] = {
            "run_id": record.run_id,
            "script_path": record.script_path,
            "completed": record.is_complete,
            "event_count": record.event_count,
        }
        return {**details, "status": record.status} if record.is_complete else details
    if match[2] == "thresholds":
        return {"run_id": record.run_id, "thresholds": record.thresholds}
    if match[2] == "events":
        return {"run_id": record.run_id, **_last(record.events)}
    found = metrics_of(record)
    if match[3] is None:
        return {"run_id": record.run_id, "metrics": {}} if found is None else {"run_id": record.run_id, "duration": found[0], "metrics": found[1]}
    name = urllib.parse.unquote(match[3])
    if found is None or name not in found[1]:
        raise Failure(f"metric {shown(name)} not found", "the resource /metrics of the run has all of them")
    return {"run_id": record.run_id, "metric": name, "values": found[1][name]}


def mark(tools: Tools, uri: str) -> typing.Any:
    """What is equal as long as the resource is, and costs little to have.

    Args:
        tools: of the server.
        uri: of a resource of the table.

    Raises:
        LookupError: there is no such resource.
        Failure: it is about a run or a metric that there is not.
    """
    match = _URI.fullmatch(uri) if len(uri) <= 4096 else None
    if match is None or match[2] != "events" or match[3] is not None:
        return _read(tools, uri)
    events = tools.record(urllib.parse.unquote(match[1])).events
    return (len(events), events[-1] if events else None)


def uri_of(run_id: str) -> str:
    """The resource of a run.

    Args:
        run_id: of the run.
    """
    return f"rampa://runs/{urllib.parse.quote(run_id, safe='')}"


def _last(events: collections.abc.Sequence[dict[str, typing.Any]]) -> dict[str, typing.Any]:
    """As many of the last events as fit into an answer."""
    last: list[dict[str, typing.Any]] = []
    size = 0
    for event in reversed(events):
        size += len(json.dumps(event))
        if size > _EVENTS:
            break
        last.append(event)
    return {"events": last[::-1], "left_out": len(events) - len(last)}
