/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/late_signals.h - Ctrl-C after the run, while its results are written.
 */

/* From now on the first SIGINT, SIGTERM or SIGHUP is ignored: it is too late to abort anything, and it must
 * not cost the results of the run. The second ends the program. A signal that is ignored stays so.
 * While a coordinator runs it handles these signals itself. */
void rp_late_signals_forgive_one(void);
