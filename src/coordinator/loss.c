/* SPDX-License-Identifier: MIT */
#include "coordinator/loss.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/publish.h"
#include "coordinator/state.h"

/* A worker tells how it is once a second. */
enum { SILENT_MS = 2000, EXPLAINED_MS = 1500, WHY_MAX = RP_LAST_WORDS_MAX + 1024 };

static bool is_borne(const struct rp_coordinator *c, const struct rp_peer *peer)
{
    return c->config->bears_losses && c->phase == RP_PHASE_RUNNING && rp_peers_has_other(peer);
}

static struct rp_next kill_it(struct rp_peer *peer)
{
    return (struct rp_next){ .kind = RP_NEXT_KILL, .peer = peer };
}

/* It must be killed, because: fails the run, unless the loss is borne and only noted. */
static struct rp_next kill_because(struct rp_coordinator *c, struct rp_peer *peer, const char *fmt,
                                   ...) RP_PRINTF(3, 4);

static struct rp_next kill_because(struct rp_coordinator *c, struct rp_peer *peer, const char *fmt,
                                   ...)
{
    va_list args;

    rp_free(peer->why);
    va_start(args, fmt);
    peer->why = rp_reason_format(fmt, args);
    va_end(args);
    if (!is_borne(c, peer))
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "%s",
                       peer->why ? peer->why : "a worker was killed");
    return kill_it(peer);
}

/* ---- one has ended --------------------------------------------------------------------------- */

/* The run could not even begin. */
static int died_early(struct rp_coordinator *c, struct rp_peer *peer, const struct rp_peer_end *end)
{
    const char *name = peer->body->name;
    int r;

    if (peer->was_killed)
        r = rp_error_set(c->err, -RP_EPEER, "%s",
                         c->result->reason ? c->result->reason : "a worker was killed");
    else
        /* One that ends without ever saying hello is no worker: the wrong interpreter, say. */
        r = rp_error_set(c->err,
                         peer->step == RP_STEP_HELLO && end->is_by_itself ? -RP_EUSER : -RP_EPEER,
                         "the worker%s%s%s %s before the test began", name ? " '" : "",
                         name ? name : "", name ? "'" : "", end->how);
    if (c->peers.source->hint)
        rp_error_hint(c->err, "%s", c->peers.source->hint);
    if (*rp_peer_last_words(peer))
        rp_error_detail(c->err, rp_peer_last_words(peer));
    return r;
}

/* "worker 2 (process 4711) was killed by signal 9 (Killed); its last words: ..." */
static char *describe(const struct rp_peer *peer, const char *how)
{
    const char *words = rp_peer_last_words(peer);
    char name[RP_PEER_NAME_MAX];
    struct rp_buf text;

    rp_buf_init(&text, WHY_MAX);
    rp_buf_appendf(&text, "%s %s%s%s", rp_peer_name(peer, name), how,
                   *words ? "; its last words: " : "", words);
    return rp_buf_take(&text);
}

static void warn_of_loss(struct rp_coordinator *c, struct rp_peer *peer, const char *what)
{
    if (peer->step == RP_STEP_RUNNING)
        rp_result_warn(c->result,
                       "%s: what it measured after %.1f s is missing, and its share of the load (1 "
                       "of %zu) from then on",
                       what, (double)peer->reported / 1e9, c->peers.count);
    else
        rp_result_warn(c->result,
                       "%s: its iterations had all ended and are counted, but its totals could not "
                       "be compared with its reports",
                       what);
}

static void note_loss(struct rp_coordinator *c, struct rp_peer *peer, const char *what)
{
    struct rp_result_worker *worker = &c->result->workers[peer->index];

    peer->is_lost = true;
    rp_free(worker->lost);
    worker->lost = rp_strdup(what);
    worker->lost_from = peer->reported;
    if (!c->has_killed_all)
        warn_of_loss(c, peer, what);
    if (peer->step == RP_STEP_RUNNING && rp_merge_loss(&c->merging, peer) < 0)
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "out of memory");
}

/* What the others do about it. */
static enum rp_next_kind after_loss(const struct rp_coordinator *c, bool borne)
{
    if (!rp_peers_first(&c->peers))
        return RP_NEXT_LOOK;
    switch (c->phase) {
    case RP_PHASE_HELLO:
    case RP_PHASE_LOADING:
    case RP_PHASE_PLANNING:
        return RP_NEXT_LEAVE;
    case RP_PHASE_SETUP:
        return RP_NEXT_ABANDON;
    case RP_PHASE_RUNNING:
        return borne || c->is_stopping ? RP_NEXT_LOOK : RP_NEXT_STOP;
    default:
        return RP_NEXT_LOOK;
    }
}

