/* SPDX-License-Identifier: MIT */

/*
 * A worker is driven by messages: load, plan, setup, start, stop, teardown, exit. While iterations
 * run it sends once a second what has changed. At the end it sends everything once more, as totals,
 * so that the coordinator can check its sums.
 */

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "worker/worker_internal.h"
#include "plan/execution_segment.h"
#include "plan/metrics.h"

/* The share of a core says something about an interval only when that is long enough to wait in. */
enum { LAG_INTERVAL_MS = 100, CPU_INTERVAL_MS = 100 };
/* How long the last messages wait for a coordinator that reads nothing. One that reads, and one that
 * has lost its patience, end this earlier. */
enum { DRAIN_MS = 30 * 1000 };
enum { START_LEAD_MAX_S = 60 };

/* ---- once a second --------------------------------------------------------------------------- */

static void sample_cpu(struct rp_worker *worker, rp_ns now)
{
    struct rusage usage;
    double cpu_s;

    getrusage(RUSAGE_SELF, &usage);
    /* Time spent on spinning before an arrival is time to spare: the loop serves whatever comes
     * meanwhile. */
    cpu_s = rp_worker_cpu_seconds(&usage) - (double)rp_loop_spun(worker->loop) / 1e9;
    if (worker->cpu_at && now >= worker->cpu_at + CPU_INTERVAL_MS * RP_MS)
        rp_series_gauge(worker->s_cpu,
                        (cpu_s - worker->cpu_s) / ((double)(now - worker->cpu_at) / 1e9));
    worker->cpu_at = now;
    worker->cpu_s = cpu_s;
    rp_health_sample(&worker->watch, now, rp_loop_spun(worker->loop),
                     !rp_engine_is_paused(worker->engine));
}

static rp_ns report_interval(const struct rp_worker *worker)
{
    return worker->config.report_interval ? worker->config.report_interval : RP_S;
}

static void tick(struct rp_timer *timer, rp_ns now)
{
    struct rp_worker *worker = rp_container_of(timer, struct rp_worker, tick);
    rp_ns interval = report_interval(worker);

    /* Once a second, however often it reports: a share of a shorter time is mostly chance. */
    if (now - worker->cpu_at > RP_S - interval)
        sample_cpu(worker, now);
    rp_engine_sample(worker->engine);
    rp_worker_send_changes(worker);
    rp_worker_send_state(worker);
    rp_timer_arm(worker->loop, timer,
                 timer->deadline + interval > now ? timer->deadline + interval : now + interval,
                 tick);
}

static void record_lag(struct rp_worker *worker)
{
    rp_ns late = rp_loop_now(worker->loop) - worker->lag.deadline;

    if (late < 0)
        return;
    rp_series_trend(worker->s_lag, (double)late);
    rp_health_probe(&worker->watch, late, LAG_INTERVAL_MS * RP_MS);
}

/* A timer that fires late shows how long everything else on this loop may have to wait. */
static void measure_lag(struct rp_timer *timer, rp_ns now)
{
    struct rp_worker *worker = rp_container_of(timer, struct rp_worker, lag);

    record_lag(worker);
    rp_timer_arm(worker->loop, timer, rp_loop_now(worker->loop) + LAG_INTERVAL_MS * RP_MS,
                 measure_lag);
}

static void record_delay(struct rp_stamp_user *user, rp_ns delay, unsigned weight)
{
    struct rp_worker *worker = rp_container_of(user, struct rp_worker, stamps);

    if (!rp_timer_is_armed(&worker->tick)) /* the load has not begun, or is over */
        return;
    rp_series_trend(worker->s_delay, (double)delay);
    rp_health_receive(&worker->watch, delay, weight);
}

/* ---- phases ---------------------------------------------------------------------------------- */

static int take_requests(struct rp_script_host *script, struct rp_slice bytes, struct rp_error *err)
{
    if (!bytes.len)
        return 0;
    if (!script->ops->requests)
        return rp_error_set(err, -RP_EUSER, "a script says itself what it requests");
    return script->ops->requests(script, bytes, err);
}

static void on_load(struct rp_worker *worker, const struct rp_message *message)
{
    struct rp_msg_load load;
    struct rp_error err = { 0 };
    struct rp_script_host *script = worker->config.script;
    char *path, *json = NULL;
    int r;

    if (!rp_worker_read(worker, message, &load))
        return;
    path = rp_msg_strdup(load.script);
    r = path ? take_requests(script, load.requests, &err) : -ENOMEM;
    if (r == 0)
        json = script->ops->load(script, path, &err);
    if (json)
        rp_worker_send(worker, RP_MSG_DECLARED,
                       &(struct rp_msg_declared){ .json = rp_slice_str(json) });
    else
        rp_worker_send_failed(worker, RP_MSG_LOAD, &err);
    rp_free(json);
    rp_free(path);
    rp_error_deinit(&err);
}

