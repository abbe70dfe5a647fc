/* SPDX-License-Identifier: MIT */
#include "http/stream.h"

#include <errno.h>

#include "http/body.h"

/* Bytes that wait: from so many on the connection is paused, and below so few it goes on. */
enum { PAUSE_AT = 256 * 1024, GO_ON_AT = 64 * 1024, KEEP_MAX = 1 << 20 };
/* One piece that was decoded may be larger than that by far. */
#define WAITING_MAX ((size_t)64 << 20)

static struct rp_http_stream *of_call(struct rp_http_call *call)
{
    return rp_container_of(call, struct rp_http_stream, call);
}

static void wake(struct rp_task *task)
{
    struct rp_http_stream *stream = rp_container_of(task, struct rp_http_stream, task);

    stream->wake(stream);
}

void rp_http_stream_nudge(struct rp_http_stream *stream)
{
    rp_loop_defer(stream->loop, &stream->task, wake);
}

static void take_head(struct rp_http_call *call, rp_ns sent, rp_ns at)
{
    struct rp_http_stream *stream = of_call(call);

    stream->has_head = true;
    stream->status = call->response->status;
    stream->version = call->response->version;
    stream->sent = sent;
    stream->last = at;
    rp_http_stream_nudge(stream);
}

static void pause_if_full(struct rp_http_stream *stream)
{
    if (stream->is_paused || (stream->bytes.len - stream->taken < PAUSE_AT &&
                              stream->mark_count - stream->mark < RP_HTTP_MARKS_MAX))
        return;
    stream->is_paused = true;
    rp_http_pause(&stream->call);
}

/* Forgets what was taken. What the reader was given last stays until then. */
static void make_room(struct rp_http_stream *stream)
{
    size_t taken = stream->taken;

    if (!rp_http_stream_has_bytes(stream)) {
        stream->taken = 0;
        stream->mark = stream->mark_count = 0;
        if (stream->bytes.cap > KEEP_MAX)
            rp_buf_deinit(&stream->bytes);
        rp_buf_reset(&stream->bytes);
    } else if (taken >= PAUSE_AT || (stream->mark && stream->mark_count == RP_HTTP_MARKS_MAX)) {
        rp_buf_consume(&stream->bytes, taken);
        for (unsigned i = stream->mark; i < stream->mark_count; i++)
            stream->marks[i - stream->mark] = (struct rp_http_mark){ stream->marks[i].end - taken,
                                                                     stream->marks[i].at };
        stream->mark_count -= stream->mark;
        stream->mark = 0;
        stream->taken = 0;
    }
}

/* A piece that came with the one before it, or for which there is no mark left, belongs to that. */
static void add_mark(struct rp_http_stream *stream, rp_ns at)
{
    struct rp_http_mark *last = stream->mark_count ? &stream->marks[stream->mark_count - 1] : NULL;

    if (last && last->at == at) {
        last->end = stream->bytes.len;
    } else if (stream->mark_count < RP_HTTP_MARKS_MAX) {
        stream->marks[stream->mark_count++] = (struct rp_http_mark){ stream->bytes.len, at };
    } else {
        *last = (struct rp_http_mark){ stream->bytes.len, at };
    }
}

static int take_data(struct rp_http_call *call, struct rp_slice bytes, rp_ns at)
{
    struct rp_http_stream *stream = of_call(call);

    stream->given += bytes.len;
    stream->last = at;
    if (call->body_max && stream->given > call->body_max)
        return -EMSGSIZE;
    make_room(stream);
    rp_buf_append_slice(&stream->bytes, bytes);
    if (stream->bytes.error)
        return stream->bytes.error;
    add_mark(stream, at);
    pause_if_full(stream);
    rp_http_stream_nudge(stream);
    return 0;
}

static const struct rp_http_reader reader = { .head = take_head, .data = take_data };

static void done(struct rp_http_call *call)
{
    struct rp_http_stream *stream = of_call(call);

    stream->has_ended = true;
    rp_http_stream_nudge(stream);
}

static void prepare(struct rp_http_session *session, struct rp_http_stream *stream)
{
    stream->loop = session->client->loop;
    stream->call.reader = &reader;
    stream->call.done = done;
    rp_buf_init(&stream->bytes, WAITING_MAX);
}

void rp_http_stream_start(struct rp_http_session *session, struct rp_http_stream *stream)
{
    prepare(session, stream);
    rp_http_start(session, &stream->call);
}

int rp_http_stream_start_with(struct rp_http_session *session, struct rp_http_stream *stream,
                              struct rp_http_body *body)
{
    prepare(session, stream);
    return rp_http_start_with(session, &stream->call, body);
}

/* ---- the reader ------------------------------------------------------------------------------ */

static void go_on(struct rp_http_stream *stream)
{
    if (!stream->is_paused || stream->bytes.len - stream->taken > GO_ON_AT)
        return;
    stream->is_paused = false;
    rp_http_go_on(&stream->call);
}

struct rp_slice rp_http_stream_take(struct rp_http_stream *stream)
{
    struct rp_slice all = rp_buf_slice(&stream->bytes);

    if (stream->taken)
        all = rp_slice(all.ptr + stream->taken, all.len - stream->taken);
    stream->taken = stream->bytes.len;
    stream->mark = stream->mark_count;
    go_on(stream);
    return all;
}

struct rp_slice rp_http_stream_peek(const struct rp_http_stream *stream, rp_ns *ret_at)
{
    const struct rp_http_mark *mark = &stream->marks[stream->mark];

    if (!rp_http_stream_has_bytes(stream))
        return rp_slice(NULL, 0);
    *ret_at = mark->at;
    return rp_slice(stream->bytes.data + stream->taken, mark->end - stream->taken);
}

void rp_http_stream_drop(struct rp_http_stream *stream, size_t len)
{
    stream->taken += len;
    if (stream->taken == stream->marks[stream->mark].end)
        stream->mark++;
    go_on(stream);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void end(struct rp_http_stream *stream)
{
    stream->has_ended = true;
    if (stream->loop)
        rp_task_cancel(&stream->task);
    stream->taken = stream->bytes.len;
}

void rp_http_stream_leave(struct rp_http_stream *stream)
{
    if (stream->has_head)
        rp_http_leave(&stream->call, stream->last);
    else
        rp_http_cancel(&stream->call, true);
    end(stream);
}

void rp_http_stream_cancel(struct rp_http_stream *stream, bool record)
{
    rp_http_cancel(&stream->call, record);
    end(stream);
}

void rp_http_stream_interrupt(struct rp_http_stream *stream)
{
    rp_http_interrupt(&stream->call);
    end(stream);
}

void rp_http_stream_deinit(struct rp_http_stream *stream)
{
    rp_assert(!rp_http_is_running(&stream->call));
    if (stream->loop)
        rp_task_cancel(&stream->task);
    rp_buf_deinit(&stream->bytes);
}
