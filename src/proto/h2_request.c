/* SPDX-License-Identifier: MIT */

/* Requests and responses of HTTP/2: their fields, made from a head of HTTP/1.1, and how they are
 * sent. */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/alloc.h"
#include "proto/h2_server.h"
#include "proto/proto_internal.h"

struct rp_h2_request {
    char *head, *scheme, *protocol; /* in which the fields lie */
    nghttp2_nv *fields;
    size_t count;
};

/* What differs in each request would drive what repeats out of the table of HPACK. */
static uint8_t flags_of(struct rp_slice name)
{
    return rp_slice_eq_str(name, "traceparent") ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

static void add(struct rp_h2_request *request, struct rp_slice name, struct rp_slice value)
{
    request->fields[request->count++] = (nghttp2_nv){ .name = (uint8_t *)name.ptr,
                                                      .namelen = name.len,
                                                      .value = (uint8_t *)value.ptr,
                                                      .valuelen = value.len,
                                                      .flags = flags_of(name) };
}

/* RFC 9113, 8.2.2. TE may say "trailers" only. */
static bool is_of_connection(struct rp_slice name, struct rp_slice value)
{
    static const char *const names[] = { "Connection",        "Keep-Alive", "Proxy-Connection",
                                         "Transfer-Encoding", "Upgrade",    "HTTP2-Settings" };

    for (size_t i = 0; i < RP_ARRAY_LEN(names); i++)
        if (rp_slice_ieq(name, rp_slice_str(names[i])))
            return true;
    return rp_slice_ieq(name, RP_SLICE("TE")) && !rp_slice_ieq(value, RP_SLICE("trailers"));
}

/* Up to the next blank of the request line, which is not empty; *line begins behind it. */
static struct rp_slice next_word(struct rp_slice *line)
{
    const char *blank = memchr(line->ptr, ' ', line->len);
    size_t len = blank ? (size_t)(blank - line->ptr) : line->len;
    struct rp_slice word = rp_slice(line->ptr, len);

    *line = rp_slice(line->ptr + len + (blank != NULL), line->len - len - (blank != NULL));
    return word;
}

static size_t count_lines(struct rp_slice head)
{
    size_t lines = 0;

    for (size_t i = 0; i < head.len; i++)
        lines += head.ptr[i] == '\n';
    return lines;
}

static struct rp_slice find_host(struct rp_slice head)
{
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_h1_next_field(head, &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("Host")))
            return value;
    return RP_SLICE("");
}

void rp_h2_append_head(struct rp_slice head, struct rp_slice protocol, struct rp_buf *out)
{
    struct rp_slice line = head, name, value;
    size_t pos = 0;

    rp_buf_append_slice(out, next_word(&line));
    rp_buf_append_str(out, " ");
    rp_buf_append_slice(out, next_word(&line));
    rp_buf_append_str(out, " HTTP/2.0\r\n:authority: ");
    rp_buf_append_slice(out, find_host(head));
    if (protocol.len) {
        rp_buf_append_str(out, "\r\n:protocol: ");
        rp_buf_append_slice(out, protocol);
    }
    while (rp_h1_next_field(head, &pos, &name, &value)) {
        if (rp_slice_ieq(name, RP_SLICE("Host")) || is_of_connection(name, value))
            continue;
        rp_buf_append_str(out, "\r\n");
        for (size_t i = 0; i < name.len; i++) {
            const char c = (char)tolower((unsigned char)name.ptr[i]);

            rp_buf_append(out, &c, 1);
        }
        rp_buf_append_str(out, ": ");
        rp_buf_append_slice(out, value);
    }
    rp_buf_append_str(out, "\r\n\r\n");
}

static void lower(struct rp_slice text)
{
    char *start = (char *)text.ptr; /* of the request's own copy */

    for (size_t i = 0; i < text.len; i++)
        start[i] = (char)tolower((unsigned char)start[i]);
}

/* The names lie in @head, which is the request's own. */
static void add_fields(struct rp_h2_request *request, struct rp_slice head)
{
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_h1_next_field(head, &pos, &name, &value)) {
        if (rp_slice_ieq(name, RP_SLICE("Host")) || is_of_connection(name, value))
            continue;
        lower(name);
        add(request, name, value);
    }
}

/* Of a response, or of what follows its body: with a status or without. */
static int make_response(struct rp_slice head, bool has_status, struct rp_h2_request **ret)
{
    struct rp_h2_request *response = rp_calloc(1, sizeof(*response));
    struct rp_slice copy, line;

    if (!response)
        return -ENOMEM;
    response->head = rp_strndup(head.ptr, head.len);
    response->fields = rp_calloc(count_lines(head) + 1, sizeof(*response->fields));
    if (!response->head || !response->fields) {
        rp_h2_request_free(response);
        return -ENOMEM;
    }
    copy = line = rp_slice(response->head, head.len);
    (void)next_word(&line); /* the version */
    if (has_status)
        add(response, RP_SLICE(":status"), next_word(&line));
    add_fields(response, copy);
    *ret = response;
    return 0;
}

int rp_h2_response_new(struct rp_slice head, struct rp_h2_request **ret)
{
    return make_response(head, true, ret);
}

int rp_h2_trailers_new(struct rp_slice head, struct rp_h2_request **ret)
{
    return make_response(head, false, ret);
}

int rp_h2_request_new(struct rp_slice head, struct rp_slice scheme, struct rp_slice protocol,
                      struct rp_h2_request **ret)
{
    struct rp_h2_request *request = rp_calloc(1, sizeof(*request));
    struct rp_slice copy, line, method, target;

