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

struct rp_unfinished_request {
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

static bool has_answer(const struct rp_store_series *series)
{
    for (size_t i = 0; i < series->tag_count; i++)
        if (strcmp(series->tags[i][0], "status") == 0)
            return strcmp(series->tags[i][1], "0") != 0;
    return true;
}

static void take_answered(void *user, const struct rp_store_series *series,
                          const struct rp_value *total)
{
    struct answered *answered = user;

    if (answered->error == 0 && total->type == RP_TREND && total->samples && has_answer(series))
        answered->error = rp_value_add(&answered->durations, total);
}

/* What an unfinished request must have waited to have failed. */
static int find_limit(const struct rp_store *store, rp_ns *ret)
{
    static const struct rp_stat p99 = { .kind = RP_STAT_P, .p = PERCENT_OF_ANSWERED };
    struct answered answered = { .error = 0 };
    double most;
    int r;

    rp_value_init(&answered.durations, RP_TREND);
    r = rp_store_each_series(store, rp_builtin_name(RP_M_HTTP_REQ_DURATION), take_answered,
                             &answered);
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

static int record_failures(struct recorder *recorder, const struct rp_store_series *counter,
                           double *values, size_t count)
{
    struct rp_value failed = { .type = RP_RATE,
                               .rate = { .hits = count, .total = count },
                               .samples = count };
    int r = record(recorder, counter, RP_M_HTTP_REQ_FAILED, &failed);

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
    size_t n;
    int r;

    recorder->teller = requests->worker;
    r = record_failures(recorder, counter, values, count);

    for (size_t s = 0; r == 0 && s < RP_ARRAY_LEN(samples); s++) {
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
    return r == 0 ? record_times(recorder, counter, RP_M_HTTP_REQ_DURATION, values, n) : r;
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

static int compare_ages(const void *a, const void *b)
{
    rp_ns x = rp_unfinished_age(&((const struct rp_unfinished_request *)a)->times);
    rp_ns y = rp_unfinished_age(&((const struct rp_unfinished_request *)b)->times);

    return x < y ? -1 : x > y;
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
static const char *ages_text(const struct rp_unfinished_requests *requests, char *out, size_t size)
{
    rp_ns youngest = rp_unfinished_age(&requests->items[0].times);
    rp_ns oldest = rp_unfinished_age(&requests->items[requests->count - 1].times);
    char from[RP_UNIT_SIZE], to[RP_UNIT_SIZE];

    rp_unit_time((double)youngest / 1e6, 3, from);
    rp_unit_time((double)oldest / 1e6, 3, to);
    snprintf(out, size, strcmp(from, to) == 0 ? "after %s" : "after %s to %s", from, to);
    return out;
}

static void warn(const struct rp_unfinished_requests *requests, size_t failed, rp_ns limit,
                 struct rp_result *result)
{
    const char *measure = limit > LEAST_WAIT ? " (the p(99) of the answered ones)" : "";
    bool is_one = requests->count == 1;
    char ages[2 * RP_UNIT_SIZE + 16], least[RP_UNIT_SIZE], verdict[160];

    rp_unit_time((double)limit / 1e6, 3, least);
    if (failed)
        snprintf(verdict, sizeof(verdict),
                 "%zu had waited longer than %s%s and count%s as failed with that time", failed,
                 least, measure, failed == 1 ? "s" : "");
    else
        snprintf(verdict, sizeof(verdict),
                 "none had waited longer than %s%s, so they count in http_reqs only", least,
                 measure);
    rp_result_warn(result, "%zu %s under way when %s interrupted, %s; %s (error 1904)",
                   requests->count, is_one ? "request was still" : "requests were still",
                   is_one ? "its iteration was" : "their iterations were",
                   ages_text(requests, ages, sizeof(ages)), verdict);
}

/* Whether an exchange that was kept has failed: what was interrupted is known only now. */
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

int rp_unfinished_judge(struct rp_merging *merging, struct rp_sinks *sinks)
{
    struct rp_unfinished_requests *requests = &merging->unfinished;
    struct recorder recorder = { .store = merging->result->store,
                                 .history = &merging->result->history,
                                 .end = rp_peers_reported(merging->peers),
                                 .sinks = sinks,
                                 .worker = (uint32_t)merging->peers->count,
                                 .wall_ns = rp_wall_clock_ns() };
    size_t young = 0;
    rp_ns limit;
    int r;

    if (!requests->count)
        return 0;
    r = find_limit(recorder.store, &limit);
    if (r < 0)
        return r;
    qsort(requests->items, requests->count, sizeof(*requests->items), compare_ages);
    while (young < requests->count && rp_unfinished_age(&requests->items[young].times) <= limit)
        young++;
    warn(requests, requests->count - young, limit, merging->result);
    rp_exchanges_filter(&merging->result->exchanges, has_failed, &limit);
    qsort(requests->items + young, requests->count - young, sizeof(*requests->items),
          compare_groups);
    return record_all(&recorder, requests->items + young, requests->count - young);
}
