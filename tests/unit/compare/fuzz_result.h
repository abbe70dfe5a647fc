/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Reads the files in @text, which a NUL parts, or the one file twice, as results, and compares them. Stops the program
 * when something does not hold. True when there was a comparison. */
bool try_results(struct rp_slice text);
