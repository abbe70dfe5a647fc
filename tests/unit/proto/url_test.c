/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/alloc.h"
#include "proto/url.h"

struct good_case {
    const char *text, *scheme, *userinfo, *host;
    unsigned port;
    bool has_port, is_ipv6;
    const char *path, *query, *fragment; /* query NULL: none */
    const char *target, *authority;
};

static const struct good_case good_cases[] = {
    { "http://a", "http", "", "a", 80, false, false, "", NULL, "", "/", "a" },
    { "HTTP://Example.COM/", "HTTP", "", "Example.COM", 80, false, false, "/", NULL, "", "/",
      "Example.COM" },
    { "https://a_b-c.d:8443/x/y?z=1#f", "https", "", "a_b-c.d", 8443, true, false, "/x/y", "z=1",
      "f", "/x/y?z=1", "a_b-c.d:8443" },
    { "http://127.0.0.1:80/", "http", "", "127.0.0.1", 80, true, false, "/", NULL, "", "/",
      "127.0.0.1" },
    { "https://h:80", "https", "", "h", 80, true, false, "", NULL, "", "/", "h:80" },
    { "ws://h:1", "ws", "", "h", 1, true, false, "", NULL, "", "/", "h:1" },
    { "wss://h", "wss", "", "h", 443, false, false, "", NULL, "", "/", "h" },
    { "http+unix://%2Frun%2fa-b.sock/x/y?z#f", "http+unix", "", "%2Frun%2fa-b.sock", 80, false,
      false, "/x/y", "z", "f", "/x/y?z", "localhost" },
    { "HTTP+UNIX://%2F%C3%BC(1)?z", "HTTP+UNIX", "", "%2F%C3%BC(1)", 80, false, false, "", "z", "",
      "/?z", "localhost" },
    { "ws://h", "ws", "", "h", 80, false, false, "", NULL, "", "/", "h" },
    { "http://h:65535", "http", "", "h", 65535, true, false, "", NULL, "", "/", "h:65535" },
    { "http://h:00081", "http", "", "h", 81, true, false, "", NULL, "", "/", "h:81" },
    { "http://[::1]", "http", "", "::1", 80, false, true, "", NULL, "", "/", "[::1]" },
    { "http://u:p@[fe80::1.2.3.4]:81/q", "http", "u:p", "fe80::1.2.3.4", 81, true, true, "/q", NULL,
      "", "/q", "[fe80::1.2.3.4]:81" },
    { "http://u%40x:p:q@h/", "http", "u%40x:p:q", "h", 80, false, false, "/", NULL, "", "/", "h" },
    { "http://@h/", "http", "", "h", 80, false, false, "/", NULL, "", "/", "h" },
    { "http://h:/", "http", "", "h", 80, false, false, "/", NULL, "", "/", "h" },
    { "https://[::1]:", "https", "", "::1", 443, false, true, "", NULL, "", "/", "[::1]" },
    { "http://h?", "http", "", "h", 80, false, false, "", "", "", "/?", "h" },
    { "http://h?a/b?c", "http", "", "h", 80, false, false, "", "a/b?c", "", "/?a/b?c", "h" },
    { "http://h#?x", "http", "", "h", 80, false, false, "", NULL, "?x", "/", "h" },
    { "http://h/@:x?@y#@z", "http", "", "h", 80, false, false, "/@:x", "@y", "@z", "/@:x?@y", "h" },
    { "http://h/a b/\xc3\xa4?q= \xe2\x82\xac", "http", "", "h", 80, false, false, "/a b/\xc3\xa4",
      "q= \xe2\x82\xac", "", "/a%20b/%C3%A4?q=%20%E2%82%AC", "h" },
    { "http://h/%41%zz%?%", "http", "", "h", 80, false, false, "/%41%zz%", "%", "", "/%41%zz%?%",
      "h" },
    { "http://h/\"<>\\^`{|}[]?\"<>\\^`{|}[]", "http", "", "h", 80, false, false, "/\"<>\\^`{|}[]",
      "\"<>\\^`{|}[]", "", "/%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D?%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D",
      "h" },
    { "http://h/-._~!$&'()*+,;=:@/?-._~!$&'()*+,;=:@/?", "http", "", "h", 80, false, false,
      "/-._~!$&'()*+,;=:@/", "-._~!$&'()*+,;=:@/?", "", "/-._~!$&'()*+,;=:@/?-._~!$&'()*+,;=:@/?",
      "h" },
    { "http://h/../a/./b", "http", "", "h", 80, false, false, "/../a/./b", NULL, "", "/../a/./b",
      "h" },
    { "http://1.2.3.4.example", "http", "", "1.2.3.4.example", 80, false, false, "", NULL, "", "/",
      "1.2.3.4.example" },
};

