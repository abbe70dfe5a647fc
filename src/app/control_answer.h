/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/control_answer.h - what a run has answered to `rampa status` and the like, read and written again. What
 * answers may be no run, or want to harm: only members that are known are written, each of its type.
 */

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* Returns NULL when the members of @answer that are known have the types that they should, and those that
 * every answer has are there, and its address when it is one for a browser; else the name of one that is not so
 * (static). @answer may be NULL. */
const char *rp_control_answer_check(const json_t *answer, bool is_for_browser);
/* Appends a checked answer as one JSON object on one line. Members that are not known are left out. */
void rp_control_answer_write(const json_t *answer, struct rp_buf *out);
