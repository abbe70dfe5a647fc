# SPDX-License-Identifier: MIT
"""The output ``json`` in Python, under the name that it has in the package rampa 0.0."""

from __future__ import annotations

from rampa.output import JSONOutput

__all__ = ["JSONOutput"]
