# SPDX-License-Identifier: MIT
"""The output ``console`` in Python, under the name that it has in the package rampa 0.0."""

from __future__ import annotations

from rampa.output import ConsoleOutput

__all__ = ["ConsoleOutput"]
