/* SPDX-License-Identifier: MIT */
#include "app/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/run.h"
#include "app/term.h"
#include "report/items.h"
#include "report/report.h"
#include "run/result.h"

enum { TEXT_MAX = 64 << 20 };

static int refuse(struct rp_error *err, const char *what, const char *remedy)
{
    rp_error_set(err, -RP_EUSER, "%s", what);
    rp_error_hint(err, "%s", remedy);
    return -RP_EUSER;
}

static int check_arguments(const struct rp_cli *cli, struct rp_error *err)
{
    if (cli->argument_count < 2)
        return refuse(err, "no result file is given", "rampa result errors result.json");
    if (cli->argument_count > 2 && strcmp(cli->arguments[0], "open") != 0)
        return refuse(err, "only open takes an id", "rampa result open result.json x1");
    return 0;
}

static int write_items(const struct rp_cli *cli, json_t *result, struct rp_buf *out,
                       struct rp_error *err)
{
    const char *format = rp_cli_value(cli, RP_OPT_FORMAT).value;
    bool as_json = format && strcmp(format, "json") == 0;

    if (strcmp(cli->arguments[0], "errors") == 0)
        return rp_items_errors(result, as_json, out);
    if (strcmp(cli->arguments[0], "slowest") == 0)
        return rp_items_slowest(result, as_json, out);
    return cli->argument_count > 2 ? rp_items_open(result, cli->arguments[2], as_json, out, err)
                                   : rp_items_overview(result, as_json, out);
}

int rp_cmd_result(const struct rp_cli *cli)
{
    struct rp_error err = { 0 };
    json_t *result = NULL;
    struct rp_buf out;
    int code, r;

    rp_buf_init(&out, TEXT_MAX);
    r = check_arguments(cli, &err);
    if (r == 0)
        r = rp_report_read(cli->arguments[1], &result, &err);
    if (r == 0)
        r = write_items(cli, result, &out, &err);
    if (r == 0) {
        code = rp_term_put(stdout, &out);
    } else {
        if (!err.message)
            rp_error_set(&err, r, "cannot show it: %s", strerror(-r));
        rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
        code = r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
    }
    rp_error_deinit(&err);
    json_decref(result);
    rp_buf_deinit(&out);
    return code;
}
