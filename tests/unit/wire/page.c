/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char *page_read(void)
{
    FILE *file = fopen(RP_MESSAGES_PAGE, "r");
    char *page = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_true(fread(page, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return page;
}

char *page_section(const char *page, enum rp_message_type type)
{
    char headline[64];
    const char *start, *end;

    snprintf(headline, sizeof(headline), "\n### `%s`\n", rp_message_type_name(type));
    start = strstr(page, headline);
    if (!start) {
        fail_msg("docs/internals/messages.md does not have '%s'", rp_message_type_name(type));
        return NULL;
    }
    assert_null(strstr(start + 1, headline));
    end = strstr(start + 1, "\n##");
    return strndup(start, end ? (size_t)(end - start) : strlen(start));
}

size_t page_count(const char *text, const char *part)
{
    size_t count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static bool is_of_kind(struct rp_field field, const char *kind)
{
    if (strncmp(kind, "int", 3) == 0)
        return rp_field_i64(field, 0) == rp_field_i64(field, 1);
    if (strncmp(kind, "float", 5) == 0)
        return rp_field_double(field, 0) == rp_field_double(field, 1);
    if (strncmp(kind, "bool", 4) == 0)
        return rp_field_bool(field, false) == rp_field_bool(field, true);
    if (strncmp(kind, "text or nil", 11) == 0)
        return field.object != NULL;
    if (strncmp(kind, "text", 4) == 0)
        return rp_field_text(field).ptr != NULL;
    if (strncmp(kind, "bytes", 5) == 0)
        return rp_field_bytes(field).ptr != NULL;
    return strncmp(kind, "list", 4) == 0 && rp_field_count(field) > 0;
}

/* Rows are "| `field` | kind | meaning |". */
void page_check_fields(const char *section, const struct rp_message *message, size_t fields)
{
    size_t rows = 0;

    for (const char *row = section; (row = strstr(row, "\n| `")); rows++) {
        char key[64], kind[64];

        row += 4;
        assert_int_equal(sscanf(row, "%63[a-z_]` | %63[a-z ] |", key, kind), 2);
        if (!is_of_kind(rp_message_get(message, key), kind))
            fail_msg("'%s' has no field '%s' of kind '%s'",
                     rp_message_type_name(rp_message_type(message)), key, kind);
    }
    assert_int_equal(rows, fields);
}
