/* SPDX-License-Identifier: MIT */
#include "coordinator/peer_process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "coordinator/process.h"
#include "wire/socket_link.h"

struct body {
    struct rp_peer_body body;
    struct rp_process process;
    struct rp_socket_link link;
    char *const *argv;
};

static struct body *body_of(struct rp_peer_body *body)
{
    return rp_container_of(body, struct body, body);
}

static const struct body *const_body_of(const struct rp_peer_body *body)
{
    return rp_container_of(body, const struct body, body);
}

/* ---- what happens to it ---------------------------------------------------------------------- */

static void on_line(struct rp_process *process, bool is_stderr, const char *text)
{
    struct rp_peer_body *body = &rp_container_of(process, struct body, process)->body;

    body->events->line(body, is_stderr, text);
}

static void on_ended(struct rp_process *process, int status)
{
    struct rp_peer_body *body = &rp_container_of(process, struct body, process)->body;
    char how[128];

    rp_process_describe_status(status, how, sizeof(how));
    body->events->ended(body, &(struct rp_peer_end){ how, WIFEXITED(status) });
}

static const struct rp_process_events process_events = {
    .line = on_line,
    .ended = on_ended,
};

/* ---- what is done with it -------------------------------------------------------------------- */

static int start(struct rp_peer_body *body, struct rp_error *err)
{
    struct body *self = body_of(body);
    int control;
    int r = rp_process_start(&self->process, body->loop, self->argv, &process_events, &control);

    if (r < 0) {
        rp_error_set(err, r, "cannot start the worker '%s': %s", body->name, strerror(-r));
        return r == -ENOENT ? -RP_EUSER : r;
    }
    body->pid = self->process.pid;
    r = rp_socket_link_open(&self->link, body->loop, control);
    if (r < 0)
        close(control);
    else
        body->events->connected(body, &self->link.link);
    return r;
}

static void kill_it(struct rp_peer_body *body)
{
    rp_process_kill(&body_of(body)->process, SIGKILL);
}

static void remind(struct rp_peer_body *body)
{
    rp_process_remind(&body_of(body)->process);
}

static enum rp_peer_state look(const struct rp_peer_body *body)
{
    const struct rp_process *process = &const_body_of(body)->process;

    if (rp_process_has_ended(process))
        return RP_PEER_ENDED;
    return rp_process_is_stopped(process) ? RP_PEER_STOPPED : RP_PEER_RUNS;
}

static const char *last_words(const struct rp_peer_body *body)
{
    return rp_buf_str(&const_body_of(body)->process.last_words);
}

static void free_it(struct rp_peer_body *body)
{
    struct body *self = body_of(body);

    rp_process_deinit(&self->process);
    rp_free(self);
}

static const struct rp_peer_ops process_ops = {
    .start = start,
    .kill = kill_it,
    .remind = remind,
    .look = look,
    .last_words = last_words,
    .free = free_it,
    .overdue = "blocked past its timeout and was killed",
};

/* ---- where they come from -------------------------------------------------------------------- */

static int make(const struct rp_peer_source *source, uint32_t index, struct rp_peer_body **ret)
{
    const struct rp_peer_processes *processes = rp_container_of(
        source, const struct rp_peer_processes, source);
    struct body *self = rp_calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->body = (struct rp_peer_body){ .ops = &process_ops, .name = processes->argv[0] };
    self->argv = processes->argv;
    *ret = &self->body;
    return 0;
}

void rp_peer_processes_init(struct rp_peer_processes *processes, char *const *argv,
                            const char *hint)
{
    *processes = (struct rp_peer_processes){ { .make = make, .hint = hint }, argv };
}
