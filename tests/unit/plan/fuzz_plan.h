/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Resolves @json and takes the plan through JSON and back; stops the program when something does not hold. True when
 * there was a plan. */
bool try_declaration(const char *json);
