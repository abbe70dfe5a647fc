/* SPDX-License-Identifier: MIT */

/*
 * Workers that die, stop or hang. A run that has lost one is aborted, or goes on with what is left when the user wants
 * that: its share of the load is missing from then on, and the result says from when. Where the run cannot be what it was
 * meant to be at all (before its start, without any worker, in a hook), it always ends.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"

/* A worker tells how it is once a second. */
enum {
    SILENT_MS = 2000,
    EXPLAINED_MS = 1500,
    NAME_MAX_BYTES = 48,
    WHY_MAX = RP_LAST_WORDS_MAX + 1024
};

static size_t count_others(const struct rp_peer *peer)
{
    size_t count = 0;

    RP_EACH_PEER (peer->c, other) {
        count += other != peer;
    }
    return count;
}

bool rp_loss_is_borne(const struct rp_peer *peer)
{
    const struct rp_coordinator *c = peer->c;

    return c->config->bears_losses && c->phase == PHASE_RUNNING && count_others(peer) > 0;
}

void rp_peer_fail(struct rp_peer *peer, enum rp_exit code, const char *fmt, ...)
{
    va_list args;

    rp_free(peer->why);
    va_start(args, fmt);
    peer->why = rp_reason_format(fmt, args);
    va_end(args);
    if (!rp_loss_is_borne(peer))
        rp_result_fail(peer->c->result, code, "%s", peer->why ? peer->why : "a worker was killed");
}

/* ---- one has ended ---------------------------------------------------------------------------------------- */

/* "worker 2 (process 4711)", as users find it. */
static const char *name_of(const struct rp_peer *peer, char *out, size_t size)
{
    int pid = peer->c->result->workers[peer->index].pid;

    if (pid > 0)
        snprintf(out, size, "worker %u (process %d)", peer->index + 1, pid);
    else
        snprintf(out, size, "worker %u", peer->index + 1);
    return out;
}

/* The run could not even begin. */
static void died_early(struct rp_peer *peer, const struct rp_peer_end *end)
{
    struct rp_coordinator *c = peer->c;
    const char *name = peer->body->name;

    if (peer->was_killed)
        c->status = rp_error_set(c->err, -RP_EPEER, "%s", c->result->reason);
    else
        /* One that ends without ever saying hello is no worker: the wrong interpreter, say. */
        c->status = rp_error_set(
            c->err, peer->step == STEP_HELLO && end->is_by_itself ? -RP_EUSER : -RP_EPEER,
            "the worker%s%s%s %s before the test began", name ? " '" : "", name ? name : "",
            name ? "'" : "", end->how);
    if (c->source->hint)
        rp_error_hint(c->err, "%s", c->source->hint);
    if (*rp_peer_last_words(peer))
        rp_error_detail(c->err, rp_peer_last_words(peer));
}

/* "worker 2 (process 4711) was killed by signal 9 (Killed); its last words: ..." */
static char *describe(const struct rp_peer *peer, const char *how)
{
    const char *words = rp_peer_last_words(peer);
    char name[NAME_MAX_BYTES];
    struct rp_buf text;

    rp_buf_init(&text, WHY_MAX);
    rp_buf_appendf(&text, "%s %s%s%s", name_of(peer, name, sizeof(name)), how,
                   *words ? "; its last words: " : "", words);
    return rp_buf_take(&text);
}

static void warn_of_loss(struct rp_peer *peer, const char *what)
{
    struct rp_buf text;

    rp_buf_init(&text, WHY_MAX);
    rp_buf_appendf(&text, "%s: ", what);
    if (peer->step == STEP_RUNNING)
        rp_buf_appendf(&text,
                       "what it measured after %.1f s is missing, and its share of the load (1 of "
                       "%zu) from then on",
                       (double)peer->reported / 1e9, peer->c->peer_count);
    else
        rp_buf_appendf(&text, "its iterations had all ended and are counted, but its totals could "
                              "not be compared with its reports");
    rp_result_warn(peer->c->result, "%s", rp_buf_str(&text));
    rp_buf_deinit(&text);
}

static void note_loss(struct rp_peer *peer, const char *what)
{
    struct rp_coordinator *c = peer->c;
    struct rp_result_worker *worker = &c->result->workers[peer->index];

    peer->is_lost = true;
    rp_free(worker->lost);
    worker->lost = rp_strdup(what);
    worker->lost_from = peer->reported;
    if (c->signals_seen < 2) /* otherwise all are killed, as somebody wanted it */
        warn_of_loss(peer, what);
    if (peer->step != STEP_RUNNING)
        return;
    c->lost++;
    if (rp_merge_loss(peer) < 0)
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "out of memory");
}

