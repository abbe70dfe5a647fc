/* SPDX-License-Identifier: MIT */
#include "app/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/run.h"
#include "app/term.h"
#include "base/alloc.h"
#include "base/str.h"
#include "compare/compare.h"
#include "run/result.h"

enum { TEXT_MAX = 64 << 20 };
#define MIN_EFFECT_DEFAULT 0.05

/* "5" and "5%" are 5 %. */
static int take_min_effect(const struct rp_cli *cli, double *ret, struct rp_error *err)
{
    struct rp_override given = rp_cli_value(cli, RP_OPT_MIN_EFFECT);
    struct rp_slice text = rp_slice_str(given.value);
    double percent;

    *ret = MIN_EFFECT_DEFAULT;
    if (!given.value)
        return 0;
    if (text.len && text.ptr[text.len - 1] == '%')
        text.len--;
    if (!rp_parse_double(text, &percent) || percent <= 0 || percent > 1000) {
        rp_error_set(err, -RP_EUSER, "%s: '%s' is no percentage above 0", given.origin,
                     given.value);
        rp_error_hint(err, "--min-effect 5%% is a change of a twentieth");
        return -RP_EUSER;
    }
    *ret = percent / 100;
    return 0;
}

static int check_arguments(const struct rp_cli *cli, struct rp_error *err)
{
    size_t inputs = 0;

    for (size_t i = 0; i < cli->argument_count; i++)
        inputs += strcmp(cli->arguments[i], "-") == 0;
    if (inputs > 1)
        return rp_error_set(err, -RP_EUSER, "the standard input cannot be more than one result");
    if (cli->argument_count >= 2)
        return 0;
    rp_error_set(err, -RP_EUSER, "there is nothing to compare '%s' with", cli->arguments[0]);
    rp_error_hint(err, "give the base first and the current run last: rampa compare before.json "
                       "after.json");
    return -RP_EUSER;
}

static int read_files(const struct rp_cli *cli, struct rp_run_file *files, struct rp_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < cli->argument_count; i++) {
        const char *path = cli->arguments[i];

        r = rp_run_file_read(path, strcmp(path, "-") == 0 ? "standard input" : path, &files[i],
                             err);
    }
    return r;
}

/* Two files that have nothing to do with each other do not pass a job of CI. */
static int check_common(const struct rp_comparison *comparison, struct rp_error *err)
{
    for (size_t i = 0; i < comparison->threshold_count; i++)
        if (comparison->thresholds[i].base)
            return 0;
    if (comparison->row_count)
        return 0;
    rp_error_set(err, -RP_EUSER, "'%s' and its base have no number in common that can be compared",
                 comparison->current->name);
    rp_error_hint(err, "give results of the same test; docs/compare.md says what is compared");
    return -RP_EUSER;
}

static int print(const struct rp_cli *cli, const struct rp_comparison *comparison)
{
    const char *format = rp_cli_value(cli, RP_OPT_COMPARE_FORMAT).value;
    struct rp_buf out;
    int r, code;

    rp_buf_init(&out, TEXT_MAX);
    if (format && strcmp(format, "json") == 0)
        r = rp_compare_write_json(comparison, &out);
    else if (format && strcmp(format, "markdown") == 0)
        r = rp_compare_write_markdown(comparison, &out);
    else
        r = rp_compare_write_text(comparison, rp_term_color(stdout, cli->flags[RP_OPT_NO_COLOR]),
                                  &out);
    code = r < 0 ? RP_EXIT_INTERNAL : rp_term_put(stdout, &out);
    if (r < 0)
        fprintf(stderr, "error: the comparison cannot be written: %s\n", strerror(-r));
    rp_buf_deinit(&out);
    return code;
}

static bool has_failed(const struct rp_cli *cli, const struct rp_comparison *comparison)
{
    const char *text = rp_cli_value(cli, RP_OPT_FAIL_ON).value;
    const char *what = text ? text : "worse";
    size_t worse = comparison->counts[RP_COMPARE_WORSE];

    if (strcmp(what, "unclear") == 0)
        return worse + comparison->counts[RP_COMPARE_UNCLEAR] > 0;
    if (strcmp(what, "change") == 0)
        return worse + comparison->counts[RP_COMPARE_BETTER] +
                   comparison->counts[RP_COMPARE_CHANGED] >
               0;
    return strcmp(what, "never") != 0 && worse > 0;
}

int rp_cmd_compare(const struct rp_cli *cli)
{
    struct rp_run_file *files = rp_calloc(cli->argument_count, sizeof(*files));
    struct rp_comparison comparison = { 0 };
    struct rp_error err = { 0 };
    size_t bases = cli->argument_count - 1;
    int code = RP_EXIT_PASSED, r = files ? check_arguments(cli, &err) : -ENOMEM;
    double min_effect;

    if (r == 0)
        r = take_min_effect(cli, &min_effect, &err);
    if (r == 0)
        r = read_files(cli, files, &err);
    if (r == 0)
        r = rp_compare(files, bases, &files[bases], min_effect, &comparison);
    if (r == 0)
        r = check_common(&comparison, &err);
    if (r == 0)
        code = print(cli, &comparison);
    if (r == 0 && code == RP_EXIT_PASSED && has_failed(cli, &comparison))
        code = RP_EXIT_THRESHOLDS;
    if (r < 0) {
        if (!err.message)
            rp_error_set(&err, r, "cannot compare: %s", strerror(-r));
        rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
        code = r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
    }
    rp_error_deinit(&err);
    rp_comparison_deinit(&comparison);
    for (size_t i = 0; files && i < cli->argument_count; i++)
        rp_run_file_deinit(&files[i]);
    rp_free(files);
    return code;
}
