/* SPDX-License-Identifier: MIT */
#include "sched/schedule.h"

#include <math.h>

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/*
 * A double holds the binary fraction m * 2^-s that is nearest to the decimal that was written. That
 * decimal is found again as the one with the fewest decimals n / 10^p whose nearest double this is:
 * |n / 10^p - m / 2^s| < 2^-s / 2. All is computed in integers, because a worker on another machine
 * must find the same.
 */
struct rp_rational rp_rational_of(double value)
{
    int exponent, s;
    int64_t ten = 1;
    unsigned __int128 n, m;

    if (!(value > 0))
        return (struct rp_rational){ 0, 1 };
    if (value >= 0x1p62)
        return (struct rp_rational){ INT64_C(1) << 62, 1 };
    m = (unsigned __int128)ldexp(frexp(value, &exponent), 53);
    s = 53 - exponent;
    if (s <= 0)
        return (struct rp_rational){ (int64_t)(m << -s), 1 };
    if (s > 100) /* below 2^-47, that is, nearer to 0 than to the ninth decimal */
        return (struct rp_rational){ 0, 1 };
    for (;; ten *= 10) {
        unsigned __int128 exact = m * (unsigned __int128)ten, back;

        n = (exact + ((unsigned __int128)1 << (s - 1))) >> s;
        back = n << s;
        if (ten == 1000000000 || 2 * (back > exact ? back - exact : exact - back) < (uint64_t)ten)
            break;
        if (n > INT64_MAX / 10)
            break;
    }
    return (struct rp_rational){ (int64_t)n / gcd((int64_t)n, ten), ten / gcd((int64_t)n, ten) };
}
