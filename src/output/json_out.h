/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/json_out.h - building JSON with jansson, without a check at every line: a failure sticks
 * to the object, and the finished value is NULL then. A document is written member by member, so
 * that only one large member is in memory.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct rp_json_object { /* keys keep the order in which they were put */
    json_t *value;
    bool failed;
};

struct rp_json_object rp_json_object(void);
/* Takes @value; a NULL one is a failure. */
void rp_json_put(struct rp_json_object *object, const char *key, json_t *value);
/* The finished object, or NULL after any failure. */
json_t *rp_json_take(struct rp_json_object *object);
/* Appends @value, which is taken, to *array; after a failure *array is NULL and stays so. */
void rp_json_push(json_t **array, json_t *value);

/* NULL becomes null; bytes that are no UTF-8 become U+FFFD. */
json_t *rp_json_text(const char *text);
/* NaN and infinities become null, whole numbers integers. */
json_t *rp_json_number(double value);
json_t *rp_json_count(uint64_t value);

struct rp_json_document {
    struct rp_buf *out;
    unsigned depth; /* open objects */
    bool has_member;
};

/* "{", with each member on lines of its own. */
void rp_json_open(struct rp_json_document *document, const char *key);
void rp_json_close(struct rp_json_document *document);
/* "[", with each item on a line of its own. */
void rp_json_open_list(struct rp_json_document *document, const char *key);
void rp_json_close_list(struct rp_json_document *document);
/* Writes an item of a list and frees it. As rp_json_member(). */
RP_NODISCARD int rp_json_item(struct rp_json_document *document, json_t *value, size_t flags);
/* Writes "key": value and frees the value. NULL: -ENOMEM. @flags are jansson's (JSON_INDENT(2),
 * JSON_COMPACT, ..). */
RP_NODISCARD int rp_json_member(struct rp_json_document *document, const char *key, json_t *value,
                                size_t flags);
/* Writes "key": and a value that is JSON text already. The text is not parsed again, because
 * jansson's parser silently drops a byte when memory runs out. */
void rp_json_member_text(struct rp_json_document *document, const char *key, struct rp_slice json);
