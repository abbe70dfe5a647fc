/* SPDX-License-Identifier: MIT */

/* What the workers measured, merged into the result by addition. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"
#include "wire/health.h"
#include "wire/progress.h"

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

int rp_merge_define(struct rp_peer *peer, const struct rp_message *message)
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
        r = rp_store_define(peer->c->result->store, peer->index,
                            series_number(rp_message_get(message, "series")), metric, type,
                            rp_field_bool(rp_message_get(message, "is_time"), false),
                            (const struct rp_slice(*)[2])tags, pairs, NULL);
    rp_free(tags);
    rp_free(metric);
    return r;
}

static int take_value(struct rp_peer *peer, uint32_t series, struct rp_field field,
                      int (*take)(struct rp_peer *peer, uint32_t series,
                                  const struct rp_value *value))
{
    const struct rp_store_series *of = rp_store_series(peer->c->result->store, peer->index, series);
    struct rp_value value;
    int r;

    if (!of)
        return -EINVAL;
    r = rp_field_value(field, of->type, &value);
    if (r == 0)
        r = take(peer, series, &value);
    rp_value_deinit(&value);
    return r;
}

static int apply(struct rp_peer *peer, uint32_t series, const struct rp_value *value)
{
    return rp_store_apply(peer->c->result->store, peer->index, series, value);
}

static int verify(struct rp_peer *peer, uint32_t series, const struct rp_value *value)
{
    if (!rp_store_verify(peer->c->result->store, peer->index, series, value))
        peer->c->totals_differ = true;
    return 0;
}

/* A point of the series is of all workers: it ends when the last of them has told. */
static int tick(struct rp_coordinator *c)
{
    rp_ns reported = rp_peers_reported(c);

    if (reported <= c->ticked)
        return 0;
    c->ticked = reported;
    /* The end of the run leaves the gauge as it was: only who has long been finished has no VUs. */
    RP_EACH_PEER (c, peer) {
        if (peer->step == STEP_FINISHED && peer->reported + RP_S / 2 < reported)
            rp_store_retire(c->result->store, peer->index, "vus");
    }
    return rp_store_tick(c->result->store, reported);
}

int rp_merge_delta(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_field items = rp_message_get(message, "items");
    rp_ns elapsed = rp_field_i64(rp_message_get(message, "elapsed"), 0);
    int r = 0;

    for (size_t i = 0; r == 0 && i + 1 < rp_field_count(items); i += 2)
        r = take_value(peer, series_number(rp_field_at(items, i)), rp_field_at(items, i + 1),
                       apply);
    if (elapsed > peer->reported)
        peer->reported = elapsed;
    return r == 0 ? tick(peer->c) : r;
}

/* Right behind what the workers have measured: a clock of our own would judge what is up to a second old. */
static void judge(struct rp_coordinator *c, rp_ns elapsed)
{
    if (c->is_stopping || elapsed < c->next_judgement)
        return;
    c->next_judgement = rp_ns_add(elapsed - elapsed % (RP_LIVE_THRESHOLDS_S * RP_S),
                                  RP_LIVE_THRESHOLDS_S * RP_S);
    rp_judge_live(c);
}

/* Whether every worker that runs has told since this was so last. One that is blocked must not keep thresholds from being
 * judged. */
static bool is_round_complete(struct rp_coordinator *c)
{
    RP_EACH_PEER (c, peer) {
        if (peer->step == STEP_RUNNING && !peer->is_fresh && !peer->is_silent)
            return false;
    }
    RP_EACH_PEER (c, peer) {
        peer->is_fresh = false;
    }
    return true;
}

static int take_progress(struct rp_peer *peer, struct rp_field scenarios)
{
    struct rp_coordinator *c = peer->c;
    size_t count = c->result->plan->scenario_count;
    struct rp_scenario_progress *told = rp_calloc(count, sizeof(*told));
    int r = told ? rp_field_progress_list(scenarios, count, told) : -ENOMEM;

    if (r == 0)
        r = rp_progress_table_set(&c->progress, count, peer->index, told);
    rp_free(told);
    return r;
}

