/* SPDX-License-Identifier: MIT */

/* The table of messages: what each row promises is kept, and the page says the same. */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "page.h"
#include "vectors.h"
#include "wire/wire_internal.h"

enum { ROOM = 4096 };

/* ---- every row ---- */

typedef void each_row(const struct rp_table *table, const struct rp_row *row);

static void for_each_row(each_row *fn)
{
    for (int type = RP_MSG_NONE + 1; type < RP_MSG_COUNT; type++)
        for (size_t i = 0; i < rp_message_tables[type].count; i++)
            fn(&rp_message_tables[type], &rp_message_tables[type].rows[i]);
    for (const struct rp_table *const *part = rp_part_tables; *part; part++)
        for (size_t i = 0; i < (*part)->count; i++)
            fn(*part, &(*part)->rows[i]);
}

static size_t size_of(const struct rp_row *row)
{
    switch (row->type) {
    case RP_ROW_BOOL:
        return sizeof(bool);
    case RP_ROW_U32:
    case RP_ROW_ENUM:
        return sizeof(uint32_t);
    case RP_ROW_TEXT:
    case RP_ROW_BYTES:
        return sizeof(struct rp_slice);
    case RP_ROW_STRUCT:
        return row->table->size;
    case RP_ROW_LIST:
    case RP_ROW_TEXTS:
        return sizeof(struct rp_msg_list);
    case RP_ROW_VALUE:
        return sizeof(struct rp_msg_value);
    default:
        return sizeof(uint64_t);
    }
}

/* Reads @map (JSON) by @table into @ret, of ROOM bytes that were all ones. */
static int read_map(const struct rp_table *table, const char *map, char *ret)
{
    struct rp_message *message;
    struct rp_buf json;
    int r;

    rp_buf_init(&json, ROOM);
    rp_buf_appendf(&json, "{\"type\":\"exit\",\"x\":%s}", map);
    if (rp_message_decode(rp_buf_slice(&json), &message) < 0)
        fail_msg("no message: %s", rp_buf_str(&json));
    memset(ret, 0xff, ROOM);
    r = rp_table_read(table, rp_message_get(message, "x"), ret);
    rp_message_free(message);
    rp_buf_deinit(&json);
    return r;
}

static int read_field(const struct rp_table *table, const struct rp_row *row, const char *value,
                      char *ret)
{
    char map[512];

    snprintf(map, sizeof(map), "{\"%s\":%s}", row->key.ptr, value);
    return read_map(table, map, ret);
}

static bool has_required(const struct rp_table *table, const struct rp_row *but)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].is_required && &table->rows[i] != but)
            return true;
    return false;
}

static void check_row_is_sound(const struct rp_table *table, const struct rp_row *row)
{
    assert_true(row->offset + size_of(row) <= table->size);
    assert_int_equal(strlen(row->key.ptr), row->key.len);
    assert_int_equal(strspn(row->key.ptr, "abcdefghijklmnopqrstuvwxyz_"), row->key.len);
    assert_string_not_equal(row->key.ptr, "type");
    assert_non_null(row->meaning);
    assert_true((row->type == RP_ROW_ENUM) == (row->name != NULL));
    assert_true((row->type == RP_ROW_STRUCT || row->type == RP_ROW_LIST) == (row->table != NULL));
    for (const struct rp_row *other = table->rows; other < row; other++) {
        assert_false(rp_slice_eq(other->key, row->key));
        assert_true(other->offset + size_of(other) <= row->offset ||
                    row->offset + size_of(row) <= other->offset);
    }
}

/* Also that each member of a struct has a row: a message's size is the sum of its members, but for holes. */
static void test_rows_are_sound(void **state)
{
    for_each_row(check_row_is_sound);
    for (int type = RP_MSG_NONE + 1; type < RP_MSG_COUNT; type++) {
        const struct rp_table *table = &rp_message_tables[type];
        size_t sum = 0, holes = 0;

        for (size_t i = 0; i < table->count; i++) {
            sum += size_of(&table->rows[i]);
            holes += size_of(&table->rows[i]) < 8 ? 8 - size_of(&table->rows[i]) : 0;
        }
        assert_true(table->size <= sizeof(union rp_msg_any));
        assert_true(table->size >= sum && table->size <= sum + holes);
    }
}

static void check_default(const struct rp_table *table, const struct rp_row *row)
{
    char got[ROOM];
    const char *member = got + row->offset;

    assert_int_equal(read_map(table, "{}", got), has_required(table, NULL) ? -EBADMSG : 0);
    switch (row->type) {
    case RP_ROW_BOOL:
        assert_int_equal(*(const bool *)member, row->fallback);
        break;
    case RP_ROW_U32:
    case RP_ROW_ENUM:
        assert_int_equal(*(const uint32_t *)member, row->fallback);
        break;
    case RP_ROW_DOUBLE:
    case RP_ROW_FINITE:
        assert_true(*(const double *)member == (double)row->fallback);
        break;
    case RP_ROW_U64:
    case RP_ROW_I64:
        assert_int_equal(*(const int64_t *)member, row->fallback);
        break;
    case RP_ROW_STRUCT:
        break; /* its own rows are among these */
    default:
        for (size_t i = 0; i < size_of(row); i++)
            assert_int_equal(member[i], 0);
    }
}

