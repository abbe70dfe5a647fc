/* SPDX-License-Identifier: MIT */

/* `rampa status`, `stop`, `pause`, `resume` and `adjust`: a question to a run of this user that goes on. */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/app.h"
#include "app/ask_url.h"
#include "app/cli.h"
#include "app/control_answer.h"
#include "app/run.h"
#include "app/term.h"
#include "base/json_line.h"
#include "base/str.h"
#include "base/text.h"
#include "proto/h1.h"
#include "run/result.h"
#include "serve/place.h"

enum { ANSWER_MAX = 4 << 20, TEXT_MAX = 1 << 20, LIST_MAX = 1 << 20, WAIT_S = 10, SEVERAL = 10 };

struct answer {
    unsigned status;
    struct rp_buf body;
};

/* ---- which run ------------------------------------------------------------------------------- */

static int refuse_none(const char *wanted, struct rp_error *err)
{
    if (wanted)
        rp_error_set(err, -RP_EUSER, "there is no run '%s' that can be steered", wanted);
    else
        rp_error_set(err, -RP_EUSER, "there is no run that can be steered");
    if (wanted && strchr(wanted, ':'))
        rp_error_hint(err,
                      "if it is the address of a run, write https://%s, or http:// in front of "
                      "a tunnel",
                      wanted);
    else
        rp_error_hint(err, "it must be a run of this user, started with 'rampa run --serve', that "
                           "goes on");
    return -RP_EUSER;
}

/* ---- asking it ------------------------------------------------------------------------------- */

static int send_all(int fd, const struct rp_buf *text)
{
    for (size_t sent = 0; sent < text->len;) {
        ssize_t n = send(fd, text->data + sent, text->len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            return -errno;
        sent += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* 1: the answer is complete. 0: there is more to come. */
static int take_bytes(struct rp_h1_parser *parser, struct rp_slice input, struct answer *ret)
{
    struct rp_slice body;

    for (;;) {
        switch (rp_h1_parse(parser, &input, &body)) {
        case RP_H1_MORE:
            return ret->body.error;
        case RP_H1_HEAD:
            ret->status = parser->status;
            break;
        case RP_H1_BODY:
            rp_buf_append_slice(&ret->body, body);
            break;
        case RP_H1_DONE:
            return ret->body.error ? ret->body.error : 1;
        default:
            return -EPROTO;
        }
    }
}

static int receive(int fd, struct answer *ret)
{
    struct rp_h1_parser parser = { 0 };
    struct rp_buf head;
    char bytes[8192];
    int r = 0;

    rp_buf_init(&head, RP_H1_HEAD_MAX);
    rp_h1_parser_reset(&parser, &head, false);
    while (r == 0) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            r = take_bytes(&parser, rp_slice(bytes, (size_t)n), ret);
        else
            r = n < 0 ? -errno : rp_h1_parse_end(&parser) == RP_H1_DONE ? 1 : -ECONNRESET;
    }
    rp_buf_deinit(&head);
    return r < 0 ? r : 0;
}

/* @body is NULL for a GET. */
static int ask(const char *run_id, const char *path, const struct rp_buf *body, int seconds,
               struct answer *ret, struct rp_error *err)
{
    struct timeval wait = { .tv_sec = seconds };
    char token[RP_TOKEN_SIZE];
    struct rp_buf text;
    int fd = rp_place_connect(run_id, token, err), r;

    if (fd < 0)
        return fd == -ENOENT ? refuse_none(run_id, err) : fd;
    rp_buf_init(&text, TEXT_MAX);
    rp_buf_appendf(&text,
                   "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                   "Connection: close\r\n",
                   body ? "POST" : "GET", path, token);
    if (body)
        rp_buf_appendf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                       body->len);
    rp_buf_append_str(&text, "\r\n");
    if (body)
        rp_buf_append_slice(&text, rp_buf_slice(body));
    r = text.error;
    if (r == 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0))
        r = -errno;
    if (r == 0)
        r = send_all(fd, &text);
    if (r == 0)
        r = receive(fd, ret);
    rp_buf_deinit(&text);
    close(fd);
    if (r == 0 || r == -ENOMEM)
        return r;
    return rp_error_set(err, -EIO, "the run %s does not answer: %s", run_id,
                        r == -EAGAIN ? "it took more than 10s" : strerror(-r));
}

