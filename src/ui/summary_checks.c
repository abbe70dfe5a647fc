/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <inttypes.h>
#include <string.h>

#include "run/collect.h"
#include "base/units.h"

enum { MAX_CHECK_LINES = 60 };

struct check_columns {
    size_t name, rate, passes, fails;
};

/* "checkout > pay > status is 200": the groups, outermost first, without the separators they are
 * stored with. */
static void append_check_name(struct rp_buf *out, const struct rp_check_count *check)
{
    const char *group = check->group;

    while (*group) {
        const char *end = strstr(group, "::");
        size_t len = end ? (size_t)(end - group) : strlen(group);

        if (len) {
            rp_buf_append(out, group, len);
            rp_buf_append_str(out, " > ");
        }
        group += len + (end ? 2 : 0);
    }
    rp_buf_append_str(out, check->name);
}

static size_t digits(uint64_t number)
{
    size_t count = 1;

    for (; number > 9; number /= 10)
        count++;
    return count;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void check_line(struct rp_summary *summary, const struct check_columns *columns,
                       struct rp_slice name, uint64_t passes, uint64_t fails, bool is_total)
{
    char percent[RP_UNIT_SIZE], number[RP_UNIT_SIZE];

    rp_text_fill(summary->out, ' ', RP_INDENT);
    if (is_total)
        rp_buf_append_str(summary->out, " ");
    else
        rp_summary_mark(summary, &(struct rp_verdict){ .passed = !fails });
    rp_buf_append_str(summary->out, " ");
    rp_summary_dotted(summary, name, columns->name);
    rp_summary_right(summary, rp_unit_percent(passes, passes + fails, percent), columns->rate);
    snprintf(number, sizeof(number), "%llu", (unsigned long long)passes);
    rp_summary_right(summary, number, columns->passes + 2);
    snprintf(number, sizeof(number), "%llu", (unsigned long long)fails);
    if (fails)
        rp_summary_ink_on(summary, RP_INK_RED);
    rp_summary_right(summary, number, columns->fails + 2);
    if (fails)
        rp_summary_ink_off(summary);
    rp_buf_append_str(summary->out, "\n");
}

static struct check_columns measure_checks(struct rp_summary *summary,
                                           const struct rp_check_counts *checks,
                                           struct rp_check_count *total)
{
    struct check_columns columns = { .rate = strlen("100.00%") };
    struct rp_buf name;
    size_t fixed;

    rp_buf_init(&name, RP_COMPOSE_MAX);
    for (size_t i = 0; i < checks->count; i++) {
        rp_summary_reuse(summary, &name);
        append_check_name(&name, &checks->items[i]);
        columns.name = larger(columns.name, rp_text_cols(rp_buf_slice(&name)));
        total->passes += checks->items[i].passes;
        total->fails += checks->items[i].fails;
    }
    rp_summary_done(summary, &name);
    columns.passes = larger(strlen("passed"), digits(total->passes));
    columns.fails = larger(strlen("failed"), digits(total->fails));
    columns.name = larger(columns.name, strlen("CHECKS")) + 3;
    fixed = RP_INDENT + 2 + 1 + columns.rate + 2 + columns.passes + 2 + columns.fails;
    if (fixed + columns.name > summary->width)
        columns.name = larger(12, summary->width > fixed ? summary->width - fixed : 0);
    return columns;
}

/* Failed checks always have a line; a flood of passed ones is cut, because names may be made at run
 * time. */
static void check_lines(struct rp_summary *summary, const struct rp_check_counts *checks,
                        const struct check_columns *columns)
{
    size_t failed = 0, room, left_out = 0;
    struct rp_buf name;

    for (size_t i = 0; i < checks->count; i++)
        failed += checks->items[i].fails > 0;
    room = failed < MAX_CHECK_LINES && !summary->is_compact ? MAX_CHECK_LINES - failed : 0;
    rp_buf_init(&name, RP_COMPOSE_MAX);
    for (size_t i = 0; i < checks->count; i++) {
        const struct rp_check_count *check = &checks->items[i];

        if (!check->fails && !room) {
            left_out++;
            continue;
        }
        room -= !check->fails;
        rp_summary_reuse(summary, &name);
        append_check_name(&name, check);
        check_line(summary, columns, rp_buf_slice(&name), check->passes, check->fails, false);
    }
    if (left_out)
        rp_buf_appendf(summary->out, "    and %zu more that always passed\n", left_out);
    rp_summary_done(summary, &name);
}

/* The whole part in one line, for there is nothing to look at. */
static void one_line(struct rp_summary *summary, size_t count, uint64_t passes)
{
    rp_summary_title(summary, "CHECKS");
    rp_buf_appendf(summary->out, "  %zu of %zu check%s always passed: %" PRIu64 " times\n", count,
                   count, count == 1 ? "" : "s", passes);
}

void rp_summary_checks(struct rp_summary *summary)
{
    struct rp_check_counts checks;
    struct rp_check_count total = { 0 };
    struct check_columns columns;
    int r = rp_checks_collect(summary->result->store, &checks);

    if (r < 0) {
        rp_summary_fail(summary, r);
        return;
    }
    columns = measure_checks(summary, &checks, &total);
    if (checks.count && summary->is_compact && !total.fails) {
        one_line(summary, checks.count, total.passes);
    } else if (checks.count) {
        rp_summary_title(summary, "CHECKS");
        rp_text_fill(summary->out, ' ', RP_INDENT + 2 + columns.name + 1 - strlen("CHECKS"));
        rp_summary_right(summary, "rate", columns.rate);
        rp_summary_right(summary, "passed", columns.passes + 2);
        rp_summary_right(summary, "failed", columns.fails + 2);
        rp_buf_append_str(summary->out, "\n");
        check_lines(summary, &checks, &columns);
        if (checks.count > 1)
            check_line(summary, &columns, RP_SLICE("total"), total.passes, total.fails, true);
    }
    rp_checks_deinit(&checks);
}
