/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/foreign.h - what users of other tools type, and what they mean by it here.
 */

#include "base/slice.h"

/* What to write in place of the option @text of another tool, as it stands on the line, with its
 * dashes and without a value: a part of a sentence. NULL when nobody is known to write it. */
const char *rp_foreign_option(struct rp_slice text);
/* The same for a command. */
const char *rp_foreign_command(const char *word);
