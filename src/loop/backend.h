/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/backend.h - what the common code of a loop and its back-ends share. Private to the room.
 *
 * The common code owns sockets, sends, tasks, timers and the tokens; a back-end waits, receives,
 * and says when a descriptor is writable. The common code sends with plain send(): requests of
 * io_uring won nothing there.
 */

#include "loop/loop.h"
#include "loop/precise.h"
#include "loop/slots.h"
#include "loop/stamps.h"
#include "loop/wheel.h"

/* struct rp_stream.state */
enum {
    RP_STREAM_CONNECTING = 1u << 0,
    RP_STREAM_SENDING = 1u << 1, /* a send is queued or under way */
    RP_STREAM_BLOCKED = 1u << 2, /* the send goes on when the socket is writable */
    RP_STREAM_PAUSED = 1u << 3,  /* nothing is received */
    RP_STREAM_HALF = 1u << 4,    /* the peer has ended, and the user has been told so */
    RP_STREAM_STAMPED = 1u << 5, /* bytes come with stamps; as long as the stream is open */
    /* This bit and those above are the back-end's. They are 0 in a new stream. */
    RP_STREAM_BACKEND = 1u << 8,
};

struct rp_loop_ops {
    const char *name;
    bool is_virtual;
    /* See rp_loop_unusable. */
    const char *(*unusable)(void);
    /* Makes loop->backend. Leaves nothing behind on failure. */
    int (*open)(struct rp_loop *loop);
    void (*close)(struct rp_loop *loop);
    /* Waits until @until, or until the next timer if that is earlier; a past time: only looks.
     * Delivers what has completed, or as much of it as the kernel hands out at once, by
     * rp_stream_connect_done(), rp_stream_writable(), the data callback, rp_stream_fin() and
     * rp_stream_end(). Any of these may close and free any object: afterwards the token has to be
     * looked up again. -EINTR: nothing has happened. */
    int (*wait)(struct rp_loop *loop, rp_ns until);
    /* The state of @stream has changed: sees to it that what the stream waits for is noticed. That
     * is writability while CONNECTING or BLOCKED, and bytes unless CONNECTING, PAUSED or HALF. May
     * be called again without effect. -errno leaves the stream as before. */
    int (*arm)(struct rp_loop *loop, struct rp_stream *stream);
    /* @stream is now PAUSED. */
    void (*pause)(struct rp_loop *loop, struct rp_stream *stream);
    /* @stream is about to be closed. */
    void (*disarm)(struct rp_loop *loop, struct rp_stream *stream);
    /* Watches watch->fd for @wanted, which is not 0. watch->wanted is what was wanted before, 0 for
     * a new watch. The token is in place; the back-end may change it. -errno leaves the watch as
     * before. */
    int (*watch)(struct rp_loop *loop, struct rp_watch *watch, unsigned wanted);
    void (*unwatch)(struct rp_loop *loop, struct rp_watch *watch);
    /* See rp_loop_fd. */
    int (*fd)(struct rp_loop *loop);
};

struct rp_loop {
    const struct rp_loop_ops *ops;
    void *backend;
    struct rp_list sends; /* streams with bytes to offer */
    struct rp_list tasks;
    struct rp_list due; /* timers about to fire in this turn */
    struct rp_slots slots;
    bool turning;
    rp_ns virtual_now;
    void (*before_wait)(void *user);
    void (*after_wait)(void *user);
    void *wait_user;
    bool insists_on_hooks;
    bool is_busy; /* the last waits have found several completions, or one without waiting */
    rp_ns woken;  /* when the completions of this turn were taken; 0 = none, or not known */
    /* Completions that the last wait has taken, and those of them that were of watches which had
     * shown in this turn before. */
    unsigned found, found_repeated;
    unsigned turn; /* the number of this turn */
    void (*outside)(void *user);
    void *outside_user;
    /* outside() has to be called when something is queued: the loop is not turning, and who nests
     * the loop may not plan a turn. */
    bool must_tell;
    struct rp_list precise; /* timers */
    rp_ns spin, spun;
    struct rp_stamps stamps;
    struct rp_wheel wheel;
};

