/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "script/script_internal.h"

static void assert_shown(struct rp_slice body, uint64_t bytes, const char *expected)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 16);
    rp_trace_append_body(&out, "< ", body, bytes);
    assert_string_equal(rp_buf_str(&out), expected);
    rp_buf_deinit(&out);
}

#define SHOWN(text, expected) assert_shown(RP_SLICE(text), sizeof(text) - 1, expected)

static void text_is_shown_by_lines(void **state)
{
    SHOWN("hello", "< (5 bytes of body:)\n< hello\n");
    SHOWN("a\r\n\nb\n", "< (6 bytes of body:)\n< a\n< \n< b\n");
    assert_shown(RP_SLICE(""), 0, "");
}

static void of_other_bodies_the_size_is_shown(void **state)
{
    SHOWN("\x1b[2J", "< (4 bytes of body)\n");
    SHOWN("\xff\xfe", "< (2 bytes of body)\n");
    SHOWN("a\0b", "< (3 bytes of body)\n");
    assert_shown(RP_SLICE(""), 70000, "< (70000 bytes of body)\n"); /* it was discarded */
}

static void a_long_text_is_cut(void **state)
{
    char text[3000];
    struct rp_buf out;
    const char *shown;

    memset(text, 'a', sizeof(text));
    memcpy(text + 2046, "\xe2\x82\xac", 3); /* the cut is within a character */
    rp_buf_init(&out, 1 << 16);
    rp_trace_append_body(&out, "> ", rp_slice(text, sizeof(text)), sizeof(text));
    shown = rp_buf_str(&out);
    assert_non_null(strstr(shown, "> (3000 bytes of body, the first 2048 of them:)\n> aaa"));
    assert_true(out.len < 2200);
    rp_buf_deinit(&out);
}

static void secrets_are_masked(void **state)
{
    static const char *const bodies[][2] = {
        { "{\"access_token\": \"abc\", \"name\":\"x\"}",
          "{\"access_token\": ***, \"name\":\"x\"}" },
        { "{\"Password\":\"a\\\"b,c\",\"n\":1}", "{\"Password\":***,\"n\":1}" },
        { "{\"api_key\":12,\"n\":1}", "{\"api_key\":***,\"n\":1}" },
        { "{\"keys\":[{\"kid\":1}]}", "{\"keys\":[{\"kid\":1}]}" },
        { "user=u&password=abc&x=1", "user=u&password=***&x=1" },
        { "password=abc", "password=***" },
        { "password=", "password=***" },
        { "{'token': 'abc'}", "{'token': ***}" },
        { "\"{\\\"token\\\":\\\"abc\\\"}\"", "\"{\\\"token\\\":***}\"" },
        { "the token is lost", "the token is lost" },
        { "{\"secret\":\"never ends", "{\"secret\":***" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(bodies); i++) {
        char expected[200];

        snprintf(expected, sizeof(expected), "< (%zu bytes of body:)\n< %s\n", strlen(bodies[i][0]),
                 bodies[i][1]);
        assert_shown(rp_slice_str(bodies[i][0]), strlen(bodies[i][0]), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_shown_by_lines),
        cmocka_unit_test(of_other_bodies_the_size_is_shown),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(secrets_are_masked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
