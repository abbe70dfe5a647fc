# SPDX-License-Identifier: MIT
"""Outputs in Python: those that a run in a program of your own hands its samples to.

::

    result = await rampa.runner.run_test(plan, extra_outputs=[rampa.outputs.get_output("csv", "samples.csv")])

An output of your own is any object with the three methods of :class:`rampa.output.Output`. ``rampa run --output
MODULE:CLASS`` takes such a class too; the other names of ``--output`` are outputs in C (docs/outputs.md).
"""

from __future__ import annotations

import typing

from rampa._output_load import OutputNotFound, load_output, make_output
from rampa.output import Output, OutputManager
from rampa.outputs.console import ConsoleOutput
from rampa.outputs.csv import CSVOutput
from rampa.outputs.github import GitHubActionsOutput
from rampa.outputs.influxdb import InfluxDBOutput
from rampa.outputs.json import JSONOutput
from rampa.outputs.otel import OTelOutput
from rampa.outputs.prometheus import PrometheusOutput
from rampa.outputs.webhook import WebhookOutput

__all__ = [
    "OUTPUT_REGISTRY",
    "CSVOutput",
    "ConsoleOutput",
    "GitHubActionsOutput",
    "InfluxDBOutput",
    "JSONOutput",
    "OTelOutput",
    "Output",
    "OutputManager",
    "PrometheusOutput",
    "WebhookOutput",
    "get_output",
]

_OF_THE_PROGRAM = ("junit", "ndjson")

OUTPUT_REGISTRY: dict[str, typing.Any] = {
    "console": ConsoleOutput,
    "csv": CSVOutput,
    "github": GitHubActionsOutput,
    "influxdb": InfluxDBOutput,
    "json": JSONOutput,
    "otel": OTelOutput,
    "prometheus": PrometheusOutput,
    "webhook": WebhookOutput,
}
"""Classes of outputs by name. A program may add its own."""


def get_output(name: str, destination: str = "") -> typing.Any:
    """An output by name: of ``OUTPUT_REGISTRY``, of an installed package, or of a module.

    A package offers an output as an entry point of the group ``rampa.outputs``. It is loaded only when it is named here.

    Args:
        name: of ``OUTPUT_REGISTRY`` or of a package, or ``MODULE:CLASS``.
        destination: what the class is called with. Without one, a class that needs none is called without it.

    Returns:
        The output, for ``extra_outputs``.

    Raises:
        ValueError: there is no such output, it cannot be loaded, or it does not take the destination.

    >>> type(get_output("csv", "samples.csv")).__name__
    'CSVOutput'
    """
    kind = OUTPUT_REGISTRY.get(name) or _of_a_package(name)
    return kind() if name == "console" else make_output(kind, destination)


def _of_a_package(name: str) -> typing.Any:
    try:
        found = load_output(name)
    except OutputNotFound as error:
        raise ValueError(f"{error}: {error.hint}" if error.hint else str(error)) from None
    except Exception as error:
        text = "; ".join([str(error), *getattr(error, "__notes__", ())])
        raise ValueError(f"the output {name!r} cannot be loaded: {type(error).__name__}: {text}") from error
    if found is None:
        if name in _OF_THE_PROGRAM:
            raise ValueError(f"the output {name!r} is not there in Python: use rampa run --output {name}")
        raise ValueError(f"there is no output {name!r}; the outputs in Python are {', '.join(sorted(OUTPUT_REGISTRY))}")
    return found
