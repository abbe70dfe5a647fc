/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Decodes any bytes and reads all that is there in every way; stops the program when a property does not hold. */
int rp_fuzz_message(const uint8_t *data, size_t size);
