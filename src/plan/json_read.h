/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/json_read.h - reading JSON that a user's script made: members by type, and messages that
 * name what was found where. Of this room only.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* What a message is about: "scenario 'browse'" at load.py:12. */
struct rp_where {
    const char *file; /* NULL when unknown */
    int line;
    const char *kind; /* "scenario", "options"; NULL = the message stands alone */
    const char *name; /* may be NULL */
};

/* -RP_EUSER with "scenario 'browse': ..." and the place. The hint is emptied: set it afterwards. */
RP_PRINTF(3, 4)
int rp_where_fail(const struct rp_where *where, struct rp_error *err, const char *fmt, ...);

enum { RP_SHOW_SIZE = 80 };
/* Text of the user's for a message: in quotes, shortened, without control characters. Returns
 * @out. */
const char *rp_show_text(const char *text, char out[RP_SHOW_SIZE]);
/* The same for any value in the words of Python: 'text', 12, True, a list, a dict. */
const char *rp_show_json(const json_t *value, char out[RP_SHOW_SIZE]);

/* Every key of @object must be one of @names. Others are kept as mistakes (rp_error_keep), with what
 * may have been meant. */
RP_NODISCARD int rp_json_check_keys(const json_t *object, const char *const *names, size_t count,
                                    const struct rp_where *where, struct rp_error *err);
/* Each puts the member @key into *ret, NULL (or false) when it is absent or null. -RP_EUSER when it
 * has another type. */
RP_NODISCARD int rp_json_object_at(const json_t *object, const char *key, const json_t **ret,
                                   const struct rp_where *where, struct rp_error *err);
RP_NODISCARD int rp_json_list_at(const json_t *object, const char *key, const json_t **ret,
                                 const struct rp_where *where, struct rp_error *err);
RP_NODISCARD int rp_json_text_at(const json_t *object, const char *key, const char **ret,
                                 const struct rp_where *where, struct rp_error *err);
RP_NODISCARD int rp_json_bool_at(const json_t *object, const char *key, bool *ret,
                                 const struct rp_where *where, struct rp_error *err);
/* Reads "file" and "line" into @where, whose strings then belong to @object. */
RP_NODISCARD int rp_json_place_at(const json_t *object, struct rp_where *where,
                                  struct rp_error *err);
/* Puts the place ["load.py", 6] into @where, whose file then belongs to @place. Leaves @where as it
 * is when @place is none. */
void rp_json_place(const json_t *place, struct rp_where *where);
/* Reads @text as one JSON value; @what names it in errors. Integers that do not fit come back as
 * reals, so that the bounds of a field can name them. */
RP_NODISCARD int rp_json_load(const char *text, const char *what, json_t **ret,
                              struct rp_error *err);
static inline bool rp_json_is_absent(const json_t *value)
{
    return !value || json_is_null(value);
}
