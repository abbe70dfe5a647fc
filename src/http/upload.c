/* SPDX-License-Identifier: MIT */

/*
 * Bodies that are made while they are sent: pieces of memory and of files, or what a script makes.
 *
 * The transport asks for the next bytes whenever the kernel has taken all there were. When there are
 * none yet, the send ends, and a further one begins when there are more. So a body of any size needs
 * the memory of one piece, and one that grows slowly holds nothing up.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/http_internal.h"

enum { PIECE = 64 * 1024 };
#define PATIENCE RP_S /* for 100 Continue; a server of before HTTP/1.1 says nothing */

/* ---- what is sent ----------------------------------------------------------------------------- */

static int frame(struct rp_http_more *more, struct rp_slice bytes, struct rp_slice *ret)
{
    rp_buf_reset(&more->piece);
    rp_buf_appendf(&more->piece, "%zx\r\n", bytes.len);
    rp_buf_append_slice(&more->piece, bytes);
    rp_buf_append(&more->piece, "\r\n", 2);
    *ret = rp_buf_slice(&more->piece);
    return more->piece.error;
}

static int take_piece(struct rp_http_call *call, struct rp_slice *ret)
{
    const struct rp_http_template *template = call->template;
    struct rp_http_more *more = call->more;
    int r = more->body->ops->next(more->body, ret);

    if (r == -EAGAIN)
        more->upload = UPLOAD_PAUSED;
    if (r < 0)
        return r;
    more->uploaded += ret->len;
    if (!ret->len)
        more->upload = UPLOAD_ENDED;
    if (template->is_chunked)
        return 0;
    /* It has become longer, or shorter: then the server waits for the rest. */
    return ret->len ? more->uploaded > template->streamed_bytes ? -EIO : 0
           : more->uploaded < template->streamed_bytes ? -EIO
                                                       : 0;
}

int rp_http_fill(struct rp_transport *transport, struct rp_slice *ret)
{
    struct connection *connection = transport->user;
    struct rp_http_call *call = connection->call;
    struct rp_http_more *more = call ? call->more : NULL;
    struct rp_slice bytes = { NULL, 0 };
    int r;

    *ret = bytes;
    if (connection->state != CONNECTION_UPLOADING || !more || more->upload != UPLOAD_RUNS)
        return 0;
    r = take_piece(call, &bytes);
    if (r < 0)
        return r == -EAGAIN ? 0 : r;
    if (more->upload == UPLOAD_ENDED && more->is_kept)
        connection->parser.keep_alive = true;
    *ret = bytes;
    if (!call->template->is_chunked)
        return 0;
    if (bytes.len)
        return frame(more, bytes, ret);
    *ret = RP_SLICE("0\r\n\r\n");
    return 0;
}

int rp_http_next_piece(struct rp_http_call *call, struct rp_slice *ret)
{
    *ret = rp_slice(NULL, 0);
    return call->more->upload == UPLOAD_RUNS ? take_piece(call, ret) : -EAGAIN;
}

/* Sends what there is. The time of the request is that of its first byte. */
static void go_on(struct connection *connection)
{
    struct rp_http_more *more = connection->call->more;
    const struct rp_traffic *traffic = connection->traffic;

    more->upload = UPLOAD_RUNS;
    if (connection->is_stream) {
        connection->session->client->h2->resume(connection);
        return;
    }
    if (!more->send_began)
        more->send_began = traffic->send_began;
    /* The connection may have broken: its end tells that. */
    (void)!rp_transport_send(connection->stack.top, rp_slice(NULL, 0), rp_slice(NULL, 0));
}

bool rp_http_has_begun(const struct connection *connection)
{
    return connection->state == CONNECTION_UPLOADING && connection->call &&
           connection->call->more && connection->call->more->send_began;
}

void rp_http_body_ready(struct rp_http_call *call)
{
    if (call->connection && call->more && call->more->upload == UPLOAD_PAUSED)
        go_on(call->connection);
}

bool rp_http_has_stopped(const struct rp_http_call *call)
{
    return call->more && call->more->upload == UPLOAD_STOPPED;
}

static void no_answer(struct rp_timer *timer, rp_ns now)
{
    struct rp_http_call *call = rp_container_of(timer, struct rp_http_call, timer);

    if (call->connection && call->more && call->more->upload == UPLOAD_WAITS)
        go_on(call->connection);
}

