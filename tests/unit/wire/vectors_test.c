/* SPDX-License-Identifier: MIT */

/*
 * The files of tests/vectors/messages: what is written has these bytes in both encodings, and each encoding becomes the
 * other. With RP_UPDATE_GOLDEN in the environment the files are written anew.
 */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/message.h"
#include "wire/message_json.h"
#include "shape.h"
#include "vectors.h"

enum { VECTOR_MAX = 8192 };

static void path_of(int vector, const char *suffix, char path[512])
{
    snprintf(path, 512, "%s/%s.%s", RP_VECTORS, vector_name(vector), suffix);
}

/* Without the line's end. */
static void read_line(int vector, const char *suffix, struct rp_buf *ret)
{
    char path[512];
    FILE *file;

    path_of(vector, suffix, path);
    file = fopen(path, "r");
    if (!file)
        fail_msg("there is no %s", path);
    rp_buf_init(ret, 2 * VECTOR_MAX);
    assert_int_equal(rp_buf_reserve(ret, 2 * VECTOR_MAX), 0);
    ret->len = fread(ret->data, 1, 2 * VECTOR_MAX, file);
    fclose(file);
    assert_true(ret->len && ret->data[ret->len - 1] == '\n');
    ret->data[--ret->len] = '\0';
}

static void write_line(int vector, const char *suffix, const struct rp_buf *line)
{
    char path[512];
    FILE *file;

    path_of(vector, suffix, path);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", rp_buf_str(line));
    fclose(file);
}

/* What the code makes of a vector: MessagePack, its digits, JSON. */
static void make(int vector, struct rp_buf *packed, struct rp_buf *hex, struct rp_buf *json)
{
    rp_buf_init(packed, VECTOR_MAX);
    rp_buf_init(hex, 2 * VECTOR_MAX);
    rp_buf_init(json, VECTOR_MAX);
    vector_write_any(vector, packed);
    assert_int_equal(packed->error, 0);
    for (size_t i = 0; i < packed->len; i++)
        rp_buf_appendf(hex, "%02x", (unsigned char)packed->data[i]);
    assert_int_equal(rp_message_to_json(rp_buf_slice(packed), json), 0);
}

static void check_decoded(int vector, const struct rp_buf *bytes, enum rp_encoding encoding)
{
    struct rp_message *message;

    assert_int_equal(rp_message_decode(rp_buf_slice(bytes), &message), 0);
    assert_int_equal(rp_message_encoding(message), encoding);
    assert_int_equal(rp_message_type(message), vector == VECTOR_KINDS ? RP_MSG_LOAD : vector);
    if (vector != VECTOR_KINDS)
        shape_check(message);
    rp_message_free(message);
}

static void check_vector(int vector)
{
    struct rp_buf packed, hex, json, file_hex, file_json, back;

    make(vector, &packed, &hex, &json);
    if (getenv("RP_UPDATE_GOLDEN")) {
        write_line(vector, "hex", &hex);
        write_line(vector, "json", &json);
    }
    read_line(vector, "hex", &file_hex);
    read_line(vector, "json", &file_json);
    assert_string_equal(rp_buf_str(&hex), rp_buf_str(&file_hex));
    assert_string_equal(rp_buf_str(&json), rp_buf_str(&file_json));
    rp_buf_init(&back, VECTOR_MAX);
    assert_int_equal(rp_message_from_json(rp_buf_slice(&file_json), &back), 0);
    assert_int_equal(back.len, packed.len);
    assert_memory_equal(back.data, packed.data, packed.len);
    check_decoded(vector, &packed, RP_MSGPACK);
    check_decoded(vector, &file_json, RP_JSON);
    for (struct rp_buf *const *buf =
             (struct rp_buf *[]){ &packed, &hex, &json, &file_hex, &file_json, &back, NULL };
         *buf; buf++)
        rp_buf_deinit(*buf);
}

static void test_both_encodings_of_every_message(void **state)
{
    for (int vector = RP_MSG_NONE + 1; vector < VECTOR_COUNT; vector++)
        check_vector(vector);
}

/* A file of a message that is no more would mislead. */
static void test_every_file_is_a_vector(void **state)
{
    DIR *dir = opendir(RP_VECTORS);
    struct dirent *entry;
    int files = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        files += entry->d_name[0] != '.' && strcmp(entry->d_name, "README.md") != 0;
    closedir(dir);
    assert_int_equal(files, 2 * (VECTOR_COUNT - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_encodings_of_every_message),
        cmocka_unit_test(test_every_file_is_a_vector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
