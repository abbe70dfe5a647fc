/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/completion.h - completion scripts of shells, made from the tables of app/cli.h.
 */

#include "base/buf.h"

/* @shell: "bash", "zsh" or "fish", as the command's table allows. */
void rp_completion_write(const char *shell, struct rp_buf *out);
