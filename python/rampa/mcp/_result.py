# SPDX-License-Identifier: MIT
"""What the tools need of the result file of a run."""

from __future__ import annotations

import json
import os
import typing

from rampa.mcp._failure import Failure
from rampa.mcp._report import course_of, exchanges_of, generator_of, requests_of, text_or_none
from rampa.mcp._untrusted import plain

Part = dict[str, typing.Any]

LIMIT = 64 << 20  # bytes of a file
_ROWS = 20


def thresholds_of(rows: list[Part]) -> list[Part]:
    """What clients get of thresholds, those of a result or of an event."""
    return [{**{name: row.get(name) for name in ("passed", "lhs", "rhs")}, "metric": plain(row.get("metric")), "source": plain(row.get("source"))} for row in rows]


def read_result(path: str) -> Part | None:
    """The members ``run``, ``summary``, ``thresholds``, ``generator`` and ``course``; ``texts`` and ``details`` have what is not to be trusted.

    A large file takes long, so call it in a thread.

    Args:
        path: of the result file.

    Returns:
        None when there is no result.

    Raises:
        Failure: it is too large.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LIMIT:
                raise Failure(
                    f"the result file is too large: it has {size} bytes, and at most {LIMIT} are read", "give requests and checks fewer names and tags"
                )
            # Other threads have their turn in a hook in Python, but not in the parser itself.
            result = json.load(file, object_hook=lambda value: value)
    except (OSError, ValueError):
        return None
    if not isinstance(result, dict) or not isinstance(result.get("run"), dict):
        return None
    summary = result.get("summary") or {}
    return {
        "run": {"status": plain(result["run"].get("status")), "exit_code": result["run"].get("exit_code")},
        "summary": {"duration": summary.get("duration"), "metrics": summary.get("metrics")},
        "thresholds": thresholds_of(result.get("thresholds") or []),
        "generator": generator_of(result),
        "course": course_of(result),
        "texts": _texts_of(result),
        "details": {"requests": requests_of(result), "exchanges": exchanges_of(result)},
    }


def with_silent_metrics(result: Part, snapshot: Part | None) -> Part:
    """A result that has the metrics without samples too: snapshots have them, and result files leave them out.

    Args:
        result: as read_result gives it.
        snapshot: the last event of this kind, or None.
    """
    summary = result.get("summary") or {}
    metrics = ((snapshot or {}).get("snapshot") or {}).get("values") or {}
    return {**result, "summary": {**summary, "metrics": {**metrics, **(summary.get("metrics") or {})}}}


def _texts_of(result: Part) -> Part:
    errors = result.get("errors") or {}
    return {
        "reason": text_or_none(result["run"].get("reason")),
        "failed_requests": [_failed_request(number, row) for number, row in enumerate((errors.get("requests") or [])[:_ROWS], 1)],
        "failed_iterations": [
            {"id": f"i{number}", **{name: text_or_none(row.get(name)) for name in ("scenario", "type", "message", "place")}, "count": row.get("count")}
            for number, row in enumerate((errors.get("iterations") or [])[:_ROWS], 1)
        ],
        "checks": [
            {"name": plain(row.get("name")), "group": plain(row.get("group") or ""), "passes": row.get("passes"), "fails": row.get("fails")}
            for row in (result.get("checks") or [])[:_ROWS]
        ],
        "warnings": [{"text": plain(row.get("text")), "count": row.get("count")} for row in (result.get("warnings") or [])[:_ROWS]],
    }


def _failed_request(number: int, row: Part) -> Part:
    example = row.get("example") or {}
    return {
        "id": f"e{number}",
        **{name: text_or_none(row.get(name)) for name in ("error", "error_code", "status")},
        "count": row.get("count"),
        "example": {name: text_or_none(example.get(name)) for name in ("method", "name")},
    }
