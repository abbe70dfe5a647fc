/* SPDX-License-Identifier: MIT */

/*
 * plan/segment_parse.c - segments and sequences as text, in exact rationals.
 *
 * A text becomes a list of cuts from 0 to 1. Numerators and denominators stay within 10^18, so that
 * the products below fit into 128 bits.
 */
#include "plan/segment.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "plan/segment_build.h"

#define WIDEST INT64_C(1000000000000000000)

struct cut {
    int64_t num, den;
};

struct cuts {
    struct cut *items;
    size_t count;
};

struct source {       /* what is being read, for messages */
    const char *what; /* "execution segment" */
    const char *text;
    struct rp_error *err;
};

static __int128 compare(struct cut a, struct cut b)
{
    return (__int128)a.num * b.den - (__int128)b.num * a.den;
}

static const struct cut zero = { 0, 1 }, one = { 1, 1 };

/* "execution segment '1/2:x', at character 5 ('x'): @reason" */
static int fail(const struct source *source, struct rp_slice part, const char *reason)
{
    rp_error_set(source->err, -RP_EUSER, "%s '%.80s'%s, at character %td ('%.*s'): %s",
                 source->what, source->text, strlen(source->text) > 80 ? "..." : "",
                 part.ptr - source->text + 1, part.len > 40 ? 40 : (int)part.len, part.ptr, reason);
    return -RP_EUSER;
}

static int fail_number(const struct source *source, struct rp_slice part, const char *reason)
{
    fail(source, part, reason);
    rp_error_hint(source->err, "write a number from 0 to 1 like 1/4, 0.25 or 25%%");
    return -RP_EUSER;
}

/* Cuts off the text before the next @separator. False when no text is left. */
static bool split(struct rp_slice *rest, char separator, struct rp_slice *ret)
{
    const char *end;

    if (!rest->ptr)
        return false;
    end = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    *ret = rp_slice(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
    *rest = end ? rp_slice(end + 1, rest->len - ret->len - 1) : rp_slice(NULL, 0);
    *ret = rp_slice_trim(*ret);
    return true;
}

/* Reads digits with at most one point, as num / den. Returns 0; 1 when the text is no number; 2
 * when it has too many digits. */
static int parse_decimal(struct rp_slice text, struct cut *ret)
{
    struct cut value = zero;
    bool has_point = false, has_digit = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return 1;
        has_digit = true;
        if (value.num >= WIDEST / 10 || (has_point && value.den >= WIDEST / 10))
            return 2;
        value.num = 10 * value.num + (c - '0');
        value.den *= has_point ? 10 : 1;
    }
    *ret = value;
    return has_digit ? 0 : 1;
}

static int parse_parts(struct rp_slice text, struct cut *ret)
{
    bool is_percent = text.len && text.ptr[text.len - 1] == '%';
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    struct cut num, den;
    int r, s;

    if (is_percent) {
        r = parse_decimal(rp_slice_trim(rp_slice(text.ptr, text.len - 1)), &num);
        if (r == 0 && num.den > WIDEST / 100)
            return 2;
        *ret = (struct cut){ num.num, num.den * (r ? 0 : 100) };
        return r;
    }
    if (!slash)
        return parse_decimal(text, ret);
    r = parse_decimal(rp_slice_trim(rp_slice(text.ptr, (size_t)(slash - text.ptr))), &num);
    s = parse_decimal(rp_slice_trim(rp_slice(slash + 1, (size_t)(text.ptr + text.len - slash - 1))),
                      &den);
    if (r || s)
        return r > s ? r : s;
    if (num.den != 1 || den.den != 1 || den.num == 0)
        return 1;
    *ret = (struct cut){ num.num, den.num };
    return 0;
}

static int parse_cut(const struct source *source, struct rp_slice text, struct cut *ret)
{
    int r = parse_parts(text, ret);

    if (r)
        return fail_number(source, text,
                           r == 1 ? text.len ? "this is no number" : "a number is missing"
                                  : "this number has too many digits");
    if (compare(*ret, one) > 0)
        return fail_number(source, text, "this is more than 1, the whole");
    return 0;
}

/* Reads "from:to", or a length that counts from 0, into @ret. An empty text is everything. */
static int parse_segment(const struct source *source, struct cut ret[2])
{
    struct rp_slice text = rp_slice_trim(rp_slice_str(source->text)), rest = text, part;
    int r = 0;

    ret[0] = zero;
    ret[1] = one;
    if (!text.len)
        return 0;
    if (memchr(text.ptr, ':', text.len)) {
        split(&rest, ':', &part);
        r = parse_cut(source, part, &ret[0]);
    }
    if (r == 0)
        r = parse_cut(source, rp_slice_trim(rest), &ret[1]);
    if (r < 0)
        return r;
    if (compare(ret[0], ret[1]) >= 0) {
        fail(source, text, "it must end after it begins");
        rp_error_hint(source->err, "write from:to with from less than to, like 1/4:1/2");
        return -RP_EUSER;
    }
    return 0;
}