static void good_urls_are_cut_and_written(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(good_cases); i++) {
        const struct good_case *c = &good_cases[i];
        struct rp_error err = { 0 };
        struct rp_url url;
        struct rp_buf out;

        print_message("%s\n", c->text);
        rp_buf_init(&out, 1000);
        assert_int_equal(rp_url_parse(rp_slice_str(c->text), &url, &err), 0);
        assert_true(rp_slice_eq_str(url.scheme, c->scheme));
        assert_true(rp_slice_eq_str(url.userinfo, c->userinfo));
        assert_true(rp_slice_eq_str(url.host, c->host));
        assert_int_equal(url.port, c->port);
        assert_int_equal(url.has_port, c->has_port);
        assert_int_equal(url.is_ipv6, c->is_ipv6);
        assert_true(rp_slice_eq_str(url.path, c->path));
        assert_int_equal(url.has_query, c->query != NULL);
        assert_true(rp_slice_eq_str(url.query, c->query));
        assert_true(rp_slice_eq_str(url.fragment, c->fragment));
        rp_url_append_target(&url, &out);
        assert_string_equal(rp_buf_str(&out), c->target);
        rp_buf_reset(&out);
        rp_url_append_authority(&url, &out);
        assert_string_equal(rp_buf_str(&out), c->authority);
        rp_buf_deinit(&out);
    }
}

static void no_message_shows_a_password(void **state)
{
    static const char *const urls[] = {
        "http://u:s3cret@h:x/", "http://u:s3cret@h:0/",   "http://u:s3cret@/",
        "http://u:s3cret@a,b/", "ftp://u:s3cret@h/",      "http://u:s3cret@b@h/",
        "http://u:s3cret@[::/", "http://u:s3cret@1.2.3/", "http://u:s3cret@[::1]x/",
        "http://u:s3cret @h/",  " http://u:s3cret@h/",    "http://u:a/s3cret@h/",
        "//u:s3cret@h/",        "http://u:s3cret@h y/",   "http://u:s3cret?@h/",
        "http://u:/s3cret@h/",
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(urls); i++) {
        struct rp_error err = { 0 };
        struct rp_url url;

        print_message("%s\n", urls[i]);
        assert_int_equal(rp_url_parse(rp_slice_str(urls[i]), &url, &err), -RP_EUSER);
        assert_null(strstr(err.message, "s3cret"));
        rp_error_deinit(&err);
    }
}

