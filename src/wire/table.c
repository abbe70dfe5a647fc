/* SPDX-License-Identifier: MIT */

/* Structs as maps and back, by the rows of a table. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "wire/wire_internal.h"

enum { ROWS_MAX = 64 }; /* of a table: a bit each */

/* ---- writing --------------------------------------------------------------------------------- */

static void write_text(struct rp_buf *out, struct rp_slice text)
{
    if (text.ptr)
        rp_write_slice(out, text);
    else
        rp_write_nil(out);
}

static void write_list(struct rp_buf *out, const struct rp_row *row, const struct rp_msg_list *list)
{
    const char *item = list->items;

    rp_write_list(out, (uint32_t)list->count);
    if (!item) {
        rp_buf_append_slice(out, list->written);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (row->type == RP_ROW_TEXTS) {
            write_text(out, ((const struct rp_slice *)list->items)[i]);
        } else {
            rp_table_write(out, row->table, item);
            item += row->table->size;
        }
    }
}

static void write_row(struct rp_buf *out, const struct rp_row *row, const void *member)
{
    switch (row->type) {
    case RP_ROW_BOOL:
        rp_write_bool(out, *(const bool *)member);
        break;
    case RP_ROW_U32:
        rp_write_u64(out, *(const uint32_t *)member);
        break;
    case RP_ROW_U64:
        rp_write_u64(out, *(const uint64_t *)member);
        break;
    case RP_ROW_I64:
        rp_write_i64(out, *(const int64_t *)member);
        break;
    case RP_ROW_DOUBLE:
    case RP_ROW_FINITE:
        rp_write_double(out, *(const double *)member);
        break;
    case RP_ROW_TEXT:
        write_text(out, *(const struct rp_slice *)member);
        break;
    case RP_ROW_BYTES:
        rp_write_bytes(out, *(const struct rp_slice *)member);
        break;
    case RP_ROW_ENUM:
        rp_write_text(out, row->name(*(const unsigned *)member));
        break;
    case RP_ROW_STRUCT:
        rp_table_write(out, row->table, member);
        break;
    case RP_ROW_LIST:
    case RP_ROW_TEXTS:
        write_list(out, row, member);
        break;
    case RP_ROW_VALUE:
        rp_write_value(out, ((const struct rp_msg_value *)member)->value);
        break;
    case RP_ROW_BUCKETS:
        rp_write_buckets(out, member);
        break;
    case RP_ROW_REST:
        rp_write_rest(out, member);
        break;
    }
}

static void write_rows(struct rp_buf *out, const struct rp_table *table, const void *from)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct rp_row *row = &table->rows[i];

        rp_write_slice(out, row->key);
        write_row(out, row, (const char *)from + row->offset);
    }
}

void rp_table_write(struct rp_buf *out, const struct rp_table *table, const void *from)
{
    rp_write_map(out, (uint32_t)table->count);
    write_rows(out, table, from);
}

