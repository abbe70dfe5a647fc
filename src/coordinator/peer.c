/* SPDX-License-Identifier: MIT */
#include "coordinator/peer.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"

enum { REMIND_S = 1, SECOND_LOOK_S = 1 };

/* ---- all of them ----------------------------------------------------------------------------- */

void rp_peers_init(struct rp_peers *peers, struct rp_loop *loop,
                   const struct rp_peer_source *source, const struct rp_peers_events *events,
                   rp_ns patience)
{
    *peers = (struct rp_peers){ .loop = loop,
                                .source = source,
                                .events = events,
                                .patience = patience > 0 ? patience : RP_PATIENCE_S * RP_S };
}

void rp_peers_deinit(struct rp_peers *peers)
{
    for (size_t i = 0; i < peers->count; i++) {
        struct rp_peer *peer = peers->items[i];

        rp_peer_close(peer);
        if (peer->body)
            peer->body->ops->free(peer->body);
        rp_free(peer->why);
        rp_free(peer);
    }
    rp_free(peers->items);
    peers->items = NULL;
    peers->count = 0;
}

struct rp_peer *rp_peers_next(const struct rp_peers *peers, const struct rp_peer *peer)
{
    for (size_t i = peer ? peer->index + 1 : 0; i < peers->count; i++)
        if (peers->items[i]->step != RP_STEP_GONE)
            return peers->items[i];
    return NULL;
}

struct rp_peer *rp_peers_first(const struct rp_peers *peers)
{
    return rp_peers_next(peers, NULL);
}

bool rp_peers_are_all(const struct rp_peers *peers, enum rp_step step)
{
    RP_EACH_PEER (peers, peer) {
        if (peer->step != step)
            return false;
    }
    return rp_peers_first(peers);
}

bool rp_peers_is_any(const struct rp_peers *peers, enum rp_step step)
{
    RP_EACH_PEER (peers, peer) {
        if (peer->step == step)
            return true;
    }
    return false;
}

bool rp_peers_has_other(const struct rp_peer *peer)
{
    RP_EACH_PEER (peer->peers, other) {
        if (other != peer)
            return true;
    }
    return false;
}

void rp_peers_send(const struct rp_peers *peers, enum rp_message_type type, const void *from)
{
    RP_EACH_PEER (peers, peer) {
        rp_peer_send(peer, type, from);
    }
}

void rp_peers_kill(const struct rp_peers *peers)
{
    RP_EACH_PEER (peers, peer) {
        peer->body->ops->kill(peer->body);
    }
}

rp_ns rp_peers_reported(const struct rp_peers *peers)
{
    rp_ns least = RP_NS_NEVER, most = 0;

    for (size_t i = 0; i < peers->count; i++) {
        const struct rp_peer *peer = peers->items[i];

        if (peer->reported > most)
            most = peer->reported;
        if (peer->step == RP_STEP_RUNNING && peer->reported < least)
            least = peer->reported;
    }
    return least == RP_NS_NEVER ? most : least;
}

/* ---- what happens to one --------------------------------------------------------------------- */

static void on_message(struct rp_channel *channel, const struct rp_message *message)
{
    struct rp_peer *peer = rp_container_of(channel, struct rp_peer, channel);

    peer->peers->events->message(peer, message);
}

static void on_closed(struct rp_channel *channel, int status)
{
    struct rp_peer *peer = rp_container_of(channel, struct rp_peer, channel);

    peer->is_cut = true;
    peer->peers->events->closed(peer, status);
}

static const struct rp_channel_events channel_events = {
    .message = on_message,
    .closed = on_closed,
};

static void on_connected(struct rp_peer_body *body, struct rp_link *link)
{
    struct rp_peer *peer = body->peer;

    rp_channel_open_link(&peer->channel, link, &channel_events);
    if (peer->step == RP_STEP_LEAVING) /* it was told so before it could hear it */
        rp_peer_send(peer, RP_MSG_EXIT, NULL);
}

static void on_line(struct rp_peer_body *body, bool is_stderr, const char *text)
{
    struct rp_peer *peer = body->peer;

    peer->peers->events->line(peer, is_stderr, text);
}

