/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "run/result.h"
#include "worker/worker_internal.h"

/* ---- the end, and what is read ------------------------------------------------------------- */

void rp_worker_over(struct rp_worker *worker, int status)
{
    if (worker->is_over)
        return;
    worker->is_over = true;
    if (status < 0) /* a coordinator on this loop sees no process end */
        rp_channel_close(&worker->channel);
    worker->config.ended(worker, worker->config.user, status);
}

bool rp_worker_read(struct rp_worker *worker, const struct rp_message *message, void *ret)
{
    int r = rp_message_read(message, ret);

    if (r < 0)
        rp_worker_over(worker, r);
    return r == 0;
}

/* Whether the coordinator does nothing more with this worker until it comes. */
static bool is_awaited(enum rp_message_type type)
{
    switch (type) {
    case RP_MSG_HELLO:
    case RP_MSG_DECLARED:
    case RP_MSG_FAILED:
    case RP_MSG_READY:
    case RP_MSG_HOOK_ENDED:
    case RP_MSG_FINISHED:
    case RP_MSG_BYE:
        return true;
    default:
        return false;
    }
}

static void could_not_send(struct rp_worker *worker, enum rp_message_type type, int r)
{
    if (!worker->error)
        worker->error = r;
    /* That the coordinator is gone is noticed by the channel's end, once what it has said is
     * read. */
    if (is_awaited(type) && (r == -ENOMEM || r == -EMSGSIZE))
        rp_worker_over(worker, r);
}

void rp_worker_send(struct rp_worker *worker, enum rp_message_type type, const void *from)
{
    int r = rp_channel_send(&worker->channel, type, from);

    if (r < 0)
        could_not_send(worker, type, r);
}

double rp_worker_cpu_seconds(const struct rusage *usage)
{
    return (double)usage->ru_utime.tv_sec + (double)usage->ru_utime.tv_usec / 1e6 +
           (double)usage->ru_stime.tv_sec + (double)usage->ru_stime.tv_usec / 1e6;
}

void rp_worker_send_failed(struct rp_worker *worker, enum rp_message_type stage,
                           const struct rp_error *err)
{
    struct rp_msg_failed failed = { .stage = stage, .error = rp_msg_fault_of(err) };

    rp_worker_send(worker, RP_MSG_FAILED, &failed);
}

void rp_worker_warn(struct rp_worker *worker, const char *text)
{
    rp_worker_warn_times(worker, text, 1);
}

void rp_worker_warn_times(struct rp_worker *worker, const char *text, uint64_t times)
{
    rp_worker_warn_about(worker, NULL, text, times);
}

void rp_worker_warn_about(struct rp_worker *worker, const char *about, const char *text,
                          uint64_t times)
{
    struct rp_msg_warning warning = { .about = rp_slice_str(about),
                                      .text = rp_utf8_cut(rp_slice_str(text), RP_REASON_MAX),
                                      .count = times };

    rp_worker_send(worker, RP_MSG_WARNING, &warning);
}

void rp_worker_warn_of_order(struct rp_worker *worker, enum rp_message_type type)
{
    char text[80];

    snprintf(text, sizeof(text), "the coordinator's message '%s' came out of order",
             rp_message_type_name(type));
    rp_worker_warn(worker, text);
}

void rp_worker_abort(struct rp_worker *worker, const char *reason)
{
    struct rp_msg_abort message = { .reason = rp_utf8_cut(rp_slice_str(reason), RP_REASON_MAX) };

    rp_worker_send(worker, RP_MSG_ABORT, &message);
}

void rp_worker_send_hello(struct rp_worker *worker)
{
    struct rp_slice encodings[RP_ENCODING_COUNT];
    struct rp_msg_hello hello = {
        .protocol = RP_PROTOCOL_VERSION,
        .encodings = { .items = encodings, .count = RP_ENCODING_COUNT },
        .clock = rp_loop_now(worker->loop),
        .pid = getpid(),
        .loop = rp_slice_str(rp_loop_ops_name(rp_loop_ops_of(worker->loop))),
        .runtime = rp_slice_str(worker->config.script->ops->runtime(worker->config.script)),
    };

    for (int i = 0; i < RP_ENCODING_COUNT; i++)
        encodings[i] = rp_slice_str(rp_encoding_name((enum rp_encoding)i));
    rp_worker_send(worker, RP_MSG_HELLO, &hello);
}

