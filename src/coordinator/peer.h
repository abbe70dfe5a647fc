/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/peer.h - the workers of a run as their coordinator holds them, whatever they are made
 * of (peer_kind.h): they begin, are spoken to, are waited for, and end. What follows from that is
 * the owner's to decide, which is told by events.
 *
 * How long a worker is waited for: when what it was told should be over, it is reminded once a
 * second. A worker whose script blocks it interrupts that script then; one that is busy goes on.
 * When that does not help, it is overdue. While iterations run and while it says its last, a worker
 * that still reports is slow and not stuck, and has the patience that is meant for that.
 */

#include "coordinator/peer_kind.h"
#include "wire/channel.h"

enum rp_step {                   /* what a worker was told last, and whether it has answered */
               RP_STEP_HELLO,    /* it was started */
               RP_STEP_LOADING,  /* `load`, and the first worker's plan being made */
               RP_STEP_PLANNING, /* `plan` */
               RP_STEP_SHARING,  /* `share` */
               RP_STEP_READY,    /* idle: before the start or, the first one, after setup */
               RP_STEP_HOOK,     /* `setup` or `teardown` */
               RP_STEP_RUNNING,  /* `start` */
               RP_STEP_FINISHED,
               RP_STEP_LEAVING, /* `exit` */
               RP_STEP_GONE
};

struct rp_peer {
    struct rp_peers *peers;
    uint32_t index; /* from 0; the first one that is left runs setup() and teardown() */
    enum rp_step step;
    int pid;                   /* what users find it by; 0: nothing */
    struct rp_peer_body *body; /* NULL until it is made */
    struct rp_channel channel;
    struct rp_task unsent; /* tells that a message could not be kept, and why */
    int unsent_status;
    /* Waiting for it. */
    struct rp_timer patience, reminder;
    rp_ns limit;               /* when patience ends in every case */
    unsigned patience_changes; /* how often @patience was armed or disarmed */
    bool is_second_look;       /* at a hook that is overdue */
    /* What it has said. */
    rp_ns heard;       /* when the last message came */
    rp_ns silence;     /* how long it was silent for, each time longer than it should be */
    bool is_silent;    /* now, and that was told */
    rp_ns clock_ahead; /* its clock is ahead of ours by so much */
    bool has_told_clock;
    rp_ns reported; /* by its clock: up to here everything it measured is known */
    rp_ns paused;   /* the sum of its pauses, as it has told last */
    bool is_fresh;  /* it has told its state since the last round */
    bool has_farewell;
    /* Its end. */
    bool was_killed; /* by us: the reason is told already */
    bool is_cut;     /* it cannot be spoken with any more, as its channel has ended */
    bool is_lost;
    char *why; /* it was killed, or NULL */
};

/* From the loop. Each may kill workers, and speak with them. */
struct rp_peers_events {
    void (*message)(struct rp_peer *peer, const struct rp_message *message);
    /* Its channel broke or ended: as rp_channel_events.closed(). It may live. */
    void (*closed)(struct rp_peer *peer, int status);
    /* It was not told what it should have been told, and would wait for ever: -ENOMEM, or
     * -EMSGSIZE. */
    void (*unsent)(struct rp_peer *peer, int status);
    void (*line)(struct rp_peer *peer, bool is_stderr, const char *text);
    /* It is no more, and no other event comes of it; it counts as gone once the owner says so. */
    void (*ended)(struct rp_peer *peer, const struct rp_peer_end *end);
    /* Its time is over, whatever it was told. */
    void (*overdue)(struct rp_peer *peer);
};

struct rp_peers {
    struct rp_peer **items; /* in the order of their numbers, also those that have ended */
    size_t count;
    struct rp_loop *loop;
    const struct rp_peer_source *source;
    const struct rp_peers_events *events;
    rp_ns patience; /* for what needs no time of the user's */
};

enum { RP_PATIENCE_S = 10 };

/* ---- all of them ----------------------------------------------------------------------------- */

/* @patience 0: RP_PATIENCE_S. @source and @events are borrowed. */
void rp_peers_init(struct rp_peers *peers, struct rp_loop *loop,
                   const struct rp_peer_source *source, const struct rp_peers_events *events,
                   rp_ns patience);
/* Ends them all. A zeroed list is valid. */
void rp_peers_deinit(struct rp_peers *peers);
/* One more, started. -RP_EUSER and others with @err filled, -ENOMEM; one that did not start counts
 * as gone. */
RP_NODISCARD int rp_peers_start(struct rp_peers *peers, struct rp_error *err, struct rp_peer **ret);

/* The one behind @peer that has not ended; NULL as @peer: the first of them. NULL when there is
 * none. */
struct rp_peer *rp_peers_next(const struct rp_peers *peers, const struct rp_peer *peer);
/* The workers that have not ended. */
#define RP_EACH_PEER(list, peer)                                                                   \
    for (struct rp_peer *peer = rp_peers_next(list, NULL); peer; peer = rp_peers_next(list, peer))
struct rp_peer *rp_peers_first(const struct rp_peers *peers);
/* Whether all that are left have come to @step, and there is one. */
bool rp_peers_are_all(const struct rp_peers *peers, enum rp_step step);
bool rp_peers_is_any(const struct rp_peers *peers, enum rp_step step);
/* Whether a worker is left beside @peer. */
bool rp_peers_has_other(const struct rp_peer *peer);
/* Up to here everything is known that the workers have measured which still run. */
rp_ns rp_peers_reported(const struct rp_peers *peers);
void rp_peers_send(const struct rp_peers *peers, enum rp_message_type type, const void *from);
void rp_peers_kill(const struct rp_peers *peers); /* why, the caller has said */
/* With those that run. */
void rp_peers_be_patient(const struct rp_peers *peers, int times, rp_ns more);
void rp_peers_take_your_time(const struct rp_peers *peers);

/* ---- one of them ----------------------------------------------------------------------------- */

/* With the fields of @from (wire/messages.h); NULL for a message without fields. */
void rp_peer_send(struct rp_peer *peer, enum rp_message_type type, const void *from);
void rp_peer_kill(struct rp_peer *peer); /* why, the caller has said */
/* It has ended, or said its last word: nothing that it still says is heard. */
void rp_peer_close(struct rp_peer *peer);
/* It has said something. */
void rp_peer_spoke(struct rp_peer *peer);
/* In @more it should have done what it was told: then it is reminded, and overdue @times the
 * configured patience later. While iterations run, or once it should leave, once is enough for one
 * that says nothing. */
void rp_peer_be_patient(struct rp_peer *peer, int times, rp_ns more);
void rp_peer_take_your_time(struct rp_peer *peer); /* no limit */
/* It has said its last word, or its channel has ended: it should end now. The two above change
 * nothing for a worker whose channel has ended. */
void rp_peer_expect_end(struct rp_peer *peer);
/* Reads what it has sent. Whether it has answered, or ended: who comes late is not late when it is
 * the coordinator that did not look. */
bool rp_peer_has_answered(struct rp_peer *peer);
/* The end of what it wrote, borrowed; "" when there is nothing. */
const char *rp_peer_last_words(const struct rp_peer *peer);
enum { RP_PEER_NAME_MAX = 48 };
/* "worker 2 (process 4711)", as users find it, into @out, which is returned. */
const char *rp_peer_name(const struct rp_peer *peer, char out[RP_PEER_NAME_MAX]);
