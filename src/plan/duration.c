/* SPDX-License-Identifier: MIT */
#include "plan/duration.h"

#include <inttypes.h>
#include <stdio.h>

/* Largest first: the order in which the parts of a duration must stand. */
static const struct unit {
    const char *name;
    rp_ns ns;
} units[] = {
    { "d", 86400 * RP_S }, { "h", 3600 * RP_S }, { "m", 60 * RP_S }, { "s", RP_S },
    { "ms", RP_MS },       { "us", RP_US },      { "ns", 1 },
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct rp_slice take_digits(struct rp_slice *text)
{
    struct rp_slice digits = { text->ptr, 0 };

    while (digits.len < text->len && is_digit(text->ptr[digits.len]))
        digits.len++;
    text->ptr += digits.len;
    text->len -= digits.len;
    return digits;
}

/* The index of the unit that @text starts with, which is taken off; -1 when there is none. */
static int take_unit(struct rp_slice *text)
{
    size_t len = 0;

    while (len < text->len && text->ptr[len] >= 'a' && text->ptr[len] <= 'z')
        len++;
    for (size_t i = 0; i < RP_ARRAY_LEN(units); i++) {
        if (!rp_slice_eq_str(rp_slice(text->ptr, len), units[i].name))
            continue;
        text->ptr += len;
        text->len -= len;
        return (int)i;
    }
    return -1;
}

/* @whole * @unit + floor(0.@fraction * @unit), or false on overflow. The fraction is read from its
 * last digit: flooring at every step gives the floor of the exact value, whatever the number of
 * digits. */
static bool part_ns(struct rp_slice whole, struct rp_slice fraction, rp_ns unit, rp_ns *ret)
{
    rp_ns value = 0, rest = 0;

    for (size_t i = 0; i < whole.len; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, whole.ptr[i] - '0', &value))
            return false;
    for (size_t i = fraction.len; i-- > 0;)
        rest = (rest + (fraction.ptr[i] - '0') * unit) / 10;
    return !__builtin_mul_overflow(value, unit, &value) &&
           !__builtin_add_overflow(value, rest, ret);
}

static int fail(struct rp_error *err, struct rp_slice text, const char *why)
{
    rp_error_hint(err, "a duration is numbers with units, such as \"30s\", \"1m30s\" or \"250ms\" "
                       "(units: d h m s ms us ns)");
    return rp_error_set(err, -RP_EUSER, "'%.*s' is not a duration: %s",
                        text.len > 64 ? 64 : (int)text.len, text.len ? text.ptr : "", why);
}

int rp_duration_parse(struct rp_slice text, rp_ns *ret, struct rp_error *err)
{
    struct rp_slice left = text;
    rp_ns total = 0;
    int last_unit = -1;

    if (rp_slice_eq_str(text, "0")) {
        *ret = 0;
        return 0;
    }
    if (!text.len)
        return fail(err, text, "it is empty");
    if (text.ptr[0] == '-')
        return fail(err, text, "it is negative");
    while (left.len) {
        struct rp_slice whole = take_digits(&left), fraction = { 0 };
        rp_ns part;
        int unit;

        if (left.len && left.ptr[0] == '.') {
            left.ptr++;
            left.len--;
            fraction = take_digits(&left);
            if (!fraction.len)
                return fail(err, text, "digits are missing after the point");
        }
        if (!whole.len && !fraction.len)
            return fail(err, text, "a number is missing");
        if (!left.len)
            return fail(err, text, "it has no unit");
        unit = take_unit(&left);
        if (unit < 0)
            return fail(err, text, "it has an unknown unit");
        if (unit <= last_unit)
            return fail(err, text, "units must go from large to small, each once");
        last_unit = unit;
        if (!part_ns(whole, fraction, units[unit].ns, &part) ||
            __builtin_add_overflow(total, part, &total))
            return fail(err, text, "it is too long");
    }
    *ret = total;
    return 0;
}

/* The shortest spelling: whole d, h and m, and then one decimal part in the largest unit that fits,
 * because "1.5s" reads better than "1s500ms". */
void rp_duration_format(rp_ns duration, char *out, size_t size)
{
    size_t used = 0, i = 0;
    char fraction[16] = "";
    rp_ns rest, unit;

    if (duration <= 0) {
        snprintf(out, size, "0s");
        return;
    }
    for (; i < 3; i++) {
        if (duration >= units[i].ns && used < size)
            used += (size_t)snprintf(out + used, size - used, "%" PRId64 "%s",
                                     duration / units[i].ns, units[i].name);
        duration %= units[i].ns;
    }
    while (i < RP_ARRAY_LEN(units) - 1 && duration < units[i].ns)
        i++;
    if (!duration || used >= size)
        return;
    unit = units[i].ns;
    rest = duration % unit;
    if (rest) {
        int width = unit == RP_S ? 9 : unit == RP_MS ? 6 : 3;
        int len = snprintf(fraction, sizeof(fraction), ".%0*" PRId64, width, rest);

        while (fraction[len - 1] == '0')
            fraction[--len] = '\0';
    }
    snprintf(out + used, size - used, "%" PRId64 "%s%s", duration / unit, fraction, units[i].name);
}
