/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/output_url.h - the URLs of outputs. User names, passwords and tokens can be anywhere in
 * one, so that messages show no more than scheme, host and port.
 */

#include "proto/url.h"

/* Whether @text is a URL that an output can send to. -RP_EUSER with @err, which does not show it. */
RP_NODISCARD int rp_output_url_parse(const char *text, struct rp_url *ret, struct rp_error *err);
/* Appends "https://HOST:PORT". */
void rp_output_url_show(const struct rp_url *url, struct rp_buf *out);
