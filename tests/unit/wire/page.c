/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <inttypes.h>

#include "vectors.h"
#include "wire/message_json.h"
#include "wire/wire_internal.h"

static void write_number(const struct rp_row *row, struct rp_buf *out)
{
    bool is_float = row->type == RP_ROW_DOUBLE || row->type == RP_ROW_FINITE;

    rp_buf_append_str(out, is_float ? "float" : "int");
    if (row->min >= row->max)
        return;
    rp_buf_appendf(out, ", from %" PRId64, row->min);
    if (row->max != INT64_MAX)
        rp_buf_appendf(out, " to %" PRId64, row->max);
}

static void write_names(const struct rp_row *row, struct rp_buf *out)
{
    unsigned first = row->min < row->max ? (unsigned)row->min : 0;
    unsigned last = row->min < row->max ? (unsigned)row->max : row->names - 1;

    for (unsigned value = first; value <= last; value++)
        rp_buf_appendf(out, "%s`%s`", value == first ? "one of " : ", ", row->name(value));
}

static void write_kind(const struct rp_row *row, struct rp_buf *out)
{
    switch (row->type) {
    case RP_ROW_BOOL:
        rp_buf_append_str(out, "bool");
        break;
    case RP_ROW_TEXT:
        rp_buf_append_str(out, "text");
        break;
    case RP_ROW_BYTES:
        rp_buf_append_str(out, "bytes");
        break;
    case RP_ROW_ENUM:
        write_names(row, out);
        break;
    case RP_ROW_STRUCT:
        rp_buf_appendf(out, "[%s](#%s)", row->table->name, row->table->name);
        break;
    case RP_ROW_LIST:
        rp_buf_appendf(out, "list of [%s](#%s)", row->table->name, row->table->name);
        break;
    case RP_ROW_TEXTS:
        rp_buf_append_str(out, "list of texts");
        break;
    case RP_ROW_VALUE:
        rp_buf_append_str(out, "[value](#values)");
        break;
    case RP_ROW_BUCKETS:
    case RP_ROW_REST:
        rp_buf_append_str(out, "list of ints");
        break;
    default:
        write_number(row, out);
    }
}

static void write_default(const struct rp_row *row, struct rp_buf *out)
{
    if (row->is_required) {
        rp_buf_append_str(out, "-");
        return;
    }
    switch (row->type) {
    case RP_ROW_BOOL:
        rp_buf_append_str(out, row->fallback ? "true" : "false");
        break;
    case RP_ROW_TEXT:
    case RP_ROW_BYTES:
        rp_buf_append_str(out, "nil");
        break;
    case RP_ROW_ENUM:
        rp_buf_appendf(out, "`%s`", row->name((unsigned)row->fallback));
        break;
    case RP_ROW_STRUCT:
    case RP_ROW_LIST:
    case RP_ROW_TEXTS:
        rp_buf_append_str(out, "empty");
        break;
    default:
        rp_buf_appendf(out, "%" PRId64, row->fallback);
    }
}

static void write_table(const struct rp_table *table, struct rp_buf *out)
{
    if (table->count)
        rp_buf_append_str(out, "| field | kind | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct rp_row *row = &table->rows[i];

        rp_buf_appendf(out, "| `%s` | ", row->key.ptr);
        write_kind(row, out);
        rp_buf_append_str(out, " | ");
        write_default(row, out);
        rp_buf_appendf(out, " | %s |\n", row->meaning);
    }
}

static void write_example(enum rp_message_type type, struct rp_buf *out)
{
    struct rp_buf packed;

    rp_buf_init(&packed, 4096);
    vector_write(type, &packed);
    rp_buf_append_str(out, "Example: `");
    if (rp_message_to_json(rp_buf_slice(&packed), out) < 0)
        out->error = -1;
    rp_buf_append_str(out, "`\n");
    rp_buf_deinit(&packed);
}

/* @text in lines of at most 120 characters, as the page has them. */
static void write_wrapped(const char *text, struct rp_buf *out)
{
    enum { MARGIN = 120 };

    while (strlen(text) > MARGIN) {
        int end = MARGIN;

        while (text[end] != ' ')
            end--;
        rp_buf_appendf(out, "%.*s\n", end, text);
        text += end + 1;
    }
    rp_buf_appendf(out, "%s\n", text);
}

static void write_messages(enum rp_message_type first, enum rp_message_type last,
                           struct rp_buf *out)
{
    for (int type = first; type <= (int)last; type++) {
        const struct rp_table *table = &rp_message_tables[type];

        rp_buf_appendf(out, "\n### `%s`\n\n", table->name);
        write_wrapped(table->meaning, out);
        rp_buf_append_str(out, "\n");
        write_table(table, out);
        if (table->count)
            rp_buf_append_str(out, "\n");
        write_example((enum rp_message_type)type, out);
    }
}

void page_write(struct rp_buf *out)
{
    rp_buf_append_str(out, "## Messages to the worker\n");
    write_messages(RP_MSG_LOAD, RP_MSG_HELLO - 1, out);
    rp_buf_append_str(out, "\n## Messages to the coordinator\n");
    write_messages(RP_MSG_HELLO, RP_MSG_COUNT - 1, out);
    rp_buf_append_str(out, "\n## Parts of messages\n");
    for (const struct rp_table *const *part = rp_part_tables; *part; part++) {
        rp_buf_appendf(out, "\n### %s\n\n", (*part)->name);
        write_wrapped((*part)->meaning, out);
        rp_buf_append_str(out, "\n");
        write_table(*part, out);
    }
    rp_buf_append_str(out, "\n## Values\n");
    for (int kind = 0; kind < RP_METRIC_TYPE_COUNT; kind++) {
        rp_buf_appendf(out, "\n### %s\n\n", rp_value_tables[kind].name);
        write_table(&rp_value_tables[kind], out);
    }
}