/* ---- one of several ---------------------------------------------------------------------------- */

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Adds what tells a run from others. One that hangs is told by its id alone. */
static void describe(const char *run_id, struct rp_buf *out)
{
    struct answer answer = { 0 };
    struct rp_error err = { 0 };
    json_t *json = NULL;
    const char *script, *status;

    rp_buf_init(&answer.body, ANSWER_MAX);
    if (ask(run_id, "/v1/status", NULL, 1, &answer, &err) == 0)
        json = json_loadb(rp_buf_str(&answer.body), answer.body.len, 0, NULL);
    script = text_of(json, "script");
    status = text_of(json, "status");
    if (script && status) {
        rp_buf_append_str(out, "  ");
        rp_text_append(out, rp_slice_str(script), 200);
        rp_buf_appendf(out, ", %.1fs, ", number_of(json, "elapsed_s"));
        rp_text_append(out, rp_slice_str(status), 100);
    }
    json_decref(json);
    rp_error_deinit(&err);
    rp_buf_deinit(&answer.body);
}

/* @matches: ids, one a line. */
static int refuse_several(const struct rp_buf *matches, struct rp_error *err)
{
    const char *at = rp_buf_str(matches);
    struct rp_buf list, run_id;

    rp_buf_init(&list, LIST_MAX);
    rp_buf_init(&run_id, LIST_MAX);
    for (size_t i = 0; *at; i++) {
        size_t len = strcspn(at, "\n");

        rp_buf_reset(&run_id);
        rp_buf_append_slice(&run_id, rp_slice(at, len));
        rp_buf_appendf(&list, "%s%s", i ? "\n" : "", rp_buf_str(&run_id));
        if (i < SEVERAL)
            describe(rp_buf_str(&run_id), &list);
        at += len + (at[len] == '\n');
    }
    rp_error_set(err, -RP_EUSER, "several runs can be steered");
    rp_error_hint(err, "name one of these, or the beginning of its id");
    rp_error_detail(err, rp_buf_str(&list));
    rp_buf_deinit(&list);
    rp_buf_deinit(&run_id);
    return -RP_EUSER;
}

/* Lines of @list that begin with @wanted, or all. Returns their number. */
static size_t find_matches(const struct rp_buf *list, const char *wanted, struct rp_buf *ret)
{
    const char *at = rp_buf_str(list), *end;
    size_t count = 0, len = wanted ? strlen(wanted) : 0;

    for (; (end = strchr(at, '\n')); at = end + 1) {
        if ((size_t)(end - at) < len || memcmp(at, wanted ? wanted : "", len) != 0)
            continue;
        rp_buf_appendf(ret, "%s%.*s", count++ ? "\n" : "", (int)(end - at), at);
    }
    return count;
}

/* The id of the run that is meant, into @ret. */
static int find_run(const char *wanted, struct rp_buf *ret, struct rp_error *err)
{
    struct rp_buf list;
    size_t count = 0;
    int r;

    rp_buf_init(&list, LIST_MAX);
    r = rp_place_list(&list, err);
    if (r == 0)
        count = find_matches(&list, wanted, ret);
    if (r == 0)
        r = ret->error;
    rp_buf_deinit(&list);
    if (r == 0 && count != 1)
        r = count ? refuse_several(ret, err) : refuse_none(wanted, err);
    return r;
}

/* ---- showing it ------------------------------------------------------------------------------ */

static void put_row(struct rp_buf *out, const char *name, const char *value)
{
    rp_buf_appendf(out, "%-10s", name);
    rp_text_append(out, rp_slice_str(value ? value : ""), 4096);
    rp_buf_append_str(out, "\n");
}

static void put_time(struct rp_buf *out, const json_t *status)
{
    rp_buf_appendf(out, "%-10s%.1fs", "elapsed", number_of(status, "elapsed_s"));
    if (json_is_number(json_object_get(status, "duration_s")))
        rp_buf_appendf(out, " of %.1fs", number_of(status, "duration_s"));
    rp_buf_append_str(out, "\n");
}

static void put_scenario(struct rp_buf *out, const json_t *scenario)
{
    const json_t *rate = json_object_get(scenario, "rate");
    const char *name = text_of(scenario, "name"), *executor = text_of(scenario, "executor");

    rp_buf_appendf(out, "%-10s", "scenario");
    rp_text_append(out, rp_slice_str(name ? name : ""), 200);
    rp_buf_append_str(out, "  ");
    rp_text_append(out, rp_slice_str(executor ? executor : ""), 100);
    rp_buf_appendf(out, "  %.0f%%  %.0f VUs", 100 * number_of(scenario, "progress"),
                   number_of(scenario, "vus"));
    if (rate)
        rp_buf_appendf(out, "  %.1f iters/s", json_number_value(rate));
    rp_buf_append_str(out, "\n");
}

