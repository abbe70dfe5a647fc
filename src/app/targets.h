/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/targets.h - a list of requests as text: what --targets reads.
 *
 *     # a line that begins with '#' is a comment
 *     GET http://127.0.0.1:8080/items?page=1 weight=3
 *
 *     POST http://127.0.0.1:8080/items name=add an item
 *     Content-Type: application/json
 *     | {"title": "a"}
 *
 *     PUT http://127.0.0.1:8080/picture
 *     @picture.jpg
 *
 * A request begins with a line of its method and its URL; the method may be left out. Behind the URL
 * may stand weight=N and, last, name=TEXT. The lines of its header follow, and its body: lines that
 * begin with '|', or the content of a file. Empty lines mean nothing. The form is that of vegeta's
 * "http" targets, with weights, names and bodies in the list.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "proto/request.h"

/* One request of the list. What it points to holds only while it is told. */
struct rp_target_request {
    struct rp_slice method, url, name, body; /* empty: not given */
    bool has_body;
    const struct rp_header *headers;
    size_t header_count;
    uint32_t weight; /* 1 when it is not given */
};

/* @line: where the request begins. Negative ends the reading with that code. */
typedef int rp_target_fn(void *user, const struct rp_target_request *target, int line,
                         struct rp_error *err);

#define RP_TARGETS_STDIN "stdin" /* what messages call a list from the standard input */

/* Calls @each for every request of @text, in their order. @place: what messages call the list. 0,
 * what @each returned, -ENOMEM, or -RP_EUSER with @err: place, line, what is wrong there. Values of
 * header fields are never shown. */
RP_NODISCARD int rp_targets_read(struct rp_slice text, const char *place, rp_target_fn *each,
                                 void *user, struct rp_error *err);
/* "NAME: VALUE", blanks around both cut off. False: there is no colon, or no name. */
bool rp_header_split(struct rp_slice line, struct rp_header *ret);
/* Appends all of the file @path, or of the standard input when it is "-". -RP_EUSER with @err when
 * it cannot be read or has more than @out may take; -ENOMEM. */
RP_NODISCARD int rp_read_whole(const char *path, struct rp_buf *out, struct rp_error *err);
