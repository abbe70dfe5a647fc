/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/uring_buffers.h - the ring of receive buffers that all streams of an io_uring share. Private
 * to uring.c.
 *
 * The kernel takes a buffer when bytes have come, and the loop puts it back after the callback.
 * Buffers come in chunks of a MiB, more only when they have run out; memory that was never received
 * into is never touched.
 */

#include <liburing.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "loop/stamps.h"

enum {
    RP_URING_GROUP = 0, /* of the buffers, for requests */
    RP_URING_BUFFER_SIZE = 16 * 1024,
    RP_URING_CHUNK_BUFFERS = 64,
    RP_URING_CHUNKS_MAX = 16,
    RP_URING_BUFFERS_MAX = RP_URING_CHUNK_BUFFERS * RP_URING_CHUNKS_MAX,
};

/* What stands in a buffer before the bytes of a stream with stamps. */
struct rp_uring_stamped {
    struct io_uring_recvmsg_out out;
    union rp_stamp_control control;
};

struct rp_uring_buffers { /* valid when zeroed */
    struct io_uring_buf_ring *ring;
    char *chunks[RP_URING_CHUNKS_MAX];
    int chunk_count;
    int unpublished; /* buffers put into the ring that the kernel does not see yet */
};

/* Registers the ring with @ring. On failure (-errno) deinit frees what there is. */
RP_NODISCARD int rp_uring_buffers_init(struct rp_uring_buffers *buffers, struct io_uring *ring);
/* After the io_uring has gone. */
void rp_uring_buffers_deinit(struct rp_uring_buffers *buffers);
/* Adds a chunk. False, which is no error, at the maximum or without memory: streams wait for the
 * buffers in use. */
bool rp_uring_buffers_grow(struct rp_uring_buffers *buffers);

static inline char *rp_uring_buffers_at(const struct rp_uring_buffers *buffers, unsigned id)
{
    return buffers->chunks[id / RP_URING_CHUNK_BUFFERS] +
           (size_t)(id % RP_URING_CHUNK_BUFFERS) * RP_URING_BUFFER_SIZE;
}

static inline void rp_uring_buffers_put_back(struct rp_uring_buffers *buffers, unsigned id)
{
    io_uring_buf_ring_add(buffers->ring, rp_uring_buffers_at(buffers, id), RP_URING_BUFFER_SIZE,
                          (unsigned short)id, io_uring_buf_ring_mask(RP_URING_BUFFERS_MAX),
                          buffers->unpublished++);
}

/* Shows the kernel what has been put back. */
static inline void rp_uring_buffers_publish(struct rp_uring_buffers *buffers)
{
    io_uring_buf_ring_advance(buffers->ring, buffers->unpublished);
    buffers->unpublished = 0;
}

/* Takes off what stands before the bytes of @stream, and makes *at the time at which they came. @len:
 * of all that is in the buffer; returns that of the bytes, which is 0 at the end of the peer. */
static inline int rp_uring_unwrap(struct rp_stamps *stamps, struct rp_stream *stream, int len,
                                  const char **bytes, rp_ns *at)
{
    const struct rp_uring_stamped *stamped = (const struct rp_uring_stamped *)*bytes;

    len -= (int)sizeof(*stamped);
    *bytes += sizeof(*stamped);
    if (len > 0)
        *at = rp_stamps_read(stamps, stream, &stamped->control, stamped->out.controllen, *at);
    return len;
}
