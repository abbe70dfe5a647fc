/* SPDX-License-Identifier: MIT */
/* The options of a load with what a tired person types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli.h"
#include "base/buf.h"

#define A_STAGE "a stage is DURATION:TARGET, as in 30s:100 or 30s:100,1m:0"
#define A_RATE "a rate is NUMBER/TIME, as in 500/s, 30/m, 7/3s or 0.5/s"

/* Words are separated by one blank. */
static void mistakes_of(const char *text, struct rp_buf *out)
{
    char line[256], *words[16] = { (char *)"rampa" }, *rest = line;
    struct rp_cli cli;
    int count = 1;

    snprintf(line, sizeof(line), "%s", text);
    while (rest)
        words[count++] = strsep(&rest, " ");
    assert_int_equal(rp_cli_parse(count, words, &cli), 0);
    for (size_t i = 0; i < cli.error_count; i++) {
        rp_buf_append_str(out, cli.errors[i].message);
        if (cli.errors[i].hint)
            rp_buf_appendf(out, " (%s)", cli.errors[i].hint);
        rp_buf_append_str(out, "\n");
    }
    rp_cli_deinit(&cli);
}

static int setup(void **state)
{
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_options[i].env)
            unsetenv(rp_options[i].env);
    return 0;
}

static void wrong_loads_are_explained(void **state)
{
    static const struct {
        const char *line, *expected;
    } cases[] = {
        { "run a.py --stage 30:100",
          "--stage: '30:100' is not a stage: '30' is not a duration: it has "
          "no unit (" A_STAGE ")\n" },
        { "run a.py --stage 30s",
          "--stage: '30s' is not a stage: it has no target (" A_STAGE ")\n" },
        { "run a.py --stage 30s:1 --stage x",
          "--stage: 'x' is not a stage: it has no target (" A_STAGE ")\n" },
        { "run a.py --stage", "option '--stage' needs a value (--stage TIME:TARGET)\n" },
        { "run a.py --workers 1025", "--workers: 1025 is not between 1 and 1024\n" },
        { "run a.py --workers all", "--workers: 'all' is neither a whole number nor 'auto'\n" },
        { "run a.py --rate fast",
          "--rate: 'fast' is not a rate: 'fast' is not a number (" A_RATE ")\n" },
        { "run a.py --rate 500/",
          "--rate: '500/' is not a rate: the time is missing after '/' (" A_RATE ")\n" },
        { "run a.py --rate -5/s",
          "--rate: '-5/s' is not a rate: the number must be from 0 to 1000000000 (" A_RATE ")\n" },
        { "run a.py --max-vus -1", "--max-vus: -1 is less than 1\n" },
        { "run a.py --max-vus 0", "--max-vus: 0 is less than 1\n" },
        { "run a.py --seed x", "--seed: 'x' is not a whole number\n" },
        { "run a.py --seed -1", "--seed: -1 is not between 0 and 9007199254740991\n" },
        { "run a.py --seed 9007199254740992",
          "--seed: 9007199254740992 is not between 0 and 9007199254740991\n" },
        { "run a.py --no-spin=1", "option '--no-spin' takes no value\n" },
        { "run a.py --event-log=", "--event-log: the value is empty\n" },
        { "check a.py --event-log x",
          "unknown option '--event-log' (it is an option of 'rampa run')\n" },
        { "run a.py --stages 30s:1", "unknown option '--stages' (did you mean '--stage'?)\n" },
        { "run a.py --stage x --rate y --seed z",
          "--stage: 'x' is not a stage: it has no target (" A_STAGE ")\n"
          "--rate: 'y' is not a rate: 'y' is not a number (" A_RATE ")\n"
          "--seed: 'z' is not a whole number\n" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf wrong;

        rp_buf_init(&wrong, 4096);
        mistakes_of(cases[i].line, &wrong);
        assert_string_equal(rp_buf_str(&wrong), cases[i].expected);
        rp_buf_deinit(&wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(wrong_loads_are_explained, setup),
    };

    return cmocka_run_group_tests_name("app/load", tests, NULL, NULL);
}
