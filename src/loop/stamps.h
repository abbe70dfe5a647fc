/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/stamps.h - when the kernel received the bytes that a stream is given. Private to the room.
 *
 * The kernel notes for each segment when it came (SO_TIMESTAMPNS), and hands the time of the last
 * segment that a receive touched over with the bytes. That time is CLOCK_REALTIME. The difference
 * to our clock is constant but for steps of the wall clock, so it is measured every 100 ms.
 *
 * No stamp is believed blindly. It must not be later than the time at which the bytes were taken,
 * nor earlier than the stream's last bytes, else the time of taking stands in for it. One that is
 * earlier than the current send belongs to bytes that answer an earlier one, or to a clock that has
 * stepped: the difference is measured again, and shows which.
 *
 * Lost segments are the other danger. Bytes that came after a gap carry the time at which they came,
 * although nobody could read them before the gap was closed: an answer whose first segment was lost
 * would seem to be there before it was. So a stamp is doubted when the loop has looked since then
 * without seeing the bytes, or has slept for longer than that takes. The loop then asks TCP, by a
 * system call, whether segments of the connection have come out of order. If so, the time of taking
 * stands in for the stamp. What is not found out is a gap of less than RP_STAMP_PROMPT, and one that
 * is closed while the loop is so busy that no look shows all that there is.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "loop/loop.h"

/* Control data with nothing but a stamp. */
enum { RP_STAMP_CONTROL = CMSG_SPACE(sizeof(struct timespec)) };

union rp_stamp_control {
    char bytes[RP_STAMP_CONTROL];
    struct cmsghdr head;
};

/* A loop that sleeps takes what comes within this time, unless the thread is kept from running. */
#define RP_STAMP_PROMPT RP_MS
/* A look at the kernel takes less than this, the reading of the clock behind it included. */
#define RP_STAMP_LOOK (100 * RP_US)
/* How long a measured difference of the clocks is trusted without another look. */
#define RP_STAMP_OFFSET_AGE (100 * RP_MS)

struct rp_stamps {
    struct rp_list users; /* of struct rp_stamp_user. Without one new streams have no stamps */
    int switch_fd;        /* -1 = none; keeps the kernel stamping, see stamps.c */
    rp_ns offset;         /* CLOCK_REALTIME less CLOCK_MONOTONIC */
    rp_ns measured;       /* when that was so */
    rp_ns earliest;       /* bytes of this turn that came before it could have been seen before */
    rp_ns wait_began;     /* of this turn's wait; RP_NS_NEVER: it cannot have slept */
    rp_ns seen;           /* all that had come by then is taken */
    /* The last look has shown all that there was, as far as the back-end knows. io_uring knows that
     * only of a look that has shown nothing. */
    bool looked_all;
    /* One delay in so many is told to the users, and so many are left until the next. */
    unsigned step, until_told;
    rp_ns told;
};

void rp_stamps_init(struct rp_stamps *stamps);
void rp_stamps_deinit(struct rp_stamps *stamps);
/* See rp_loop_add_stamp_user(). */
void rp_stamps_add(struct rp_stamps *stamps, struct rp_stamp_user *user);
void rp_stamps_remove(struct rp_stamps *stamps, struct rp_stamp_user *user);

/* Measures the offset anew; @now is the present time. */
void rp_stamps_measure(struct rp_stamps *stamps, rp_ns now);
/* What to make of @time, a stamp that cannot be or that gives rise to doubt: the time, or @at. */
rp_ns rp_stamps_doubt(struct rp_stamps *stamps, struct rp_stream *stream,
                      const struct timespec *stamp, rp_ns at);
/* Tells the users of @delay, and decides which one is told next. */
void rp_stamps_tell(struct rp_stamps *stamps, rp_ns delay, rp_ns at);
/* Asks the kernel for stamps of the socket @fd. False: they are not wanted, or cannot be had. */
bool rp_stamps_ask(const struct rp_stamps *stamps, int fd);

static inline bool rp_stamps_are_wanted(const struct rp_stamps *stamps)
{
    return !rp_list_is_empty(&stamps->users);
}

/* To be called before the next look. @looked: a time after the last look, 0 = not known. */
static inline void rp_stamps_looked(struct rp_stamps *stamps, rp_ns looked)
{
    if (stamps->looked_all && looked)
        stamps->seen = looked - RP_STAMP_LOOK;
    stamps->looked_all = false;
}

/* To be called once in a turn, before its bytes are judged. @at: when the first were taken. */
static inline void rp_stamps_turn(struct rp_stamps *stamps, rp_ns at)
{
    stamps->earliest = stamps->seen;
    if (stamps->wait_began < at - RP_STAMP_PROMPT)
        stamps->earliest = at - RP_STAMP_PROMPT;
    if (at - stamps->measured >= RP_STAMP_OFFSET_AGE)
        rp_stamps_measure(stamps, at);
}

/* When the kernel received bytes of @stream that were taken at @at. @control, @len: the control data
 * that came with them; without a stamp in them the answer is @at. */
static inline rp_ns rp_stamps_read(struct rp_stamps *stamps, struct rp_stream *stream,
                                   const union rp_stamp_control *control, size_t len, rp_ns at)
{
    const struct timespec *stamp = (const struct timespec *)CMSG_DATA(&control->head);
    rp_ns time = at;

    if (RP_LIKELY(len >= CMSG_LEN(sizeof(*stamp)) && control->head.cmsg_type == SCM_TIMESTAMPNS)) {
        time = stamp->tv_sec * RP_S + stamp->tv_nsec - stamps->offset;
        if (RP_UNLIKELY(time < stamps->earliest || time < stream->last_data ||
                        time < stream->traffic.send_began || time > at))
            time = rp_stamps_doubt(stamps, stream, stamp, at);
        if (RP_UNLIKELY(--stamps->until_told == 0))
            rp_stamps_tell(stamps, at - time, at);
    }
    stream->last_data = time;
    return time;
}
