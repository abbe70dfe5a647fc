/* SPDX-License-Identifier: MIT */
#pragma once

/* What a worker of the hostile kind (hostile.h) says: what is due, anything, or noise. */

#include "hostile.h"
#include "wire/messages.h"

struct speaker { /* zeroed: it says hello first */
    struct chance *chance;
    uint32_t index;
    enum rp_message_type told; /* what it has to answer; RP_MSG_NONE: nothing */
    bool has_said_hello, is_loading, is_paused, is_running, is_told_to_stop, has_left;
    bool has_defined, is_new_state, tells_samples;
    rp_ns elapsed, paused, left; /* of its run */
    double count;
};

void hear(struct speaker *speaker, const struct rp_message *message, rp_ns now);
void say_what_is_due(struct speaker *speaker, struct rp_buf *out);
void say_anything(struct speaker *speaker, struct rp_buf *out);
void say_noise(struct speaker *speaker, struct rp_buf *out);
