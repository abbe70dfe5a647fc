/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/base64.h - bytes as text, with the alphabet of RFC 4648, section 4.
 */

#include <stdbool.h>

#include "base/buf.h"

/* Appends the text of @data; failures are the buffer's. */
void rp_base64_append(struct rp_buf *out, struct rp_slice data);
/* Appends the bytes of @text; failures are the buffer's. False when @text is no base64: it does not
 * consist of whole groups of four, has a character of another alphabet or a character behind the
 * padding, or sets bits that no encoder sets. What was appended is rubbish then. */
RP_NODISCARD bool rp_base64_decode(struct rp_buf *out, struct rp_slice text);
