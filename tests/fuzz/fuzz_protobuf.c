/* SPDX-License-Identifier: MIT */

/* A message of Protocol Buffers is read to its end or refused, as are the messages in it. What was
 * read and is written again reads the same. */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "fuzz_targets.h"
#include "proto/protobuf.h"

enum { DEPTH = 8 };

static void check(struct rp_slice message, int depth)
{
    struct rp_slice rest = message;
    struct rp_buf copy, nested;
    struct rp_pb_field field;
    bool is_copied = true;
    int r;

    rp_buf_init(&copy, 1 << 22);
    rp_buf_init(&nested, 1 << 22);
    while ((r = rp_pb_next(&rest, &field)) == 1) {
        rp_assert(field.number > 0 && rest.len < message.len);
        if (field.kind == RP_PB_VARINT)
            rp_pb_int(&copy, field.number, field.value);
        else if (field.kind == RP_PB_FIXED_64)
            rp_pb_fixed64(&copy, field.number, field.value);
        else if (field.kind == RP_PB_BYTES)
            rp_pb_bytes(&copy, field.number, field.bytes);
        else
            is_copied = false; /* it is not written */
        if (field.kind == RP_PB_BYTES && depth)
            check(field.bytes, depth - 1);
    }
    rp_assert(r == 0 ? rest.len == 0 : r == -EBADMSG);
    if (r == 0 && is_copied) {
        struct rp_slice a = message, b = rp_buf_slice(&copy);
        struct rp_pb_field other;
        size_t begin = rp_pb_begin(&nested, 7);

        rp_buf_append_slice(&nested, b);
        rp_pb_end(&nested, begin);
        while (rp_pb_next(&a, &field) == 1) {
            rp_assert(rp_pb_next(&b, &other) == 1);
            rp_assert(field.number == other.number && field.kind == other.kind);
            rp_assert(field.value == other.value && rp_slice_eq(field.bytes, other.bytes));
        }
        rp_assert(b.len == 0);
        a = rp_buf_slice(&nested);
        rp_assert(rp_pb_next(&a, &field) == 1 && field.number == 7 && a.len == 0);
        rp_assert(rp_slice_eq(field.bytes, rp_buf_slice(&copy)));
    }
    rp_buf_deinit(&copy);
    rp_buf_deinit(&nested);
}

int rp_fuzz_protobuf(const uint8_t *data, size_t size)
{
    if (size < 1 << 16)
        check(rp_slice((const char *)data, size), DEPTH);
    return 0;
}
