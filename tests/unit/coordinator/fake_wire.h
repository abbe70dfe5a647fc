/* SPDX-License-Identifier: MIT */
#pragma once

/* The messages of fake_worker.c, over descriptor 3. */

#include "wire/message.h"

extern struct rp_buf out;      /* what send_frame() sends */
extern enum rp_encoding heard; /* the last message's */
extern int64_t heard_at;       /* the last message's field `at` */

void send_frame(void);
enum rp_message_type receive(void); /* the process ends with the coordinator */
void text(const char *key, const char *value);
void number(const char *key, int64_t value);
