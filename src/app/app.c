/* SPDX-License-Identifier: MIT */
#include "app/app.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/address.h"
#include "app/archive.h"
#include "app/cli.h"
#include "app/completion.h"
#include "app/environment.h"
#include "app/help.h"
#include "app/options_json.h"
#include "app/run.h"
#include "app/run_options.h"
#include "app/script_file.h"
#include "app/term.h"
#include "app/url_run.h"
#include "run/result.h"
#include "ui/ink.h"

enum { TEXT_MAX = 1 << 20 };

static struct rp_style style_of(FILE *stream, const struct rp_cli *cli)
{
    return (struct rp_style){ .color = rp_term_color(stream, cli->flags[RP_OPT_NO_COLOR]),
                              .width = rp_term_width(stream) };
}

static int out_of_memory(void)
{
    fprintf(stderr, "error: %s\n", strerror(ENOMEM));
    return RP_EXIT_INTERNAL;
}

/* ---- help, version, mistakes ----------------------------------------------------------------- */

static int print_help(const struct rp_cli *cli, const struct rp_command *command)
{
    struct rp_buf out;
    int code;

    rp_buf_init(&out, TEXT_MAX);
    rp_help_write(command, style_of(stdout, cli), &out);
    code = rp_term_put(stdout, &out);
    rp_buf_deinit(&out);
    return code;
}

int rp_cmd_help(const struct rp_cli *cli)
{
    return print_help(cli, cli->argument_count ? rp_command_find(cli->arguments[0]) : NULL);
}

static int print_version(void)
{
    struct rp_buf out;
    int code;

    rp_buf_init(&out, TEXT_MAX);
    rp_buf_append_str(&out, "rampa " RAMPA_VERSION "\n");
    code = rp_term_put(stdout, &out);
    rp_buf_deinit(&out);
    return code;
}

static int print_options(void)
{
    struct rp_buf out;
    int code;

    rp_buf_init(&out, TEXT_MAX);
    rp_options_write_json(&out);
    code = rp_term_put(stdout, &out);
    rp_buf_deinit(&out);
    return code;
}

int rp_cmd_completion(const struct rp_cli *cli)
{
    struct rp_buf out;
    int code;

    rp_buf_init(&out, TEXT_MAX);
    rp_completion_write(cli->arguments[0], &out);
    code = rp_term_put(stdout, &out);
    rp_buf_deinit(&out);
    return code;
}

static int print_short_help(const struct rp_cli *cli)
{
    struct rp_buf out;
    int code;

    rp_buf_init(&out, TEXT_MAX);
    rp_help_write_short(style_of(stdout, cli), &out);
    code = rp_term_put(stdout, &out);
    rp_buf_deinit(&out);
    return code;
}

/* One line a mistake, its remedy in brackets, and where to read more. */
static int print_mistakes(const struct rp_cli *cli)
{
    bool color = rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]);

    for (size_t i = 0; i < cli->error_count; i++) {
        struct rp_error line = { 0 };
        const struct rp_error *err = &cli->errors[i];

        if (!err->hint) {
            rp_error_print(stderr, err, color);
            continue;
        }
        rp_error_set(&line, -RP_EUSER, "%s (%s)", err->message, err->hint);
        rp_error_print(stderr, &line, color);
        rp_error_deinit(&line);
    }
    fprintf(stderr, "%ssee 'rampa%s%s --help'%s\n", rp_ink(color, RP_INK_DIM),
            cli->command ? " " : "", cli->command ? cli->command->name : "",
            rp_ink(color, RP_INK_OFF));
    return RP_EXIT_CONFIG;
}

/* ---- commands -------------------------------------------------------------------------------- */

static enum rp_format format_of(const struct rp_cli *cli)
{
    const char *format = rp_cli_value(cli, RP_OPT_FORMAT).value;

    return format && strcmp(format, "json") == 0 ? RP_FORMAT_JSON : RP_FORMAT_TEXT;
}

/* Raises the limit of open files, which workers inherit, because a connection is an open file.
 * Where that fails the run has fewer, and doctor tells. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* A reader that has gone or a file that may not grow fails a write; it must not end the run, its
 * teardown and result. */
static void ignore_write_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static int run(const struct rp_run_options *options)
{
    raise_file_limit();
    ignore_write_signals();
    return rp_cmd_run(options);
}

