/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/digest.h - HTTP Digest authentication for a client (RFC 7616), without I/O: a challenge of a
 * server is taken apart, and answered with the value of a field Authorization.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum rp_digest_algorithm { RP_DIGEST_MD5, RP_DIGEST_SHA256, RP_DIGEST_SHA512_256 };

struct rp_digest_challenge { /* slices of the field's value, as they stand between the quotes */
    struct rp_slice realm, nonce, opaque;
    struct rp_slice algorithm_name; /* empty = it was not named, and is MD5 */
    enum rp_digest_algorithm algorithm;
    bool is_session; /* "-sess" */
    bool has_opaque;
    bool has_qop; /* auth; a server of before 2002 has none */
};

/* Finds a challenge that can be answered in the value of a WWW-Authenticate field. False: there is
 * none. */
bool rp_digest_parse(struct rp_slice field, struct rp_digest_challenge *ret);
/* Appends the value of the field Authorization. @uri: the request target. @cnonce: of our own
 * choice, hexadecimal. Failures are @out's error; -EIO when there is no such hash function. */
void rp_digest_append(const struct rp_digest_challenge *challenge, struct rp_slice user,
                      struct rp_slice password, struct rp_slice method, struct rp_slice uri,
                      struct rp_slice cnonce, struct rp_buf *out);
