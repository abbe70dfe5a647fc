/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Texts that are compared with files of tests/unit/ui/golden. RP_UPDATE_GOLDEN=1 writes them anew; read the difference
 * before committing it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

/* Ends the test when @text is not what the file @name has. */
void compare_golden(const struct rp_buf *text, const char *name, ...) RP_PRINTF(2, 3);
