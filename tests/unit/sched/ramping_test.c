/* SPDX-License-Identifier: MIT */

/* ramping-vus in virtual time: who starts, who is interrupted, and when, to the nanosecond. */

#include <stdlib.h>
#include <string.h>

#include "executing.h"

#define ANY UINT64_MAX
#define AT(seconds) ((rp_ns)((seconds)*1000) * RP_MS)
#define B(seconds, slot)                                                                           \
    {                                                                                              \
        AT(seconds), 'b', slot, ANY, -1                                                            \
    }
#define I(seconds, slot)                                                                           \
    {                                                                                              \
        AT(seconds), 'i', slot, ANY, -1                                                            \
    }
#define F(seconds)                                                                                 \
    {                                                                                              \
        AT(seconds), 'f', -1, ANY, -1                                                              \
    }
#define STAGES(list) .stages = (list), .stage_count = RP_ARRAY_LEN(list)
#define EXPECT(ex, what, list) ex_expect(ex, what, list, RP_ARRAY_LEN(list))

/* ---- the schedule alone -------------------------------------------------------------------------------------- */

/* 4 5 6 5 4 3 2 1 2 3 4 5 4 3 2 1 2 3 4 at 0..18 s, then 1 at 20 s and 0 at 23 s. */
static struct rp_stage up_and_down[] = { { AT(2), 6 }, { AT(5), 1 }, { AT(4), 5 }, { AT(4), 1 },
                                         { AT(3), 4 }, { AT(2), 4 }, { 0, 1 },     { AT(3), 1 } };

static void test_the_example(void **state)
{
    static const struct ex_event expected[] = {
        B(0, 0),  B(0, 1),  B(0, 2),  B(0, 3),  B(1, 4),  B(2, 5),  I(3, 5),  I(4, 4),  I(5, 3),
        I(6, 2),  I(7, 1),  B(8, 1),  B(9, 2),  B(10, 3), B(11, 4), I(12, 4), I(13, 3), I(14, 2),
        I(15, 1), B(16, 1), B(17, 2), B(18, 3), I(20, 3), I(20, 2), I(20, 1), I(23, 0), F(23),
    };
    const struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                          .start_vus = 4,
                                          STAGES(up_and_down) };
    struct ex ex;

    ex_run(&ex, &scenario, EX_FOREVER);
    EXPECT(&ex, "bif", expected);
    assert_int_equal(ex.executor.slot_count, 6);
    ex_free(&ex);
}

/* Whoever is wanted again within graceful_ramp_down simply goes on. */
static void test_the_example_with_a_graceful_ramp_down(void **state)
{
    static const struct ex_event expected[] = {
        B(0, 0),  B(0, 1),  B(0, 2),  B(0, 3),  B(1, 4),  B(2, 5),  I(7, 5),  I(8, 4),  I(9, 3),
        B(10, 3), B(11, 4), I(16, 4), B(18, 3), I(24, 3), I(24, 2), I(24, 1), I(25, 0), F(25),
    };
    /* 2 and 1 are asked at 6, 7 and again at 14, 15, and are wanted at 9, 8 and at 17, 16; 3 is asked at 13 and interrupted
     * at 17, just before it is wanted at 18. */
    struct ex_event with[RP_ARRAY_LEN(expected) + 1];
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                    .start_vus = 4,
                                    .graceful_ramp_down = AT(4),
                                    .graceful_stop = AT(2),
                                    STAGES(up_and_down) };
    struct ex ex;

    memcpy(with, expected, 12 * sizeof(*with));
    with[12] = (struct ex_event)I(17, 3);
    memcpy(with + 13, expected + 12, 6 * sizeof(*with));
    ex_run(&ex, &scenario, EX_FOREVER);
    EXPECT(&ex, "bif", with);
    ex_free(&ex);

    /* Never longer than graceful_stop after the end, nor is anybody who is asked at the end given more than both. */
    scenario.graceful_ramp_down = AT(60);
    ex_run(&ex, &scenario, EX_FOREVER);
    assert_int_equal(ex_count(&ex, 'b'), 6);
    assert_int_equal(ex_count(&ex, 'i'), 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(ex_event(&ex, 'i', i)->at, AT(25));
    ex_free(&ex);
}

