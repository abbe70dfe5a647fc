/* SPDX-License-Identifier: MIT */
#include "plan/threshold.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/filter.h"
#include "plan/metrics.h"

/* One spelling of every statistic, for the messages and to try what fits a type. */
static const char *const stat_names[] = { "avg",   "min",   "max",  "med",
                                          "p(95)", "count", "rate", "value" };

/* Longer operators stand before shorter ones that they begin with: the first that fits is taken. */
static const struct {
    const char *text;
    enum rp_compare compare;
} operators[] = {
    { "===", RP_EQ }, { "==", RP_EQ }, { "!=", RP_NE }, { "<=", RP_LE },
    { ">=", RP_GE },  { "<", RP_LT },  { ">", RP_GT },
};

/* What an error of the right side names. */
struct source {
    struct rp_slice metric, expression;
    struct rp_error *err;
};

static RP_PRINTF(3, 4) int fail(const struct source *s, const char *at, const char *fmt, ...)
{
    struct rp_slice text = s->expression;
    char what[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return rp_error_set(s->err, -RP_EUSER, "threshold '%.*s' on '%.*s', column %zu: expected %s",
                        text.len > 100 ? 100 : (int)text.len, text.len ? text.ptr : "",
                        s->metric.len > 200 ? 200 : (int)s->metric.len, s->metric.ptr,
                        text.len ? (size_t)(at - text.ptr) + 1 : 1, what);
}

static struct rp_slice trim(struct rp_slice text)
{
    while (text.len && isspace((unsigned char)text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len && isspace((unsigned char)text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static void format_choices(char *out, size_t size, int type)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < RP_ARRAY_LEN(stat_names); i++) {
        struct rp_stat stat;

        if (!rp_stat_parse(rp_slice_str(stat_names[i]), &stat))
            continue;
        if (type >= 0 && !rp_stat_fits(stat, (enum rp_metric_type)type))
            continue;
        if (used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     stat.kind == RP_STAT_P ? "p(N)" : stat_names[i]);
    }
}

static void hint_aggregation(struct rp_error *err, struct rp_slice name)
{
    size_t digits = 1;

    while (digits < name.len && isdigit((unsigned char)name.ptr[digits]))
        digits++;
    if (name.len > 1 && name.ptr[0] == 'p' && digits == name.len)
        rp_error_hint(err, "did you mean 'p(%.*s)'?", (int)name.len - 1, name.ptr + 1);
    else if (name.len > 1 && name.ptr[0] == 'p' && name.ptr[1] == '(')
        rp_error_hint(err, "a percentile is p(N) with N from 0 to 100, such as p(99.9)");
    else
        rp_error_suggest(err, rp_suggest(name, stat_names, RP_ARRAY_LEN(stat_names)));
}

/* Takes "avg" or "p(95)" off @left; blanks inside the brackets are allowed. */
static int parse_aggregation(const struct source *s, struct rp_slice *left, struct rp_stat *ret)
{
    struct rp_slice name = { left->ptr, 0 };
    char compact[48], choices[96];
    size_t len = 0;

    while (name.len < left->len && !strchr("<>=!", left->ptr[name.len]))
        if (left->ptr[name.len++] == ')')
            break;
    left->ptr += name.len;
    left->len -= name.len;
    name = trim(name);
    for (size_t i = 0; i < name.len && len < sizeof(compact); i++)
        if (!(isspace((unsigned char)name.ptr[i]) && memchr(name.ptr, '(', i)))
            compact[len++] = name.ptr[i];
    if (len < sizeof(compact) && rp_stat_parse(rp_slice(compact, len), ret))
        return 0;
    format_choices(choices, sizeof(choices), -1);
    hint_aggregation(s->err, name);
    return fail(s, name.ptr, "an aggregation (%s), not '%.*s'", choices,
                name.len > 40 ? 40 : (int)name.len, name.ptr);
}

static int parse_operator(const struct source *s, struct rp_slice *left, enum rp_compare *ret)
{
    *left = trim(*left);
    for (size_t i = 0; i < RP_ARRAY_LEN(operators); i++) {
        size_t len = strlen(operators[i].text);

        if (left->len < len || memcmp(left->ptr, operators[i].text, len) != 0)
            continue;
        left->ptr += len;
        left->len -= len;
        *ret = operators[i].compare;
        return 0;
    }
    return fail(s, left->ptr, "an operator (< <= > >= == !=) after the aggregation");
}

static int parse_bound(const struct source *s, struct rp_slice left, double *ret)
{
    struct rp_slice number = trim(left);
    size_t digits = 0;
    double value;

    if (rp_parse_double(number, ret))
        return 0;
    while (digits < number.len && strchr("+-.0123456789", number.ptr[digits]))
        digits++;
    if (digits && rp_parse_double(rp_slice(number.ptr, digits), &value))
        rp_error_hint(s->err, "write the number without a unit: times are in milliseconds, rates "
                              "from 0 to 1");
    return fail(s, number.ptr, "a number such as 500, 0.01 or 1e3, not '%.*s'",
                number.len > 40 ? 40 : (int)number.len, number.ptr);
}

static int parse_expression(const struct source *s, struct rp_threshold *ret)
{
    struct rp_slice left = trim(s->expression);
    int r;

    if (!left.len || memchr(left.ptr, '\0', left.len))
        return fail(s, left.ptr, "aggregation, operator and number, such as 'p(95)<500'");
    r = parse_aggregation(s, &left, &ret->stat);
    if (r == 0)
        r = parse_operator(s, &left, &ret->compare);
    return r == 0 ? parse_bound(s, left, &ret->bound) : r;
}

static int take_alias(struct rp_threshold *threshold)
{
    const char *name = rp_metric_of_alias(threshold->metric);
    char *copy = name ? rp_strdup(name) : NULL;

    if (!name)
        return 0;
    if (!copy)
        return -ENOMEM;
    rp_free(threshold->metric);
    threshold->metric = copy;
    return 0;
}

int rp_threshold_parse(struct rp_slice metric, struct rp_slice expression, struct rp_threshold *ret,
                       struct rp_error *err)
{
    struct source source = { metric, expression, err };
    struct rp_buf display;
    int r;

    *ret = (struct rp_threshold){ 0 };
    rp_buf_init(&display, metric.len * 2 + 16);
    r = rp_filter_parse(metric, &ret->metric, &ret->filter, err);
    if (r == 0)
        r = take_alias(ret);
    if (r == 0)
        r = parse_expression(&source, ret);
    if (r == 0) {
        struct rp_slice text = trim(expression);

        rp_filter_display(ret->metric, &ret->filter, &display);
        ret->display = rp_buf_take(&display);
        ret->source = rp_strndup(text.ptr, text.len);
        if (!ret->display || !ret->source)
            r = -ENOMEM;
    }
    rp_buf_deinit(&display);
    if (r < 0)
        rp_threshold_deinit(ret);
    return r;
}

void rp_threshold_deinit(struct rp_threshold *threshold)
{
    if (!threshold)
        return;
    rp_free(threshold->metric);
    rp_free(threshold->display);
    rp_free(threshold->source);
    rp_filter_deinit(&threshold->filter);
    *threshold = (struct rp_threshold){ 0 };
}

int rp_threshold_check_type(const struct rp_threshold *threshold, enum rp_metric_type type,
                            struct rp_error *err)
{
    char choices[96], stat[32];

    if (rp_stat_fits(threshold->stat, type))
        return 0;
    format_choices(choices, sizeof(choices), (int)type);
    rp_stat_format(threshold->stat, stat, sizeof(stat));
    rp_error_hint(err, "a %s has: %s", rp_metric_type_name(type), choices);
    return rp_error_set(err, -RP_EUSER, "threshold '%s' on '%s': a %s has no '%s'",
                        threshold->source, threshold->display, rp_metric_type_name(type), stat);
}

static bool compare(enum rp_compare compare, double actual, double bound)
{
    switch (compare) {
    case RP_LT:
        return actual < bound;
    case RP_LE:
        return actual <= bound;
    case RP_GT:
        return actual > bound;
    case RP_GE:
        return actual >= bound;
    case RP_EQ:
        return actual == bound;
    case RP_NE:
        return actual != bound;
    }
    return false;
}

struct rp_verdict rp_threshold_judge(const struct rp_threshold *threshold,
                                     const struct rp_view *view, double elapsed_s)
{
    bool is_empty = !view || view->total.samples == 0;
    enum rp_stat_kind kind = threshold->stat.kind;
    struct rp_verdict verdict = { .actual = NAN };

    if (is_empty) {
        /* A sub-metric's view has no type before its first series; the metric's own view always has
         * one. */
        bool is_counter = threshold->has_type ? threshold->type == RP_COUNTER
                                              : view && !view->filter && view->type == RP_COUNTER;
        bool is_zero = kind == RP_STAT_COUNT || (kind == RP_STAT_RATE && is_counter);

        verdict.no_samples = !is_zero;
        if (is_zero)
            verdict.actual = 0;
    } else if (rp_stat_fits(threshold->stat, view->type)) {
        verdict.actual = rp_view_stat(view, threshold->stat, elapsed_s);
    }
    verdict.passed = !isnan(verdict.actual) &&
                     compare(threshold->compare, verdict.actual, threshold->bound);
    return verdict;
}
