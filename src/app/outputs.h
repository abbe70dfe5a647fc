/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/outputs.h - the list of the outputs that `rampa run --output` has (output/output.h).
 */

#include "output/output.h"

extern const struct rp_output_kind *const rp_output_kinds[]; /* NULL at the end */

/* The summary as text: on standard output, which `rampa run` sees to, or in a file. */
extern const struct rp_output_kind rp_output_console;
