/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include "base/alloc.h"
#include "proto/h1_request.h"
#include "proto/h2_server.h"

/*
 * What a client may say to a server, in pieces, after its preface. Whatever it is, each request is told of in order (its
 * beginning, a head, a body, an end), ends once, and has a head that the parser of HTTP/1.1 takes whole or refuses; never more
 * are under way than the server allows, and what the server says has a limit. The server may hold a client up and
 * let it go on, have fields behind a body, and reset a stream.
 */

enum {
    HEAD_MAX = 8192,
    TAKEN_MAX = 4 << 20,
    BODY = 40000,
    UNDER_WAY_MAX = RP_H2_SERVER_STREAMS_MAX
};

struct seen {
    struct rp_h2_incoming incoming;
    bool has_head, is_done, is_answered;
    size_t sent;
};

struct run {
    struct rp_h2_session *session;
    struct rp_h2_request *response, *trailers;
    uint8_t choice;
    size_t under_way;
    struct seen *seen[UNDER_WAY_MAX]; /* under way */
};

static struct seen *of_incoming(struct rp_h2_incoming *incoming)
{
    return rp_container_of(incoming, struct seen, incoming);
}

static struct rp_h2_incoming *begins(void *user)
{
    struct run *run = user;
    struct seen *seen;

    rp_assert(run->under_way < UNDER_WAY_MAX);
    if (run->choice & 1 && run->under_way == 3)
        return NULL;
    seen = rp_calloc(1, sizeof(*seen));
    rp_assert(seen);
    run->seen[run->under_way++] = seen;
    return &seen->incoming;
}

static void respond(struct run *run, struct seen *seen, bool has_body)
{
    rp_assert(!seen->is_answered);
    seen->is_answered = true;
    rp_assert(rp_h2_respond(run->session, &seen->incoming, run->response, has_body) == 0);
}

static void parse(struct rp_slice head)
{
    struct rp_h1_request request;
    struct rp_slice none;
    struct rp_buf buf;
    enum rp_h1_event event;

    rp_buf_init(&buf, HEAD_MAX);
    rp_h1_request_reset(&request, &buf);
    event = rp_h1_request_parse(&request, &head, &none);
    rp_assert(event == RP_H1_HEAD ? head.len == 0 : event == RP_H1_ERROR);
    rp_buf_deinit(&buf);
}

static void head(void *user, struct rp_h2_incoming *incoming, struct rp_slice text, bool is_whole)
{
    struct run *run = user;
    struct seen *seen = of_incoming(incoming);

    rp_assert(!seen->has_head);
    seen->has_head = true;
    seen->is_done = is_whole;
    if (text.ptr)
        parse(text);
    if (run->choice & 2)
        rp_assert(rp_h2_say_continue(run->session, incoming) == 0);
    if (is_whole || run->choice & 4)
        respond(run, seen, text.len & 1);
    if (run->choice & 8)
        rp_h2_server_close(run->session);
}

static void body(void *user, struct rp_h2_incoming *incoming, struct rp_slice bytes)
{
    struct run *run = user;

    if (run->choice & 16 && bytes.len & 1)
        rp_h2_server_pause(incoming);
    else
        rp_h2_server_go_on(run->session, incoming);
    if (run->choice & 32 && bytes.len == 7)
        rp_h2_server_reset(run->session, incoming);
    rp_assert(of_incoming(incoming)->has_head && !of_incoming(incoming)->is_done && bytes.len > 0);
}

static void done(void *user, struct rp_h2_incoming *incoming)
{
    struct seen *seen = of_incoming(incoming);

    rp_assert(seen->has_head && !seen->is_done);
    seen->is_done = true;
    if (!seen->is_answered)
        respond(user, seen, true);
}

static struct rp_slice more(void *user, struct rp_h2_incoming *incoming, size_t room,
                            bool *ret_is_last)
{
    static const char text[BODY];
    struct run *run = user;
    struct seen *seen = of_incoming(incoming);
    size_t len = BODY - seen->sent < room ? BODY - seen->sent : room;

    rp_assert(seen->is_answered);
    seen->sent += len;
    *ret_is_last = seen->sent == BODY;
    if (*ret_is_last && run->choice & 16)
        rp_assert(rp_h2_respond_trailers(run->session, incoming, run->trailers) == 0);
    return rp_slice(text, len);
}

static void closed(void *user, struct rp_h2_incoming *incoming, bool got_head)
{
    struct run *run = user;
    struct seen *seen = of_incoming(incoming);
    size_t at = 0;

    rp_assert(got_head == seen->has_head);
    while (at < run->under_way && run->seen[at] != seen)
        at++;
    rp_assert(at < run->under_way);
    run->seen[at] = run->seen[--run->under_way];
    rp_free(seen);
}

static const struct rp_h2_server_events events = {
    .begins = begins,
    .head = head,
    .body = body,
    .done = done,
    .more = more,
    .closed = closed,
};

static void take(struct run *run)
{
    struct rp_buf out;

    rp_buf_init(&out, TAKEN_MAX);
    rp_assert(rp_h2_take(run->session, &out, TAKEN_MAX / 2) == 0);
    rp_buf_deinit(&out);
}

int rp_fuzz_h2_server(const uint8_t *data, size_t size)
{
    static const size_t maxima[] = { HEAD_MAX, 100 };
    struct run run = { 0 };
    size_t piece;

    if (size < 2)
        return 0;
    run.choice = data[0] >> 1;
    piece = data[1] ? data[1] : size;
    rp_assert(rp_h2_response_new(RP_SLICE("HTTP/1.1 200 OK\r\nConnection: close\r\nA: b\r\n\r\n"),
                                 &run.response) == 0);
    rp_assert(rp_h2_trailers_new(RP_SLICE("HTTP/1.1 200 OK\r\nC: d\r\n\r\n"), &run.trailers) == 0);
    rp_assert(rp_h2_server_new(&events, maxima[data[0] & 1], &run, &run.session) == 0);
    rp_assert(rp_h2_receive(run.session, RP_SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == 0);
    for (size_t at = 2; at < size; at += piece) {
        size_t left = size - at, len = piece < left ? piece : left;

        rp_assert(rp_h2_receive(run.session, rp_slice((const char *)data + at, len)) == 0);
        take(&run);
    }
    rp_h2_session_free(run.session);
    rp_h2_request_free(run.response);
    rp_h2_request_free(run.trailers);
    while (run.under_way)
        rp_free(run.seen[--run.under_way]);
    return 0;
}
