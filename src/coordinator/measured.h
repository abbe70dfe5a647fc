/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/measured.h - what is measured goes on to the sinks that ask for it (run/measured.h):
 * each second by series, and samples one by one. When none does, neither is made.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "run/result.h"
#include "wire/messages.h"

struct rp_sinks;

struct rp_measured { /* zeroed: nobody asks */
    struct rp_result *result;
    struct rp_sinks *sinks;
    bool wants_samples; /* some sink does: the workers are to be asked */
    uint64_t got, lost; /* samples one by one, of all workers */
};

/* The store of @result is new, and the sinks (may be NULL) are open: what they ask for is kept from
 * now on. Both are borrowed. -ENOMEM. */
RP_NODISCARD int rp_measured_begin(struct rp_measured *measured, struct rp_result *result,
                                   struct rp_sinks *sinks);
/* Worker @worker (from 0) tells of samples. -EBADMSG: they cannot be, or nobody has asked for them;
 * -ENOMEM. */
RP_NODISCARD int rp_measured_samples(struct rp_measured *measured, uint32_t worker,
                                     const struct rp_msg_samples *samples);
/* All workers have told: warns of what was lost. */
void rp_measured_end(const struct rp_measured *measured);
