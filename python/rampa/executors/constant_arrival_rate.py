# SPDX-License-Identifier: MIT
"""The executor ``constant-arrival-rate`` by its own name."""

from rampa.executors import ConstantArrivalRateExecutor

__all__ = ["ConstantArrivalRateExecutor"]
