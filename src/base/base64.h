/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/base64.h - bytes as text, with the alphabet of RFC 4648, section 4.
 */

#include <stdbool.h>

#include "base/buf.h"

/* Appends the text of @data; failures are the buffer's. */
void rp_base64_append(struct rp_buf *out, struct rp_slice data);
/* Appends the bytes of @text; failures are the buffer's. False when it is no base64: another length
 * than whole groups of four, another character, one behind the padding, or bits that no encoder
 * leaves. Then what was appended is rubbish. */
RP_NODISCARD bool rp_base64_decode(struct rp_buf *out, struct rp_slice text);
