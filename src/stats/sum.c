/* SPDX-License-Identifier: MIT */
#include "stats/sum.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

enum {
    WORD = 64,
    MANTISSA = 53,
    UNIT_BIT = RP_REST_UNITS * WORD, /* of 2^0 */
    LOWEST_BIT = UNIT_BIT - 1074,    /* of the smallest double */
    ALL_BITS = RP_REST_WORDS * WORD,
};

/* ---- the rest -------------------------------------------------------------------------------- */

/* Adds @part at @word, or subtracts it, and carries. */
static void add_word(struct rp_rest *rest, int word, uint64_t part, bool is_negative)
{
    for (; part && word < RP_REST_WORDS; word++) {
        uint64_t *at = &rest->words[word];

        part = is_negative ? __builtin_sub_overflow(*at, part, at)
                           : __builtin_add_overflow(*at, part, at);
    }
}

/* Adds @magnitude * 2^(@bit - UNIT_BIT). */
static void add_bits(struct rp_rest *rest, unsigned __int128 magnitude, int bit, bool is_negative)
{
    int word = bit / WORD, shift = bit % WORD;

    add_word(rest, word, (uint64_t)magnitude << shift, is_negative);
    add_word(rest, word + 1, (uint64_t)(magnitude >> 1 >> (WORD - 1 - shift)), is_negative);
    if (shift)
        add_word(rest, word + 2, (uint64_t)(magnitude >> WORD >> (WORD - shift)), is_negative);
}

void rp_rest_add(struct rp_rest *rest, double value, uint64_t times)
{
    int exponent;
    uint64_t mantissa = (uint64_t)ldexp(frexp(fabs(value), &exponent), MANTISSA);
    int bit = UNIT_BIT + exponent - MANTISSA;

    if (bit < LOWEST_BIT) { /* it has fewer bits; those shifted out are 0 */
        mantissa >>= LOWEST_BIT - bit;
        bit = LOWEST_BIT;
    }
    add_bits(rest, (unsigned __int128)mantissa * times, bit, value < 0);
}

void rp_rest_merge(struct rp_rest *dst, const struct rp_rest *src)
{
    uint64_t carry = 0;

    for (int i = 0; i < RP_REST_WORDS; i++) {
        uint64_t sum;
        bool over = __builtin_add_overflow(dst->words[i], src->words[i], &sum);

        carry = __builtin_add_overflow(sum, carry, &dst->words[i]) | over;
    }
}

static void add_whole(struct rp_rest *rest, __int128 whole)
{
    unsigned __int128 magnitude = whole < 0 ? -(unsigned __int128)whole : (unsigned __int128)whole;

    add_bits(rest, magnitude, UNIT_BIT, whole < 0);
}

/* The highest bit that is set; -1 when none is. */
static int top_bit(const struct rp_rest *rest)
{
    for (int i = RP_REST_WORDS - 1; i >= 0; i--)
        if (rest->words[i])
            return i * WORD + WORD - 1 - __builtin_clzll(rest->words[i]);
    return -1;
}

/* 64 bits from @bit up. */
static uint64_t bits_from(const struct rp_rest *rest, int bit)
{
    int word = bit / WORD, shift = bit % WORD;
    uint64_t high = word + 1 < RP_REST_WORDS ? rest->words[word + 1] : 0;

    return rest->words[word] >> shift | (shift ? high << (WORD - shift) : 0);
}

static bool has_bits_below(const struct rp_rest *rest, int bit)
{
    for (int i = 0; i < bit / WORD; i++)
        if (rest->words[i])
            return true;
    return bit % WORD && rest->words[bit / WORD] << (WORD - bit % WORD);
}

static void negate(struct rp_rest *rest)
{
    for (int i = 0; i < RP_REST_WORDS; i++)
        rest->words[i] = ~rest->words[i];
    add_word(rest, 0, 1, false);
}