static void run_finished(struct rp_engine *engine, void *user);

static struct rp_series *builtin_series(struct rp_worker *worker, enum rp_builtin id)
{
    const struct rp_builtin_metric *builtin = &rp_builtin_metrics[id];
    const struct rp_metric *metric;

    if (rp_registry_metric(worker->registry, builtin->name, builtin->type, builtin->is_time,
                           &metric, NULL) < 0)
        return NULL;
    return rp_registry_series(worker->registry, metric, rp_tags_empty(worker->registry));
}

static void run_warning(void *user, const char *about, const char *text)
{
    rp_worker_warn_about(user, about, text, 1);
}

/* Which part of the work is this one's. */
static int take_share(struct rp_worker *worker, const struct rp_msg_plan *plan,
                      struct rp_error *err)
{
    if (plan->worker >= plan->workers)
        return rp_error_set(err, -EBADMSG, "worker %llu of %llu cannot be",
                            (unsigned long long)plan->worker + 1,
                            (unsigned long long)plan->workers);
    worker->index = (uint32_t)plan->worker;
    rp_segment_sequence_deinit(&worker->segments); /* of a plan that was none */
    return plan->workers == 1 ? 0 : rp_segment_equal(plan->workers, &worker->segments);
}

static int prepare_script(struct rp_worker *worker, struct rp_error *err)
{
    struct rp_script_host *script = worker->config.script;
    const struct rp_script_run run = { .plan = worker->plan,
                                       .loop = worker->loop,
                                       .registry = worker->registry,
                                       .clients = &worker->clients };

    worker->was_prepared = true;
    return script->ops->prepare(script, &run, err);
}

/* The registry, which keeps percentiles by the tags that thresholds ask for. */
static int make_registry(struct rp_worker *worker)
{
    const struct rp_plan *plan = worker->plan;
    struct rp_registry_limits limits = { .histogram_bytes = (size_t)plan->series_memory << 20 };
    int r = rp_registry_new(limits, &worker->registry);

    for (size_t i = 0; r == 0 && i < plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &plan->thresholds[i];

        for (size_t j = 0; r == 0 && j < threshold->filter.count; j++)
            r = rp_registry_keep(worker->registry, threshold->metric,
                                 threshold->filter.pairs[j].key);
    }
    return r;
}

static int prepare(struct rp_worker *worker, const char *json, bool with_samples,
                   struct rp_error *err)
{
    struct rp_engine_config config = { .loop = worker->loop,
                                       .host = worker->config.script,
                                       .clients = &worker->clients,
                                       .segment_index = worker->index,
                                       .finished = run_finished,
                                       .warning = run_warning,
                                       .user = worker };
    int r = rp_plan_read_json(json, &worker->plan, err);

    if (r == 0)
        r = rp_plan_segments(worker->plan, &worker->run_segments, &config.run_index, err);
    if (r == 0)
        r = make_registry(worker);
    if (r == 0 && with_samples)
        r = rp_worker_begin_samples(worker);
    if (r == 0)
        r = rp_clients_open(&worker->clients, worker->config.client_kinds, worker->loop,
                            worker->registry, worker->plan, err);
    if (r < 0)
        return r;
    worker->s_lag = builtin_series(worker, RP_M_LOOP_LAG);
    worker->s_delay = builtin_series(worker, RP_M_RECEIVE_DELAY);
    worker->s_cpu = builtin_series(worker, RP_M_GENERATOR_CPU);
    if (!worker->s_lag || !worker->s_delay || !worker->s_cpu)
        return -ENOMEM;
    r = prepare_script(worker, err);
    if (r == 0)
        r = rp_clients_check(&worker->clients, err);
    if (r < 0)
        return r;
    rp_loop_set_spin(worker->loop, worker->plan->no_spin ? 0 : RP_LOOP_SPIN);
    worker->stamps.delay = record_delay;
    if (!worker->plan->no_kernel_timestamps)
        rp_loop_add_stamp_user(worker->loop, &worker->stamps);
    config.plan = worker->plan;
    config.registry = worker->registry;
    config.segments = worker->segments.count ? &worker->segments : NULL;
    config.run_segments = worker->run_segments.count ? &worker->run_segments : NULL;
    return rp_engine_new(&config, &worker->engine, err);
}

