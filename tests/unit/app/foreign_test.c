/* SPDX-License-Identifier: MIT */
/* Lines about requests of URLs, and lines as users of other tools write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/foreign.h"
#include "lines.h"

static void wrong_lines_are_explained(void **state)
{
    static const struct {
        const char *line, *expected;
    } cases[] = {
        { "http://a/ -n 5", "a URL is no command (write rampa run URL)\n" },
        { "attack",
          "unknown command 'attack' (write rampa run URL, or rampa run --targets FILE)\n" },
        { "target 9000", "unexpected argument '9000' (did you mean '--port 9000'?)\n" },
        { "run http://a/ b.py", "unexpected argument 'b.py'\n" },
        { "run a.py http://a/", "unexpected argument 'URL'\n" },
        { "check http://a/ --header x",
          "--header: what follows is not 'NAME: VALUE' (as in --header 'Accept: text/html', or "
          "--header @FILE; the address of a server is --base-url)\n" },
        { "check http://a/ --expect-status 200,99",
          "--expect-status: '99' is not a status from 100 to 599 (as in 200, 200,204, 200-299 or "
          "2xx)\n" },
        { "check http://a/ --expect-status 300-200",
          "--expect-status: '300-200' is not a status from 100 to 599 (as in 200, 200,204, 200-299 "
          "or 2xx)\n" },
        { "run /a --base-url host:80", "--base-url: it is not a URL that this version can request "
                                       "(as in http://127.0.0.1:8080)\n" },
        { "run http://a/ --json",
          "option '--json' needs a value (--json JSON) (it is what is sent; the result as JSON is "
          "--out FILE)\n" },
        /* what users of other tools write */
        { "run http://a/ -d a=1", "-d: 'a=1' is not a duration: a number is missing (as in 30s; a "
                                  "body is --body, --body-file or --json)\n" },
        { "run http://a/ -q 100",
          "-q is --quiet and takes no number (a rate is --rate, as in --rate 100/s)\n" },
        { "run -q100 http://a/",
          "-q is --quiet and takes no number (a rate is --rate, as in --rate 100/s)\n" },
        { "run -q=5 http://a/",
          "-q is --quiet and takes no number (a rate is --rate, as in --rate 5/s)\n" },
        { "run http://a/ -m POST", "unknown option '-m' (write -X METHOD)\n" },
        { "run http://a/ -duration=30s",
          "unknown option '-duration' (did you mean '--duration'?)\n" },
        { "run http://a/ -rate 50", "unknown option '-rate' (did you mean '--rate'?)\n" },
        { "run http://a/ -redirects=-1",
          "unknown option '-redirects' (write --follow, which follows at most 10 redirects)\n" },
        { "run http://a/ --rps 5", "unknown option '--rps' (write --rate, as in --rate 100/s)\n" },
        { "run http://a/ --concurrency=5", "unknown option '--concurrency' (write --vus N)\n" },
        { "run http://a/ -o json", "unknown option '-o' (write --out FILE: the result as JSON)\n" },
        { "doctor --rps 5", "unknown option '--rps'\n" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct line line;
        struct rp_cli cli;
        struct rp_buf wrong;

        rp_buf_init(&wrong, 4096);
        parse(cases[i].line, &line, &cli);
        mistakes(&cli, &wrong);
        assert_string_equal(rp_buf_str(&wrong), cases[i].expected);
        rp_buf_deinit(&wrong);
        rp_cli_deinit(&cli);
    }
}

/* A remedy may name only what there is. */
static void remedies_name_options_of_ours(void **state)
{
    static const char *const words[] = {
        "-t",
        "-s",
        "-o",
        "-j",
        "-m",
        "-R",
        "-r",
        "-f",
        "-D",
        "-p",
        "-T",
        "-A",
        "-U",
        "-a",
        "-P",
        "-C",
        "-b",
        "-I",
        "-k",
        "-L",
        "-v",
        "--rps",
        "--host",
        "-keepalive",
        "--latency",
        "--threads",
        "--spawn-rate",
        "--run-time",
        "--no-tui",
        "--summary-export",
        "-max-workers",
        "-max-connections",
        "--connections",
        "--requests",
        "--data",
        "--qps",
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(words); i++) {
        const char *remedy = rp_foreign_option(rp_slice_str(words[i]));

        assert_non_null(remedy);
        for (const char *at = remedy; (at = strstr(at, "--"));) {
            size_t len = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-"), k = 0;

            while (k < RP_OPT_COUNT && !rp_slice_eq_str(rp_slice(at, len), rp_options[k].name))
                k++;
            if (k == RP_OPT_COUNT)
                fail_msg("%s: no option %.*s", words[i], (int)len, at);
            at += len;
        }
    }
    assert_null(rp_foreign_option(RP_SLICE("--nothing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_lines_are_explained),
        cmocka_unit_test(remedies_name_options_of_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
