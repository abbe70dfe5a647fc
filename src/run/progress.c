/* SPDX-License-Identifier: MIT */
#include "run/progress.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

const char *rp_scenario_state_name(enum rp_scenario_state state)
{
    static const char *const names[] = {
        [RP_SCENARIO_WAITING] = "waiting",   [RP_SCENARIO_RUNNING] = "running",
        [RP_SCENARIO_STOPPING] = "stopping", [RP_SCENARIO_INTERRUPTING] = "interrupting",
        [RP_SCENARIO_FINISHED] = "finished",
    };

    return names[state];
}

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
    to->vus_wanted = sum(to->vus_wanted, from->vus_wanted);
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
                          const struct rp_scenario_progress *told)
{
    int r = reserve(table, scenario_count, worker + 1);

    if (r < 0)
        return r;
    memcpy(&table->told[worker * scenario_count], told, scenario_count * sizeof(*told));
    table->has_told[worker] = true;
    add_up(table);
    return 0;
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

        told->state = RP_SCENARIO_FINISHED;
        told->vus = told->vus_made = told->vus_wanted = 0;
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
