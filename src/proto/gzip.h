/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/gzip.h - compression by gzip (RFC 1952), of a whole text at once. What others have
 * compressed is decoded by proto/coding.h.
 */

#include "base/buf.h"

/* Appends @text compressed: quickly, not to the last byte. Errors are the buffer's, sticky; -ENOMEM
 * too when there is no memory for the work. */
void rp_gzip_compress(struct rp_slice text, struct rp_buf *out);
