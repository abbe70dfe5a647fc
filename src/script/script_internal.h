/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/script_internal.h - what the files of script share.
 */

#include <stdint.h>

#include "base/buf.h"

/* Appends a body of @bytes bytes, of which @body is what there is of them: how many they are and, when
 * they are text, the first 2,048 of them. The values of names that sound like secrets are "***". */
void rp_trace_append_body(struct rp_buf *out, const char *mark, struct rp_slice body,
                          uint64_t bytes);
