/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/listener.h - a listening socket on a loop, for servers: connections are accepted as they
 * come.
 *
 * Running out of descriptors must not make the loop spin on a listener that stays ready: it is left
 * alone then, until its owner knows of a reason to try again. Callback rules and memory are those
 * of loop/loop.h.
 */

#include "loop/loop.h"

struct rp_listener;

struct rp_listener_events {
    /* @fd is the callee's: a connected non-blocking socket (TCP_NODELAY set, CLOEXEC) for
     * rp_stream_adopt. */
    void (*accepted)(struct rp_listener *listener, int fd);
    /* Nothing is accepted until rp_listener_resume: no descriptor is left (-EMFILE, -ENFILE) or no
     * memory (-ENOBUFS, -ENOMEM), which a closed connection may change, or the listener is broken
     * (any other). */
    void (*failed)(struct rp_listener *listener, int error);
};

struct rp_listener {
    const struct rp_listener_events *events; /* set by the caller before rp_listener_open */
    int fd;                                  /* read only while open, for getsockname */
    struct rp_loop *loop;                    /* read only; NULL when closed */
    struct rp_watch watch;                   /* private; inactive while nothing is accepted */
};

/* Listens on @addr. -errno when the kernel refuses. */
RP_NODISCARD int rp_listener_open(struct rp_loop *loop, struct rp_listener *listener,
                                  const struct sockaddr *addr, socklen_t addr_len);
/* After failed(): accepts again. -errno: it does not. No-op when it accepts or is closed. */
RP_NODISCARD int rp_listener_resume(struct rp_listener *listener);
void rp_listener_close(struct rp_listener *listener); /* no-op when closed */