static void on_plan(struct rp_worker *worker, const struct rp_message *message)
{
    struct rp_msg_plan plan;
    struct rp_error err = { 0 };
    char *json;
    int r;

    if (!rp_worker_read(worker, message, &plan))
        return;
    json = rp_msg_strdup(plan.json);
    r = json ? take_share(worker, &plan, &err) : -EBADMSG;
    if (r == 0)
        r = prepare(worker, json, plan.samples, &err);
    if (r < 0) {
        if (!err.message)
            rp_error_set(&err, r, "the worker cannot prepare the run: %s", strerror(-r));
        rp_worker_send_failed(worker, RP_MSG_PLAN, &err);
    } else {
        rp_worker_send(worker, RP_MSG_READY, NULL);
    }
    rp_free(json);
    rp_error_deinit(&err);
}

static void start(struct rp_worker *worker, rp_ns at)
{
    rp_ns now = rp_loop_now(worker->loop);

    sample_cpu(worker, now);
    rp_health_start(&worker->watch, now, rp_loop_spun(worker->loop));
    rp_engine_start(worker->engine, at);
    rp_worker_send_state(worker);
    rp_timer_arm(worker->loop, &worker->tick, at + report_interval(worker), tick);
    rp_timer_arm(worker->loop, &worker->lag, now + LAG_INTERVAL_MS * RP_MS, measure_lag);
}

static void time_to_start(struct rp_timer *timer, rp_ns now)
{
    struct rp_worker *worker = rp_container_of(timer, struct rp_worker, start);

    worker->started_late = now - timer->deadline;
    start(worker, timer->deadline);
}

/* All workers of a machine have one clock. A worker that hears of the moment too late starts at
 * once and says so. */
static void on_start(struct rp_worker *worker, const struct rp_message *message)
{
    rp_ns now = rp_loop_now(worker->loop);
    struct rp_msg_start told;

    if (!rp_worker_read(worker, message, &told))
        return;
    worker->has_started = true;
    if (told.at == 0 || told.at > now + START_LEAD_MAX_S * RP_S)
        start(worker, now);
    else
        rp_timer_arm_precise(worker->loop, &worker->start, told.at, time_to_start);
}

static void run_finished(struct rp_engine *engine, void *user)
{
    struct rp_worker *worker = user;

    rp_timer_disarm(&worker->tick);
    rp_timer_disarm(&worker->lag);
    rp_clients_finish(&worker->clients);
    record_lag(worker); /* what has blocked the loop until now is overdue */
    sample_cpu(worker, rp_loop_now(worker->loop));
    rp_engine_sample(engine);
    rp_worker_send_changes(worker);
    rp_worker_send_state(worker);
    rp_worker_send_finished(worker);
}

static void on_stop(struct rp_worker *worker, const struct rp_message *message)
{
    struct rp_msg_stop stop;

    if (!rp_worker_read(worker, message, &stop))
        return;
    if (rp_timer_is_armed(&worker->start)) { /* an engine has to start before it can stop */
        rp_timer_disarm(&worker->start);
        start(worker, rp_loop_now(worker->loop));
    }
    rp_engine_stop(worker->engine, rp_ns_add(rp_loop_now(worker->loop), stop.grace));
    if (!rp_engine_is_finished(worker->engine))
        rp_worker_send_state(worker); /* what a progress display shows */
}

/* The answer is for the records of the coordinator. From when to when the run paused is known by
 * the engine. */
static void on_pause(struct rp_worker *worker, bool is_pause)
{
    if (is_pause)
        rp_engine_pause(worker->engine);
    else
        rp_engine_resume(worker->engine);
    if (worker->has_started && !rp_engine_is_finished(worker->engine))
        rp_worker_send_state(worker);
}

static void on_exit_message(struct rp_worker *worker)
{
    if (worker->registry) {
        rp_worker_send_changes(worker);
        rp_worker_end_samples(worker);
        rp_worker_report_overflow(worker);
        rp_worker_report_folded(worker);
        rp_worker_send_totals(worker);
    }
    rp_worker_send_bye(worker);
    /* A coordinator that is gone needs no farewell, and one on this loop reads the farewell in a
     * later turn. */
    if (!worker->config.shares_loop)
        (void)rp_channel_drain(&worker->channel, DRAIN_MS);
    rp_worker_over(worker, 0);
}