int rp_merge_state(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    rp_ns elapsed = rp_field_i64(rp_message_get(message, "elapsed"), 0);
    int r;

    if (peer->step != STEP_RUNNING)
        return -EBADMSG;
    r = take_progress(peer, rp_message_get(message, "scenarios"));
    if (r < 0)
        return r;
    r = rp_note_pauses(peer, elapsed, rp_field_i64(rp_message_get(message, "paused"), 0),
                       rp_field_bool(rp_message_get(message, "is_paused"), false));
    if (r < 0)
        return r;
    rp_read_health(rp_message_get(message, "health"), &c->health[peer->index]);
    peer->is_fresh = true;
    if (!is_round_complete(c))
        return 0;
    rp_publish_snapshot(c);
    rp_publish_generator(c);
    judge(c, elapsed);
    return 0;
}

int rp_merge_total(struct rp_peer *peer, const struct rp_message *message)
{
    return take_value(peer, series_number(rp_message_get(message, "series")),
                      rp_message_get(message, "value"), verify);
}

/* A table of one row an error and one column a worker, for all errors there are. */
static int reserve_counts(struct rp_coordinator *c)
{
    size_t rows = c->result->error_count, columns = c->peer_count;
    uint64_t *told;

    if (rows <= c->counted_errors)
        return 0;
    told = rp_realloc_array(c->error_counts, rows * columns, sizeof(*told));
    if (!told)
        return -ENOMEM;
    memset(told + c->counted_errors * columns, 0,
           (rows - c->counted_errors) * columns * sizeof(*told));
    c->error_counts = told;
    c->counted_errors = rows;
    return 0;
}

/* Groups arrive with their count so far: a later one of a worker replaces its earlier one. */
static int count_error(struct rp_peer *peer, size_t i, uint64_t count)
{
    struct rp_coordinator *c = peer->c;
    int r = reserve_counts(c);
    uint64_t *told;

    if (r < 0)
        return r;
    told = &c->error_counts[i * c->peer_count + peer->index];
    c->result->errors[i].count += count - *told;
    *told = count;
    return 0;
}

/* -ENOMEM: some of the group's texts may be there. */
static int read_error(const struct rp_message *message, struct rp_error_group *ret)
{
    struct rp_field traceback = rp_message_get(message, "traceback");

    *ret = (struct rp_error_group){
        .scenario = text_of(message, "scenario"),
        .type = text_of(message, "error_type"),
        .message = text_of(message, "message"),
        .place = text_of(message, "place"),
        .traceback = rp_field_strdup(traceback),
        .is_request = rp_field_bool(rp_message_get(message, "is_request"), false),
    };
    if (!ret->scenario || !ret->type || !ret->message || !ret->place)
        return -ENOMEM;
    return rp_field_text(traceback).ptr && !ret->traceback ? -ENOMEM : 0;
}

static bool is_same_error(const struct rp_error_group *a, const struct rp_error_group *b)
{
    return strcmp(a->scenario, b->scenario) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->place, b->place) == 0;
}

/* The place of @group among the result's errors, to which it is moved if it is new there. */
static int find_or_add_error(struct rp_result *result, struct rp_error_group *group, size_t *ret)
{
    struct rp_error_group *errors;

    for (*ret = 0; *ret < result->error_count; (*ret)++)
        if (is_same_error(&result->errors[*ret], group))
            return 0;
    errors = rp_realloc_array(result->errors, result->error_count + 1, sizeof(*errors));
    if (!errors)
        return -ENOMEM;
    result->errors = errors;
    errors[result->error_count++] = *group;
    *group = (struct rp_error_group){ 0 };
    return 0;
}

int rp_merge_error(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_error_group group;
    size_t i;
    int r = read_error(message, &group);

    if (r == 0)
        r = find_or_add_error(peer->c->result, &group, &i);
    if (r == 0)
        r = count_error(peer, i, rp_field_u64(rp_message_get(message, "count"), 0));
    rp_error_group_deinit(&group);
    return r;
}

static int begin_accounting(struct rp_result *result)
{
    const struct rp_plan *plan = result->plan;

    if (result->accounting)
        return 0;
    result->accounting = rp_calloc(plan->scenario_count, sizeof(*result->accounting));
    if (!result->accounting)
        return -ENOMEM;
    result->accounting_count = plan->scenario_count;
    for (size_t i = 0; i < plan->scenario_count; i++) {
        result->accounting[i].scenario = rp_strdup(plan->scenarios[i].name);
        if (!result->accounting[i].scenario)
            return -ENOMEM;
    }
    return 0;
}

