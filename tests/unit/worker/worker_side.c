/* SPDX-License-Identifier: MIT */
#include "worker_side.h"

#include <stdio.h>

#include "base/alloc.h"
#include "../wire/shape.h"

/* ---- the script ---- */

static struct side *of_script(struct rp_script_host *host)
{
    return rp_container_of(host, struct side, script);
}

static const char *runtime(const struct rp_script_host *host)
{
    return "none";
}

static char *load(struct rp_script_host *host, const char *path, struct rp_error *err)
{
    if (of_script(host)->fails_to_load) {
        (void)rp_error_set(err, -RP_ESCRIPT, "boom");
        rp_error_detail(err, "Traceback");
        return NULL;
    }
    assert_string_equal(path, "load.py");
    return rp_strdup("{}");
}

static int prepare(struct rp_script_host *host, const struct rp_script_run *run,
                   struct rp_error *err)
{
    struct side *side = of_script(host);
    const struct rp_metric *metric;
    int r = rp_registry_metric(run->registry, "mine", RP_TREND, false, &metric, err);

    side->prepared++;
    side->clients = run->clients;
    if (r < 0 || side->fails_to_prepare)
        return r < 0 ? r : -ENOMEM;
    side->series = rp_registry_series(run->registry, metric, rp_tags_empty(run->registry));
    return side->series ? 0 : -ENOMEM;
}

static void release(struct rp_script_host *host)
{
    of_script(host)->released++;
}

static void each_error(struct rp_script_host *host,
                       void (*each)(void *user, const struct rp_error_group *group), void *user)
{
    static char name[] = "s", type[] = "ValueError", place[] = "load.py:1 in f";
    const struct rp_error_group group = {
        .scenario = name, .type = type, .message = type, .place = place, .count = 2
    };

    each(user, &group);
}

static int vu_init(struct rp_script_host *host, struct rp_vu *vu, struct rp_error *err)
{
    struct side *side = of_script(host);

    side->slots[vu->number - 1].vu = vu;
    vu->host_data = &side->slots[vu->number - 1];
    return 0;
}

static void vu_deinit(struct rp_script_host *host, struct rp_vu *vu)
{
    rp_timer_disarm(&((struct slot *)vu->host_data)->timer);
}

static void waited(struct rp_timer *timer, rp_ns now)
{
    struct slot *slot = rp_container_of(timer, struct slot, timer);

    slot->vu->host->engine->ended(slot->vu, RP_ENDED_COMPLETED);
}

static void begin(struct rp_script_host *host, struct rp_vu *vu)
{
    struct side *side = of_script(host);
    struct slot *slot = vu->host_data;

    rp_series_trend(side->series, ++side->begun * 1e6);
    if (side->use)
        side->use(side, vu);
    if (!side->never_ends)
        rp_timer_arm(side->world->loop, &slot->timer, rp_loop_now(side->world->loop) + RP_MS,
                     waited);
}

void side_interrupt(struct rp_script_host *host, struct rp_vu *vu)
{
    rp_timer_disarm(&((struct slot *)vu->host_data)->timer);
    host->engine->ended(vu, RP_ENDED_INTERRUPTED);
}

static void end_hook(struct rp_task *task)
{
    struct side *side = rp_container_of(task, struct side, hook_task);
    struct rp_error err = { 0 };

    if (side->hook_fails)
        (void)rp_error_set(&err, -RP_ESCRIPT, "ValueError: no");
    rp_alloc_fail_at(side->fails_at);
    side->script.hook_ended(&side->script, side->hook, side->hook_fails ? &err : NULL);
    rp_alloc_fail_at(0);
    rp_error_deinit(&err);
}

static void run_hook(struct rp_script_host *host, enum rp_hook hook, rp_ns timeout)
{
    struct side *side = of_script(host);

    side->hooks++;
    side->hook = hook;
    assert_int_equal(timeout, hook == RP_HOOK_SETUP ? 7 * RP_S : 60 * RP_S);
    rp_loop_defer(side->world->loop, &side->hook_task, end_hook);
}

static char *pack(struct rp_script_host *host, size_t *ret_len, struct rp_error *err)
{
    if (of_script(host)->packs) {
        *ret_len = of_script(host)->packs;
        return rp_calloc(1, *ret_len);
    }
    *ret_len = 4;
    return rp_strdup("data");
}

