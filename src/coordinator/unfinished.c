/* SPDX-License-Identifier: MIT */
#include "coordinator/unfinished.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/units.h"
#include "coordinator/merge.h"
#include "plan/metrics.h"
#include "run/measured.h"

enum { LEAST_WAIT = RP_S, PERCENT_OF_ANSWERED = 99 };

static const struct kind {
    enum rp_builtin counter, failed, duration;
    bool has_phases; /* metrics of their times */
    const char *one, *several;
} kinds[] = {
    { RP_M_HTTP_REQS, RP_M_HTTP_REQ_FAILED, RP_M_HTTP_REQ_DURATION, true, "request", "requests" },
    { RP_M_GRPC_REQS, RP_M_GRPC_REQ_FAILED, RP_M_GRPC_REQ_DURATION, false, "call of gRPC",
      "calls of gRPC" },
};

struct rp_unfinished_request {
    const struct kind *kind;
    const struct rp_store_series *counter;
    uint32_t worker;
    struct rp_unfinished times;
};

void rp_unfinished_deinit(struct rp_unfinished_requests *requests)
{
    rp_free(requests->items);
    *requests = (struct rp_unfinished_requests){ 0 };
}

/* ---- what the workers tell ------------------------------------------------------------------- */

/* Of requests that @counter has counted. */
static const struct kind *kind_of(const struct rp_store_series *counter)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(kinds); i++)
        if (strcmp(counter->metric, rp_builtin_name(kinds[i].counter)) == 0)
            return &kinds[i];
    return &kinds[0];
}

static int reserve(struct rp_unfinished_requests *requests, size_t more)
{
    size_t cap = requests->cap ? requests->cap : 64;
    struct rp_unfinished_request *items;

    if (more > SIZE_MAX / 4 - requests->count)
        return -ENOMEM;
    while (cap < requests->count + more)
        cap *= 2;
    if (cap == requests->cap)
        return 0;
    items = rp_realloc_array(requests->items, cap, sizeof(*items));
    if (!items)
        return -ENOMEM;
    requests->items = items;
    requests->cap = cap;
    return 0;
}

int rp_merge_unfinished(struct rp_merging *merging, struct rp_peer *peer,
                        const struct rp_msg_unfinished *unfinished)
{
    struct rp_unfinished_requests *requests = &merging->unfinished;
    size_t count = requests->count;
    int r = reserve(requests, unfinished->requests.count);

    for (size_t i = 0; r == 0 && i < unfinished->requests.count; i++) {
        struct rp_unfinished_request *request = &requests->items[count++];

        r = rp_msg_list_get(&unfinished->requests, i, &request->times);
        if (r < 0)
            return r;
        request->worker = peer->index;
        request->counter = rp_store_series(merging->result->store, peer->index,
                                           request->times.series);
        if (!request->counter || request->counter->type != RP_COUNTER)
            r = -EBADMSG;
        else
            request->kind = kind_of(request->counter);
    }
    if (r == 0)
        requests->count = count;
    return r;
}

/* ---- how long is too long -------------------------------------------------------------------- */

struct answered {
    struct rp_value durations;
    int error;
};

/* The status of a request without an answer is 0. That of a call of gRPC would be OK; a call without an answer
 * has a code of what went wrong. */
static bool has_answer(const struct rp_store_series *series)
{
    bool is_of_grpc = strcmp(series->metric, rp_builtin_name(RP_M_GRPC_REQ_DURATION)) == 0;

    for (size_t i = 0; i < series->tag_count; i++) {
        const char *key = series->tags[i][0];

        if (is_of_grpc ? strcmp(key, "error_code") == 0
                       : strcmp(key, "status") == 0 && strcmp(series->tags[i][1], "0") == 0)
            return false;
    }
    return true;
}

static void take_answered(void *user, const struct rp_store_series *series,
                          const struct rp_value *total)
{
    struct answered *answered = user;

    if (answered->error == 0 && total->type == RP_TREND && total->samples && has_answer(series))
        answered->error = rp_value_add(&answered->durations, total);
}

