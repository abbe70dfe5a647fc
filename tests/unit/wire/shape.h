/* SPDX-License-Identifier: MIT */
#pragma once

#include "wire/message.h"

/* Fails the test unless @message has exactly the fields of its table, each of its kind, and so has what is inside. */
void shape_check(const struct rp_message *message);
