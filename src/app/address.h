/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/address.h - words that mean a URL and are none.
 */

#include <stdbool.h>
#include <stddef.h>

/* The URL that a word such as "localhost:8080/", "127.0.0.1:8080", ":8080" or "http:/host/" is meant
 * for, into @out. False when it looks like none: a name with a dot alone may be a file. */
bool rp_address_guess(const char *word, char *out, size_t size);