/* What an unfinished request of @kind must have waited to have failed. */
static int find_limit(const struct rp_store *store, const struct kind *kind, rp_ns *ret)
{
    static const struct rp_stat p99 = { .kind = RP_STAT_P, .p = PERCENT_OF_ANSWERED };
    struct answered answered = { .error = 0 };
    double most;
    int r;

    rp_value_init(&answered.durations, RP_TREND);
    r = rp_store_each_series(store, rp_builtin_name(kind->duration), take_answered, &answered);
    if (r == 0)
        r = answered.error;
    most = answered.durations.samples ? rp_value_stat(&answered.durations, true, p99, 0) * 1e6 : 0;
    rp_value_deinit(&answered.durations);
    *ret = most > (double)LEAST_WAIT ? (rp_ns)most : LEAST_WAIT;
    return r;
}

/* ---- samples of those that failed ------------------------------------------------------------ */

/* The coordinator records them as one more worker would, so that the sums of the others stay as
 * they have told them. */
struct recorder {
    struct rp_store *store;
    struct rp_history *history;
    rp_ns end; /* of the run, to which the samples belong */
    struct rp_sinks *sinks;
    uint32_t worker, next_series;
    uint32_t teller; /* the worker that has told of the requests */
    int64_t wall_ns;
};

static const struct sample {
    enum rp_builtin metric;
    size_t time; /* the member of struct rp_unfinished */
    bool is_of_sent;
} samples[] = {
    { RP_M_HTTP_REQ_BLOCKED, offsetof(struct rp_unfinished, blocked), false },
    { RP_M_HTTP_REQ_LOOKING_UP, offsetof(struct rp_unfinished, looking_up), false },
    { RP_M_HTTP_REQ_CONNECTING, offsetof(struct rp_unfinished, connecting), false },
    { RP_M_HTTP_REQ_TLS_HANDSHAKING, offsetof(struct rp_unfinished, tls_handshaking), true },
    { RP_M_HTTP_REQ_SENDING, offsetof(struct rp_unfinished, sending), true },
    { RP_M_HTTP_REQ_WAITING, offsetof(struct rp_unfinished, waiting), true },
    { RP_M_HTTP_REQ_RECEIVING, offsetof(struct rp_unfinished, receiving), true },
};

/* Adds @value to the series of @metric that has the tags of @counter. */
static int record(struct recorder *recorder, const struct rp_store_series *counter,
                  enum rp_builtin metric, const struct rp_value *value)
{
    const struct rp_builtin_metric *builtin = &rp_builtin_metrics[metric];
    struct rp_slice(*tags)[2] = rp_calloc(counter->tag_count + 1, sizeof(*tags));
    uint32_t series = recorder->next_series++;
    int r;

    if (!tags)
        return -ENOMEM;
    for (size_t i = 0; i < counter->tag_count; i++)
        for (int half = 0; half < 2; half++)
            tags[i][half] = rp_slice_str(counter->tags[i][half]);
    r = rp_store_define(recorder->store, recorder->worker, series, builtin->name, builtin->type,
                        builtin->is_time, (const struct rp_slice(*)[2])tags, counter->tag_count,
                        NULL);
    if (r == 0)
        r = rp_store_apply(recorder->store, recorder->worker, series, value);
    if (r == 0)
        rp_history_add(recorder->history,
                       rp_store_series(recorder->store, recorder->worker, series), value,
                       (struct rp_history_time){ recorder->end - 1, recorder->end, false });
    rp_free(tags);
    return r;
}

/* To those who take samples one by one: samples of the series that was defined last. */
static int tell(struct recorder *recorder, const double *values, size_t count)
{
    struct rp_sample *told;

    if (!recorder->sinks)
        return 0;
    told = rp_calloc(count, sizeof(*told));
    if (!told)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        told[i] = (struct rp_sample){ .series = rp_store_series(recorder->store, recorder->worker,
                                                                recorder->next_series - 1),
                                      .value = values[i],
                                      .wall_ns = recorder->wall_ns };
    rp_sinks_samples(recorder->sinks, &(struct rp_sample_block){ .worker = recorder->teller + 1,
                                                                 .samples = told,
                                                                 .count = count });
    rp_free(told);
    return 0;
}

