/* SPDX-License-Identifier: MIT */
#include "shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/wire_internal.h"

static void check_map(const char *where, const struct rp_table *table, struct rp_field map,
                      size_t more);

static bool is_text_or_nil(struct rp_field field)
{
    return field.object && !rp_field_bytes(field).ptr && !rp_field_is_list(field) &&
           !rp_field_is_map(field);
}

static bool is_of_kind(const struct rp_row *row, struct rp_field field)
{
    uint64_t number;
    int64_t whole;
    double real;
    bool yes;

    switch (row->type) {
    case RP_ROW_BOOL:
        return rp_field_take_bool(field, &yes);
    case RP_ROW_U32:
    case RP_ROW_U64:
        return rp_field_take_u64(field, &number);
    case RP_ROW_I64:
        return rp_field_take_i64(field, &whole);
    case RP_ROW_DOUBLE:
    case RP_ROW_FINITE:
        return rp_field_take_double(field, &real) && !rp_field_take_i64(field, &whole);
    case RP_ROW_TEXT:
        return is_text_or_nil(field) && !rp_field_take_double(field, &real);
    case RP_ROW_BYTES:
        return rp_field_bytes(field).ptr;
    case RP_ROW_ENUM:
        return rp_field_text(field).ptr;
    case RP_ROW_STRUCT:
    case RP_ROW_VALUE:
        return rp_field_is_map(field);
    default:
        return rp_field_is_list(field);
    }
}

static void check_row(const struct rp_row *row, struct rp_field field)
{
    const char *key = row->key.ptr;

    if (!is_of_kind(row, field))
        fail_msg("'%s' is not there or of another kind", key);
    if (row->type == RP_ROW_STRUCT)
        check_map(key, row->table, field, 0);
    for (size_t i = 0; row->type == RP_ROW_LIST && i < rp_field_count(field); i++)
        check_map(key, row->table, rp_field_at(field, i), 0);
}

/* @more: keys that the table does not know. */
static void check_map(const char *where, const struct rp_table *table, struct rp_field map,
                      size_t more)
{
    if (rp_field_keys(map) != table->count + more)
        fail_msg("'%s' has %zu fields", where, rp_field_keys(map));
    for (size_t i = 0; i < table->count; i++)
        check_row(&table->rows[i], rp_field_get(map, table->rows[i].key.ptr));
}

void shape_check(const struct rp_message *message)
{
    const struct rp_table *table = &rp_message_tables[rp_message_type(message)];

    check_map(table->name, table, rp_message_whole(message), 1);
}
