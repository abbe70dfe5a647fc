/* SPDX-License-Identifier: MIT */

/* The value of a Set-Cookie field. Sections are those of RFC 6265bis (draft 12 and later). */

#include "proto/cookie.h"

#include <string.h>

#include "proto/proto_internal.h"

static struct rp_slice trim(const char *from, const char *to)
{
    while (from < to && rp_h1_is_blank(*from))
        from++;
    while (to > from && rp_h1_is_blank(to[-1]))
        to--;
    return rp_slice(from, (size_t)(to - from));
}

/* The next part of *rest up to @separator, which is taken off too. */
static struct rp_slice take_part(struct rp_slice *rest, char separator)
{
    const char *end = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    struct rp_slice part = rp_slice(rest->ptr, len);

    *rest = rp_slice(rest->ptr + len + (end != NULL), rest->len - len - (end != NULL));
    return part;
}

/* Splits "name=value". False when there is no '='. */
static bool split(struct rp_slice pair, struct rp_slice *ret_name, struct rp_slice *ret_value)
{
    const char *equals = pair.len ? memchr(pair.ptr, '=', pair.len) : NULL;
    const char *end = pair.ptr + pair.len;

    if (!equals)
        return false;
    *ret_name = trim(pair.ptr, equals);
    *ret_value = trim(equals + 1, end);
    return true;
}

static bool has_control(struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

/* ---- dates: 5.1.1 ----------------------------------------------------------------------------- */

struct date {
    bool has_time, has_day, has_month, has_year;
    int hour, minute, second, day, month, year;
};

static bool is_delimiter(unsigned char c)
{
    return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
           (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number of @min to @max digits at *p, which is moved behind it. A further digit makes it none. */
static bool take_digits(const char **p, const char *end, int min, int max, int *ret)
{
    int count = 0, number = 0;

    while (*p < end && is_digit(**p)) {
        if (++count > max)
            return false;
        number = number * 10 + (*(*p)++ - '0');
    }
    *ret = number;
    return count >= min;
}

static bool is_time(struct rp_slice token, struct date *date)
{
    const char *p = token.ptr, *end = p + token.len;
    int hour, minute, second;

    if (!take_digits(&p, end, 1, 2, &hour) || p == end || *p++ != ':' ||
        !take_digits(&p, end, 1, 2, &minute) || p == end || *p++ != ':' ||
        !take_digits(&p, end, 1, 2, &second))
        return false;
    date->hour = hour;
    date->minute = minute;
    date->second = second;
    return true;
}

static bool is_month(struct rp_slice token, struct date *date)
{
    static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec" };

    for (int i = 0; token.len >= 3 && i < 12; i++)
        if (rp_slice_ieq(rp_slice(token.ptr, 3), rp_slice(months[i], 3))) {
            date->month = i + 1;
            return true;
        }
    return false;
}

static bool is_number(struct rp_slice token, int min, int max, int *ret)
{
    const char *p = token.ptr;

    return take_digits(&p, token.ptr + token.len, min, max, ret);
}

/* A token is the first thing that has not been found yet and that it can be. */
static void take_token(struct rp_slice token, struct date *date)
{
    if (!date->has_time && is_time(token, date))
        date->has_time = true;
    else if (!date->has_day && is_number(token, 1, 2, &date->day))
        date->has_day = true;
    else if (!date->has_month && is_month(token, date))
        date->has_month = true;
    else if (!date->has_year && is_number(token, 2, 4, &date->year))
        date->has_year = true;
}

/* Days since 1970 of a day of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t shifted = month > 2 ? month - 3 : month + 9; /* March is 0 */
    int64_t era = y / 400, of_era = y % 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * shifted + 2) / 5 + day -
           1 - 719468;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && is_leap);
}

bool rp_cookie_date(struct rp_slice text, int64_t *ret)
{
    const char *p = text.ptr, *end = p + text.len;
    struct date date = { 0 };

    while (p < end) {
        const char *start;

        while (p < end && is_delimiter((unsigned char)*p))
            p++;
        start = p;
        while (p < end && !is_delimiter((unsigned char)*p))
            p++;
        if (p > start)
            take_token(rp_slice(start, (size_t)(p - start)), &date);
    }
    if (!date.has_time || !date.has_day || !date.has_month || !date.has_year)
        return false;
    if (date.year >= 70 && date.year <= 99)
        date.year += 1900;
    else if (date.year <= 69)
        date.year += 2000;
    if (date.year < 1601 || date.day < 1 || date.day > days_in(date.year, date.month) ||
        date.hour > 23 || date.minute > 59 || date.second > 59)
        return false;
    *ret = days_of(date.year, date.month, date.day) * 86400 + date.hour * 3600 + date.minute * 60 +
           date.second;
    return true;
}