void rp_message_write(struct rp_buf *out, enum rp_message_type type, const void *from)
{
    rp_write_message(out, type, (uint32_t)rp_message_tables[type].count);
    write_rows(out, &rp_message_tables[type], from);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void set_defaults(const struct rp_table *table, void *ret);

static void set_default(const struct rp_row *row, void *member)
{
    switch (row->type) {
    case RP_ROW_BOOL:
        *(bool *)member = row->fallback;
        break;
    case RP_ROW_U32:
        *(uint32_t *)member = (uint32_t)row->fallback;
        break;
    case RP_ROW_U64:
    case RP_ROW_I64:
        *(int64_t *)member = row->fallback;
        break;
    case RP_ROW_DOUBLE:
    case RP_ROW_FINITE:
        *(double *)member = (double)row->fallback;
        break;
    case RP_ROW_ENUM:
        *(unsigned *)member = (unsigned)row->fallback;
        break;
    case RP_ROW_TEXT:
    case RP_ROW_BYTES:
        *(struct rp_slice *)member = rp_slice(NULL, 0);
        break;
    case RP_ROW_STRUCT:
        set_defaults(row->table, member);
        break;
    case RP_ROW_LIST:
    case RP_ROW_TEXTS:
        *(struct rp_msg_list *)member = (struct rp_msg_list){ 0 };
        break;
    case RP_ROW_VALUE:
        *(struct rp_msg_value *)member = (struct rp_msg_value){ 0 };
        break;
    case RP_ROW_BUCKETS: /* into what the caller has */
    case RP_ROW_REST:
        break;
    }
}

static void set_defaults(const struct rp_table *table, void *ret)
{
    for (size_t i = 0; i < table->count; i++)
        set_default(&table->rows[i], (char *)ret + table->rows[i].offset);
}

/* Each take_...() is 1 when it has read the field, 0 when it is of another kind, or a negative
 * code. */

static int take_u64(const struct rp_row *row, struct rp_field field, void *member)
{
    uint64_t value;

    if (!rp_field_take_u64(field, &value))
        return 0;
    if (row->min < row->max && (value < (uint64_t)row->min || value > (uint64_t)row->max))
        return -EBADMSG;
    if (row->type == RP_ROW_U32)
        *(uint32_t *)member = (uint32_t)value;
    else
        *(uint64_t *)member = value;
    return 1;
}

static int take_i64(const struct rp_row *row, struct rp_field field, int64_t *member)
{
    if (!rp_field_take_i64(field, member))
        return 0;
    return row->min < row->max && (*member < row->min || *member > row->max) ? -EBADMSG : 1;
}

static int take_double(const struct rp_row *row, struct rp_field field, double *member)
{
    if (!rp_field_take_double(field, member))
        return 0;
    if (row->type == RP_ROW_FINITE ? !isfinite(*member) : isnan(*member))
        return -EBADMSG;
    return row->min < row->max && (*member < (double)row->min || *member > (double)row->max)
               ? -EBADMSG
               : 1;
}

static int take_enum(const struct rp_row *row, struct rp_field field, unsigned *member)
{
    struct rp_slice text = rp_field_text(field);

    if (!text.ptr)
        return 0;
    for (unsigned value = row->min < row->max ? (unsigned)row->min : 0; value < row->names; value++)
        if (rp_slice_eq_str(text, row->name(value))) {
            *member = value;
            return row->min < row->max && value > row->max ? -EBADMSG : 1;
        }
    return -EBADMSG;
}

static int take_text(struct rp_slice text, struct rp_slice *member)
{
    *member = text;
    return text.ptr != NULL;
}

static int take_list(const struct rp_row *row, struct rp_field field, struct rp_msg_list *member)
{
    if (!rp_field_is_list(field))
        return 0;
    *member = (struct rp_msg_list){ .count = rp_field_count(field),
                                    .object = field.object,
                                    .table = row->table };
    return 1;
}

static int take_row(const struct rp_row *row, struct rp_field field, void *member)
{
    int r;

    switch (row->type) {
    case RP_ROW_BOOL:
        return rp_field_take_bool(field, member);
    case RP_ROW_U32:
    case RP_ROW_U64:
        return take_u64(row, field, member);
    case RP_ROW_I64:
        return take_i64(row, field, member);
    case RP_ROW_DOUBLE:
    case RP_ROW_FINITE:
        return take_double(row, field, member);
    case RP_ROW_TEXT:
        return take_text(rp_field_text(field), member);
    case RP_ROW_BYTES:
        return take_text(rp_field_bytes(field), member);
    case RP_ROW_ENUM:
        return take_enum(row, field, member);
    case RP_ROW_LIST:
    case RP_ROW_TEXTS:
        return take_list(row, field, member);
    case RP_ROW_VALUE:
        ((struct rp_msg_value *)member)->object = field.object;
        return rp_field_is_map(field);
    case RP_ROW_STRUCT:
        r = rp_field_is_map(field) ? rp_table_read(row->table, field, member) : 0;
        return r < 0 ? r : rp_field_is_map(field);
    case RP_ROW_BUCKETS:
        r = rp_field_is_list(field) ? rp_field_buckets(field, member) : 0;
        return r < 0 ? r : rp_field_is_list(field);
    case RP_ROW_REST:
        r = rp_field_is_list(field) ? rp_field_rest(field, member) : 0;
        return r < 0 ? r : rp_field_is_list(field);
    }
    return 0;
}

/* From @from on, for the keys of a message come in the order of its rows as a rule. @count when
 * there is none. */
static size_t find_row(const struct rp_table *table, size_t from, struct rp_slice key)
{
    for (size_t n = 0; n < table->count; n++) {
        size_t i = from + n < table->count ? from + n : from + n - table->count;

        if (rp_slice_eq(table->rows[i].key, key))
            return i;
    }
    return table->count;
}

static bool has_required(const struct rp_table *table, uint64_t seen)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].is_required && !(seen >> i & 1))
            return false;
    return true;
}

