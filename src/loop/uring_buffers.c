/* SPDX-License-Identifier: MIT */
#include "loop/uring_buffers.h"

#include <errno.h>
#include <sys/mman.h>

enum { CHUNKS_FIRST = 2, CHUNK_BYTES = RP_URING_CHUNK_BUFFERS * RP_URING_BUFFER_SIZE };

/* Maps whole pages, which the kernel demands for the ring. */
static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

bool rp_uring_buffers_grow(struct rp_uring_buffers *buffers)
{
    unsigned first = (unsigned)buffers->chunk_count * RP_URING_CHUNK_BUFFERS;
    char *memory;

    if (buffers->chunk_count == RP_URING_CHUNKS_MAX)
        return false;
    memory = map(CHUNK_BYTES);
    if (!memory)
        return false;
    buffers->chunks[buffers->chunk_count++] = memory;
    for (unsigned i = 0; i < RP_URING_CHUNK_BUFFERS; i++)
        rp_uring_buffers_put_back(buffers, first + i);
    return true;
}

int rp_uring_buffers_init(struct rp_uring_buffers *buffers, struct io_uring *ring)
{
    struct io_uring_buf_reg group = { .ring_entries = RP_URING_BUFFERS_MAX,
                                      .bgid = RP_URING_GROUP };
    int r;

    buffers->ring = map(RP_URING_BUFFERS_MAX * sizeof(struct io_uring_buf));
    if (!buffers->ring)
        return -ENOMEM;
    group.ring_addr = (uintptr_t)buffers->ring;
    r = io_uring_register_buf_ring(ring, &group, 0);
    if (r < 0)
        return r;
    io_uring_buf_ring_init(buffers->ring);
    for (int i = 0; i < CHUNKS_FIRST; i++) {
        if (!rp_uring_buffers_grow(buffers))
            return -ENOMEM;
    }
    rp_uring_buffers_publish(buffers);
    return 0;
}

void rp_uring_buffers_deinit(struct rp_uring_buffers *buffers)
{
    for (int i = 0; i < buffers->chunk_count; i++)
        munmap(buffers->chunks[i], CHUNK_BYTES);
    if (buffers->ring)
        munmap(buffers->ring, RP_URING_BUFFERS_MAX * sizeof(struct io_uring_buf));
    *buffers = (struct rp_uring_buffers){ .ring = NULL };
}
