/* SPDX-License-Identifier: MIT */
#include "output/result_json.h"

#include <errno.h>
#include <math.h>
#include <time.h>

#include "base/alloc.h"
#include "run/collect.h"
#include "output/machine.h"

/*
 * The file is written member by member in a fixed order: small members as indented JSON, each
 * metric's statistics, each time series and each histogram on one line, so that a file is read and
 * compared by people and tools line by line.
 */

static double seconds(rp_ns time)
{
    return (double)time / 1e9;
}

json_t *rp_result_time_json(int64_t wall_ns)
{
    char text[80];
    time_t s = (time_t)(wall_ns / RP_S);
    struct tm tm;

    if (wall_ns <= 0 || !gmtime_r(&s, &tm))
        return json_null();
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)(wall_ns % RP_S / RP_MS));
    return json_string(text);
}

static json_t *pauses_json(const struct rp_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->pause_count; i++) {
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "start_s", rp_json_number(seconds(result->pauses[i].start)));
        rp_json_put(&item, "length_s", rp_json_number(seconds(result->pauses[i].length)));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static json_t *adjustments_json(const struct rp_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->adjustment_count; i++) {
        const struct rp_result_adjustment *made = &result->adjustments[i];
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "scenario", rp_json_text(result->plan->scenarios[made->scenario].name));
        rp_json_put(&item, "what", rp_json_text(rp_adjusted_name(made->what)));
        rp_json_put(&item, "value", rp_json_number(made->value));
        rp_json_put(&item, "hold", json_boolean(made->hold));
        rp_json_put(&item, "start_s", rp_json_number(seconds(rp_result_moment(result, made->at))));
        rp_json_put(&item, "elapsed_s", rp_json_number(seconds(made->at)));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static json_t *run_json(const struct rp_result *result)
{
    struct rp_json_object run = rp_json_object();

    rp_json_put(&run, "id", *result->run_id ? rp_json_text(result->run_id) : json_null());
    rp_json_put(&run, "started", rp_result_time_json(result->started_wall_ns));
    rp_json_put(&run, "elapsed_s", rp_json_number(seconds(result->elapsed)));
    rp_json_put(&run, "paused_s", rp_json_number(seconds(result->paused)));
    rp_json_put(&run, "pauses", pauses_json(result));
    rp_json_put(&run, "adjustments", adjustments_json(result));
    rp_json_put(&run, "setup_s", rp_json_number(seconds(result->setup_time)));
    rp_json_put(&run, "teardown_s", rp_json_number(seconds(result->teardown_time)));
    rp_json_put(&run, "status", rp_json_text(rp_result_status_name(result)));
    rp_json_put(&run, "exit_code", json_integer(result->exit_code));
    rp_json_put(&run, "reason", rp_json_text(result->reason));
    return rp_json_take(&run);
}

/* The plan as `rampa inspect --format json` prints it, without the values of env. */
/* Hides the values and keeps the names. A value that --env or a scenario hands to a script may be a
 * password, and result files are passed around. */
static int hide_values(const struct rp_pairs *pairs, struct rp_pairs *ret)
{
    static char hidden[] = "***";

    ret->items = rp_calloc(pairs->count, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    ret->count = pairs->count;
    for (size_t i = 0; i < pairs->count; i++)
        ret->items[i] = (struct rp_pair){ .key = pairs->items[i].key, .value = hidden };
    return 0;
}

static int write_public_plan(const struct rp_plan *plan, struct rp_buf *out)
{
    struct rp_plan copy = rp_plan_public(plan); /* only the lists that are replaced are its own */
    int r = hide_values(&plan->env, &copy.env);

    copy.scenarios = rp_calloc(plan->scenario_count, sizeof(*copy.scenarios));
    if (!copy.scenarios)
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < plan->scenario_count; i++) {
        copy.scenarios[i] = plan->scenarios[i];
        r = hide_values(&plan->scenarios[i].env, &copy.scenarios[i].env);
    }
    if (r == 0)
        r = rp_plan_write_json(&copy, out);
    for (size_t i = 0; copy.scenarios && i < plan->scenario_count; i++)
        if (copy.scenarios[i].env.items != plan->scenarios[i].env.items)
            rp_free(copy.scenarios[i].env.items);
    rp_free(copy.scenarios);
    if (copy.env.items != plan->env.items)
        rp_free(copy.env.items);
    return r;
}

