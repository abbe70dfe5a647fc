/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/script_file.h - is this file a script that can be loaded? Asked before an interpreter is
 * started.
 */

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"

/* Whether @script is a URL ("http://...", or anything else with a scheme): then it is no file but a
 * request to be made again and again. */
bool rp_script_is_url(const char *script);
/* Returns 0, or -RP_EUSER with @err filled (place, message, the nearest file of the same folder as
 * a hint). */
RP_NODISCARD int rp_script_file_check(const char *path, struct rp_error *err);
