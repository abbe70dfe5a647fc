/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/progress_parts.h - what the line of the run and the bars share.
 */

#include "ui/ink.h"
#include "ui/progress.h"

enum { RP_CLOCK_SIZE = 64, RP_PROGRESS_WIDTH = 80 /* when it is not known */ };

/* "12s", "1m05s", "1h00m05s": whole seconds, cut. */
const char *rp_clock_text(rp_ns time, char *out);

/* Appends at most @cols columns of @text, between the escape @ink and its reset; @ink may be "".
 * Returns the number of columns. */
size_t rp_progress_ink(struct rp_buf *out, bool color, const char *ink, const char *text,
                       size_t cols);
