# SPDX-License-Identifier: MIT
"""Two result files, number by number: how much each has changed, in percent.

``python -m rampa.ci.compare --baseline before.json --current after.json`` prints the table. It knows nothing of chance and its
exit code is 0 whatever has changed: ``rampa compare`` tells change from chance and has an exit code for CI.
"""

from __future__ import annotations

import argparse
import collections.abc
import json
import os
import pathlib
import re
import sys
import typing

_REGRESSED_PERCENT = 5.0
_MORE_IS_BETTER = frozenset({"http_reqs", "iterations", "grpc_reqs", "ws_sessions", "checks"})
_FAILURES = frozenset({"http_req_failed", "grpc_req_failed"})
_ACCIDENTS = frozenset({"iteration_errors", "dropped_iterations", "interrupted_iterations", "ws_errors"})
_NO_QUALITY = frozenset({"data_sent", "data_received", "vus", "vus_max"})
_EXTREMES = frozenset({"min", "max", "count"})  # of a trend: they depend on how long the run was


class MetricDelta(typing.NamedTuple):
    """One statistic of one metric in two runs.

    Attributes:
        metric: such as ``http_req_duration``.
        stat: such as ``p(95)``.
        baseline: its value in the run before.
        current: its value now.
        pct_change: the change in percent, with two decimals; 0.0 when the value before was 0.
    """

    metric: str
    stat: str
    baseline: float
    current: float
    pct_change: float


def compare_results(
    baseline_path: str | os.PathLike[str],
    current_path: str | os.PathLike[str],
    metrics: collections.abc.Sequence[str] | None = None,
) -> list[MetricDelta]:
    """The statistics that both files have, by the names of the metrics and of the statistics.

    Result files of this package and of the package rampa 0.0 can be mixed. What a run has not measured, ``null``, is left out.

    Args:
        baseline_path: the result file of the run before.
        current_path: the result file of the run now.
        metrics: which metrics, in this order; all that both have when it is None or empty.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is no JSON.
    """
    before, now = _metrics(baseline_path), _metrics(current_path)
    deltas = []
    for metric in metrics or sorted(before.keys() & now.keys()):
        old, new = before.get(metric, {}), now.get(metric, {})
        for stat in sorted(old.keys() & new.keys()):
            if _is_number(old[stat]) and _is_number(new[stat]):
                base, value = float(old[stat]), float(new[stat])
                change = round((value - base) / base * 100, 2) if base != 0 else 0.0
                deltas.append(MetricDelta(metric, stat, base, value, change))
    return deltas


def _metrics(path: str | os.PathLike[str]) -> dict[str, dict[str, typing.Any]]:
    try:
        found: typing.Any = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("too many lists or objects within each other") from None
    for key in ("summary", "metrics"):
        found = found.get(key) if isinstance(found, dict) else None
    return {name: stats for name, stats in found.items() if isinstance(stats, dict)} if isinstance(found, dict) else {}


