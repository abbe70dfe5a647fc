# SPDX-License-Identifier: MIT
"""Outputs: objects that are handed samples in batches.

``rampa.runner.run_test(plan, extra_outputs=[...])`` hands the samples of a run to outputs. An :class:`OutputManager` does so by hand:
``EngineOptions(on_sample=manager.buffer_sample)`` fills it; the program calls its ``start_all()``, ``flush()`` and ``stop_all()``.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import pathlib
import sys
import typing

from rampa._types import Sample
from rampa.metrics import MetricSnapshot


class Output(typing.Protocol):
    """What takes samples. It may have ``write_summary(snapshot, threshold_results)`` too, a plain function, which is called
    after ``stop()``, and ``describe(metric, kind, value_type)``, which is called before the first samples of a metric, with a
    :class:`rampa.metrics.MetricType` and a :class:`rampa.metrics.ValueType`. Of one output one method is called at a time."""

    async def start(self) -> None:
        """Called once, when the plan is valid and before the output gets samples. When it raises, the output gets nothing."""

    async def add_samples(self, samples: list[Sample]) -> None:
        """Takes samples.

        Args:
            samples: what has come since the last call, at least one. All outputs get the same objects.
        """

    async def stop(self, error: Exception | None = None) -> None:
        """Called once, after the last samples.

        Args:
            error: that has ended the run, or None.
        """


@dataclasses.dataclass
class OutputManager:
    """Hands samples to outputs.

    Attributes:
        outputs: in the order in which they get them.
    """

    outputs: list[typing.Any] = dataclasses.field(default_factory=list)
    _samples: list[Sample] = dataclasses.field(default_factory=list, repr=False)

    def add(self, output: typing.Any) -> None:
        """One output more.

        Args:
            output: see :class:`Output`.
        """
        self.outputs.append(output)

    def buffer_sample(self, sample: Sample) -> None:
        """Keeps a sample for the next :meth:`flush`.

        Args:
            sample: to keep.
        """
        self._samples.append(sample)

    def buffer_samples(self, samples: collections.abc.Iterable[Sample]) -> None:
        """Keeps samples for the next :meth:`flush`.

        Args:
            samples: to keep.
        """
        self._samples.extend(samples)

    async def start_all(self) -> None:
        """Starts every output."""
        for output in self.outputs:
            await output.start()

    async def flush(self) -> None:
        """Hands over what is kept, if there is something."""
        samples, self._samples = self._samples, []
        if samples:
            for output in self.outputs:
                await output.add_samples(samples)

    async def stop_all(self, error: Exception | None = None) -> None:
        """Hands over what is kept, and stops every output.

        Args:
            error: that has ended the run, or None.
        """
        await self.flush()
        for output in self.outputs:
            await output.stop(error)


class ConsoleOutput:
    """Prints the metrics of a snapshot. ``rampa run`` prints its own summary, which says more.

    Args:
        stream: to print to, or None for standard output.
    """

    def __init__(self, stream: typing.TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

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

    def render_summary(
        self, snapshot: MetricSnapshot, threshold_results: collections.abc.Sequence[typing.Any] | None = None
    ) -> None:
        """Prints the thresholds, and each metric with its statistics.

        Args:
            snapshot: of the run.
            threshold_results: how each threshold came out.
        """
        lines = [f"rampa summary ({snapshot.duration:.1f} s)", ""]
        lines += [f"  {'✓' if result.passed else '✗'} {result.source}" for result in threshold_results or ()]
        for name, stats in sorted(snapshot.values.items()):
            lines += [f"  {name}", *(f"    {stat}: {_shown(value)}" for stat, value in stats.items())]
        self._stream.write("\n".join(lines) + "\n")


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.4f}"


class JSONOutput:
    """Writes every sample, and at the end the metrics, to a file of JSON. It keeps all samples in memory until then.

    Args:
        path: of the file.

    Raises:
        ValueError: the path is empty.
    """

    def __init__(self, path: str) -> None:
        if not path:
            raise ValueError("the output 'json' needs a file: get_output('json', 'samples.json')")
        self._path = pathlib.Path(path)
        self._samples: list[Sample] = []

    async def start(self) -> None:
        """Begins without samples."""
        self._samples = []

    async def add_samples(self, samples: list[Sample]) -> None:
        """Keeps them.

        Args:
            samples: of about a second.
        """
        self._samples.extend(samples)

    async def stop(self, error: Exception | None = None) -> None:
        """Writes the samples.

        Args:
            error: that has ended the run, or None.
        """
        self._write({})

    def write_summary(
        self, snapshot: MetricSnapshot, threshold_results: collections.abc.Sequence[typing.Any] | None = None
    ) -> None:
        """Writes the file again, with the metrics and the thresholds.

        Args:
            snapshot: of the run.
            threshold_results: how each threshold came out.
        """
        more: dict[str, typing.Any] = {"summary": {"duration": snapshot.duration, "metrics": snapshot.values}}
        if threshold_results:
            more["thresholds"] = [
                {"source": row.source, "passed": row.passed, "lhs": row.lhs, "rhs": row.rhs} for row in threshold_results
            ]
        self._write(more)

    def _write(self, more: dict[str, typing.Any]) -> None:
        document = {"samples": [sample._asdict() for sample in self._samples], **more}
        self._path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