static void put_status(struct rp_buf *out, const json_t *status)
{
    const json_t *item;
    size_t i;

    put_row(out, "run", text_of(status, "run_id"));
    put_row(out, "script", text_of(status, "script"));
    put_row(out, "status", text_of(status, "status"));
    put_row(out, "started", text_of(status, "started_at"));
    put_time(out, status);
    rp_buf_appendf(out, "%-10s%.0f\n", "VUs", number_of(status, "vus"));
    json_array_foreach(json_object_get(status, "scenarios"), i, item) put_scenario(out, item);
    json_array_foreach(json_object_get(status, "warnings"), i, item)
        put_row(out, "warning", json_string_value(item));
}

/* The load that a scenario has got, when @answer is that of an adjustment. */
static void put_load(struct rp_buf *out, const json_t *answer)
{
    const json_t *vus = json_object_get(answer, "vus"), *rate = json_object_get(answer, "rate");
    const char *name = text_of(answer, "scenario");

    if (!name || (!vus && !rate))
        return;
    rp_buf_append_str(out, ", ");
    rp_text_append(out, rp_slice_str(name), 200);
    rp_buf_appendf(out, ": %.10g %s%s", json_number_value(vus ? vus : rate),
                   vus ? "VUs" : "iterations/s",
                   json_is_true(json_object_get(answer, "hold")) ? " to the end" : "");
}

/* What a POST answers is one word, and perhaps the load. */
static void put_done(struct rp_buf *out, const json_t *answer)
{
    rp_buf_append_str(out, "run ");
    rp_text_append(out, rp_slice_str(text_of(answer, "run_id")), 300);
    rp_buf_append_str(out, ": ");
    rp_text_append(out, rp_slice_str(text_of(answer, "status")), 100);
    put_load(out, answer);
    rp_buf_append_str(out, "\n");
}

static int show(const struct rp_cli *cli, const json_t *json)
{
    const char *format = rp_cli_value(cli, RP_OPT_FORMAT).value;
    struct rp_buf out;
    int code;

    rp_buf_init(&out, ANSWER_MAX);
    if (cli->flags[RP_OPT_BROWSER] && !(format && strcmp(format, "json") == 0)) {
        rp_text_append(&out, rp_slice_str(text_of(json, "address")), 1000);
        rp_buf_append_str(&out, "\n");
    } else if (format && strcmp(format, "json") == 0) {
        rp_control_answer_write(json, &out);
        rp_buf_append_str(&out, "\n");
    } else if (rp_command_id(cli->command) == RP_CMD_STATUS) {
        put_status(&out, json);
    } else {
        put_done(&out, json);
    }
    code = rp_term_put(stdout, &out);
    rp_buf_deinit(&out);
    return code;
}

/* ---- the commands ---------------------------------------------------------------------------- */

static void write_adjustment(const struct rp_cli *cli, struct rp_json_line *line)
{
    const char *vus = rp_cli_value(cli, RP_OPT_ADJUST_VUS).value;
    int64_t number = 0;

    rp_line_text(line, "scenario", rp_cli_value(cli, RP_OPT_ADJUST_SCENARIO).value);
    if (vus) {
        bool is_number = rp_parse_i64(rp_slice_str(vus), &number);

        rp_assert(is_number); /* the table of options has checked it */
        rp_line_i64(line, "vus", number);
    } else {
        rp_line_text(line, "rate", rp_cli_value(cli, RP_OPT_ADJUST_RATE).value);
    }
    rp_line_bool(line, "hold", cli->flags[RP_OPT_HOLD]);
}

static void write_body(const struct rp_cli *cli, struct rp_buf *ret)
{
    const char *reason = rp_cli_value(cli, RP_OPT_REASON).value;
    struct rp_json_line line = { .out = ret };

    rp_line_open(&line, NULL);
    if (reason)
        rp_line_text(&line, "reason", reason);
    if (rp_command_id(cli->command) == RP_CMD_ADJUST)
        write_adjustment(cli, &line);
    rp_line_close(&line);
}

static int check_options(const struct rp_cli *cli, bool is_url, struct rp_error *err)
{
    const char *wanted = cli->argument_count ? cli->arguments[0] : NULL;
    const char *token_file = rp_cli_value(cli, RP_OPT_TOKEN_FILE).value;
    bool has_vus = rp_cli_value(cli, RP_OPT_ADJUST_VUS).value != NULL;
    bool has_rate = rp_cli_value(cli, RP_OPT_ADJUST_RATE).value != NULL;

    if (token_file && !is_url) {
        rp_error_set(err, -RP_EUSER, "--token-file is for a run that is named by its URL");
        if (wanted && strchr(wanted, ':'))
            rp_error_hint(err, "put https:// in front of '%s'", wanted);
        else
            rp_error_hint(err, "the tokens of runs on this machine are found; leave it out");
        return -RP_EUSER;
    }
    if (rp_command_id(cli->command) != RP_CMD_ADJUST || has_vus != has_rate)
        return 0;
    rp_error_set(err, -RP_EUSER, "adjust needs either --vus or --rate");
    rp_error_hint(err, "such as 'rampa adjust --vus 50' or 'rampa adjust --rate 500/s'");
    return -RP_EUSER;
}

