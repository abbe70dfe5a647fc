/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/term.h - what a stream can show: colours, width; and writing to it without losing an error.
 */

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

/* Colours only on a terminal that is not "dumb", unless @no_color (--no-color) or NO_COLOR says
 * no. */
bool rp_term_color(FILE *stream, bool no_color);
/* COLUMNS, else the width of @stream's terminal, else 80; from 20 to 1000. */
unsigned rp_term_width(FILE *stream);

/* Whether @stream is no terminal and is read by an AI agent, by the variables that agents set
 * (docs/summary.md): what is written there should be short. */
bool rp_term_wants_less(FILE *stream);

/* Writes and flushes @text. An error is told once on stderr; returns the exit code, 0 or
 * RP_EXIT_OUTPUT (RP_EXIT_INTERNAL when the buffer itself ran out of memory). */
int rp_term_put(FILE *stream, const struct rp_buf *text);
