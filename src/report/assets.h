/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * report/assets.h - the files that a page carries, as tools/embed has made them part of the program.
 */

#include "base/slice.h"

struct rp_report_asset {
    const char *name; /* of the file: "page.js" */
    struct rp_slice text;
    const char *hash; /* base64 of its SHA-256, as a content security policy wants it */
};
extern const struct rp_report_asset rp_report_styles[];  /* in their order, until an empty text */
extern const struct rp_report_asset rp_report_scripts[]; /* the same */
