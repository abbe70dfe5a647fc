/* SPDX-License-Identifier: MIT */
#include "plan/shorthand.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/duration.h"
#include "plan/fields.h"

/* For messages: all of a short text, the beginning of a long one. */
#define SHOWN(text) ((text).len > 64 ? 64 : (int)(text).len), ((text).len ? (text).ptr : "")

/* Splits @text at its first @separator. False when there is none: @before is all of @text then. */
static bool cut(struct rp_slice text, char separator, struct rp_slice *before,
                struct rp_slice *after)
{
    const char *at = text.len ? memchr(text.ptr, separator, text.len) : NULL;

    *before = text;
    *after = (struct rp_slice){ 0 };
    if (!at)
        return false;
    *before = rp_slice(text.ptr, (size_t)(at - text.ptr));
    *after = rp_slice(at + 1, text.len - before->len - 1);
    return true;
}

static int fail_stage(struct rp_slice text, const char *why, struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "'%.*s' is not a stage: %s", SHOWN(text), why);
    rp_error_hint(err, "a stage is DURATION:TARGET, as in 30s:100 or 30s:100,1m:0");
    return -RP_EUSER;
}

static int parse_stage(struct rp_slice text, struct rp_stage *ret, struct rp_error *err)
{
    struct rp_slice duration, target;
    struct rp_error inner = { 0 };
    char why[256];

    if (!text.len)
        return fail_stage(text, "it is empty", err);
    if (!cut(text, ':', &duration, &target))
        return fail_stage(text, "it has no target", err);
    if (rp_duration_parse(duration, &ret->duration, &inner) < 0) {
        snprintf(why, sizeof(why), "%s", inner.message ? inner.message : "its duration is wrong");
        rp_error_deinit(&inner);
        return fail_stage(text, why, err);
    }
    if (rp_parse_i64(target, &ret->target) && ret->target >= 0 && ret->target <= RP_MOST_RATE)
        return 0;
    snprintf(why, sizeof(why), "its target must be a whole number from 0 to %d, not '%.*s'",
             RP_MOST_RATE, SHOWN(target));
    return fail_stage(text, why, err);
}

int rp_stages_parse(struct rp_slice text, struct rp_stages *ret, struct rp_error *err)
{
    struct rp_slice item, rest = text;
    bool more = true;

    while (more) {
        struct rp_stage stage, *items;
        int r;

        more = cut(rest, ',', &item, &rest);
        r = parse_stage(item, &stage, err);
        if (r < 0)
            return r;
        if (!ret)
            continue;
        items = rp_realloc_array(ret->items, ret->count + 1, sizeof(*items));
        if (!items)
            return -ENOMEM;
        ret->items = items;
        items[ret->count++] = stage;
    }
    return 0;
}

static int fail_rate(struct rp_slice text, const char *why, struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "'%.*s' is not a rate: %s", SHOWN(text), why);
    rp_error_hint(err, "a rate is NUMBER/TIME, as in 500/s, 30/m, 7/3s or 0.5/s");
    return -RP_EUSER;
}

/* "s" is one second; "3s" is three. */
static bool parse_time_unit(struct rp_slice text, rp_ns *ret)
{
    char one[8];
    int r;

    if (text.len && text.len < sizeof(one) - 1 && text.ptr[0] >= 'a' && text.ptr[0] <= 'z') {
        int len = snprintf(one, sizeof(one), "1%.*s", RP_SLICE_FMT(text));

        r = rp_duration_parse(rp_slice(one, (size_t)len), ret, NULL);
    } else {
        r = rp_duration_parse(text, ret, NULL);
    }
    return r == 0 && *ret > 0 && *ret <= RP_LONGEST;
}

int rp_rate_parse(struct rp_slice text, struct rp_rate *ret, struct rp_error *err)
{
    struct rp_slice number, unit;
    struct rp_rate rate = { 0 };
    char why[160];
    bool has_unit = cut(text, '/', &number, &unit);

    if (!text.len)
        return fail_rate(text, "it is empty", err);
    if (!rp_parse_double(number, &rate.count)) {
        snprintf(why, sizeof(why), "'%.*s' is not a number", SHOWN(number));
        return fail_rate(text, why, err);
    }
    if (!(rate.count >= 0 && rate.count <= RP_MOST_RATE)) {
        snprintf(why, sizeof(why), "the number must be from 0 to %d", RP_MOST_RATE);
        return fail_rate(text, why, err);
    }
    if (!rp_rate_is_exact(rate.count))
        return fail_rate(text, "the number has more than 9 decimals", err);
    if (has_unit && !unit.len)
        return fail_rate(text, "the time is missing after '/'", err);
    if (has_unit && !parse_time_unit(unit, &rate.time_unit)) {
        snprintf(why, sizeof(why), "'%.*s' is not a time of more than 0s, up to 3650d",
                 SHOWN(unit));
        return fail_rate(text, why, err);
    }
    rate.count = rate.count == 0 ? 0 : rate.count; /* no negative zero */
    *ret = rate;
    return 0;
}

int rp_workers_parse(const char *text, const char *origin, int64_t *ret, struct rp_error *err)
{
    int64_t count;

    if (strcmp(text, "auto") == 0) {
        *ret = 0;
        return 0;
    }
    if (!rp_parse_i64(rp_slice_str(text), &count))
        return rp_error_set(err, -RP_EUSER, "%s: '%s' is neither a whole number nor 'auto'", origin,
                            text);
    if (count < 1 || count > RP_WORKERS_MAX)
        return rp_error_set(err, -RP_EUSER, "%s: %" PRId64 " is not between 1 and %d", origin,
                            count, RP_WORKERS_MAX);
    *ret = count;
    return 0;
}

bool rp_rate_is_exact(double number)
{
    char text[400]; /* of the largest double too */

    snprintf(text, sizeof(text), "%.*f", RP_RATE_DECIMALS, number);
    return strtod(text, NULL) == number;
}
