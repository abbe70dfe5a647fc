/* SPDX-License-Identifier: MIT */

/* What a worker measured, merged into the result by addition. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "cluster/coordinator_internal.h"

enum { WORKER = 0 }; /* the store's number of the one worker */

static int metric_type(struct rp_slice name, enum rp_metric_type *ret)
{
    for (int type = 0; type < RP_METRIC_TYPE_COUNT; type++)
        if (rp_slice_eq_str(name, rp_metric_type_name((enum rp_metric_type)type))) {
            *ret = (enum rp_metric_type)type;
            return 0;
        }
    return -EBADMSG;
}

/* The number of a series; none is UINT32_MAX, which no series has. */
static uint32_t series_number(struct rp_field field)
{
    uint64_t number = rp_field_u64(field, UINT32_MAX);

    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

/* Never NULL but for want of memory: what is shown later must be a text. */
static char *text_of(const struct rp_message *message, const char *key)
{
    struct rp_slice text = rp_field_text(rp_message_get(message, key));

    return rp_strndup(text.ptr, text.len);
}

int rp_merge_define(struct rp_coordinator *c, const struct rp_message *message)
{
    struct rp_field list = rp_message_get(message, "tags");
    size_t pairs = rp_field_count(list) / 2;
    struct rp_slice(*tags)[2] = rp_calloc(pairs, sizeof(*tags));
    char *metric = text_of(message, "metric");
    enum rp_metric_type type;
    int r = metric_type(rp_field_text(rp_message_get(message, "kind")), &type);

    if (!tags || !metric)
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < pairs; i++) {
        tags[i][0] = rp_field_text(rp_field_at(list, i * 2));
        tags[i][1] = rp_field_text(rp_field_at(list, i * 2 + 1));
    }
    if (r == 0)
        r = rp_store_define(c->result->store, WORKER,
                            series_number(rp_message_get(message, "series")), metric, type,
                            rp_field_bool(rp_message_get(message, "is_time"), false),
                            (const struct rp_slice(*)[2])tags, pairs, NULL);
    rp_free(tags);
    rp_free(metric);
    return r;
}

static int take_value(struct rp_coordinator *c, uint32_t series, struct rp_field field,
                      int (*take)(struct rp_coordinator *c, uint32_t series,
                                  const struct rp_value *value))
{
    struct rp_value value;
    enum rp_metric_type type;
    int r = rp_store_series_type(c->result->store, WORKER, series, &type);

    if (r < 0)
        return r;
    r = rp_field_value(field, type, &value);
    if (r == 0)
        r = take(c, series, &value);
    rp_value_deinit(&value);
    return r;
}

static int apply(struct rp_coordinator *c, uint32_t series, const struct rp_value *value)
{
    return rp_store_apply(c->result->store, WORKER, series, value);
}

static int verify(struct rp_coordinator *c, uint32_t series, const struct rp_value *value)
{
    if (!rp_store_verify(c->result->store, WORKER, series, value))
        c->totals_differ = true;
    return 0;
}

int rp_merge_delta(struct rp_coordinator *c, const struct rp_message *message)
{
    struct rp_field items = rp_message_get(message, "items");
    rp_ns elapsed = rp_field_i64(rp_message_get(message, "elapsed"), 0);
    int r = 0;

    for (size_t i = 0; r == 0 && i + 1 < rp_field_count(items); i += 2)
        r = take_value(c, series_number(rp_field_at(items, i)), rp_field_at(items, i + 1), apply);
    if (r == 0 && elapsed > c->ticked) {
        c->ticked = elapsed;
        r = rp_store_tick(c->result->store, elapsed);
    }
    return r;
}

/* Right behind what a worker has measured: a clock of our own would judge what is up to a second old. */
static void judge(struct rp_coordinator *c, rp_ns elapsed)
{
    if (c->is_stopping || elapsed < c->next_judgement)
        return;
    c->next_judgement = rp_ns_add(elapsed - elapsed % (RP_LIVE_THRESHOLDS_S * RP_S),
                                  RP_LIVE_THRESHOLDS_S * RP_S);
    rp_judge_live(c);
}

int rp_merge_state(struct rp_coordinator *c, const struct rp_message *message)
{
    rp_ns elapsed = rp_field_i64(rp_message_get(message, "elapsed"), 0);
    int r;

    if (c->phase != PHASE_RUNNING)
        return -EBADMSG;
    r = rp_progress_table_set(&c->progress, c->result->plan->scenario_count, WORKER,
                              rp_message_get(message, "scenarios"));
    if (r < 0)
        return r;
    r = rp_note_pauses(c, elapsed, rp_field_i64(rp_message_get(message, "paused"), 0),
                       rp_field_bool(rp_message_get(message, "is_paused"), false));
    if (r < 0)
        return r;
    rp_read_health(rp_message_get(message, "health"), &c->health);
    rp_publish_snapshot(c);
    rp_publish_generator(c);
    judge(c, elapsed);
    return 0;
}