static int write_config(struct rp_result_writer *writer)
{
    const struct rp_plan *plan = writer->result->plan;
    struct rp_buf text;
    int r;

    if (!plan)
        return rp_json_member(&writer->document, "config", json_null(), 0);
    rp_buf_init(&text, SIZE_MAX / 2);
    r = write_public_plan(plan, &text);
    if (r == 0)
        r = text.error;
    if (r == 0)
        rp_json_member_text(&writer->document, "config", rp_buf_slice(&text));
    rp_buf_deinit(&text);
    return r;
}

static json_t *thresholds_json(const struct rp_result *result)
{
    json_t *array = json_array();
    size_t count = result->plan ? result->plan->threshold_count : 0;

    for (size_t i = 0; i < count; i++) {
        const struct rp_threshold *threshold = &result->plan->thresholds[i];
        const struct rp_verdict *verdict = result->verdicts ? &result->verdicts[i] : NULL;
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "metric", rp_json_text(threshold->display));
        rp_json_put(&item, "expression", rp_json_text(threshold->source));
        rp_json_put(&item, "source", rp_json_text(threshold->source));
        rp_json_put(&item, "passed", verdict ? json_boolean(verdict->passed) : json_null());
        rp_json_put(&item, "actual", rp_json_number(verdict ? verdict->actual : NAN));
        rp_json_put(&item, "lhs", rp_json_number(verdict ? verdict->actual : NAN));
        rp_json_put(&item, "rhs", rp_json_number(threshold->bound));
        rp_json_put(&item, "no_samples", json_boolean(!verdict || verdict->no_samples));
        rp_json_put(&item, "abort_on_fail", json_boolean(threshold->abort_on_fail));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static int write_checks(struct rp_result_writer *writer)
{
    struct rp_check_counts checks;
    json_t *array;
    int r = rp_checks_collect(writer->result->store, &checks);

    if (r < 0)
        return r;
    array = json_array();
    for (size_t i = 0; i < checks.count; i++) {
        const struct rp_check_count *check = &checks.items[i];
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "name", rp_json_text(check->name));
        rp_json_put(&item, "group", rp_json_text(check->group));
        rp_json_put(&item, "passes", rp_json_count(check->passes));
        rp_json_put(&item, "fails", rp_json_count(check->fails));
        rp_json_push(&array, rp_json_take(&item));
    }
    rp_checks_deinit(&checks);
    return rp_json_member(&writer->document, "checks", array, RP_JSON_PRETTY);
}

/* A tag as JSON. "" becomes null: the request had no such tag. */
static json_t *tag_json(const char *value)
{
    return rp_json_text(*value ? value : NULL);
}

