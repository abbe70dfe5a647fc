/* SPDX-License-Identifier: MIT */

/* One line of JSON: always JSON, whatever text and numbers are in it. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/json_line.h"

static json_t *written(void (*write)(struct rp_json_line *line, const void *data), const void *data)
{
    struct rp_buf out;
    struct rp_json_line line = { .out = &out };
    json_error_t error;
    json_t *root;

    rp_buf_init(&out, 1 << 16);
    rp_line_open(&line, NULL);
    write(&line, data);
    rp_line_close(&line);
    root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!root)
        fail_msg("%s: %s", error.text, out.data);
    rp_buf_deinit(&out);
    return root;
}

static void write_text(struct rp_json_line *line, const void *text)
{
    rp_line_text(line, text, text);
}

static void test_any_text(void **state)
{
    static const struct {
        const char *text, *read; /* NULL: the same */
    } cases[] = {
        { "", NULL },
        { "plain", NULL },
        { "\"quoted\\\" /\n\r\t\b\f\x01\x1f\x7f", NULL },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc2\x80\xdf\xbf\xe0\xa0\x80\xf4\x8f\xbf\xbf",
          NULL },
        { "\xff", "\xef\xbf\xbd" },
        { "a\x80z", "a\xef\xbf\xbdz" },
        { "\xc3", "\xef\xbf\xbd" },
        { "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* too long */
        { "\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* too long */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* too high */
        { "\xf8\x88\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf0\x9f\x98", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        const char *read = cases[i].read ? cases[i].read : cases[i].text;
        json_t *root = written(write_text, cases[i].text);

        assert_string_equal(json_string_value(json_object_get(root, read)), read);
        json_decref(root);
    }
}

/* Every byte and every pair of bytes: always JSON. */
static void test_all_short_texts(void **state)
{
    char text[4] = "";

    for (int i = 0; i < 65536; i++) {
        text[0] = (char)(i >> 8 ? i >> 8 : 'x');
        text[1] = (char)(i & 255);
        json_decref(written(write_text, text));
    }
}

static void write_number(struct rp_json_line *line, const void *value)
{
    rp_line_number(line, "x", *(const double *)value);
}

static void test_numbers(void **state)
{
    static const double numbers[] = { 0,          1,       -1,     0.1,
                                      1.0 / 3,    1e15,    1e16,   1e300,
                                      1e-300,     -2.5,    5e-324, 0x1p53,
                                      0x1p53 - 1, -0x1p53, 16.6,   123456789.123456789 };
    double odd[] = { NAN, INFINITY, -INFINITY };

    for (size_t i = 0; i < RP_ARRAY_LEN(numbers); i++) {
        json_t *root = written(write_number, &numbers[i]);

        assert_true(json_number_value(json_object_get(root, "x")) == numbers[i]);
        json_decref(root);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(odd); i++) {
        json_t *root = written(write_number, &odd[i]);

        assert_true(json_is_null(json_object_get(root, "x")));
        json_decref(root);
    }
}

static void write_nested(struct rp_json_line *line, const void *data)
{
    rp_line_open(line, "a");
    rp_line_close(line);
    rp_line_open_list(line, "b");
    for (int i = 0; i < 3; i++) {
        rp_line_open(line, NULL);
        rp_line_i64(line, "i", INT64_MIN);
        rp_line_bool(line, "yes", true);
        rp_line_bool(line, "no", false);
        rp_line_null(line, "none");
        rp_line_text(line, "no text", NULL);
        rp_line_close(line);
    }
    rp_line_close_list(line);
    rp_line_u64(line, "c", INT64_MAX);
}

static void test_nesting(void **state)
{
    json_t *root = written(write_nested, NULL);
    json_t *item = json_array_get(json_object_get(root, "b"), 2);

    assert_int_equal(json_object_size(json_object_get(root, "a")), 0);
    assert_int_equal(json_array_size(json_object_get(root, "b")), 3);
    assert_true(json_integer_value(json_object_get(item, "i")) == INT64_MIN);
    assert_true(json_is_true(json_object_get(item, "yes")));
    assert_true(json_is_false(json_object_get(item, "no")));
    assert_true(json_is_null(json_object_get(item, "none")));
    assert_true(json_is_null(json_object_get(item, "no text")));
    assert_true(json_integer_value(json_object_get(root, "c")) == INT64_MAX);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_text),
        cmocka_unit_test(test_all_short_texts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nesting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