static void add_accounting(struct rp_accounting *accounting, struct rp_field counts)
{
    accounting->scheduled += rp_field_u64(rp_field_at(counts, 0), 0);
    accounting->started += rp_field_u64(rp_field_at(counts, 1), 0);
    accounting->dropped += rp_field_u64(rp_field_at(counts, 2), 0);
    accounting->completed += rp_field_u64(rp_field_at(counts, 3), 0);
    accounting->interrupted += rp_field_u64(rp_field_at(counts, 4), 0);
    accounting->errors += rp_field_u64(rp_field_at(counts, 5), 0);
}

/* What ran when it was heard last has not come to an end that anybody knows of: interrupted. */
static void add_told(struct rp_accounting *accounting, const struct rp_scenario_progress *told)
{
    accounting->scheduled += told->started + told->dropped;
    accounting->started += told->started;
    accounting->dropped += told->dropped;
    accounting->completed += told->completed;
    accounting->interrupted += told->started - told->completed;
    accounting->errors += told->errors;
}

int rp_merge_loss(struct rp_peer *peer)
{
    struct rp_coordinator *c = peer->c;
    struct rp_result *result = c->result;
    const struct rp_scenario_progress *told = rp_progress_table_told(&c->progress, peer->index);
    int r = begin_accounting(result);

    for (size_t i = 0; r == 0 && told && i < result->accounting_count; i++)
        add_told(&result->accounting[i], &told[i]);
    rp_progress_table_lose(&c->progress, peer->index);
    rp_store_retire(result->store, peer->index, NULL);
    return r;
}

int rp_merge_finished(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    struct rp_result *result = c->result;
    struct rp_field accounting = rp_message_get(message, "accounting");
    size_t count = rp_field_count(accounting);
    int r;

    if (count != result->plan->scenario_count)
        return -EBADMSG;
    r = rp_note_pauses(peer, rp_field_i64(rp_message_get(message, "elapsed"), 0),
                       rp_field_i64(rp_message_get(message, "paused"), 0), false);
    if (r == 0)
        r = begin_accounting(result);
    if (r < 0)
        return r;
    rp_read_health(rp_message_get(message, "health"), &c->health[peer->index]);
    c->stray_bytes += rp_field_u64(rp_message_get(message, "stray_bytes"), 0);
    c->retried += rp_field_u64(rp_message_get(message, "retried"), 0);
    result->workers[peer->index].started_late = rp_field_i64(
        rp_message_get(message, "started_late"), 0);
    for (size_t i = 0; i < count; i++)
        add_accounting(&result->accounting[i], rp_field_at(accounting, i));
    return 0;
}

/* Takes the texts over, whatever comes of it. */
static int name_worker(struct rp_result_worker *worker, char *loop, char *runtime)
{
    if (!loop || !runtime) {
        rp_free(loop);
        rp_free(runtime);
        return -ENOMEM;
    }
    rp_free(worker->loop);
    rp_free(worker->runtime);
    worker->loop = loop;
    worker->runtime = runtime;
    return 0;
}

/* The result shows every worker up to the last one that has said hello. Those before it which have not, or not yet, have
 * empty texts. */
static int show_workers(struct rp_result *result, size_t count)
{
    for (size_t i = result->worker_count; i < count; i++) {
        int r = name_worker(&result->workers[i], rp_strdup(""), rp_strdup(""));

        if (r < 0)
            return r;
        result->worker_count++;
    }
    return 0;
}

int rp_merge_hello(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_result_worker *worker = &peer->c->result->workers[peer->index];
    int r;

    if (rp_field_i64(rp_message_get(message, "protocol"), 0) != RP_PROTOCOL_VERSION)
        return -EPROTO;
    worker->pid = (int)rp_field_i64(rp_message_get(message, "pid"), 0);
    r = show_workers(peer->c->result, (size_t)peer->index + 1);
    if (r == 0)
        r = name_worker(worker, text_of(message, "loop"), text_of(message, "runtime"));
    return r;
}

void rp_merge_bye(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_result_worker *worker = &peer->c->result->workers[peer->index];
    int64_t error = rp_field_i64(rp_message_get(message, "error"), 0);

    worker->cpu_user_s = rp_field_double(rp_message_get(message, "cpu_user"), 0);
    worker->cpu_system_s = rp_field_double(rp_message_get(message, "cpu_system"), 0);
    worker->max_rss_bytes = rp_field_i64(rp_message_get(message, "max_rss"), 0);
    if (error < 0)
        rp_result_fail(peer->c->result, RP_EXIT_INTERNAL,
                       "a worker could not report all that it measured: %s",
                       error > INT_MIN ? strerror((int)-error) : "no reason");
    peer->has_farewell = true;
}
