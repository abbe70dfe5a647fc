/* SPDX-License-Identifier: MIT */

/* Pings to peers that say nothing: see keepalive.h. The timer is not moved when bytes come: it looks
 * at their time when it fires, so that an answer costs nothing. */

#include "base/alloc.h"
#include "http/keepalive.h"

struct keepalive {
    struct shared *shared;
    rp_http_silent_fn *silent;
    rp_ns time, timeout;
    rp_ns since;  /* when the connection began to be watched */
    rp_ns pinged; /* 0 = no answer is waited for */
    struct rp_timer timer;
};

static void look(struct rp_timer *timer, rp_ns now);

static void arm(struct keepalive *keepalive, rp_ns at)
{
    rp_timer_arm(keepalive->shared->connection->session->client->loop, &keepalive->timer, at, look);
}

static void ask(struct keepalive *keepalive, rp_ns now)
{
    keepalive->pinged = now;
    /* An answer does not move the timer either: it must not make the next PING late. */
    arm(keepalive, rp_ns_add(now, keepalive->timeout < keepalive->time ? keepalive->timeout
                                                                       : keepalive->time));
    keepalive->silent(keepalive->shared, 0, now);
}

static void look(struct rp_timer *timer, rp_ns now)
{
    struct keepalive *keepalive = rp_container_of(timer, struct keepalive, timer);
    struct shared *shared = keepalive->shared;
    rp_ns due = shared->at > keepalive->since ? shared->at : keepalive->since;

    if (!shared->stream_count)
        return; /* the next call arms it */
    if (keepalive->pinged && shared->at < keepalive->pinged) {
        due = rp_ns_add(keepalive->pinged, keepalive->timeout);
        if (now < due)
            arm(keepalive, due);
        else
            keepalive->silent(shared, keepalive->timeout, now);
        return;
    }
    keepalive->pinged = 0;
    due = rp_ns_add(due, keepalive->time);
    if (now < due)
        arm(keepalive, due);
    else
        ask(keepalive, now);
}

void rp_http_keep_alive(struct shared *shared, const struct rp_http_template *template,
                        rp_http_silent_fn *silent)
{
    struct keepalive *keepalive = shared->keepalive;
    rp_ns now = rp_loop_now(shared->connection->session->client->loop);

    if (!keepalive) {
        keepalive = rp_calloc(1, sizeof(*keepalive));
        if (!keepalive)
            return;
        keepalive->shared = shared;
        keepalive->silent = silent;
        shared->keepalive = keepalive;
    }
    if (!keepalive->time || template->keepalive < keepalive->time) {
        keepalive->time = template->keepalive;
        /* A wait of 0 is what silent() is told before there was one. */
        keepalive->timeout = template->keepalive_timeout ? template->keepalive_timeout : 1;
        rp_timer_disarm(&keepalive->timer);
    }
    if (rp_timer_is_armed(&keepalive->timer))
        return;
    keepalive->since = now;
    keepalive->pinged = 0;
    arm(keepalive, rp_ns_add(now, keepalive->time));
}

void rp_http_keepalive_stop(struct keepalive *keepalive)
{
    if (keepalive)
        rp_timer_disarm(&keepalive->timer);
}

void rp_http_keepalive_free(struct keepalive *keepalive)
{
    rp_free(keepalive);
}
