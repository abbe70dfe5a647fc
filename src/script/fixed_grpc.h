/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/fixed_grpc.h - the requests of fixed.h that are calls of gRPC.
 */

#include "grpc/grpc.h"
#include "script/requests.h"
#include "script/script.h"

/* What all VUs have of one request; zeroed = it is no call. */
struct rp_fixed_call {
    struct rp_grpc_method *method;
    struct rp_slice message; /* owned */
};

/* @timeout: the deadline; 0 = 60 s. -RP_EUSER with @err; -ENOMEM. @ret is to be deinitialised in every
 * case. */
RP_NODISCARD int rp_fixed_call_init(struct rp_fixed_call *ret, struct rp_grpc_client *client,
                                    const struct rp_one_request *request, rp_ns timeout,
                                    struct rp_error *err);
void rp_fixed_call_deinit(struct rp_fixed_call *call);

/* What one VU has for its calls. */
struct rp_fixed_caller;
/* -ENOMEM. @closes_connections: no connection outlives its iteration. */
RP_NODISCARD int rp_fixed_caller_new(struct rp_vu *vu, struct rp_grpc_client *client,
                                     bool closes_connections, struct rp_fixed_caller **ret);
/* A call that is under way leaves no sample. NULL is allowed. */
void rp_fixed_caller_free(struct rp_fixed_caller *caller);
/* Makes the call, and tells the engine of the end of the iteration. */
void rp_fixed_caller_begin(struct rp_fixed_caller *caller, const struct rp_fixed_call *call);
/* Ends it, if it is under way; the engine is not told. */
void rp_fixed_caller_interrupt(struct rp_fixed_caller *caller);
