/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/units.h - numbers for people: a unit that fits, a few significant digits. Independent of the
 * locale.
 *
 * Each writes into @out (RP_UNIT_SIZE bytes) and returns it, so that calls can stand among printf's
 * arguments. NaN and infinities become "-".
 */

#include <stddef.h>
#include <stdint.h>

enum { RP_UNIT_SIZE = 40 };

/* @decimals 0..12 digits behind the point, rounded half away from zero. */
const char *rp_unit_fixed(double value, int decimals, char *out);
/* Milliseconds as "512us", "1.23ms", "12.3s", "1m02s", "1h05m", with @digits significant digits
 * below a minute. */
const char *rp_unit_time(double ms, int digits, char *out);
/* A plain number with @digits significant digits: "0.012", "12.3", "1234", "1.23M". */
const char *rp_unit_number(double value, int digits, char *out);
/* A counter's value: every digit of a whole number below 1e15, and of a fraction up to six digits
 * behind the point: "2000", "12.345", "1999.999999". */
const char *rp_unit_count(double value, char *out);
/* "12.3/s". A rate that four digits would show as 0 is written as "1.5e-5/s". */
const char *rp_unit_per_second(double value, char *out);
/* "312 B", "3.1 kB", "12.3 MB" (powers of 1000). */
const char *rp_unit_bytes(double bytes, char *out);
/* "98.12%". 0.00% and 100.00% are shown only when they are exact. */
const char *rp_unit_percent(uint64_t hits, uint64_t total, char *out);