/* Appends @cut unless the list ends with it. */
static void append(struct cuts *cuts, struct cut cut)
{
    if (!cuts->count || compare(cuts->items[cuts->count - 1], cut) != 0)
        cuts->items[cuts->count++] = cut;
}

static int parse_sequence(const struct source *source, struct cuts *cuts)
{
    struct rp_slice rest = rp_slice_str(source->text), part;
    struct cut cut;

    append(cuts, zero);
    for (bool is_first = true; split(&rest, ',', &part); is_first = false) {
        int r = parse_cut(source, part, &cut);

        if (r < 0)
            return r;
        if (compare(cuts->items[cuts->count - 1], cut) > 0 ||
            (!is_first && compare(cuts->items[cuts->count - 1], cut) == 0)) {
            fail(source, part, "this is not more than the number before it");
            rp_error_hint(source->err, "write the cuts in ascending order, like 0,1/4,1/2,1");
            return -RP_EUSER;
        }
        append(cuts, cut);
    }
    append(cuts, one);
    return 0;
}

static __int128 gcd(__int128 a, __int128 b)
{
    while (b) {
        __int128 rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* The lengths between the cuts, over their least common denominator; 0 when that is too large. */
static int64_t common_lengths(const struct cuts *cuts, int64_t *lengths)
{
    int64_t common = 1;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i + 1 < cuts->count; i++) {
            struct cut a = cuts->items[i], b = cuts->items[i + 1];
            __int128 num = compare(b, a), den = (__int128)a.den * b.den, divisor = gcd(num, den);

            num /= divisor;
            den /= divisor;
            if (den > RP_SEGMENT_SLOTS_MAX)
                return 0;
            if (pass == 0)
                common = common / (int64_t)gcd(common, den) * (int64_t)den;
            else
                lengths[i] = (int64_t)num * (common / (int64_t)den);
            if (common > RP_SEGMENT_SLOTS_MAX)
                return 0;
        }
    }
    return common;
}

static int build(const struct source *source, const struct cuts *cuts,
                 struct rp_segment_sequence *ret)
{
    int64_t *lengths = rp_calloc(cuts->count - 1, sizeof(*lengths)), slots;
    int r;

    if (!lengths)
        return -ENOMEM;
    slots = common_lengths(cuts, lengths);
    if (slots) {
        r = rp_segment_build(slots, lengths, cuts->count - 1, ret);
    } else {
        r = fail(source, rp_slice_str(source->text),
                 "the common denominator of its lengths is too large");
        rp_error_hint(source->err, "the largest is %d; write a third as 1/3 and not as 0.333333333",
                      RP_SEGMENT_SLOTS_MAX);
    }
    rp_free(lengths);
    return r;
}

/* Which of the parts between @cuts is @segment. */
static int find(const struct source *source, const char *sequence, const struct cuts *cuts,
                const struct cut segment[2], size_t *ret)
{
    for (size_t i = 0; i + 1 < cuts->count; i++) {
        if (compare(cuts->items[i], segment[0]) == 0 &&
            compare(cuts->items[i + 1], segment[1]) == 0) {
            *ret = i;
            return 0;
        }
    }
    rp_error_set(source->err, -RP_EUSER,
                 "execution segment '%.80s' is none of the sequence '%.80s'%s", source->text,
                 sequence, strlen(sequence) > 80 ? "..." : "");
    rp_error_hint(source->err,
                  "it must begin and end at neighbouring cuts of the sequence, which "
                  "has %zu segments",
                  cuts->count - 1);
    return -RP_EUSER;
}

static bool is_blank(const char *text)
{
    return !rp_slice_trim(rp_slice_str(text)).len;
}

static size_t most_cuts(const char *sequence)
{
    size_t count = 4; /* 0, 1, and what is given without a comma */

    for (const char *p = sequence; *p; p++)
        count += *p == ',';
    return count;
}

int rp_segment_parse(const char *segment, const char *sequence, struct rp_segment_sequence *ret,
                     size_t *ret_index, struct rp_error *err)
{
    struct source source = { "execution segment", segment ? segment : "", err };
    struct source whole = { "execution segment sequence", sequence ? sequence : "", err };
    bool has_sequence = !is_blank(whole.text);
    struct cuts cuts = { .items = rp_calloc(most_cuts(whole.text), sizeof(*cuts.items)) };
    struct cut own[2];
    size_t index = 0;
    int r;

    if (!cuts.items)
        return -ENOMEM;
    r = parse_segment(&source, own);
    if (r == 0 && has_sequence) {
        r = parse_sequence(&whole, &cuts);
    } else if (r == 0) {
        append(&cuts, zero);
        append(&cuts, own[0]);
        append(&cuts, own[1]);
        append(&cuts, one);
    }
    if (r == 0)
        r = find(&source, whole.text, &cuts, own, &index);
    if (r == 0)
        r = build(has_sequence ? &whole : &source, &cuts, ret);
    if (r == 0)
        *ret_index = index;
    rp_free(cuts.items);
    return r;
}