struct rp_next rp_loss_of(struct rp_coordinator *c, struct rp_peer *peer,
                          const struct rp_peer_end *end)
{
    bool borne = is_borne(c, peer);
    char *what = peer->why ? rp_strdup(peer->why) : describe(peer, end->how);
    int status = 0;

    if (c->has_killed_all)
        rp_result_fail(c->result, RP_EXIT_ABORTED, "aborted by a second signal");
    else if (c->phase <= RP_PHASE_LOADING && c->status == 0)
        status = died_early(c, peer, end);
    else if (!borne && !peer->was_killed && c->result->exit_code != RP_EXIT_SETUP &&
             c->result->exit_code != RP_EXIT_TEARDOWN)
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "%s", what ? what : end->how);
    if (c->pauses.started && c->peers.count > 1)
        note_loss(c, peer, what ? what : end->how);
    rp_free(what);
    if (peer->step == RP_STEP_RUNNING)
        c->result->is_cut_short = true;
    peer->step = RP_STEP_GONE;
    return (struct rp_next){ .kind = after_loss(c, borne), .status = status };
}

/* ---- one is late ----------------------------------------------------------------------------- */

static struct rp_next hook_overdue(struct rp_coordinator *c, struct rp_peer *peer)
{
    const char *words = rp_peer_last_words(peer);
    bool is_setup = c->phase == RP_PHASE_SETUP;

    rp_result_fail_too(c->result, is_setup ? RP_EXIT_SETUP : RP_EXIT_TEARDOWN, "%s() %s%s%s",
                       is_setup ? "setup" : "teardown", peer->body->ops->overdue,
                       *words ? "; its last words: " : "", words);
    return kill_it(peer);
}

struct rp_next rp_loss_overdue(struct rp_coordinator *c, struct rp_peer *peer)
{
    const char *words = rp_peer_last_words(peer);
    char who[40] = "the worker";

    if (c->peers.count > 1)
        snprintf(who, sizeof(who), "worker %u", peer->index + 1);
    if (peer->is_cut && !peer->has_farewell)
        return kill_because(c, peer, "%s closed its channel and was killed", who);
    if (peer->step == RP_STEP_HOOK)
        return hook_overdue(c, peer);
    if (peer->has_farewell) /* a thread of the script, say: nothing of the run is missing */
        rp_result_warn(c->result, "%s did not end by itself and was killed", who);
    else if (peer->step == RP_STEP_HELLO)
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "%s did not say hello in time and was killed",
                       who);
    else if (peer->step < RP_STEP_RUNNING)
        rp_result_fail(c->result, RP_EXIT_INTERNAL, "%s did not get ready in time and was killed",
                       who);
    else if (c->result->exit_code == RP_EXIT_ABORTED) /* what was wanted has come about */
        rp_result_warn(c->result, "%s did not stop in time and was killed", who);
    else
        return kill_because(c, peer, "%s did not stop in time and was killed%s%s", who,
                            *words ? "; its last words: " : "", words);
    return kill_it(peer);
}

/* ---- one says nothing ------------------------------------------------------------------------ */

struct rp_next rp_loss_look(struct rp_coordinator *c, struct rp_peer *peer)
{
    static const struct rp_next nothing = { .kind = RP_NEXT_NOTHING };
    const struct rp_peer_ops *ops = peer->body->ops;
    char name[RP_PEER_NAME_MAX], text[200];

    if (ops->shares_thread || peer->was_killed || peer->has_farewell ||
        rp_loop_now(c->loop) - peer->heard <= SILENT_MS * RP_MS || rp_peer_has_answered(peer))
        return nothing;
    /* Module code and hooks may take their time without a word, but not while they are stopped. */
    if (ops->look(peer->body) == RP_PEER_STOPPED)
        return kill_because(c, peer, "%s was stopped by a signal", rp_peer_name(peer, name));
    if (peer->is_silent || peer->step != RP_STEP_RUNNING)
        return nothing;
    /* Those that listen to events hear of it at once; why it was, the worker may say when it
     * can. */
    peer->is_silent = true;
    snprintf(text, sizeof(text),
             "%s has said nothing for more than 2 s: its script blocks it, or the machine is "
             "overloaded",
             rp_peer_name(peer, name));
    rp_publish_warning(c, text);
    return nothing;
}

void rp_loss_warn_of_silence(struct rp_coordinator *c)
{
    for (size_t i = 0; i < c->peers.count; i++) {
        rp_ns silence = c->peers.items[i]->silence;

        if (silence > rp_ns_add(c->merging.health[i].blocked, EXPLAINED_MS * RP_MS))
            rp_result_warn(c->result,
                           "worker %zu said nothing for %.1f s: the machine is overloaded, or a "
                           "library keeps its interpreter",
                           i + 1, (double)silence / 1e9);
    }
}