/* Refuses options that make no sense with a URL, with a script, or with --once. */
static bool is_stdin(const struct rp_cli *cli, enum rp_option_id id)
{
    const char *value = rp_cli_value(cli, id).value;

    return value && (strcmp(value, "-") == 0 || strcmp(value, "@-") == 0);
}

static int refuse_request_option(const struct rp_cli *cli, const char *typed, struct rp_error *err)
{
    char url[PATH_MAX];

    rp_error_set(err, -RP_EUSER, "%s is for URLs; a script says itself what it requests", typed);
    if (access(cli->arguments[0], F_OK) < 0 &&
        rp_address_guess(cli->arguments[0], url, sizeof(url)))
        rp_error_hint(err, "did you mean '%s'?", url);
    return -RP_EUSER;
}

static int check_options(const struct rp_cli *cli, bool is_url, struct rp_error *err)
{
    if (!is_url && cli->argument_count > 1) {
        rp_error_set(err, -RP_EUSER, "unexpected argument '%s'",
                     rp_script_is_url(cli->arguments[1]) ? "URL" : cli->arguments[1]);
        rp_error_hint(err, "one script runs at a time");
        return -RP_EUSER;
    }
    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        const struct rp_option *option = &rp_options[i];
        bool is_of_load = option->group == RP_GROUP_LOAD && option->type != RP_TYPE_FLAG &&
                          i != RP_OPT_BASE_URL && i != RP_OPT_SCENARIO && i != RP_OPT_SEED;
        const char *typed = rp_cli_typed(cli, (enum rp_option_id)i);

        if (!typed)
            continue;
        if (is_url && option->group == RP_GROUP_SCRIPT && i != RP_OPT_TAG &&
            !(i == RP_OPT_PYTHON && rp_cli_value(cli, RP_OPT_JSON).value))
            return rp_error_set(err, -RP_EUSER, "%s is for scripts; a URL is requested without one",
                                typed);
        if (!is_url && option->group == RP_GROUP_REQUEST)
            return refuse_request_option(cli, typed, err);
        if (is_of_load && cli->flags[RP_OPT_ONCE])
            return rp_error_set(err, -RP_EUSER,
                                "--once is one iteration, and cannot stand beside %s", typed);
    }
    if (is_url && cli->argument_count && rp_cli_value(cli, RP_OPT_TARGETS).value) {
        rp_error_set(err, -RP_EUSER, "--targets cannot stand beside a URL");
        rp_error_hint(err, "a list of targets holds all URLs");
        return -RP_EUSER;
    }
    if (is_stdin(cli, RP_OPT_TARGETS) &&
        (is_stdin(cli, RP_OPT_BODY_FILE) || is_stdin(cli, RP_OPT_JSON)))
        return rp_error_set(err, -RP_EUSER,
                            "the standard input cannot be both the list of targets "
                            "and a body");
    return 0;
}

static int work(const struct rp_cli *cli, const struct rp_run_options *options)
{
    if (rp_command_id(cli->command) == RP_CMD_RUN)
        return run(options);
    if (rp_command_id(cli->command) == RP_CMD_CHECK)
        return rp_cmd_check(options);
    return rp_cmd_inspect(options, format_of(cli));
}

/* The script is a file that can be read, or the requests of URLs are made. */
static int find_work(const struct rp_cli *cli, struct rp_url_run *ret, struct rp_error *err)
{
    bool is_url = rp_is_url_run(cli);
    int r = check_options(cli, is_url, err);

    if (r == 0)
        r = is_url ? rp_url_run_init(ret, cli, err) : rp_script_file_check(cli->arguments[0], err);
    return r;
}

/* run, check and inspect: all three work on a script, or on URLs in its place. */
static int with_script(const struct rp_cli *cli)
{
    struct rp_run_request request = { 0 };
    struct rp_url_run urls = { 0 };
    struct rp_archive archive = { 0 };
    struct rp_error err = { 0 };
    int r = find_work(cli, &urls, &err), code;

    rp_environment_warn(stderr, environ);
    if (r == 0)
        r = rp_run_request_init(&request, cli);
    if (r == 0 && !urls.label && rp_script_is_archive(cli->arguments[0]))
        r = rp_archive_open(&archive, &request.options, &err);
    if (r == 0) {
        if (urls.label) {
            request.options.script = urls.label;
            request.options.histogram = !request.options.overrides.once &&
                                        (request.options.histogram || !rp_term_wants_less(stdout));
        }
        request.options.requests = rp_buf_slice(&urls.requests);
        code = work(cli, &request.options);
    } else if (r == -RP_EUSER) {
        rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
        code = rp_command_id(cli->command) == RP_CMD_CHECK ? 1 : RP_EXIT_CONFIG; /* 1: not valid */
    } else {
        code = out_of_memory();
    }
    rp_error_deinit(&err);
    rp_archive_close(&archive);
    rp_run_request_deinit(&request);
    rp_url_run_deinit(&urls);
    return code;
}