static void user_name_and_password_are_left_out(void **state)
{
    static const struct {
        const char *text, *userinfo, *public;
    } cases[] = {
        { "http://u:p@h/x?y#z", "u:p", "http://h/x?y#z" },
        { "http://u%3Ap:@[::1]:8/", "u%3Ap:", "http://[::1]:8/" },
        { "http://a@b@h", "a@b", "http://h" },
        { "http://h/@x", "", "http://h/@x" },
        { "http://h?a://b@c", "", "http://h?a://b@c" },
        { "h/a", "", "h/a" },
        { "u:p@h/x@y", "u:p", "h/x@y" },
        { "//u:p@h/", "u:p", "//h/" },
        { "a name", "", "a name" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf out;

        rp_buf_init(&out, 1000);
        assert_true(
            rp_slice_eq_str(rp_url_userinfo(rp_slice_str(cases[i].text)), cases[i].userinfo));
        rp_url_append_public(rp_slice_str(cases[i].text), &out);
        assert_string_equal(rp_buf_str(&out), cases[i].public);
        rp_buf_deinit(&out);
    }
}

static void escapes_are_decoded(void **state)
{
    struct rp_buf out;

    rp_buf_init(&out, 1000);
    rp_url_append_decoded(RP_SLICE("a%3Ab%40%zz%4%"), &out);
    assert_string_equal(rp_buf_str(&out), "a:b@%zz%4%");
    rp_buf_deinit(&out);
}

static void bad_urls_are_refused_with_a_reason(void **state)
{
    static const struct {
        struct rp_slice text;
        const char *says;
    } cases[] = {
        { RP_SLICE(""), "empty" },
        { RP_SLICE("localhost:8080/x"), "no scheme" },
        { RP_SLICE("localhost"), "no scheme" },
        { RP_SLICE("/path"), "no scheme" },
        { RP_SLICE("http:/h"), "no scheme" },
        { RP_SLICE("http:"), "no scheme" },
        { RP_SLICE("//h/x"), "no scheme" },
        { RP_SLICE("a?http://h"), "no scheme" },
        { RP_SLICE("ftp://h/"), "unknown scheme 'ftp'" },
        { RP_SLICE("://h/"), "unknown scheme ''" },
        { RP_SLICE("httpx://h"), "unknown scheme" },
        { RP_SLICE("http+unix://"), "no path of a socket" },
        { RP_SLICE("http+unix:///run/s"), "no path of a socket" },
        { RP_SLICE("http+unix://%2F/x"), "no path of a socket" },
        { RP_SLICE("http+unix://run%2Fs/x"), "no path of a socket" },
        { RP_SLICE("http+unix://%2Fs:80/x"), "no path of a socket" },
        { RP_SLICE("http+unix://me@%2Fs/x"), "no path of a socket" },
        { RP_SLICE("http+unix://%2Fa%00/x"), "no path of a socket" },
        { RP_SLICE("http://"), "no host" },
        { RP_SLICE("http:///x"), "no host" },
        { RP_SLICE("http://:80/"), "no host" },
        { RP_SLICE("http://u@/"), "no host" },
        { RP_SLICE("http://?q"), "no host" },
        { RP_SLICE("http://u:b/c@h/"), "an '@' behind its first '/'" },
        { RP_SLICE("http://u:/c@h/"), "an '@' behind its first '/'" },
        { RP_SLICE("http://h:0/"), "bad port '0'" },
        { RP_SLICE("http://h:65536/"), "bad port" },
        { RP_SLICE("http://h:99999999999999999999/"), "bad port" },
        { RP_SLICE("http://h:-1/"), "bad port" },
        { RP_SLICE("http://h:80a/"), "bad port" },
        { RP_SLICE("http://::1/"), "no host" },
        { RP_SLICE("http://fe80::1/"), "bad port ':1'" },
        { RP_SLICE("http://h:80:81/"), "bad port" },
        { RP_SLICE("http://[::1/"), "IPv6" },
        { RP_SLICE("http://[]/"), "IPv6" },
        { RP_SLICE("http://[1.2.3.4]/"), "IPv6" },
        { RP_SLICE("http://[fe80::1%25eth0]/"), "IPv6" },
        { RP_SLICE("http://[1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7:8:9:1:2:3:4:5:6]/"), "IPv6" },
        { RP_SLICE("http://[::1]x/"), "between ']' and the port" },
        { RP_SLICE("http://256.1.1.1/"), "no IPv4" },
        { RP_SLICE("http://1.2.3/"), "no IPv4" },
        { RP_SLICE("http://12345/"), "no IPv4" },
        { RP_SLICE("http://a@b@c/"), "second '@'" },
        { RP_SLICE("http://b\xc3\xbc/"), "no host has" },
        { RP_SLICE("http://a,b/"), "no host has" },
        { RP_SLICE("http://${HOST}/"), "no host has" },
        { RP_SLICE("http://a%41/"), "no host has" },
        { RP_SLICE("http://h\\x/"), "no host has" },
        { RP_SLICE("http://a b/"), "blank before" },
        { RP_SLICE("http://u u@b/"), "blank before" },
        { RP_SLICE(" http://a/"), "blanks around" },
        { RP_SLICE("http://a/ "), "blanks around" },
        { RP_SLICE("http://a/\n"), "0x0a at byte 9" },
        { RP_SLICE("http://a/x\ty"), "0x09 at byte 10" },
        { RP_SLICE("http://a/?\0"), "0x00 at byte 10" },
        { RP_SLICE("http://a/#\x7f"), "0x7f at byte 10" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_error err = { 0 };
        struct rp_url url = { .port = 4711 };

        print_message("%.*s\n", RP_SLICE_FMT(cases[i].text));
        assert_int_equal(rp_url_parse(cases[i].text, &url, &err), -RP_EUSER);
        assert_int_equal(url.port, 4711);
        if (!strstr(err.message, cases[i].says))
            fail_msg("'%s' does not say '%s'", err.message, cases[i].says);
        assert_int_equal(rp_url_parse(cases[i].text, &url, NULL), -RP_EUSER);
        rp_error_deinit(&err);
    }
}

static void urls_of_calls_have_schemes_of_their_own(void **state)
{
    struct rp_error err = { 0 };
    struct rp_url url;

    assert_int_equal(rp_url_parse_call(RP_SLICE("grpc://h/a.B/C"), &url, NULL), 0);
    assert_true(url.port == 80 && rp_slice_eq_str(url.path, "/a.B/C"));
    assert_int_equal(rp_url_parse_call(RP_SLICE("GRPCS://h/a.B/C"), &url, NULL), 0);
    assert_int_equal(url.port, 443);
    assert_int_equal(rp_url_parse_call(RP_SLICE("grpcs://h:50051"), &url, NULL), 0);
    assert_int_equal(url.port, 50051);
    assert_int_equal(rp_url_parse_call(RP_SLICE("http://h/"), &url, NULL), -RP_EUSER);
    assert_int_equal(rp_url_parse(RP_SLICE("grpc://h/"), &url, NULL), -RP_EUSER);
    assert_int_equal(rp_url_parse_call(RP_SLICE("grpc://u:p@:1/"), &url, &err), -RP_EUSER);
    assert_string_equal(err.message, "the URL 'grpc://***@:1/' has no host");
    rp_error_deinit(&err);
}

static void expect_resolved(const char *base_text, const char *reference, const char *expected)
{
    struct rp_error err = { 0 };
    struct rp_url base;
    struct rp_buf out;

    rp_buf_init(&out, 1000);
    rp_buf_append_str(&out, "<");
    assert_int_equal(rp_url_parse(rp_slice_str(base_text), &base, &err), 0);
    assert_int_equal(rp_url_resolve(&base, rp_slice_str(reference), &out, &err), 0);
    if (strcmp(rp_buf_str(&out) + 1, expected) != 0)
        fail_msg("'%s' against '%s' is '%s', not '%s'", reference, base_text, rp_buf_str(&out) + 1,
                 expected);
    rp_buf_deinit(&out);
}

/* RFC 3986, 5.4.1 and 5.4.2, complete. */
static void references_resolve_as_in_the_rfc(void **state)
{
    static const char *const table[][2] = {
        { "g:h", "g:h" },
        { "g", "http://a/b/c/g" },
        { "./g", "http://a/b/c/g" },
        { "g/", "http://a/b/c/g/" },
        { "/g", "http://a/g" },
        { "//g", "http://g" },
        { "?y", "http://a/b/c/d;p?y" },
        { "g?y", "http://a/b/c/g?y" },
        { "#s", "http://a/b/c/d;p?q#s" },
        { "g#s", "http://a/b/c/g#s" },
        { "g?y#s", "http://a/b/c/g?y#s" },
        { ";x", "http://a/b/c/;x" },
        { "g;x", "http://a/b/c/g;x" },
        { "g;x?y#s", "http://a/b/c/g;x?y#s" },
        { "", "http://a/b/c/d;p?q" },
        { ".", "http://a/b/c/" },
        { "./", "http://a/b/c/" },
        { "..", "http://a/b/" },
        { "../", "http://a/b/" },
        { "../g", "http://a/b/g" },
        { "../..", "http://a/" },
        { "../../", "http://a/" },
        { "../../g", "http://a/g" },
        { "../../../g", "http://a/g" },
        { "../../../../g", "http://a/g" },
        { "/./g", "http://a/g" },
        { "/../g", "http://a/g" },
        { "g.", "http://a/b/c/g." },
        { ".g", "http://a/b/c/.g" },
        { "g..", "http://a/b/c/g.." },
        { "..g", "http://a/b/c/..g" },
        { "./../g", "http://a/b/g" },
        { "./g/.", "http://a/b/c/g/" },
        { "g/./h", "http://a/b/c/g/h" },
        { "g/../h", "http://a/b/c/h" },
        { "g;x=1/./y", "http://a/b/c/g;x=1/y" },
        { "g;x=1/../y", "http://a/b/c/y" },
        { "g?y/./x", "http://a/b/c/g?y/./x" },
        { "g?y/../x", "http://a/b/c/g?y/../x" },
        { "g#s/./x", "http://a/b/c/g#s/./x" },
        { "g#s/../x", "http://a/b/c/g#s/../x" },
        { "http:g", "http:g" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        expect_resolved("http://a/b/c/d;p?q", table[i][0], table[i][1]);
}

static void references_resolve_against_other_bases(void **state)
{
    static const char *const table[][3] = {
        { "http://h", "", "http://h" },
        { "http://h", "g", "http://h/g" },
        { "http://h?q", "g", "http://h/g" },
        { "http://h?q", "", "http://h?q" },
        { "http://h?q", "?", "http://h?" },
        { "http://h?q", "#", "http://h?q#" },
        { "http://h/a", "?y", "http://h/a?y" },
        { "http://h/a/", "..", "http://h/" },
        { "http://h/a//b/c", "../d", "http://h/a//d" },
        { "http://h/a//b/c", "../../d", "http://h/a/d" },
        { "https://u:p@h:8443/a?q#f", "/b", "https://u:p@h:8443/b" },
        { "https://u:p@h:443/a?q#f", "b#g", "https://u:p@h:443/b#g" },
        { "http://[::1]:8080/a", "b", "http://[::1]:8080/b" },
        { "http://[::1]/a", "//[::2]:1/x/../y", "http://[::2]:1/y" },
        { "https://h/a", "//other/x?y", "https://other/x?y" },
        { "https://h/a", "http://other/./x/", "http://other/x/" },
        { "http://h/a", "http://other", "http://other" },
        { "http://h/a", "1a:b", "http://h/1a:b" },
        { "http://h/a", "a+b.c-1:x/../y", "a+b.c-1:/y" },
        { "http://h/a", "./b:c", "http://h/b:c" },
        { "http://h/a", "a b", "http://h/a b" },
        { "http://h/a", "mailto:.", "mailto:" },
        { "http://h/a", "x:../y", "x:y" },
        { "http://h/a", "x:./y", "x:y" },
        { "http://h/a", "x:..", "x:" },
        { "http://h/a", "...", "http://h/..." },
        { "http://h/a", ".../..", "http://h/" },
        { "http://h/a", "b/..", "http://h/" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        expect_resolved(table[i][0], table[i][1], table[i][2]);
}

static void a_reference_with_control_characters_is_refused(void **state)
{
    struct rp_error err = { 0 };
    struct rp_url base;
    struct rp_buf out;

    rp_buf_init(&out, 1000);
    assert_int_equal(rp_url_parse(RP_SLICE("http://h/"), &base, &err), 0);
    assert_int_equal(rp_url_resolve(&base, RP_SLICE("a\rb"), &out, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, "0x0d at byte 1"));
    assert_int_equal(out.len, 0);
    assert_int_equal(rp_url_resolve(&base, (struct rp_slice){ 0 }, &out, &err), 0);
    assert_string_equal(rp_buf_str(&out), "http://h/");
    rp_error_deinit(&err);
    rp_buf_deinit(&out);
}

static void a_full_buffer_and_a_failed_allocation_leave_the_output_alone(void **state)
{
    struct rp_error err = { 0 };
    struct rp_url base;
    struct rp_buf out;

    assert_int_equal(rp_url_parse(RP_SLICE("http://h/some/path"), &base, &err), 0);
    for (size_t max = 0; max < sizeof("<http://h/some/x") - 1; max++) {
        rp_buf_init(&out, max);
        if (max)
            rp_buf_append_str(&out, "<");
        assert_int_equal(rp_url_resolve(&base, RP_SLICE("x"), &out, &err), -EMSGSIZE);
        assert_int_equal(out.len, max > 0);
        assert_string_equal(rp_buf_str(&out), max ? "<" : "");
        rp_buf_deinit(&out);
    }
    rp_buf_init(&out, 1000);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_url_resolve(&base, RP_SLICE("x"), &out, &err), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_int_equal(out.len, 0);
    rp_buf_reset(&out);
    assert_int_equal(rp_url_resolve(&base, RP_SLICE("x"), &out, &err), 0);
    assert_string_equal(rp_buf_str(&out), "http://h/some/x");
    rp_buf_deinit(&out);
}

static void default_ports_belong_to_schemes(void **state)
{
    assert_int_equal(rp_url_default_port(RP_SLICE("WS")), 80);
    assert_int_equal(rp_url_default_port(RP_SLICE("wsS")), 443);
    assert_int_equal(rp_url_default_port(RP_SLICE("ftp")), 0);
    assert_int_equal(rp_url_default_port(RP_SLICE("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_are_cut_and_written),
        cmocka_unit_test(no_message_shows_a_password),
        cmocka_unit_test(urls_of_calls_have_schemes_of_their_own),
        cmocka_unit_test(user_name_and_password_are_left_out),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(bad_urls_are_refused_with_a_reason),
        cmocka_unit_test(references_resolve_as_in_the_rfc),
        cmocka_unit_test(references_resolve_against_other_bases),
        cmocka_unit_test(a_reference_with_control_characters_is_refused),
        cmocka_unit_test(a_full_buffer_and_a_failed_allocation_leave_the_output_alone),
        cmocka_unit_test(default_ports_belong_to_schemes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
