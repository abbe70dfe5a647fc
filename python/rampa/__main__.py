# SPDX-License-Identifier: MIT
"""The command ``rampa``, also as ``python -m rampa``: the program of this installation with the interpreter that runs this."""
from __future__ import annotations

import os
import sys
from pathlib import Path


def program() -> Path | None:
    """Where the program is: inside an installed package, or at the top of the build folder that the package stands in.

    Returns:
        Its path, or ``None`` when there is none.
    """
    package = Path(__file__).resolve().parent
    for path in (package / "bin" / "rampa", package.parent.parent / "rampa"):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def main() -> None:
    """Becomes the program, with the words of this process's command line. Does not return."""
    path = program()
    if path is None:
        sys.exit(
            f"rampa: the package in {Path(__file__).parent} has no program beside it\n"
            "remedy: install it with `pip install .` from a source tree, or build it with `./dev build`"
        )
    os.environ.setdefault("RAMPA_PYTHON", sys.executable)  # scripts import what this interpreter can
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(path, ["rampa", *sys.argv[1:]])


if __name__ == "__main__":
    main()