static void test_defaults(void **state)
{
    char got[ROOM];

    for_each_row(check_default);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(read_map(&rp_message_tables[RP_MSG_LOAD],
                                  ((const char *[]){ "null", "[]", "7" })[i], got),
                         -EBADMSG);
}

static bool is_number(const struct rp_row *row)
{
    return row->type == RP_ROW_U32 || row->type == RP_ROW_U64 || row->type == RP_ROW_I64 ||
           row->type == RP_ROW_DOUBLE || row->type == RP_ROW_FINITE;
}

static bool is_kind(const struct rp_row *row, const char *value)
{
    bool is_float = row->type == RP_ROW_DOUBLE || row->type == RP_ROW_FINITE;

    switch (value[0]) {
    case 't':
        return row->type == RP_ROW_BOOL;
    case '"':
        return row->type == RP_ROW_TEXT || row->type == RP_ROW_ENUM;
    case '[':
        return row->type == RP_ROW_LIST || row->type == RP_ROW_TEXTS;
    case '{':
        return value[1] == '}' ? row->type == RP_ROW_STRUCT || row->type == RP_ROW_VALUE
                               : row->type == RP_ROW_BYTES;
    case '-':
        return is_float || row->type == RP_ROW_I64;
    case '2':
        return strchr(value, '.') ? is_float : is_number(row);
    default:
        return false;
    }
}

/* A field of another kind is as one that is not there. */
static void check_other_kinds(const struct rp_table *table, const struct rp_row *row)
{
    static const char *const values[] = { "null", "true", "\"nobody\"",
                                          "[]",   "{}",   "{\"$bytes\":\"\"}",
                                          "-2",   "2",    "2.5" };
    char none[ROOM], got[ROOM];
    int r = read_map(table, "{}", none);

    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++)
        if (!is_kind(row, values[i])) {
            assert_int_equal(read_field(table, row, values[i], got), r);
            assert_memory_equal(got, none, ROOM);
        }
}

static void test_other_kinds(void **state)
{
    for_each_row(check_other_kinds);
}

static int read_number(const struct rp_table *table, const struct rp_row *row, int64_t number,
                       bool is_float)
{
    char text[64], got[ROOM];

    snprintf(text, sizeof(text), is_float ? "%" PRId64 ".5" : "%" PRId64, number);
    return read_field(table, row, text, got);
}

static void check_bounds(const struct rp_table *table, const struct rp_row *row)
{
    int ok = has_required(table, row) ? -EBADMSG : 0;
    char got[ROOM];

    if (row->type == RP_ROW_FINITE || row->type == RP_ROW_DOUBLE)
        assert_int_equal(read_field(table, row, "{\"$float\":\"7ff8000000000000\"}", got),
                         -EBADMSG);
    if (!is_number(row) || row->min >= row->max)
        return;
    assert_int_equal(read_number(table, row, row->min, false), ok);
    assert_int_equal(read_number(table, row, row->max, false), ok);
    if (row->type == RP_ROW_I64 || row->type == RP_ROW_FINITE)
        assert_int_equal(read_number(table, row, row->min - 1, row->type == RP_ROW_FINITE),
                         -EBADMSG);
    else if (row->min > 0)
        assert_int_equal(read_number(table, row, row->min - 1, false), -EBADMSG);
    if (row->max < INT64_MAX)
        assert_int_equal(read_number(table, row, row->max + 1, false), -EBADMSG);
}

static void test_bounds(void **state)
{
    for_each_row(check_bounds);
}

static void check_names(const struct rp_table *table, const struct rp_row *row)
{
    int ok = has_required(table, row) ? -EBADMSG : 0;
    unsigned first = row->min < row->max ? (unsigned)row->min : 0;
    unsigned last = row->min < row->max ? (unsigned)row->max : row->names - 1;
    char text[64], got[ROOM];

    if (row->type != RP_ROW_ENUM)
        return;
    for (unsigned value = 0; value < row->names; value++) {
        snprintf(text, sizeof(text), "\"%s\"", row->name(value));
        if (value < first || value > last) {
            assert_int_equal(read_field(table, row, text, got), -EBADMSG);
        } else {
            assert_int_equal(read_field(table, row, text, got), ok);
            assert_int_equal(*(unsigned *)(got + row->offset), value);
        }
    }
    assert_int_equal(read_field(table, row, "\"nobody\"", got), -EBADMSG);
    assert_int_equal(read_field(table, row, "\"\"", got), -EBADMSG);
}

static void test_names(void **state)
{
    for_each_row(check_names);
}

/* ---- whole messages ---- */

static struct rp_message *decode(const char *json)
{
    struct rp_message *message;