int rp_table_read(const struct rp_table *table, struct rp_field map, void *ret)
{
    size_t next = 0, keys = rp_field_keys(map);
    uint64_t seen = 0;

    rp_assert(table->count <= ROWS_MAX);
    set_defaults(table, ret);
    if (!rp_field_is_map(map))
        return -EBADMSG;
    for (size_t i = 0; i < keys; i++) {
        struct rp_field field;
        struct rp_slice key = rp_field_key(map, i, &field);
        size_t row = find_row(table, next, key);
        int r;

        if (row == table->count)
            continue;
        r = take_row(&table->rows[row], field, (char *)ret + table->rows[row].offset);
        if (r < 0) {
            set_default(&table->rows[row], (char *)ret + table->rows[row].offset);
            return r;
        }
        if (r > 0)
            seen |= (uint64_t)1 << row;
        else
            set_default(&table->rows[row], (char *)ret + table->rows[row].offset);
        next = row + 1;
    }
    return has_required(table, seen) ? 0 : -EBADMSG;
}

int rp_message_read(const struct rp_message *message, void *ret)
{
    return rp_table_read(&rp_message_tables[rp_message_type(message)], rp_message_whole(message),
                         ret);
}

int rp_msg_list_get(const struct rp_msg_list *list, size_t i, void *ret)
{
    struct rp_field item = rp_field_at((struct rp_field){ list->object }, i);

    if (list->table)
        return rp_table_read(list->table, item, ret);
    *(struct rp_slice *)ret = rp_field_text(item);
    return 0;
}

int rp_msg_value_get(const struct rp_msg_value *value, enum rp_metric_type type,
                     struct rp_value *ret)
{
    return rp_field_value((struct rp_field){ value->object }, type, ret);
}

/* ---- errors ---------------------------------------------------------------------------------- */

struct rp_msg_fault rp_msg_fault_of(const struct rp_error *err)
{
    return (struct rp_msg_fault){ .message = rp_slice_str(err->message),
                                  .file = rp_slice_str(err->file),
                                  .line = err->line,
                                  .hint = rp_slice_str(err->hint),
                                  .detail = rp_slice_str(err->detail) };
}

char *rp_msg_strdup(struct rp_slice text)
{
    return text.ptr ? rp_strndup(text.ptr, text.len) : NULL;
}

void rp_msg_fault_take(const struct rp_msg_fault *fault, struct rp_error *err)
{
    char *file = rp_msg_strdup(fault->file), *detail = rp_msg_strdup(fault->detail);
    struct rp_slice message = fault->message.ptr ? fault->message
                                                 : RP_SLICE("the worker failed without saying why");

    rp_error_set(err, -RP_EUSER, "%.*s", RP_SLICE_FMT(message));
    if (file)
        rp_error_place(err, file, (int)fault->line);
    if (fault->hint.ptr)
        rp_error_hint(err, "%.*s", RP_SLICE_FMT(fault->hint));
    if (detail)
        rp_error_detail(err, detail);
    rp_free(file);
    rp_free(detail);
}
