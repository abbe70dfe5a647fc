# SPDX-License-Identifier: MIT
"""The public modules inside of packages: each can be imported by an interpreter that has imported nothing else."""
from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import rampa

PUBLIC = sorted(m.name for m in pkgutil.walk_packages(rampa.__path__, "rampa.") if m.name.count(".") > 1 and "._" not in m.name)


@pytest.mark.parametrize("name", PUBLIC)
def test_it_can_be_imported_first(name: str) -> None:
    done = subprocess.run(
        [os.environ.get("RAMPA_PYTHON") or sys.executable, "-X", "dev", "-W", "error", "-c", f"import {name} as found; [getattr(found, n) for n in getattr(found, '__all__', ())]"],
        env={**os.environ, "PYTHONPATH": str(Path(rampa.__file__).parent.parent)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_there_are_some() -> None:
    assert {"rampa.protocols.websocket", "rampa.protocols.grpc", "rampa.outputs.json"} <= set(PUBLIC)
