/* SPDX-License-Identifier: MIT */
#include "app/app.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/run.h"
#include "app/term.h"
#include "base/str.h"
#include "output/result_file.h"
#include "report/report.h"
#include "run/result.h"

/* The last part of a path. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(path, "-") == 0 ? "standard input" : slash && slash[1] ? slash + 1 : path;
}

/* Where the page goes when nobody has said: beside the result, report.html for standard input. */
static void append_default_path(const char *result, struct rp_buf *ret)
{
    struct rp_slice path = rp_slice_str(result);
    struct rp_slice end = RP_SLICE(".json");

    if (strcmp(result, "-") == 0) {
        rp_buf_append_str(ret, "report.html");
        return;
    }
    if (path.len > end.len && rp_slice_eq(rp_slice(path.ptr + path.len - end.len, end.len), end))
        path.len -= end.len;
    rp_buf_append_slice(ret, path);
    rp_buf_append_str(ret, ".html");
}

static int read_results(const struct rp_cli *cli, struct rp_report_input *inputs,
                        struct rp_error *err)
{
    if (cli->argument_count == 2 && strcmp(cli->arguments[0], "-") == 0 &&
        strcmp(cli->arguments[1], "-") == 0)
        return rp_error_set(err, -RP_EUSER, "the standard input cannot be both results");
    for (size_t i = 0; i < cli->argument_count; i++) {
        int r = rp_report_read(cli->arguments[i], &inputs[i].result, err);

        if (r < 0)
            return r;
        inputs[i].name = name_of(cli->arguments[i]);
    }
    return 0;
}

static int refuse_result_path(const struct rp_cli *cli, const char *path, struct rp_error *err)
{
    for (size_t i = 0; i < cli->argument_count; i++) {
        if (strcmp(path, "-") == 0 || strcmp(path, cli->arguments[i]) != 0)
            continue;
        rp_error_set(err, -RP_EUSER, "the page would replace the result file '%s'", path);
        rp_error_hint(err, "give the page another name with -o");
        return -RP_EUSER;
    }
    return 0;
}

static int write_page(const struct rp_report_input *inputs, size_t count, const char *path,
                      struct rp_error *err)
{
    struct rp_result_file *file = NULL;
    struct rp_buf page;
    int r;

    rp_buf_init(&page, RP_REPORT_BYTES_MAX);
    r = rp_report_write(inputs, count, &page);
    if (r == -EMSGSIZE)
        r = rp_error_set(err, -RP_EUSER, "the page would have more than %d MB",
                         RP_REPORT_BYTES_MAX >> 20);
    if (r == 0)
        r = rp_result_file_open(path, &file, err);
    if (r == 0)
        r = rp_result_file_commit(file, rp_buf_slice(&page), err);
    rp_result_file_free(file);
    rp_buf_deinit(&page);
    return r;
}

int rp_cmd_report(const struct rp_cli *cli)
{
    struct rp_report_input inputs[RP_REPORT_RESULTS_MAX] = { 0 };
    const char *path = rp_cli_value(cli, RP_OPT_PAGE).value;
    struct rp_error err = { 0 };
    struct rp_buf fallback;
    int r;

    rp_buf_init(&fallback, PATH_MAX);
    append_default_path(cli->arguments[0], &fallback);
    r = fallback.error;
    path = path ? path : rp_buf_str(&fallback);
    if (r == 0)
        r = read_results(cli, inputs, &err);
    if (r == 0)
        r = refuse_result_path(cli, path, &err);
    if (r == 0)
        r = write_page(inputs, cli->argument_count, path, &err);
    if (r == 0 && rp_result_file_descriptor(path) < 0)
        fprintf(stderr, "wrote %s\n", path);
    if (r < 0) {
        if (!err.message)
            rp_error_set(&err, r, "cannot make the page: %s", strerror(-r));
        rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
    }
    rp_error_deinit(&err);
    rp_buf_deinit(&fallback);
    for (size_t i = 0; i < RP_REPORT_RESULTS_MAX; i++)
        json_decref(inputs[i].result);
    return r == 0           ? RP_EXIT_PASSED
           : r == -RP_EUSER ? RP_EXIT_CONFIG
           : r == -ENOMEM   ? RP_EXIT_INTERNAL
                            : RP_EXIT_OUTPUT;
}
