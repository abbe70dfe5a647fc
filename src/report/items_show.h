/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * report/items_show.h - how 'rampa result' prints what items.c has found. The values are those of
 * the JSON that the command prints otherwise; a member of another type than is expected counts as
 * missing.
 */

#include <jansson.h>

#include "base/buf.h"
#include "base/compiler.h"

/* All but ASCII is escaped, so that nothing acts on a terminal. -ENOMEM. */
RP_NODISCARD int rp_items_put_json(const json_t *object, struct rp_buf *out);

/* These return what sticks to @out, 0 when all is well. */
RP_NODISCARD int rp_items_show_rows(const json_t *rows, struct rp_buf *out);
RP_NODISCARD int rp_items_show_overview(const json_t *overview, struct rp_buf *out);
/* @letter: of the id, which says what @row is. */
RP_NODISCARD int rp_items_show_one(char letter, const json_t *row, struct rp_buf *out);
