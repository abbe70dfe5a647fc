# SPDX-License-Identifier: MIT
"""Comparing result files in Python: see :mod:`rampa.ci.compare`. The command ``rampa compare`` tells change from chance."""
