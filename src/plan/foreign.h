/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/foreign.h - what may have been meant by a name that is no field: a misspelt one, k6's spelling
 * of the same field, or a word of another tool's for something that is said differently here.
 */

#include <stddef.h>

#include "base/error.h"

/* Puts into @err what may have been meant by @key, where @names are the fields that there are.
 * Returns the field among them, or NULL when it was none or nothing is known. */
const char *rp_foreign_hint(const char *key, const char *const *names, size_t count,
                            struct rp_error *err);