static json_t *failed_requests_json(const struct rp_failed_requests *failed)
{
    json_t *array = json_array();

    for (size_t i = 0; i < failed->count; i++) {
        const struct rp_failed_request *request = &failed->items[i];
        struct rp_json_object item = rp_json_object();
        struct rp_json_object example = rp_json_object();

        rp_json_put(&item, "error_code", tag_json(request->error_code));
        rp_json_put(&item, "error", tag_json(request->error));
        rp_json_put(&item, "status", tag_json(request->status));
        rp_json_put(&item, "count", rp_json_count(request->count));
        rp_json_put(&example, "method", tag_json(request->method));
        rp_json_put(&example, "name", tag_json(request->name));
        rp_json_put(&item, "example", rp_json_take(&example));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static json_t *iteration_errors_json(const struct rp_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->error_count; i++) {
        const struct rp_error_group *group = &result->errors[i];
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "scenario", rp_json_text(group->scenario));
        rp_json_put(&item, "type", rp_json_text(group->type));
        rp_json_put(&item, "message", rp_json_text(group->message));
        rp_json_put(&item, "place", rp_json_text(group->place));
        rp_json_put(&item, "traceback", rp_json_text(group->traceback));
        rp_json_put(&item, "count", rp_json_count(group->count));
        rp_json_put(&item, "is_request", json_boolean(group->is_request));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static int write_errors(struct rp_result_writer *writer)
{
    struct rp_failed_requests failed;
    struct rp_json_object errors;
    int r = rp_failed_requests_collect(writer->result->store, &failed);

    if (r < 0)
        return r;
    errors = rp_json_object();
    rp_json_put(&errors, "requests", failed_requests_json(&failed));
    rp_json_put(&errors, "iterations", iteration_errors_json(writer->result));
    rp_failed_requests_deinit(&failed);
    return rp_json_member(&writer->document, "errors", rp_json_take(&errors), RP_JSON_PRETTY);
}

static json_t *accounting_json(const struct rp_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->accounting_count; i++) {
        const struct rp_accounting *accounting = &result->accounting[i];
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "scenario", rp_json_text(accounting->scenario));
        rp_json_put(&item, "scheduled", rp_json_count(accounting->scheduled));
        rp_json_put(&item, "started", rp_json_count(accounting->started));
        rp_json_put(&item, "dropped", rp_json_count(accounting->dropped));
        rp_json_put(&item, "completed", rp_json_count(accounting->completed));
        rp_json_put(&item, "interrupted", rp_json_count(accounting->interrupted));
        rp_json_put(&item, "errors", rp_json_count(accounting->errors));
        rp_json_put(&item, "holds", json_boolean(rp_accounting_holds(accounting)));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static json_t *warnings_json(const struct rp_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->warning_count; i++) {
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "text", rp_json_text(result->warnings[i].text));
        rp_json_put(&item, "count", rp_json_count(result->warnings[i].count));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static json_t *loss_json(const struct rp_result_worker *worker)
{
    struct rp_json_object item;

    if (!worker->lost)
        return json_null();
    item = rp_json_object();
    rp_json_put(&item, "reason", rp_json_text(worker->lost));
    rp_json_put(&item, "from_s", rp_json_number((double)worker->lost_from / 1e9));
    return rp_json_take(&item);
}

static json_t *workers_json(const struct rp_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->worker_count; i++) {
        const struct rp_result_worker *worker = &result->workers[i];
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "id", rp_json_count(worker->id));
        rp_json_put(&item, "pid", json_integer(worker->pid));
        rp_json_put(&item, "loop", rp_json_text(worker->loop));
        rp_json_put(&item, "runtime", rp_json_text(worker->runtime));
        rp_json_put(&item, "cpu_user_s", rp_json_number(worker->cpu_user_s));
        rp_json_put(&item, "cpu_system_s", rp_json_number(worker->cpu_system_s));
        rp_json_put(&item, "max_rss_bytes", json_integer(worker->max_rss_bytes));
        rp_json_put(&item, "started_late_ms", rp_json_number((double)worker->started_late / 1e6));
        rp_json_put(&item, "lost", loss_json(worker));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

/* The machine as JSON. "" and 0 mean unknown. */
static json_t *machine_json(void)
{
    struct rp_json_object item = rp_json_object();
    struct rp_machine machine;

    rp_machine_read(&machine);
    rp_json_put(&item, "os", tag_json(machine.os));
    rp_json_put(&item, "kernel", tag_json(machine.kernel));
    rp_json_put(&item, "arch", tag_json(machine.arch));
    rp_json_put(&item, "cpu_model", tag_json(machine.cpu_model));
    rp_json_put(&item, "cores", rp_json_number(machine.cores > 0 ? machine.cores : NAN));
    rp_json_put(&item, "cores_usable",
                rp_json_number(machine.cores_usable > 0 ? machine.cores_usable : NAN));
    rp_json_put(&item, "memory_bytes",
                rp_json_number(machine.memory_bytes > 0 ? (double)machine.memory_bytes : NAN));
    return rp_json_take(&item);
}

static json_t *generator_reasons_json(const struct rp_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->generator_reason_count; i++) {
        const struct rp_generator_reason *reason = &result->generator_reasons[i];
        struct rp_json_object item = rp_json_object();

        rp_json_put(&item, "verdict", rp_json_text(rp_generator_verdict_name(reason->verdict)));
        rp_json_put(&item, "cause", rp_json_text(rp_generator_cause_name(reason->cause)));
        rp_json_put(&item, "worker", rp_json_count(reason->worker));
        rp_json_put(&item, "workers", rp_json_count(reason->workers));
        rp_json_put(&item, "text", rp_json_text(reason->text));
        rp_json_push(&array, rp_json_take(&item));
    }
    return array;
}

static json_t *arrivals_json(const struct rp_result_arrivals *arrivals)
{
    struct rp_json_object item;
    json_t *off;

    if (!arrivals->seconds)
        return json_null();
    item = rp_json_object();
    off = json_array();
    for (size_t i = 0; i < arrivals->off_count; i++)
        rp_json_push(&off, rp_json_number((double)arrivals->off[i] / 1e9));
    rp_json_put(&item, "seconds", json_integer((json_int_t)arrivals->seconds));
    rp_json_put(&item, "off", off);
    rp_json_put(&item, "worst_late_ms", rp_json_number(arrivals->worst_late_ms));
    return rp_json_take(&item);
}

static json_t *littles_law_json(const struct rp_result_littles_law *law)
{
    struct rp_json_object item;

    if (!law->was_looked_at)
        return json_null();
    item = rp_json_object();
    rp_json_put(&item, "counted", rp_json_number(law->counted));
    rp_json_put(&item, "measured", rp_json_number(law->measured));
    return rp_json_take(&item);
}

static json_t *generator_json(const struct rp_result *result)
{
    const struct rp_generator_reason *first = result->generator_reasons;
    struct rp_json_object item = rp_json_object();

    rp_json_put(&item, "verdict", json_string(rp_generator_verdict_name(result->generator)));
    rp_json_put(&item, "reason", rp_json_text(result->generator_reason_count ? first->text : NULL));
    rp_json_put(&item, "reasons", generator_reasons_json(result));
    rp_json_put(&item, "arrivals", arrivals_json(&result->arrivals));
    rp_json_put(&item, "littles_law", littles_law_json(&result->littles_law));
    return rp_json_take(&item);
}

static int write_small(struct rp_result_writer *writer, const char *key, json_t *value)
{
    return rp_json_member(&writer->document, key, value, RP_JSON_PRETTY);
}

static int write_head(struct rp_result_writer *writer)
{
    int r = write_small(writer, "schema", json_integer(RP_RESULT_SCHEMA));

    if (r == 0)
        r = write_small(writer, "version", json_string(RP_VERSION));
    if (r == 0)
        r = write_small(writer, "run", run_json(writer->result));
    if (r == 0)
        r = write_config(writer);
    return r;
}

static int write_outcome(struct rp_result_writer *writer)
{
    const struct rp_result *result = writer->result;
    int r = write_small(writer, "thresholds", thresholds_json(result));

    if (r == 0)
        r = write_checks(writer);
    if (r == 0)
        r = write_errors(writer);
    if (r == 0)
        r = rp_result_write_exchanges(writer);
    if (r == 0)
        r = write_small(writer, "accounting", accounting_json(result));
    if (r == 0)
        r = write_small(writer, "warnings", warnings_json(result));
    if (r == 0)
        r = write_small(writer, "workers", workers_json(result));
    if (r == 0)
        r = write_small(writer, "machine", machine_json());
    if (r == 0)
        r = write_small(writer, "generator", generator_json(result));
    return r;
}

int rp_result_write_json(const struct rp_result *result, struct rp_buf *out)
{
    struct rp_result_writer writer = {
        .result = result,
        .elapsed_s = seconds(result->elapsed),
        .document = { .out = out },
    };
    int r = rp_views_sorted(result->store, &writer.views, &writer.view_count);

    if (r < 0)
        return r;
    rp_json_open(&writer.document, NULL);
    r = write_head(&writer);
    if (r == 0)
        r = rp_result_write_metrics(&writer);
    if (r == 0)
        r = write_outcome(&writer);
    if (r == 0)
        r = rp_result_write_series(&writer);
    if (r == 0)
        r = rp_result_write_histograms(&writer);
    if (r == 0)
        r = rp_result_write_intervals(&writer);
    rp_json_close(&writer.document);
    rp_buf_append(out, "\n", 1);
    rp_free(writer.views);
    return r < 0 ? r : out->error;
}
