/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/script_file.h - is this file a script that can be loaded? Asked before an interpreter is started.
 */

#include "base/compiler.h"
#include "base/error.h"

/* Returns 0, or -RP_EUSER with @err filled (place, message, the nearest file of the same folder as a hint). */
RP_NODISCARD int rp_script_file_check(const char *path, struct rp_error *err);