static void on_ended(struct rp_peer_body *body, const struct rp_peer_end *end)
{
    struct rp_peer *peer = body->peer;

    /* Its end is often seen before the last that it said. */
    rp_channel_receive(&peer->channel);
    if (peer->step != RP_STEP_GONE)
        peer->peers->events->ended(peer, end);
}

static const struct rp_peer_events body_events = {
    .connected = on_connected,
    .line = on_line,
    .ended = on_ended,
};

/* ---- its beginning and its end --------------------------------------------------------------- */

static int add(struct rp_peers *peers, struct rp_peer **ret)
{
    struct rp_peer **items = rp_realloc_array(peers->items, peers->count + 1,
                                              sizeof(struct rp_peer *));
    struct rp_peer *peer;

    if (!items)
        return -ENOMEM;
    peers->items = items;
    peer = rp_calloc(1, sizeof(*peer));
    if (!peer)
        return -ENOMEM;
    *peer = (struct rp_peer){ .peers = peers, .index = (uint32_t)peers->count };
    items[peers->count++] = peer;
    *ret = peer;
    return 0;
}

static int start(struct rp_peer *peer, struct rp_error *err)
{
    const struct rp_peer_source *source = peer->peers->source;
    int r = source->make(source, peer->index, &peer->body);

    if (r < 0)
        return r;
    peer->body->events = &body_events;
    peer->body->loop = peer->peers->loop;
    peer->body->peer = peer;
    r = peer->body->ops->start(peer->body, err);
    if (r < 0 && err->message && source->hint)
        rp_error_hint(err, "%s", source->hint);
    return r;
}

int rp_peers_start(struct rp_peers *peers, struct rp_error *err, struct rp_peer **ret)
{
    struct rp_peer *peer;
    int r = add(peers, &peer);

    if (r < 0)
        return r;
    r = start(peer, err);
    if (r < 0) {
        peer->step = RP_STEP_GONE;
        return r;
    }
    peer->pid = peer->body->pid;
    peer->heard = rp_loop_now(peers->loop);
    rp_peer_be_patient(peer, 3, 0);
    *ret = peer;
    return 0;
}

static void stop_waiting(struct rp_peer *peer)
{
    peer->patience_changes++;
    rp_timer_disarm(&peer->reminder);
    rp_timer_disarm(&peer->patience);
}

void rp_peer_kill(struct rp_peer *peer)
{
    peer->was_killed = true;
    peer->body->ops->kill(peer->body);
}

void rp_peer_close(struct rp_peer *peer)
{
    /* What it has left behind may still hold the other end, and has nothing to say. */
    rp_channel_close(&peer->channel);
    rp_task_cancel(&peer->unsent);
    peer->is_cut = true;
    stop_waiting(peer);
}

/* ---- speaking with it ------------------------------------------------------------------------ */

static void tell_unsent(struct rp_task *task)
{
    struct rp_peer *peer = rp_container_of(task, struct rp_peer, unsent);

    peer->peers->events->unsent(peer, peer->unsent_status);
}

void rp_peer_send(struct rp_peer *peer, enum rp_message_type type, const void *from)
{
    int r = rp_channel_send(&peer->channel, type, from);

    /* Any other failure is that of a worker that has died, which is noticed by its end. */
    if (r != -ENOMEM && r != -EMSGSIZE)
        return;
    peer->unsent_status = r;
    rp_loop_defer(peer->peers->loop, &peer->unsent, tell_unsent);
}

void rp_peer_spoke(struct rp_peer *peer)
{
    rp_ns now = rp_loop_now(peer->peers->loop);

    if (peer->is_silent)
        peer->silence += now - peer->heard;
    peer->is_silent = false;
    peer->heard = now;
}

const char *rp_peer_last_words(const struct rp_peer *peer)
{
    const struct rp_peer_ops *ops = peer->body->ops;

    return ops->last_words ? ops->last_words(peer->body) : "";
}

const char *rp_peer_name(const struct rp_peer *peer, char out[RP_PEER_NAME_MAX])
{
    if (peer->pid > 0)
        snprintf(out, RP_PEER_NAME_MAX, "worker %u (process %d)", peer->index + 1, peer->pid);
    else
        snprintf(out, RP_PEER_NAME_MAX, "worker %u", peer->index + 1);
    return out;
}

