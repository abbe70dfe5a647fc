/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/late_signals.h - Ctrl-C after the run, while its results are written.
 */

/* The first SIGINT or SIGTERM comes too late to abort anything and must not cost the results of the
 * run; the second ends the program as ever. One that is ignored stays so. While a coordinator runs
 * it takes them itself. */
void rp_late_signals_forgive_one(void);
