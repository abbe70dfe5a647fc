# SPDX-License-Identifier: MIT
"""Context variables for the log records of a program that runs a test.

``run_id_var`` is the name of the run in every iteration and hook of a run that ``rampa.Engine`` runs. The others are there for programs to set; rampa leaves them at None, for setting them would cost in every
iteration. ``worker.execution`` says the same.
"""

from __future__ import annotations

import contextvars

run_id_var: contextvars.ContextVar[str | None] = contextvars.ContextVar("rampa_run_id", default=None)
scenario_var: contextvars.ContextVar[str | None] = contextvars.ContextVar("rampa_scenario", default=None)
worker_id_var: contextvars.ContextVar[int | None] = contextvars.ContextVar("rampa_worker_id", default=None)
iteration_var: contextvars.ContextVar[int | None] = contextvars.ContextVar("rampa_iteration", default=None)
