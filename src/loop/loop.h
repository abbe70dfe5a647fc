/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/loop.h - the event loop of a worker: streams, timers, foreign descriptors, deferred tasks.
 *
 * Why: a load generator's loop receives everything that has arrived, lets the script react, and
 * then sends everything that the script asked for; no system call is made per request but recv
 * (none with io_uring) and send. The interface is completion-shaped ("here are the bytes"), which
 * io_uring is by nature and epoll emulates.
 *
 * Back-ends: rp_loop_uring, rp_loop_epoll, rp_loop_virtual (time jumps from deadline to deadline;
 * no descriptors). Time: absolute monotonic nanoseconds. Timers never fire early; equal deadlines
 * fire in the order they were armed. Threads: a loop and all that belongs to it live in one thread.
 * Memory: callers own and embed every object below, which must be zeroed before first use and must
 * not move or be freed while active. Re-entrancy: any callback may start, stop, arm, close or defer
 * anything, itself included; after rp_stream_close() or rp_watch_stop() no callback of that object
 * runs again, even for events already received.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/time.h"

struct rp_loop;
struct rp_loop_ops;

/* ---- life ------------------------------------------------------------------------------------ */

extern const struct rp_loop_ops *const rp_loop_uring;
extern const struct rp_loop_ops *const rp_loop_epoll;
extern const struct rp_loop_ops *const rp_loop_virtual;

/* Why a back-end cannot be used here (missing kernel feature, seccomp, not compiled in), or NULL
 * when it can. */
const char *rp_loop_unusable(const struct rp_loop_ops *ops);
const char *rp_loop_ops_name(const struct rp_loop_ops *ops); /* "io_uring", "epoll", "virtual" */

/* @forced: "epoll" or "io_uring" (what RAMPA_LOOP holds), NULL or "" = the best that works here.
 * An unknown or unusable name is -RP_EUSER. */
RP_NODISCARD int rp_loop_pick(const char *forced, const struct rp_loop_ops **ret,
                              struct rp_error *err);
/* Sets the calling thread's timer slack (and so that of the threads it starts later) to 1 ns,
 * except with the virtual back-end: the default of 50 us would be added to every wait. */
RP_NODISCARD int rp_loop_new(const struct rp_loop_ops *ops, struct rp_loop **ret);
/* Everything must have been closed, stopped and disarmed. NULL is allowed. */
void rp_loop_free(struct rp_loop *loop);
const struct rp_loop_ops *rp_loop_ops_of(const struct rp_loop *loop);

/* ---- turning --------------------------------------------------------------------------------- */

/* One turn: wait for events until @until at most (a past time = do not block; RP_NS_NEVER = no
 * limit but the next timer; never blocks while deferred tasks are pending), deliver what has
 * completed, fire due timers, run the tasks deferred before or during this turn's deliveries (those
 * deferred by a task run in the next turn), then flush sends. Returns 0 or a negative errno of the
 * kernel (-EINTR is not one: an interrupted wait is an empty turn).
 *
 * When a timer is late, or @until when it is no 0, all that has arrived is delivered before it
 * fires, however little of it the kernel hands out at a time: what came in time is not to be taken
 * for missing because this thread stood still. A flood that never ends holds timers up for 10 ms,
 * or half of the time by which they are late. */
RP_NODISCARD int rp_loop_turn(struct rp_loop *loop, rp_ns until);
/* Sends what is queued now; rp_loop_turn does it by itself. */
void rp_loop_flush(struct rp_loop *loop);

/* The clock: real, or the virtual time of the virtual back-end. */
rp_ns rp_loop_now(const struct rp_loop *loop);
/* The next timer's deadline or RP_NS_NEVER, of whatever kind; may be early (coarse), never late. */
rp_ns rp_loop_next_deadline(const struct rp_loop *loop);
bool rp_loop_has_tasks(const struct rp_loop *loop);
/* A descriptor that polls readable when the loop has completions, with which the loop can be nested
 * in another one. -1 when the back-end has none. */
int rp_loop_fd(const struct rp_loop *loop);
/* @before and @after are called around a wait that may block or spin. (The Python host releases the
 * GIL meanwhile.) Either may be NULL. */
void rp_loop_set_wait_hooks(struct rp_loop *loop, void (*before)(void *user),
                            void (*after)(void *user), void *user);
