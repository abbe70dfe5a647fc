/* SPDX-License-Identifier: MIT */
#include "engines_script.h"

#include <unistd.h>

#include "base/alloc.h"

static struct script *script_of(struct rp_script_host *host)
{
    return rp_container_of(host, struct script, host);
}

static const char *runtime(const struct rp_script_host *host)
{
    return "C";
}

static char *load(struct rp_script_host *host, const char *path, struct rp_error *err)
{
    return rp_strdup(
        "{\"script\": \"load.c\", \"has_setup\": true, \"has_teardown\": true,"
        "\"functions\": [{\"name\": \"f\", \"file\": \"load.c\", \"line\": 1}],"
        "\"decorated\": [{\"name\": \"s\", \"exec_fn\": \"f\", \"file\": \"load.c\", \"line\": 1,"
        "\"fields\": {\"executor\": \"constant-vus\", \"vus\": 8, \"duration\": \"2.3s\"}}],"
        "\"config\": {\"file\": \"load.c\", \"line\": 1, \"options\": {}}}");
}

static int prepare(struct rp_script_host *host, const struct rp_script_run *run,
                   struct rp_error *err)
{
    script_of(host)->run = *run;
    return 0;
}

static int vu_init(struct rp_script_host *host, struct rp_vu *vu, struct rp_error *err)
{
    struct script_slot *slot = &script_of(host)->slots[vu->number % SCRIPT_VUS_MAX];

    slot->vu = vu;
    vu->host_data = slot;
    return 0;
}

static void vu_deinit(struct rp_script_host *host, struct rp_vu *vu)
{
    rp_timer_disarm(&((struct script_slot *)vu->host_data)->timer);
}

static struct rp_series *series_of(struct script *script, const char *metric,
                                   enum rp_metric_type type, uint64_t n)
{
    static const char *const names[NAMES] = { "home", "cart", "pay" };
    struct rp_registry *registry = script->run.registry;
    const struct rp_tags *tags = rp_tags_with(registry, rp_tags_empty(registry), RP_SLICE("name"),
                                              rp_slice_str(names[n % NAMES]));
    const struct rp_metric *of;

    if (!tags || rp_registry_metric(registry, metric, type, false, &of, NULL) < 0)
        _exit(91);
    return rp_registry_series(registry, of, tags);
}

/* Of each kind one. Eighths, of which sums are exact in any order. */
static void record(struct script *script, uint64_t n)
{
    rp_series_number(series_of(script, "my_count", RP_COUNTER, n), (double)(n % 80) / 8);
    rp_series_rate(series_of(script, "my_rate", RP_RATE, n), n % 7 == 0);
    rp_series_gauge(series_of(script, "my_gauge", RP_GAUGE, n), (double)(n % 100) - 50);
    rp_series_trend(series_of(script, "my_trend", RP_TREND, n),
                    rp_trend_stored(false, (double)(n % 1000) - 200));
}

static void waited(struct rp_timer *timer, rp_ns now)
{
    struct script_slot *slot = rp_container_of(timer, struct script_slot, timer);

    slot->vu->host->engine->ended(slot->vu, RP_ENDED_COMPLETED);
}

static void begin(struct rp_script_host *host, struct rp_vu *vu)
{
    struct script *script = script_of(host);
    struct script_slot *slot = vu->host_data;

    for (int i = 0; i <= script->burst; i++)
        record(script, script->begun++);
    rp_timer_arm(script->run.loop, &slot->timer, rp_loop_now(script->run.loop) + RP_MS, waited);
}

static void interrupt(struct rp_script_host *host, struct rp_vu *vu)
{
    rp_timer_disarm(&((struct script_slot *)vu->host_data)->timer);
    host->engine->ended(vu, RP_ENDED_INTERRUPTED);
}

static void end_hook(struct rp_task *task)
{
    struct script *script = rp_container_of(task, struct script, hook_task);

    script->host.hook_ended(&script->host, script->hook, NULL);
}

static void hook(struct rp_script_host *host, enum rp_hook which, rp_ns timeout)
{
    struct script *script = script_of(host);

    record(script, 5);
    script->hook = which;
    rp_loop_defer(script->run.loop, &script->hook_task, end_hook);
}

static char *pack(struct rp_script_host *host, size_t *ret_len, struct rp_error *err)
{
    *ret_len = 1;
    return rp_strdup("x");
}

static int share(struct rp_script_host *host, struct rp_slice data, struct rp_error *err)
{
    return 0;
}

static void release(struct rp_script_host *host)
{
}

const struct rp_script_ops script_ops = {
    .runtime = runtime,
    .load = load,
    .prepare = prepare,
    .vu_init = vu_init,
    .vu_deinit = vu_deinit,
    .begin = begin,
    .interrupt = interrupt,
    .hook = hook,
    .pack = pack,
    .share = share,
    .release = release,
};
