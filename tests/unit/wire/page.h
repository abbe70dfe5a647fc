/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/buf.h"

/* What docs/internals/messages.md says below its last line that was written by hand: every message with its fields and its
 * example, and what stands inside messages, made from the tables. */
void page_write(struct rp_buf *out);
