/* SPDX-License-Identifier: MIT */
#include "worker_side.h"

#include <stdio.h>

#include "base/alloc.h"
#include "../wire/page.h"

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
    side->script.hook_ended(&side->script, side->hook, side->hook_fails ? &err : NULL);
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

static void on_define(struct side *side, const struct rp_message *message)
{
    struct rp_field list = rp_message_get(message, "tags");
    char *metric = rp_field_strdup(rp_message_get(message, "metric"));
    struct rp_slice tags[16][2], kind = rp_field_text(rp_message_get(message, "kind"));
    size_t count = rp_field_count(list) / 2;
    int type = 0;

    while (!rp_slice_eq_str(kind, rp_metric_type_name((enum rp_metric_type)type)))
        type++;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < 2; j++)
            tags[i][j] = rp_field_text(rp_field_at(list, 2 * i + j));
    assert_int_equal(rp_store_define(side->store, 0,
                                     (uint32_t)rp_field_u64(rp_message_get(message, "series"), 0),
                                     metric, (enum rp_metric_type)type,
                                     rp_field_bool(rp_message_get(message, "is_time"), false),
                                     (const struct rp_slice(*)[2])tags, count, NULL),
                     0);
    rp_free(metric);
}

static void take_value(struct side *side, struct rp_field series, struct rp_field field,
                       bool is_total)
{
    uint32_t number = (uint32_t)rp_field_u64(series, UINT32_MAX);
    const struct rp_store_series *of = rp_store_series(side->store, 0, number);
    struct rp_value value;

    assert_non_null(of);
    assert_int_equal(rp_field_value(field, of->type, &value), 0);
    if (is_total)
        side->totals_differ |= !rp_store_verify(side->store, 0, number, &value);
    else
        assert_int_equal(rp_store_apply(side->store, 0, number, &value), 0);
    rp_value_deinit(&value);
}

static void check_documented(struct side *side, const struct rp_message *message)
{
    char *section = page_section(side->page, rp_message_type(message));

    /* What may be empty in a run may be so here; the rest must have its kind. */
    if (rp_message_type(message) != RP_MSG_DEFINE && rp_message_type(message) != RP_MSG_DELTA &&
        rp_message_type(message) != RP_MSG_FAILED)
        page_check_fields(section, message, page_count(section, "\n| `"));
    free(section);
}

static void on_message(struct rp_channel *channel, const struct rp_message *message)
{
    struct side *side = rp_container_of(channel, struct side, channel);
    struct rp_field items = rp_message_get(message, "items");
    struct rp_slice stage = rp_field_text(rp_message_get(message, "stage"));

    side->last = rp_message_type(message);
    side->seen[side->last]++;
    side->encoding = rp_message_encoding(message);
    check_documented(side, message);
    snprintf(side->stage, sizeof(side->stage), "%.*s", RP_SLICE_FMT(stage));
    if (side->last == RP_MSG_STATE) {
        side->is_paused = rp_field_bool(rp_message_get(message, "is_paused"), false);
        side->elapsed = rp_field_i64(rp_message_get(message, "elapsed"), -1);
        side->paused = rp_field_i64(rp_message_get(message, "paused"), -1);
    }
    if (side->last == RP_MSG_FINISHED) {
        rp_read_health(rp_message_get(message, "health"), &side->health);
        side->stray_bytes = rp_field_u64(rp_message_get(message, "stray_bytes"), 0);
        side->retried = rp_field_u64(rp_message_get(message, "retried"), 0);
    }
    if (side->last == RP_MSG_DEFINE)
        on_define(side, message);
    if (side->last == RP_MSG_TOTAL)
        take_value(side, rp_message_get(message, "series"), rp_message_get(message, "value"), true);
    for (size_t i = 0; i + 1 < rp_field_count(items); i += 2)
        take_value(side, rp_field_at(items, i), rp_field_at(items, i + 1), false);
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
    side->page = page_read();
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
    free(side->page);
    look(side->world);
}

static const char plan[] =
    "{\"script\": \"load.py\", \"functions\": [{\"name\": \"f\", \"file\": \"load.py\", \"line\": "
    "1}],"
    "\"decorated\": [{\"name\": \"s\", \"exec_fn\": \"f\", \"file\": \"load.py\", \"line\": 1,"
    "\"fields\": {\"executor\": \"shared-iterations\", \"vus\": 4, \"iterations\": 40}}],"
    "\"config\": {\"file\": \"load.py\", \"line\": 1, \"options\": {\"setup_timeout\": \"7s\"}}}";

static char *resolved_plan(void)
{
    struct rp_plan *resolved;
    struct rp_error err = { 0 };
    struct rp_buf json;

    rp_buf_init(&json, 1 << 20);
    if (rp_plan_resolve(plan, &(struct rp_overrides){ .scenario_name_count = 0 }, &resolved, &err) <
        0)
        fail_msg("%s", err.message);
    assert_int_equal(rp_plan_write_json(resolved, &json), 0);
    rp_plan_free(resolved);
    return rp_buf_take(&json);
}

void tell(struct side *side, enum rp_message_type type)
{
    struct rp_buf *out = rp_channel_begin(&side->channel);
    char *json = resolved_plan();

    rp_write_message(out, type, type == RP_MSG_LOAD || type == RP_MSG_PLAN || type == RP_MSG_STOP);
    if (type == RP_MSG_LOAD) {
        rp_write_key(out, "script");
        rp_write_text(out, "load.py");
    } else if (type == RP_MSG_PLAN) {
        rp_write_key(out, "json");
        rp_write_text(out, json);
    } else if (type == RP_MSG_STOP) {
        rp_write_key(out, "grace");
        rp_write_i64(out, 0);
    }
    (void)rp_channel_end(&side->channel);
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