def _is_number(value: typing.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_regressed(delta: MetricDelta) -> bool:
    """Whether the number is worse by more than 5 %.

    What is worse depends on the metric: fewer requests per second, more failures, longer times. Of a metric that is not known,
    larger is worse. ``min``, ``max`` and ``count`` of times say nothing, and neither do bytes and VUs. A failure where there was
    none is worse, whatever its percentage is. Chance is not considered.

    Args:
        delta: of :func:`compare_results`.

    >>> is_regressed(MetricDelta("http_req_duration", "p(95)", 45.0, 52.0, 15.56))
    True
    >>> is_regressed(MetricDelta("http_reqs", "rate", 100.0, 120.0, 20.0))
    False
    >>> is_regressed(MetricDelta("checks", "fails", 0.0, 3.0, 0.0))
    True
    """
    direction = _worse_direction(delta.metric.partition("{")[0], delta.stat)
    if delta.baseline == 0 and delta.current > 0:
        return direction > 0 and _counts_failures(delta.metric.partition("{")[0], delta.stat)
    return delta.pct_change * direction > _REGRESSED_PERCENT


def _counts_failures(metric: str, stat: str) -> bool:
    return metric in _FAILURES or metric in _ACCIDENTS or (metric == "checks" and stat == "fails")


def _worse_direction(metric: str, stat: str) -> int:
    """1: more is worse; -1: less is worse; 0: neither."""
    if metric in _NO_QUALITY:
        return 0
    if metric in _FAILURES:
        return -1 if stat == "fails" else 1  # "passes" are the requests for which it holds that they failed
    if metric in _MORE_IS_BETTER:
        return 1 if stat == "fails" else -1
    if metric in _ACCIDENTS:
        return 1
    return 0 if stat in _EXTREMES else 1


def _plain(text: str) -> str:
    """The text without control characters, which could draw on a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _cell(text: str) -> str:
    """The text without markup: no name ends a cell, is a link, a tag or a mention."""
    text = re.sub(r"([\\`*\[\]|~#!]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", _plain(text))  # between letters "_" is no markup
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;").replace("://", "&#58;//")
    return re.sub(r"(?i)www\.", lambda found: found[0][:-1] + "&#46;", text)


def format_text(deltas: collections.abc.Iterable[MetricDelta]) -> str:
    """A table for a terminal; ``!`` marks what is worse.

    Args:
        deltas: of :func:`compare_results`.
    """
    lines = [f"{'Metric':<30} {'Stat':<10} {'Base':>10} {'Current':>10} {'Change':>10}", "-" * 75]
    for delta in deltas:
        mark = " !" if is_regressed(delta) else ""
        numbers = f"{delta.baseline:>10.2f} {delta.current:>10.2f} {delta.pct_change:>+9.1f}%"
        lines.append(f"{_plain(delta.metric):<30} {_plain(delta.stat):<10} {numbers}{mark}")
    return "\n".join(lines)


def format_markdown(deltas: collections.abc.Iterable[MetricDelta]) -> str:
    """A table for a page; ``:warning:`` marks what is worse.

    Args:
        deltas: of :func:`compare_results`.
    """
    lines = ["## rampa Performance Report", "", "| Metric | Stat | Baseline | Current | Change |", "|--------|------|----------|---------|--------|"]
    for delta in deltas:
        mark = " :warning:" if is_regressed(delta) else ""
        numbers = f"{delta.baseline:.2f} | {delta.current:.2f} | {delta.pct_change:+.1f}%"
        lines.append(f"| {_cell(delta.metric)} | {_cell(delta.stat)} | {numbers}{mark} |")
    return "\n".join(lines)


def format_json(deltas: collections.abc.Iterable[MetricDelta]) -> str:
    """A list of objects, each with the fields of :class:`MetricDelta` and ``regressed``.

    Args:
        deltas: of :func:`compare_results`.
    """
    return json.dumps([{**delta._asdict(), "regressed": is_regressed(delta)} for delta in deltas], indent=2)


_FORMATS = {"text": format_text, "markdown": format_markdown, "json": format_json}


def main(argv: collections.abc.Sequence[str] | None = None) -> None:
    """Compares two files, as the command line says, and prints the table.

    Args:
        argv: the words of the command line, or None for those of this process.

    Raises:
        SystemExit: with 3 when a file cannot be read or is no result file, or when they have no metric in common.
    """
    parser = argparse.ArgumentParser(prog="python -m rampa.ci.compare", description="Compare two result files.")
    parser.add_argument("--baseline", required=True, metavar="FILE", help="the result file of the run before")
    parser.add_argument("--current", required=True, metavar="FILE", help="the result file of the run now")
    parser.add_argument("--format", choices=sorted(_FORMATS), default="text", help="how to print the table (text)")
    words = parser.parse_args(argv)
    for path in (words.baseline, words.current):
        try:
            known = bool(_metrics(path))
        except OSError as error:
            _refuse(f"the result file {path!r} cannot be read: {error.strerror or error}")
        except ValueError as error:
            _refuse(f"the file {path!r} is no result file: it is no JSON ({error})")
        else:
            if not known:
                _refuse(f"the file {path!r} is no result file: it has no 'summary' with 'metrics'")
    deltas = compare_results(words.baseline, words.current)
    if not deltas:
        _refuse(f"the files {words.baseline!r} and {words.current!r} have no metric in common: give results of the same test")
    sys.stdout.write(_FORMATS[words.format](deltas) + "\n")


def _refuse(why: str) -> typing.NoReturn:
    sys.stderr.write(f"error: {_plain(why)}\n")
    raise SystemExit(3)


if __name__ == "__main__":
    main()