static void test_a_vu_wanted_again_on_the_dot(void **state)
{
    static struct rp_stage stages[] = { { AT(1), 1 }, { 0, 0 }, { AT(2), 0 },
                                        { 0, 1 },     { 0, 0 }, { AT(2), 0 } };
    static const struct ex_event exactly[] = { B(0, 0), I(5, 0), F(5) }, too_short[] = {
        B(0, 0), { AT(3) - 1, 'i', 0, ANY, -1 }, B(3, 0), { AT(5) - 1, 'i', 0, ANY, -1 }, F(5)
    };
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                    .start_vus = 1,
                                    .graceful_ramp_down = AT(2),
                                    .graceful_stop = AT(2),
                                    STAGES(stages) };
    struct ex ex;

    ex_run(&ex, &scenario, EX_FOREVER);
    EXPECT(&ex, "bif", exactly);
    ex_free(&ex);
    scenario.graceful_ramp_down = AT(2) - 1;
    ex_run(&ex, &scenario, EX_FOREVER);
    EXPECT(&ex, "bif", too_short);
    ex_free(&ex);
}

/* A stage that takes a VU away at the very end is a ramp-down; who stays until the end has graceful_stop. */
static void test_the_end(void **state)
{
    static struct rp_stage to_none[] = { { AT(3), 3 }, { AT(3), 0 } },
                           jump[] = { { AT(6), 3 }, { 0, 2 } };
    static const struct ex_event of_none[] = { B(1, 0), B(2, 1), B(3, 2), I(5, 2),
                                               I(6, 1), I(7, 0), F(7) },
                                 of_jump[] = { B(0, 0),  B(0, 1),  B(0, 2), I(7, 2),
                                               I(10, 0), I(10, 1), F(10) };
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                    .graceful_ramp_down = AT(1),
                                    .graceful_stop = AT(4),
                                    STAGES(to_none) };
    struct ex ex;

    ex_run(&ex, &scenario, EX_FOREVER);
    EXPECT(&ex, "bif", of_none);
    ex_free(&ex);
    scenario.start_vus = 3;
    scenario.stages = jump;
    ex_run(&ex, &scenario, EX_FOREVER);
    EXPECT(&ex, "bif", of_jump);
    ex_free(&ex);
}

/* ---- iterations ---------------------------------------------------------------------------------------------- */

static void test_iterations_follow_each_other(void **state)
{
    static struct rp_stage stages[] = { { AT(2), 2 }, { AT(2), 0 } };
    /* VU 1 is wanted from 2 to 3, VU 0 from 1 to 4; iterations take 0.6 s. */
    static const struct ex_event expected[] = {
        { AT(1), 'b', 0, 0, AT(1) },     { AT(1.6), 'b', 0, 1, AT(1.6) },
        { AT(2), 'b', 1, 2, AT(2) },     { AT(2.2), 'b', 0, 3, AT(2.2) },
        { AT(2.6), 'b', 1, 4, AT(2.6) }, { AT(2.8), 'b', 0, 5, AT(2.8) },
        { AT(3.4), 'b', 0, 6, AT(3.4) }, { AT(4), 'f', -1, ANY, -1 },
    };
    const struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                          .graceful_ramp_down = AT(30),
                                          .graceful_stop = AT(30),
                                          STAGES(stages) };
    struct ex ex;

    ex_run(&ex, &scenario, AT(0.6));
    EXPECT(&ex, "bf", expected);
    assert_int_equal(ex.executor.scheduled, 7);
    assert_int_equal(ex.executor.dropped, 0);
    ex_free(&ex);
}

