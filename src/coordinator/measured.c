/* SPDX-License-Identifier: MIT */
#include "coordinator/measured.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "run/measured.h"
#include "run/sink.h"
#include "wire/sample.h"

/* Of a moment of the executors' clock. When they never ran, now. */
static int64_t wall_of(const struct rp_result *result, rp_ns elapsed)
{
    int64_t started = result->started_wall_ns;

    return started ? rp_ns_add(started, elapsed) : rp_wall_clock_ns();
}

static void tell_interval(void *user, rp_ns start, rp_ns length,
                          const struct rp_store_change *changes, size_t count)
{
    const struct rp_measured *measured = user;
    const struct rp_interval interval = { .start = start,
                                          .length = length,
                                          .wall_ns = wall_of(measured->result, start),
                                          .changes = changes,
                                          .count = count };

    if (length || count)
        rp_sinks_interval(measured->sinks, &interval);
}

int rp_measured_begin(struct rp_measured *measured, struct rp_result *result,
                      struct rp_sinks *sinks)
{
    *measured = (struct rp_measured){ .result = result,
                                      .sinks = sinks,
                                      .wants_samples = rp_sinks_take_samples(sinks) };
    if (!rp_sinks_take_intervals(sinks))
        return 0;
    return rp_store_keep_intervals(result->store, tell_interval, measured);
}

static int read_sample(const struct rp_store *store, uint32_t worker, const char *from,
                       struct rp_sample *ret)
{
    struct rp_record record;

    rp_record_read(from, &record);
    ret->series = rp_store_series(store, worker, record.series);
    ret->value = record.value;
    ret->wall_ns = record.wall_ns;
    return ret->series && isfinite(record.value) ? 0 : -EBADMSG;
}

int rp_measured_samples(struct rp_measured *measured, uint32_t worker,
                        const struct rp_msg_samples *from)
{
    size_t count = from->records.len / RP_RECORD_BYTES;
    struct rp_sample *samples;
    int r = 0;

    if (from->records.len % RP_RECORD_BYTES || count > RP_RECORDS_MAX || !measured->wants_samples)
        return -EBADMSG;
    samples = rp_calloc(count, sizeof(*samples));
    if (!samples)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = read_sample(measured->result->store, worker, from->records.ptr + i * RP_RECORD_BYTES,
                        &samples[i]);
    if (r == 0) {
        measured->got += count;
        measured->lost += from->lost;
        rp_sinks_samples(measured->sinks, &(struct rp_sample_block){ .worker = worker + 1,
                                                                     .samples = samples,
                                                                     .count = count,
                                                                     .lost = from->lost });
    }
    rp_free(samples);
    return r;
}

void rp_measured_end(const struct rp_measured *measured)
{
    uint64_t recorded = measured->got + measured->lost;

    if (measured->lost)
        rp_result_warn(measured->result,
                       "%llu of %llu samples did not reach the outputs that take them one by one: "
                       "they came faster than they were taken; nothing else misses them",
                       (unsigned long long)measured->lost, (unsigned long long)recorded);
}
