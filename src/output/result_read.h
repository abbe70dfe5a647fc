/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/result_read.h - reading what a run has left: a file with one JSON document, a result file
 * mostly (docs/result.md).
 */

#include <jansson.h>

#include "base/error.h"

enum { RP_RESULT_BYTES_MAX = 256 << 20 /* of a file that is read */ };

/* Reads the document at @path ("-" is standard input) and judges nothing but that it is JSON. *ret
 * is the caller's, to be freed with json_decref(). -RP_EUSER with cause and remedy: the file cannot
 * be read, is too long, is no JSON, or was cut off. -ENOMEM. */
RP_NODISCARD int rp_result_read(const char *path, json_t **ret, struct rp_error *err);
/* Whether the document is a result file of the schema that this program reads. -RP_EUSER: it has
 * another schema, or none. @what says what the reader would do with it ("make the report"), for the
 * remedy. */
RP_NODISCARD int rp_result_check_schema(const json_t *document, const char *path, const char *what,
                                        struct rp_error *err);