/* Whether it was sent. */
static bool send_definition(struct rp_worker *worker, const struct rp_series *series)
{
    struct rp_msg_tag *tags = rp_calloc(series->tags->count, sizeof(*tags));
    struct rp_msg_define define = { .series = series->id,
                                    .metric = rp_slice_str(series->metric->name),
                                    .kind = series->metric->type,
                                    .is_time = series->metric->is_time,
                                    .tags = { .items = tags, .count = series->tags->count } };
    int r;

    if (!tags) {
        could_not_send(worker, RP_MSG_DEFINE, -ENOMEM);
        return false;
    }
    for (uint32_t i = 0; i < series->tags->count; i++)
        tags[i] = (struct rp_msg_tag){ rp_slice_str(series->tags->tag[i].key),
                                       rp_slice_str(series->tags->tag[i].value) };
    r = rp_channel_send(&worker->channel, RP_MSG_DEFINE, &define);
    if (r < 0 && !worker->error)
        worker->error = r;
    rp_free(tags);
    return r == 0;
}

void rp_worker_define_new_series(struct rp_worker *worker)
{
    size_t count = rp_registry_series_count(worker->registry);

    while (worker->defined < count &&
           send_definition(worker, rp_registry_series_at(worker->registry, worker->defined)))
        worker->defined++;
}

struct delta {
    struct rp_buf items;
    uint32_t count;
    size_t defined; /* the coordinator knows so many series */
};

static int collect_delta(void *user, const struct rp_series *series)
{
    struct delta *delta = user;
    size_t before = delta->items.len;

    if (series->id >= delta->defined) /* there was no memory for telling of it */
        return -ENOMEM;
    rp_msg_write_item(&delta->items,
                      &(struct rp_msg_series){ .series = series->id, .value = { &series->delta } });
    if (delta->items.error)
        delta->items.len = before; /* those that are whole go out */
    else
        delta->count++;
    return delta->items.error;
}

/* Of so many at once a message is far below its largest size. */
enum { UNFINISHED_MAX = 4096 };

static void send_unfinished(void *user, const struct rp_unfinished *requests, size_t count)
{
    struct rp_worker *worker = user;

    if (worker->defined < rp_registry_series_count(worker->registry)) {
        could_not_send(worker, RP_MSG_UNFINISHED, -ENOMEM); /* the coordinator knows no series */
        return;
    }
    while (count) {
        size_t some = count < UNFINISHED_MAX ? count : UNFINISHED_MAX;
        struct rp_msg_unfinished message = { .requests = { .items = requests, .count = some } };

        rp_worker_send(worker, RP_MSG_UNFINISHED, &message);
        requests += some;
        count -= some;
    }
}

static void send_exchange(void *user, const struct rp_exchange *exchange)
{
    rp_worker_send(user, RP_MSG_EXCHANGE, exchange);
}

static void send_shown(void *user, struct rp_slice text)
{
    rp_worker_send(user, RP_MSG_SHOWN, &(struct rp_msg_shown){ .text = text });
}

static void send_error_group(void *user, const struct rp_error_group *group)
{
    struct rp_msg_error error = { .scenario = rp_slice_str(group->scenario),
                                  .error_type = rp_slice_str(group->type),
                                  .message = rp_slice_str(group->message),
                                  .place = rp_slice_str(group->place),
                                  .traceback = rp_slice_str(group->traceback),
                                  .count = group->count,
                                  .is_request = group->is_request };

    rp_worker_send(user, RP_MSG_ERROR, &error);
}

/* Everything that has changed since the last time. */
void rp_worker_send_changes(struct rp_worker *worker)
{
    struct rp_script_host *script = worker->config.script;
    struct delta delta = { 0 };
    struct rp_msg_delta message = { 0 };
    int r;

    rp_worker_send_samples(worker); /* before what adds them up */
    rp_worker_define_new_series(worker);
    rp_buf_init(&delta.items, RP_MESSAGE_MAX_BYTES);
    delta.defined = worker->defined;
    r = rp_registry_drain(worker->registry, collect_delta, &delta);
    if (r < 0 && !worker->error)
        worker->error = r;
    message.elapsed = worker->engine ? rp_engine_elapsed(worker->engine) : 0;
    message.items.written = rp_buf_slice(&delta.items);
    message.items.count = delta.count;
    rp_worker_send(worker, RP_MSG_DELTA, &message);
    rp_buf_deinit(&delta.items);
    rp_clients_take_unfinished(&worker->clients, send_unfinished, worker);
    rp_clients_take_exchanges(&worker->clients, send_exchange, worker);
    rp_clients_take_shown(&worker->clients, send_shown, worker);
    if (script->ops->each_error)
        script->ops->each_error(script, send_error_group, worker);
}

void rp_worker_send_totals(struct rp_worker *worker)
{
    for (size_t i = 0; i < worker->defined; i++) {
        struct rp_msg_series total = {
            .series = (uint32_t)i, .value = { &rp_registry_series_at(worker->registry, i)->total }
        };

        rp_worker_send(worker, RP_MSG_TOTAL, &total);
    }
}

