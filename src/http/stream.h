/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/stream.h - a response whose body is read as it comes.
 *
 * The bytes wait in the stream until somebody takes them. When many wait, the connection is paused,
 * and the server is held up by TCP: a body of any size needs some hundred KB. With each piece stands
 * when it arrived, so that a late reader still sees the times of the server.
 *
 * The samples of the request are recorded when its body has ended, or the reader leaves.
 */

#include "http/http.h"

struct rp_http_stream;
/* There is something new: the head, bytes, or the end. Called by a deferred task of the loop, after
 * all that has come in this turn was taken. The stream may be left or freed from here. */
typedef void rp_http_stream_fn(struct rp_http_stream *stream);

struct rp_http_mark { /* one piece as it arrived */
    size_t end;       /* in the bytes that wait */
    rp_ns at;
};

enum { RP_HTTP_MARKS_MAX = 256 };

/* Zeroed and embedded by the caller; must not move or die between start and end. */
struct rp_http_stream {
    /* Of it the caller sets template, response, tags, timeout, limits and max_redirects. The
     * response has status and fields from the head on; when the request fails later, its status
     * becomes 0. */
    struct rp_http_call call;
    rp_http_stream_fn *wake;
    /* read only */
    bool has_head;
    bool has_ended; /* the response says how; bytes may still wait */
    /* After has_head: what the head has said, whatever became of the body, and when the first byte of
     * the request was offered to the kernel. */
    uint16_t status;
    uint8_t version; /* enum rp_http_version */
    rp_ns sent;
    /* private */
    bool is_paused;
    struct rp_loop *loop;
    struct rp_buf bytes;
    size_t taken;   /* of the bytes that wait */
    uint64_t given; /* bytes of the body so far */
    rp_ns last;     /* when the last of them, or the head, came */
    unsigned mark, mark_count;
    struct rp_http_mark marks[RP_HTTP_MARKS_MAX];
    struct rp_task task;
};

/* Never fails, and never calls wake() from inside. */
void rp_http_stream_start(struct rp_http_session *session, struct rp_http_stream *stream);
/* The same for a template that is streamed. -ENOMEM: nothing has begun. */
RP_NODISCARD int rp_http_stream_start_with(struct rp_http_session *session,
                                           struct rp_http_stream *stream,
                                           struct rp_http_body *body);
/* Wakes the reader soon, as if something new had come. */
void rp_http_stream_nudge(struct rp_http_stream *stream);
/* Whether bytes wait. */
static inline bool rp_http_stream_has_bytes(const struct rp_http_stream *stream)
{
    return stream->taken < stream->bytes.len;
}
/* All bytes that wait. They are valid until the stream is used next. */
struct rp_slice rp_http_stream_take(struct rp_http_stream *stream);
/* The bytes of the oldest piece that waits, and when it arrived; they stay. Empty when none waits. */
struct rp_slice rp_http_stream_peek(const struct rp_http_stream *stream, rp_ns *ret_at);
/* Takes the first @len bytes of that piece. */
void rp_http_stream_drop(struct rp_http_stream *stream, size_t len);

/* ---- server-sent events ---- */

/* Where the events of one stream are recorded. */
struct rp_http_events {
    struct rp_series *count, *first, *gap; /* NULL = nowhere */
    rp_ns sent;                            /* when the first byte of the request was offered */
    rp_ns last;                            /* when the last event arrived; 0 = there was none */
};

/* After the head. @template: whose tags the events have. */
void rp_http_begin_events(struct rp_http_events *events, struct rp_http_template *template,
                          const struct rp_http_stream *stream);
/* An event was complete with bytes that arrived at @at. */
void rp_http_record_event(struct rp_http_events *events, rp_ns at);

/* ---- the end ---- */

/* The reader wants no more. A request whose head has come counts as what its status says, with the
 * times until its last bytes came; another one was cancelled, and has failed. No wake() follows, and
 * the bytes that wait are gone. No-op after the end but for that. */
void rp_http_stream_leave(struct rp_http_stream *stream);
/* As rp_http_cancel() and rp_http_interrupt(). */
void rp_http_stream_cancel(struct rp_http_stream *stream, bool record);
void rp_http_stream_interrupt(struct rp_http_stream *stream);
/* Frees what the stream holds. It must not be under way. */
void rp_http_stream_deinit(struct rp_http_stream *stream);
