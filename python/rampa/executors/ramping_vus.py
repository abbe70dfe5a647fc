# SPDX-License-Identifier: MIT
"""The executor ``ramping-vus`` by its own name."""

from rampa.executors import RampingVUsExecutor

__all__ = ["RampingVUsExecutor"]