/* ---- attributes: 5.6 -------------------------------------------------------------------------- */

/* Seconds from now on; a negative number is as good as 0. */
static bool parse_max_age(struct rp_slice value, int64_t now, int64_t *ret)
{
    bool is_negative = value.len && value.ptr[0] == '-';
    int64_t seconds = 0;

    for (size_t i = is_negative; i < value.len; i++) {
        if (!is_digit(value.ptr[i]))
            return false;
        if (seconds < INT32_MAX) /* far beyond the end of any run */
            seconds = seconds * 10 + (value.ptr[i] - '0');
    }
    if (value.len <= is_negative)
        return false;
    *ret = is_negative || seconds == 0 ? INT64_MIN : now + seconds;
    return true;
}

struct found { /* attributes that have come; the last one of a name counts */
    bool max_age;
};

static void take_attribute(struct rp_slice name, struct rp_slice value, int64_t now,
                           struct rp_cookie *cookie, struct found *found)
{
    int64_t time;

    if (value.len > RP_COOKIE_ATTRIBUTE_MAX)
        return;
    if (rp_slice_ieq(name, RP_SLICE("Expires"))) {
        if (!found->max_age && rp_cookie_date(value, &time)) {
            cookie->expires = true;
            cookie->expiry = time;
        }
    } else if (rp_slice_ieq(name, RP_SLICE("Max-Age"))) {
        if (parse_max_age(value, now, &time)) {
            found->max_age = cookie->expires = true;
            cookie->expiry = time;
        }
    } else if (rp_slice_ieq(name, RP_SLICE("Domain"))) {
        if (value.len && value.ptr[0] == '.')
            value = rp_slice(value.ptr + 1, value.len - 1);
        cookie->domain = value;
    } else if (rp_slice_ieq(name, RP_SLICE("Path"))) {
        cookie->path = value.len && value.ptr[0] == '/' ? value : rp_slice(NULL, 0);
    } else if (rp_slice_ieq(name, RP_SLICE("Secure"))) {
        cookie->secure = true;
    } else if (rp_slice_ieq(name, RP_SLICE("HttpOnly"))) {
        cookie->http_only = true;
    }
}

bool rp_cookie_parse(struct rp_slice field, int64_t now, struct rp_cookie *ret)
{
    struct rp_slice rest = field, pair = take_part(&rest, ';');
    struct found found = { false };

    *ret = (struct rp_cookie){ .secure = false };
    if (has_control(field))
        return false;
    if (!split(pair, &ret->name, &ret->value)) {
        ret->name = rp_slice(pair.ptr, 0);
        ret->value = trim(pair.ptr, pair.ptr + pair.len);
    }
    if (!(ret->name.len + ret->value.len) || ret->name.len + ret->value.len > RP_COOKIE_BYTES_MAX)
        return false;
    while (rest.len) {
        struct rp_slice attribute = take_part(&rest, ';'), name, value;

        if (!split(attribute, &name, &value)) {
            name = trim(attribute.ptr, attribute.ptr + attribute.len);
            value = rp_slice(name.ptr, 0);
        }
        take_attribute(name, value, now, ret, &found);
    }
    return true;
}

/* ---- cookies that a program sets -------------------------------------------------------------- */

bool rp_cookie_is_name(struct rp_slice text)
{
    if (!text.len || text.len > RP_COOKIE_BYTES_MAX || rp_h1_is_blank(text.ptr[0]) ||
        rp_h1_is_blank(text.ptr[text.len - 1]))
        return false;
    return !has_control(text) && !memchr(text.ptr, '=', text.len) &&
           !memchr(text.ptr, ';', text.len);
}

bool rp_cookie_is_value(struct rp_slice text)
{
    if (!text.len)
        return true;
    return text.len <= RP_COOKIE_BYTES_MAX && !rp_h1_is_blank(text.ptr[0]) &&
           !rp_h1_is_blank(text.ptr[text.len - 1]) && !has_control(text) &&
           !memchr(text.ptr, ';', text.len);
}

bool rp_cookie_next_pair(struct rp_slice field, size_t *pos, struct rp_slice *ret_name,
                         struct rp_slice *ret_value)
{
    while (*pos < field.len) {
        struct rp_slice rest = rp_slice(field.ptr + *pos, field.len - *pos), pair;

        pair = take_part(&rest, ';');
        *pos = field.len - rest.len;
        if (!split(pair, ret_name, ret_value)) {
            *ret_name = rp_slice(pair.ptr, 0);
            *ret_value = trim(pair.ptr, pair.ptr + pair.len);
        }
        if (ret_name->len + ret_value->len)
            return true;
    }
    return false;
}
