/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/result_sink.h - the sink that leaves the result of a run in a file (output/result_file.h),
 * made before the run and written after it.
 */

#include "run/sink.h"

struct rp_result_sink;

/* Adds itself to @sinks. @path is borrowed. */
RP_NODISCARD int rp_result_sink_new(struct rp_sinks *sinks, const char *path,
                                    struct rp_result_sink **ret);
/* When all sinks are closed: if the exit code is another one than the file says, because an output
 * failed that was closed later, the file is written again. What is no regular file keeps what was
 * written. */
void rp_result_sink_correct(struct rp_result_sink *self, const struct rp_result *result);
void rp_result_sink_free(struct rp_result_sink *sink); /* NULL is allowed */
