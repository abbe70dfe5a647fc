/* SPDX-License-Identifier: MIT */
#pragma once

/* A worker with a script host that does next to nothing, driven over a socket pair like by a coordinator. */

#include "../loop/harness.h"
#include "worker/worker.h"
#include "stats/store.h"

enum { VUS_MAX = 16, ITERATIONS = 40 };

struct slot {
    struct rp_timer timer;
    struct rp_vu *vu;
};

struct side {
    struct world *world;
    struct rp_script_host script; /* the worker's */
    struct rp_worker *worker;
    struct slot slots[VUS_MAX];
    struct rp_series *series;
    struct rp_task hook_task;
    enum rp_hook hook;
    const struct rp_clients *clients;                 /* the worker's, while it is prepared */
    void (*use)(struct side *side, struct rp_vu *vu); /* what an iteration does; may be NULL */
    int hooks, prepared, released, ended, status, begun;
    size_t packs;      /* bytes of what setup() returned; 0: "data" */
    uint64_t fails_at; /* the allocation of the worker that fails as a hook ends; 0: none */
    bool fails_to_load, fails_to_prepare, hook_fails, never_ends;
    bool has_endless_plan; /* constant-vus instead of a number of iterations */
    /* the coordinator's */
    struct rp_channel channel;
    struct rp_store *store;
    int seen[RP_MSG_COUNT], closed;
    enum rp_message_type last;
    enum rp_encoding encoding; /* of the last one */
    bool totals_differ, is_paused;
    rp_ns elapsed, paused, clock;
    struct rp_worker_health health; /* of `finished`, and two more */
    uint64_t stray_bytes, retried;
    enum rp_message_type stage;
    bool wants_samples, hook_was_ok;
    void (*on_samples)(struct side *side, const struct rp_msg_samples *samples); /* may be NULL */
    void (*on_total)(struct side *side, uint32_t series, const struct rp_value *total); /* too */
    void *user;
};

extern const struct rp_script_ops side_ops;

void side_init(struct side *side, struct world *world);
void side_init_with(struct side *side, struct world *world, struct rp_client_kinds kinds);
void side_deinit(struct side *side);
void tell(struct side *side, enum rp_message_type type);
void tell_and_wait(struct side *side, enum rp_message_type type, enum rp_message_type answer);
void go_to(struct side *side, enum rp_message_type last);
/* What the host does when an iteration is to be interrupted. */
void side_interrupt(struct rp_script_host *host, struct rp_vu *vu);
