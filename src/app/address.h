/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/address.h - words that mean a URL and are none.
 */

#include <stdbool.h>
#include <stddef.h>

/* The URL that a word such as "localhost:8080/", "127.0.0.1:8080", ":8080", "user:password@host" or
 * "http:/host/" is meant for, into @out, as it may be shown: "***" is in the place of user name and
 * password. False when it looks like none: a name with a dot alone may be a file. */
bool rp_address_guess(const char *word, char *out, size_t size);
/* Whether @word, which may be a URL or be meant for one, has a user name and a password. Then @out
 * is what may be shown of it. */
bool rp_address_mask(const char *word, char *out, size_t size);