/* @insist: each turn that may wait calls the hooks, because somebody waits for what they do.
 * Otherwise, as at first, a turn leaves them out as long as it finds something without waiting. */
void rp_loop_insist_on_hooks(struct rp_loop *loop, bool insist);

/* For a loop that is nested in another one, and whose objects are used between its turns. @fn is
 * called when something is queued that only a turn carries out (a task, a timer, a send): once,
 * until the next turn. Watches and new streams need no such call, because they show at
 * rp_loop_fd(). NULL = nobody wants to know. */
void rp_loop_set_outside(struct rp_loop *loop, void (*fn)(void *user), void *user);

/* ---- timers ---------------------------------------------------------------------------------- */

struct rp_timer;
typedef void rp_timer_fn(struct rp_timer *timer, rp_ns now);

struct rp_timer {
    struct rp_list node; /* private */
    rp_ns deadline;      /* read only while armed */
    rp_timer_fn *fn;
    uint64_t order;       /* private */
    struct rp_loop *loop; /* private */
};

/* O(1), cannot fail. Arms, or moves if armed. A past deadline fires in the next turn's timer
 * phase. */
void rp_timer_arm(struct rp_loop *loop, struct rp_timer *timer, rp_ns deadline, rp_timer_fn *fn);
/* The same for the few timers whose lateness is measured (arrivals). A sleeping thread is woken
 * some 5 to 50 us late. So before such a deadline the loop stops sleeping early, by what
 * rp_loop_set_spin() says, and spins over the rest; what arrives meanwhile is delivered as it
 * comes. Other timers never make the loop spin. A timer is of the kind with which it was armed
 * last. O(precise timers). */
void rp_timer_arm_precise(struct rp_loop *loop, struct rp_timer *timer, rp_ns deadline,
                          rp_timer_fn *fn);
/* How long before a precise deadline the loop stays awake: RP_LOOP_SPIN unless set. 0 = the loop
 * never spins: at 10,000 deadlines a second that saves half of the processor time, and costs some
 * 10 us of lateness. */
#define RP_LOOP_SPIN (50 * RP_US)
void rp_loop_set_spin(struct rp_loop *loop, rp_ns spin);
/* Processor time that was spent on spinning so far, which says nothing about how busy the thread
 * is. The time that other threads had meanwhile is not counted. */
rp_ns rp_loop_spun(const struct rp_loop *loop);
void rp_timer_disarm(struct rp_timer *timer); /* of either kind; no-op when not armed */
/* For giving up a loop whose timers their owners cannot disarm: disarms one of them, whichever, and
 * returns it. NULL when none is left. Slow. */
struct rp_timer *rp_loop_take_timer(struct rp_loop *loop);
static inline bool rp_timer_is_armed(const struct rp_timer *timer)
{
    return rp_list_is_linked(&timer->node);
}

/* ---- deferred tasks -------------------------------------------------------------------------- */

struct rp_task;
typedef void rp_task_fn(struct rp_task *task);

struct rp_task {
    struct rp_list node; /* private */
    rp_task_fn *fn;
};

/* Runs @fn once, in FIFO order; see rp_loop_turn. No-op when already deferred. */
void rp_loop_defer(struct rp_loop *loop, struct rp_task *task, rp_task_fn *fn);
void rp_task_cancel(struct rp_task *task); /* no-op when not deferred */

/* ---- streams --------------------------------------------------------------------------------- */

struct rp_stream;

struct rp_stream_events {
    /* The connect ended: 0, or -errno (the stream is then closed by the loop). */
    void (*connected)(struct rp_stream *stream, int status);
    /* @len > 0 bytes arrived; valid during the call. @at: when the kernel received the last of them,
     * if the stream has receive stamps, else when they were taken from the kernel. Of one stream it
     * never goes backward. */
    void (*data)(struct rp_stream *stream, const char *data, size_t len, rp_ns at);
    /* The peer ended (0 = FIN) or the stream broke (-errno, while sending too). Last callback; the
     * stream is closed. */
    void (*ended)(struct rp_stream *stream, int status, rp_ns at);
    /* For bytes that are made only when they are sent. NULL = there are none. The loop calls it
     * whenever the kernel has accepted all bytes of a send. It sets *ret to the next bytes, which
     * must stay until the next call or until the stream ends or is closed. No bytes: the send has
     * ended. -errno: the send has failed, as if the kernel had said so. It must not call into the
     * stream or the loop. */
    int (*fill)(struct rp_stream *stream, struct rp_slice *ret);
    /* The kernel has not taken all bytes that fill() gave: *rest is left, and has to stay until the
     * next fill(). Bytes in a buffer that is wanted for others are moved away here, and rest->ptr is
     * set to where they are then. -errno fails the send. NULL = they can stay where they are. */
    int (*keep)(struct rp_stream *stream, struct rp_slice *rest);
    /* The peer has ended, and the stream goes on, as a server needs that still has to answer. All
     * that the peer had sent has been delivered. What is sent still reaches the peer. The stream
     * stays open until it is closed or breaks, and a break shows only when something is sent. NULL:
     * the end of the peer is ended(0). */
    void (*half_closed)(struct rp_stream *stream, rp_ns at);
    /* The kernel has accepted the rest of a send, after it had not taken everything at the first
     * offer. Not called for a send that was taken at once. NULL = nobody wants to know. */
    void (*sent)(struct rp_stream *stream);
};