    assert_int_equal(rp_message_decode(rp_slice_str(json), &message), 0);
    return message;
}

static void test_keys_in_any_order(void **state)
{
    struct rp_message *message = decode(
        "{\"count\":5,\"new\":[1],\"place\":\"p\",\"error_type\":\"T\",\"type\":\"error\","
        "\"is_request\":true,\"scenario\":\"s\"}");
    struct rp_msg_error error;

    assert_int_equal(rp_message_read(message, &error), 0);
    assert_true(rp_slice_eq_str(error.scenario, "s"));
    assert_true(rp_slice_eq_str(error.error_type, "T"));
    assert_true(rp_slice_eq_str(error.place, "p"));
    assert_null(error.message.ptr);
    assert_int_equal(error.count, 5);
    assert_true(error.is_request);
    rp_message_free(message);
}

static void test_lists(void **state)
{
    struct rp_message *message = decode(
        "{\"type\":\"define\",\"series\":4294967294,\"kind\":\"trend\",\"tags\":"
        "[{\"value\":\"v\",\"key\":\"k\"},{},7]}");
    struct rp_msg_define define;
    struct rp_msg_hello hello;
    struct rp_msg_tag tag;
    struct rp_slice text;

    assert_int_equal(rp_message_read(message, &define), 0);
    assert_int_equal(define.series, UINT32_MAX - 1);
    assert_int_equal(define.kind, RP_TREND);
    assert_int_equal(define.tags.count, 3);
    assert_int_equal(rp_msg_list_get(&define.tags, 0, &tag), 0);
    assert_true(rp_slice_eq_str(tag.key, "k") && rp_slice_eq_str(tag.value, "v"));
    assert_int_equal(rp_msg_list_get(&define.tags, 1, &tag), 0);
    assert_null(tag.key.ptr);
    assert_int_equal(rp_msg_list_get(&define.tags, 2, &tag), -EBADMSG);
    rp_message_free(message);
    message = decode("{\"type\":\"hello\",\"encodings\":[\"a\",1]}");
    assert_int_equal(rp_message_read(message, &hello), 0);
    assert_int_equal(rp_msg_list_get(&hello.encodings, 0, &text), 0);
    assert_true(rp_slice_eq_str(text, "a"));
    assert_int_equal(rp_msg_list_get(&hello.encodings, 1, &text), 0);
    assert_null(text.ptr);
    rp_message_free(message);
}

/* What was written is read back: of every message the example, whose bytes are other ones for other fields. */
static void test_examples_are_read(void **state)
{
    for (int type = RP_MSG_NONE + 1; type < RP_MSG_COUNT; type++) {
        struct rp_message *message;
        union rp_msg_any any;
        struct rp_buf packed;

        rp_buf_init(&packed, ROOM);
        vector_write((enum rp_message_type)type, &packed);
        assert_int_equal(rp_message_decode(rp_buf_slice(&packed), &message), 0);
        assert_int_equal(rp_message_read(message, &any), 0);
        if (type == RP_MSG_STATE) {
            struct rp_scenario_progress progress;

            assert_int_equal(any.state.health.observed, 2 * RP_S);
            assert_int_equal(any.state.health.faults, 8);
            assert_int_equal(rp_msg_list_get(&any.state.scenarios, 0, &progress), 0);
            assert_int_equal(progress.state, RP_SCENARIO_RUNNING);
            assert_int_equal(progress.interrupted, 1);
            assert_true(progress.rate == 2.5);
        } else if (type == RP_MSG_ADJUST) {
            assert_int_equal(any.adjust.what, RP_ADJUST_RATE);
            assert_true(any.adjust.value == 250);
            assert_int_equal(any.adjust.at, 30 * RP_S);
            assert_true(any.adjust.hold);
        }
        rp_message_free(message);
        rp_buf_deinit(&packed);
    }
}

/* ---- the page ---- */

static char *read_page(void)
{
    FILE *file = fopen(RP_MESSAGES_PAGE, "r");
    char *page = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_true(fread(page, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return page;
}

/* From "## Messages to the worker" on it is made from the table; with RP_UPDATE_GOLDEN it is made anew. */
static void test_the_page_is_the_table(void **state)
{
    char *page = read_page(), *made = strstr(page, "## Messages to the worker\n");
    struct rp_buf wanted;

    assert_non_null(made);
    rp_buf_init(&wanted, 1 << 20);
    page_write(&wanted);
    assert_int_equal(wanted.error, 0);
    if (getenv("RP_UPDATE_GOLDEN")) {
        FILE *file = fopen(RP_MESSAGES_PAGE, "w");

        assert_non_null(file);
        fprintf(file, "%.*s%s", (int)(made - page), page, rp_buf_str(&wanted));
        fclose(file);
    } else {
        assert_string_equal(made, rp_buf_str(&wanted));
    }
    rp_buf_deinit(&wanted);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_sound),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_keys_in_any_order),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_examples_are_read),
        cmocka_unit_test(test_the_page_is_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
