/* SPDX-License-Identifier: MIT */

/*
 * Any bytes as a message: decoding them and reading them into every struct must not crash, a metric's value that was accepted is the
 * same after it was written and read once more, and a message is the same in the other encoding.
 */

#include "fuzz_message.h"

#include <errno.h>

#include "base/alloc.h"
#include "wire/message_json.h"
#include "wire/wire_internal.h"

/* A value that was accepted is the same after it was written and read once more. */
static void check_value(const struct rp_msg_value *read, enum rp_metric_type type)
{
    struct rp_value value, again;
    struct rp_msg_series total = { .value = { &value } };
    struct rp_message *message;
    struct rp_buf out;

    if (rp_msg_value_get(read, type, &value) == 0) {
        rp_buf_init(&out, RP_MESSAGE_MAX_BYTES);
        rp_message_write(&out, RP_MSG_TOTAL, &total);
        rp_assert(rp_message_decode(rp_buf_slice(&out), &message) == 0);
        rp_assert(rp_message_read(message, &total) == 0);
        rp_assert(rp_msg_value_get(&total.value, type, &again) == 0);
        rp_assert(rp_value_equal(&value, &again));
        rp_value_deinit(&again);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
    rp_value_deinit(&value);
}

static void look_at(struct rp_slice text)
{
    unsigned sum = 0;

    for (size_t i = 0; i < text.len; i++) /* every byte can be read */
        sum += (unsigned char)text.ptr[i];
    rp_assert(sum < UINT32_MAX);
}

static void check_struct(const struct rp_table *table, const char *read);

static void check_list(const struct rp_row *row, const struct rp_msg_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        union {
            union rp_msg_any any;
            struct rp_slice text;
        } item;

        rp_assert(!row->table || row->table->size <= sizeof(item));
        if (rp_msg_list_get(list, i, &item) < 0)
            continue;
        if (row->table)
            check_struct(row->table, (const char *)&item);
        else
            look_at(item.text);
    }
}

static bool is_in_bounds(const struct rp_row *row, const void *member)
{
    int64_t number;

    if (row->min >= row->max || row->type == RP_ROW_ENUM)
        return true;
    if (row->type == RP_ROW_DOUBLE || row->type == RP_ROW_FINITE)
        return *(const double *)member >= (double)row->min &&
               *(const double *)member <= (double)row->max;
    number = row->type == RP_ROW_U32 ? *(const uint32_t *)member : *(const int64_t *)member;
    return number >= row->min && number <= row->max;
}

/* A struct that was read holds what its rows allow. */
static void check_struct(const struct rp_table *table, const char *read)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct rp_row *row = &table->rows[i];
        const void *member = read + row->offset;

        rp_assert(is_in_bounds(row, member));
        if (row->type == RP_ROW_TEXT || row->type == RP_ROW_BYTES)
            look_at(*(const struct rp_slice *)member);
        else if (row->type == RP_ROW_ENUM)
            rp_assert(*(const unsigned *)member < row->names);
        else if (row->type == RP_ROW_BOOL)
            rp_assert(*(const unsigned char *)member <= 1);
        else if (row->type == RP_ROW_STRUCT)
            check_struct(row->table, member);
        else if (row->type == RP_ROW_LIST || row->type == RP_ROW_TEXTS)
            check_list(row, member);
        else if (row->type == RP_ROW_VALUE)
            for (int type = 0; type < RP_METRIC_TYPE_COUNT; type++)
                check_value(member, (enum rp_metric_type)type);
    }
}

/* Whatever its type is: read by every table, and once more by the one that is its own. */
static void check_reading(const struct rp_message *message)
{
    union rp_msg_any any;

    for (int type = RP_MSG_NONE + 1; type < RP_MSG_COUNT; type++) {
        const struct rp_table *table = &rp_message_tables[type];
        int r = rp_table_read(table, rp_message_whole(message), &any);

        rp_assert(r == 0 || r == -EBADMSG);
        if (r == 0)
            check_struct(table, (const char *)&any);
        if (r == 0 && type == RP_MSG_FAILED) {
            struct rp_error err = { 0 };

            rp_msg_fault_take(&any.failed.error, &err);
            rp_error_deinit(&err);
        }
    }
    rp_assert(rp_message_read(message, &any) <= 0);
}

/* JSON and MessagePack become each other without a loss, from the first time on in the same bytes. */
static void check_encodings(struct rp_slice packed)
{
    struct rp_buf json, again, json_again;
    int r;

    rp_buf_init(&json, RP_MESSAGE_MAX_BYTES);
    rp_buf_init(&again, RP_MESSAGE_MAX_BYTES);
    rp_buf_init(&json_again, RP_MESSAGE_MAX_BYTES);
    r = rp_message_to_json(packed, &json);
    rp_assert(r == 0 || r == -EBADMSG); /* an extension type */
    if (r == 0) {
        struct rp_message *message;

        rp_assert(rp_message_from_json(rp_buf_slice(&json), &again) == 0);
        rp_assert(rp_message_to_json(rp_buf_slice(&again), &json_again) == 0);
        rp_assert(rp_slice_eq(rp_buf_slice(&json), rp_buf_slice(&json_again)));
        rp_assert(rp_message_decode(rp_buf_slice(&json), &message) == 0);
        rp_assert(rp_message_encoding(message) == RP_JSON);
        rp_message_free(message);
    }
    rp_buf_deinit(&json);
    rp_buf_deinit(&again);
    rp_buf_deinit(&json_again);
}

static void check_other_encoding(struct rp_slice bytes)
{
    struct rp_buf packed;

    if (!rp_message_is_json(bytes)) {
        check_encodings(bytes);
        return;
    }
    rp_buf_init(&packed, RP_MESSAGE_MAX_BYTES);
    rp_assert(rp_message_from_json(bytes, &packed) == 0);
    check_encodings(rp_buf_slice(&packed));
    rp_buf_deinit(&packed);
}

int rp_fuzz_message(const uint8_t *data, size_t size)
{
    struct rp_message *message;

    if (rp_message_decode(rp_slice((const char *)data, size), &message) < 0)
        return 0;
    rp_assert(rp_message_type(message) > RP_MSG_NONE && rp_message_type(message) < RP_MSG_COUNT);
    check_other_encoding(rp_slice((const char *)data, size));
    check_reading(message);
    rp_message_free(message);
    return 0;
}

#ifdef RP_FUZZ
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return rp_fuzz_message(data, size);
}
#endif
