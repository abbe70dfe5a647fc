/* SPDX-License-Identifier: MIT */
#include "base/units.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/*
 * printf's %f writes the locale's decimal point, and a script may have set any locale. So only
 * integers are printed: the part before the point and the part behind it.
 */

enum { COUNT_DECIMALS = 6 };

static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12 };

static const char *none(char *out)
{
    snprintf(out, RP_UNIT_SIZE, "-");
    return out;
}

const char *rp_unit_fixed(double value, int decimals, char *out)
{
    unsigned long long scaled, unit;
    const char *sign = value < 0 ? "-" : "";

    if (!isfinite(value))
        return none(out);
    decimals = decimals < 0 ? 0 : decimals > 12 ? 12 : decimals;
    while (decimals > 0 && fabs(value) * powers[decimals] >= 9e15)
        decimals--;
    if (fabs(value) >= 9e15) { /* no fraction is left; %g's "1e+300" has no decimal point */
        snprintf(out, RP_UNIT_SIZE, "%.0e", value);
        return out;
    }
    scaled = (unsigned long long)llround(fabs(value) * powers[decimals]);
    unit = (unsigned long long)powers[decimals];
    if (!scaled)
        sign = "";
    if (decimals > 0)
        snprintf(out, RP_UNIT_SIZE, "%s%llu.%0*llu", sign, scaled / unit, decimals, scaled % unit);
    else
        snprintf(out, RP_UNIT_SIZE, "%s%llu", sign, scaled);
    return out;
}

/* Decimals that show @digits significant digits of @value after rounding: 9.996 counts as 10.00. */
static int decimals_for(double value, int digits)
{
    int decimals = digits - 1;

    value = fabs(value);
    while (decimals > 0 && llround(value * powers[decimals]) >= llround(powers[digits]))
        decimals--;
    return decimals;
}

static const char *with_suffix(double value, int decimals, const char *suffix, char *out)
{
    char number[RP_UNIT_SIZE];

    rp_unit_fixed(value, decimals, number);
    snprintf(out, RP_UNIT_SIZE, "%.24s%s", number, suffix);
    return out;
}

static const char *long_time(double seconds, char *out)
{
    const char *sign = seconds < 0 ? "-" : "";
    unsigned long long total = (unsigned long long)llround(fmin(fabs(seconds), 9e15));

    if (total < 3600)
        snprintf(out, RP_UNIT_SIZE, "%s%llum%02llus", sign, total / 60, total % 60);
    else
        snprintf(out, RP_UNIT_SIZE, "%s%lluh%02llum", sign, total / 3600, total % 3600 / 60);
    return out;
}

const char *rp_unit_time(double ms, int digits, char *out)
{
    static const struct {
        double per_ms;
        const char *suffix;
        double limit; /* the next unit starts here */
    } units[] = { { 1e3, "us", 1000 }, { 1, "ms", 1000 }, { 1e-3, "s", 60 } };

    if (!isfinite(ms))
        return none(out);
    if (ms == 0) {
        snprintf(out, RP_UNIT_SIZE, "0s");
        return out;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        double value = ms * units[i].per_ms;
        int decimals = decimals_for(value, digits);

        if (llround(fabs(value) * powers[decimals]) < llround(units[i].limit * powers[decimals]))
            return with_suffix(value, decimals, units[i].suffix, out);
    }
    return long_time(ms / 1e3, out);
}

/* "1.5e-5", also of numbers whose power of ten is no double: 5e-324 is "4.9e-324". printf rounds
 * once and knows every power; of its text only the digits are used, not the locale's point. */
static const char *scientific(double value, const char *suffix, char *out)
{
    const char *sign = value < 0 ? "-" : "";
    char text[RP_UNIT_SIZE];
    int64_t exponent = 0;
    char *e;

    snprintf(text, sizeof(text), "%.1e", fabs(value));
    e = strchr(text, 'e');
    rp_parse_i64(rp_slice_str(e + 1 + (e[1] == '+')), &exponent);
    snprintf(out, RP_UNIT_SIZE, "%s%c.%ce%d%s", sign, text[0], e[-1], (int)exponent, suffix);
    return out;
}

const char *rp_unit_number(double value, int digits, char *out)
{
    static const char *const suffixes[] = { "", "k", "M", "G", "T" };
    size_t i = 0;

    if (!isfinite(value))
        return none(out);
    if (value != 0 && (fabs(value) < 1e-4 || fabs(value) >= 999.5e12))
        return scientific(value, "", out);
    if (value == rint(value) && fabs(value) < 1e5)
        return rp_unit_fixed(value, 0, out);
    if (fabs(value) < 1)
        return rp_unit_fixed(value, digits < 4 ? digits + 1 : 4, out);
    if (fabs(value) >= 99999.5) {
        for (; i + 1 < sizeof(suffixes) / sizeof(suffixes[0]) && fabs(value) >= 999.5; i++)
            value /= 1000;
    }
    return with_suffix(value, decimals_for(value, digits), suffixes[i], out);
}

const char *rp_unit_count(double value, char *out)
{
    size_t len;

    if (!isfinite(value) || (value != 0 && fabs(value) < 1e-4) || fabs(value) >= 1e15)
        return rp_unit_number(value, 4, out);
    if (value == rint(value))
        return rp_unit_fixed(value, 0, out);
    rp_unit_fixed(value, COUNT_DECIMALS, out);
    len = strlen(out);
    while (strchr(out, '.') && (out[len - 1] == '0' || out[len - 1] == '.'))
        out[--len] = '\0';
    return out;
}

const char *rp_unit_per_second(double value, char *out)
{
    if (!isfinite(value))
        return none(out);
    if (value != 0 && fabs(value) < 5e-4) /* "0.000/s" would say that there was nothing */
        return scientific(value, "/s", out);
    if (fabs(value) < 9999.5)
        return with_suffix(value, decimals_for(value, 4), "/s", out);
    if (fabs(value) < 1e15)
        return with_suffix(value, 0, "/s", out);
    return scientific(value, "/s", out);
}

const char *rp_unit_bytes(double bytes, char *out)
{
    static const char *const suffixes[] = { " B", " kB", " MB", " GB", " TB", " PB", " EB" };
    size_t i = 0;

    if (!isfinite(bytes))
        return none(out);
    for (; i + 1 < sizeof(suffixes) / sizeof(suffixes[0]) && fabs(bytes) >= 999.5; i++)
        bytes /= 1000;
    return with_suffix(bytes, i ? decimals_for(bytes, 3) : 0, suffixes[i], out);
}

const char *rp_unit_percent(uint64_t hits, uint64_t total, char *out)
{
    double percent;

    if (!total)
        return none(out);
    percent = (double)hits * 100 / (double)total;
    if (hits && percent < 0.01)
        percent = 0.01;
    if (hits < total && percent > 99.99)
        percent = 99.99;
    return with_suffix(percent, 2, "%", out);
}