/* An iteration that ends at the moment of a step: the step comes first, whatever the order of timers. */
static void test_an_end_at_a_step(void **state)
{
    static struct rp_stage stages[] = {
        { AT(2), 1 }, { 0, 0 }, { AT(2), 0 }, { 0, 1 }, { AT(2), 1 }
    };
    static const rp_ns lengths[] = { AT(1), AT(2), AT(0.5), AT(4) };
    static const size_t begun[] = { 4, 2, 8, 1 };
    const struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                          .start_vus = 1,
                                          .graceful_ramp_down = AT(30),
                                          .graceful_stop = AT(30),
                                          STAGES(stages) };
    struct ex ex;

    for (size_t i = 0; i < RP_ARRAY_LEN(lengths); i++) {
        ex_run(&ex, &scenario, lengths[i]);
        assert_int_equal(ex_count(&ex, 'i'), 0);
        assert_int_equal(ex_count(&ex, 'b'), begun[i] + (lengths[i] == AT(4)));
        for (size_t n = 0; n < ex_count(&ex, 'b'); n++) {
            rp_ns at = ex_event(&ex, 'b', n)->at;

            assert_true(at < AT(2) || (at >= AT(4) && at < AT(6)));
        }
        ex_free(&ex);
    }
}

/* Interrupted, and wanted again while it is still cleaning up: it begins again as soon as it is done. */
static void test_wanted_again_during_the_clean_up(void **state)
{
    static struct rp_stage stages[] = {
        { AT(1), 1 }, { 0, 0 }, { AT(1), 0 }, { 0, 1 }, { AT(1), 1 }
    };
    static const struct ex_event expected[] = { B(0, 0), I(1.5, 0), B(2.2, 0), I(3, 0), F(3.7) };
    const struct rp_scenario scenario = {
        .executor = RP_RAMPING_VUS, .start_vus = 1, .graceful_ramp_down = AT(0.5), STAGES(stages)
    };
    struct ex ex = { .constant_length = EX_FOREVER, .clean_up = AT(0.7) };

    ex_start(&ex, &scenario, NULL);
    ex_out(&ex);
    EXPECT(&ex, "bif", expected);
    ex_free(&ex);
}

/* ---- against a naive simulation ------------------------------------------------------------------------------ */

enum { PLANS = 3000, VUS = 7, STEPS_MAX = 400 };

struct step {
    rp_ns at;
    int64_t vu;
    bool up;
};

/* Straight from the definition: going up VU g starts at T - dur*(to-g)/(to-from), going down it stops at T -
 * dur*(to-g+1)/(to-from). */
static size_t naive_steps(const struct rp_scenario *scenario, struct step *steps)
{
    int64_t from = scenario->start_vus;
    rp_ns end = 0;
    size_t count = 0;

    for (int64_t g = 1; g <= from; g++)
        steps[count++] = (struct step){ 0, g, true };
    for (size_t i = 0; i < scenario->stage_count; i++) {
        rp_ns duration = scenario->stages[i].duration;
        int64_t to = scenario->stages[i].target;

        end += duration;
        for (int64_t g = from + 1; g <= to; g++)
            steps[count++] = (struct step){ end - duration * (to - g) / (to - from), g, true };
        for (int64_t g = from; g > to; g--)
            steps[count++] = (struct step){ end - duration * (to - g + 1) / (to - from), g, false };
        from = to;
    }
    return count;
}

/* Endless iterations: every event comes from the schedule. Nanosecond by nanosecond. */
static size_t simulate(const struct rp_scenario *scenario, rp_ns regular, struct ex_event *events)
{
    rp_ns asked[VUS + 1];
    bool runs[VUS + 1] = { false };
    struct step steps[STEPS_MAX];
    size_t step_count = naive_steps(scenario, steps), at = 0, count = 0;

    for (int vu = 0; vu <= VUS; vu++)
        asked[vu] = RP_NS_NEVER;
    for (rp_ns t = 0; t <= regular + scenario->graceful_stop; t++) {
        for (; at < step_count && steps[at].at <= t; at++) {
            int64_t vu = steps[at].vu;

            if (steps[at].up) {
                asked[vu] = RP_NS_NEVER;
                if (!runs[vu] && t < regular)
                    events[count++] = (struct ex_event){ t, 'b', vu - 1, ANY, t };
                runs[vu] = runs[vu] || t < regular;
            } else if (runs[vu]) {
                asked[vu] = t;
            }
        }
        for (int vu = 1; vu <= VUS; vu++)
            if (runs[vu] &&
                ((asked[vu] != RP_NS_NEVER && t >= asked[vu] + scenario->graceful_ramp_down) ||
                 t == regular + scenario->graceful_stop)) {
                events[count++] = (struct ex_event){ t, 'i', vu - 1, ANY, -1 };
                runs[vu] = false;
                asked[vu] = RP_NS_NEVER;
            }
    }
    return count;
}

