/* SPDX-License-Identifier: MIT */
#include "coordinator/judge_success.h"

#include <stdio.h>
#include <string.h>

bool rp_judge_has_threshold(const struct rp_plan *plan, enum rp_builtin metric)
{
    for (size_t i = 0; i < plan->threshold_count; i++)
        if (strcmp(plan->thresholds[i].metric, rp_builtin_name(metric)) == 0)
            return true;
    return false;
}

/* What there was of something, and how much of it went well. */
struct tally {
    uint64_t all, good;
};

static uint64_t count_of(const struct rp_result *result, enum rp_builtin metric)
{
    struct rp_view *view = rp_store_view(result->store, rp_builtin_name(metric));

    return view && rp_value_sum(&view->total) > 0 ? (uint64_t)rp_value_sum(&view->total) : 0;
}

/* The requests of all clients: how many there were, and which of them have failed. */
static const struct {
    enum rp_builtin made, failed;
} requests_of[] = { { RP_M_HTTP_REQS, RP_M_HTTP_REQ_FAILED },
                    { RP_M_GRPC_REQS, RP_M_GRPC_REQ_FAILED } };

static struct tally tally_requests(const struct rp_result *result)
{
    struct tally tally = { 0 };

    for (size_t i = 0; i < RP_ARRAY_LEN(requests_of); i++) {
        struct rp_view *failed = rp_store_view(result->store,
                                               rp_builtin_name(requests_of[i].failed));

        tally.all += count_of(result, requests_of[i].made);
        if (failed && failed->total.samples)
            tally.good += failed->total.rate.total - failed->total.rate.hits;
    }
    return tally;
}

/* Whether a threshold judges how many requests have failed. */
static bool has_request_threshold(const struct rp_plan *plan)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(requests_of); i++)
        if (rp_judge_has_threshold(plan, requests_of[i].failed))
            return true;
    return false;
}

/* Of the iterations that came to their end. Those that the end of the run has interrupted say
 * nothing about the server: a scenario may be one endless iteration. */
static struct tally tally_iterations(const struct rp_result *result)
{
    struct tally tally = { 0 };

    for (size_t i = 0; i < result->accounting_count; i++) {
        const struct rp_accounting *accounting = &result->accounting[i];

        tally.all += accounting->completed;
        if (accounting->completed > accounting->errors)
            tally.good += accounting->completed - accounting->errors;
    }
    return tally;
}

/* Whether the script has measured something that is not a request: checks, or metrics of its
 * own. */
static bool has_own_samples(const struct rp_result *result)
{
    for (size_t i = 0; i < rp_store_view_count(result->store); i++) {
        const struct rp_view *view = rp_store_view_at(result->store, i);
        const struct rp_builtin_metric *builtin = rp_builtin_metric_find(view->name);

        if (view->total.samples && (!builtin || builtin == &rp_builtin_metrics[RP_M_CHECKS]))
            return true;
    }
    return false;
}

/* @what of the @count @things is missing: "succeeded". */
static void fail(struct rp_result *result, uint64_t count, const char *thing, const char *what)
{
    char text[120];

    if (count == 1)
        snprintf(text, sizeof(text), "the only %s has not %s", thing, what);
    else
        snprintf(text, sizeof(text), "none of the %llu %ss has %s", (unsigned long long)count,
                 thing, what);
    if (result->exit_code == RP_EXIT_PASSED) {
        result->nothing_succeeded = true;
        rp_result_fail(result, RP_EXIT_THRESHOLDS, "%s", text);
    } else {
        rp_result_warn(result, "nothing succeeded: %s", text);
    }
}

/* ---- WebSockets ------------------------------------------------------------------------------ */

struct sockets {
    uint64_t opened, broken; /* of those that were opened: how many have failed then */
    uint64_t not_opened, sent, received, answered;
};

