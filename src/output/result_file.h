/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/result_file.h - the result of a run as a JSON file (docs/result.md).
 */

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "run/result.h"

/* Appends the result file (docs/result.md, schema version RP_RESULT_SCHEMA). */
#define RP_RESULT_SCHEMA 2
RP_NODISCARD int rp_result_write_json(const struct rp_result *result, struct rp_buf *out);

/* A result file is opened before the run, so that a bad path fails early, as a temporary file in
 * the folder of @path, which has no name where the file system has such files. At the end it is put
 * in its place by rename: @path holds the old file or the whole new one, never a part. A device, a
 * pipe or a descriptor (-, /dev/stdout, /dev/fd/3) is written as it is.
 *
 * open: -ENOMEM, or -RP_EUSER with cause and remedy for whatever the file system refuses. commit:
 * call it once; -errno (-ENOSPC, ..) with @err filled, and then the old file is untouched. */
struct rp_result_file;
RP_NODISCARD int rp_result_file_open(const char *path, struct rp_result_file **ret,
                                     struct rp_error *err);
RP_NODISCARD int rp_result_file_commit(struct rp_result_file *file, struct rp_slice text,
                                       struct rp_error *err);
/* The descriptor that the file is written by, for what stands before the text of the commit; -1
 * after the commit. */
int rp_result_file_fd(const struct rp_result_file *file);
/* The descriptor that a path stands for: 1 for "-" and "/dev/stdout", 3 for "/dev/fd/3"; -1 for any
 * other path. */
int rp_result_file_descriptor(const char *path);
/* Removes the temporary file unless it was committed. NULL is allowed. */
void rp_result_file_free(struct rp_result_file *file);
