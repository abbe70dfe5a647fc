# SPDX-License-Identifier: MIT
"""The package of the build under test, also when pytest is started by hand."""
from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if "PYTHONPATH" not in os.environ:
    sys.path.insert(0, str(ROOT / "build/python"))
