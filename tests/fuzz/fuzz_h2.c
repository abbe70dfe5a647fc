/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include <errno.h>

#include "proto/h1.h"
#include "proto/h2.h"

/*
 * What a server may say to a session that has some streams, in pieces. Whatever it is, each stream is told of in order (a
 * head, a body, an end), ends once, and has a head that can be walked; and what the client says has a limit.
 */

enum { STREAMS = 4, TAKEN_MAX = 1 << 20 };

struct seen {
    struct rp_h2_stream h2;
    struct rp_buf head;
    bool has_begun, has_head, has_ended;
    unsigned asked; /* for its body */
};

struct run {
    struct rp_h2_session *session;
    struct seen seen[STREAMS];
    uint8_t choice; /* what the client does when streams end or begin */
};

static struct seen *of_h2(struct rp_h2_stream *h2)
{
    return rp_container_of(h2, struct seen, h2);
}

static void begins(void *user, struct rp_h2_stream *h2)
{
    rp_assert(!of_h2(h2)->has_head && !of_h2(h2)->has_ended);
    of_h2(h2)->has_begun = true;
}

static void interim(void *user, struct rp_h2_stream *h2)
{
    rp_assert(of_h2(h2)->has_begun && !of_h2(h2)->has_head && !of_h2(h2)->has_ended);
    of_h2(h2)->has_begun = false;
}

static void head(void *user, struct rp_h2_stream *h2)
{
    struct seen *seen = of_h2(h2);
    struct rp_slice text = rp_buf_slice(&seen->head), name, value;
    size_t pos = 0, fields = 0, lines = 0;

    rp_assert(seen->has_begun && !seen->has_head && !seen->has_ended);
    rp_assert(h2->status >= 200 && h2->status <= 999);
    seen->has_head = true;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    while (rp_h1_next_field(text, &pos, &name, &value)) {
        rp_assert(rp_h1_is_token(name));
        rp_assert(rp_h1_is_field_value(value));
        fields++;
    }
    rp_assert(fields + 2 == lines);
}

static void body(void *user, struct rp_h2_stream *h2, struct rp_slice bytes)
{
    struct run *run = user;

    rp_assert(of_h2(h2)->has_head && !of_h2(h2)->has_ended && bytes.len > 0);
    if (run->choice & 1)
        rp_h2_end(run->session, h2);
}

static void ended(struct seen *seen)
{
    rp_assert(!seen->has_ended);
    seen->has_ended = true;
}

static void done(void *user, struct rp_h2_stream *h2)
{
    struct run *run = user;

    rp_assert(of_h2(h2)->has_head);
    ended(of_h2(h2));
    rp_h2_end(run->session, h2);
    if (run->choice & 2)
        rp_h2_abandon(run->session);
}

static void failed(void *user, struct rp_h2_stream *h2, enum rp_h2_reason reason, uint32_t code)
{
    struct run *run = user;

    rp_assert(code == 0 || reason <= RP_H2_REFUSED);
    ended(of_h2(h2));
    rp_h2_end(run->session, h2);
}

/* The body of a stream that is made while it is sent: it pauses, ends or fails. */
static int more(void *user, struct rp_h2_stream *h2, struct rp_slice *ret)
{
    static const char text[20000];
    struct run *run = user;
    struct seen *seen = of_h2(h2);

    rp_assert(!seen->has_ended && rp_h2_is_open(h2));
    seen->asked++;
    if (run->choice & 8 && seen->asked % 2)
        return -EAGAIN;
    if (seen->asked > 10)
        return run->choice & 16 ? -EIO : 0;
    *ret = rp_slice(text, sizeof(text));
    return 0;
}

static void given(void *user, struct rp_h2_stream *h2)
{
    rp_assert(rp_h2_is_open(h2));
}

static void changed(void *user)
{
}

static const struct rp_h2_events events = {
    .begins = begins,
    .interim = interim,
    .head = head,
    .body = body,
    .done = done,
    .more = more,
    .failed = failed,
    .given = given,
    .changed = changed,
};

static void take(struct run *run)
{
    struct rp_buf out;

    rp_buf_init(&out, TAKEN_MAX);
    for (size_t i = 0; i < STREAMS; i++)
        rp_assert(rp_h2_resume(run->session, &run->seen[i].h2) == 0);
    rp_assert(rp_h2_take(run->session, &out, TAKEN_MAX / 2) == 0);
    rp_buf_deinit(&out);
}

static void start(struct run *run, struct rp_h2_request *request, size_t head_max)
{
    static const char text[100000];

    for (size_t i = 0; i < STREAMS; i++) {
        struct seen *seen = &run->seen[i];

        rp_buf_init(&seen->head, head_max);
        seen->h2.head = &seen->head;
        if (i == 2 && run->choice & 4)
            rp_assert(rp_h2_submit_streamed(run->session, &seen->h2, request) == 0);
        else
            rp_assert(rp_h2_submit(run->session, &seen->h2, request,
                                   rp_slice(text, i % 2 ? sizeof(text) : 0)) == 0);
    }
    take(run);
}

int rp_fuzz_h2(const uint8_t *data, size_t size)
{
    static const size_t maxima[] = { RP_H1_HEAD_MAX, 4096, 100, 10 };
    struct rp_slice text = RP_SLICE(
        "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nA: b\r\n\r\n");
    struct rp_h2_request *request;
    struct run run = { 0 };
    size_t piece, head_max;

    if (size < 2)
        return 0;
    run.choice = data[0] >> 2;
    head_max = maxima[data[0] & 3];
    piece = data[1] ? data[1] : size;
    rp_assert(rp_h2_session_new(&events, &run, &run.session) == 0);
    rp_assert(rp_h2_request_new(text, RP_SLICE("http"), RP_SLICE(""), &request) == 0);
    start(&run, request, head_max);
    for (size_t at = 2; at < size; at += piece) {
        size_t left = size - at, len = piece < left ? piece : left;

        rp_assert(rp_h2_receive(run.session, rp_slice((const char *)data + at, len)) == 0);
        take(&run);
    }
    rp_h2_session_free(run.session);
    rp_h2_request_free(request);
    for (size_t i = 0; i < STREAMS; i++)
        rp_buf_deinit(&run.seen[i].head);
    return 0;
}
