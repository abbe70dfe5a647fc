/* SPDX-License-Identifier: MIT */

/*
 * Neither side can be stuck without the other, so nobody waits for this worker to say something:
 * what holds it up holds up the coordinator's timers too. The exception is a hook that waits for
 * something for longer than its time and swallows its cancellation.
 */

#include "coordinator/peer_local.h"

#include <errno.h>

#include "base/alloc.h"
#include "wire/socket_link.h"

struct body {
    struct rp_peer_body body;
    struct rp_task leaving;
    struct rp_socket_link link;
    int fd; /* until it is connected */
};

static struct body *body_of(struct rp_peer_body *body)
{
    return rp_container_of(body, struct body, body);
}

static int start(struct rp_peer_body *body, struct rp_error *err)
{
    struct body *self = body_of(body);
    int r = rp_socket_link_open(&self->link, body->loop, self->fd);

    if (r == 0)
        body->events->connected(body, &self->link.link);
    return r;
}

static void leave(struct rp_task *task)
{
    struct rp_peer_body *body = &rp_container_of(task, struct body, leaving)->body;

    body->events->ended(body, &(struct rp_peer_end){ "was given up", false });
}

static void kill_it(struct rp_peer_body *body)
{
    rp_loop_defer(body->loop, &body_of(body)->leaving, leave);
}

static enum rp_peer_state look(const struct rp_peer_body *body)
{
    return RP_PEER_RUNS;
}

static void free_it(struct rp_peer_body *body)
{
    struct body *self = body_of(body);

    rp_task_cancel(&self->leaving);
    rp_free(self);
}

static const struct rp_peer_ops local_ops = {
    .start = start,
    .kill = kill_it,
    .look = look,
    .free = free_it,
    .overdue = "did not end past its timeout and was given up",
    .ends_with_channel = true,
    .shares_thread = true,
};

static int make(const struct rp_peer_source *source, uint32_t index, struct rp_peer_body **ret)
{
    const struct rp_peer_local *local = rp_container_of(source, const struct rp_peer_local, source);
    struct body *self = rp_calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->body.ops = &local_ops;
    self->fd = local->fd;
    *ret = &self->body;
    return 0;
}

void rp_peer_local_init(struct rp_peer_local *local, int fd)
{
    *local = (struct rp_peer_local){ { .make = make, .max = 1 }, fd };
}