static const char *tag_of(const struct rp_store_series *series, const char *key)
{
    for (size_t i = 0; i < series->tag_count; i++)
        if (strcmp(series->tags[i][0], key) == 0)
            return series->tags[i][1];
    return "";
}

static void count_error(void *user, const struct rp_store_series *series,
                        const struct rp_value *total)
{
    struct sockets *sockets = user;
    const char *status = tag_of(series, "status"), *kind = tag_of(series, "error");
    bool is_agreed = strcmp(status, "101") == 0 || strcmp(status, "200") == 0;
    bool is_refused = strcmp(kind, RP_WS_KIND_NO_SOCKET) == 0 ||
                      strcmp(kind, RP_WS_KIND_NO_SUBPROTOCOL) == 0;

    if (is_agreed && !is_refused)
        sockets->broken += (uint64_t)rp_value_sum(total);
    else
        sockets->not_opened += (uint64_t)rp_value_sum(total);
}

static struct sockets count_sockets(const struct rp_result *result)
{
    struct rp_view *answered = rp_store_view(result->store, rp_builtin_name(RP_M_WS_ROUNDTRIP));
    struct sockets sockets = { .opened = count_of(result, RP_M_WS_SESSIONS),
                               .sent = count_of(result, RP_M_WS_MESSAGES_SENT),
                               .received = count_of(result, RP_M_WS_MESSAGES_RECEIVED),
                               .answered = answered ? answered->total.samples : 0 };

    if (rp_store_each_series(result->store, rp_builtin_name(RP_M_WS_ERRORS), count_error,
                             &sockets) < 0) {
        /* without memory none has failed */
    }
    return sockets;
}

/* Without a script an answer is what each message is sent for. A script may have other purposes: it has got
 * what it wanted when anything has come, or one of its sessions has not failed. */
static uint64_t good_sockets(const struct sockets *sockets, bool has_script)
{
    uint64_t bad = sockets->broken;

    if (has_script && sockets->received)
        return sockets->opened;
    if (!has_script &&
        sockets->sent > bad) /* each one that was opened for a message has sent one */
        bad = sockets->sent;
    return (has_script ? 0 : sockets->answered) +
           (sockets->opened > bad ? sockets->opened - bad : 0);
}

/* None of the WebSockets was of use. */
static void fail_sockets(struct rp_result *result, const struct sockets *sockets, bool has_script)
{
    uint64_t all = sockets->opened + sockets->not_opened;

    if (rp_judge_has_threshold(result->plan, RP_M_WS_ERRORS))
        return;
    if (!sockets->opened)
        fail(result, all, "WebSocket", "been opened");
    else if (!has_script && sockets->sent >= sockets->opened)
        fail(result, sockets->sent, "message", "been answered");
    else
        fail(result, all, "WebSocket", "gone without an error");
}

/* ---- the verdict ----------------------------------------------------------------------------- */

void rp_judge_success(struct rp_result *result, bool has_script)
{
    struct tally requests = tally_requests(result), iterations = tally_iterations(result);
    struct sockets counted = count_sockets(result);
    struct tally sessions = { counted.opened + counted.not_opened,
                              good_sockets(&counted, has_script) };

    if (!requests.all && sessions.all && !sessions.good) {
        fail_sockets(result, &counted, has_script);
    } else if (requests.all && !requests.good && !sessions.good) {
        if (!has_request_threshold(result->plan))
            fail(result, requests.all, "request", "succeeded");
    } else if (iterations.all && !iterations.good) {
        if (result->exit_code != RP_EXIT_ITERATION_ERRORS && /* which says the same */
            !rp_judge_has_threshold(result->plan, RP_M_ITERATION_ERRORS))
            fail(result, iterations.all, "iteration", "ended without an error");
    } else if (!requests.all && !sessions.all && iterations.all && !has_own_samples(result)) {
        rp_result_warn(result, "no request was made: rampa measures what its own clients "
                               "send, such as worker.http, not what other libraries send");
    }
}
