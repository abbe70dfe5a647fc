/* SPDX-License-Identifier: MIT */
#include "../run/fixture.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "ui/brief.h"

enum { OUT_MAX = 1 << 20 };

static void write_brief(const struct rp_result *result, struct rp_buf *out)
{
    rp_buf_init(out, OUT_MAX);
    rp_brief_write(result, (struct rp_style){ .color = false }, out);
    assert_int_equal(out->error, 0);
}

static void test_a_pass_says_nothing(void **state)
{
    struct fixture fixture;
    struct rp_buf text;

    fixture_passed(&fixture);
    write_brief(&fixture.result, &text);
    assert_int_equal(text.len, 0);
    rp_buf_deinit(&text);
    fixture_deinit(&fixture);
}

static void test_everything_that_went_wrong(void **state)
{
    struct fixture fixture;
    struct rp_buf text;

    fixture_failed(&fixture);
    write_brief(&fixture.result, &text);
    assert_string_equal(
        rp_buf_str(&text),
        "error: http_req_duration{name:POST /refunds} avg<200: no samples\n"
        "error: http_req_failed rate<0.01: actual 2.13%\n"
        "error: checkout.py:27 in browse: ValueError: price is negative: -3 (7 times)\n"
        "warning: scenario 'buy' reached max_duration 45s before 190 of its 8990 iterations had "
        "started: raise max_duration or vus\n"
        "warning: tag 'name' has more than 1000 values: set name= on the request (3120 times)\n");
    rp_buf_deinit(&text);
    fixture_deinit(&fixture);
}

static void test_nothing_succeeded(void **state)
{
    struct fixture fixture;
    struct rp_buf text;

    fixture_passed(&fixture);
    fixture_rate(&fixture, "http_req_failed", 2, 2,
                 "status=0|error_code=1212|error=connection refused|method=GET|name=http://x/");
    fixture.result.exit_code = RP_EXIT_THRESHOLDS;
    fixture.result.nothing_succeeded = true;
    fixture.result.reason = rp_strdup("none of the 2 requests has succeeded");
    write_brief(&fixture.result, &text);
    assert_string_equal(rp_buf_str(&text), "error: none of the 2 requests has succeeded\n"
                                           "error: 2 x connection refused (1212): GET http://x/\n");
    rp_buf_deinit(&text);
    fixture_deinit(&fixture);
}

static void test_what_an_option_ends(void **state)
{
    static const char *const rows[][2] = {
        { "1310", "--cacert FILE trusts the authority in FILE, --insecure accepts any certificate; "
                  "--once shows what is wrong with one" },
        { "1311", "--once shows what is wrong with the certificate, --insecure accepts any" },
        { "1312", "--once shows what is wrong with the certificate, --insecure accepts any" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        struct rp_buf text;
        char tags[200], expected[300];

        fixture_passed(&fixture);
        snprintf(tags, sizeof(tags), "status=0|error_code=%s|error=bad|method=GET|name=https://x/",
                 rows[i][0]);
        fixture_rate(&fixture, "http_req_failed", 2, 2, tags);
        fixture.result.exit_code = RP_EXIT_THRESHOLDS;
        fixture.result.nothing_succeeded = true;
        fixture.result.reason = rp_strdup("none of the 2 requests has succeeded");
        write_brief(&fixture.result, &text);
        snprintf(expected, sizeof(expected), "error: 2 x bad (%s): GET https://x/ (%s)\n",
                 rows[i][0], rows[i][1]);
        assert_non_null(strstr(rp_buf_str(&text), expected));
        rp_buf_deinit(&text);
        fixture_deinit(&fixture);
    }
}

/* Whatever a name holds, there is one line each, without a control character. */
static void test_hostile_text(void **state)
{
    struct fixture fixture;
    struct rp_buf text;
    size_t lines = 0, failed = 0;

    fixture_hostile(&fixture);
    for (size_t i = 0; i < fixture.result.plan->threshold_count; i++)
        failed += !fixture.result.verdicts[i].passed;
    fixture.result.nothing_succeeded = true;
    write_brief(&fixture.result, &text);
    for (const char *p = rp_buf_str(&text); *p; p++) {
        lines += *p == '\n';
        assert_true(*p == '\n' || (unsigned char)*p >= ' ');
    }
    assert_int_equal(lines, failed + 4); /* reason, exception, failed request, warning */
    rp_buf_deinit(&text);
    fixture_deinit(&fixture);
}

static void test_out_of_memory(void **state)
{
    struct fixture fixture;
    struct rp_buf whole, out;
    uint64_t n;

    fixture_failed(&fixture);
    fixture.result.nothing_succeeded = true;
    write_brief(&fixture.result, &whole);
    for (n = 1;; n++) {
        rp_buf_init(&out, OUT_MAX);
        rp_alloc_fail_at(n);
        rp_brief_write(&fixture.result, (struct rp_style){ .color = false }, &out);
        rp_alloc_fail_at(0);
        if (!out.error && out.len == whole.len)
            break;
        assert_int_equal(out.error, -ENOMEM);
        rp_buf_deinit(&out);
    }
    assert_true(n > 5);
    rp_buf_deinit(&out);
    rp_buf_deinit(&whole);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pass_says_nothing),
        cmocka_unit_test(test_everything_that_went_wrong),
        cmocka_unit_test(test_nothing_succeeded),
        cmocka_unit_test(test_what_an_option_ends),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
