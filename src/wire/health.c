/* SPDX-License-Identifier: MIT */
#include "wire/health.h"

enum { FIELDS = 16 };

void rp_write_health(struct rp_buf *out, const struct rp_worker_health *health)
{
    rp_write_list(out, FIELDS);
    rp_write_i64(out, health->observed);
    rp_write_i64(out, health->busy);
    rp_write_i64(out, health->computed);
    rp_write_i64(out, health->waited);
    rp_write_i64(out, health->stopped);
    rp_write_u64(out, health->stops);
    rp_write_u64(out, health->probes);
    rp_write_u64(out, health->late_probes);
    rp_write_u64(out, health->blocks);
    rp_write_i64(out, health->blocked);
    rp_write_u64(out, health->arrivals);
    rp_write_u64(out, health->late_arrivals);
    rp_write_u64(out, health->late_drops);
    rp_write_u64(out, health->no_descriptors);
    rp_write_u64(out, health->no_ports);
    rp_write_u64(out, health->faults);
}

static rp_ns time_at(struct rp_field list, size_t i)
{
    rp_ns time = rp_field_i64(rp_field_at(list, i), 0);

    return time > 0 ? time : 0;
}

static uint64_t count_at(struct rp_field list, size_t i)
{
    return rp_field_u64(rp_field_at(list, i), 0);
}

void rp_read_health(struct rp_field list, struct rp_worker_health *ret)
{
    *ret = (struct rp_worker_health){ .observed = time_at(list, 0),
                                      .busy = time_at(list, 1),
                                      .computed = time_at(list, 2),
                                      .waited = time_at(list, 3),
                                      .stopped = time_at(list, 4),
                                      .stops = count_at(list, 5),
                                      .probes = count_at(list, 6),
                                      .late_probes = count_at(list, 7),
                                      .blocks = count_at(list, 8),
                                      .blocked = time_at(list, 9),
                                      .arrivals = count_at(list, 10),
                                      .late_arrivals = count_at(list, 11),
                                      .late_drops = count_at(list, 12),
                                      .no_descriptors = count_at(list, 13),
                                      .no_ports = count_at(list, 14),
                                      .faults = count_at(list, 15) };
}
