/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/tui.h - the sink that shows a run on the whole terminal, and steers it by keys.
 *
 * The screen opens when the plan is known and valid, and closes with the run: what is said before
 * and after it, the summary too, stands on the terminal as without it. What the script prints while
 * the screen is open is shown in its log, and goes to where it belongs: at once when that is a file
 * or a pipe, after the end when it is the terminal.
 */

#include <stdio.h>

#include "run/sink.h"

struct rp_tui;

struct rp_tui_options {
    /* The terminal of a Python program; NULL = standard error, of `rampa run --tui`. Borrowed. */
    FILE *out;
    bool color;
    /* Something else is written to standard output: what the script prints there goes to standard
     * error. */
    bool keeps_stdout_clear;
};

/* Adds itself to @sinks. It shows on the terminal and reads standard input, for which
 * rp_screen_is_possible() is to be true. */
RP_NODISCARD int rp_tui_new(struct rp_sinks *sinks, struct rp_tui_options options,
                            struct rp_tui **ret);
void rp_tui_free(struct rp_tui *tui); /* gives the terminal back; NULL is allowed */
