/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/help.h - the help texts, made from the tables of app/cli.h.
 */

#include "app/cli.h"
#include "base/buf.h"
#include "ui/report.h"

/* Appends the whole help of @command (NULL: of the program): usage, description, every option,
 * examples, exit codes. */
void rp_help_write(const struct rp_command *command, struct rp_style style, struct rp_buf *out);
/* Appends the few lines that answer a bare `rampa`. */
void rp_help_write_short(struct rp_style style, struct rp_buf *out);

/* Pieces that other texts share. Appends "rampa run SCRIPT.py [options]". */
void rp_help_usage(const struct rp_command *command, struct rp_buf *out);
/* Appends the help of @option and what goes with it: "... (repeatable; default: 8080; env:
 * RAMPA_TARGET_PORT)". */
void rp_help_option_text(const struct rp_option *option, struct rp_buf *out);
/* Appends the spelling, "-u, --vus N"; @pad_short keeps the place of a missing short name. */
void rp_help_option_spelling(const struct rp_option *option, bool pad_short, struct rp_buf *out);
/* Appends what a positional argument may be: "bash or zsh". */
void rp_help_choices(const char *const *choices, struct rp_buf *out);
