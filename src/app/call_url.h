/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/call_url.h - calls of gRPC in `rampa run URL`: grpc://HOST:PORT/package.Service/Method, and grpcs
 * for TLS.
 *
 * A message is bytes for whoever sends it. So one that is given as JSON is encoded once, before the run,
 * by a Python process that knows the schema (rampa._grpc_tool), and workers send its bytes.
 */

#include <stdbool.h>

#include "app/cli.h"
#include "base/buf.h"
#include "script/requests.h"

struct rp_call_url {
    struct rp_buf text;     /* "http://HOST:PORT/package.Service/Method", or https */
    struct rp_slice target; /* of it: up to the path */
    struct rp_slice path;   /* of it */
};

/* Whether the scheme of @text is one of gRPC. */
bool rp_is_call_url(struct rp_slice text);
/* -RP_EUSER with what is wrong and how it is written; -ENOMEM. @ret is to be freed in every case. */
RP_NODISCARD int rp_call_url_parse(struct rp_slice text, struct rp_call_url *ret,
                                   struct rp_error *err);
void rp_call_url_deinit(struct rp_call_url *url);

/* Refuses options that only requests of HTTP have. */
RP_NODISCARD int rp_call_check_options(const struct rp_cli *cli, struct rp_error *err);
/* Refuses metadata that no client of gRPC may send. Values are not shown. */
RP_NODISCARD int rp_call_check_metadata(const struct rp_header *headers, size_t count,
                                        struct rp_error *err);
/* What is encoded, and for whom. */
struct rp_call_request {
    struct rp_slice url;              /* of the server: "http://HOST:PORT", or https */
    struct rp_slice path;             /* of the method */
    struct rp_slice json;             /* the text; empty = "{}" */
    const struct rp_header *metadata; /* goes along with the question to the server */
    size_t metadata_count;
};
/* Whether the line gives .proto files or descriptor sets. */
bool rp_call_has_schema(const struct rp_cli *cli);
/* Looks the method up in the files that --proto names, or asks the server for them (reflection), and
 * encodes its message. -RP_EUSER with @err; -ENOMEM. */
RP_NODISCARD int rp_call_encode(const struct rp_cli *cli, const struct rp_call_request *request,
                                enum rp_request_kind *ret_kind, struct rp_buf *ret_message,
                                struct rp_error *err);