/* ---- waiting for it -------------------------------------------------------------------------- */

bool rp_peer_has_answered(struct rp_peer *peer)
{
    unsigned before = peer->patience_changes;
    rp_ns heard = peer->heard;

    rp_channel_receive(&peer->channel);
    return peer->patience_changes != before || peer->heard != heard ||
           peer->body->ops->look(peer->body) == RP_PEER_ENDED;
}

/* Then it says something all the time: how it is, or all that it has measured. */
static bool should_report(const struct rp_peer *peer)
{
    return peer->step == RP_STEP_RUNNING || peer->step == RP_STEP_LEAVING;
}

static void patience_lost(struct rp_timer *timer, rp_ns now)
{
    struct rp_peer *peer = rp_container_of(timer, struct rp_peer, patience);
    unsigned before = peer->patience_changes;
    rp_ns silent_until;

    rp_channel_receive(&peer->channel);
    if (peer->patience_changes != before || peer->body->ops->look(peer->body) == RP_PEER_ENDED)
        return;
    silent_until = peer->heard + peer->peers->patience;
    if (should_report(peer) && silent_until > now && peer->limit > now)
        rp_timer_arm(peer->peers->loop, timer,
                     silent_until < peer->limit ? silent_until : peer->limit, patience_lost);
    else
        peer->peers->events->overdue(peer);
}

static void time_is_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_peer *peer = rp_container_of(timer, struct rp_peer, reminder);

    peer->body->ops->remind(peer->body);
    rp_timer_arm(peer->peers->loop, timer, now + REMIND_S * RP_S, time_is_over);
}

/* Its time may have gone by while somebody else held up the thread: then it has not had its turn
 * yet. */
static void hook_overdue(struct rp_timer *timer, rp_ns now)
{
    struct rp_peer *peer = rp_container_of(timer, struct rp_peer, patience);
    struct rp_loop *loop = peer->peers->loop;

    if (peer->is_second_look) {
        peer->peers->events->overdue(peer);
        return;
    }
    peer->is_second_look = true;
    rp_timer_arm(loop, timer, rp_loop_now(loop) + SECOND_LOOK_S * RP_S, hook_overdue);
}

/* One that shares our thread is waited for in hooks only. */
static void wait_for_hook(struct rp_peer *peer, rp_ns due)
{
    stop_waiting(peer);
    if (peer->step != RP_STEP_HOOK)
        return;
    peer->is_second_look = false;
    rp_timer_arm(peer->peers->loop, &peer->patience, rp_ns_add(due, RP_PATIENCE_S * RP_S),
                 hook_overdue);
}

static void wait_for(struct rp_peer *peer, int times, rp_ns more)
{
    struct rp_loop *loop = peer->peers->loop;
    rp_ns due = rp_ns_add(rp_loop_now(loop), more);
    rp_ns patience = peer->peers->patience;

    if (peer->body->ops->shares_thread) {
        wait_for_hook(peer, due);
        return;
    }
    peer->patience_changes++;
    peer->limit = rp_ns_add(due, times * patience);
    if (peer->body->ops->remind)
        rp_timer_arm(loop, &peer->reminder, rp_ns_add(due, REMIND_S * RP_S), time_is_over);
    rp_timer_arm(loop, &peer->patience,
                 should_report(peer) ? rp_ns_add(due, patience) : peer->limit, patience_lost);
}

void rp_peer_be_patient(struct rp_peer *peer, int times, rp_ns more)
{
    if (!peer->is_cut) /* its time for ending runs already */
        wait_for(peer, times, more);
}

void rp_peer_expect_end(struct rp_peer *peer)
{
    wait_for(peer, 1, 0);
}

void rp_peer_take_your_time(struct rp_peer *peer)
{
    if (!peer->is_cut)
        stop_waiting(peer);
}

void rp_peers_be_patient(const struct rp_peers *peers, int times, rp_ns more)
{
    RP_EACH_PEER (peers, peer) {
        if (peer->step == RP_STEP_RUNNING)
            rp_peer_be_patient(peer, times, more);
    }
}

void rp_peers_take_your_time(const struct rp_peers *peers)
{
    RP_EACH_PEER (peers, peer) {
        rp_peer_take_your_time(peer);
    }
}
