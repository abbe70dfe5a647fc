/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/stood.h - how long a whole process stood still, as the watchdog sees it.
 *
 * The watching thread only sleeps and looks. When it comes so late, nobody ran: the process was stopped
 * (by a signal, a debugger, a machine that slept), or the machine gave it no processor. In the second
 * case the kernel says how long the loop's thread has waited, and the watchdog takes that off by itself.
 */

#include "base/time.h"

enum { RP_PY_STOOD_MS = 100 };

/* The time that is to be taken off besides @waited. @late: how much later than it meant to the watching
 * thread has looked. @waited: how long the loop's thread waited for a processor since the look before. */
static inline rp_ns rp_py_stood(rp_ns late, rp_ns waited)
{
    return late > RP_PY_STOOD_MS * RP_MS && late > waited ? late - waited : 0;
}
