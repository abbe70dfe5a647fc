/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/ink.h - the colours of all texts that rampa shows on a terminal, as the escapes that begin
 * them.
 */

#include <stdbool.h>

#define RP_INK_OFF "\x1b[0m"
#define RP_INK_BOLD "\x1b[1m"    /* titles */
#define RP_INK_DIM "\x1b[2m"     /* what matters less */
#define RP_INK_RED "\x1b[31m"    /* bad */
#define RP_INK_GREEN "\x1b[32m"  /* good */
#define RP_INK_YELLOW "\x1b[33m" /* worth a look */
#define RP_INK_CYAN "\x1b[36m"   /* names, remedies, what goes on */

/* @ink when @on, else "". */
static inline const char *rp_ink(bool on, const char *ink)
{
    return on ? ink : "";
}
