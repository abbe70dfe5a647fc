/* SPDX-License-Identifier: MIT */
#pragma once

/* What the fake worker says and hears, without a loop: descriptor 3. */

#include "wire/messages.h"

void say(enum rp_message_type type, const void *from);
/* What no struct can hold: a lie about the kind of a field, or a field that is not there. */
void say_json(const char *json);

extern enum rp_encoding heard; /* of the last message received */
extern rp_ns heard_at;         /* of the last `start` */
extern char heard_adjust[80];  /* the last `adjust`: "f rate 2.5 20000000 hold" */
/* The next message; ends the process when the coordinator is gone. */
enum rp_message_type receive(void);

/* Warnings, together more than the coordinator reads in a turn of its loop if the machine lets a
 * socket keep so much; never more than it keeps. */
void say_much(void);
/* Warnings, faster than anybody reads them, until somebody ends the process, or for FLOOD_S. */
enum { FLOOD_S = 40 };
void flood(void);
