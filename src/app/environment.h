/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/environment.h - variables of the environment that begin as rampa's own do and are none:
 * RAMPA_VU=3 would be ignored without a word.
 */

#include <stdio.h>

/* Prints a warning for each such variable of @environment, whose last pointer is NULL. Those of the
 * project's own benchmarks and tests are left alone. */
void rp_environment_warn(FILE *stream, char *const *environment);
