/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/python_child.h - a Python process that is spoken with while a run goes on: for outputs that
 * users write in Python (app/python_output.h).
 *
 * It gets frames: the length of the body (uint32, little-endian), one byte for the kind, the body.
 * It answers with lines of JSON. Both go over one socket. Sending never waits: what the process does
 * not take is kept, and how much that is bounds its user.
 *
 * The child has a loop of its own, for it lives longer than that of the run: its user turns it before
 * and after the run, and nests it into the other one meanwhile.
 */

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "coordinator/process.h"
#include "loop/loop.h"

struct rp_python_child;

struct rp_python_child_events {
    /* A message of the process. What is no JSON object is left out. */
    void (*said)(struct rp_python_child *child, const json_t *message);
    /* A line that it has printed on standard output or standard error. */
    void (*printed)(struct rp_python_child *child, const char *text);
    /* It has ended; all that it had said and printed was delivered. @how: "exited with status 1". */
    void (*ended)(struct rp_python_child *child, const char *how);
};

struct rp_python_child { /* embedded, zeroed before the start */
    const struct rp_python_child_events *events;
    struct rp_loop *loop;
    struct rp_process process;
    int fd; /* of the socket; -1 = closed */
    struct rp_watch watch;
    struct rp_watch nested; /* in the other loop */
    struct rp_buf in, out;
    size_t sent; /* bytes of out that are gone */
    int error;   /* -ENOMEM when it could not be listened to, and -EMSGSIZE; else 0 */
};

/* Starts @python with @program and @words (NULL-terminated, at most RP_PYTHON_CHILD_WORDS), so that
 * it finds the package that belongs to this program. -errno; -ENOENT when there is no such
 * interpreter. After a failure there is nothing to end. */
enum { RP_PYTHON_CHILD_WORDS = 8 };
RP_NODISCARD int rp_python_child_start(struct rp_python_child *child, const char *python,
                                       const char *program, const char *const *words,
                                       const struct rp_python_child_events *events);
/* Hands over a frame. Dropped when the process has ended, or for want of memory: -ENOMEM. */
RP_NODISCARD int rp_python_child_put(struct rp_python_child *child, char kind,
                                     struct rp_slice body);
/* How many bytes wait. */
size_t rp_python_child_waiting(const struct rp_python_child *child);
/* From now on @outer turns the loop of the child. -errno. */
RP_NODISCARD int rp_python_child_enter(struct rp_python_child *child, struct rp_loop *outer);
void rp_python_child_leave(struct rp_python_child *child); /* no-op when it is in no other loop */
/* Nothing more is said from either side: a process that waits for more sees the end. */
void rp_python_child_hang_up(struct rp_python_child *child);
/* Kills the process if it runs. No-op for one that was not started. */
void rp_python_child_end(struct rp_python_child *child);
