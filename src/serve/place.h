/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * serve/place.h - where the runs of a user that can be steered are found: a folder that nobody else
 * can enter, and in it, of each such run, a UNIX socket and a file with its token.
 *
 *     $XDG_RUNTIME_DIR/rampa/RUN-ID.sock         the socket, or where that folder is not this user's:
 *     $TMPDIR/rampa-UID/RUN-ID.sock              TMPDIR is /tmp when it is not set
 *     .../RUN-ID.sock.token                      its token, mode 0600
 *
 * What a run that was killed has left is removed by the next run.
 */

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    RP_PLACE_SOCKET_SIZE = 108, /* what an address of a UNIX socket holds, with its NUL */
    RP_PLACE_TOKEN_FILE_SIZE = RP_PLACE_SOCKET_SIZE + sizeof(".token"),
    RP_TOKEN_SIZE = 65 /* 64 hexadecimal digits and the NUL */
};

/* A random one. -errno. */
RP_NODISCARD int rp_token_make(char ret[RP_TOKEN_SIZE]);

struct rp_place {
    int fd; /* listens, without blocking; -1 when it is not there */
    char socket[RP_PLACE_SOCKET_SIZE];
    char token_file[RP_PLACE_TOKEN_FILE_SIZE];
    char token[RP_TOKEN_SIZE];
};

/* Makes the folder, removes what dead runs have left there, then makes the socket and the token of
 * the run @run_id. -RP_EUSER with @err filled: the folder cannot be made or is not this user's
 * alone, or its path is too long. */
RP_NODISCARD int rp_place_make(const char *run_id, struct rp_place *ret, struct rp_error *err);
/* Removes socket and token, and closes the descriptor unless somebody has taken it (fd = -1). No-op
 * for a place that was not made or is removed. */
void rp_place_remove(struct rp_place *place);

/* Appends the ids of the runs that listen, each followed by a line end, in the order of their
 * names. Nothing when there is none, or no folder. -RP_EUSER: the folder is not this user's
 * alone. */
RP_NODISCARD int rp_place_list(struct rp_buf *ret, struct rp_error *err);
/* A blocking connection to the run @run_id, and its token. -ENOENT: no such run listens. -RP_EUSER
 * with @err filled: the folder or the token cannot be used. */
RP_NODISCARD int rp_place_connect(const char *run_id, char token[RP_TOKEN_SIZE],
                                  struct rp_error *err);
