# SPDX-License-Identifier: MIT
"""The executor ``shared-iterations`` by its own name."""

from rampa.executors import SharedIterationsExecutor

__all__ = ["SharedIterationsExecutor"]