/* With what others count of it. */
static struct rp_worker_health health_of(const struct rp_worker *worker)
{
    struct rp_client_counters clients = rp_clients_count(&worker->clients);
    struct rp_engine_arrivals arrivals = rp_engine_arrivals(worker->engine);
    struct rp_worker_health health = worker->watch.health;

    health.arrivals = arrivals.begun;
    health.late_arrivals = arrivals.late;
    health.late_drops = arrivals.late_drops;
    health.no_descriptors = clients.no_descriptors;
    health.no_ports = clients.no_ports;
    return health;
}

void rp_worker_send_state(struct rp_worker *worker)
{
    const struct rp_engine *engine = worker->engine;
    size_t count = worker->plan->scenario_count;
    struct rp_scenario_progress *scenarios = rp_calloc(count, sizeof(*scenarios));
    struct rp_msg_state state = { .elapsed = rp_engine_elapsed(engine),
                                  .paused = rp_engine_paused_time(engine),
                                  .is_paused = rp_engine_is_paused(engine),
                                  .health = health_of(worker),
                                  .scenarios = { .items = scenarios, .count = count } };

    if (!scenarios) {
        could_not_send(worker, RP_MSG_STATE, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < count; i++)
        scenarios[i] = rp_engine_progress(engine, i);
    rp_worker_send(worker, RP_MSG_STATE, &state);
    rp_free(scenarios);
}

void rp_worker_send_finished(struct rp_worker *worker)
{
    struct rp_client_counters clients = rp_clients_count(&worker->clients);
    struct rp_engine_load load = rp_engine_load(worker->engine);
    size_t count = worker->plan->scenario_count;
    struct rp_msg_counts *accounting = rp_calloc(count, sizeof(*accounting));
    struct rp_msg_finished finished = { .elapsed = rp_engine_elapsed(worker->engine),
                                        .paused = rp_engine_paused_time(worker->engine),
                                        .started_late = worker->started_late,
                                        .under_way = load.under_way,
                                        .cut_short = load.cut_short,
                                        .health = health_of(worker),
                                        .stray_bytes = clients.stray_bytes,
                                        .retried = clients.retried,
                                        .accounting = { .items = accounting, .count = count } };

    if (!accounting) {
        could_not_send(worker, RP_MSG_FINISHED, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct rp_engine_counts counts = rp_engine_counts(worker->engine, i);

        accounting[i] = (struct rp_msg_counts){ .scheduled = counts.scheduled,
                                                .started = counts.started,
                                                .dropped = counts.dropped,
                                                .completed = counts.completed,
                                                .interrupted = counts.interrupted,
                                                .errors = counts.errors };
    }
    rp_worker_send(worker, RP_MSG_FINISHED, &finished);
    rp_free(accounting);
}

void rp_worker_report_overflow(struct rp_worker *worker)
{
    uint64_t times;
    const char *key;

    for (size_t i = 0; (key = rp_registry_overflow(worker->registry, i, &times)); i++) {
        struct rp_buf text;

        rp_buf_init(&text, 1024);
        rp_buf_appendf(
            &text,
            "tag '%s' has too many distinct values; further ones are counted as '%s': give the "
            "requests a name (name=\"/users/:id\") so that they share a series",
            key, RP_TAG_OVERFLOW);
        rp_worker_warn(worker, rp_buf_str(&text));
        rp_buf_deinit(&text);
    }
}

void rp_worker_report_folded(struct rp_worker *worker)
{
    const char *key;
    size_t folded = rp_registry_folded(worker->registry, &key);
    struct rp_buf text;

    if (!folded)
        return;
    rp_buf_init(&text, 1024);
    rp_buf_appendf(
        &text,
        "the histograms of series have filled their memory (%lld MiB): %zu series have no "
        "percentiles of their own; count, sum, min and max are complete, and so is every "
        "percentile of a whole metric, and by a tag of a threshold",
        (long long)worker->plan->series_memory, folded);
    if (key)
        rp_buf_appendf(&text, "; leave the tag '%.*s' away, which has the most values, or use",
                       RP_SLICE_FMT(rp_utf8_cut(rp_slice_str(key), 100)));
    rp_buf_appendf(&text, "%s --series-memory %lld", key ? "" : "; use",
                   (long long)worker->plan->series_memory * 4);
    rp_worker_warn_about(worker, "memory of series", rp_buf_str(&text), 1);
    rp_buf_deinit(&text);
}

void rp_worker_send_bye(struct rp_worker *worker)
{
    struct rusage usage;
    struct rp_msg_bye bye;

    getrusage(RUSAGE_SELF, &usage);
    bye = (struct rp_msg_bye){
        .cpu_user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
        .cpu_system = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
        .max_rss = (int64_t)usage.ru_maxrss * 1024,
        .error = worker->error,
    };
    rp_worker_send(worker, RP_MSG_BYE, &bye);
}