    if (!request)
        return -ENOMEM;
    request->head = rp_strndup(head.ptr, head.len);
    request->scheme = rp_strndup(scheme.ptr, scheme.len);
    request->protocol = rp_strndup(protocol.len ? protocol.ptr : "", protocol.len);
    /* Five pseudo-fields; the request line and the blank line are no fields. */
    request->fields = rp_calloc(count_lines(head) + 5, sizeof(*request->fields));
    if (!request->head || !request->scheme || !request->protocol || !request->fields) {
        rp_h2_request_free(request);
        return -ENOMEM;
    }
    copy = line = rp_slice(request->head, head.len);
    method = next_word(&line);
    target = next_word(&line);
    add(request, RP_SLICE(":method"), method);
    if (protocol.len)
        add(request, RP_SLICE(":protocol"), rp_slice_str(request->protocol));
    if (protocol.len || !rp_slice_eq_str(method, "CONNECT")) {
        add(request, RP_SLICE(":scheme"), rp_slice_str(request->scheme));
        add(request, RP_SLICE(":path"), target);
    }
    add(request, RP_SLICE(":authority"), find_host(copy));
    add_fields(request, copy);
    *ret = request;
    return 0;
}

void rp_h2_request_free(struct rp_h2_request *request)
{
    if (!request)
        return;
    rp_free(request->head);
    rp_free(request->scheme);
    rp_free(request->protocol);
    rp_free(request->fields);
    rp_free(request);
}

/* Asks for the next piece of a body when the last one is used up. */
static int ask(struct rp_h2_session *session, struct rp_h2_stream *stream)
{
    int r;

    if (stream->body.len || !stream->has_more)
        return 0;
    r = session->events->more(session->user, stream, &stream->body);
    stream->has_more = r < 0 || stream->body.len > 0;
    return r;
}

/* Gives the next bytes of a request's body to nghttp2, for a DATA frame. What follows is asked for
 * before it is needed: nghttp2 sends the end of a stream only with the last bytes, or while the window
 * of the server is open. */
static ssize_t read_body(nghttp2_session *nghttp2, int32_t id, uint8_t *out, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct rp_h2_stream *stream = nghttp2_session_get_stream_user_data(nghttp2, id);
    int r = stream ? ask(user, stream) : -ECANCELED;
    size_t len;

    if (r < 0)
        return r == -EAGAIN ? NGHTTP2_ERR_DEFERRED : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    len = stream->body.len < room ? stream->body.len : room;
    if (len) {
        memcpy(out, stream->body.ptr, len);
        stream->body = rp_slice(stream->body.ptr + len, stream->body.len - len);
    }
    r = ask(user, stream);
    if (r < 0 && r != -EAGAIN)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (!stream->body.len && !stream->has_more)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static int submit(struct rp_h2_session *session, struct rp_h2_stream *stream,
                  const struct rp_h2_request *request, struct rp_slice body, bool is_streamed)
{
    const nghttp2_data_provider provider = { .read_callback = read_body };
    struct rp_buf *head = stream->head;
    int32_t id;

    if (!rp_h2_takes_streams(session))
        return -ECONNRESET;
    *stream = (struct rp_h2_stream){ .head = head, .body = body, .has_more = is_streamed };
    id = nghttp2_submit_request(session->nghttp2, NULL, request->fields, request->count,
                                body.len || is_streamed ? &provider : NULL, stream);
    if (id < 0)
        return id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE ? -ECONNRESET : -ENOMEM;
    stream->id = id;
    return 0;
}

int rp_h2_submit(struct rp_h2_session *session, struct rp_h2_stream *stream,
                 const struct rp_h2_request *request, struct rp_slice body)
{
    return submit(session, stream, request, body, false);
}

int rp_h2_submit_streamed(struct rp_h2_session *session, struct rp_h2_stream *stream,
                          const struct rp_h2_request *request)
{
    return submit(session, stream, request, rp_slice(NULL, 0), true);
}

int rp_h2_resume(struct rp_h2_session *session, const struct rp_h2_stream *stream)
{
    if (!stream->id)
        return 0;
    return nghttp2_session_resume_data(session->nghttp2, stream->id) == NGHTTP2_ERR_NOMEM ? -ENOMEM
                                                                                          : 0;
}

/* ---- responses ---- */

/* Gives the next bytes of a response's body to nghttp2, for a DATA frame. */
static ssize_t read_response(nghttp2_session *nghttp2, int32_t id, uint8_t *out, size_t room,
                             uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct rp_h2_session *session = user;
    struct rp_h2_incoming *incoming = nghttp2_session_get_stream_user_data(nghttp2, id);
    bool is_last = false;
    struct rp_slice piece;

    if (!incoming)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    piece = session->server->events->more(session->user, incoming, room, &is_last);
    rp_assert(piece.len <= room);
    if (!piece.len && !is_last)
        return NGHTTP2_ERR_DEFERRED;
    if (is_last)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (incoming->has_trailers)
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (piece.len)
        memcpy(out, piece.ptr, piece.len);
    return (ssize_t)piece.len;
}

int rp_h2_respond(struct rp_h2_session *session, struct rp_h2_incoming *incoming,
                  const struct rp_h2_request *response, bool has_body)
{
    const nghttp2_data_provider provider = { .read_callback = read_response };

    return nghttp2_submit_response(session->nghttp2, incoming->id, response->fields,
                                   response->count, has_body ? &provider : NULL) == 0
               ? 0
               : -ENOMEM;
}

int rp_h2_respond_trailers(struct rp_h2_session *session, struct rp_h2_incoming *incoming,
                           const struct rp_h2_request *trailers)
{
    incoming->has_trailers = true;
    return nghttp2_submit_trailer(session->nghttp2, incoming->id, trailers->fields,
                                  trailers->count) == 0
               ? 0
               : -ENOMEM;
}