/* The order of docs/internals/messages.md. */
static bool is_in_order(const struct rp_worker *worker, enum rp_message_type type)
{
    bool is_running = worker->has_started && !rp_engine_is_finished(worker->engine);

    switch (type) {
    case RP_MSG_LOAD:
    case RP_MSG_PLAN:
        return !worker->plan;
    case RP_MSG_SETUP:
    case RP_MSG_SHARE:
    case RP_MSG_START:
        return worker->engine && !worker->has_started && !worker->is_in_hook;
    case RP_MSG_STOP:
    case RP_MSG_ADJUST:
        return worker->has_started;
    case RP_MSG_PAUSE:
    case RP_MSG_RESUME:
        return worker->engine;
    case RP_MSG_TEARDOWN:
        return worker->engine && !is_running && !worker->is_in_hook;
    default:
        return true;
    }
}

static void on_message(struct rp_channel *channel, const struct rp_message *message)
{
    struct rp_worker *worker = rp_container_of(channel, struct rp_worker, channel);
    enum rp_message_type type = rp_message_type(message);

    if (worker->is_over)
        return;
    rp_channel_use(channel, rp_message_encoding(message));
    if (!is_in_order(worker, type)) {
        rp_worker_warn_of_order(worker, type);
        return;
    }
    switch (type) {
    case RP_MSG_LOAD:
        on_load(worker, message);
        break;
    case RP_MSG_PLAN:
        on_plan(worker, message);
        break;
    case RP_MSG_SETUP:
        rp_worker_on_setup(worker, message);
        break;
    case RP_MSG_SHARE:
        rp_worker_on_share(worker, message);
        break;
    case RP_MSG_START:
        on_start(worker, message);
        break;
    case RP_MSG_STOP:
        on_stop(worker, message);
        break;
    case RP_MSG_PAUSE:
    case RP_MSG_RESUME:
        on_pause(worker, type == RP_MSG_PAUSE);
        break;
    case RP_MSG_ADJUST:
        rp_worker_on_adjust(worker, message);
        break;
    case RP_MSG_TEARDOWN:
        rp_worker_run_hook(worker, RP_HOOK_TEARDOWN, worker->plan->teardown_timeout);
        break;
    case RP_MSG_EXIT:
        on_exit_message(worker);
        break;
    default: /* what a worker sends */
        rp_worker_over(worker, -EBADMSG);
    }
}

static void on_closed(struct rp_channel *channel, int status)
{
    struct rp_worker *worker = rp_container_of(channel, struct rp_worker, channel);

    /* The coordinator is gone, whether or not it has read everything. */
    rp_worker_over(worker, status < 0 && status != -ECONNRESET ? status : -EPIPE);
}

static const struct rp_channel_events channel_events = {
    .message = on_message,
    .closed = on_closed,
};

void rp_worker_note_block(struct rp_worker *worker, rp_ns length)
{
    worker->watch.health.blocks++;
    worker->watch.health.blocked += length;
}

struct rp_engine *rp_worker_engine(struct rp_worker *worker)
{
    return worker->engine;
}

uint32_t rp_worker_number(const struct rp_worker *worker)
{
    return worker->index + 1;
}

int rp_worker_new(struct rp_loop *loop, int fd, const struct rp_worker_config *config,
                  struct rp_worker **ret)
{
    struct rp_worker *worker = rp_calloc(1, sizeof(*worker));
    int r;

    if (!worker)
        return -ENOMEM;
    worker->config = *config;
    worker->loop = loop;
    r = rp_channel_open(&worker->channel, loop, fd, &channel_events);
    if (r < 0) {
        rp_free(worker);
        return r;
    }
    rp_worker_send_hello(worker);
    *ret = worker;
    return 0;
}

void rp_worker_free(struct rp_worker *worker)
{
    if (!worker)
        return;
    rp_timer_disarm(&worker->tick);
    rp_timer_disarm(&worker->lag);
    rp_health_end(&worker->watch);
    rp_timer_disarm(&worker->start);
    rp_loop_remove_stamp_user(&worker->stamps);
    rp_channel_close(&worker->channel);
    rp_engine_free(worker->engine);
    if (worker->was_prepared)
        worker->config.script->ops->release(worker->config.script);
    rp_clients_close(&worker->clients);
    rp_registry_free(worker->registry);
    rp_plan_free(worker->plan);
    rp_segment_sequence_deinit(&worker->segments);
    rp_segment_sequence_deinit(&worker->run_segments);
    rp_free(worker->samples.block);
    rp_free(worker);
}
