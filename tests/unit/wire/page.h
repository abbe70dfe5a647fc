/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * docs/internals/messages.md as tests read it. The path is RP_MESSAGES_PAGE.
 */

#include "wire/message.h"

/* The whole page; free(). */
char *page_read(void);
/* The section of @type, from its headline to the next one; free(). Fails the test when there is none, or two. */
char *page_section(const char *page, enum rp_message_type type);
size_t page_count(const char *text, const char *part);
/* @message has the fields of the section, of the documented kinds, and @fields in all. */
void page_check_fields(const char *section, const struct rp_message *message, size_t fields);
