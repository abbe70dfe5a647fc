/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli.h"
#include "app/run_options.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "lines.h"

static void clear_environment(void)
{
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_options[i].env)
            unsetenv(rp_options[i].env);
}

static int setup(void **state)
{
    clear_environment();
    return 0;
}

/* What was parsed, as one text: "run load.py --vus=5 [--quiet]". */
static void describe(const struct rp_cli *cli, struct rp_buf *out)
{
    rp_buf_append_str(out, cli->command ? cli->command->name : "-");
    for (size_t i = 0; i < cli->argument_count; i++)
        rp_buf_appendf(out, " %s", cli->arguments[i]);
    for (size_t i = 0; i < cli->given_count; i++)
        rp_buf_appendf(out, " %s=%s", cli->given[i].option->name, cli->given[i].value);
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (cli->flags[i])
            rp_buf_appendf(out, " [%s]", rp_options[i].name);
}

static void right_lines_are_understood(void **state)
{
    static const struct {
        const char *line, *expected;
    } cases[] = {
        { "", "-" },
        { "run load.py", "run load.py" },
        { "run load.py --vus 5", "run load.py --vus=5" },
        { "run --vus 5 load.py", "run load.py --vus=5" },
        { "run load.py --vus=5", "run load.py --vus=5" },
        { "run -u 5 load.py", "run load.py --vus=5" },
        { "run -u5 load.py", "run load.py --vus=5" },
        { "run -u=5 load.py", "run load.py --vus=5" },
        { "run -qu 5 load.py", "run load.py --vus=5 [--quiet]" },
        { "run -qu5 load.py", "run load.py --vus=5 [--quiet]" },
        { "run load.py --vus 1 --vus 2", "run load.py --vus=1 --vus=2" },
        { "run load.py -e A=1 --env B=x=y --env C=", "run load.py --env=A=1 --env=B=x=y --env=C=" },
        { "run --out - load.py", "run load.py --out=-" },
        { "run --out=--x load.py", "run load.py --out=--x" },
        { "run --quiet --progress load.py", "run load.py [--progress] [--quiet]" },
        { "run -- load.py", "run load.py" },
        { "run -- --vus", "run --vus" },
        { "-- run load.py", "run load.py" },
        { "run -", "run -" },
        { "--no-color run load.py", "run load.py [--no-color]" },
        { "run load.py --duration 1m30s -i 10", "run load.py --duration=1m30s --iterations=10" },
        { "run a.py --stage 30s:10 --stage 1m:0,5s:3 --rate 7/3s --max-vus 5",
          "run a.py --stage=30s:10 --stage=1m:0,5s:3 --rate=7/3s --max-vus=5" },
        { "check a.py --rate=.5/s --seed 0 --no-spin --no-kernel-timestamps",
          "check a.py --rate=.5/s --seed=0 [--no-spin] [--no-kernel-timestamps]" },
        { "run a.py --seed 9007199254740991 --event-log e.jsonl",
          "run a.py --seed=9007199254740991 --event-log=e.jsonl" },
        { "run a.py --summary-trend-stats avg,p(99.9),count",
          "run a.py --summary-trend-stats=avg,p(99.9),count" },
        { "inspect load.py --format json", "inspect load.py --format=json" },
        { "compare a.json b.json c.json --format markdown --fail-on=never",
          "compare a.json b.json c.json --format=markdown --fail-on=never" },
        { "target --host ::1 -p 0", "target --host=::1 --port=0" },
        { "target --port 65535", "target --port=65535" },
        { "run http://a/ -c 5 -n 10 -z 3s", "run http://a/ --vus=5 --iterations=10 --duration=3s" },
        { "run http://a/ -c5 -qn10", "run http://a/ --vus=5 --iterations=10 [--quiet]" },
        { "run http://a/ http://b/ -q http://c/", "run http://a/ http://b/ http://c/ [--quiet]" },
        { "run /a /b --base-url http://h", "run /a /b --base-url=http://h" },
        { "run --targets - -i 5", "run --targets=- --iterations=5" },
        { "run http://a/ -XPOST -H a:b -H @f --body x --body-file=f --json 1",
          "run http://a/ --method=POST --header=a:b --header=@f --body=x --body-file=f --json=1" },
        { "run http://a/ --compressed -H a:b", "run http://a/ --header=a:b [--compressed]" },
        { "run http://a/ --timeout 5s --expect-status 200,300-399,2xx,5XX",
          "run http://a/ --timeout=5s --expect-status=200,300-399,2xx,5XX" },
        { "help run", "help run" },
        { "help", "help" },
        { "completion zsh", "completion zsh" },
        /* help and version excuse everything but an unknown command */
        { "run --help", "run [--help]" },
        { "run -h --duraton", "run [--help]" },
        { "--help run", "run [--help]" },
        { "run a.py b.py --vus x --version", "run a.py [--version]" },
        { "-V", "- [--version]" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct line line;
        struct rp_cli cli;
        struct rp_buf is, wrong;

        rp_buf_init(&is, 4096);
        rp_buf_init(&wrong, 4096);
        parse(cases[i].line, &line, &cli);
        mistakes(&cli, &wrong);
        assert_string_equal(rp_buf_str(&wrong), "");
        describe(&cli, &is);
        assert_string_equal(rp_buf_str(&is), cases[i].expected);
        rp_buf_deinit(&is);
        rp_buf_deinit(&wrong);
        rp_cli_deinit(&cli);
    }
}

static void wrong_lines_are_explained(void **state)
{
    static const struct {
        const char *line, *expected;
    } cases[] = {
        { "rn load.py", "unknown command 'rn' (did you mean 'run'?)\n" },
        { "frobnicate --help", "unknown command 'frobnicate'\n" },
        { "load.py", "unknown command 'load.py' (did you mean 'rampa run load.py'?)\n" },
        { "load.py --vus x", "unknown command 'load.py' (did you mean 'rampa run load.py'?)\n" },
        { "run", "no script or URL given (rampa run SCRIPT|URL)\n" },
        { "completion", "no SHELL given (rampa completion SHELL)\n" },
        { "completion tcsh", "SHELL: 'tcsh' is not one of bash, zsh, fish\n" },
        { "help rum", "unknown command 'rum' (did you mean 'run'?)\n" },
        { "run a.py b.py", "unexpected argument 'b.py'\n" },
        { "doctor load.py", "unexpected argument 'load.py'\n" },
        { "run a.py --duraton 3s", "unknown option '--duraton' (did you mean '--duration'?)\n" },
        { "run a.py --duraton=3s", "unknown option '--duraton' (did you mean '--duration'?)\n" },
        { "run a.py --dur 3s", "unknown option '--dur' (did you mean '--duration'?)\n" },
        { "run a.py -vus 3", "unknown option '-vus' (did you mean '--vus'?)\n" },
        { "run a.py -vus=3", "unknown option '-vus' (did you mean '--vus'?)\n" },
        { "run a.py -qy", "unknown option '-y'\n" },
        { "run a.py --zzzzzz", "unknown option '--zzzzzz'\n" },
        { "run a.py --=x", "unknown option '--'\n" },
        { "run a.py --color", "unknown option '--color'\n" },
        { "run a.py --format json",
          "unknown option '--format' (it is an option of 'rampa inspect')\n" },
        { "check a.py --out x", "unknown option '--out' (it is an option of 'rampa run')\n" },
        { "doctor -q", "unknown option '--quiet' (it is an option of 'rampa run')\n" },
        { "--vus 3 run a.py", "option '--vus' stands before the command (put it after the "
                              "command)\n" },
        { "run a.py --vus", "option '--vus' needs a value (--vus N)\n" },
        { "run --vus --quiet a.py", "option '--vus' needs a value (--vus N)\n" },
        { "run a.py --quiet=yes", "option '--quiet' takes no value\n" },
        { "run a.py --vus many", "--vus: 'many' is not a whole number\n" },
        { "run a.py --vus ''", "--vus: '' is not a whole number\n" },
        { "run a.py --vus 1.5", "--vus: '1.5' is not a whole number\n" },
        { "run a.py --vus 0", "--vus: 0 is less than 1\n" },
        { "run a.py --vus -3", "--vus: -3 is less than 1\n" },
        { "run a.py -u-3", "-u: -3 is less than 1\n" },
        { "target --port 65536", "--port: 65536 is not between 0 and 65535\n" },
        { "target --port -1", "--port: -1 is not between 0 and 65535\n" },
        { "run a.py --env FOO", "--env: 'FOO' is not KEY=VALUE\n" },
        { "run a.py --tag =x", "--tag: '=x' is not KEY=VALUE\n" },
        { "run a.py --out=", "--out: the value is empty\n" },
        { "inspect a.py --format jsn",
          "--format: 'jsn' is not one of text, json (did you mean 'json'?)\n" },
        { "inspect a.py --format markdown", "--format: 'markdown' is not one of text, json\n" },
        { "compare a b --format yaml", "--format: 'yaml' is not one of text, markdown, json\n" },
        { "compare a b --formt json", "unknown option '--formt' (did you mean '--format'?)\n" },
        { "run a.py --summary-trend-stats avg,p99",
          "--summary-trend-stats: 'p99' is none of avg, min, max, med, count and p(N)\n" },
        { "run a.py --summary-trend-stats avg,",
          "--summary-trend-stats: '' is none of avg, min, max, med, count and p(N)\n" },
        { "run a.py --summary-trend-stats rate",
          "--summary-trend-stats: 'rate' is none of avg, min, max, med, count and p(N)\n" },
        /* all of them, and none that only follows from another */
        { "run --duraton 30s load.py --vus x --env FOO",
          "unknown option '--duraton' (did you mean '--duration'?)\n"
          "--vus: 'x' is not a whole number\n--env: 'FOO' is not KEY=VALUE\n" },
        { "run --scenaro browse", "unknown option '--scenaro' (did you mean '--scenario'?)\n" },
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

static void a_bad_duration_is_told_with_its_option(void **state)
{
    static const char *const bad[] = { "30", "abc", "-3s", "" };

    for (size_t i = 0; i < RP_ARRAY_LEN(bad); i++) {
        char text[64];
        struct line line;
        struct rp_cli cli;

        snprintf(text, sizeof(text), "run a.py --duration=%s", bad[i]);
        parse(text, &line, &cli);
        assert_int_equal(cli.error_count, 1);
        assert_int_equal(strncmp(cli.errors[0].message, "--duration: ", 12), 0);
        assert_string_equal(cli.errors[0].hint, "as in 30s, 1m30s, 250ms");
        rp_cli_deinit(&cli);
    }
}

static void the_environment_stands_in_for_what_the_line_does_not_say(void **state)
{
    struct line line;
    struct rp_cli cli;
    struct rp_override vus;

    setenv("RAMPA_VUS", "7", 1);
    setenv("RAMPA_DURATION", "", 1);
    setenv("RAMPA_QUIET", "yes", 1);
    setenv("RAMPA_PROGRESS", "0", 1);
    setenv("RAMPA_STAGES", "30s:1,1m:2", 1);
    setenv("RAMPA_RATE", "5/s", 1);
    setenv("RAMPA_MAX_VUS", "9", 1);
    setenv("RAMPA_SEED", "3", 1);
    setenv("RAMPA_NO_SPIN", "on", 1);
    setenv("RAMPA_STRICT", "1", 1);
    setenv("RAMPA_EVENT_LOG", "e", 1);
    parse("run a.py", &line, &cli);
    assert_int_equal(cli.error_count, 0);
    vus = rp_cli_value(&cli, RP_OPT_VUS);
    assert_string_equal(vus.value, "7");
    assert_string_equal(vus.origin, "RAMPA_VUS");
    assert_null(rp_cli_value(&cli, RP_OPT_DURATION).value);
    assert_string_equal(rp_cli_value(&cli, RP_OPT_STAGE).origin, "RAMPA_STAGES");
    assert_string_equal(rp_cli_value(&cli, RP_OPT_RATE).value, "5/s");
    assert_string_equal(rp_cli_value(&cli, RP_OPT_MAX_VUS).value, "9");
    assert_string_equal(rp_cli_value(&cli, RP_OPT_SEED).value, "3");
    assert_string_equal(rp_cli_value(&cli, RP_OPT_EVENT_LOG).value, "e");
    assert_true(cli.flags[RP_OPT_NO_SPIN]);
    assert_true(cli.flags[RP_OPT_STRICT]);
    assert_true(cli.flags[RP_OPT_QUIET]);
    assert_false(cli.flags[RP_OPT_PROGRESS]);
    rp_cli_deinit(&cli);

    parse("run a.py --vus 3 --stage 5s:5", &line, &cli);
    vus = rp_cli_value(&cli, RP_OPT_VUS);
    assert_string_equal(vus.value, "3");
    assert_string_equal(vus.origin, "--vus");
    assert_string_equal(rp_cli_value(&cli, RP_OPT_STAGE).value, "5s:5");
    rp_cli_deinit(&cli);
}

static void a_variable_is_read_by_the_commands_that_have_its_option(void **state)
{
    struct line line;
    struct rp_cli cli;

    setenv("RAMPA_VUS", "many", 1);
    parse("doctor", &line, &cli);
    assert_int_equal(cli.error_count, 0);
    rp_cli_deinit(&cli);
    parse("run a.py --vus 3", &line, &cli);
    assert_int_equal(cli.error_count, 0);
    rp_cli_deinit(&cli);
    parse("run a.py", &line, &cli);
    assert_int_equal(cli.error_count, 1);
    assert_string_equal(cli.errors[0].message, "RAMPA_VUS: 'many' is not a whole number");
    rp_cli_deinit(&cli);
    clear_environment();
    setenv("RAMPA_QUIET", "perhaps", 1);
    parse("run a.py", &line, &cli);
    assert_int_equal(cli.error_count, 1);
    assert_string_equal(cli.errors[0].message, "RAMPA_QUIET: 'perhaps' is neither yes nor no");
    rp_cli_deinit(&cli);
}

static void flags_of_the_environment_are_yes_or_no(void **state)
{
    static const char *const yes[] = { "1", "yes", "TRUE", "On" };
    static const char *const no[] = { "0", "no", "False", "OFF" };
    static const char *const neither[] = { "", "2", "y", "ja", "1 " };
    bool is;

    for (size_t i = 0; i < RP_ARRAY_LEN(yes); i++) {
        assert_true(rp_flag_parse(yes[i], &is) && is);
        assert_true(rp_flag_parse(no[i], &is) && !is);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(neither); i++)
        assert_false(rp_flag_parse(neither[i], &is));
}

static void a_request_has_what_the_line_says(void **state)
{
    struct line line;
    struct rp_cli cli;
    struct rp_run_request request;
    const struct rp_overrides *overrides = &request.options.overrides;

    parse("run a.py --env A=1 --tag t=x --env B=c=d --scenario one --scenario two --python py -u 1 "
          "-u 2 --stage 1s:1 --rate 3/m --stage 2s:2,3s:3 --max-vus 4 --seed 5 --no-spin "
          "--no-kernel-timestamps --traceparent --event-log l",
          &line, &cli);
    assert_int_equal(rp_run_request_init(&request, &cli), 0);
    assert_string_equal(request.options.script, "a.py");
    assert_string_equal(request.options.python, "py");
    assert_string_equal(overrides->vus.value, "2");
    assert_string_equal(overrides->vus.origin, "-u");
    assert_null(overrides->duration.value);
    assert_int_equal(overrides->scenario_name_count, 2);
    assert_string_equal(overrides->scenario_names[0].value, "one");
    assert_string_equal(overrides->scenario_names[1].value, "two");
    assert_int_equal(overrides->stage_count, 2);
    assert_string_equal(overrides->stages[0].value, "1s:1");
    assert_string_equal(overrides->stages[1].value, "2s:2,3s:3");
    assert_string_equal(overrides->stages[1].origin, "--stage");
    assert_string_equal(overrides->rate.value, "3/m");
    assert_string_equal(overrides->max_vus.value, "4");
    assert_string_equal(overrides->seed.value, "5");
    assert_true(overrides->no_spin);
    assert_true(overrides->no_kernel_timestamps);
    assert_true(overrides->traceparent);
    assert_string_equal(request.options.event_log, "l");
    assert_int_equal(overrides->tag_count, 1);
    assert_string_equal(overrides->tags[0].key, "t");
    assert_int_equal(overrides->env_count, 2);
    assert_string_equal(overrides->env[0].key, "A");
    assert_string_equal(overrides->env[0].value, "1");
    assert_string_equal(overrides->env[1].key, "B");
    assert_string_equal(overrides->env[1].value, "c=d");
    assert_true(request.options.width > 0);
    assert_null(request.options.out);
    rp_run_request_deinit(&request);
    rp_cli_deinit(&cli);
}

static void secrets_are_hidden_in_the_line_only(void **state)
{
    static const struct {
        const char *line, *hidden;
    } cases[] = {
        { "run http://u:pw@h/a@b", " run http://****@h/a@b" },
        { "run grpc://u:pw@h/a.B/C ws://pw@h", " run grpc://****@h/a.B/C ws://**@h" },
        { "run a.py -u 5 -e A=b", " run a.py -u 5 -e A=b" },
        { "run a://h -H A:pw --header=B:pw -H @file", " run a://h -H A:** --header=B:** -H @file" },
        { "run a://h --cookie a=pw --auth u:pw", " run a://h --cookie a=** --auth ****" },
        { "run a://h --bearer pw --auth @file", " run a://h --bearer ** --auth @file" },
        { "run a://h -x a://u:p/w@h --proxy u:pw@h", " run a://h -x a://*****@h --proxy ****@h" },
        { "run /a --base-url=http://u:pw@h", " run /a --base-url=http://****@h" },
        { "run a.py -O influxdb=http://u:pw@h", " run a.py -O influxdb=http://****@h" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf before, after, words;
        struct line line;
        struct rp_cli cli;

        rp_buf_init(&before, 1000);
        rp_buf_init(&after, 1000);
        rp_buf_init(&words, 1000);
        parse(cases[i].line, &line, &cli);
        describe(&cli, &before);
        assert_int_equal(rp_cli_hide_secrets(&cli), 0);
        describe(&cli, &after);
        for (int word = 1; word < line.count; word++)
            rp_buf_appendf(&words, " %s", line.words[word]);
        assert_string_equal(rp_buf_str(&words), cases[i].hidden);
        assert_string_equal(rp_buf_str(&after), rp_buf_str(&before));
        rp_buf_deinit(&before);
        rp_buf_deinit(&after);
        rp_buf_deinit(&words);
        rp_cli_deinit(&cli);
    }
}

static void every_allocation_may_fail(void **state)
{
    struct line line;
    int failures = 0;

    for (uint64_t n = 1;; n++) {
        struct rp_run_request request = { 0 };
        struct rp_cli cli;
        int r;

        split("run a.py --env A=1 --tag t=x --scenario one --vus 3 --stage 1s:1 --proxy a://u:p@h",
              &line);
        rp_alloc_fail_at(n);
        r = rp_cli_parse(line.count, line.words, &cli);
        if (r == 0) {
            r = rp_cli_hide_secrets(&cli);
            if (r == 0)
                r = rp_run_request_init(&request, &cli);
            rp_alloc_fail_at(0);
            if (r == 0)
                rp_run_request_deinit(&request);
            else
                assert_null(request.python);
            rp_cli_deinit(&cli);
        } else {
            assert_null(cli.given);
        }
        rp_alloc_fail_at(0);
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        failures++;
    }
    /* 3 of the line, 2 of the proxy, python, scenarios, stages, pairs, 2 keys, 2 values */
    assert_int_equal(failures, 13);
}

static void the_tables_hold_together(void **state)
{
    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        const struct rp_option *option = &rp_options[i];

        assert_int_equal(strncmp(option->name, "--", 2), 0);
        assert_non_null(option->help);
        assert_int_not_equal(option->help[strlen(option->help) - 1], '.');
        assert_non_null(option->since);
        assert_int_not_equal(option->commands, 0);
        assert_int_equal(option->type == RP_TYPE_FLAG, !option->placeholder);
        assert_int_equal(option->type == RP_TYPE_CHOICE, !!option->choices);
        assert_true(option->type != RP_TYPE_INT || option->min < option->max);
        assert_true(!option->env || strncmp(option->env, "RAMPA_", 6) == 0);
        for (size_t j = 0; j < i; j++) {
            bool is_apart = !(option->commands & rp_options[j].commands);

            /* A name, and a letter, is that of one option of a command. */
            assert_true(is_apart || strcmp(option->name, rp_options[j].name) != 0);
            assert_true(is_apart || !option->short_name ||
                        (option->short_name != rp_options[j].short_name &&
                         option->short_name != rp_options[j].other_name));
            assert_true(is_apart || !option->other_name ||
                        (option->other_name != rp_options[j].short_name &&
                         option->other_name != rp_options[j].other_name));
            assert_true(!option->env || !rp_options[j].env ||
                        strcmp(option->env, rp_options[j].env));
        }
    }
    for (size_t i = 0; i < RP_CMD_COUNT; i++) {
        const struct rp_command *command = &rp_commands[i];

        assert_ptr_equal(rp_command_find(command->name), command);
        assert_int_equal(rp_command_id(command), i);
        assert_non_null(command->examples[0].line);
        assert_non_null(command->exits[0].text);
        assert_int_not_equal(command->summary[strlen(command->summary) - 1], '.');
    }
    assert_null(rp_command_find("ru"));
}

/* What a help shows must be right: each example is parsed as a user would type it. */
static void examples_are_right_lines(void **state)
{
    for (size_t i = 0; i <= RP_CMD_COUNT; i++) {
        const struct rp_example *example = i < RP_CMD_COUNT ? rp_commands[i].examples
                                                            : rp_global_examples;

        for (; example->line; example++) {
            const char *begin = strstr(example->line, "rampa ");
            char text[256];
            struct line line;
            struct rp_cli cli;

            assert_non_null(begin);
            snprintf(text, sizeof(text), "%.*s", (int)strcspn(begin, ")|>"), begin);
            parse(text + strlen("rampa "), &line, &cli);
            assert_int_equal(cli.error_count, 0);
            assert_non_null(cli.command);
            rp_cli_deinit(&cli);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(right_lines_are_understood, setup),
        cmocka_unit_test_setup(wrong_lines_are_explained, setup),
        cmocka_unit_test_setup(a_bad_duration_is_told_with_its_option, setup),
        cmocka_unit_test_setup(the_environment_stands_in_for_what_the_line_does_not_say, setup),
        cmocka_unit_test_setup(a_variable_is_read_by_the_commands_that_have_its_option, setup),
        cmocka_unit_test_setup(flags_of_the_environment_are_yes_or_no, setup),
        cmocka_unit_test_setup(a_request_has_what_the_line_says, setup),
        cmocka_unit_test_setup(secrets_are_hidden_in_the_line_only, setup),
        cmocka_unit_test_setup(every_allocation_may_fail, setup),
        cmocka_unit_test_setup(the_tables_hold_together, setup),
        cmocka_unit_test_setup(examples_are_right_lines, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
