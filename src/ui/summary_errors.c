/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <string.h>

#include "base/str.h"
#include "run/collect.h"

/*
 * Three kinds, each with a heading that says what they are: requests that failed (outcomes),
 * iterations that a failed request ended because nobody caught it (outcomes), and exceptions of the
 * script (bugs, with a traceback).
 */

enum { MAX_KINDS = 12, MAX_TRACEBACK_LINES = 16 };

static size_t digits(uint64_t number)
{
    size_t count = 1;

    for (; number > 9; number /= 10)
        count++;
    return count;
}

static void heading(struct rp_summary *summary, const char *what, uint64_t count)
{
    char text[80];

    snprintf(text, sizeof(text), "%s: %llu", what, (unsigned long long)count);
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_wrap(summary->out, rp_slice_str(text), summary->width, RP_INDENT, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
}

static void more_line(struct rp_summary *summary, size_t left_out)
{
    if (left_out)
        rp_buf_appendf(summary->out, "    and %zu more kinds, see --out\n", left_out);
}

/* "    231 x what ........ where": @where is shortened first, then @what; @where may be "". */
static void kind_line(struct rp_summary *summary, uint64_t count, size_t count_cols,
                      struct rp_slice what, struct rp_slice where)
{
    size_t room = summary->width - RP_INDENT - 2 - count_cols - 3;
    size_t what_cols = rp_text_cols(what), where_cols = rp_text_cols(where);

    rp_text_fill(summary->out, ' ', RP_INDENT + 2 + count_cols - digits(count));
    rp_summary_ink_on(summary, RP_INK_RED);
    rp_buf_appendf(summary->out, "%llu", (unsigned long long)count);
    rp_summary_ink_off(summary);
    rp_buf_append_str(summary->out, " x ");
    if (!where.len) {
        rp_text_append(summary->out, what, room);
    } else {
        if (where_cols > room / 2 && what_cols + 2 + where_cols > room)
            where_cols = room > what_cols + 2 + room / 2 ? room - what_cols - 2 : room / 2;
        if (what_cols + 2 + where_cols > room)
            what_cols = room - 2 - where_cols;
        rp_text_pad(summary->out, what, what_cols);
        rp_buf_append_str(summary->out, "  ");
        rp_text_append(summary->out, where, where_cols);
    }
    rp_buf_append_str(summary->out, "\n");
}

static bool is_http_status(const struct rp_failed_request *request)
{
    return *request->status && strcmp(request->status, "0") != 0;
}

/* "connection refused (1212)", "status 503" */
void rp_summary_append_kind(struct rp_buf *out, const struct rp_failed_request *request)
{
    if (is_http_status(request)) {
        rp_buf_appendf(out, "status %s", request->status);
        if (*request->error)
            rp_buf_appendf(out, ": %s", request->error);
        return;
    }
    rp_buf_append_str(out, *request->error ? request->error : "request failed");
    if (*request->error_code)
        rp_buf_appendf(out, " (%s)", request->error_code);
}

const char *rp_summary_remedy(const struct rp_failed_requests *failed)
{
    bool is_unknown = false, is_refused = false;

    for (size_t i = 0; i < failed->count; i++) {
        const char *code = failed->items[i].error_code;

        is_unknown |= strcmp(code, "1310") == 0;
        is_refused |= strcmp(code, "1311") == 0 || strcmp(code, "1312") == 0;
    }
    return is_unknown
               ? "--cacert FILE trusts the authority in FILE, --insecure accepts any certificate; "
                 "--once shows what is wrong with one"
           : is_refused ? "--once shows what is wrong with the certificate, --insecure accepts any"
                        : NULL;
}

static void failed_requests(struct rp_summary *summary, const struct rp_failed_requests *failed)
{
    struct rp_buf kind, example;
    const char *remedy;

    if (!failed->count)
        return;
    heading(summary, "failed requests", failed->total);
    rp_buf_init(&kind, RP_COMPOSE_MAX);
    rp_buf_init(&example, RP_COMPOSE_MAX);
    for (size_t i = 0; i < failed->count && i < MAX_KINDS; i++) {
        const struct rp_failed_request *request = &failed->items[i];

        rp_summary_reuse(summary, &kind);
        rp_summary_reuse(summary, &example);
        rp_summary_append_kind(&kind, request);
        rp_buf_appendf(&example, "%s%s%s", request->method,
                       *request->method && *request->name ? " " : "", request->name);
        kind_line(summary, request->count, digits(failed->items[0].count), rp_buf_slice(&kind),
                  rp_buf_slice(&example));
    }
    more_line(summary, failed->count > MAX_KINDS ? failed->count - MAX_KINDS : 0);
    remedy = rp_summary_remedy(failed);
    if (remedy) {
        rp_text_fill(summary->out, ' ', RP_INDENT + 2);
        rp_text_wrap(summary->out, rp_slice_str(remedy), summary->width, RP_INDENT + 2,
                     RP_INDENT + 2);
        rp_buf_append_str(summary->out, "\n");
    }
    rp_summary_done(summary, &kind);
    rp_summary_done(summary, &example);
}

static size_t count_lines(struct rp_slice text)
{
    size_t lines = 0;

    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n' || i + 1 == text.len;
    return lines;
}

/* The last lines say most: the innermost frames and the exception. */
static void traceback(struct rp_summary *summary, const char *text)
{
    struct rp_slice rest = rp_slice_str(text);
    size_t lines = count_lines(rest), skip = 0;
    const size_t indent = RP_INDENT + 6;

    if (lines > MAX_TRACEBACK_LINES)
        skip = lines - MAX_TRACEBACK_LINES;
    for (size_t i = 0; rest.len; i++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct rp_slice line = rp_slice(rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len);

        if (skip && i == 1) {
            rp_text_fill(summary->out, ' ', indent);
            rp_buf_appendf(summary->out, "  (%zu lines left out)\n", skip);
        }
        if (i == 0 || i > skip) {
            rp_text_fill(summary->out, ' ', line.len ? indent : 0);
            rp_summary_ink_on(summary, RP_INK_DIM);
            if (line.len && *line.ptr != ' ') /* what was raised, in full: the rest is code */
                rp_text_wrap(summary->out, line, summary->width, indent + 2, indent);
            else
                rp_text_append(summary->out, line, summary->width - indent);
            rp_summary_ink_off(summary);
            rp_buf_append_str(summary->out, "\n");
        }
        rest = rp_slice(rest.ptr + line.len + (end != NULL), rest.len - line.len - (end != NULL));
    }
}

/* Whether two tracebacks are the same but for their last lines, which say where each was seen
 * first. */
static bool is_same_traceback(const char *a, const char *b)
{
    const char *end = strrchr(a, '\n');
    size_t len = end ? (size_t)(end - a) + 1 : strlen(a);

    return end && rp_slice_eq(rp_slice(a, len), rp_slice(b, strnlen(b, len))) &&
           !strchr(b + len, '\n');
}

/* A mistake in a function that several scenarios call is one kind of error for each of them. */
static bool is_shown_above(const struct rp_result *result, size_t error)
{
    for (size_t i = 0; i < error; i++)
        if (!result->errors[i].is_request && result->errors[i].traceback &&
            is_same_traceback(result->errors[error].traceback, result->errors[i].traceback))
            return true;
    return false;
}

static void same_traceback(struct rp_summary *summary)
{
    rp_text_fill(summary->out, ' ', RP_INDENT + 6);
    rp_summary_ink_on(summary, RP_INK_DIM);
    rp_buf_append_str(summary->out, "(the traceback is the same as above)");
    rp_summary_ink_off(summary);
    rp_buf_append_str(summary->out, "\n");
}

/* "ValueError: bad price", the first line of the message only: the traceback has them all. */
void rp_summary_append_exception(struct rp_buf *out, const struct rp_error_group *group)
{
    const char *message = group->message ? group->message : "";

    rp_buf_append_str(out, group->type ? group->type : "error");
    if (*message) {
        rp_buf_append_str(out, ": ");
        rp_buf_append(out, message, strcspn(message, "\n"));
    }
}

/* Appends the place, and the scenario only where there are several and the line has @room for it:
 * the place says more. */
static void append_place(struct rp_buf *out, const struct rp_error_group *group, size_t room)
{
    size_t place_cols = group->place ? rp_text_cols(rp_slice_str(group->place)) : 0;

    if (group->place)
        rp_buf_append_str(out, group->place);
    if (group->scenario && place_cols + rp_text_cols(rp_slice_str(group->scenario)) + 11 <= room)
        rp_buf_appendf(out, "%sscenario %s", group->place ? ", " : "", group->scenario);
}

struct tally {
    size_t kinds;
    uint64_t sum, most;
};

static struct tally tally_groups(const struct rp_result *result, bool is_request)
{
    struct tally tally = { 0 };

    for (size_t i = 0; i < result->error_count; i++) {
        const struct rp_error_group *group = &result->errors[i];

        if (group->is_request != is_request)
            continue;
        tally.kinds++;
        tally.sum += group->count;
        tally.most = group->count > tally.most ? group->count : tally.most;
    }
    return tally;
}

static void iteration_errors(struct rp_summary *summary, bool is_request)
{
    const struct rp_result *result = summary->result;
    struct tally tally = tally_groups(result, is_request);
    bool is_one_scenario = result->plan && result->plan->scenario_count == 1;
    struct rp_buf what, where;
    size_t shown = 0, used;

    if (!tally.kinds)
        return;
    heading(summary, is_request ? "iterations ended by a failed request" : "script exceptions",
            tally.sum);
    rp_buf_init(&what, RP_COMPOSE_MAX);
    rp_buf_init(&where, RP_COMPOSE_MAX);
    for (size_t i = 0; i < result->error_count && shown < MAX_KINDS; i++) {
        const struct rp_error_group *group = &result->errors[i];

        if (group->is_request != is_request)
            continue;
        rp_summary_reuse(summary, &what);
        rp_summary_reuse(summary, &where);
        rp_summary_append_exception(&what, group);
        used = RP_INDENT + 2 + digits(tally.most) + 3 + rp_text_cols(rp_buf_slice(&what)) + 2;
        append_place(&where, group,
                     is_one_scenario || used > summary->width ? 0 : summary->width - used);
        kind_line(summary, group->count, digits(tally.most), rp_buf_slice(&what),
                  rp_buf_slice(&where));
        if (!is_request && group->traceback && is_shown_above(result, i))
            same_traceback(summary);
        else if (!is_request && group->traceback)
            traceback(summary, group->traceback);
        shown++;
    }
    more_line(summary, tally.kinds - shown);
    rp_summary_done(summary, &what);
    rp_summary_done(summary, &where);
}

void rp_summary_errors(struct rp_summary *summary)
{
    struct rp_failed_requests failed;
    int r = rp_failed_requests_collect(summary->result->store, &failed);

    if (r < 0) {
        rp_summary_fail(summary, r);
        return;
    }
    if (failed.count || summary->result->error_count) {
        rp_summary_title(summary, "ERRORS");
        rp_buf_append_str(summary->out, "\n");
        failed_requests(summary, &failed);
        rp_summary_exchanges(summary);
        iteration_errors(summary, true);
        iteration_errors(summary, false);
    }
    rp_failed_requests_deinit(&failed);
}
