/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * compare/notes.h - what a reader of a comparison should know before believing it.
 */

#include "compare/compare.h"

/* Fills in comparison->notes, a line each; names in it are as hostile as they are in the files.
 * -ENOMEM. */
RP_NODISCARD int rp_compare_note(struct rp_comparison *comparison);