/* What has passed through a stream, at the kernel's edge. */
struct rp_traffic {
    /* Times of the current send: when its first byte was offered to the kernel and when the last
     * was accepted. 0 = not yet. */
    rp_ns send_began, send_ended;
    uint64_t sent, received; /* bytes since the stream was opened */
    /* When the stream has ended and nothing has come since its last send, what TCP knows of that;
     * else 0. For how long the end of the peer had been in the kernel before it was taken, to a tick
     * of the kernel's clock (1 to 10 ms); and the round-trip time in microseconds. */
    rp_ns end_waited;
    uint32_t rtt_us;
    /* The kernel has not taken all bytes of the current send at the first offer. */
    bool in_parts;
};

struct rp_stream {
    const struct rp_stream_events *events; /* set by the caller before rp_stream_connect */
    int fd;                                /* read only; -1 when closed */
    uint32_t out_of_order;                 /* private: segments, when TCP was last asked */
    struct rp_traffic traffic;             /* read only */
    struct rp_loop *loop;                  /* read only; NULL before the first connect */
    struct rp_list send_node;
    const char *out[2]; /* private: what is left of the two parts of the send */
    size_t out_len[2];
    uint64_t received_before; /* private: bytes, when the send was queued */
    uint32_t state;           /* private */
    int error;                /* private: -errno of a failed send until the end is reported */
    rp_ns last_data;          /* private: when its last bytes were received; of stamps only */
    uint64_t token;           /* private */
};

/* Starts a non-blocking TCP connect (TCP_NODELAY set, CLOEXEC). @source may be NULL; else bound
 * first (port 0). Returns 0 and connected() will follow (never from inside this call), or -errno
 * when no descriptor could be had or the kernel refused at once (-EMFILE, -ENFILE, -EADDRNOTAVAIL,
 * ...): then no callback follows. */
RP_NODISCARD int rp_stream_connect(struct rp_loop *loop, struct rp_stream *stream,
                                   const struct sockaddr *addr, socklen_t addr_len,
                                   const struct sockaddr *source, socklen_t source_len);
/* The two halves of rp_stream_connect(), for who tries several addresses at once and makes a stream
 * of one of them only. A socket whose connect has begun, or -errno. */
RP_NODISCARD int rp_connect_begin(const struct sockaddr *addr, socklen_t addr_len,
                                  const struct sockaddr *source, socklen_t source_len);
/* Takes over such a socket, of TCP, whose connect may be over; connected() will follow. -errno: @fd
 * is still the caller's. */
RP_NODISCARD int rp_stream_connect_on(struct rp_loop *loop, struct rp_stream *stream, int fd);
/* Whether the peer has ended a TCP connection, read or not, at the price of a system call. For who
 * is about to send what it must not send twice, some time after the loop has last looked. */
bool rp_stream_peer_has_ended(const struct rp_stream *stream);
/* Takes over a connected non-blocking socket (socketpair, accept). */
RP_NODISCARD int rp_stream_adopt(struct rp_loop *loop, struct rp_stream *stream, int fd);
/* Queues a send of two parts (either may be empty), done at the end of the turn; what fill() gives
 * follows them. The bytes are borrowed until send_ended is set, the stream ends or is closed. One
 * send at a time: -EBUSY while one is in progress. */
RP_NODISCARD int rp_stream_send(struct rp_stream *stream, const char *a, size_t a_len,
                                const char *b, size_t b_len);
