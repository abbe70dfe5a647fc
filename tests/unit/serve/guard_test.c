/* SPDX-License-Identifier: MIT */

/* Who may speak to the control server: tokens, Host, Origin, and how many wrong tokens. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/guard.h"

#define TOKEN "0123456789abcdef"

static bool is_bearer(const char *field)
{
    return rp_guard_is_bearer(rp_slice_str(field), TOKEN);
}

static void only_the_whole_token_is_right(void **state)
{
    assert_true(is_bearer("Bearer " TOKEN));
    assert_true(is_bearer("bearer  " TOKEN " "));
    assert_false(is_bearer("Bearer " TOKEN "0"));
    assert_false(is_bearer("Bearer 0123456789abcde"));
    assert_false(is_bearer("Bearer 0123456789abcdeF"));
    assert_false(is_bearer("Bearer " TOKEN TOKEN));
    assert_false(is_bearer("Bearer "));
    assert_false(is_bearer("Bearer"));
    assert_false(is_bearer("Basic " TOKEN));
    assert_false(is_bearer(TOKEN));
    assert_false(is_bearer(""));
    assert_false(is_bearer(NULL));
}

static void no_token_is_right_when_there_is_none(void **state)
{
    assert_false(rp_guard_is_token(rp_slice_str(""), ""));
    assert_false(rp_guard_is_token(rp_slice_str("x"), ""));
}

static bool is_host(const char *host, uint16_t port, const char *name)
{
    return rp_guard_is_host(rp_slice_str(host), port, name, "");
}

static void a_host_is_loopback_with_the_port(void **state)
{
    assert_true(is_host("127.0.0.1:8080", 8080, "127.0.0.1:8080"));
    assert_true(is_host("localhost:8080", 8080, "127.0.0.1:8080"));
    assert_true(is_host("LOCALHOST:8080", 8080, "127.0.0.1:8080"));
    assert_true(is_host("[::1]:8080", 8080, "[::1]:8080"));
    assert_true(is_host("127.0.0.5:8080", 8080, "127.0.0.5:8080"));
    assert_true(is_host("localhost", 80, "127.0.0.1:80"));
    assert_false(is_host("localhost", 8080, "127.0.0.1:8080"));
    assert_false(is_host("localhost:8081", 8080, "127.0.0.1:8080"));
    assert_false(is_host("localhost:80801", 8080, "127.0.0.1:8080"));
    assert_false(is_host("127.0.0.5:8080", 8080, "127.0.0.1:8080"));
    assert_false(is_host("evil.example:8080", 8080, "127.0.0.1:8080"));
    assert_false(is_host("localhost.evil.example:8080", 8080, "127.0.0.1:8080"));
    assert_false(is_host("evil.example/localhost:8080", 8080, "127.0.0.1:8080"));
    assert_false(is_host("", 8080, "127.0.0.1:8080"));
    assert_false(is_host(NULL, 80, "127.0.0.1:80"));
}

static bool is_page_host(const char *host)
{
    return rp_guard_is_host(rp_slice_str(host), 8080, "127.0.0.1:8080", "rampa-01.localhost");
}

static void a_host_is_that_of_the_page(void **state)
{
    assert_true(is_page_host("rampa-01.localhost:8080"));
    assert_true(is_page_host("localhost:8080"));
    assert_false(is_page_host("rampa-01.localhost:8081"));
    assert_false(is_page_host("rampa-02.localhost:8080"));
    assert_false(is_page_host(":8080"));
    assert_false(is_host(":8080", 8080, "127.0.0.1:8080"));
}

static bool is_origin(const char *origin, const char *host, bool is_tls)
{
    return rp_guard_is_origin(rp_slice_str(origin), rp_slice_str(host), is_tls);
}

static void an_origin_is_that_of_the_host(void **state)
{
    assert_true(is_origin("http://localhost:8080", "localhost:8080", false));
    assert_true(is_origin("https://localhost:8080", "localhost:8080", true));
    assert_false(is_origin("https://localhost:8080", "localhost:8080", false));
    assert_false(is_origin("http://localhost:8081", "localhost:8080", false));
    assert_false(is_origin("http://localhost:8080.evil.example", "localhost:8080", false));
    assert_false(is_origin("http://evil.example", "localhost:8080", false));
    assert_false(is_origin("http://", "", false));
    assert_false(is_origin("null", "localhost:8080", false));
    assert_false(is_origin("", "localhost:8080", false));
}

static void wrong_tokens_are_counted(void **state)
{
    struct rp_guard_tries tries = { 0 };
    rp_ns now = 1000 * RP_S;

    for (int i = 0; i < RP_GUARD_TRIES; i++)
        assert_true(rp_guard_may_try(&tries, now));
    assert_false(rp_guard_may_try(&tries, now));
    assert_false(rp_guard_may_try(&tries, now + 2 * RP_S));
    assert_true(rp_guard_may_try(&tries, now + 3 * RP_S));
    assert_false(rp_guard_may_try(&tries, now + 3 * RP_S));
    for (int i = 0; i < RP_GUARD_TRIES; i++)
        assert_true(rp_guard_may_try(&tries, now + 1000 * RP_S));
    assert_false(rp_guard_may_try(&tries, now + 1000 * RP_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_whole_token_is_right),
        cmocka_unit_test(no_token_is_right_when_there_is_none),
        cmocka_unit_test(a_host_is_loopback_with_the_port),
        cmocka_unit_test(a_host_is_that_of_the_page),
        cmocka_unit_test(an_origin_is_that_of_the_host),
        cmocka_unit_test(wrong_tokens_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
