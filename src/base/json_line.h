/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/json_line.h - writes one JSON object on one line, member by member. Any text is allowed:
 * what is not UTF-8 becomes U+FFFD. Errors are the buffer's, sticky.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct rp_json_line {
    struct rp_buf *out;
    bool has_member; /* of the object that is open */
};

/* Begins an object: the value of the member @key, or with a NULL @key the line itself or an item of
 * a list. */
void rp_line_open(struct rp_json_line *line, const char *key);
void rp_line_close(struct rp_json_line *line);
void rp_line_open_list(struct rp_json_line *line, const char *key);
void rp_line_close_list(struct rp_json_line *line);
/* A NULL @value is null; a NULL @key makes it an item of a list. */
void rp_line_text(struct rp_json_line *line, const char *key, const char *value);
void rp_line_i64(struct rp_json_line *line, const char *key, int64_t value);
void rp_line_u64(struct rp_json_line *line, const char *key, uint64_t value);
/* A JSON string by itself, of any bytes. */
void rp_line_string(struct rp_buf *out, struct rp_slice text);
/* Writes the shortest number that reads back as the same one. Whole numbers below 2^53 have no
 * fraction; NaN and infinities are null. */
void rp_line_number(struct rp_json_line *line, const char *key, double value);
void rp_line_bool(struct rp_json_line *line, const char *key, bool value);
void rp_line_null(struct rp_json_line *line, const char *key);