/* Sends at once instead of at the end of the turn: for an answer that is ready when the question
 * has come. 0: the kernel has taken everything, and the bytes are the caller's again.
 * RP_STREAM_LEFT: some bytes are left and stay borrowed until sent() or ended(). No clock is read:
 * send_began and send_ended are the time at which the first bytes of the turn came. -EBUSY,
 * -ENOTCONN. */
enum { RP_STREAM_LEFT = 1 };
RP_NODISCARD int rp_stream_send_now(struct rp_stream *stream, const char *a, size_t a_len,
                                    const char *b, size_t b_len);
/* Stops receiving, for a user that has more than it can take. Further bytes, and the end of the
 * peer after them, stay with the kernel, which slows the peer down. With io_uring data() may still
 * be called with bytes that had left the kernel. A send that fails ends the pause, so that the end
 * of the stream can be told. No-op when paused. */
void rp_stream_pause(struct rp_stream *stream);
/* -errno: the stream stays paused. No-op when not paused. */
RP_NODISCARD int rp_stream_resume(struct rp_stream *stream);
/* Ends this side (FIN) and goes on receiving. -EBUSY while a send is in progress, -ENOTCONN. */
RP_NODISCARD int rp_stream_shutdown(struct rp_stream *stream);
/* Notes what TCP knows of an end (rtt_us and end_waited of struct rp_traffic) that the user has seen by
 * itself, before it closes the stream. */
void rp_stream_note_end(struct rp_stream *stream);
/* Closes; no callback follows. @reset: abort with RST rather than FIN (frees the port at once).
 * No-op when closed. */
void rp_stream_close(struct rp_stream *stream, bool reset);
static inline bool rp_stream_is_open(const struct rp_stream *stream)
{
    return stream->loop && stream->fd >= 0;
}

/* ---- receive stamps -------------------------------------------------------------------------- */

struct rp_stamp_user;

/* Somebody for whom data() of TCP streams has the time at which the kernel received the bytes. The
 * loop may look at them much later, when it is busy or stands still, and that is no delay of the
 * server's. Concerns the streams that are connected while there is a user, by whomever; not those
 * that are adopted, nor UNIX sockets. Where the kernel gives no stamp, or one that cannot be, data()
 * has the time of the look. */
struct rp_stamp_user {
    struct rp_list node; /* private */
    /* How long bytes have lain in the kernel before the loop took them. Told of each receive while
     * there are few, and of a thousand a second or so when there are many: @weight is the number of
     * receives for which this one stands. Must not call into the loop. */
    void (*delay)(struct rp_stamp_user *user, rp_ns delay, unsigned weight);
    struct rp_loop *loop; /* private */
};

/* @user is zeroed but for delay(). Keeps a descriptor open as long as there is a user. */
void rp_loop_add_stamp_user(struct rp_loop *loop, struct rp_stamp_user *user);
void rp_loop_remove_stamp_user(struct rp_stamp_user *user); /* no-op when it is none */

/* ---- foreign descriptors --------------------------------------------------------------------- */

struct rp_watch;
enum { RP_READABLE = 1u, RP_WRITABLE = 2u };
/* @ready: RP_READABLE | RP_WRITABLE; errors and hang-ups show as what was asked for.
 * Level-triggered. */
typedef void rp_watch_fn(struct rp_watch *watch, unsigned ready);

struct rp_watch {
    int fd;          /* read only while active; not owned */
    unsigned wanted; /* read only */
    rp_watch_fn *fn;
    struct rp_loop *loop; /* read only; NULL when not active */
    uint64_t token;       /* private */
    uint32_t state;       /* private, the back-end's */
    unsigned seen_in;     /* private: the last turn in which it was ready */
};

/* Watches @fd (at most one watch for a descriptor), or changes what an active watch (same fd)
 * wants. -errno on failure, then all is as before; -EINVAL when nothing is wanted. */
RP_NODISCARD int rp_watch_start(struct rp_loop *loop, struct rp_watch *watch, int fd,
                                unsigned wanted, rp_watch_fn *fn);
/* No-op when the watch is not active. Must be called before the descriptor is closed. */
void rp_watch_stop(struct rp_watch *watch);

/* ---- virtual time ---------------------------------------------------------------------------- */

/* Virtual back-end only: moves the clock to @now without firing (for tests of lateness). */
void rp_loop_virtual_set(struct rp_loop *loop, rp_ns now);
