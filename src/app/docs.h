/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/docs.h - the man page and the reference page, made from the tables of app/cli.h.
 */

#include "base/buf.h"

/* Appends the man page (roff). */
void rp_docs_man(struct rp_buf *out);
/* Appends the reference of commands, options, variables and exit codes (Markdown), for
 * docs/cli.md. */
void rp_docs_reference(struct rp_buf *out);