/* The run cannot begin; what setup() has made is torn down all the same, once it has ended. */
static void go_back(struct rp_peer *first)
{
    first->c->is_stopping = true;
    if (first->step != STEP_HOOK)
        rp_coordinator_begin_teardown(first->c);
}

/* What the others do about it. */
static void go_on(struct rp_peer *peer, bool is_borne)
{
    struct rp_coordinator *c = peer->c;
    struct rp_peer *first;

    peer->step = STEP_GONE;
    first = rp_peer_first(c);
    if (!first) {
        rp_coordinator_over(c);
    } else if (c->phase == PHASE_RUNNING) {
        if (!is_borne && !c->is_stopping)
            rp_coordinator_stop(c, 0);
        rp_coordinator_check_finished(c);
    } else if (c->phase == PHASE_SETUP && first->index == 0) {
        go_back(first);
    } else if (c->phase < PHASE_TEARDOWN ||
               (c->phase == PHASE_TEARDOWN && first->step != STEP_HOOK)) {
        rp_coordinator_leave(c);
    }
}

void rp_peer_lost(struct rp_peer *peer, const struct rp_peer_end *end)
{
    struct rp_coordinator *c = peer->c;
    bool is_borne = rp_loss_is_borne(peer);
    char *what = peer->why ? rp_strdup(peer->why) : describe(peer, end->how);

    if (!count_others(peer)) {
        if (c->phase == PHASE_RUNNING) /* what it measured last is lost, but not how long it ran */
            c->result->elapsed = rp_coordinator_elapsed(c);
        rp_coordinator_end_pause(c);
    }
    if (c->signals_seen >= 2)
        rp_result_fail(c->result, RP_EXIT_ABORTED, "aborted by a second signal");
    else if (c->phase <= PHASE_LOADING && c->status == 0)
        died_early(peer, end);
    else if (!is_borne && !peer->was_killed && c->result->exit_code != RP_EXIT_SETUP &&
             c->result->exit_code != RP_EXIT_TEARDOWN)
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "%s", what ? what : end->how);
    if (c->started && c->peer_count > 1)
        note_loss(peer, what ? what : end->how);
    rp_free(what);
    go_on(peer, is_borne);
}

/* ---- one says nothing ------------------------------------------------------------------------------------- */

void rp_peer_spoke(struct rp_peer *peer)
{
    rp_ns now = rp_loop_now(peer->c->loop);

    if (peer->is_silent)
        peer->silence += now - peer->heard;
    peer->is_silent = false;
    peer->heard = now;
}

/* Those that listen to events hear of it at once; why it was, the worker may say when it can. */
static void look_at(struct rp_peer *peer)
{
    char name[NAME_MAX_BYTES], text[200];

    if (peer->body->ops->look(peer->body) == RP_PEER_STOPPED) {
        rp_peer_fail(peer, RP_EXIT_INTERNAL, "%s was stopped by a signal",
                     name_of(peer, name, sizeof(name)));
        rp_peer_kill(peer);
        return;
    }
    if (peer->is_silent || peer->step != STEP_RUNNING)
        return;
    peer->is_silent = true;
    snprintf(text, sizeof(text),
             "%s has said nothing for more than 2 s: its script blocks it, or the machine is "
             "overloaded",
             name_of(peer, name, sizeof(name)));
    rp_publish_warning(peer->c, text);
}

void rp_warn_of_silence(struct rp_coordinator *c)
{
    for (size_t i = 0; i < c->peer_count; i++) {
        const struct rp_peer *peer = c->peers[i];
        char text[200];

        if (peer->silence <= c->health[i].blocked + EXPLAINED_MS * RP_MS)
            continue;
        snprintf(
            text, sizeof(text),
            "worker %zu said nothing for %.1f s: the machine is overloaded, or a library keeps "
            "its interpreter",
            i + 1, (double)peer->silence / 1e9);
        rp_result_warn(c->result, "%s", text);
    }
}

void rp_watch_over_peers(struct rp_coordinator *c)
{
    RP_EACH_PEER (c, peer) {
        rp_ns silent = rp_loop_now(c->loop) - peer->heard;

        /* Module code and hooks may take their time without a word, but not while they are stopped. */
        if (silent > SILENT_MS * RP_MS && !peer->was_killed && !peer->has_farewell &&
            !peer->body->ops->shares_thread && !rp_peer_has_answered(peer))
            look_at(peer);
    }
}
