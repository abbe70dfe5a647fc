/* SPDX-License-Identifier: MIT */
#include "proto/sse.h"

#include <errno.h>
#include <string.h>

#define RETRY_MAX INT64_C(1000000000000) /* 31 years */

void rp_sse_init(struct rp_sse *sse, size_t max)
{
    *sse = (struct rp_sse){ .retry_ms = -1 };
    rp_buf_init(&sse->line, max);
    rp_buf_init(&sse->data, max);
    rp_buf_init(&sse->type, max);
    rp_buf_init(&sse->id, max);
}

void rp_sse_deinit(struct rp_sse *sse)
{
    rp_buf_deinit(&sse->line);
    rp_buf_deinit(&sse->data);
    rp_buf_deinit(&sse->type);
    rp_buf_deinit(&sse->id);
}

/* Only digits count: else the field is ignored. */
static void take_retry(struct rp_sse *sse, struct rp_slice value)
{
    int64_t number = 0;

    if (!value.len)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return;
        if (number < RETRY_MAX)
            number = number * 10 + (value.ptr[i] - '0');
    }
    sse->retry_ms = number < RETRY_MAX ? number : RETRY_MAX;
}

static void set(struct rp_buf *buf, struct rp_slice value)
{
    rp_buf_reset(buf);
    rp_buf_append_slice(buf, value);
}

static void take_field(struct rp_sse *sse, struct rp_slice name, struct rp_slice value)
{
    if (rp_slice_eq_str(name, "data")) {
        rp_buf_append_slice(&sse->data, value);
        rp_buf_append(&sse->data, "\n", 1);
    } else if (rp_slice_eq_str(name, "event")) {
        set(&sse->type, value);
    } else if (rp_slice_eq_str(name, "id")) {
        if (!value.len || !memchr(value.ptr, '\0', value.len))
            set(&sse->id, value);
    } else if (rp_slice_eq_str(name, "retry")) {
        take_retry(sse, value);
    }
}

static void take_line(struct rp_sse *sse, struct rp_slice line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    size_t len = colon ? (size_t)(colon - line.ptr) : line.len;
    struct rp_slice value = RP_SLICE("");

    if (colon)
        value = rp_slice(colon + 1, line.len - len - 1);
    if (value.len && value.ptr[0] == ' ')
        value = rp_slice(value.ptr + 1, value.len - 1);
    if (len) /* else it is a comment */
        take_field(sse, rp_slice(line.ptr, len), value);
}

/* After a blank line. False when there is no data, and so no event. */
static bool make_event(struct rp_sse *sse, struct rp_sse_event *ret)
{
    if (!sse->data.len) {
        rp_buf_reset(&sse->type);
        return false;
    }
    *ret = (struct rp_sse_event){ .event = sse->type.len ? rp_buf_slice(&sse->type)
                                                         : RP_SLICE("message"),
                                  .data = rp_slice(sse->data.data, sse->data.len - 1),
                                  .id = rp_slice(rp_buf_str(&sse->id), sse->id.len),
                                  .retry_ms = sse->retry_ms };
    sse->was_event = true;
    return true;
}

static void forget_event(struct rp_sse *sse)
{
    sse->was_event = false;
    rp_buf_reset(&sse->data);
    rp_buf_reset(&sse->type);
}

/* The place of the first CR or LF, or the end. */
static size_t find_end(struct rp_slice text)
{
    const char *lf = memchr(text.ptr, '\n', text.len);
    size_t len = lf ? (size_t)(lf - text.ptr) : text.len;
    const char *cr = memchr(text.ptr, '\r', len);

    return cr ? (size_t)(cr - text.ptr) : len;
}

static enum rp_sse_result error_of(const struct rp_sse *sse)
{
    const struct rp_buf *all[] = { &sse->line, &sse->data, &sse->type, &sse->id };
    enum rp_sse_result result = RP_SSE_MORE;

    for (size_t i = 0; i < RP_ARRAY_LEN(all); i++)
        if (all[i]->error)
            result = all[i]->error == -ENOMEM ? RP_SSE_NO_MEMORY : RP_SSE_TOO_LARGE;
    return result;
}

static void advance(struct rp_slice *input, size_t len)
{
    *input = rp_slice(input->ptr + len, input->len - len);
}

/* The line that is whole now. It may be the first one of the stream. */
static struct rp_slice whole_line(struct rp_sse *sse)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct rp_slice line = rp_slice(rp_buf_str(&sse->line), sse->line.len);

    if (!sse->has_begun && line.len >= 3 && memcmp(line.ptr, mark, 3) == 0)
        line = rp_slice(line.ptr + 3, line.len - 3);
    sse->has_begun = true;
    return line;
}

enum rp_sse_result rp_sse_parse(struct rp_sse *sse, struct rp_slice *input,
                                struct rp_sse_event *ret_event)
{
    if (sse->was_event)
        forget_event(sse);
    while (input->len) {
        size_t len;
        bool is_event;
        struct rp_slice line;

        if (sse->skips_lf && input->ptr[0] == '\n')
            advance(input, 1);
        sse->skips_lf = false;
        len = find_end(*input);
        rp_buf_append(&sse->line, input->ptr, len);
        if (sse->line.error)
            return error_of(sse);
        if (len == input->len) {
            advance(input, len);
            break;
        }
        sse->skips_lf = input->ptr[len] == '\r';
        advance(input, len + 1);
        line = whole_line(sse);
        is_event = !line.len && make_event(sse, ret_event);
        if (!line.len && !is_event)
            forget_event(sse);
        if (line.len)
            take_line(sse, line);
        rp_buf_reset(&sse->line);
        if (error_of(sse) != RP_SSE_MORE)
            return error_of(sse);
        if (is_event)
            return RP_SSE_EVENT;
    }
    return RP_SSE_MORE;
}
