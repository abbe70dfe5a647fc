/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/output_url.h - the URLs of outputs. User names, passwords and tokens can be anywhere in
 * one, so that messages show no more than scheme, host and port.
 */

#include "proto/url.h"

/* Whether @text is a URL that an output can send to. -RP_EUSER with @err, which does not show it. */
RP_NODISCARD int rp_output_url_parse(const char *text, struct rp_url *ret, struct rp_error *err);
/* Appends "https://HOST:PORT"; of a server that speaks gRPC "grpcs://HOST:PORT". */
void rp_output_url_show(const struct rp_url *url, bool is_grpc, struct rp_buf *out);
/* Whether @text begins with grpc:// or grpcs://. */
bool rp_output_url_is_grpc(const char *text);
/* Appends the URL of http or https that a target of gRPC stands for, "http://HOST:PORT":
 * grpc://HOST:PORT and grpcs://HOST:PORT, whose port may be missing and is @port then, and URLs of http
 * and https. It has no path. With @default_scheme, unless it is NULL, HOST:PORT is a target too.
 * -RP_EUSER with @err, which does not show it. */
RP_NODISCARD int rp_output_url_put_target(const char *text, uint16_t port,
                                          const char *default_scheme, struct rp_buf *out,
                                          struct rp_error *err);
