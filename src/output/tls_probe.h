/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/tls_probe.h - finds out why a server ends connections without an answer: it may want TLS.
 */

#include "base/time.h"
#include "loop/loop.h"
#include "proto/url.h"

/* Whether the server of @url, which says no TLS, does a handshake of TLS when it is asked for one. That takes a
 * connection, through @proxy (NULL = none), and sends nothing of the user's; it takes @timeout at most, in
 * which @loop is turned. False when it cannot be found out. */
bool rp_speaks_tls(struct rp_loop *loop, const struct rp_url *url, const char *proxy,
                   rp_ns timeout);
