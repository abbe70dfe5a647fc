# SPDX-License-Identifier: MIT
"""Outputs in Python: those that a run in a program of your own hands its samples to.

::

    result = await rampa.runner.run_test(plan, extra_outputs=[rampa.outputs.get_output("csv", "samples.csv")])

An output of your own is any object with the three methods of :class:`rampa.output.Output`. ``rampa run --output`` has the
outputs of docs/outputs.md, which are no Python.
"""

from __future__ import annotations

import typing

from rampa.output import Output, OutputManager
from rampa.outputs.console import ConsoleOutput
from rampa.outputs.csv import CSVOutput
from rampa.outputs.json import JSONOutput

__all__ = ["OUTPUT_REGISTRY", "CSVOutput", "ConsoleOutput", "JSONOutput", "Output", "OutputManager", "get_output"]

ENTRY_POINTS = "rampa.outputs"
_OF_THE_PROGRAM = ("github", "influxdb", "junit", "ndjson", "otel", "prometheus", "webhook")

OUTPUT_REGISTRY: dict[str, typing.Any] = {"console": ConsoleOutput, "csv": CSVOutput, "json": JSONOutput}
"""Classes of outputs by name. A program may add its own."""


def get_output(name: str, destination: str = "") -> typing.Any:
    """An output by name: of ``OUTPUT_REGISTRY``, or else of an installed package.

    A package offers an output as an entry point of the group ``rampa.outputs``. It is loaded only when it is named here.

    Args:
        name: ``console``, ``csv``, ``json`` or another one.
        destination: what the class is called with; ``console`` has none.

    Returns:
        The output, for ``extra_outputs``.

    Raises:
        ValueError: there is no such output, it cannot be loaded, or it does not take the destination.

    >>> type(get_output("csv", "samples.csv")).__name__
    'CSVOutput'
    """
    kind = OUTPUT_REGISTRY.get(name)
    if kind is None:
        kind = _of_a_package(name)
    return kind() if name == "console" else kind(destination)


def _of_a_package(name: str) -> typing.Any:
    import importlib.metadata

    found = list(importlib.metadata.entry_points(group=ENTRY_POINTS, name=name))
    if not found:
        if name in _OF_THE_PROGRAM:
            raise ValueError(f"the output {name!r} is not there in Python: use rampa run --output {name}")
        raise ValueError(f"there is no output {name!r}; the outputs in Python are {', '.join(sorted(OUTPUT_REGISTRY))}")
    values = sorted({point.value for point in found})
    if len(values) > 1:
        raise ValueError(f"several packages have an output {name!r} ({', '.join(values)}): uninstall all but one of them")
    try:
        return found[0].load()
    except Exception as error:
        raise ValueError(f"the output {name!r} ({values[0]}) cannot be loaded: {type(error).__name__}: {error}") from error