int rp_http_begin_upload(struct connection *connection)
{
    struct rp_loop *loop = connection->session->client->loop;
    struct rp_http_call *call = connection->call;
    struct rp_http_more *more = call->more;
    int r = more->body->ops->rewind(more->body);

    if (r < 0)
        return r;
    more->upload = call->template->expects_continue ? UPLOAD_WAITS : UPLOAD_RUNS;
    more->uploaded = 0;
    more->send_began = 0;
    more->is_kept = false;
    if (more->upload == UPLOAD_WAITS)
        rp_timer_arm(loop, &call->timer, rp_ns_add(rp_loop_now(loop), PATIENCE), no_answer);
    return 0;
}

int rp_http_upload(struct connection *connection, const struct rp_transport_events *events)
{
    int r = rp_http_begin_upload(connection);

    if (r < 0)
        return r;
    rp_transport_set_events(connection->stack.top, events);
    connection->state = CONNECTION_UPLOADING;
    connection->parser.seen |= RP_H1_SEEN_UPLOAD;
    return rp_transport_send(connection->stack.top, rp_http_head_of(connection->call),
                             rp_slice(NULL, 0));
}

bool rp_http_can_repeat(const struct rp_http_call *call)
{
    return !call->template->is_streamed || call->more->body->ops->rewind(call->more->body) == 0;
}

void rp_http_note_upload(struct connection *connection, bool is_interim)
{
    struct rp_http_call *call = connection->call;
    struct rp_http_more *more = call->more;

    if (is_interim) {
        if (more->upload == UPLOAD_WAITS) {
            rp_timer_disarm(&call->timer);
            go_on(connection);
        }
        return;
    }
    rp_timer_disarm(&call->timer);
    if (more->upload == UPLOAD_ENDED)
        return;
    /* A request that is fine goes on while its answer comes, as curl has it. Should the answer end first,
     * the rest is not sent, and with HTTP/1 nobody could tell where a further request begins. */
    if (connection->parser.status < 300 &&
        (connection->is_stream || more->upload != UPLOAD_WAITS)) {
        more->is_kept = connection->parser.keep_alive;
        connection->parser.keep_alive = false;
        if (more->upload == UPLOAD_WAITS)
            go_on(connection);
        return;
    }
    more->upload = UPLOAD_STOPPED;
    connection->parser.keep_alive = false;
}

/* ---- pieces of memory and of files ------------------------------------------------------------ */

static struct rp_http_parts *of_body(struct rp_http_body *body)
{
    return rp_container_of(body, struct rp_http_parts, body);
}

static int read_piece(struct rp_http_parts *self, const struct rp_http_part *part,
                      struct rp_slice *ret)
{
    uint64_t left = part->len - self->at;
    ssize_t n;

    if (!self->buffer && !(self->buffer = rp_alloc(PIECE)))
        return -ENOMEM;
    do
        n = pread(part->fd, self->buffer, left < PIECE ? (size_t)left : PIECE,
                  part->offset + (off_t)self->at);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? -errno : -EIO; /* it has become shorter */
    *ret = rp_slice(self->buffer, (size_t)n);
    return 0;
}

static int parts_next(struct rp_http_body *body, struct rp_slice *ret)
{
    struct rp_http_parts *self = of_body(body);
    const struct rp_http_part *part;
    int r = 0;

    while (self->index < self->count && self->at == self->parts[self->index].len) {
        self->index++;
        self->at = 0;
    }
    if (self->index == self->count)
        return 0;
    part = &self->parts[self->index];
    if (part->fd < 0)
        *ret = rp_slice(part->data, (size_t)part->len);
    else
        r = read_piece(self, part, ret);
    if (r == 0)
        self->at += ret->len;
    return r;
}

static int parts_rewind(struct rp_http_body *body)
{
    struct rp_http_parts *self = of_body(body);

    self->index = 0;
    self->at = 0;
    return 0;
}

static const struct rp_http_body_ops parts_ops = { .next = parts_next, .rewind = parts_rewind };

int rp_http_parts_new(size_t count, struct rp_http_parts **ret)
{
    struct rp_http_parts *self = rp_calloc(1, sizeof(*self) + count * sizeof(*self->parts));

    if (!self)
        return -ENOMEM;
    self->body.ops = &parts_ops;
    self->count = count;
    for (size_t i = 0; i < count; i++)
        self->parts[i].fd = -1;
    *ret = self;
    return 0;
}

uint64_t rp_http_parts_size(const struct rp_http_parts *parts)
{
    uint64_t size = 0;

    for (size_t i = 0; i < parts->count; i++)
        size += parts->parts[i].len;
    return size;
}

void rp_http_parts_free(struct rp_http_parts *parts)
{
    if (!parts)
        return;
    for (size_t i = 0; i < parts->count; i++)
        if (parts->parts[i].fd >= 0)
            close(parts->parts[i].fd);
    rp_free(parts->buffer);
    rp_free(parts);
}
