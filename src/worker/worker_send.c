/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "wire/health.h"
#include "wire/progress.h"
#include "worker/worker_internal.h"

void rp_worker_end_message(struct rp_worker *worker)
{
    int r = rp_channel_end(&worker->channel);

    if (r < 0 && !worker->error)
        worker->error = r;
}

double rp_worker_cpu_seconds(const struct rusage *usage)
{
    return (double)usage->ru_utime.tv_sec + (double)usage->ru_utime.tv_usec / 1e6 +
           (double)usage->ru_stime.tv_sec + (double)usage->ru_stime.tv_usec / 1e6;
}

void rp_worker_send_failed(struct rp_worker *worker, const char *stage, const struct rp_error *err)
{
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, RP_MSG_FAILED, 1 + RP_ERROR_FIELDS);
    rp_write_key(out, "stage");
    rp_write_text(out, stage);
    rp_write_error(out, err);
    rp_worker_end_message(worker);
}

static void send_text(struct rp_worker *worker, enum rp_message_type type, const char *key,
                      const char *text)
{
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, type, 1);
    rp_write_key(out, key);
    rp_write_text(out, text);
    rp_worker_end_message(worker);
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
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, RP_MSG_WARNING, 3);
    rp_write_key(out, "about");
    rp_write_text(out, about);
    rp_write_key(out, "text");
    rp_write_text(out, text);
    rp_write_key(out, "count");
    rp_write_u64(out, times);
    rp_worker_end_message(worker);
}

void rp_worker_abort(struct rp_worker *worker, const char *reason)
{
    send_text(worker, RP_MSG_ABORT, "reason", reason);
}

void rp_worker_send_hello(struct rp_worker *worker)
{
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, RP_MSG_HELLO, 5);
    rp_write_key(out, "protocol");
    rp_write_i64(out, RP_PROTOCOL_VERSION);
    rp_write_key(out, "encodings");
    rp_write_list(out, RP_ENCODING_COUNT);
    for (int i = 0; i < RP_ENCODING_COUNT; i++)
        rp_write_text(out, rp_encoding_name((enum rp_encoding)i));
    rp_write_key(out, "pid");
    rp_write_i64(out, getpid());
    rp_write_key(out, "loop");
    rp_write_text(out, rp_loop_ops_name(rp_loop_ops_of(worker->loop)));
    rp_write_key(out, "runtime");
    rp_write_text(out, worker->config.script->ops->runtime(worker->config.script));
    rp_worker_end_message(worker);
}

static void send_definition(struct rp_worker *worker, const struct rp_series *series)
{
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, RP_MSG_DEFINE, 5);
    rp_write_key(out, "series");
    rp_write_u64(out, series->id);
    rp_write_key(out, "metric");
    rp_write_text(out, series->metric->name);
    rp_write_key(out, "kind");
    rp_write_text(out, rp_metric_type_name(series->metric->type));
    rp_write_key(out, "is_time");
    rp_write_bool(out, series->metric->is_time);
    rp_write_key(out, "tags");
    rp_write_list(out, series->tags->count * 2);
    for (uint32_t i = 0; i < series->tags->count; i++) {
        rp_write_text(out, series->tags->tag[i].key);
        rp_write_text(out, series->tags->tag[i].value);
    }
    rp_worker_end_message(worker);
}

static void define_new_series(struct rp_worker *worker)
{
    size_t count = rp_registry_series_count(worker->registry);

    while (worker->defined < count)
        send_definition(worker, rp_registry_series_at(worker->registry, worker->defined++));
}

struct delta {
    struct rp_buf items;
    uint32_t count;
};

static int collect_delta(void *user, const struct rp_series *series)
{
    struct delta *delta = user;
    size_t before = delta->items.len;

    rp_write_u64(&delta->items, series->id);
    rp_write_value(&delta->items, &series->delta);
    if (delta->items.error)
        delta->items.len = before; /* those that are whole go out */
    else
        delta->count++;
    return delta->items.error;
}

static void send_error_group(void *user, const struct rp_error_group *group)
{
    struct rp_worker *worker = user;
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, RP_MSG_ERROR, 7);
    rp_write_key(out, "scenario");
    rp_write_text(out, group->scenario);
    rp_write_key(out, "error_type");
    rp_write_text(out, group->type);
    rp_write_key(out, "message");
    rp_write_text(out, group->message);
    rp_write_key(out, "place");
    rp_write_text(out, group->place);
    rp_write_key(out, "traceback");
    rp_write_text(out, group->traceback);
    rp_write_key(out, "count");
    rp_write_u64(out, group->count);
    rp_write_key(out, "is_request");
    rp_write_bool(out, group->is_request);
    rp_worker_end_message(worker);
}

