/* SPDX-License-Identifier: MIT */
#include "sched/schedule.h"

#include <math.h>

#include "sched/wide.h"

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
    return (struct rp_rational){ (int64_t)n / rp_gcd((int64_t)n, ten),
                                 ten / rp_gcd((int64_t)n, ten) };
}

rp_ns rp_adjusted_until(const struct rp_scenario *scenario, rp_ns at, bool hold)
{
    rp_ns end = 0;

    if (hold || !rp_executor_kinds[scenario->executor].has_stages)
        return rp_scenario_regular(scenario);
    for (size_t i = 0; i < scenario->stage_count && end <= at; i++)
        end = rp_ns_add(end, scenario->stages[i].duration);
    return end;
}
