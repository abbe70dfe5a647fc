/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/text_file.h - what the outputs have in common that write one text when the run has ended:
 * the file, which is opened before the run so that a wrong path fails early, and appears by rename.
 */

#include "output/output.h"

struct rp_text_format {
    /* Appends the text. 0, or a negative code. */
    int (*write)(const struct rp_result *result, struct rp_buf *out);
};

/* As rp_output_kind.make. */
RP_NODISCARD int rp_text_file_new(const struct rp_output_spec *spec,
                                  const struct rp_text_format *format, struct rp_output **ret,
                                  struct rp_error *err);

extern const struct rp_output_kind rp_output_junit;
