/* SPDX-License-Identifier: MIT */

/* What follows from what the workers have come to, and which phase may follow which. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coordinator/phase.h"

enum { WORKERS = 3 };

struct fake {
    struct rp_peers peers;
    struct rp_peer items[WORKERS], *list[WORKERS];
};

static void fake_init(struct fake *fake, const enum rp_step steps[WORKERS])
{
    *fake = (struct fake){ .peers = { .items = fake->list, .count = WORKERS } };
    for (uint32_t i = 0; i < WORKERS; i++) {
        fake->items[i] = (struct rp_peer){ .peers = &fake->peers, .index = i, .step = steps[i] };
        fake->list[i] = &fake->items[i];
    }
}

#define GONE RP_STEP_GONE
#define READY RP_STEP_READY
#define SHARING RP_STEP_SHARING
#define HOOK RP_STEP_HOOK
#define RUNNING RP_STEP_RUNNING
#define FINISHED RP_STEP_FINISHED

static void test_what_follows(void **state)
{
    static const struct {
        enum rp_phase phase;
        enum rp_step steps[WORKERS];
        enum rp_next_kind next;
        bool has_setup, is_stopping;
    } cases[] = {
        { RP_PHASE_PLANNING, { READY, RP_STEP_LOADING, READY }, RP_NEXT_NOTHING, true },
        { RP_PHASE_PLANNING, { READY, READY, READY }, RP_NEXT_SETUP, true },
        { RP_PHASE_PLANNING, { READY, READY, READY }, RP_NEXT_RUN },
        { RP_PHASE_PLANNING, { GONE, GONE, GONE }, RP_NEXT_OVER },
        /* setup() runs, whatever else happens */
        { RP_PHASE_SETUP, { HOOK, READY, READY }, RP_NEXT_NOTHING, true },
        { RP_PHASE_SETUP, { HOOK, READY, GONE }, RP_NEXT_NOTHING, true, true },
        /* it has failed, or its worker is gone */
        { RP_PHASE_SETUP, { READY, READY, READY }, RP_NEXT_TEARDOWN, true, true },
        { RP_PHASE_SETUP, { GONE, READY, READY }, RP_NEXT_TEARDOWN, true, true },
        /* it has succeeded */
        { RP_PHASE_SETUP, { READY, SHARING, READY }, RP_NEXT_NOTHING, true },
        { RP_PHASE_SETUP, { READY, READY, READY }, RP_NEXT_RUN, true },
        { RP_PHASE_SETUP, { READY, SHARING, READY }, RP_NEXT_TEARDOWN, true, true },
        { RP_PHASE_SETUP, { GONE, SHARING, READY }, RP_NEXT_NOTHING, true, true },
        { RP_PHASE_SETUP, { GONE, READY, SHARING }, RP_NEXT_TEARDOWN, true, true },
        { RP_PHASE_SETUP, { GONE, GONE, READY }, RP_NEXT_TEARDOWN, true, true },
        { RP_PHASE_SETUP, { GONE, GONE, GONE }, RP_NEXT_OVER, true, true },
        { RP_PHASE_RUNNING, { FINISHED, RUNNING, FINISHED }, RP_NEXT_NOTHING },
        { RP_PHASE_RUNNING, { FINISHED, GONE, FINISHED }, RP_NEXT_FINISHED },
        { RP_PHASE_RUNNING, { GONE, GONE, GONE }, RP_NEXT_OVER },
        { RP_PHASE_TEARDOWN, { HOOK, SHARING, FINISHED }, RP_NEXT_NOTHING },
        { RP_PHASE_TEARDOWN, { FINISHED, FINISHED, FINISHED }, RP_NEXT_LEAVE },
        { RP_PHASE_TEARDOWN, { GONE, FINISHED, FINISHED }, RP_NEXT_LEAVE },
        { RP_PHASE_LEAVING, { GONE, RP_STEP_LEAVING, GONE }, RP_NEXT_NOTHING },
        { RP_PHASE_LEAVING, { GONE, GONE, GONE }, RP_NEXT_OVER },
        { RP_PHASE_OVER, { GONE, GONE, GONE }, RP_NEXT_NOTHING },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_phase_facts facts = { .phase = cases[i].phase,
                                        .has_setup = cases[i].has_setup,
                                        .is_stopping = cases[i].is_stopping };
        struct fake fake;

        fake_init(&fake, cases[i].steps);
        if (rp_phase_next(facts, &fake.peers).kind != cases[i].next)
            fail_msg("%zu: %d", i, rp_phase_next(facts, &fake.peers).kind);
    }
}

/* Forward only, nothing after the end, and every run can be left or lose its last worker. */
static void test_the_order_of_phases(void **state)
{
    for (int now = 0; now <= RP_PHASE_OVER; now++)
        for (int next = 0; next <= RP_PHASE_OVER; next++) {
            bool may = rp_phase_may_follow((enum rp_phase)now, (enum rp_phase)next);

            if (next <= now)
                assert_false(may);
            else if (next == RP_PHASE_OVER || next == RP_PHASE_LEAVING)
                assert_true(may);
        }
    assert_true(rp_phase_may_follow(RP_PHASE_SETUP, RP_PHASE_TEARDOWN));
    assert_false(rp_phase_may_follow(RP_PHASE_PLANNING, RP_PHASE_TEARDOWN));
    assert_false(rp_phase_may_follow(RP_PHASE_LOADING, RP_PHASE_SETUP));
}

/* A loop over those that are left goes by those that are gone, and can be left. */
static void test_each_peer(void **state)
{
    const enum rp_step steps[WORKERS] = { READY, GONE, HOOK };
    struct fake fake;
    int seen = 0;

    fake_init(&fake, steps);
    RP_EACH_PEER (&fake.peers, peer) {
        assert_int_equal(peer->index, seen == 0 ? 0 : 2);
        seen++;
    }
    assert_int_equal(seen, 2);
    RP_EACH_PEER (&fake.peers, peer) {
        seen++;
        break;
    }
    assert_int_equal(seen, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_the_order_of_phases),
        cmocka_unit_test(test_each_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
