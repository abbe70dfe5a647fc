/* SPDX-License-Identifier: MIT */
#include "wire/progress.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"

static const char *const state_names[] = {
    [RP_EXECUTION_WAITING] = "waiting",   [RP_EXECUTION_RUNNING] = "running",
    [RP_EXECUTION_STOPPING] = "stopping", [RP_EXECUTION_INTERRUPTING] = "interrupting",
    [RP_EXECUTION_FINISHED] = "finished",
};

const char *rp_progress_state_name(enum rp_execution_state state)
{
    return state_names[state];
}

void rp_write_progress(struct rp_buf *out, const struct rp_scenario_progress *progress)
{
    rp_write_list(out, RP_PROGRESS_FIELDS);
    rp_write_text(out, state_names[progress->state]);
    rp_write_i64(out, progress->vus);
    rp_write_i64(out, progress->vus_made);
    rp_write_i64(out, progress->stage);
    rp_write_u64(out, progress->scheduled);
    rp_write_u64(out, progress->started);
    rp_write_u64(out, progress->dropped);
    rp_write_u64(out, progress->completed);
    rp_write_u64(out, progress->interrupted);
    rp_write_u64(out, progress->errors);
    rp_write_u64(out, progress->total);
    rp_write_i64(out, progress->elapsed);
    rp_write_i64(out, progress->regular);
    rp_write_double(out, progress->rate);
}

int rp_field_progress(struct rp_field field, struct rp_scenario_progress *ret)
{
    struct rp_slice name = rp_field_text(rp_field_at(field, 0));
    size_t state = 0;

    while (state < RP_ARRAY_LEN(state_names) && !rp_slice_eq_str(name, state_names[state]))
        state++;
    if (state == RP_ARRAY_LEN(state_names) || rp_field_count(field) < RP_PROGRESS_FIELDS)
        return -EBADMSG;
    *ret = (struct rp_scenario_progress){
        .state = (enum rp_execution_state)state,
        .vus = rp_field_i64(rp_field_at(field, 1), 0),
        .vus_made = rp_field_i64(rp_field_at(field, 2), 0),
        .stage = rp_field_i64(rp_field_at(field, 3), -1),
        .scheduled = rp_field_u64(rp_field_at(field, 4), 0),
        .started = rp_field_u64(rp_field_at(field, 5), 0),
        .dropped = rp_field_u64(rp_field_at(field, 6), 0),
        .completed = rp_field_u64(rp_field_at(field, 7), 0),
        .interrupted = rp_field_u64(rp_field_at(field, 8), 0),
        .errors = rp_field_u64(rp_field_at(field, 9), 0),
        .total = rp_field_u64(rp_field_at(field, 10), 0),
        .elapsed = rp_field_i64(rp_field_at(field, 11), 0),
        .regular = rp_field_i64(rp_field_at(field, 12), 0),
        .rate = rp_field_double(rp_field_at(field, 13), 0),
    };
    if (ret->vus < 0 || ret->vus_made < 0 || ret->stage < -1 || ret->elapsed < 0 ||
        ret->regular < 0 || !isfinite(ret->rate) || ret->rate < 0)
        return -EBADMSG;
    return 0;
}

/* ---- all workers ------------------------------------------------------------------------------------------- */

/* Counts of a worker that lies may wrap around, as unsigned numbers do: they are for show. */
static int64_t sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* @to and @from become one: sums, and the least advanced that is not finished. */
static void add(struct rp_scenario_progress *to, const struct rp_scenario_progress *from)
{
    to->state = from->state < to->state ? from->state : to->state;
    to->stage = to->stage < 0 || (from->stage >= 0 && from->stage < to->stage) ? from->stage
                                                                               : to->stage;
    to->vus = sum(to->vus, from->vus);
    to->vus_made = sum(to->vus_made, from->vus_made);
    to->scheduled += from->scheduled;
    to->started += from->started;
    to->dropped += from->dropped;
    to->completed += from->completed;
    to->interrupted += from->interrupted;
    to->errors += from->errors;
    to->total += from->total;
    to->elapsed = from->elapsed < to->elapsed ? from->elapsed : to->elapsed;
    to->regular = from->regular > to->regular ? from->regular : to->regular;
    to->rate += from->rate;
}

static void add_up(struct rp_progress_table *table)
{
    size_t count = table->scenario_count;

    for (size_t scenario = 0; scenario < count; scenario++) {
        bool is_first = true;

        for (size_t worker = 0; worker < table->worker_count; worker++) {
            const struct rp_scenario_progress *told = &table->told[worker * count + scenario];

            if (!table->has_told[worker])
                continue;
            if (is_first)
                table->sums[scenario] = *told;
            else
                add(&table->sums[scenario], told);
            is_first = false;
        }
    }
}

/* Room for @workers. */
static int reserve(struct rp_progress_table *table, size_t scenario_count, size_t workers)
{
    struct rp_scenario_progress *told;
    bool *has_told;

    if (!table->sums)
        table->sums = rp_calloc(scenario_count, sizeof(*table->sums));
    if (!table->sums)
        return -ENOMEM;
    table->scenario_count = scenario_count;
    if (workers <= table->worker_count)
        return 0;
    told = rp_realloc_array(table->told, workers * scenario_count, sizeof(*told));
    if (!told)
        return -ENOMEM;
    table->told = told;
    has_told = rp_realloc_array(table->has_told, workers, sizeof(*has_told));
    if (!has_told)
        return -ENOMEM;
    table->has_told = has_told;
    while (table->worker_count < workers)
        has_told[table->worker_count++] = false;
    return 0;
}

int rp_progress_table_set(struct rp_progress_table *table, size_t scenario_count, size_t worker,
                          struct rp_field scenarios)
{
    struct rp_scenario_progress *fresh;
    int r = 0;

    if (rp_field_count(scenarios) != scenario_count || !scenario_count)
        return -EBADMSG;
    fresh = rp_calloc(scenario_count, sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < scenario_count; i++)
        r = rp_field_progress(rp_field_at(scenarios, i), &fresh[i]);
    if (r == 0)
        r = reserve(table, scenario_count, worker + 1);
    if (r == 0) {
        memcpy(&table->told[worker * scenario_count], fresh, scenario_count * sizeof(*fresh));
        table->has_told[worker] = true;
        add_up(table);
    }
    rp_free(fresh);
    return r;
}

const struct rp_scenario_progress *rp_progress_table_told(const struct rp_progress_table *table,
                                                          size_t worker)
{
    if (worker >= table->worker_count || !table->has_told[worker])
        return NULL;
    return &table->told[worker * table->scenario_count];
}

void rp_progress_table_lose(struct rp_progress_table *table, size_t worker)
{
    if (!rp_progress_table_told(table, worker))
        return;
    for (size_t i = 0; i < table->scenario_count; i++) {
        struct rp_scenario_progress *told = &table->told[worker * table->scenario_count + i];

        told->state = RP_EXECUTION_FINISHED;
        told->vus = told->vus_made = 0;
        told->rate = 0;
        told->elapsed = told->regular;
    }
    add_up(table);
}

void rp_progress_table_deinit(struct rp_progress_table *table)
{
    rp_free(table->told);
    rp_free(table->has_told);
    rp_free(table->sums);
    *table = (struct rp_progress_table){ 0 };
}
