/* SPDX-License-Identifier: MIT */
#include "coordinator/merge.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/metrics.h"

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

int rp_merge_define(struct rp_merging *merging, struct rp_peer *peer,
                    const struct rp_msg_define *define)
{
    struct rp_slice(*tags)[2] = rp_calloc(define->tags.count, sizeof(*tags));
    char *metric = text_of(define->metric);
    int r = tags && metric ? read_tags(&define->tags, tags) : -ENOMEM;

    if (r == 0)
        r = rp_store_define(merging->result->store, peer->index, define->series, metric,
                            define->kind, define->is_time, (const struct rp_slice(*)[2])tags,
                            define->tags.count, NULL);
    rp_free(tags);
    rp_free(metric);
    return r;
}

typedef int take_fn(struct rp_merging *merging, uint32_t worker, uint32_t series,
                    const struct rp_value *value);

static int take_value(struct rp_merging *merging, uint32_t worker, const struct rp_msg_series *item,
                      take_fn *take)
{
    const struct rp_store_series *of = rp_store_series(merging->result->store, worker,
                                                       item->series);
    struct rp_value value;
    int r;

    if (!of)
        return -EINVAL;
    r = rp_msg_value_get(&item->value, of->type, &value);
    if (r == 0)
        r = take(merging, worker, item->series, &value);
    rp_value_deinit(&value);
    return r;
}

static int apply(struct rp_merging *merging, uint32_t worker, uint32_t series,
                 const struct rp_value *value)
{
    int r = rp_store_apply(merging->result->store, worker, series, value);

    if (r == 0)
        rp_history_add(&merging->result->history,
                       rp_store_series(merging->result->store, worker, series), value,
                       merging->told);
    return r;
}

static int verify(struct rp_merging *merging, uint32_t worker, uint32_t series,
                  const struct rp_value *value)
{
    if (!rp_store_verify(merging->result->store, worker, series, value))
        merging->totals_differ = true;
    return 0;
}

/* A point of the series is of all workers: it ends when the last of them has told. */
static int tick(struct rp_merging *merging)
{
    struct rp_store *store = merging->result->store;
    rp_ns reported = rp_peers_reported(merging->peers);

    if (reported <= merging->ticked || reported - merging->ticked < merging->point_min)
        return 0;
    merging->ticked = reported;
    /* The end of the run leaves the gauge as it was: only who has long been finished has no VUs. */
    RP_EACH_PEER (merging->peers, peer) {
        if (peer->step == RP_STEP_FINISHED && rp_ns_add(peer->reported, RP_S / 2) < reported)
            rp_store_retire(store, peer->index, rp_builtin_name(RP_M_VUS));
    }
    return rp_store_tick(store, reported);
}

int rp_merge_delta(struct rp_merging *merging, struct rp_peer *peer,
                   const struct rp_msg_delta *delta)
{
    int r = 0;

    merging->told = (struct rp_history_time){
        .from = peer->reported,
        .until = delta->elapsed,
        .is_aside = peer->step == RP_STEP_HOOK || peer->step == RP_STEP_LEAVING,
    };
    rp_store_set_aside(merging->result->store, merging->told.is_aside);
    for (size_t i = 0; r == 0 && i < delta->items.count; i++) {
        struct rp_msg_series item;

        r = rp_msg_list_get(&delta->items, i, &item);
        if (r == 0)
            r = take_value(merging, peer->index, &item, apply);
    }
    rp_store_set_aside(merging->result->store, false);
    if (delta->elapsed > peer->reported)
        peer->reported = delta->elapsed;
    return r == 0 ? tick(merging) : r;
}

int rp_merge_end(struct rp_merging *merging)
{
    struct rp_store *store = merging->result->store;
    rp_ns reported = rp_peers_reported(merging->peers);

    if (!store) /* the run has come to nothing */
        return 0;
    return rp_store_tick(store, reported > merging->ticked ? reported : merging->ticked);
}

int rp_merge_total(struct rp_merging *merging, struct rp_peer *peer,
                   const struct rp_msg_series *total)
{
    return take_value(merging, peer->index, total, verify);
}

/* ---- how far it is --------------------------------------------------------------------------- */

bool rp_merge_ends_round(struct rp_merging *merging)
{
    RP_EACH_PEER (merging->peers, peer) {
        if (peer->step == RP_STEP_RUNNING && !peer->is_fresh && !peer->is_silent)
            return false;
    }
    RP_EACH_PEER (merging->peers, peer) {
        peer->is_fresh = false;
    }
    return true;
}

/* What it says of its time. */
static int note_pauses(struct rp_merging *merging, struct rp_peer *peer, rp_ns elapsed,
                       rp_ns paused, bool is_paused)
{
    return rp_pauses_note(merging->pauses, merging->result, peer,
                          peer == rp_peers_first(merging->peers), elapsed, paused, is_paused);
}

static int take_progress(struct rp_merging *merging, const struct rp_peer *peer,
                         const struct rp_msg_list *scenarios)
{
    size_t count = merging->result->plan->scenario_count;
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
        r = rp_progress_table_set(&merging->progress, count, peer->index, told);
    rp_free(told);
    return r;
}

