/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/sample.h - the records of a `samples` message: of a fixed size, one behind the other, so
 * that recording one is three stores and a block goes out as it is.
 *
 * A record has no names in either encoding: it is the number of the series (uint32), the value
 * (float 64) and the time (int64, nanoseconds since 1970), little-endian and without gaps.
 */

#include <endian.h>
#include <stdint.h>
#include <string.h>

enum {
    RP_RECORD_BYTES = 20,
    RP_RECORDS_MAX = 1 << 16, /* of a message */
};

struct rp_record {
    uint32_t series; /* of the worker, as in its `define` */
    double value;
    int64_t wall_ns;
};

/* Into RP_RECORD_BYTES at @to. */
static inline void rp_record_write(char *to, const struct rp_record *record)
{
    uint32_t series = htole32(record->series);
    uint64_t value, time = htole64((uint64_t)record->wall_ns);

    memcpy(&value, &record->value, sizeof(value));
    value = htole64(value);
    memcpy(to, &series, sizeof(series));
    memcpy(to + 4, &value, sizeof(value));
    memcpy(to + 12, &time, sizeof(time));
}

static inline void rp_record_read(const char *from, struct rp_record *ret)
{
    uint64_t value, time;

    memcpy(&ret->series, from, sizeof(ret->series));
    memcpy(&value, from + 4, sizeof(value));
    memcpy(&time, from + 12, sizeof(time));
    ret->series = le32toh(ret->series);
    value = le64toh(value);
    memcpy(&ret->value, &value, sizeof(value));
    ret->wall_ns = (int64_t)le64toh(time);
}
