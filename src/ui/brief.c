/* SPDX-License-Identifier: MIT */
#include "ui/brief.h"

#include <string.h>

#include "run/collect.h"
#include "ui/summary.h"

enum { BRIEF_MAX = 64 << 20 };

static void begin(struct rp_summary *brief, const char *ink, const char *word)
{
    rp_summary_inked(brief, ink, word);
    rp_buf_append_str(brief->out, " ");
}

static void begin_error(struct rp_summary *brief)
{
    begin(brief, RP_INK_BOLD RP_INK_RED, "error:");
}

static void append_text(struct rp_summary *brief, const char *text)
{
    rp_text_append(brief->out, rp_slice_str(text), SIZE_MAX);
}

static void end(struct rp_summary *brief)
{
    rp_buf_append_str(brief->out, "\n");
}

static bool is_reason(const struct rp_result *result, const struct rp_result_warning *warning)
{
    return result->reason && strcmp(result->reason, warning->text) == 0;
}

/* An output that could not be finished is an error of the program, which says it with its remedy.
 * One that has lost data is a warning too. */
static bool is_said_elsewhere(const struct rp_result *result)
{
    for (size_t i = 0; i < result->warning_count; i++)
        if (is_reason(result, &result->warnings[i]))
            return false;
    return result->exit_code == RP_EXIT_OUTPUT;
}

static void reason(struct rp_summary *brief)
{
    if (!brief->result->reason || is_said_elsewhere(brief->result))
        return;
    begin_error(brief);
    append_text(brief, brief->result->reason);
    end(brief);
}

/* "http_req_duration p(95)<50: actual 62.08ms" */
static void thresholds(struct rp_summary *brief)
{
    const struct rp_result *result = brief->result;
    size_t count = result->plan && result->verdicts ? result->plan->threshold_count : 0;
    char actual[RP_ACTUAL_SIZE];

    for (size_t i = 0; i < count; i++) {
        if (result->verdicts[i].passed)
            continue;
        begin_error(brief);
        append_text(brief, result->plan->thresholds[i].display);
        rp_buf_append_str(brief->out, " ");
        append_text(brief, result->plan->thresholds[i].source);
        rp_buf_append_str(brief->out, rp_summary_actual(result, result->verdicts, i, actual)
                                          ? ": actual "
                                          : ": ");
        rp_buf_append_str(brief->out, actual);
        end(brief);
    }
}

/* A bug of the script says more than a failed request that nobody caught. */
static const struct rp_error_group *first_exception(const struct rp_result *result)
{
    for (size_t i = 0; i < result->error_count; i++)
        if (!result->errors[i].is_request)
            return &result->errors[i];
    return result->error_count ? &result->errors[0] : NULL;
}

/* "load.py:27 in browse: ValueError: price is negative (7 times)" */
static void exception(struct rp_summary *brief)
{
    const struct rp_error_group *group = first_exception(brief->result);
    struct rp_buf text;

    if (!group || brief->result->exit_code == RP_EXIT_PASSED)
        return;
    rp_buf_init(&text, RP_COMPOSE_MAX);
    if (group->place)
        rp_buf_appendf(&text, "%s: ", group->place);
    rp_summary_append_exception(&text, group);
    if (group->count > 1)
        rp_buf_appendf(&text, " (%llu times)", (unsigned long long)group->count);
    begin_error(brief);
    append_text(brief, rp_buf_str(&text));
    end(brief);
    rp_summary_done(brief, &text);
}

/* "3 x connection refused (1212): GET http://127.0.0.1:8080/" */
static void failed_request(struct rp_summary *brief)
{
    struct rp_failed_requests failed;
    struct rp_buf text;
    const char *remedy;
    int r = rp_failed_requests_collect(brief->result->store, &failed);

    rp_summary_fail(brief, r);
    if (r < 0)
        return;
    if (failed.count) {
        rp_buf_init(&text, RP_COMPOSE_MAX);
        rp_buf_appendf(&text, "%llu x ", (unsigned long long)failed.items[0].count);
        rp_summary_append_kind(&text, &failed.items[0]);
        rp_buf_appendf(&text, ": %s %s", failed.items[0].method, failed.items[0].name);
        begin_error(brief);
        append_text(brief, rp_buf_str(&text));
        remedy = rp_summary_remedy(&failed);
        if (remedy)
            rp_buf_appendf(brief->out, " (%s)", remedy);
        end(brief);
        rp_summary_done(brief, &text);
    }
    rp_failed_requests_deinit(&failed);
}

static void warnings(struct rp_summary *brief)
{
    const struct rp_result *result = brief->result;

    for (size_t i = 0; i < result->warning_count; i++) {
        if (is_reason(result, &result->warnings[i]))
            continue;
        begin(brief, RP_INK_YELLOW, "warning:");
        append_text(brief, result->warnings[i].text);
        if (result->warnings[i].count > 1)
            rp_buf_appendf(brief->out, " (%llu times)",
                           (unsigned long long)result->warnings[i].count);
        end(brief);
    }
}

void rp_brief_write(const struct rp_result *result, struct rp_style style, struct rp_buf *out)
{
    struct rp_summary brief = { .result = result, .out = out, .color = style.color };

    reason(&brief);
    thresholds(&brief);
    exception(&brief);
    if (result->nothing_succeeded)
        failed_request(&brief);
    warnings(&brief);
}

static int print(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_summary_sink *self = rp_container_of(sink, struct rp_summary_sink, sink);
    struct rp_error unsaid = { 0 }; /* there is nowhere to say that these lines cannot be written */
    struct rp_buf text;

    if (!result)
        return 0;
    rp_buf_init(&text, BRIEF_MAX);
    rp_brief_write(result, self->style, &text);
    if (rp_report_put(self->stream, &text, &unsaid) < 0)
        rp_error_deinit(&unsaid);
    rp_buf_deinit(&text);
    return 0;
}

void rp_brief_sink_init(struct rp_summary_sink *self, struct rp_sinks *sinks, FILE *stream,
                        struct rp_style style)
{
    static const struct rp_sink_ops ops = { .close = print };

    *self = (struct rp_summary_sink){ .stream = stream, .style = style };
    rp_sinks_add(sinks, &self->sink, &ops);
}
