/* SPDX-License-Identifier: MIT */
#pragma once

/* A request whose body is read as it comes, and the server's end of its connection. */

#include "http/stream.h"
#include "testing.h"

struct reading {
    struct env env;
    struct request request; /* for its template */
    struct rp_http_stream stream;
    struct rp_http_response response;
    int woken, fd;
};

/* The server has had the request. */
void reading_init(struct reading *r, struct world *world);
void reading_deinit(struct reading *r);
/* The server sends a text. */
void write_text(struct reading *r, const char *text);
/* The server sends what the socket takes of @data after *@written, which grows. */
void fill_socket(struct reading *r, const char *data, size_t len, size_t *written);
