/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Progress of made-up runs. The scenarios are static: nothing is to be freed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ui/progress.h"

struct rp_progress progress_run(void);   /* the line of a run, everything in it; no scenarios */
struct rp_progress progress_one(void);   /* the same with one scenario */
struct rp_progress progress_kinds(void); /* all executors, all states, a name that wants to draw */
struct rp_progress progress_many(void);  /* 60 scenarios: waiting, running, finished */