static int compare_events(const void *a_ptr, const void *b_ptr)
{
    const struct ex_event *a = a_ptr, *b = b_ptr;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->what != b->what)
        return a->what < b->what ? -1 : 1;
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

/* Without the ends of iterations and of everything. */
static size_t keep_schedule(struct ex_event *events, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (strchr("bi", events[i].what))
            events[kept++] = events[i];
    return kept;
}

static void check_plan(unsigned seed)
{
    struct rp_stage stages[8];
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS, .stages = stages };
    struct ex_event expected[2 * STEPS_MAX];
    struct ex ex = { .constant_length = EX_FOREVER };
    rp_ns regular = 0;
    size_t count;

    srandom(seed);
    scenario.start_vus = random() % (VUS + 1);
    scenario.stage_count = 1 + (size_t)random() % RP_ARRAY_LEN(stages);
    for (size_t i = 0; i < scenario.stage_count; i++) {
        stages[i] = (struct rp_stage){ random() % 3 ? random() % 40 : 0, random() % (VUS + 1) };
        regular += stages[i].duration;
    }
    if (!regular)
        regular = stages[0].duration = 1;
    scenario.graceful_ramp_down = random() % 4 ? random() % 30 : 0;
    scenario.graceful_stop = random() % 4 ? random() % 30 : 0;
    count = simulate(&scenario, regular, expected);
    ex_start(&ex, &scenario, NULL);
    ex_out(&ex);
    ex.count = keep_schedule(ex.events, ex.count);
    assert_int_equal(ex.count, count);
    qsort(ex.events, ex.count, sizeof(*ex.events), compare_events);
    qsort(expected, count, sizeof(*expected), compare_events);
    ex_expect(&ex, "bi", expected, count);
    ex_free(&ex);
}

static void test_random_stages(void **state)
{
    const char *one = getenv("RAMPA_TEST_SEED");

    for (unsigned seed = one ? (unsigned)atoi(one) : 1; seed <= PLANS; seed++) {
        *(unsigned *)*state = seed;
        check_plan(seed);
        if (one)
            break;
    }
    *(unsigned *)*state = 0;
}

static int tell_the_culprit(void **state)
{
    if (*(unsigned *)*state)
        print_message("# RAMPA_TEST_SEED=%u\n", *(unsigned *)*state);
    return 0;
}

/* ---- sizes, lateness, stops ------------------------------------------------------------------------------------ */

static void test_a_hundred_thousand(void **state)
{
    static struct rp_stage stages[] = { { AT(1000), 100000 }, { AT(1000), 0 }, { 0, 100000 },
                                        { AT(10), 100000 },   { 0, 0 },        { AT(100), 0 } };
    const struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                          .graceful_ramp_down = AT(30),
                                          .graceful_stop = AT(30),
                                          STAGES(stages) };
    struct ex ex;

    ex_run(&ex, &scenario, EX_FOREVER);
    /* Who is asked at 1970 or later is wanted again in time, at 2000: VUs up to 3001. */
    assert_int_equal(ex_count(&ex, 'b'), 100000 + 96999);
    assert_int_equal(ex_count(&ex, 'i'), 100000 + 96999);
    assert_int_equal(ex_event(&ex, 'b', 12345)->at, AT(1000) * 12346 / 100000);
    assert_int_equal(ex_event(&ex, 'b', 12345)->slot, 12345);
    assert_int_equal(ex_event(&ex, 'i', 0)->at, AT(1000) + AT(0.01) + AT(30));
    assert_int_equal(ex_event(&ex, 'f', 0)->at, AT(2110));
    ex_free(&ex);
}

