# SPDX-License-Identifier: MIT
"""What get_report tells of a result beyond its summary: requests by name, exchanges that were kept, and the course over time."""

from __future__ import annotations

import collections.abc
import math
import typing

from rampa.mcp._untrusted import bounded, plain

Part = dict[str, typing.Any]

REQUESTS = 20
EXCHANGES = 10
_POINTS = 20  # of the course
_STATUSES = 20
_STATISTICS = ("avg", "med", "p(95)", "p(99)", "max")
#: Of a point of the course: name, metric, column of the series, and what becomes of it when points are merged.
_COURSE: tuple[tuple[str, str, str, collections.abc.Callable[[float, float], float]], ...] = (
    ("http_reqs", "http_reqs", "sum", float.__add__),
    ("http_req_failed", "http_req_failed", "passes", float.__add__),
    ("http_req_duration_p95", "http_req_duration", "p(95)", max),
    ("http_req_duration_max", "http_req_duration", "max", max),
    ("grpc_reqs", "grpc_reqs", "sum", float.__add__),
    ("grpc_req_failed", "grpc_req_failed", "passes", float.__add__),
    ("grpc_req_duration_p95", "grpc_req_duration", "p(95)", max),
    ("ws_errors", "ws_errors", "sum", float.__add__),
    ("iterations", "iterations", "sum", float.__add__),
    ("iteration_errors", "iteration_errors", "sum", float.__add__),
    ("dropped_iterations", "dropped_iterations", "sum", float.__add__),
    ("vus", "vus", "max", max),
)
COURSE_NAMES = tuple(row[0] for row in _COURSE)


def text_or_none(value: object) -> str | None:
    """A text that is not to be trusted, as clients get it."""
    return None if value is None else plain(value)


def requests_of(result: Part) -> list[Part]:
    """The requests by their names, the one with the highest 95th percentile first.

    Args:
        result: a result file.
    """
    rows = list(enumerate((result.get("summary") or {}).get("requests") or [], 1))
    rows.sort(key=lambda row: -((row[1].get("duration") or {}).get("p(95)") or 0.0))
    return [
        {
            "id": f"r{number}",
            "name": text_or_none(row.get("name")),
            "count": row.get("count"),
            "failed": row.get("failed"),
            "statuses": {plain(status): count for status, count in list((row.get("statuses") or {}).items())[:_STATUSES]},
            "duration": {name: (row.get("duration") or {}).get(name) for name in _STATISTICS},
        }
        for number, row in rows[:REQUESTS]
    ]


def exchanges_of(result: Part) -> list[Part]:
    """The exchanges that were kept, each in short.

    Args:
        result: a result file.
    """
    ret = []
    for number, row in enumerate((result.get("exchanges") or [])[:EXCHANGES], 1):
        response = row.get("response") or {}
        ret.append(
            {
                "id": f"x{number}",
                **{name: text_or_none(row.get(name)) for name in ("name", "url", "ended", "error")},
                **{name: bounded(row.get(name), 1) for name in ("status", "error_code")},
                "response": text_or_none((response.get("body") or {}).get("text")),
            }
        )
    return ret


def course_of(result: Part) -> list[Part]:
    """The numbers of the run in the course of time, of which there are at most 20 points.

    Args:
        result: a result file.
    """
    series = result.get("series") or {}
    rows = [(name, series[metric], column, merge) for name, metric, column, merge in _COURSE if metric in series]
    lengths = {float(point[0]): float(point[1]) for _, one, _, _ in rows for point in one["points"]}
    if not lengths:
        return []
    starts = sorted(lengths)
    end = max(start + length for start, length in lengths.items())
    width = math.ceil(end / _POINTS)
    # Points last about a second, so as many as there may be are told one by one: bins of a second would have two of some, and none of others.
    numbers = {start: place if len(starts) <= _POINTS else int((start + lengths[start] / 2) // width) for place, start in enumerate(starts)}
    merged: dict[int, Part] = {}
    for start in starts:
        found = merged.setdefault(numbers[start], {"start_s": start, "length_s": 0.0})
        found["length_s"] = round(start + lengths[start] - found["start_s"], 3)
    for name, one, column, merge in rows:
        place = one["columns"].index(column)
        for point in one["points"]:
            if point[place] is not None:
                found = merged[numbers[float(point[0])]]
                value = float(point[place])
                found[name] = merge(found[name], value) if name in found else value
    return [merged[number] for number in sorted(merged)]


def generator_of(result: Part) -> Part:
    """Whether rampa itself was the limit, and why.

    Args:
        result: a result file.
    """
    generator = result.get("generator") or {}
    return {
        "verdict": generator.get("verdict"),
        "reasons": [
            {**{name: row.get(name) for name in ("verdict", "cause", "workers")}, "text": plain(row.get("text"))} for row in generator.get("reasons") or []
        ],
    }
