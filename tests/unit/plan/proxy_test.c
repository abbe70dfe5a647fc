/* SPDX-License-Identifier: MIT */

/* What users write of proxies, and of hosts that are reached without one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/compiler.h"
#include "plan/plan.h"
#include "plan/proxy.h"

static void proxies(void **state)
{
    static const struct {
        const char *text;
        enum rp_proxy_kind kind;
        const char *user, *place, *host;
        uint16_t port;
    } cases[] = {
        { "http://a:1", RP_PROXY_HTTP, "", "a:1", "a", 1 },
        { "HTTPS://a.example:65535/", RP_PROXY_HTTPS, "", "a.example:65535", "a.example", 65535 },
        { "a:3128", RP_PROXY_HTTP, "", "a:3128", "a", 3128 },
        { "socks5://u:p@[::1]:1080", RP_PROXY_SOCKS5, "u:p", "[::1]:1080", "::1", 1080 },
        { "socks5h://u@x:p@127.0.0.1:9", RP_PROXY_SOCKS5H, "u@x:p", "127.0.0.1:9", "127.0.0.1", 9 },
        { "u:p://@a:1", RP_PROXY_HTTP, NULL, NULL, NULL, 0 },
        { "@a:1", RP_PROXY_HTTP, "", "a:1", "a", 1 },
    };
    static const char *const wrong[] = {
        "",          "http://",      "http://a",     "http://a:",      "http://a:0",
        "http://:1", "http://a:b",   "http://a:1/b", "http://a:1?",    "socks4://a:1",
        "ftp://a:1", "http://::1:1", "http://[::1]", "http://[::1:1",  "http://a b:1",
        "a",         "http://a:1//", "http://[]:1",  "http://a:99999", "http://[a]b:1",
    };
    struct rp_proxy_text got;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        if (!cases[i].host) {
            assert_int_equal(rp_proxy_parse(rp_slice_str(cases[i].text), &got, NULL), -RP_EUSER);
            continue;
        }
        assert_int_equal(rp_proxy_parse(rp_slice_str(cases[i].text), &got, NULL), 0);
        assert_int_equal(got.kind, cases[i].kind);
        assert_true(rp_slice_eq_str(got.user, cases[i].user));
        assert_true(rp_slice_eq_str(got.place, cases[i].place));
        assert_true(rp_slice_eq_str(got.host, cases[i].host));
        assert_int_equal(got.port, cases[i].port);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(wrong); i++)
        assert_int_equal(rp_proxy_parse(rp_slice_str(wrong[i]), &got, NULL), -RP_EUSER);
}

static void hosts_without_a_proxy(void **state)
{
    static const struct {
        const char *list, *host;
        uint16_t port;
        bool is_in;
    } cases[] = {
        { NULL, "a", 80, false },
        { "", "a", 80, false },
        { "*", "a", 80, true },
        { "a", "a", 80, true },
        { " b , A.Example ", "a.example", 80, true },
        { "example.com", "www.example.com", 80, true },
        { "example.com", "notexample.com", 80, false },
        { ".example.com", "www.example.com", 80, true },
        { ".example.com", "example.com", 80, false },
        { "*.example.com", "a.b.example.com", 80, true },
        { "*.example.com", "example.com", 80, false },
        { "example.com:8080", "example.com", 8080, true },
        { "example.com:8080", "example.com", 80, false },
        { "10.0.0.0/8", "10.200.3.4", 80, true },
        { "10.0.0.0/8", "11.0.0.1", 80, false },
        { "10.128.0.0/9", "10.127.255.255", 80, false },
        { "10.128.0.0/9", "10.128.0.0", 80, true },
        { "0.0.0.0/0", "1.2.3.4", 80, true },
        { "0.0.0.0/0", "::1", 80, false },
        { "10.0.0.1", "10.0.0.1", 80, true },
        { "10.0.0.1:81", "10.0.0.1", 80, false },
        { "0.0.1", "10.0.0.1", 80, false },
        { "::1", "0:0::1", 80, true },
        { "[::1]:81", "::1", 81, true },
        { "fe80::/10", "febf::1", 80, true },
        { "fe80::/10", "fec0::1", 80, false },
        { "10.0.0.0/8", "ten.example", 80, false },
        { ",,a,", "a", 1, true },
    };
    static const char *const wrong[] = { "a/b",     "10.0.0.0/33", "a b",    "a:b",
                                         "::1/129", "10.0.0/8",    "a,[b,c", "u@a",
                                         ".",       "*.",          "a:0",    "http://a" };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        assert_int_equal(rp_no_proxy_check(cases[i].list, NULL), 0);
        assert_int_equal(rp_no_proxy_has(cases[i].list, rp_slice_str(cases[i].host), cases[i].port),
                         cases[i].is_in);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(wrong); i++)
        assert_int_equal(rp_no_proxy_check(wrong[i], NULL), -RP_EUSER);
}

#define DECLARED(options)                                                                          \
    "{\"script\":\"s\",\"functions\":[{\"name\":\"default\"}],\"decorated\":[],\"metrics\":[],"    \
    "\"config\":{\"options\":{" options "}}}"

static struct rp_plan *resolve(const char *declared, const char *option, struct rp_error *err)
{
    struct rp_overrides overrides = { .proxy = { option, "--proxy" } };
    struct rp_plan *plan = NULL;

    if (rp_plan_resolve(declared, &overrides, &plan, err) < 0)
        print_message("# %s\n", err->message);
    return plan;
}

static void settings_of_a_plan(void **state)
{
    static const char with_auth[] = DECLARED("\"proxy\":\"http://a:1\",\"proxy_auth\":\"u:p\"");
    struct rp_error err = { 0 };
    struct rp_buf out;
    struct rp_plan *plan;

    plan = resolve(DECLARED("\"proxy\":\"http://joe:s3cret@a:1\",\"no_proxy\":\"b\""), NULL, &err);
    assert_string_equal(plan->proxy, "http://a:1");
    assert_string_equal(plan->proxy_auth, "joe:s3cret");
    rp_buf_init(&out, 1 << 20);
    rp_plan_write_text(plan, &out);
    assert_int_equal(rp_plan_write_inspection(plan, &out), 0);
    assert_null(strstr(rp_buf_str(&out), "s3cret"));
    assert_non_null(strstr(rp_buf_str(&out), "\"proxy_auth\": \"***\""));
    rp_buf_deinit(&out);
    rp_plan_free(plan);

    plan = resolve(with_auth, NULL, &err);
    assert_string_equal(plan->proxy_auth, "u:p");
    rp_plan_free(plan);
    plan = resolve(with_auth, "http://b:2",
                   &err); /* which is not to learn what is for another one */
    assert_string_equal(plan->proxy, "http://b:2");
    assert_null(plan->proxy_auth);
    rp_plan_free(plan);
    plan = resolve(with_auth, "", &err);
    assert_null(plan->proxy);
    assert_null(plan->proxy_auth);
    rp_plan_free(plan);

    assert_null(resolve(DECLARED("\"proxy_auth\":\"u:s3cret\""), NULL, &err));
    assert_string_equal(err.message, "proxy_auth: there is no proxy that it is for");
    rp_error_deinit(&err);
    err = (struct rp_error){ 0 };
    assert_null(resolve(DECLARED("\"proxy\":\"ftp://u:s3cret@b:1\""), NULL, &err));
    assert_null(strstr(err.message, "s3cret"));
    rp_error_deinit(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxies),
        cmocka_unit_test(hosts_without_a_proxy),
        cmocka_unit_test(settings_of_a_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
