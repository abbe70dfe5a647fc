/* SPDX-License-Identifier: MIT */

/* The verdict on workers that are made up. */

#include "coordinator/judge_generator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

#define MS RP_MS

/* ---- the verdict on one ---- */

#define V RP_GENERATOR_VALID
#define S RP_GENERATOR_SUSPECT
#define L RP_GENERATOR_LIMITED

static const struct {
    const char *name;
    struct rp_worker_health health;
    struct {
        enum rp_generator_cause cause;
        enum rp_generator_verdict verdict;
        const char *text;
    } reasons[4];
} cases[] = {
    { "nothing known", { .observed = 0 }, { { 0 } } },
    { "idle",
      { .observed = 30 * RP_S, .computed = RP_S, .waited = RP_S, .probes = 300 },
      { { 0 } } },
    { "a few are late",
      { .observed = 30 * RP_S,
        .probes = 300,
        .late_probes = 14,
        .arrivals = 100,
        .late_arrivals = 4 },
      { { 0 } } },
    { "files",
      { .observed = RP_S, .no_descriptors = 12 },
      { { RP_CAUSE_DESCRIPTORS, L, "ran out of file descriptors 12 times: raise" } } },
    { "ports",
      { .no_ports = 1 },
      { { RP_CAUSE_PORTS, L, "ran out of local ports 1 time: keep" } } },
    { "a saturated one",
      { .observed = 10 * RP_S, .busy = 10 * RP_S, .computed = 10 * RP_S },
      { { RP_CAUSE_CPU, L, "no processor time to spare for 100 % of the time" } } },
    { "for a while",
      { .observed = 10 * RP_S, .busy = RP_S, .computed = 2 * RP_S },
      { { RP_CAUSE_CPU, S, "for 10 % of the time" } } },
    { "a short one",
      { .observed = RP_S / 2, .busy = RP_S / 2, .computed = RP_S / 2 },
      { { RP_CAUSE_CPU, S, "" } } },
    { "a quota, starved",
      { .observed = 10 * RP_S,
        .busy = 10 * RP_S,
        .computed = 2 * RP_S,
        .waited = 8 * RP_S,
        .stopped = 8 * RP_S,
        .stops = 99 },
      { { RP_CAUSE_QUOTA, L,
          "stopped by the CPU quota of its control group for 80 % of the time (99 times)" } } },
    { "a quota, nearly enough",
      { .observed = 10 * RP_S,
        .busy = 10 * RP_S,
        .computed = 7 * RP_S,
        .waited = 3 * RP_S,
        .stopped = 3 * RP_S },
      { { RP_CAUSE_QUOTA, L, "for 30 % of the time" }, { RP_CAUSE_CPU, L, "" } } },
    { "others",
      { .observed = 10 * RP_S, .busy = 10 * RP_S, .computed = RP_S, .waited = 9 * RP_S },
      { { RP_CAUSE_CONTENTION, L, "waited for a processor for 90 % of the time" } } },
    { "others, a little",
      { .observed = 10 * RP_S, .computed = RP_S, .waited = RP_S },
      { { RP_CAUSE_CONTENTION, S, "" } } },
    { "a script that blocks",
      { .observed = 10 * RP_S,
        .probes = 100,
        .late_probes = 90,
        .blocks = 45,
        .blocked = 9 * RP_S },
      { { RP_CAUSE_SCRIPT, L,
          "stood still for 90 % of the time in code of the script that does not give control back "
          "(45 times" } } },
    { "nobody knows what",
      { .observed = 10 * RP_S, .probes = 100, .late_probes = 60, .blocks = 1, .blocked = 100 * MS },
      { { RP_CAUSE_LOOP_LAG, L, "more than 20 ms late for 60 % of the time" } } },
    { "late probes of a short test",
      { .observed = RP_S / 2, .probes = 5, .late_probes = 5 },
      { { RP_CAUSE_LOOP_LAG, S, "" } } },
    { "answers that lay there",
      { .observed = RP_S, .receives = 1000, .late_receives = 600 },
      { { RP_CAUSE_RECEIVE_DELAY, L, "let 60 % of the answers lie in the kernel" } } },
    { "a few of them",
      { .observed = RP_S, .receives = 100, .late_receives = 8 },
      { { RP_CAUSE_RECEIVE_DELAY, S, "" } } },
    { "answers that lay there because the loop stood still",
      { .observed = 10 * RP_S,
        .probes = 100,
        .late_probes = 60,
        .receives = 1000,
        .late_receives = 600 },
      { { RP_CAUSE_LOOP_LAG, L, "" } } },
    { "late iterations",
      { .observed = RP_S, .arrivals = 100, .late_arrivals = 60 },
      { { RP_CAUSE_LATE, L, "began 60 % of the iterations" } } },
    { "one late iteration",
      { .observed = RP_S, .arrivals = 1, .late_arrivals = 1 },
      { { RP_CAUSE_LATE, S, "" } } },
    { "late drops",
      { .observed = RP_S, .arrivals = 100, .late_drops = 50 },
      { { RP_CAUSE_DROPPED, L, "dropped 50 iterations because it came" } } },
    { "one late drop",
      { .observed = RP_S, .arrivals = 100, .late_drops = 1 },
      { { RP_CAUSE_DROPPED, S, "dropped 1 iteration because" } } },
    { "swapped out",
      { .observed = 10 * RP_S, .faults = 1000 },
      { { RP_CAUSE_MEMORY, S, "1000 pages of memory" } } },
    { "all at once: limited ones first",
      { .observed = 10 * RP_S,
        .waited = RP_S,
        .probes = 100,
        .late_probes = 50,
        .no_ports = 2,
        .faults = 1000 },
      { { RP_CAUSE_PORTS, L, "" },
        { RP_CAUSE_LOOP_LAG, L, "" },
        { RP_CAUSE_CONTENTION, S, "" },
        { RP_CAUSE_MEMORY, S, "" } } },
    { "nonsense",
      { .observed = 1,
        .busy = INT64_MAX,
        .computed = INT64_MAX,
        .waited = 0,
        .probes = 1,
        .late_probes = UINT64_MAX },
      { { RP_CAUSE_CPU, L, "" }, { RP_CAUSE_LOOP_LAG, L, "for 100 % of the time" } } },
};

