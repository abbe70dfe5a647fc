/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * serve/tcp.h - where a control server listens beside its UNIX socket: "127.0.0.1:8080".
 */

#include <stdint.h>

#include "base/error.h"

enum { RP_TCP_NAME_MAX = 128 };

/* Listens on @address, "HOST:PORT" or "[HOST]:PORT"; port 0 = the system chooses. Returns a
 * descriptor that does not block; *ret_port is its port, and @name where it listens, as a URL has
 * it. -RP_EUSER with @err filled: @address is none, cannot be had, or is reached from other
 * machines. The look-up of a name may take seconds. */
RP_NODISCARD int rp_tcp_listen(const char *address, uint16_t *ret_port, char name[RP_TCP_NAME_MAX],
                               struct rp_error *err);
