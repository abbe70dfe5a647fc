# SPDX-License-Identifier: MIT
"""The dashboard of ``rampa run --tui`` for a plan of your own: see :func:`rampa.tui.app.run_tui`."""

from __future__ import annotations

from rampa.tui.app import run_tui

__all__ = ["run_tui"]
