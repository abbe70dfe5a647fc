/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/peer_kind.h - what a worker is made of. To the coordinator a worker is whoever speaks
 * the messages at the other end of a channel; that it is a child process (peer_process.h), a part
 * of this program (peer_local.h) or something that is reached in another way is known here and in
 * the kind's own file only.
 *
 * A source makes the workers of a run, one body for each. The coordinator calls the body's
 * operations, and the body tells the coordinator by events what happens to it. All of it is on the
 * thread of one loop.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"
#include "wire/link.h"

struct rp_peer_body;

enum { RP_LAST_WORDS_MAX = 4096 };

struct rp_peer_end { /* how a worker has ended; texts are borrowed for the call */
    const char *how; /* goes on behind its name: "exited with status 1", "closed its connection" */
    /* Nothing forced it. One that ends so before it has said hello is no worker at all: the wrong
     * program, say. */
    bool is_by_itself;
};

struct rp_peer_events {
    /* It can be spoken with, within start() or later, over @link, which is open. The coordinator
     * closes it; its memory is the body's and stays until free(). */
    void (*connected)(struct rp_peer_body *body, struct rp_link *link);
    /* A line (without its end) that it wrote, or its script. */
    void (*line)(struct rp_peer_body *body, bool is_stderr, const char *text);
    /* It is no more: told once, by the loop, never from within an operation. No event comes after
     * it. */
    void (*ended)(struct rp_peer_body *body, const struct rp_peer_end *end);
};

enum rp_peer_state {
    RP_PEER_RUNS,    /* as far as one can tell */
    RP_PEER_STOPPED, /* by a signal: it will do nothing until somebody lets it go on */
    RP_PEER_ENDED    /* ended() may still be to come */
};

struct rp_peer_ops {
    /* Begins it. A negative code with @err filled, -RP_EUSER when the user has named what cannot be
     * started; then only free() may follow. */
    int (*start)(struct rp_peer_body *body, struct rp_error *err);
    /* Ends it without its consent; ended() follows. Also of one that is not connected. */
    void (*kill)(struct rp_peer_body *body);
    /* Tells it beside the channel that its time is over: its script may be in the way of the
     * channel. NULL: it cannot be told. */
    void (*remind)(struct rp_peer_body *body);
    enum rp_peer_state (*look)(const struct rp_peer_body *body);
    /* The end of what it wrote to stderr, at most RP_LAST_WORDS_MAX bytes, borrowed; "" when there
     * is nothing. NULL: nobody sees what it writes. */
    const char *(*last_words)(const struct rp_peer_body *body);
    /* Ends it if it runs, without any event, and frees it. */
    void (*free)(struct rp_peer_body *body);
    /* What is said of a hook that did not come to its end: "blocked past its timeout and was
     * killed". */
    const char *overdue;
    /* The end of its channel is its own, and so is its last message: no ended() tells of it. */
    bool ends_with_channel;
    /* It has its turns on the coordinator's own thread: what holds it up holds up the coordinator.
     * So nobody waits for it but for hooks, and its silence says nothing. */
    bool shares_thread;
    /* Its clock is not ours: what it says in `hello` tells by how much they differ. */
    bool has_own_clock;
};

struct rp_peer_body { /* what every kind has; the kind's own struct embeds it */
    const struct rp_peer_ops *ops;
    /* The coordinator sets these before start(). */
    const struct rp_peer_events *events;
    struct rp_loop *loop;
    struct rp_peer *peer; /* its own half of the worker */
    /* What was started, for errors; NULL when nothing was. Borrowed. */
    const char *name;
    /* What the user finds the worker by until it has said that itself; 0: nothing. */
    int pid;
};

struct rp_peer_source { /* where the workers of a run come from */
    /* A body for worker @index (from 0), not started. -ENOMEM. */
    int (*make)(const struct rp_peer_source *source, uint32_t index, struct rp_peer_body **ret);
    uint32_t max; /* how many it can make; 0: as many as a plan wants */
    /* What the user can do when they do not start or are no workers; may be NULL. */
    const char *hint;
};
