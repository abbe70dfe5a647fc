/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/options_json.h - the tables of commands and options as JSON, for programs that make a parser
 * of their own of them: `rampa _options`, which rampa.cli.create_parser() asks.
 */

#include "base/buf.h"

/* The word on the command line. It is not shown in the help. */
#define RP_OPTIONS_WORD "_options"

/* Appends one JSON object on one line: description, version, and commands with their options. */
void rp_options_write_json(struct rp_buf *out);
