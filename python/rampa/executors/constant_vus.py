# SPDX-License-Identifier: MIT
"""The executor ``constant-vus`` by its own name."""

from rampa.executors import ConstantVUsExecutor

__all__ = ["ConstantVUsExecutor"]
