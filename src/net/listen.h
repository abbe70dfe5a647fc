/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/listen.h - opening a listener by the name of a host, as a server's user gives it, and saying
 * where it listens.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/listener.h"

/* Listens on the first address of @host (an address or a name) that can be had; @port 0 = the
 * system chooses. The name is looked up before this returns, which may take seconds: for the start
 * of a program. -RP_EUSER with @err filled: the name has no address, or the port is taken or not
 * permitted. */
RP_NODISCARD int rp_listen(struct rp_loop *loop, struct rp_listener *listener, const char *host,
                           uint16_t port, struct rp_error *err);
/* Writes where it listens as a URL has it, "127.0.0.1:8080" or "[::1]:8080". -errno when the system
 * does not say. */
enum { RP_LISTEN_NAME_MAX = 128 };
RP_NODISCARD int rp_listen_name(const struct rp_listener *listener, char name[RP_LISTEN_NAME_MAX]);
