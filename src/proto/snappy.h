/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/snappy.h - compression in the block format of Snappy, which Prometheus wants: an LZ77 that
 * favours speed. One pass over blocks of 64 KiB; repetitions of four bytes and more are found by a
 * table of hashes.
 */

#include "base/buf.h"
#include "base/slice.h"

/* Appends @text, of less than 4 GiB, compressed. At worst that is a sixth longer. Errors are the
 * buffer's, sticky. */
void rp_snappy_compress(struct rp_slice text, struct rp_buf *out);
