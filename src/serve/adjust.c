/* SPDX-License-Identifier: MIT */

/* POST /v1/adjust: another load for a scenario, from JSON. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "plan/shorthand.h"
#include "run/control.h"
#include "serve/serve_internal.h"

#define EXAMPLE                                                                                    \
    "such as {\"scenario\": \"browse\", \"vus\": 50} or {\"rate\": \"500/s\", \"hold\": true}"

static unsigned refuse_body(struct rp_json_line *line, const char *error)
{
    return rp_serve_refuse(line, MHD_HTTP_BAD_REQUEST, error, EXAMPLE);
}

static unsigned refuse_error(struct rp_json_line *line, unsigned status, struct rp_error *err)
{
    rp_serve_refuse(line, status, err->message ? err->message : "there is no memory for it",
                    err->hint ? err->hint : EXAMPLE);
    rp_error_deinit(err);
    return status;
}

static const char *unknown_member(const json_t *body)
{
    static const char *const known[] = { "scenario", "vus", "rate", "hold" };
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)body, key, value)
    {
        bool is_known = false;

        for (size_t i = 0; i < RP_ARRAY_LEN(known); i++)
            is_known = is_known || strcmp(known[i], key) == 0;
        if (!is_known)
            return key;
    }
    return NULL;
}

/* The scenario that is meant, to know its time_unit; NULL when that is not clear. */
static const struct rp_scenario *scenario_of(const struct rp_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->scenario_count; i++)
        if (name ? strcmp(plan->scenarios[i].name, name) == 0 : plan->scenario_count == 1)
            return &plan->scenarios[i];
    return NULL;
}

/* "500/s" in iterations per time_unit of the scenario; "500" is that already. */
static int take_rate(const struct rp_plan *plan, const char *text, struct rp_adjustment *ret,
                     struct rp_error *err)
{
    const struct rp_scenario *scenario = scenario_of(plan, ret->scenario);
    struct rp_rate rate;
    int r = rp_rate_parse(rp_slice_str(text), &rate, err);

    if (r < 0)
        return r;
    ret->what = RP_ADJUST_RATE;
    ret->value = rate.count;
    if (rate.time_unit && scenario && scenario->time_unit)
        ret->value = round(rate.count * (double)scenario->time_unit / (double)rate.time_unit *
                           1e9) /
                     1e9; /* a rate has at most nine decimals */
    return 0;
}

/* What is wrong with the types of the members, or NULL. */
static const char *judge_types(const json_t *body)
{
    const json_t *scenario = json_object_get(body, "scenario");
    const json_t *vus = json_object_get(body, "vus"), *rate = json_object_get(body, "rate");
    const json_t *hold = json_object_get(body, "hold");

    if (unknown_member(body))
        return "the body may have 'scenario', 'vus' or 'rate', and 'hold'";
    if (!vus == !rate)
        return "the body must have either 'vus' or 'rate'";
    if (scenario && !json_is_string(scenario) && !json_is_null(scenario))
        return "'scenario' must be the name of a scenario, or null";
    if (vus && !json_is_integer(vus))
        return "'vus' must be a whole number";
    if (rate && !json_is_string(rate))
        return "'rate' must be a text";
    if (hold && !json_is_boolean(hold))
        return "'hold' must be true or false";
    return NULL;
}

/* What the scenario gets; a rate in iterations per second. */
static unsigned tell(const struct rp_serve *serve, const struct rp_scenario *scenario,
                     const struct rp_adjustment *adjustment, struct rp_json_line *line)
{
    unsigned status = rp_serve_tell(serve, line);
    double seconds = scenario->time_unit ? (double)scenario->time_unit / (double)RP_S : 1;

    rp_line_text(line, "scenario", scenario->name);
    if (adjustment->what == RP_ADJUST_VUS)
        rp_line_i64(line, "vus", (int64_t)adjustment->value);
    else
        rp_line_number(line, "rate", adjustment->value / seconds);
    rp_line_bool(line, "hold", adjustment->hold);
    return status;
}

unsigned rp_serve_post_adjust(const struct rp_serve_request *request, struct rp_json_line *line)
{
    struct rp_serve *serve = request->serve;
    const struct rp_plan *plan = serve->result->plan;
    const char *wrong = judge_types(request->body);
    struct rp_adjustment adjustment = {
        .scenario = json_string_value(json_object_get(request->body, "scenario")),
        .what = RP_ADJUST_VUS,
        .value = json_number_value(json_object_get(request->body, "vus")),
        .hold = json_is_true(json_object_get(request->body, "hold")),
    };
    const char *rate = json_string_value(json_object_get(request->body, "rate"));
    struct rp_error err = { 0 };
    size_t scenario;
    int r = 0;

    if (wrong)
        return refuse_body(line, wrong);
    if (!plan)
        return rp_serve_refuse(line, MHD_HTTP_CONFLICT, "the run has no plan yet",
                               "wait until its status is running");
    if (rate)
        r = take_rate(plan, rate, &adjustment, &err);
    if (r == 0)
        r = rp_adjustment_check(plan, &adjustment, &scenario, &err);
    if (r < 0)
        return refuse_error(line, MHD_HTTP_BAD_REQUEST, &err);
    r = rp_control_adjust(serve->sink.sinks->control, &adjustment, &err);
    if (r == -RP_EUSER)
        return refuse_error(line, MHD_HTTP_CONFLICT, &err);
    if (r < 0)
        return refuse_error(line, MHD_HTTP_INTERNAL_SERVER_ERROR, &err);
    return tell(serve, &plan->scenarios[scenario], &adjustment, line);
}