static int record_failures(struct recorder *recorder, const struct rp_unfinished_request *first,
                           double *values, size_t count)
{
    struct rp_value failed = { .type = RP_RATE,
                               .rate = { .hits = count, .total = count },
                               .samples = count };
    int r = record(recorder, first->counter, first->kind->failed, &failed);

    for (size_t i = 0; i < count; i++)
        values[i] = 1;
    return r == 0 ? tell(recorder, values, count) : r;
}

static int record_times(struct recorder *recorder, const struct rp_store_series *counter,
                        enum rp_builtin metric, const double *values, size_t count)
{
    struct rp_value times;
    int r = 0;

    if (!count)
        return 0;
    rp_value_init(&times, RP_TREND);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = rp_hist_record(&times.hist, values[i]);
    times.samples = count;
    if (r == 0)
        r = record(recorder, counter, metric, &times);
    rp_value_deinit(&times);
    return r == 0 ? tell(recorder, values, count) : r;
}

static rp_ns time_in(const struct rp_unfinished *times, const struct sample *sample)
{
    return *(const rp_ns *)((const char *)times + sample->time);
}

/* @count failed requests of one worker that have the tags of one counter, with room for as many
 * @values. */
static int record_group(struct recorder *recorder, const struct rp_unfinished_request *requests,
                        size_t count, double *values)
{
    const struct rp_store_series *counter = requests->counter;
    size_t n, phases = requests->kind->has_phases ? RP_ARRAY_LEN(samples) : 0;
    int r;

    recorder->teller = requests->worker;
    r = record_failures(recorder, requests, values, count);
    for (size_t s = 0; r == 0 && s < phases; s++) {
        n = 0;
        for (size_t i = 0; i < count; i++)
            if (requests[i].times.was_sent || !samples[s].is_of_sent)
                values[n++] = (double)time_in(&requests[i].times, &samples[s]);
        r = record_times(recorder, counter, samples[s].metric, values, n);
    }
    n = 0;
    for (size_t i = 0; i < count; i++)
        if (requests[i].times.was_sent)
            values[n++] = (double)rp_unfinished_age(&requests[i].times);
    return r == 0 ? record_times(recorder, counter, requests->kind->duration, values, n) : r;
}

static bool are_together(const struct rp_unfinished_request *a,
                         const struct rp_unfinished_request *b)
{
    return a->counter == b->counter && a->worker == b->worker;
}

static int record_all(struct recorder *recorder, const struct rp_unfinished_request *requests,
                      size_t count)
{
    double *values = rp_calloc(count + 1, sizeof(*values));
    size_t end;
    int r = values ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < count; i = end) {
        for (end = i + 1; end < count && are_together(&requests[end], &requests[i]);)
            end++;
        r = record_group(recorder, &requests[i], end - i, values);
    }
    rp_free(values);
    return r;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

/* Those of a kind stand together. */
static int compare_ages(const void *a, const void *b)
{
    const struct rp_unfinished_request *x = a, *y = b;
    rp_ns age_of_x = rp_unfinished_age(&x->times), age_of_y = rp_unfinished_age(&y->times);

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return age_of_x < age_of_y ? -1 : age_of_x > age_of_y;
}

/* Those that are together stand together. */
static int compare_groups(const void *a, const void *b)
{
    const struct rp_unfinished_request *x = a, *y = b;

    if (x->counter->id != y->counter->id)
        return x->counter->id < y->counter->id ? -1 : 1;
    if (x->worker != y->worker)
        return x->worker < y->worker ? -1 : 1;
    return compare_ages(a, b);
}

