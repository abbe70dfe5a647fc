/* SPDX-License-Identifier: MIT */
#include "progress_fixture.h"

enum { MANY = 60 };

struct rp_progress progress_run(void)
{
    return (struct rp_progress){
        .phase = "running",
        .elapsed = 12 * RP_S + 400 * RP_MS,
        .total = 90 * RP_S,
        .run_elapsed = 12 * RP_S + 400 * RP_MS,
        .vus = 10,
        .vus_max = 60,
        .iterations = 1234567,
        .iterations_per_s = 10234.5,
        .requests_per_s = 20469,
        .failed_requests = 3,
        .iteration_errors = 1,
        .dropped_iterations = 219,
        .p95_ms = 12.345,
    };
}

struct rp_progress progress_one(void)
{
    static const struct rp_scenario plan[] = {
        { .name = (char *)"browse", .executor = RP_CONSTANT_VUS },
    };
    static const struct rp_scenario_progress at[] = {
        { .state = RP_SCENARIO_RUNNING,
          .vus = 9,
          .vus_made = 10,
          .stage = -1,
          .elapsed = 12399 * RP_MS,
          .regular = 30 * RP_S },
    };
    struct rp_progress progress = progress_run();

    progress.plan = plan;
    progress.scenarios = at;
    progress.scenario_count = 1;
    return progress;
}

static const struct rp_scenario kinds_plan[] = {
    { .name = (char *)"steady", .executor = RP_CONSTANT_VUS },
    { .name = (char *)"a_ramp_with_a_name_that_is_rather_long", .executor = RP_RAMPING_VUS },
    { .name = (char *)"pool", .executor = RP_SHARED_ITERATIONS },
    { .name = (char *)"each", .executor = RP_PER_VU_ITERATIONS },
    { .name = (char *)"orders", .executor = RP_CONSTANT_ARRIVAL_RATE },
    { .name = (char *)"peak", .executor = RP_RAMPING_ARRIVAL_RATE },
    { .name = (char *)"rare", .executor = RP_CONSTANT_ARRIVAL_RATE },
    { .name = (char *)"\x1b[31mred\xe6\x97\xa5\xe6\x9c\xac",
      .executor = RP_CONSTANT_VUS,
      .start_time = 17 * RP_S },
    { .name = (char *)"long", .executor = RP_CONSTANT_VUS, .start_time = 4000 * RP_S },
    { .name = (char *)"ending", .executor = RP_RAMPING_VUS },
    { .name = (char *)"stuck", .executor = RP_CONSTANT_ARRIVAL_RATE },
    { .name = (char *)"over", .executor = RP_PER_VU_ITERATIONS },
    { .name = (char *)"cut", .executor = RP_CONSTANT_VUS },
    { .name = (char *)"begins", .executor = RP_CONSTANT_VUS },
};
static const struct rp_scenario_progress kinds_at[] = {
    { .state = RP_SCENARIO_RUNNING,
      .vus = 9,
      .vus_made = 10,
      .elapsed = 12399 * RP_MS,
      .regular = 30 * RP_S },
    { .state = RP_SCENARIO_RUNNING,
      .vus = 20,
      .vus_made = 100,
      .stage = 1,
      .elapsed = 65 * RP_S,
      .regular = 120 * RP_S },
    { .state = RP_SCENARIO_RUNNING,
      .vus = 60,
      .vus_made = 60,
      .completed = 120,
      .interrupted = 3,
      .total = 9000,
      .dropped = 4500,
      .elapsed = 12399 * RP_MS,
      .regular = 600 * RP_S },
    { .state = RP_SCENARIO_RUNNING,
      .vus = 3,
      .vus_made = 3,
      .completed = 20,
      .total = 21,
      .elapsed = 400 * RP_MS,
      .regular = 2500 * RP_MS },
    { .state = RP_SCENARIO_RUNNING,
      .vus = 50,
      .vus_made = 200,
      .rate = 1234567.89,
      .dropped = 210,
      .elapsed = 9 * RP_S,
      .regular = 10 * RP_S },
    { .state = RP_SCENARIO_RUNNING,
      .vus = 5,
      .vus_made = 20,
      .rate = 999.96,
      .stage = 0,
      .dropped = 9,
      .elapsed = 3600 * RP_S,
      .regular = 7200 * RP_S },
    { .state = RP_SCENARIO_RUNNING,
      .vus = 0,
      .vus_made = 1,
      .rate = 0.0333333,
      .elapsed = 3600 * RP_S,
      .regular = 7200 * RP_S },
    { .state = RP_SCENARIO_WAITING, .regular = 30 * RP_S },
    { .state = RP_SCENARIO_WAITING, .regular = 30 * RP_S },
    { .state = RP_SCENARIO_STOPPING,
      .vus = 2,
      .vus_made = 10,
      .elapsed = 5 * RP_S,
      .regular = 5 * RP_S },
    { .state = RP_SCENARIO_INTERRUPTING,
      .vus = 1,
      .vus_made = 10,
      .elapsed = 5 * RP_S,
      .regular = 5 * RP_S,
      .dropped = 1234567 },
    { .state = RP_SCENARIO_FINISHED,
      .vus_made = 3,
      .completed = 21,
      .total = 21,
      .elapsed = 7 * RP_S,
      .regular = 600 * RP_S },
    { .state = RP_SCENARIO_FINISHED, .vus_made = 3, .elapsed = 7 * RP_S, .regular = 30 * RP_S },
    { .state = RP_SCENARIO_RUNNING, .vus = 1, .vus_made = 1, .regular = 100 * RP_MS },
};

struct rp_progress progress_kinds(void)
{
    struct rp_progress progress = progress_run();

    progress.plan = kinds_plan;
    progress.scenarios = kinds_at;
    progress.scenario_count = RP_ARRAY_LEN(kinds_plan);
    assert_int_equal(RP_ARRAY_LEN(kinds_at), RP_ARRAY_LEN(kinds_plan));
    return progress;
}

/* s00 is waiting, s01 and s02 are running, s03 is finished, and so on. */
struct rp_progress progress_many(void)
{
    static struct rp_scenario plan[MANY];
    static struct rp_scenario_progress at[MANY];
    static char names[MANY][8];
    struct rp_progress progress = progress_run();

    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "s%02d", i);
        plan[i] = (struct rp_scenario){ .name = names[i], .start_time = 20 * RP_S };
        at[i] = (struct rp_scenario_progress){
            .state = i % 4 == 0   ? RP_SCENARIO_WAITING
                     : i % 4 == 3 ? RP_SCENARIO_FINISHED
                                  : RP_SCENARIO_RUNNING,
            .vus = 1,
            .vus_made = 1,
            .elapsed = i * RP_S,
            .regular = 60 * RP_S,
        };
    }
    progress.plan = plan;
    progress.scenarios = at;
    progress.scenario_count = MANY;
    return progress;
}