static void test_verdicts(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_result result = { .exit_code = RP_EXIT_PASSED };
        size_t count = 0;

        assert_int_equal(rp_judge_generator(&cases[i].health, 1, &result), 0);
        while (count < 4 && cases[i].reasons[count].verdict != V)
            count++;
        if (result.generator_reason_count != count ||
            result.generator != cases[i].reasons[0].verdict)
            fail_msg("%s: %zu reasons, %s", cases[i].name, result.generator_reason_count,
                     rp_generator_verdict_name(result.generator));
        for (size_t j = 0; j < count; j++) {
            const struct rp_generator_reason *reason = &result.generator_reasons[j];

            if (reason->cause != cases[i].reasons[j].cause ||
                reason->verdict != cases[i].reasons[j].verdict ||
                strncmp(reason->text, "the worker ", 11) != 0 ||
                !strstr(reason->text, cases[i].reasons[j].text) || !strchr(reason->text, ':'))
                fail_msg("%s: %s, %s: %s", cases[i].name, rp_generator_cause_name(reason->cause),
                         rp_generator_verdict_name(reason->verdict), reason->text);
            assert_int_equal(reason->worker, 1);
            assert_int_equal(reason->workers, 1);
        }
        rp_result_deinit(&result);
    }
}

/* ---- on several ---- */

static void test_several_workers(void **state)
{
    struct rp_worker_health workers[] = {
        { .observed = 10 * RP_S, .busy = RP_S, .computed = RP_S, .no_ports = 3 },
        { .observed = 10 * RP_S },
        { .observed = 10 * RP_S, .busy = 9 * RP_S, .computed = 9 * RP_S },
    };
    struct rp_generator_reason more = {
        .verdict = S, .cause = RP_CAUSE_INCOMPLETE, .worker = 2, .workers = 1
    };
    struct rp_result result = { .exit_code = RP_EXIT_PASSED };

    for (int again = 0; again < 2; again++) { /* it replaces what was there */
        assert_int_equal(rp_judge_generator(workers, 3, &result), 0);
        assert_int_equal(result.generator, L);
        assert_int_equal(result.generator_reason_count, 2);
    }
    assert_int_equal(result.generator_reasons[0].cause, RP_CAUSE_PORTS);
    assert_int_equal(strncmp(result.generator_reasons[0].text, "worker 1 of 3 ran", 17), 0);
    assert_int_equal(result.generator_reasons[1].cause, RP_CAUSE_CPU);
    assert_int_equal(result.generator_reasons[1].worker, 3);
    assert_int_equal(result.generator_reasons[1].workers, 2);
    assert_int_equal(strncmp(result.generator_reasons[1].text, "worker 3, as 2 of 3, had", 24), 0);
    more.text = rp_strdup("gone");
    assert_int_equal(rp_judge_generator_add(&result, more), 0);
    assert_string_equal(result.generator_reasons[2].text, "gone");
    workers[0] = workers[2] = workers[1];
    assert_int_equal(rp_judge_generator(workers, 3, &result), 0);
    assert_int_equal(result.generator, V);
    assert_int_equal(result.generator_reason_count, 0);
    rp_result_deinit(&result);
}

static void test_every_cause_has_a_name(void **state)
{
    for (int cause = 0; cause < RP_CAUSE_COUNT; cause++)
        assert_non_null(rp_generator_cause_name((enum rp_generator_cause)cause));
}

static void test_without_memory(void **state)
{
    struct rp_worker_health health = { .observed = 10 * RP_S, .no_ports = 2, .waited = RP_S };
    int r = -1;

    for (unsigned n = 1; r < 0 && n < 50; n++) {
        struct rp_result result = { .exit_code = RP_EXIT_PASSED };

        rp_alloc_fail_at(n);
        r = rp_judge_generator(&health, 1, &result);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -12);
        rp_result_deinit(&result);
    }
    assert_int_equal(r, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_several_workers),
        cmocka_unit_test(test_every_cause_has_a_name),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