int rp_merge_state(struct rp_merging *merging, struct rp_peer *peer,
                   const struct rp_msg_state *state)
{
    int r = take_progress(merging, peer, &state->scenarios);

    if (r == 0)
        r = note_pauses(merging, peer, state->elapsed, state->paused, state->is_paused);
    if (r < 0)
        return r;
    merging->health[peer->index] = state->health;
    peer->is_fresh = true;
    return 0;
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* A table of one row an error and one column a worker, for all errors there are. */
static int reserve_counts(struct rp_merging *merging)
{
    size_t rows = merging->result->error_count, columns = merging->peers->count;
    uint64_t *told;

    if (rows <= merging->counted_errors)
        return 0;
    told = rp_realloc_array(merging->error_counts, rows * columns, sizeof(*told));
    if (!told)
        return -ENOMEM;
    memset(told + merging->counted_errors * columns, 0,
           (rows - merging->counted_errors) * columns * sizeof(*told));
    merging->error_counts = told;
    merging->counted_errors = rows;
    return 0;
}

/* Groups arrive with their count so far: a later one of a worker replaces its earlier one. */
static int count_error(struct rp_merging *merging, uint32_t worker, size_t i, uint64_t count)
{
    int r = reserve_counts(merging);
    uint64_t *told;

    if (r < 0)
        return r;
    told = &merging->error_counts[i * merging->peers->count + worker];
    merging->result->errors[i].count += count - *told;
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

int rp_merge_error(struct rp_merging *merging, struct rp_peer *peer,
                   const struct rp_msg_error *error)
{
    struct rp_error_group group;
    size_t i;
    int r = copy_error(error, &group);

    if (r == 0)
        r = find_or_add_error(merging->result, &group, &i);
    if (r == 0)
        r = count_error(merging, peer->index, i, error->count);
    rp_error_group_deinit(&group);
    return r;
}

/* ---- the accounting -------------------------------------------------------------------------- */

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

int rp_merge_loss(struct rp_merging *merging, const struct rp_peer *peer)
{
    struct rp_result *result = merging->result;
    const struct rp_scenario_progress *told = rp_progress_table_told(&merging->progress,
                                                                     peer->index);
    int r = begin_accounting(result);

    merging->lost++;
    for (size_t i = 0; r == 0 && told && i < result->accounting_count; i++)
        add_told(&result->accounting[i], &told[i]);
    rp_progress_table_lose(&merging->progress, peer->index);
    rp_store_retire(result->store, peer->index, NULL);
    return r;
}

int rp_merge_finished(struct rp_merging *merging, struct rp_peer *peer,
                      const struct rp_msg_finished *finished)
{
    struct rp_result *result = merging->result;
    int r = finished->accounting.count == result->plan->scenario_count ? 0 : -EBADMSG;

    if (r == 0)
        r = note_pauses(merging, peer, finished->elapsed, finished->paused, false);
    if (r == 0)
        r = begin_accounting(result);
    if (r < 0)
        return r;
    merging->health[peer->index] = finished->health;
    merging->stray_bytes += finished->stray_bytes;
    merging->retried += finished->retried;
    result->workers[peer->index].started_late = finished->started_late;
    result->workers[peer->index].has_finished = true;
    result->workers[peer->index].under_way = finished->under_way;
    result->workers[peer->index].cut_short = finished->cut_short;
    return add_accounting(result, &finished->accounting);
}

/* ---- its name, and its farewell -------------------------------------------------------------- */

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

/* The result shows every worker up to the last one that has said hello. Those before it which have
 * not, or not yet, have empty texts. */
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

int rp_merge_hello(struct rp_merging *merging, struct rp_peer *peer,
                   const struct rp_msg_hello *hello)
{
    struct rp_result_worker *worker = &merging->result->workers[peer->index];
    int r;

    if (hello->protocol != RP_PROTOCOL_VERSION)
        return -EPROTO;
    peer->pid = worker->pid = (int)hello->pid;
    r = show_workers(merging->result, (size_t)peer->index + 1);
    if (r == 0)
        r = name_worker(worker, text_of(hello->loop), text_of(hello->runtime));
    return r;
}

void rp_merge_bye(struct rp_merging *merging, struct rp_peer *peer, const struct rp_msg_bye *bye)
{
    struct rp_result_worker *worker = &merging->result->workers[peer->index];

    worker->cpu_user_s = bye->cpu_user;
    worker->cpu_system_s = bye->cpu_system;
    worker->max_rss_bytes = bye->max_rss;
    if (bye->error < 0)
        rp_result_fail(merging->result, RP_EXIT_INTERNAL,
                       "a worker could not report all that it measured: %s",
                       bye->error > INT_MIN ? strerror((int)-bye->error) : "no reason");
    peer->has_farewell = true;
}

/* ---- life ------------------------------------------------------------------------------------ */

void rp_merging_init(struct rp_merging *merging, struct rp_result *result,
                     const struct rp_peers *peers, struct rp_pauses *pauses)
{
    *merging = (struct rp_merging){
        .result = result, .peers = peers, .pauses = pauses, .point_min = RP_S / 2
    };
}

void rp_merging_deinit(struct rp_merging *merging)
{
    rp_progress_table_deinit(&merging->progress);
    rp_free(merging->health);
    rp_free(merging->error_counts);
    rp_unfinished_deinit(&merging->unfinished);
}

int rp_merging_add_worker(struct rp_merging *merging, uint32_t index)
{
    struct rp_worker_health *health = rp_realloc_array(merging->health, index + 1, sizeof(*health));
    struct rp_result_worker *workers = rp_realloc_array(merging->result->workers, index + 1,
                                                        sizeof(*workers));

    if (health)
        merging->health = health;
    if (workers)
        merging->result->workers = workers;
    if (!health || !workers)
        return -ENOMEM;
    health[index] = (struct rp_worker_health){ 0 };
    workers[index] = (struct rp_result_worker){ .id = index + 1 };
    return 0;
}