/* Everything that has changed since the last time. */
void rp_worker_send_changes(struct rp_worker *worker)
{
    struct rp_script_host *script = worker->config.script;
    struct delta delta = { 0 };
    struct rp_buf *out;
    int r;

    define_new_series(worker);
    rp_buf_init(&delta.items, RP_MESSAGE_MAX_BYTES);
    r = rp_registry_drain(worker->registry, collect_delta, &delta);
    if (r < 0 && !worker->error)
        worker->error = r;
    out = rp_channel_begin(&worker->channel);
    rp_write_message(out, RP_MSG_DELTA, 2);
    rp_write_key(out, "elapsed");
    rp_write_i64(out, worker->engine ? rp_engine_elapsed(worker->engine) : 0);
    rp_write_key(out, "items");
    rp_write_list(out, delta.count * 2);
    rp_buf_append_slice(out, rp_buf_slice(&delta.items));
    rp_worker_end_message(worker);
    rp_buf_deinit(&delta.items);
    if (script->ops->each_error)
        script->ops->each_error(script, send_error_group, worker);
}

void rp_worker_send_totals(struct rp_worker *worker)
{
    size_t count = rp_registry_series_count(worker->registry);

    for (size_t i = 0; i < count; i++) {
        struct rp_buf *out = rp_channel_begin(&worker->channel);

        rp_write_message(out, RP_MSG_TOTAL, 2);
        rp_write_key(out, "series");
        rp_write_u64(out, i);
        rp_write_key(out, "value");
        rp_write_value(out, &rp_registry_series_at(worker->registry, i)->total);
        rp_worker_end_message(worker);
    }
}

void rp_worker_send_simple(struct rp_worker *worker, enum rp_message_type type)
{
    rp_write_message(rp_channel_begin(&worker->channel), type, 0);
    rp_worker_end_message(worker);
}

static void write_counts(struct rp_buf *out, struct rp_engine_counts counts)
{
    rp_write_list(out, 6);
    rp_write_u64(out, counts.scheduled);
    rp_write_u64(out, counts.started);
    rp_write_u64(out, counts.dropped);
    rp_write_u64(out, counts.completed);
    rp_write_u64(out, counts.interrupted);
    rp_write_u64(out, counts.errors);
}

/* What others count of it. */
static void write_health(struct rp_buf *out, const struct rp_worker *worker)
{
    struct rp_client_counters clients = rp_clients_count(&worker->clients);
    struct rp_engine_arrivals arrivals = rp_engine_arrivals(worker->engine);
    struct rp_worker_health health = worker->watch.health;

    health.arrivals = arrivals.begun;
    health.late_arrivals = arrivals.late;
    health.late_drops = arrivals.late_drops;
    health.no_descriptors = clients.no_descriptors;
    health.no_ports = clients.no_ports;
    rp_write_key(out, "health");
    rp_write_health(out, &health);
}

void rp_worker_send_state(struct rp_worker *worker)
{
    const struct rp_engine *engine = worker->engine;
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, RP_MSG_STATE, 5);
    rp_write_key(out, "elapsed");
    rp_write_i64(out, rp_engine_elapsed(engine));
    rp_write_key(out, "paused");
    rp_write_i64(out, rp_engine_paused_time(engine));
    rp_write_key(out, "is_paused");
    rp_write_bool(out, rp_engine_is_paused(engine));
    write_health(out, worker);
    rp_write_key(out, "scenarios");
    rp_write_list(out, (uint32_t)worker->plan->scenario_count);
    for (size_t i = 0; i < worker->plan->scenario_count; i++) {
        struct rp_scenario_progress progress = rp_engine_progress(engine, i);

        rp_write_progress(out, &progress);
    }
    rp_worker_end_message(worker);
}

void rp_worker_send_finished(struct rp_worker *worker)
{
    struct rp_client_counters clients = rp_clients_count(&worker->clients);
    struct rp_buf *out = rp_channel_begin(&worker->channel);

    rp_write_message(out, RP_MSG_FINISHED, 7);
    rp_write_key(out, "started_late");
    rp_write_i64(out, worker->started_late);
    rp_write_key(out, "elapsed");
    rp_write_i64(out, rp_engine_elapsed(worker->engine));
    rp_write_key(out, "paused");
    rp_write_i64(out, rp_engine_paused_time(worker->engine));
    write_health(out, worker);
    rp_write_key(out, "stray_bytes");
    rp_write_u64(out, clients.stray_bytes);
    rp_write_key(out, "retried");
    rp_write_u64(out, clients.retried);
    rp_write_key(out, "accounting");
    rp_write_list(out, (uint32_t)worker->plan->scenario_count);
    for (size_t i = 0; i < worker->plan->scenario_count; i++)
        write_counts(out, rp_engine_counts(worker->engine, i));
    rp_worker_end_message(worker);
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

void rp_worker_send_bye(struct rp_worker *worker)
{
    struct rusage usage;
    struct rp_buf *out;

    getrusage(RUSAGE_SELF, &usage);
    out = rp_channel_begin(&worker->channel);
    rp_write_message(out, RP_MSG_BYE, 4);
    rp_write_key(out, "cpu_user");
    rp_write_double(out, (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6);
    rp_write_key(out, "cpu_system");
    rp_write_double(out, (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6);
    rp_write_key(out, "max_rss");
    rp_write_i64(out, (int64_t)usage.ru_maxrss * 1024);
    rp_write_key(out, "error");
    rp_write_i64(out, worker->error);
    rp_worker_end_message(worker);
}