/* An archive is made of a script, which is a file. */
static int check_archive(const struct rp_cli *cli, struct rp_error *err)
{
    const char *script = cli->arguments[0], *path = rp_cli_value(cli, RP_OPT_ARCHIVE).value;
    int r;

    if (rp_script_is_url(script))
        return rp_error_set(err, -RP_EUSER, "an archive is made of a script, not of a URL");
    r = rp_script_file_check(script, err);
    if (r == 0 && rp_script_is_archive(script))
        r = rp_error_set(err, -RP_EUSER, "is an archive already");
    if (r == 0 && path && !rp_script_is_archive(path)) {
        rp_error_place(err, NULL, 0);
        rp_error_set(err, -RP_EUSER, "--archive: '%s' does not end in .rampa", path);
        rp_error_hint(err, "rampa run knows an archive by this end of its name");
        return -RP_EUSER;
    }
    return r;
}

static int with_archive(const struct rp_cli *cli)
{
    struct rp_run_request request = { 0 };
    struct rp_error err = { 0 };
    int r = check_archive(cli, &err), code;

    if (r == 0)
        r = rp_run_request_init(&request, cli);
    if (r == 0) {
        ignore_write_signals();
        code = rp_cmd_archive(&request.options);
    } else if (r == -RP_EUSER) {
        rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
        code = RP_EXIT_CONFIG;
    } else {
        code = out_of_memory();
    }
    rp_error_deinit(&err);
    rp_run_request_deinit(&request);
    return code;
}

static int dispatch(const struct rp_cli *cli)
{
    /* clang-format off */
    static int (*const commands[RP_CMD_COUNT])(const struct rp_cli *) = {
        [RP_CMD_RUN] = with_script,
        [RP_CMD_CHECK] = with_script,
        [RP_CMD_INSPECT] = with_script,
        [RP_CMD_ARCHIVE] = with_archive,
        [RP_CMD_REPORT] = rp_cmd_report,
        [RP_CMD_RESULT] = rp_cmd_result,
        [RP_CMD_COMPARE] = rp_cmd_compare,
        [RP_CMD_STATUS] = rp_cmd_control,
        [RP_CMD_STOP] = rp_cmd_control,
        [RP_CMD_PAUSE] = rp_cmd_control,
        [RP_CMD_RESUME] = rp_cmd_control,
        [RP_CMD_ADJUST] = rp_cmd_control,
        [RP_CMD_DOCTOR] = rp_cmd_doctor,
        [RP_CMD_TARGET] = rp_cmd_target,
        [RP_CMD_DEMO] = rp_cmd_demo,
        [RP_CMD_MCP] = rp_cmd_mcp,
        [RP_CMD_AGENT] = rp_cmd_mcp,
        [RP_CMD_COMPLETION] = rp_cmd_completion,
        [RP_CMD_HELP] = rp_cmd_help,
    };
    /* clang-format on */

    return commands[rp_command_id(cli->command)](cli);
}

int rp_app_main(int argc, char *const argv[])
{
    struct rp_cli cli;
    int code;

    if (argc == 2 && strcmp(argv[1], RP_WORKER_WORD) == 0)
        return rp_cmd_worker();
    if (argc == 2 && strcmp(argv[1], RP_OPTIONS_WORD) == 0)
        return print_options();
    if (rp_cli_parse(argc, argv, &cli) < 0)
        return out_of_memory();
    if (cli.error_count)
        code = print_mistakes(&cli);
    else if (cli.flags[RP_OPT_HELP])
        code = print_help(&cli, cli.command);
    else if (cli.flags[RP_OPT_VERSION])
        code = print_version();
    else if (!cli.command)
        code = print_short_help(&cli);
    else
        code = rp_cli_hide_secrets(&cli) < 0 ? out_of_memory() : dispatch(&cli);
    rp_cli_deinit(&cli);
    return code;
}
