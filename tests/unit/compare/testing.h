/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Files for the tests of this folder.
 */

#include "compare/run_file.h"

#define K6_CHECKS "{\"name\": \"ok\", \"path\": \"::shop::ok\", \"passes\": 9, \"fails\": 1}"
#define HANDLE_SUMMARY                                                                             \
    "{\"root_group\": {\"name\": \"\", \"path\": \"\", \"groups\": [{\"name\": \"shop\", "         \
    "\"path\": "                                                                                   \
    "\"::shop\", \"groups\": [], \"checks\": [" K6_CHECKS "]}], \"checks\": []}, \"metrics\": {"   \
    "\"http_req_duration\": {\"type\": \"trend\", \"contains\": \"time\", \"values\": {\"avg\": "  \
    "16, \"med\": 18, \"p(95)\": 21}, \"thresholds\": {\"p(95)<20\": {\"ok\": false}}},"           \
    "\"http_req_failed\": {\"type\": \"rate\", \"values\": {\"rate\": 0.1, \"passes\": 10, "       \
    "\"fails\": 90}}, \"vus\": {\"type\": \"gauge\", \"values\": {\"value\": 1}},"                 \
    "\"dropped_iterations\": {\"type\": \"counter\", \"values\": {\"count\": 25, \"rate\": 1}},"   \
    "\"iterations\": {\"type\": \"counter\", \"values\": {\"count\": 75, \"rate\": 7.5}}}}"

/* A file with this text, removed by the next call. */
const char *file_of(const char *text);
/* A result with this text, which must be one. */
struct rp_run_file read_text(const char *text, const char *name);
