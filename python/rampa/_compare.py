# SPDX-License-Identifier: MIT
"""A run that a test has made, beside a result file: what ``rampa compare`` says of it."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile

from rampa.__main__ import program
from rampa.events import RunResult


class CannotCompare(Exception):
    """The file to compare with is no result, or there is no program that compares."""


def what_is_worse(result: RunResult, base: pathlib.Path) -> str | None:
    """The table of ``rampa compare`` when something is worse than in the result file ``base``, else None.

    Args:
        result: of the run.
        base: a result file.

    Raises:
        CannotCompare: with the reason.
    """
    path = program()
    if path is None:
        raise CannotCompare("the package rampa has no program beside it, which compares results")
    with tempfile.TemporaryDirectory() as folder:
        result.write_json(pathlib.Path(folder) / "current.json")
        done = subprocess.run(
            [path, "compare", "--no-color", "--", base.resolve(), "current.json"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
        )
    if done.returncode in (0, 1):
        return done.stdout.decode(errors="replace") if done.returncode else None
    raise CannotCompare(done.stderr.decode(errors="replace").strip().removeprefix("error: "))
