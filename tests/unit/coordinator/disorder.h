/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes races certain. Between the coordinator and the C library (linker option --wrap, see meson.build): the
 * coordinator does not go on before the worker has ended, and the loop is told of what happened in reverse order.
 */

#include <stdbool.h>

struct disorder {
    bool ends_at_once;  /* wait for the end of the worker just after its start */
    const char *deadly; /* or after this type of message has been sent to it, or to another one */
    bool is_reversed;   /* events of one wait are delivered last to first */
    int channel;        /* where the coordinator sent something last */
    bool is_outpaced;   /* who writes to that is always faster than the coordinator reads */
    /* Of several workers only this one (from 1) is what the run is told, the others are good. 0: all are. */
    int who;
    const char *others; /* mode of the others; NULL: good */
    int started;        /* workers, so far */
};

extern struct disorder disorder; /* zeroed = all as usual */
