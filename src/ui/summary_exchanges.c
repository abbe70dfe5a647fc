/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ui/summary.h"

/* The first failed exchange of each kind on one line. What a server says with an error often says
 * what is wrong; the rest of it is in the result file. */

enum { MAX_KINDS = 12 };

static bool is_same_kind(const struct rp_exchange *a, const struct rp_exchange *b)
{
    return a->status == b->status && a->error_code == b->error_code &&
           rp_slice_eq(a->name, b->name);
}

static struct rp_slice first_line(struct rp_slice text)
{
    const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;

    return rp_slice(text.ptr, end ? (size_t)(end - text.ptr) : text.len);
}

/* The first word of the request line. */
static struct rp_slice method_of(const struct rp_exchange *exchange)
{
    struct rp_slice line = first_line(exchange->request_head);
    const char *blank = line.len ? memchr(line.ptr, ' ', line.len) : NULL;

    return rp_slice(line.ptr, blank ? (size_t)(blank - line.ptr) : 0);
}

/* The error, or "503 Service Unavailable: out of stock". */
static void append_what(struct rp_buf *out, const struct rp_exchange *exchange)
{
    struct rp_slice line = first_line(exchange->response_head);
    const char *blank = line.len ? memchr(line.ptr, ' ', line.len) : NULL;

    if (blank) /* behind the version */
        line = rp_slice(blank + 1, line.len - (size_t)(blank + 1 - line.ptr));
    if (exchange->error.len) { /* of gRPC it says more than the answer of HTTP */
        rp_buf_append_slice(out, exchange->error);
        return;
    }
    rp_buf_append_slice(out, line);
    if (exchange->response_body.text.len) {
        rp_buf_append_str(out, ": ");
        rp_buf_append_slice(out, first_line(exchange->response_body.text));
    }
}

/* What came back, and what had been asked, which is shortened first. */
static void exchange_line(struct rp_summary *summary, const struct rp_exchange *exchange)
{
    size_t room = summary->width - RP_INDENT - 2 - 2, what_cols, where_cols;
    struct rp_buf what, where;

    rp_buf_init(&what, RP_COMPOSE_MAX);
    rp_buf_init(&where, RP_COMPOSE_MAX);
    append_what(&what, exchange);
    rp_buf_append_slice(&where, method_of(exchange));
    rp_buf_append_str(&where, where.len ? " " : "");
    rp_buf_append_slice(&where, exchange->name);
    what_cols = rp_text_cols(rp_buf_slice(&what));
    where_cols = rp_text_cols(rp_buf_slice(&where));
    if (what_cols + where_cols > room) {
        where_cols = what_cols < room - room / 3 ? room - what_cols
                                                 : (where_cols < room / 3 ? where_cols : room / 3);
        what_cols = what_cols < room - where_cols ? what_cols : room - where_cols;
    }
    rp_text_fill(summary->out, ' ', RP_INDENT + 2);
    if (what_cols)
        rp_text_pad(summary->out, rp_buf_slice(&what), what_cols);
    rp_buf_append_str(summary->out, "  ");
    rp_text_append(summary->out, rp_buf_slice(&where), where_cols);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &what);
    rp_summary_done(summary, &where);
}

void rp_summary_exchanges(struct rp_summary *summary)
{
    const struct rp_exchanges *exchanges = &summary->result->exchanges;
    const struct rp_plan *plan = summary->result->plan;
    const struct rp_exchange *last = NULL;
    size_t kinds = 0;

    if (!exchanges->count || (plan && plan->once)) /* --once has shown them all */
        return;
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_wrap(
        summary->out,
        RP_SLICE("first request of each kind (headers and bodies are in the file of --out):"),
        summary->width, RP_INDENT, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    for (size_t i = 0; i < exchanges->count; i++) {
        const struct rp_exchange *exchange = rp_exchanges_get(exchanges, i);

        if (last && is_same_kind(last, exchange))
            continue;
        last = exchange;
        if (kinds++ < MAX_KINDS)
            exchange_line(summary, exchange);
    }
    if (kinds > MAX_KINDS)
        rp_buf_appendf(summary->out, "    and %zu more kinds, see --out\n", kinds - MAX_KINDS);
}