static void test_a_day(void **state)
{
    static struct rp_stage stages[] = { { AT(43200), 3 }, { AT(43200), 1 } };
    const struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                          .graceful_stop = AT(1),
                                          STAGES(stages) };
    struct ex ex;

    ex_run(&ex, &scenario, AT(1));
    /* VU 0 from 14400, VU 1 from 28800 to 86400 (its stop is the end), VU 2 from 43200 to 64800. */
    assert_int_equal(ex_count(&ex, 'b'), 72000 + 57600 + 21600);
    ex_free(&ex);
}

/* The loop comes back after the whole of a peak: nobody begins for it, and what is due is interrupted at once. */
static void test_a_late_turn(void **state)
{
    static struct rp_stage stages[] = {
        { AT(10), 1 }, { 0, 3 }, { AT(2), 3 }, { 0, 1 }, { AT(8), 1 }
    };
    static const struct ex_event expected[] = { B(0, 0),
                                                { AT(15), 'b', 1, ANY, AT(10) },
                                                { AT(15), 'b', 2, ANY, AT(10) },
                                                I(15, 2),
                                                I(15, 1),
                                                I(20, 0) };
    const struct rp_scenario scenario = {
        .executor = RP_RAMPING_VUS, .start_vus = 1, .graceful_ramp_down = AT(1), STAGES(stages)
    };
    struct ex ex = { .constant_length = EX_FOREVER };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(9));
    ex_stall(&ex, AT(15));
    ex_out(&ex);
    EXPECT(&ex, "bi", expected);
    ex_free(&ex);
}

static void check_stop(const struct rp_scenario *scenario, rp_ns length, rp_ns at, rp_ns grace)
{
    struct ex ex = { .constant_length = length };
    rp_ns limit = scenario->start_time + AT(14);

    ex_start(&ex, scenario, NULL);
    ex_until(&ex, at);
    rp_executor_stop(&ex.executor, ex.start + at + grace);
    rp_executor_stop(&ex.executor, ex.start + at + grace + RP_S); /* does not take it back */
    ex_out(&ex);
    limit = at + grace < limit ? at + grace : limit;
    assert_true(ex_event(&ex, 'f', 0)->at <= (limit > at ? limit : at));
    for (size_t i = 0; i < ex.count; i++)
        if (ex.events[i].what == 'b')
            assert_true(ex.events[i].at <= at);
    assert_int_equal(ex.executor.dropped, 0);
    ex_free(&ex);
}

static void test_stop_at_any_moment(void **state)
{
    static struct rp_stage stages[] = { { AT(2), 4 }, { AT(3), 1 }, { 0, 3 }, { AT(5), 0 } };
    const struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                          .start_vus = 1,
                                          .start_time = AT(3),
                                          .graceful_ramp_down = AT(1),
                                          .graceful_stop = AT(4),
                                          STAGES(stages) };

    for (rp_ns at = 0; at < AT(20); at += RP_S / 2)
        for (rp_ns grace = 0; grace <= AT(8); grace += AT(2)) {
            check_stop(&scenario, AT(0.7), at, grace);
            check_stop(&scenario, EX_FOREVER, at, grace);
        }
}

int main(void)
{
    unsigned seed = 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example),
        cmocka_unit_test(test_the_example_with_a_graceful_ramp_down),
        cmocka_unit_test(test_a_vu_wanted_again_on_the_dot),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_iterations_follow_each_other),
        cmocka_unit_test(test_an_end_at_a_step),
        cmocka_unit_test(test_wanted_again_during_the_clean_up),
        { "test_random_stages", test_random_stages, NULL, tell_the_culprit, &seed },
        cmocka_unit_test(test_a_hundred_thousand),
        cmocka_unit_test(test_a_day),
        cmocka_unit_test(test_a_late_turn),
        cmocka_unit_test(test_stop_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
