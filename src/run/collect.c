/* SPDX-License-Identifier: MIT */
#include "run/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/metrics.h"

/*
 * Both collectors take every series, sort, and sum neighbours: n log n in the number of series,
 * which the registry bounds, whatever other tags (scenario, the user's) split them by.
 */

static size_t builtin_rank(const char *name)
{
    const struct rp_builtin_metric *metric = rp_builtin_metric_find(name);

    return metric ? (size_t)(metric - rp_builtin_metrics) : RP_BUILTIN_COUNT;
}

static int compare_views(const void *a, const void *b)
{
    const struct rp_view *x = *(struct rp_view *const *)a, *y = *(struct rp_view *const *)b;
    size_t rank_x = builtin_rank(x->name), rank_y = builtin_rank(y->name);
    int order;

    if (rank_x != rank_y)
        return rank_x < rank_y ? -1 : 1;
    order = strcmp(x->name, y->name);
    if (order)
        return order;
    if (!x->filter != !y->filter)
        return x->filter ? 1 : -1;
    return strcmp(x->display, y->display);
}

int rp_views_sorted(struct rp_store *store, struct rp_view ***ret, size_t *ret_count)
{
    size_t count = store ? rp_store_view_count(store) : 0;
    struct rp_view **views = rp_calloc(count + 1, sizeof(struct rp_view *));

    if (!views)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        views[i] = rp_store_view_at(store, i);
    qsort(views, count, sizeof(struct rp_view *), compare_views);
    *ret = views;
    *ret_count = count;
    return 0;
}

static const char *tag_of(const struct rp_store_series *series, const char *key)
{
    for (size_t i = 0; i < series->tag_count; i++) {
        if (!strcmp(series->tags[i][0], key))
            return series->tags[i][1];
    }
    return "";
}

/* Room for one more item of @size bytes. */
static int grow(void **items, size_t count, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 16;
    void *bigger;

    if (count < *cap)
        return 0;
    bigger = rp_realloc_array(*items, more, size);
    if (!bigger)
        return -ENOMEM;
    *items = bigger;
    *cap = more;
    return 0;
}

/* Checks */

struct check_walk {
    struct rp_check_counts *checks;
    int error;
};

static void free_check(struct rp_check_count *check)
{
    rp_free(check->group);
    rp_free(check->name);
}

void rp_checks_deinit(struct rp_check_counts *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        free_check(&checks->items[i]);
    rp_free(checks->items);
    *checks = (struct rp_check_counts){ 0 };
}

static void take_check(void *user, const struct rp_store_series *series,
                       const struct rp_value *total)
{
    struct check_walk *walk = user;
    struct rp_check_counts *checks = walk->checks;
    struct rp_check_count check = { 0 };

    if (walk->error || total->type != RP_RATE || !total->samples)
        return;
    walk->error = grow((void **)&checks->items, checks->count, &checks->cap, sizeof(check));
    if (walk->error)
        return;
    check.group = rp_strdup(tag_of(series, "group"));
    check.name = rp_strdup(tag_of(series, "check"));
    if (!check.group || !check.name) {
        free_check(&check);
        walk->error = -ENOMEM;
        return;
    }
    check.passes = total->rate.hits;
    check.fails = total->rate.total - total->rate.hits;
    checks->items[checks->count++] = check;
}

static int compare_checks(const void *a, const void *b)
{
    const struct rp_check_count *x = a, *y = b;
    int order = strcmp(x->group, y->group);

    return order ? order : strcmp(x->name, y->name);
}

static void merge_checks(struct rp_check_counts *checks)
{
    size_t kept = 0;

    qsort(checks->items, checks->count, sizeof(*checks->items), compare_checks);
    for (size_t i = 1; i < checks->count; i++) {
        struct rp_check_count *last = &checks->items[kept], *next = &checks->items[i];

        if (compare_checks(last, next) == 0) {
            last->passes += next->passes;
            last->fails += next->fails;
            free_check(next);
        } else {
            checks->items[++kept] = *next;
        }
    }
    checks->count = kept + 1;
}

int rp_checks_collect(const struct rp_store *store, struct rp_check_counts *ret)
{
    struct check_walk walk = { .checks = ret };
    int r = 0;

    *ret = (struct rp_check_counts){ 0 };
    if (store)
        r = rp_store_each_series(store, rp_builtin_name(RP_M_CHECKS), take_check, &walk);
    if (r >= 0)
        r = walk.error;
    if (r < 0) {
        rp_checks_deinit(ret);
        return r;
    }
    if (ret->count)
        merge_checks(ret);
    return 0;
}

/* Failed requests */