/* "after 2.31s", "after 40.1ms to 2.31s": of requests in the order of their ages. */
static const char *ages_text(const struct rp_unfinished_request *requests, size_t count, char *out,
                             size_t size)
{
    rp_ns youngest = rp_unfinished_age(&requests[0].times);
    rp_ns oldest = rp_unfinished_age(&requests[count - 1].times);
    char from[RP_UNIT_SIZE], to[RP_UNIT_SIZE];

    rp_unit_time((double)youngest / 1e6, 3, from);
    rp_unit_time((double)oldest / 1e6, 3, to);
    snprintf(out, size, strcmp(from, to) == 0 ? "after %s" : "after %s to %s", from, to);
    return out;
}

/* @requests: of a kind, in the order of their ages. */
static void warn(const struct rp_unfinished_request *requests, size_t count, size_t failed,
                 rp_ns limit, struct rp_result *result)
{
    const struct kind *kind = requests->kind;
    const char *measure = limit > LEAST_WAIT ? " (the p(99) of the answered ones)" : "";
    bool is_one = count == 1;
    char ages[2 * RP_UNIT_SIZE + 16], least[RP_UNIT_SIZE], verdict[160];

    rp_unit_time((double)limit / 1e6, 3, least);
    if (failed)
        snprintf(verdict, sizeof(verdict),
                 "%zu had waited longer than %s%s and count%s as failed with that time", failed,
                 least, measure, failed == 1 ? "s" : "");
    else
        snprintf(verdict, sizeof(verdict),
                 "none had waited longer than %s%s, so they count in %s only", least, measure,
                 rp_builtin_name(kind->counter));
    rp_result_warn(result, "%zu %s %s still under way when %s interrupted, %s; %s (error 1904)",
                   count, is_one ? kind->one : kind->several, is_one ? "was" : "were",
                   is_one ? "its iteration was" : "their iterations were",
                   ages_text(requests, count, ages, sizeof(ages)), verdict);
}

/* Whether an exchange that was kept has failed: what was interrupted is known only now. Of calls of gRPC only
 * failed ones are kept. */
static bool has_failed(const void *limit, const struct rp_exchange *exchange)
{
    rp_ns age = rp_ns_add(exchange->sending, rp_ns_add(exchange->waiting, exchange->receiving));

    if (exchange->is_failed)
        return true;
    if (!age) /* it was never sent */
        age = rp_ns_add(rp_ns_add(exchange->blocked, exchange->looking_up),
                        rp_ns_add(exchange->connecting, exchange->tls_handshaking));
    return age > *(const rp_ns *)limit;
}

/* @requests: all of a kind, in the order of their ages. */
static int judge_kind(struct rp_merging *merging, struct recorder *recorder,
                      struct rp_unfinished_request *requests, size_t count)
{
    size_t young = 0;
    rp_ns limit;
    int r = find_limit(recorder->store, requests->kind, &limit);

    if (r < 0)
        return r;
    while (young < count && rp_unfinished_age(&requests[young].times) <= limit)
        young++;
    warn(requests, count, count - young, limit, merging->result);
    if (requests->kind->counter == RP_M_HTTP_REQS)
        rp_exchanges_filter(&merging->result->exchanges, has_failed, &limit);
    qsort(requests + young, count - young, sizeof(*requests), compare_groups);
    return record_all(recorder, requests + young, count - young);
}

int rp_unfinished_judge(struct rp_merging *merging, struct rp_sinks *sinks)
{
    struct rp_unfinished_requests *requests = &merging->unfinished;
    struct rp_unfinished_request *items = requests->items;
    struct recorder recorder = { .store = merging->result->store,
                                 .history = &merging->result->history,
                                 .end = rp_peers_reported(merging->peers),
                                 .sinks = sinks,
                                 .worker = (uint32_t)merging->peers->count,
                                 .wall_ns = rp_wall_clock_ns() };
    int r = 0;

    if (!requests->count)
        return 0;
    qsort(items, requests->count, sizeof(*items), compare_ages);
    for (size_t i = 0, end; r == 0 && i < requests->count; i = end) {
        for (end = i + 1; end < requests->count && items[end].kind == items[i].kind;)
            end++;
        r = judge_kind(merging, &recorder, items + i, end - i);
    }
    return r;
}