/* @body is NULL for a GET. */
static int ask_far(const struct rp_cli *cli, const char *url, const char *path,
                   const struct rp_buf *body, struct answer *ret, struct rp_error *err)
{
    const struct rp_question question = {
        .url = url,
        .path = path,
        .token_file = rp_cli_value(cli, RP_OPT_TOKEN_FILE).value,
        .ca_file = rp_cli_value(cli, RP_OPT_CACERT).value,
        .body = body ? rp_buf_slice(body) : (struct rp_slice){ NULL, 0 },
        .timeout = WAIT_S * RP_S,
    };

    return rp_ask_url(&question, &ret->status, &ret->body, err);
}

static int ask_run(const struct rp_cli *cli, struct answer *answer, struct rp_error *err)
{
    const char *wanted = cli->argument_count ? cli->arguments[0] : NULL;
    bool is_url = wanted && strstr(wanted, "://");
    bool is_browser = cli->flags[RP_OPT_BROWSER];
    bool is_question = rp_command_id(cli->command) == RP_CMD_STATUS && !is_browser;
    char path[64];
    struct rp_buf run_id, body;
    int r;

    snprintf(path, sizeof(path), "/v1/%s", is_browser ? "browser" : cli->command->name);
    rp_buf_init(&run_id, LIST_MAX);
    rp_buf_init(&body, TEXT_MAX);
    r = check_options(cli, is_url, err);
    if (r == 0 && !is_url)
        r = find_run(wanted, &run_id, err);
    if (r == 0 && !is_question) {
        write_body(cli, &body);
        r = body.error;
    }
    if (r == 0 && is_url)
        r = ask_far(cli, wanted, path, is_question ? NULL : &body, answer, err);
    else if (r == 0)
        r = ask(rp_buf_str(&run_id), path, is_question ? NULL : &body, WAIT_S, answer, err);
    rp_buf_deinit(&run_id);
    rp_buf_deinit(&body);
    return r;
}

static const char *who_answers(const struct rp_cli *cli)
{
    return cli->argument_count ? cli->arguments[0] : "what listens there";
}

/* Takes the answer: 0, or the code of a refusal, with the run's own words in @err. */
static int judge(const struct rp_cli *cli, const struct answer *answer, struct rp_error *err)
{
    json_t *json = json_loadb(rp_buf_str(&answer->body), answer->body.len, 0, NULL);
    const char *who = who_answers(cli);
    const char *wrong = rp_control_answer_check(json, cli->flags[RP_OPT_BROWSER]);
    const char *error = text_of(json, "error"), *hint = text_of(json, "hint");
    int code;

    if (answer->status == 200 && !wrong) {
        code = show(cli, json);
    } else if (answer->status != 200 && error && hint) {
        rp_error_set(err, -RP_EUSER, "the run has refused: %s", error);
        rp_error_hint(err, "%s", hint);
        code = RP_EXIT_THRESHOLDS;
    } else {
        if (answer->status == 200 && json_is_object(json))
            rp_error_set(err, -RP_EUSER,
                         "%s is no run of rampa: its answer has no '%s' as a run has it", who,
                         wrong);
        else
            rp_error_set(err, -RP_EUSER, "%s is no run of rampa: it answered %u%s", who,
                         answer->status, answer->status == 200 ? ", and not with JSON" : "");
        rp_error_hint(err, "the run has printed its URL at its start, behind 'control:'");
        code = RP_EXIT_CONFIG;
    }
    json_decref(json);
    return code;
}

int rp_cmd_control(const struct rp_cli *cli)
{
    struct answer answer = { 0 };
    struct rp_error err = { 0 };
    int r, code = RP_EXIT_PASSED;

    rp_buf_init(&answer.body, ANSWER_MAX);
    r = ask_run(cli, &answer, &err);
    if (r == -EMSGSIZE && !err.message)
        r = rp_error_set(&err, -RP_EUSER, "%s is no run of rampa: its answer has more than 4 MiB",
                         who_answers(cli));
    if (r == 0)
        code = judge(cli, &answer, &err);
    else
        code = r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
    if (r < 0 && !err.message)
        rp_error_set(&err, r, "cannot ask the run: %s", strerror(-r));
    rp_error_print(stderr, &err, rp_term_color(stderr, cli->flags[RP_OPT_NO_COLOR]));
    rp_error_deinit(&err);
    rp_buf_deinit(&answer.body);
    return code;
}