double rp_rest_read(const struct rp_rest *rest, __int128 whole, int scale)
{
    struct rp_rest sum = rest ? *rest : (struct rp_rest){ 0 };
    bool is_negative;
    uint64_t mantissa;
    int top, low;

    add_whole(&sum, whole);
    is_negative = sum.words[RP_REST_WORDS - 1] >> (WORD - 1);
    if (is_negative)
        negate(&sum);
    top = top_bit(&sum);
    if (top < 0)
        return 0;
    low = top - MANTISSA + 1 > LOWEST_BIT ? top - MANTISSA + 1 : LOWEST_BIT;
    mantissa = bits_from(&sum, low) & (((uint64_t)1 << MANTISSA) - 1);
    /* To the nearest; from the middle to the even one. Below LOWEST_BIT there is nothing. */
    if (low > LOWEST_BIT && bits_from(&sum, low - 1) & 1 &&
        (mantissa & 1 || has_bits_below(&sum, low - 1)))
        mantissa++;
    return ldexp(is_negative ? -(double)mantissa : (double)mantissa, low - UNIT_BIT - scale);
}

bool rp_rest_equal(const struct rp_rest *a, const struct rp_rest *b)
{
    static const struct rp_rest zero;

    return memcmp(a ? a : &zero, b ? b : &zero, sizeof(zero)) == 0;
}

int rp_rest_reserve(struct rp_rest **rest)
{
    if (!*rest)
        *rest = rp_calloc(1, sizeof(**rest));
    return *rest ? 0 : -ENOMEM;
}

/* ---- a sum ----------------------------------------------------------------------------------- */

void rp_sum_deinit(struct rp_sum *sum)
{
    rp_free(sum->rest);
    *sum = (struct rp_sum){ 0 };
}

void rp_sum_reset(struct rp_sum *sum)
{
    sum->whole = 0;
    if (sum->rest)
        *sum->rest = (struct rp_rest){ 0 };
}

int rp_sum_add_whole(struct rp_sum *sum, int64_t value)
{
    if (!__builtin_add_overflow(sum->whole, value, &sum->whole))
        return 0;
    /* The builtin has stored the sum modulo 2^64: it is off by 2^64 in the direction of @value. */
    if (rp_rest_reserve(&sum->rest) < 0) {
        sum->whole = (int64_t)((uint64_t)sum->whole - (uint64_t)value);
        return -ENOMEM;
    }
    add_word(sum->rest, RP_REST_UNITS + 1, 1, value < 0);
    return 0;
}

int rp_sum_add(struct rp_sum *sum, double value)
{
    if (!isfinite(value))
        return -EINVAL;
    if (rp_sum_takes_whole(value))
        return rp_sum_add_whole(sum, (int64_t)value);
    if (rp_rest_reserve(&sum->rest) < 0)
        return -ENOMEM;
    rp_rest_add(sum->rest, value, 1);
    return 0;
}

int rp_sum_reserve(struct rp_sum *dst, const struct rp_sum *src)
{
    int64_t whole;

    if (!src->rest && !__builtin_add_overflow(dst->whole, src->whole, &whole))
        return 0;
    return rp_rest_reserve(&dst->rest);
}

int rp_sum_merge(struct rp_sum *dst, const struct rp_sum *src)
{
    int r = rp_sum_reserve(dst, src);

    if (r == 0 && src->rest)
        rp_rest_merge(dst->rest, src->rest);
    return r == 0 ? rp_sum_add_whole(dst, src->whole) : r;
}

bool rp_sum_equal(const struct rp_sum *a, const struct rp_sum *b)
{
    struct rp_rest sums[2];
    const struct rp_sum *both[] = { a, b };

    if (!a->rest && !b->rest)
        return a->whole == b->whole;
    for (int i = 0; i < 2; i++) {
        sums[i] = both[i]->rest ? *both[i]->rest : (struct rp_rest){ 0 };
        add_whole(&sums[i], both[i]->whole);
    }
    return rp_rest_equal(&sums[0], &sums[1]);
}
