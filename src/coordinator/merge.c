/* SPDX-License-Identifier: MIT */

/* What the workers measured, merged into the result by addition. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"

/* Never NULL but for want of memory: what is shown later must be a text. */
static char *text_of(struct rp_slice text)
{
    return rp_strndup(text.ptr, text.len);
}

static int read_tags(const struct rp_msg_list *list, struct rp_slice (*ret)[2])
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->count; i++) {
        struct rp_msg_tag tag;

        r = rp_msg_list_get(list, i, &tag);
        ret[i][0] = tag.key;
        ret[i][1] = tag.value;
    }
    return r;
}

int rp_merge_define(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_msg_define define;
    struct rp_slice(*tags)[2];
    char *metric;
    int r = rp_message_read(message, &define);

    if (r < 0)
        return r;
    tags = rp_calloc(define.tags.count, sizeof(*tags));
    metric = text_of(define.metric);
    r = tags && metric ? read_tags(&define.tags, tags) : -ENOMEM;
    if (r == 0)
        r = rp_store_define(peer->c->result->store, peer->index, define.series, metric, define.kind,
                            define.is_time, (const struct rp_slice(*)[2])tags, define.tags.count,
                            NULL);
    rp_free(tags);
    rp_free(metric);
    return r;
}

static int take_value(struct rp_peer *peer, const struct rp_msg_series *item,
                      int (*take)(struct rp_peer *peer, uint32_t series,
                                  const struct rp_value *value))
{
    const struct rp_store_series *of = rp_store_series(peer->c->result->store, peer->index,
                                                       item->series);
    struct rp_value value;
    int r;

    if (!of)
        return -EINVAL;
    r = rp_msg_value_get(&item->value, of->type, &value);
    if (r == 0)
        r = take(peer, item->series, &value);
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
    struct rp_msg_delta delta;
    int r = rp_message_read(message, &delta);

    for (size_t i = 0; r == 0 && i < delta.items.count; i++) {
        struct rp_msg_series item;

        r = rp_msg_list_get(&delta.items, i, &item);
        if (r == 0)
            r = take_value(peer, &item, apply);
    }
    if (delta.elapsed > peer->reported)
        peer->reported = delta.elapsed;
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

static int take_progress(struct rp_peer *peer, const struct rp_msg_list *scenarios)
{
    struct rp_coordinator *c = peer->c;
    size_t count = c->result->plan->scenario_count;
    struct rp_scenario_progress *told;
    int r = 0;

    if (scenarios->count != count)
        return -EBADMSG;
    told = rp_calloc(count, sizeof(*told));
    if (!told)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = rp_msg_list_get(scenarios, i, &told[i]);
    if (r == 0)
        r = rp_progress_table_set(&c->progress, count, peer->index, told);
    rp_free(told);
    return r;
}

int rp_merge_state(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_coordinator *c = peer->c;
    struct rp_msg_state state;
    int r = rp_message_read(message, &state);

    if (r == 0 && peer->step != STEP_RUNNING)
        r = -EBADMSG;
    if (r == 0)
        r = take_progress(peer, &state.scenarios);
    if (r == 0)
        r = rp_note_pauses(peer, state.elapsed, state.paused, state.is_paused);
    if (r < 0)
        return r;
    c->health[peer->index] = state.health;
    peer->is_fresh = true;
    if (!is_round_complete(c))
        return 0;
    rp_publish_snapshot(c);
    rp_publish_generator(c);
    judge(c, state.elapsed);
    return 0;
}

int rp_merge_total(struct rp_peer *peer, const struct rp_message *message)
{
    struct rp_msg_series total;
    int r = rp_message_read(message, &total);

    return r == 0 ? take_value(peer, &total, verify) : r;
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
static int copy_error(const struct rp_msg_error *error, struct rp_error_group *ret)
{
    *ret = (struct rp_error_group){
        .scenario = text_of(error->scenario),
        .type = text_of(error->error_type),
        .message = text_of(error->message),
        .place = text_of(error->place),
        .traceback = rp_msg_strdup(error->traceback),
        .is_request = error->is_request,
    };
    if (!ret->scenario || !ret->type || !ret->message || !ret->place)
        return -ENOMEM;
    return error->traceback.ptr && !ret->traceback ? -ENOMEM : 0;
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
    struct rp_error_group group = { 0 };
    struct rp_msg_error error;
    size_t i;
    int r = rp_message_read(message, &error);

    if (r == 0)
        r = copy_error(&error, &group);
    if (r == 0)
        r = find_or_add_error(peer->c->result, &group, &i);
    if (r == 0)
        r = count_error(peer, i, error.count);
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

static int add_accounting(struct rp_result *result, const struct rp_msg_list *accounting)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < result->accounting_count; i++) {
        struct rp_accounting *sums = &result->accounting[i];
        struct rp_msg_counts counts;

        r = rp_msg_list_get(accounting, i, &counts);
        sums->scheduled += counts.scheduled;
        sums->started += counts.started;
        sums->dropped += counts.dropped;
        sums->completed += counts.completed;
        sums->interrupted += counts.interrupted;
        sums->errors += counts.errors;
    }
    return r;
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
    struct rp_msg_finished finished;
    int r = rp_message_read(message, &finished);

    if (r == 0 && finished.accounting.count != result->plan->scenario_count)
        r = -EBADMSG;
    if (r == 0)
        r = rp_note_pauses(peer, finished.elapsed, finished.paused, false);
    if (r == 0)
        r = begin_accounting(result);
    if (r < 0)
        return r;
    c->health[peer->index] = finished.health;
    c->stray_bytes += finished.stray_bytes;
    c->retried += finished.retried;
    result->workers[peer->index].started_late = finished.started_late;
    return add_accounting(result, &finished.accounting);
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

int rp_merge_hello(struct rp_peer *peer, const struct rp_msg_hello *hello)
{
    struct rp_result_worker *worker = &peer->c->result->workers[peer->index];
    int r;

    if (hello->protocol != RP_PROTOCOL_VERSION)
        return -EPROTO;
    worker->pid = (int)hello->pid;
    r = show_workers(peer->c->result, (size_t)peer->index + 1);
    if (r == 0)
        r = name_worker(worker, text_of(hello->loop), text_of(hello->runtime));
    return r;
}

void rp_merge_bye(struct rp_peer *peer, const struct rp_msg_bye *bye)
{
    struct rp_result_worker *worker = &peer->c->result->workers[peer->index];

    worker->cpu_user_s = bye->cpu_user;
    worker->cpu_system_s = bye->cpu_system;
    worker->max_rss_bytes = bye->max_rss;
    if (bye->error < 0)
        rp_result_fail(peer->c->result, RP_EXIT_INTERNAL,
                       "a worker could not report all that it measured: %s",
                       bye->error > INT_MIN ? strerror((int)-bye->error) : "no reason");
    peer->has_farewell = true;
}
