/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include <stdlib.h>
#include <string.h>

#include "proto/digest.h"
#include "proto/h1.h"

enum { OUT_MAX = 1 << 24 };

static void check_inside(struct rp_slice part, struct rp_slice text)
{
    rp_assert(!part.len || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
}

int rp_fuzz_digest(const uint8_t *data, size_t size)
{
    struct rp_digest_challenge challenge;
    char *copy = malloc(size ? size : 1);
    struct rp_slice field;
    struct rp_buf out;

    rp_assert(copy);
    if (size)
        memcpy(copy, data, size);
    field = rp_slice(copy, size);
    /* The parser of responses lets no other bytes through. */
    if (rp_h1_is_field_value(field) && rp_digest_parse(field, &challenge)) {
        check_inside(challenge.realm, field);
        check_inside(challenge.nonce, field);
        check_inside(challenge.opaque, field);
        rp_buf_init(&out, OUT_MAX);
        rp_digest_append(&challenge, RP_SLICE("j\"oe"), RP_SLICE("pw"), RP_SLICE("GET"),
                         RP_SLICE("/x?y"), RP_SLICE("0123"), &out);
        rp_assert(!out.error && rp_h1_is_field_value(rp_buf_slice(&out)));
        rp_buf_deinit(&out);
    }
    free(copy);
    return 0;
}
