/* SPDX-License-Identifier: MIT */
/* The types of options: which texts are values of them, and what to say of the others. */
#include "app/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "plan/duration.h"
#include "plan/shorthand.h"
#include "proto/url.h"

static void join_choices(const char *const *choices, char *out, size_t size)
{
    size_t len = 0;

    for (out[0] = '\0'; *choices && len < size; choices++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", *choices);
}

bool rp_choice_accepts(const char *const *choices, const char *text, const char *origin,
                       struct rp_error *err)
{
    const char *similar;
    char all[256];
    size_t count = 0;

    for (; choices[count]; count++)
        if (strcmp(choices[count], text) == 0)
            return true;
    join_choices(choices, all, sizeof(all));
    rp_error_set(err, -RP_EUSER, "%s: '%s' is not one of %s", origin, text, all);
    similar = rp_suggest(rp_slice_str(text), choices, count);
    if (similar && *similar == *text) /* a tcsh is no mistyped bash */
        rp_error_suggest(err, similar);
    return false;
}

static bool is_int(const struct rp_option *option, const char *text, const char *origin,
                   struct rp_error *err)
{
    int64_t value;

    if (!rp_parse_i64(rp_slice_str(text), &value)) {
        rp_error_set(err, -RP_EUSER, "%s: '%s' is not a whole number", origin, text);
        return false;
    }
    if (value >= option->min && value <= option->max)
        return true;
    if (option->max == INT64_MAX)
        rp_error_set(err, -RP_EUSER, "%s: %" PRId64 " is less than %" PRId64, origin, value,
                     option->min);
    else
        rp_error_set(err, -RP_EUSER, "%s: %" PRId64 " is not between %" PRId64 " and %" PRId64,
                     origin, value, option->min, option->max);
    return false;
}

static bool is_duration(const char *text, const char *origin, struct rp_error *err)
{
    rp_ns value;
    int r = rp_duration_parse(rp_slice_str(text), &value, err);

    if (r == 0)
        return true;
    rp_error_prefix(err, r, origin);
    if ((text[0] && strchr("{[@", text[0])) || strchr(text, '='))
        rp_error_hint(err, "as in 30s; a body is --body, --body-file or --json");
    else
        rp_error_hint(err, "as in 30s, 1m30s, 250ms");
    return false;
}

static bool is_pair(const char *text, const char *origin, struct rp_error *err)
{
    if (text[0] != '=' && strchr(text, '='))
        return true;
    rp_error_set(err, -RP_EUSER, "%s: '%s' is not KEY=VALUE", origin, text);
    return false;
}

static bool are_stages(const char *text, const char *origin, struct rp_error *err)
{
    int r = rp_stages_parse(rp_slice_str(text), NULL, err);

    return r == 0 || !rp_error_prefix(err, r, origin);
}

static bool is_rate(const char *text, const char *origin, struct rp_error *err)
{
    struct rp_rate rate;
    int r = rp_rate_parse(rp_slice_str(text), &rate, err);

    return r == 0 || !rp_error_prefix(err, r, origin);
}

static bool is_worker_count(const char *text, const char *origin, struct rp_error *err)
{
    int64_t count;

    return rp_workers_parse(text, origin, &count, err) == 0;
}

/* No part of the text is shown: it may be a password. */
static bool is_header(const char *text, const char *origin, struct rp_error *err)
{
    const char *colon = strchr(text, ':');

    if ((text[0] == '@' && text[1]) || (colon && strspn(text, " \t") < (size_t)(colon - text)))
        return true;
    rp_error_set(err, -RP_EUSER, "%s: what follows is not 'NAME: VALUE'", origin);
    rp_error_hint(err,
                  "as in %s 'Accept: text/html', or %s @FILE; the address of a server is "
                  "--base-url",
                  origin, origin);
    return false;
}

static bool is_url(const char *text, const char *origin, struct rp_error *err)
{
    struct rp_error why = { 0 }; /* it may hold a password: its text is not shown */
    struct rp_url url;
    bool is_http = rp_url_parse(rp_slice_str(text), &url, &why) == 0 &&
                   (rp_url_is_unix(&url) || strncasecmp(text, "http://", strlen("http://")) == 0 ||
                    strncasecmp(text, "https://", strlen("https://")) == 0);

    rp_error_deinit(&why);
    if (is_http)
        return true;
    rp_error_set(err, -RP_EUSER, "%s: it is not a URL that this version can request", origin);
    rp_error_hint(err, "as in http://127.0.0.1:8080");
    return false;
}

/* "204", "2xx". */
static bool parse_status(struct rp_slice text, uint16_t *ret_from, uint16_t *ret_to)
{
    int64_t value;

    if (text.len == 3 && text.ptr[0] >= '1' && text.ptr[0] <= '5' &&
        strncasecmp(text.ptr + 1, "xx", 2) == 0) {
        *ret_from = (uint16_t)((text.ptr[0] - '0') * 100);
        *ret_to = *ret_from + 99;
        return true;
    }
    if (!rp_parse_i64(text, &value) || value < 100 || value > 599)
        return false;
    *ret_from = *ret_to = (uint16_t)value;
    return true;
}

/* "204", "2xx", "200-299". */
static bool parse_statuses(struct rp_slice text, uint16_t ret[2])
{
    const char *dash = text.len ? memchr(text.ptr, '-', text.len) : NULL;
    uint16_t ignored;
    size_t len;

    if (!dash)
        return parse_status(text, &ret[0], &ret[1]);
    len = (size_t)(dash - text.ptr);
    return parse_status(rp_slice(text.ptr, len), &ret[0], &ignored) &&
           parse_status(rp_slice(dash + 1, text.len - len - 1), &ignored, &ret[1]) &&
           ret[0] <= ret[1];
}

int rp_statuses_parse(const char *text, const char *origin, uint16_t (*ret)[2], size_t room,
                      size_t *ret_count, struct rp_error *err)
{
    *ret_count = 0;
    for (const char *item = text; item; item = strchr(item, ',') ? strchr(item, ',') + 1 : NULL) {
        struct rp_slice part = rp_slice(item, strcspn(item, ","));

        if (*ret_count < room && parse_statuses(part, ret[*ret_count])) {
            ++*ret_count;
            continue;
        }
        if (*ret_count == room)
            rp_error_set(err, -RP_EUSER, "%s: it has more than %zu parts", origin, room);
        else
            rp_error_set(err, -RP_EUSER, "%s: '%.*s' is not a status from 100 to 599", origin,
                         RP_SLICE_FMT(part));
        rp_error_hint(err, "as in 200, 200,204, 200-299 or 2xx");
        return -RP_EUSER;
    }
    return 0;
}

/* Whether the text is an output as k6 writes it: "json=FILE". */
static bool is_foreign_output(const char *text)
{
    static const char *const outputs[] = { "json",
                                           "csv",
                                           "cloud",
                                           "influxdb",
                                           "statsd",
                                           "datadog",
                                           "kafka",
                                           "dashboard",
                                           "web-dashboard",
                                           "opentelemetry",
                                           "experimental-prometheus-rw",
                                           "experimental-opentelemetry" };
    size_t len = strcspn(text, "=");

    for (size_t i = 0; i < RP_ARRAY_LEN(outputs); i++)
        if (strlen(outputs[i]) == len && strncmp(text, outputs[i], len) == 0)
            return text[len] || strncmp(text, "experimental-", strlen("experimental-")) == 0;
    return text[len] && strncmp(text, "xk6-", strlen("xk6-")) == 0;
}

static bool is_file(const struct rp_option *option, const char *text, const char *origin,
                    struct rp_error *err)
{
    const char *equals = strchr(text, '=');

    if (option != &rp_options[RP_OPT_OUT] || !is_foreign_output(text))
        return true;
    rp_error_set(err, -RP_EUSER, "%s: '%s' names an output of k6", origin, text);
    rp_error_hint(err, "rampa writes its result as JSON to the file itself: %s %s%s", origin,
                  equals && equals[1] ? equals + 1 : "result.json",
                  strncmp(text, "json", 4) == 0  ? "; samples one by one: --output ndjson=FILE"
                  : strncmp(text, "csv", 3) == 0 ? "; samples one by one: --output csv=FILE"
                                                 : "");
    return false;
}

bool rp_option_accepts(const struct rp_option *option, const char *text, const char *origin,
                       struct rp_error *err)
{
    switch (option->type) {
    case RP_TYPE_INT:
        return is_int(option, text, origin, err);
    case RP_TYPE_DURATION:
        return is_duration(text, origin, err);
    case RP_TYPE_PAIR:
        return is_pair(text, origin, err);
    case RP_TYPE_STATS:
        return rp_trend_stats_check(text, origin, err) == 0;
    case RP_TYPE_STAGES:
        return are_stages(text, origin, err);
    case RP_TYPE_WORKERS:
        return is_worker_count(text, origin, err);
    case RP_TYPE_RATE:
        return is_rate(text, origin, err);
    case RP_TYPE_CHOICE:
        return rp_choice_accepts(option->choices, text, origin, err);
    case RP_TYPE_HEADER:
        return is_header(text, origin, err);
    case RP_TYPE_STATUSES:
        return rp_statuses_parse(text, origin, (uint16_t[RP_STATUSES_MAX][2]){ 0 }, RP_STATUSES_MAX,
                                 &(size_t){ 0 }, err) == 0;
    case RP_TYPE_CRITERION: /* the plan says what is wrong with one */
        return true;
    case RP_TYPE_URL:
        return is_url(text, origin, err);
    case RP_TYPE_TEXT:
    case RP_TYPE_FILE:
        if (*text)
            return option->type == RP_TYPE_TEXT || is_file(option, text, origin, err);
        rp_error_set(err, -RP_EUSER, "%s: the value is empty", origin);
        return false;
    case RP_TYPE_FLAG:
        break;
    }
    return true;
}

bool rp_flag_parse(const char *text, bool *ret)
{
    static const char *const yes[] = { "1", "yes", "true", "on" };
    static const char *const no[] = { "0", "no", "false", "off" };

    for (size_t i = 0; i < RP_ARRAY_LEN(yes); i++) {
        if (strcasecmp(text, yes[i]) && strcasecmp(text, no[i]))
            continue;
        *ret = !strcasecmp(text, yes[i]);
        return true;
    }
    return false;
}

const char *rp_cli_typed(const struct rp_cli *cli, enum rp_option_id id)
{
    const struct rp_option *option = &rp_options[id];

    if (option->type == RP_TYPE_FLAG)
        return cli->flags[id] ? option->name : NULL;
    for (size_t i = 0; i < cli->given_count; i++)
        if (cli->given[i].option == option && *cli->given[i].origin == '-')
            return cli->given[i].origin;
    return NULL;
}
