# SPDX-License-Identifier: MIT
"""The executor ``ramping-arrival-rate`` by its own name."""

from rampa.executors import RampingArrivalRateExecutor

__all__ = ["RampingArrivalRateExecutor"]
