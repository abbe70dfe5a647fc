/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/github.h - the output github: what a workflow of GitHub shows of a run.
 *
 * Failures become annotations, which are commands on standard error ("::error ..."): at most ten,
 * for GitHub shows no more of a step. The step summary is Markdown, appended to the file that is the
 * destination, else GITHUB_STEP_SUMMARY; it is far smaller than the MiB that GitHub takes. Names
 * that scripts and servers have made can add neither commands nor markup.
 */

#include "output/output.h"

extern const struct rp_output_kind rp_output_github;
