/* SPDX-License-Identifier: MIT */

/*
 * Samples one by one, when the coordinator asks for them. They are written into one block, which
 * goes out when it is full and before each delta.
 *
 * The load waits for nobody who reads them. When more than WAITING_MAX bytes have not left the
 * channel yet, a block is dropped instead, and counted: so the worker's memory is bounded, and its
 * messages of other kinds are never far behind.
 */

#include <errno.h>

#include "base/alloc.h"
#include "wire/sample.h"
#include "worker/worker_internal.h"

enum {
    BLOCK_RECORDS = 3276, /* 64 KiB */
    WAITING_MAX = 8 << 20,
};

static void drop(struct rp_worker_samples *samples)
{
    samples->lost += samples->count;
    samples->count = 0;
}

/* The coordinator must know a series before it gets a sample of it. */
static void send_block(struct rp_worker *worker)
{
    struct rp_worker_samples *samples = &worker->samples;
    struct rp_msg_samples message = {
        .lost = samples->lost,
        .records = rp_slice(samples->block, (size_t)samples->count * RP_RECORD_BYTES),
    };

    rp_worker_define_new_series(worker);
    if (rp_channel_send(&worker->channel, RP_MSG_SAMPLES, &message) < 0) {
        drop(samples);
        return;
    }
    samples->count = 0;
    samples->lost = 0;
}

static void send_or_drop(struct rp_worker *worker)
{
    if (rp_channel_waiting(&worker->channel) > WAITING_MAX)
        drop(&worker->samples);
    else
        send_block(worker);
}

static void record(void *user, const struct rp_series *series, double value)
{
    struct rp_worker *worker = user;
    struct rp_worker_samples *samples = &worker->samples;
    struct rp_record sample = { .series = series->id,
                                .value = value,
                                .wall_ns = rp_loop_now(worker->loop) + samples->wall_behind };

    rp_record_write(samples->block + (size_t)samples->count * RP_RECORD_BYTES, &sample);
    if (++samples->count == BLOCK_RECORDS)
        send_or_drop(worker);
}

int rp_worker_begin_samples(struct rp_worker *worker)
{
    struct rp_worker_samples *samples = &worker->samples;

    samples->block = rp_alloc((size_t)BLOCK_RECORDS * RP_RECORD_BYTES);
    if (!samples->block)
        return -ENOMEM;
    samples->wall_behind = rp_wall_clock_ns() - rp_loop_now(worker->loop);
    rp_registry_listen(worker->registry, record, worker);
    return 0;
}

void rp_worker_send_samples(struct rp_worker *worker)
{
    if (worker->samples.count)
        send_or_drop(worker);
}

void rp_worker_end_samples(struct rp_worker *worker)
{
    if (worker->samples.count || worker->samples.lost)
        send_block(worker);
}
