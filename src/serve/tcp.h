/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * serve/tcp.h - where a control server listens beside its UNIX socket: "127.0.0.1:8080".
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { RP_TCP_NAME_MAX = 300 };

/* Listens on @address, "HOST:PORT" or "[HOST]:PORT"; port 0 = the system chooses. Returns a
 * descriptor that does not block; *ret_port is its port, and @name where it is reached, as a URL has
 * it: without TLS by its address, so that no name leads elsewhere; with TLS by the host of @address,
 * which the certificate is for, and by the name of this machine when that is every address.
 * -RP_EUSER with @err filled: @address is none, cannot be had, or is reached from other machines and
 * there is no TLS. The look-up of a name may take seconds. */
RP_NODISCARD int rp_tcp_listen(const char *address, bool is_tls, uint16_t *ret_port,
                               char name[RP_TCP_NAME_MAX], struct rp_error *err);
