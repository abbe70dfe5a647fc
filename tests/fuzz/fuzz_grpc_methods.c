/* SPDX-License-Identifier: MIT */

/* Whatever a message to a method of the target is, the method ends the call once or takes the message whole, writes as
 * many responses as it has parameters at most, and gives each of them a size that can be. */

#include "base/alloc.h"
#include "fuzz_targets.h"
#include "target/grpc_known.h"

enum { PARTS_MAX = 4 };

/* ---- what the target does for its methods ---- */

void rp_target_call_end(struct rp_target_call *call, int status, struct rp_slice text)
{
    rp_assert(!call->is_ended && status >= 0 && (text.len == 0 || text.ptr));
    call->is_ended = true;
}

void rp_target_call_write(struct rp_target_call *call, struct rp_slice message)
{
    rp_assert(!call->is_ended && message.len < 1 << 16);
    call->sent++;
}

void rp_target_call_write_zeros(struct rp_target_call *call, bool has_payload, uint32_t size,
                                bool is_compressed)
{
    rp_assert(!call->is_ended && size <= INT32_MAX && (has_payload || !size));
    call->sent++;
}

void rp_target_call_wait(struct rp_target_call *call, rp_ns time)
{
    rp_assert(!call->is_ended && !call->has_waited && time > 0);
    call->is_waiting = true;
}

/* ---- calls ---- */

static void take(const struct rp_target_method *method, struct rp_target_call *call,
                 struct rp_slice message)
{
    size_t before = call->sent;

    call->at = 0;
    call->has_waited = call->is_waiting = false;
    method->take(call, message);
    while (!call->is_ended && method->next && method->next(call, message)) {
        rp_assert(call->at <= message.len);
        call->has_waited = call->is_waiting;
        call->is_waiting = false;
    }
    rp_assert(call->sent - before <= message.len + 1);
}

int rp_fuzz_grpc_methods(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {
        "/grpc.testing.TestService/EmptyCall",
        "/grpc.testing.TestService/UnaryCall",
        "/grpc.testing.TestService/StreamingOutputCall",
        "/grpc.testing.TestService/StreamingInputCall",
        "/grpc.testing.TestService/FullDuplexCall",
        "/grpc.testing.TestService/UnimplementedCall",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.Health/Check",
    };
    struct rp_target_call call = { 0 };
    const struct rp_target_method *method;
    struct rp_slice path;
    size_t parts, each;

    if (size < 2)
        return 0;
    path = rp_slice_str(paths[data[0] % RP_ARRAY_LEN(paths)]);
    method = rp_target_method_find(path);
    if (!method)
        method = rp_target_known_find(path);
    rp_assert(method);
    call.is_compressed = data[1] & 1;
    parts = 1 + (data[1] >> 1) % PARTS_MAX;
    each = (size - 2) / parts;
    for (size_t i = 0; i < parts && !call.is_ended; i++) {
        struct rp_buf copy; /* of its own, so that a look behind its end is seen */

        rp_buf_init(&copy, 1 << 20);
        rp_buf_append(&copy, data + 2 + i * each, each);
        if (!copy.error)
            take(method, &call, rp_buf_slice(&copy));
        rp_buf_deinit(&copy);
    }
    if (!call.is_ended && method->end)
        method->end(&call);
    return 0;
}
