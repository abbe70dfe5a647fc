/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/python_tool.h - a process that does what only Python can: it packs and unpacks archives
 * (rampa._archive_tool), and encodes messages (rampa._grpc_tool).
 *
 * It is the interpreter that runs scripts, started in the same way. It gets words, and text on standard
 * input. It answers on standard output with lines, the first of which is "ok", "error" or "failed".
 */

#include <sys/types.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"

struct rp_python_tool { /* zeroed = it was not started */
    pid_t pid;
    int input; /* its end tells the tool to clean up and go, also when this program is killed */
};

/* Starts @python with @words (NULL-terminated, at most RP_PYTHON_TOOL_WORDS), the first of which is the
 * module of the package, hands it @text, unless
 * that is empty, and waits for its answer. The lines behind "ok" are in @ret_answer. -RP_EUSER with
 * what the tool says of a mistake, or when it says nothing; -EIO with what it says when it could not
 * write; -errno without a message. */
enum { RP_PYTHON_TOOL_WORDS = 1024, RP_PYTHON_TOOL_ANSWER = 1 << 16 };
RP_NODISCARD int rp_python_tool_start(struct rp_python_tool *tool, const char *python,
                                      const char *const *words, struct rp_slice text,
                                      struct rp_buf *ret_answer, struct rp_error *err);
/* Lets the tool clean up, and waits for its end. */
void rp_python_tool_end(struct rp_python_tool *tool);
