/* SPDX-License-Identifier: MIT */

/* The workers, as the coordinator holds them: they begin, are spoken to, and end. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"

/* ---- all of them ------------------------------------------------------------------------------------------ */

struct rp_peer *rp_peer_first(struct rp_coordinator *c)
{
    for (size_t i = 0; i < c->peer_count; i++)
        if (c->peers[i]->step != STEP_GONE)
            return c->peers[i];
    return NULL;
}

bool rp_peers_are_all(struct rp_coordinator *c, enum step step)
{
    RP_EACH_PEER (c, peer) {
        if (peer->step != step)
            return false;
    }
    return rp_peer_first(c);
}

void rp_peers_send(struct rp_coordinator *c, enum rp_message_type type, const void *from)
{
    RP_EACH_PEER (c, peer) {
        rp_peer_send(peer, type, from);
    }
}

void rp_peers_kill(struct rp_coordinator *c)
{
    RP_EACH_PEER (c, peer) {
        peer->body->ops->kill(peer->body);
    }
}

rp_ns rp_peers_reported(const struct rp_coordinator *c)
{
    rp_ns least = RP_NS_NEVER, most = 0;

    for (size_t i = 0; i < c->peer_count; i++) {
        const struct rp_peer *peer = c->peers[i];

        if (peer->reported > most)
            most = peer->reported;
        if (peer->step == STEP_RUNNING && peer->reported < least)
            least = peer->reported;
    }
    return least == RP_NS_NEVER ? most : least;
}

void rp_peers_free(struct rp_coordinator *c)
{
    for (size_t i = 0; i < c->peer_count; i++) {
        struct rp_peer *peer = c->peers[i];

        rp_timer_disarm(&peer->patience);
        rp_timer_disarm(&peer->reminder);
        rp_channel_close(&peer->channel);
        if (peer->body)
            peer->body->ops->free(peer->body);
        rp_free(peer->why);
        rp_free(peer);
    }
    rp_free(c->peers);
    c->peers = NULL;
    c->peer_count = 0;
}

/* ---- one of them ------------------------------------------------------------------------------------------ */

/* Its place in the result, which shows once it has said hello. */
static int add_worker(struct rp_result *result, size_t index)
{
    struct rp_result_worker *workers = rp_realloc_array(result->workers, index + 1,
                                                        sizeof(*workers));

    if (!workers)
        return -ENOMEM;
    result->workers = workers;
    workers[index] = (struct rp_result_worker){ .id = (uint32_t)index + 1 };
    return 0;
}

int rp_peer_new(struct rp_coordinator *c, struct rp_peer **ret)
{
    struct rp_peer **peers = rp_realloc_array(c->peers, c->peer_count + 1,
                                              sizeof(struct rp_peer *));
    struct rp_worker_health *health = rp_realloc_array(c->health, c->peer_count + 1,
                                                       sizeof(*health));
    struct rp_peer *peer;

    if (peers)
        c->peers = peers;
    if (health)
        c->health = health;
    if (!peers || !health)
        return -ENOMEM;
    health[c->peer_count] = (struct rp_worker_health){ 0 };
    if (add_worker(c->result, c->peer_count) < 0)
        return -ENOMEM;
    peer = rp_calloc(1, sizeof(*peer));
    if (!peer)
        return -ENOMEM;
    *peer = (struct rp_peer){ .c = c, .index = (uint32_t)c->peer_count };
    peers[c->peer_count++] = peer;
    *ret = peer;
    return 0;
}

void rp_peer_send(struct rp_peer *peer, enum rp_message_type type, const void *from)
{
    /* A worker that cannot be written to has died: that is noticed by its end. */
    (void)rp_channel_send(&peer->channel, type, from);
}

void rp_peer_gone(struct rp_peer *peer)
{
    peer->step = STEP_GONE;
    if (!rp_peer_first(peer->c))
        rp_coordinator_over(peer->c);
}

/* ---- what it is made of ----------------------------------------------------------------------------------- */

static int on_connected(struct rp_peer_body *body, int fd)
{
    struct rp_peer *peer = body->peer;

    return rp_channel_open(&peer->channel, peer->c->loop, fd, &rp_coordinator_channel_events);
}

static void on_line(struct rp_peer_body *body, bool is_stderr, const char *text)
{
    rp_publish_line(body->peer->c, is_stderr, text);
}

void rp_peer_ended(struct rp_peer *peer, const struct rp_peer_end *end)
{
    if (peer->step == STEP_GONE)
        return;
    /* What it has left behind may still hold the other end, and has nothing to say. */
    rp_channel_close(&peer->channel);
    rp_peer_take_your_time(peer);
    if (peer->has_farewell || (peer->c->phase == PHASE_LEAVING && peer->c->status < 0))
        rp_peer_gone(peer);
    else
        rp_peer_lost(peer, end);
}

static void on_ended(struct rp_peer_body *body, const struct rp_peer_end *end)
{
    /* Its end is often seen before the last that it said. */
    rp_channel_receive(&body->peer->channel);
    rp_peer_ended(body->peer, end);
}

static const struct rp_peer_events body_events = {
    .connected = on_connected,
    .line = on_line,
    .ended = on_ended,
};

const char *rp_peer_last_words(const struct rp_peer *peer)
{
    const struct rp_peer_ops *ops = peer->body->ops;

    return ops->last_words ? ops->last_words(peer->body) : "";
}

static int start(struct rp_peer *peer)
{
    struct rp_coordinator *c = peer->c;
    int r = c->source->make(c->source, peer->index, &peer->body);

    if (r < 0)
        return r;
    peer->body->events = &body_events;
    peer->body->loop = c->loop;
    peer->body->peer = peer;
    r = peer->body->ops->start(peer->body, c->err);
    if (r < 0 && c->err->message && c->source->hint)
        rp_error_hint(c->err, "%s", c->source->hint);
    return r;
}

int rp_peer_start(struct rp_peer *peer)
{
    int r = start(peer);

    if (r < 0) {
        peer->step = STEP_GONE;
        return r;
    }
    peer->c->result->workers[peer->index].pid = peer->body->pid; /* for one that never says hello */
    peer->heard = rp_loop_now(peer->c->loop);
    rp_peer_be_patient(peer, 3, 0);
    return 0;
}
