# SPDX-License-Identifier: MIT
"""What the tools need of the result file of a run."""

from __future__ import annotations

import json
import os
import typing

from rampa.mcp._failure import Failure
from rampa.mcp._untrusted import plain

Part = dict[str, typing.Any]

LIMIT = 64 << 20  # bytes of a file
_ROWS = 20


def thresholds_of(rows: list[Part]) -> list[Part]:
    """What clients get of thresholds, those of a result or of an event."""
    return [{**{name: row.get(name) for name in ("passed", "lhs", "rhs")}, "metric": plain(row.get("metric")), "source": plain(row.get("source"))} for row in rows]


def read_result(path: str) -> Part | None:
    """The members ``run``, ``summary``, ``thresholds``, ``generator`` and ``texts``, which has what is not to be trusted.

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
        "generator": {"verdict": (result.get("generator") or {}).get("verdict")},
        "texts": _texts_of(result),
    }


def _texts_of(result: Part) -> Part:
    errors = result.get("errors") or {}
    reason = result["run"].get("reason")
    return {
        "reason": None if reason is None else plain(reason),
        "failed_requests": [
            {"error": plain(row.get("error")), "error_code": row.get("error_code"), "status": row.get("status"), "count": row.get("count")}
            for row in (errors.get("requests") or [])[:_ROWS]
        ],
        "failed_iterations": [
            {"type": plain(row.get("type")), "message": plain(row.get("message")), "place": plain(row.get("place")), "count": row.get("count")}
            for row in (errors.get("iterations") or [])[:_ROWS]
        ],
        "checks": [
            {"name": plain(row.get("name")), "passes": row.get("passes"), "fails": row.get("fails")} for row in (result.get("checks") or [])[:_ROWS]
        ],
        "warnings": [plain(text) for text in (result.get("warnings") or [])[:_ROWS]],
    }
