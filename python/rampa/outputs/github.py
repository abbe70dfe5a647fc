# SPDX-License-Identifier: MIT
"""The output ``github`` in Python."""

from __future__ import annotations

import collections.abc
import os
import re
import sys
import typing

from rampa._types import Sample
from rampa.metrics import MetricSnapshot, _with_samples

ANNOTATIONS_MAX = 10
"""GitHub shows no more of one step."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:@&])")


def _in_command(text: str) -> str:
    """A text that ends no command of GitHub and begins none."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _in_markdown(text: str) -> str:
    """A text that is no markup."""
    escaped = _PUNCTUATION.sub(r"\\\1", _CONTROL.sub("\ufffd", text))
    return escaped.replace("<", "&lt;").replace(">", "&gt;")


def _in_code(text: str) -> str:
    return _CONTROL.sub("\ufffd", text).replace("`", "'").replace("|", "\\|")


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.2f}"


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) and value < 1e9 else f"{value:.2f}"


class GitHubActionsOutput:
    """Makes an annotation of each failed threshold when it runs in a workflow of GitHub, and writes the step summary.

    Args:
        summary_path: the file that the summary is appended to, or None for the one that ``GITHUB_STEP_SUMMARY`` names.
    """

    def __init__(self, summary_path: str | None = None) -> None:
        self._path = summary_path or os.environ.get("GITHUB_STEP_SUMMARY", "")
        self._is_workflow = os.environ.get("GITHUB_ACTIONS") == "true"

    async def start(self) -> None:
        """Does nothing."""

    async def add_samples(self, samples: list[Sample]) -> None:
        """Does nothing: the snapshot has the sums.

        Args:
            samples: of about a second.
        """

    async def stop(self, error: Exception | None = None) -> None:
        """Does nothing.

        Args:
            error: that has ended the run, or None.
        """

    def write_summary(
        self, snapshot: MetricSnapshot, threshold_results: collections.abc.Sequence[typing.Any] | None = None
    ) -> None:
        """Prints the annotations, and appends the summary.

        Args:
            snapshot: of the run.
            threshold_results: how each threshold came out.
        """
        results = list(threshold_results or ())
        if self._is_workflow:
            sys.stdout.write("".join(self._annotations([result for result in results if not result.passed])))
            sys.stdout.flush()
        if self._path:
            with open(self._path, "a", encoding="utf-8", errors="replace") as file:
                file.write("\n".join(self._summary(snapshot, results)) + "\n")

    def _annotations(self, failed: list[typing.Any]) -> collections.abc.Iterator[str]:
        shown = failed if len(failed) <= ANNOTATIONS_MAX else failed[: ANNOTATIONS_MAX - 1]
        for result in shown:
            text = f"Threshold failed: {result.source} (got {_number(result.lhs)}, expected {_number(result.rhs)})"
            yield f"::error::{_in_command(text)}\n"
        if len(shown) < len(failed):
            yield f"::error::{len(failed) - len(shown)} more thresholds failed\n"

    def _summary(self, snapshot: MetricSnapshot, results: list[typing.Any]) -> collections.abc.Iterator[str]:
        yield from ("## rampa Results", "", f"**Duration:** {snapshot.duration:.1f}s", "")
        if results:
            yield from (f"**Thresholds:** {sum(result.passed for result in results)}/{len(results)} passing", "")
            for result in results:
                yield f"- {':white_check_mark:' if result.passed else ':x:'} `{_in_code(result.source)}`"
            yield ""
        yield from ("| Metric | Stat | Value |", "|---|---|---|")
        for metric, stats in sorted(_with_samples(snapshot.values).items()):
            for stat, value in stats.items():
                yield f"| {_in_markdown(metric)} | {_in_markdown(stat)} | {_shown(value)} |"