struct request_walk {
    struct rp_failed_requests *failed;
    bool is_http; /* whose status stands by itself; of others the error says it */
    bool is_ws;
    int error;
};

static void free_request(struct rp_failed_request *request)
{
    rp_free(request->error_code);
    rp_free(request->error);
    rp_free(request->status);
    rp_free(request->method);
    rp_free(request->name);
}

void rp_failed_requests_deinit(struct rp_failed_requests *failed)
{
    for (size_t i = 0; i < failed->count; i++)
        free_request(&failed->items[i]);
    rp_free(failed->items);
    *failed = (struct rp_failed_requests){ 0 };
}

/* Of a WebSocket, the answer that was no agreement. */
static const char *status_of(const struct request_walk *walk, const struct rp_store_series *series)
{
    const char *status = tag_of(series, "status");
    bool is_agreement = strcmp(status, "101") == 0 || strcmp(status, "200") == 0;

    return walk->is_http || (walk->is_ws && !is_agreement) ? status : "";
}

static uint64_t failures_in(const struct request_walk *walk, const struct rp_value *total)
{
    if (walk->is_ws)
        return (uint64_t)rp_value_sum(total);
    return total->type == RP_RATE ? total->rate.hits : 0;
}

static void take_request(void *user, const struct rp_store_series *series,
                         const struct rp_value *total)
{
    struct request_walk *walk = user;
    struct rp_failed_requests *failed = walk->failed;
    const char *code = tag_of(series, "error_code");
    const char *error = tag_of(series, "error");
    uint64_t count = failures_in(walk, total);
    struct rp_failed_request request;

    if (walk->error || !count)
        return;
    if ((!*code && !*error) || !strcmp(tag_of(series, "expected_response"), "true"))
        return;
    walk->error = grow((void **)&failed->items, failed->count, &failed->cap, sizeof(request));
    if (walk->error)
        return;
    request = (struct rp_failed_request){
        .error_code = rp_strdup(code),
        .error = rp_strdup(error),
        .status = rp_strdup(status_of(walk, series)),
        .method = rp_strdup(walk->is_http ? tag_of(series, "method") : ""),
        .name = rp_strdup(tag_of(series, "name")),
        .count = count,
        .example_count = count,
    };
    if (!request.error_code || !request.error || !request.status || !request.method ||
        !request.name) {
        free_request(&request);
        walk->error = -ENOMEM;
        return;
    }
    failed->items[failed->count++] = request;
    failed->total += request.count;
}

static int compare_kinds(const struct rp_failed_request *x, const struct rp_failed_request *y)
{
    int order = strcmp(x->error_code, y->error_code);

    if (!order)
        order = strcmp(x->status, y->status);
    return order ? order : strcmp(x->error, y->error);
}

/* Of one kind the most frequent example first. */
static int compare_requests(const void *a, const void *b)
{
    const struct rp_failed_request *x = a, *y = b;
    int order = compare_kinds(x, y);

    if (order)
        return order;
    if (x->example_count != y->example_count)
        return x->example_count > y->example_count ? -1 : 1;
    order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->method, y->method);
}

static int compare_counts(const void *a, const void *b)
{
    const struct rp_failed_request *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return compare_kinds(x, y);
}

static void merge_requests(struct rp_failed_requests *failed)
{
    size_t kept = 0;

    qsort(failed->items, failed->count, sizeof(*failed->items), compare_requests);
    for (size_t i = 1; i < failed->count; i++) {
        struct rp_failed_request *last = &failed->items[kept], *next = &failed->items[i];

        if (compare_kinds(last, next) == 0) {
            last->count += next->count;
            free_request(next);
        } else {
            failed->items[++kept] = *next;
        }
    }
    failed->count = kept + 1;
    qsort(failed->items, failed->count, sizeof(*failed->items), compare_counts);
}

int rp_failed_requests_collect(const struct rp_store *store, struct rp_failed_requests *ret)
{
    struct request_walk walk = { .failed = ret, .is_http = true };
    int r = 0;

    *ret = (struct rp_failed_requests){ 0 };
    if (store)
        r = rp_store_each_series(store, rp_builtin_name(RP_M_HTTP_REQ_FAILED), take_request, &walk);
    walk.is_http = false;
    if (store && r >= 0)
        r = rp_store_each_series(store, rp_builtin_name(RP_M_GRPC_REQ_FAILED), take_request, &walk);
    walk.is_ws = true;
    if (store && r >= 0)
        r = rp_store_each_series(store, rp_builtin_name(RP_M_WS_ERRORS), take_request, &walk);
    if (r >= 0)
        r = walk.error;
    if (r < 0) {
        rp_failed_requests_deinit(ret);
        return r;
    }
    if (ret->count)
        merge_requests(ret);
    return 0;
}
