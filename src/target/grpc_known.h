/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/grpc_known.h - the services of gRPC that every server may have (grpc_known.c), and what they say
 * of the others.
 */

#include "target/grpc.h"

/* NULL when there is none of that path. */
const struct rp_target_method *rp_target_known_find(struct rp_slice path);
/* examples/testservice.proto as protoc makes a FileDescriptorProto of it. */
struct rp_slice rp_target_test_descriptor(void);