static int share(struct rp_script_host *host, struct rp_slice data, struct rp_error *err)
{
    return rp_slice_eq_str(data, "data") ? 0 : rp_error_set(err, -RP_EUSER, "not what was packed");
}

const struct rp_script_ops side_ops = {
    .runtime = runtime,
    .load = load,
    .prepare = prepare,
    .vu_init = vu_init,
    .vu_deinit = vu_deinit,
    .begin = begin,
    .interrupt = side_interrupt,
    .hook = run_hook,
    .pack = pack,
    .share = share,
    .each_error = each_error,
    .release = release,
};

static void on_ended(struct rp_worker *worker, void *user, int status)
{
    struct side *side = user;

    side->ended++;
    side->status = status;
}

/* ---- the coordinator ---- */

static void on_define(struct side *side, const struct rp_msg_define *define)
{
    char *metric = rp_msg_strdup(define->metric);
    struct rp_slice tags[16][2];

    for (size_t i = 0; i < define->tags.count; i++) {
        struct rp_msg_tag tag;

        assert_int_equal(rp_msg_list_get(&define->tags, i, &tag), 0);
        tags[i][0] = tag.key;
        tags[i][1] = tag.value;
    }
    assert_int_equal(rp_store_define(side->store, 0, define->series, metric, define->kind,
                                     define->is_time, (const struct rp_slice(*)[2])tags,
                                     define->tags.count, NULL),
                     0);
    rp_free(metric);
}

static void take_value(struct side *side, const struct rp_msg_series *series, bool is_total)
{
    const struct rp_store_series *of = rp_store_series(side->store, 0, series->series);
    struct rp_value value;

    assert_non_null(of);
    assert_int_equal(rp_msg_value_get(&series->value, of->type, &value), 0);
    if (is_total)
        side->totals_differ |= !rp_store_verify(side->store, 0, series->series, &value);
    else
        assert_int_equal(rp_store_apply(side->store, 0, series->series, &value), 0);
    if (is_total && side->on_total)
        side->on_total(side, series->series, &value);
    rp_value_deinit(&value);
}

static void on_delta(struct side *side, const struct rp_msg_delta *delta)
{
    for (size_t i = 0; i < delta->items.count; i++) {
        struct rp_msg_series item;

        assert_int_equal(rp_msg_list_get(&delta->items, i, &item), 0);
        take_value(side, &item, false);
    }
}

static void on_message(struct rp_channel *channel, const struct rp_message *message)
{
    struct side *side = rp_container_of(channel, struct side, channel);
    union rp_msg_any any;

    side->last = rp_message_type(message);
    side->seen[side->last]++;
    side->encoding = rp_message_encoding(message);
    shape_check(message);
    if (rp_message_read(message, &any) < 0)
        fail_msg("'%s' cannot be read", rp_message_type_name(side->last));
    if (side->last == RP_MSG_HELLO)
        side->clock = any.hello.clock;
    if (side->last == RP_MSG_HOOK_ENDED)
        side->hook_was_ok = any.hook_ended.ok;
    if (side->last == RP_MSG_FAILED)
        side->stage = any.failed.stage;
    if (side->last == RP_MSG_STATE) {
        side->is_paused = any.state.is_paused;
        side->elapsed = any.state.elapsed;
        side->paused = any.state.paused;
    }
    if (side->last == RP_MSG_FINISHED) {
        side->health = any.finished.health;
        side->stray_bytes = any.finished.stray_bytes;
        side->retried = any.finished.retried;
    }
    if (side->last == RP_MSG_DEFINE)
        on_define(side, &any.define);
    if (side->last == RP_MSG_TOTAL)
        take_value(side, &any.total, true);
    if (side->last == RP_MSG_SAMPLES && side->on_samples)
        side->on_samples(side, &any.samples);
    if (side->last == RP_MSG_DELTA)
        on_delta(side, &any.delta);
}

static void on_closed(struct rp_channel *channel, int status)
{
    struct side *side = rp_container_of(channel, struct side, channel);

    side->closed++;
}