/* No timer is due earlier; RP_NS_NEVER when certainly none is armed. */
static inline rp_ns rp_loop_next(const struct rp_loop *loop)
{
    rp_ns precise = rp_precise_next(&loop->precise);

    return loop->wheel.next < precise ? loop->wheel.next : precise;
}

static inline void rp_loop_collect(struct rp_loop *loop, rp_ns now)
{
    rp_wheel_collect(&loop->wheel, now, &loop->due);
    rp_precise_collect(&loop->precise, now, &loop->due);
}

/* How to wait: sleep for @sleep (-1 = without limit); if nothing has happened, look again and again
 * until the time @spin_until (0 = do not). Both 0: look once. */
struct rp_patience {
    rp_ns sleep, spin_until;
    rp_ns now; /* 0 = the clock was not read */
};

struct rp_patience rp_loop_patience(const struct rp_loop *loop, rp_ns until);

static inline bool rp_patience_is_none(const struct rp_patience *patience)
{
    return patience->sleep == 0 && patience->spin_until == 0;
}

/* One look takes a microsecond at most; what takes longer than this was another thread's time. */
#define RP_LOOP_LOOK_MAX (100 * RP_US)

/* Whether to look once more before @until. @last: 0 at first. */
static inline bool rp_loop_spins(struct rp_loop *loop, rp_ns *last, rp_ns until)
{
    rp_ns now = rp_clock_ns(), took = now - *last;

    if (took < RP_LOOP_LOOK_MAX)
        loop->spun += took;
    *last = now;
    return now < until;
}

static inline void rp_loop_queued(struct rp_loop *loop)
{
    if (RP_LIKELY(!loop->must_tell))
        return;
    loop->must_tell = false;
    loop->outside(loop->outside_user);
}

/* Around a wait that may block or spin. */
static inline void rp_loop_before_wait(struct rp_loop *loop, const struct rp_patience *patience)
{
    rp_stamps_looked(&loop->stamps, patience->now);
    loop->stamps.wait_began = patience->now;
    if (loop->before_wait)
        loop->before_wait(loop->wait_user);
}

static inline void rp_loop_after_wait(struct rp_loop *loop)
{
    if (loop->after_wait)
        loop->after_wait(loop->wait_user);
}

/* Under load there mostly is something without waiting. Then one look is enough, which needs
 * neither the clock nor the hooks. When the look finds nothing, a wait follows. */
static inline bool rp_loop_looks_first(const struct rp_loop *loop)
{
    return loop->is_busy && !(loop->insists_on_hooks && loop->before_wait);
}

/* Called after each wait. A single completion that was waited for is no load. */
static inline void rp_loop_found(struct rp_loop *loop, unsigned count)
{
    loop->found = count;
    loop->is_busy = count > 1 || (count && loop->is_busy);
}

/* Called for each completion of a watch. */
static inline void rp_loop_found_watch(struct rp_loop *loop, struct rp_watch *watch)
{
    loop->found_repeated += watch->seen_in == loop->turn;
    watch->seen_in = loop->turn;
}

static inline bool rp_stream_is_alive(struct rp_loop *loop, uint64_t token)
{
    return rp_slots_get(&loop->slots, token) != NULL;
}

/* Offers to the kernel what is left of the send; @now is the present time. Returns the time
 * afterwards. No callback. */
rp_ns rp_stream_offer(struct rp_stream *stream, rp_ns now);
/* A connecting stream is writable or broken; @error: what the back-end knows (-errno), else 0.
 * Calls connected(). */
void rp_stream_connect_done(struct rp_stream *stream, int error);
/* A BLOCKED stream is writable or broken. Calls sent(). */
void rp_stream_writable(struct rp_stream *stream);
/* Hands over bytes that have arrived. */
static inline void rp_stream_deliver(struct rp_stream *stream, const char *data, size_t len,
                                     rp_ns at)
{
    stream->traffic.received += len;
    stream->events->data(stream, data, len, at);
}

/* The peer has ended: calls half_closed() or, when nobody takes that, closes and calls ended(). */
void rp_stream_fin(struct rp_stream *stream, rp_ns at);
/* Closes and calls ended(), with the error of an earlier send in preference to @status. */
void rp_stream_end(struct rp_stream *stream, int status, rp_ns at);