int rp_merge_total(struct rp_coordinator *c, const struct rp_message *message)
{
    return take_value(c, series_number(rp_message_get(message, "series")),
                      rp_message_get(message, "value"), verify);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Groups arrive with their count so far: a later one replaces an earlier one. */
int rp_merge_error(struct rp_coordinator *c, const struct rp_message *message)
{
    struct rp_result *result = c->result;
    struct rp_error_group group = {
        .scenario = text_of(message, "scenario"),
        .type = text_of(message, "error_type"),
        .message = text_of(message, "message"),
        .place = text_of(message, "place"),
        .traceback = rp_field_strdup(rp_message_get(message, "traceback")),
        .count = rp_field_u64(rp_message_get(message, "count"), 0),
        .is_request = rp_field_bool(rp_message_get(message, "is_request"), false),
    };
    struct rp_error_group *errors = result->errors;

    for (size_t i = 0; i < result->error_count; i++)
        if (same(errors[i].scenario, group.scenario) && same(errors[i].type, group.type) &&
            same(errors[i].place, group.place)) {
            errors[i].count = group.count;
            rp_free(group.scenario);
            rp_free(group.type);
            rp_free(group.message);
            rp_free(group.place);
            rp_free(group.traceback);
            return 0;
        }
    errors = rp_realloc_array(errors, result->error_count + 1, sizeof(*errors));
    if (!errors)
        return -ENOMEM;
    result->errors = errors;
    errors[result->error_count++] = group;
    return 0;
}

static int add_accounting(struct rp_result *result, const struct rp_plan *plan, size_t i,
                          struct rp_field counts)
{
    struct rp_accounting *accounting = &result->accounting[i];

    accounting->scenario = rp_strdup(plan->scenarios[i].name);
    accounting->scheduled = rp_field_u64(rp_field_at(counts, 0), 0);
    accounting->started = rp_field_u64(rp_field_at(counts, 1), 0);
    accounting->dropped = rp_field_u64(rp_field_at(counts, 2), 0);
    accounting->completed = rp_field_u64(rp_field_at(counts, 3), 0);
    accounting->interrupted = rp_field_u64(rp_field_at(counts, 4), 0);
    accounting->errors = rp_field_u64(rp_field_at(counts, 5), 0);
    return accounting->scenario ? 0 : -ENOMEM;
}

int rp_merge_finished(struct rp_coordinator *c, const struct rp_message *message)
{
    struct rp_result *result = c->result;
    struct rp_field accounting = rp_message_get(message, "accounting");
    size_t count = rp_field_count(accounting);
    int r;

    if (count != result->plan->scenario_count || result->accounting)
        return -EBADMSG;
    r = rp_note_pauses(c, rp_field_i64(rp_message_get(message, "elapsed"), 0),
                       rp_field_i64(rp_message_get(message, "paused"), 0), false);
    if (r < 0)
        return r;
    rp_read_health(rp_message_get(message, "health"), &c->health);
    c->stray_bytes = rp_field_u64(rp_message_get(message, "stray_bytes"), 0);
    c->retried = rp_field_u64(rp_message_get(message, "retried"), 0);
    result->accounting = rp_calloc(count, sizeof(*result->accounting));
    if (!result->accounting)
        return -ENOMEM;
    result->accounting_count = count;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_accounting(result, result->plan, i, rp_field_at(accounting, i));
    c->has_finished = r == 0;
    return r;
}

int rp_merge_hello(struct rp_coordinator *c, const struct rp_message *message)
{
    struct rp_result_worker *worker;

    if (rp_field_i64(rp_message_get(message, "protocol"), 0) != RP_PROTOCOL_VERSION)
        return -EPROTO;
    worker = rp_calloc(1, sizeof(*worker));
    if (!worker)
        return -ENOMEM;
    worker->id = 1;
    worker->pid = (int)rp_field_i64(rp_message_get(message, "pid"), 0);
    worker->loop = text_of(message, "loop");
    worker->runtime = text_of(message, "runtime");
    c->result->workers = worker;
    c->result->worker_count = 1;
    return 0;
}

void rp_merge_bye(struct rp_coordinator *c, const struct rp_message *message)
{
    struct rp_result_worker *worker = c->result->workers;

    if (!worker)
        return;
    worker->cpu_user_s = rp_field_double(rp_message_get(message, "cpu_user"), 0);
    worker->cpu_system_s = rp_field_double(rp_message_get(message, "cpu_system"), 0);
    worker->max_rss_bytes = rp_field_i64(rp_message_get(message, "max_rss"), 0);
    if (rp_field_i64(rp_message_get(message, "error"), 0) < 0)
        c->totals_differ = true;
    c->has_farewell = true;
}
