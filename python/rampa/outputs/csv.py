# SPDX-License-Identifier: MIT
"""The output ``csv`` in Python."""

from __future__ import annotations

import csv
import pathlib

from rampa._types import Sample


class CSVOutput:
    """Writes every sample as a row of CSV, with a column for each tag. It keeps all samples in memory until the end.

    A text that begins like a formula of a spreadsheet gets an apostrophe in front.

    Args:
        path: of the file. Without samples it is empty.

    Raises:
        ValueError: the path is empty.
    """

    def __init__(self, path: str) -> None:
        if not path:
            raise ValueError("the output 'csv' needs a file: get_output('csv', 'samples.csv')")
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
        """Writes the file.

        Args:
            error: that has ended the run, or None.
        """
        keys = sorted({key for sample in self._samples for key in sample.tags})
        with self._path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            rows = csv.writer(file)
            if self._samples:
                rows.writerow(["timestamp", "metric", "value", *map(_cell, keys)])
            for sample in self._samples:
                tags = [_cell(sample.tags.get(key, "")) for key in keys]
                rows.writerow([sample.timestamp, _cell(sample.metric), sample.value, *tags])


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
