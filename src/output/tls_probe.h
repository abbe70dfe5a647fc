/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/tls_probe.h - finds out why a server ends connections without an answer: it may want TLS.
 */

#include "base/time.h"
#include "loop/loop.h"
#include "proto/url.h"

struct rp_tls_probe;

/* Asks whether the server of @url, which says no TLS, does a handshake of TLS when it is asked for one. That takes
 * a connection, through @proxy (NULL = none), and sends nothing of the user's; the answer comes while @loop is
 * turned, after @timeout at the latest. @proxy is borrowed until the probe is freed, @url is not. */
RP_NODISCARD int rp_tls_probe_start(struct rp_loop *loop, const struct rp_url *url,
                                    const char *proxy, rp_ns timeout, struct rp_tls_probe **ret);
bool rp_tls_probe_is_over(const struct rp_tls_probe *probe);
/* The answer, once it is over. False also when it could not be found out. */
bool rp_tls_probe_found(const struct rp_tls_probe *probe);
/* It need not be over. NULL is allowed. */
void rp_tls_probe_free(struct rp_tls_probe *probe);
