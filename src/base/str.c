/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool rp_parse_i64(struct rp_slice text, int64_t *ret)
{
    bool negative = text.len && text.ptr[0] == '-';
    size_t i = negative;
    int64_t value = 0;

    if (i == text.len)
        return false;
    for (; i < text.len; i++) {
        int digit = text.ptr[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    *ret = value;
    return true;
}

/* strtod also takes hexadecimal, infinities and leading blanks; numbers of ours are plain
 * decimal. */
static bool is_decimal(const char *text)
{
    return strspn(text, "0123456789+-.eE") == strlen(text) && !isspace((unsigned char)text[0]);
}

bool rp_parse_double(struct rp_slice text, double *ret)
{
    char copy[64], *end;
    locale_t c_locale;
    double value;

    if (!text.len || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strlen(copy) != text.len || !is_decimal(copy))
        return false;
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    value = strtod_l(copy, &end, c_locale);
    freelocale(c_locale);
    if (*end || !isfinite(value))
        return false;
    *ret = value;
    return true;
}

size_t rp_format_double(double value, char out[RP_DOUBLE_TEXT])
{
    char *end = out;

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, RP_DOUBLE_TEXT, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    /* Whatever the locale has for a decimal point, of however many bytes. */
    for (const char *from = out; *from; from++) {
        if (strchr("0123456789+-e", *from))
            *end++ = *from;
        else if (end == out || end[-1] != '.')
            *end++ = '.';
    }
    *end = '\0';
    return (size_t)(end - out);
}

size_t rp_utf8_size(struct rp_slice text)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)text.ptr;
    uint32_t code;
    size_t size;

    if (!text.len)
        return 0;
    size = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (size <= 1 || size > text.len)
        return size == 1;
    code = p[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    return code < least[size] || code > 0x10ffff || code >> 11 == 0x1b ? 0 : size;
}

bool rp_utf8_is_valid(struct rp_slice text)
{
    while (text.len) {
        size_t size = rp_utf8_size(text);

        if (!size)
            return false;
        text = rp_slice(text.ptr + size, text.len - size);
    }
    return true;
}

struct rp_slice rp_utf8_cut(struct rp_slice text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return rp_slice(text.ptr, max);
}

enum { SUGGEST_MAX = 64 };

static char fold(char c)
{
    return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

size_t rp_edit_distance(struct rp_slice a, struct rp_slice b)
{
    size_t rows[3][SUGGEST_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    if (a.len > SUGGEST_MAX || b.len > SUGGEST_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *oldest = before;

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char ca = fold(a.ptr[i - 1]), cb = fold(b.ptr[j - 1]);
            size_t best = last[j - 1] + (ca != cb);

            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && ca == fold(b.ptr[j - 2]) && fold(a.ptr[i - 2]) == cb &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

const char *rp_suggest(struct rp_slice text, const char *const *choices, size_t count)
{
    size_t best = text.len / 3 + 2; /* one more than what still counts as a typing mistake */
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t distance = rp_edit_distance(text, rp_slice_str(choices[i]));

        if (distance < best) {
            best = distance;
            found = choices[i];
        }
    }
    return found;
}
