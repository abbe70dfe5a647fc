/* SPDX-License-Identifier: MIT */

/*
 * Any bytes as a message: decoding and reading them in every way must not crash, a metric's value that was accepted is the
 * same after it was written and read once more, and a message is the same in the other encoding.
 */

#include "fuzz_message.h"

#include <errno.h>

#include "base/alloc.h"
#include "wire/message_json.h"
#include "wire/progress.h"

static const char *const keys[] = { "type", "json",    "script",  "grace",   "series",   "metric",
                                    "kind", "tags",    "elapsed", "items",   "value",    "count",
                                    "ok",   "message", "place",   "is_time", "scenarios" };

static void check_value(struct rp_field field, enum rp_metric_type type)
{
    struct rp_value value, again;
    struct rp_message *message;
    struct rp_buf out;

    if (rp_field_value(field, type, &value) == 0) {
        rp_buf_init(&out, RP_MESSAGE_MAX_BYTES);
        rp_write_message(&out, RP_MSG_TOTAL, 1);
        rp_write_key(&out, "value");
        rp_write_value(&out, &value);
        rp_assert(rp_message_decode(rp_buf_slice(&out), &message) == 0);
        rp_assert(rp_field_value(rp_message_get(message, "value"), type, &again) == 0);
        rp_assert(rp_value_equal(&value, &again));
        rp_value_deinit(&again);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
    rp_value_deinit(&value);
}

static void check_progress(struct rp_field field)
{
    struct rp_progress_table table = { 0 };
    struct rp_scenario_progress progress;
    struct rp_buf out, again;

    if (rp_field_progress(field, &progress) == 0) {
        struct rp_message *message;

        rp_buf_init(&out, 4096);
        rp_buf_init(&again, 4096);
        rp_write_message(&out, RP_MSG_STATE, 1);
        rp_write_key(&out, "x");
        rp_write_progress(&out, &progress);
        rp_assert(rp_message_decode(rp_buf_slice(&out), &message) == 0);
        rp_assert(rp_field_progress(rp_message_get(message, "x"), &progress) == 0);
        rp_write_message(&again, RP_MSG_STATE, 1);
        rp_write_key(&again, "x");
        rp_write_progress(&again, &progress);
        rp_assert(rp_slice_eq(rp_buf_slice(&out), rp_buf_slice(&again)));
        rp_message_free(message);
        rp_buf_deinit(&out);
        rp_buf_deinit(&again);
    }
    for (size_t worker = 0; worker < 3; worker++)
        if (rp_field_progress_list(field, 1, &progress) < 0 ||
            rp_progress_table_set(&table, 1, worker, &progress) < 0)
            rp_assert(!table.sums);
    rp_progress_table_deinit(&table);
}

static void read_field(struct rp_field field, int depth)
{
    struct rp_slice text = rp_field_text(field), bytes = rp_field_bytes(field);
    unsigned sum = (unsigned)rp_field_bool(field, false);

    (void)rp_field_i64(field, 0);
    (void)rp_field_u64(field, 0);
    (void)rp_field_double(field, 0);
    for (size_t i = 0; i < text.len; i++) /* every byte can be read */
        sum += (unsigned char)text.ptr[i];
    rp_assert(!text.ptr || !bytes.ptr);
    for (size_t i = 0; i < bytes.len; i++)
        sum += (unsigned char)bytes.ptr[i];
    rp_assert(sum < UINT32_MAX);
    rp_free(rp_field_strdup(field));
    for (int type = 0; type < RP_METRIC_TYPE_COUNT; type++)
        check_value(field, (enum rp_metric_type)type);
    check_progress(field);
    if (depth == 0)
        return;
    for (size_t i = 0; i < rp_field_count(field); i++)
        read_field(rp_field_at(field, i), depth - 1);
    for (size_t i = 0; i < RP_ARRAY_LEN(keys); i++)
        if (rp_field_get(field, keys[i]).object)
            read_field(rp_field_get(field, keys[i]), depth - 1);
    rp_assert(!rp_field_at(field, rp_field_count(field)).object);
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
    struct rp_error err = { 0 };
    struct rp_message *message;

    if (rp_message_decode(rp_slice((const char *)data, size), &message) < 0)
        return 0;
    rp_assert(rp_message_type(message) > RP_MSG_NONE && rp_message_type(message) < RP_MSG_COUNT);
    check_other_encoding(rp_slice((const char *)data, size));
    for (size_t i = 0; i < RP_ARRAY_LEN(keys); i++)
        read_field(rp_message_get(message, keys[i]), 4);
    rp_message_get_error(message, &err);
    rp_error_deinit(&err);
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
