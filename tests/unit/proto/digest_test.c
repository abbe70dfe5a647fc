/* SPDX-License-Identifier: MIT */

/* Digest authentication: the examples of RFC 7616 and RFC 2617, and challenges of all shapes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/compiler.h"
#include "proto/digest.h"

static void assert_answer(const char *field, const char *user, const char *password,
                          const char *cnonce, const char *wanted)
{
    struct rp_digest_challenge challenge;
    struct rp_buf out;

    assert_true(rp_digest_parse(rp_slice_str(field), &challenge));
    rp_buf_init(&out, 1 << 16);
    rp_digest_append(&challenge, rp_slice_str(user), rp_slice_str(password), RP_SLICE("GET"),
                     RP_SLICE("/dir/index.html"), rp_slice_str(cnonce), &out);
    assert_int_equal(out.error, 0);
    assert_string_equal(rp_buf_str(&out), wanted);
    rp_buf_deinit(&out);
}

#define REALM "realm=\"http-auth@example.org\""
#define NONCE "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\""
#define OPAQUE "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
#define CNONCE "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
#define USER "Digest username=\"Mufasa\", " REALM ", " NONCE ", uri=\"/dir/index.html\", algorithm="
#define REST ", qop=auth, nc=00000001, cnonce=\"" CNONCE "\", " OPAQUE

static void the_examples_of_the_rfcs(void **state)
{
    assert_answer("Digest " REALM ", qop=\"auth, auth-int\", algorithm=MD5, " NONCE ", " OPAQUE,
                  "Mufasa", "Circle of Life", CNONCE,
                  USER "MD5, response=\"8ca523f5e9506fed4657c9700eebdbec\"" REST);
    assert_answer("Digest " REALM ", qop=\"auth, auth-int\", algorithm=SHA-256, " NONCE ", " OPAQUE,
                  "Mufasa", "Circle of Life", CNONCE,
                  USER "SHA-256, response="
                       "\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"" REST);
    assert_answer("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c0"
                  "93\"",
                  "Mufasa", "Circle Of Life", "0a4f113b",
                  "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
                  "response=\"670fd8c2df070c60b045671b8b24ff02\"");
}

static void challenges_of_all_shapes(void **state)
{
    static const struct {
        const char *field, *realm, *nonce;
        bool is_one, has_qop, is_session;
    } cases[] = {
        { "Digest realm=\"a\", nonce=\"b\"", "a", "b", true, false, false },
        { "digest NONCE=b,realm=a,qop=auth", "a", "b", true, true, false },
        { "Basic realm=\"x, y\", Digest realm=\"a\", nonce=\"b\", qop=\"auth\"", "a", "b", true,
          true, false },
        { "Negotiate, Digest realm=a, nonce=b, algorithm=MD5-sess, qop=auth", "a", "b", true, true,
          true },
        { "Digest realm=x, nonce=y, algorithm=XYZ, Digest realm=a, nonce=b", "a", "b", true, false,
          false },
        { "Digest realm=\"a \\\" b\", nonce=\"\"", "a \\\" b", "", true, false, false },
        { "Digest realm = \"a\" , nonce = \"b", "a", "b", true, false, false },
        { "Digest realm=\"a\"", NULL, NULL, false, false, false },
        { "Digest realm=a, nonce=b, qop=auth-int", NULL, NULL, false, false, false },
        { "Digest", NULL, NULL, false, false, false },
        { "Basic realm=\"Digest nonce=b\"", NULL, NULL, false, false, false },
        { "", NULL, NULL, false, false, false },
        { "=,\"\",===;;;", NULL, NULL, false, false, false },
        { "Digest nonce=\"\\", NULL, "\\", true, false, false },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_digest_challenge challenge;

        assert_int_equal(rp_digest_parse(rp_slice_str(cases[i].field), &challenge),
                         cases[i].is_one);
        if (!cases[i].is_one)
            continue;
        assert_true(rp_slice_eq_str(challenge.nonce, cases[i].nonce));
        if (cases[i].realm)
            assert_true(rp_slice_eq_str(challenge.realm, cases[i].realm));
        assert_int_equal(challenge.has_qop, cases[i].has_qop);
        assert_int_equal(challenge.is_session, cases[i].is_session);
    }
}

static void a_name_with_quotes(void **state)
{
    struct rp_digest_challenge challenge;
    struct rp_buf out;

    assert_true(rp_digest_parse(RP_SLICE("Digest realm=a, nonce=b"), &challenge));
    rp_buf_init(&out, 4096);
    rp_digest_append(&challenge, RP_SLICE("j\"o\\e"), RP_SLICE("p"), RP_SLICE("GET"), RP_SLICE("/"),
                     RP_SLICE("1"), &out);
    assert_int_equal(strncmp(out.data, "Digest username=\"j\\\"o\\\\e\", ", 27), 0);
    rp_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfcs),
        cmocka_unit_test(challenges_of_all_shapes),
        cmocka_unit_test(a_name_with_quotes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