static const struct rp_channel_events channel_events = { on_message, on_closed };

void side_init(struct side *side, struct world *world)
{
    side_init_with(side, world, (struct rp_client_kinds){ 0 });
}

void side_init_with(struct side *side, struct world *world, struct rp_client_kinds kinds)
{
    struct rp_worker_config config = {
        .script = &side->script, .client_kinds = kinds, .ended = on_ended, .user = side
    };
    int fds[2];

    *side = (struct side){ .world = world, .script = { .ops = &side_ops } };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rp_store_new(&side->store), 0);
    assert_int_equal(rp_channel_open(&side->channel, world->loop, fds[0], &channel_events), 0);
    assert_int_equal(rp_worker_new(world->loop, fds[1], &config, &side->worker), 0);
}

void side_deinit(struct side *side)
{
    rp_worker_free(side->worker);
    rp_task_cancel(&side->hook_task);
    rp_channel_close(&side->channel);
    rp_store_free(side->store);
    look(side->world);
}

static const char plan[] =
    "{\"script\": \"load.py\", \"functions\": [{\"name\": \"f\", \"file\": \"load.py\", \"line\": "
    "1}],"
    "\"decorated\": [{\"name\": \"s\", \"exec_fn\": \"f\", \"file\": \"load.py\", \"line\": 1,"
    "\"fields\": {\"executor\": \"shared-iterations\", \"vus\": 4, \"iterations\": 40}}],"
    "\"config\": {\"file\": \"load.py\", \"line\": 1, \"options\": {\"setup_timeout\": \"7s\"}}}";

static const char endless_plan[] =
    "{\"script\": \"load.py\", \"functions\": [{\"name\": \"f\", \"file\": \"load.py\", \"line\": "
    "1}],"
    "\"decorated\": [{\"name\": \"s\", \"exec_fn\": \"f\", \"file\": \"load.py\", \"line\": 1,"
    "\"fields\": {\"executor\": \"constant-vus\", \"vus\": 4, \"duration\": \"1h\"}}],"
    "\"config\": {\"file\": \"load.py\", \"line\": 1, \"options\": {\"setup_timeout\": \"7s\"}}}";

static char *resolved_plan(const struct side *side)
{
    const char *declared = side->has_endless_plan ? endless_plan : plan;
    struct rp_plan *resolved;
    struct rp_error err = { 0 };
    struct rp_buf json;

    rp_buf_init(&json, 1 << 20);
    if (rp_plan_resolve(declared, &(struct rp_overrides){ .scenario_name_count = 0 }, &resolved,
                        &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(rp_plan_write_json(resolved, &json), 0);
    rp_plan_free(resolved);
    return rp_buf_take(&json);
}

void tell(struct side *side, enum rp_message_type type)
{
    union rp_msg_any any = { .load = { .script = RP_SLICE("load.py") } };
    char *json = resolved_plan(side);

    if (type == RP_MSG_PLAN)
        any.plan = (struct rp_msg_plan){ .json = rp_slice_str(json),
                                         .workers = 1,
                                         .samples = side->wants_samples };
    else if (type != RP_MSG_LOAD)
        memset(&any, 0, sizeof(any));
    (void)rp_channel_send(&side->channel, type, &any);
    rp_free(json);
}

void tell_and_wait(struct side *side, enum rp_message_type type, enum rp_message_type answer)
{
    int before = side->seen[answer];

    tell(side, type);
    turn_until(side->world, &side->seen[answer], before + 1);
}

void go_to(struct side *side, enum rp_message_type last)
{
    static const enum rp_message_type course[][2] = {
        { RP_MSG_LOAD, RP_MSG_DECLARED },       { RP_MSG_PLAN, RP_MSG_READY },
        { RP_MSG_SETUP, RP_MSG_HOOK_ENDED },    { RP_MSG_START, RP_MSG_FINISHED },
        { RP_MSG_TEARDOWN, RP_MSG_HOOK_ENDED },
    };

    turn_until(side->world, &side->seen[RP_MSG_HELLO], 1);
    for (size_t i = 0; i < RP_ARRAY_LEN(course) && course[i][0] <= last; i++)
        tell_and_wait(side, course[i][0], course[i][1]);
}
