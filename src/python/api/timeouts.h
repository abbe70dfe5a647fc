/* SPDX-License-Identifier: MIT */
#pragma once

/* python/api/timeouts.h - the option timeout= of a request. */

#include "python/api/api_internal.h"

/* Takes a number of seconds, an object with the attributes of aiohttp's ClientTimeout, httpx's Timeout or
 * rampa.Timeout, or a pair (connect, idle) as requests has it. -1 with an exception. */
int rp_py_timeout_apply(PyObject *value, struct rp_http_call *call);
