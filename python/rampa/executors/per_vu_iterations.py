# SPDX-License-Identifier: MIT
"""The executor ``per-vu-iterations`` by its own name."""

from rampa.executors import PerVUIterationsExecutor

__all__ = ["PerVUIterationsExecutor"]
