/* SPDX-License-Identifier: MIT */

/*
 * The coordinator among enemies: workers that say and do anything (hostile.h), sinks that steer the run from inside their
 * events, signals at any moment. All by chance, but the same in every run, and in virtual time. Whatever they do, the run
 * ends, and as it should.
 */

#include "hostile_game.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "coordinator/coordinator.h"

static void check_end(void)
{
    const struct rp_result *result = &game->result;

    check(game->r <= 0);
    check(result->exit_code >= RP_EXIT_PASSED && result->exit_code <= RP_EXIT_INTERNAL);
    check(game->hostiles.living == 0 && !game->signals);
    for (size_t i = 0; i < RP_ARRAY_LEN(game->watchers); i++) {
        const struct watcher *watcher = &game->watchers[i];

        check(watcher->finished == 1);
        check(watcher->closed == !watcher->has_refused);
    }
    game_weigh(result->reason);
    for (size_t i = 0; i < result->worker_count; i++) {
        game_weigh(result->workers[i].loop);
        game_weigh(result->workers[i].runtime);
        game_weigh(result->workers[i].lost);
    }
    for (size_t i = 0; i < result->error_count; i++)
        game_weigh(result->errors[i].type);
}

static void check_said(void)
{
    check(game->r == 0 || game->err.message);
    check(game->r < 0 || game->result.exit_code == RP_EXIT_PASSED || game->result.reason);
}

static void begin(struct game *new_game, uint64_t seed, unsigned badness, unsigned daring)
{
    *new_game = (struct game){ .chance = { seed }, .seed = seed, .daring = daring };
    game = new_game;
    game->is_quiet = daring == 0;
    hostiles_init(&game->hostiles, &game->chance, badness);
    rp_sinks_init(&game->sinks);
    for (size_t i = 0; i < RP_ARRAY_LEN(game->watchers); i++)
        rp_sinks_add(&game->sinks, &game->watchers[i].sink,
                     i == 0 && seed % 2 ? &measuring_ops : &watcher_ops);
}

static void play(int workers)
{
    char count[12];
    struct rp_overrides overrides = { .workers = { .value = count, .origin = "--workers" } };
    struct rp_coordinator_config config = { .script = "fake.py",
                                            .peers = &game->hostiles.source,
                                            .overrides = &overrides,
                                            .bears_losses = chance_of(&game->chance, 50),
                                            .is_strict = chance_of(&game->chance, 50),
                                            .sinks = &game->sinks,
                                            .patience = 3 * RP_S };

    game->workers = workers;
    snprintf(count, sizeof(count), "%d", workers);
    game->r = rp_coordinate(&config, &game->result, &game->err);
}

static void end_game(void)
{
    rp_result_deinit(&game->result);
    rp_error_deinit(&game->err);
}

/* How the runs ended, of each exit code: a test in which nothing passes, or nothing fails, finds little. */
static void play_many(uint64_t first, uint64_t count, unsigned badness, unsigned daring,
                      unsigned codes[RP_EXIT_INTERNAL + 2])
{
    struct game one;

    for (uint64_t seed = first; seed < first + count; seed++) {
        begin(&one, seed, badness, daring);
        play(1 + (int)(seed % 3));
        check_end();
        check_said();
        codes[one.r < 0 ? RP_EXIT_INTERNAL + 1 : one.result.exit_code]++;
        end_game();
    }
}

static void print_codes(const char *what, const unsigned codes[RP_EXIT_INTERNAL + 2])
{
    printf("%s:", what);
    for (int i = 0; i < RP_EXIT_INTERNAL + 2; i++)
        printf(" %u", codes[i]);
    printf("\n");
}

/* Good workers, and nobody steers: every run is as it should be. */
static void test_peace(void **state)
{
    unsigned codes[RP_EXIT_INTERNAL + 2] = { 0 };

    play_many(1, 300, 0, 0, codes);
    print_codes("peace", codes);
    assert_true(codes[RP_EXIT_PASSED] > 100);
    assert_int_equal(codes[RP_EXIT_INTERNAL] + codes[RP_EXIT_INTERNAL + 1], 0);
}

/* Good workers, but everybody steers. */
static void test_steered(void **state)
{
    unsigned codes[RP_EXIT_INTERNAL + 2] = { 0 };

    play_many(1000, 1500, 0, 5, codes);
    play_many(5000, 1500, 0, 30, codes);
    print_codes("steered", codes);
    assert_true(codes[RP_EXIT_ABORTED] > 100);
}

/* False: not every script has the phase. */
static bool play_course(uint64_t seed, const struct course *course, int workers)
{
    struct game one;

    begin(&one, seed, 0, 0);
    one.course = course;
    play(workers);
    check_end();
    check_said();
    assert_true(one.has_begun == one.has_answered_pause);
    assert_int_equal(one.r, 0);
    if (one.result.exit_code == RP_EXIT_INTERNAL)
        fail_msg("%s", one.result.reason);
    end_game();
    return one.has_begun;
}

static void test_answers(void **state)
{
    static const enum rp_run_phase phases[] = { RP_RUN_LOADING, RP_RUN_SETUP, RP_RUN_RUNNING };

    for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++)
        for (int on_pause = NOTHING; on_pause < ACTIONS; on_pause++)
            for (int on_resume = NOTHING; on_resume < ACTIONS; on_resume++)
                for (int more = 0; more < 4; more++) {
                    struct course course = { phases[i], (enum action)on_pause,
                                             (enum action)on_resume, more % 2 };
                    uint64_t seed = 1;

                    while (!play_course(seed, &course, 1 + more / 2))
                        seed++;
                }
}

static void test_hostile(void **state)
{
    unsigned codes[RP_EXIT_INTERNAL + 2] = { 0 };

    play_many(10000, 2000, 3, 0, codes);
    play_many(20000, 2000, 3, 5, codes);
    play_many(30000, 2000, 20, 5, codes);
    print_codes("hostile", codes);
    assert_true(codes[RP_EXIT_INTERNAL] > 100 && codes[RP_EXIT_PASSED] > 100);
}

/* Each allocation fails once. */
static void test_no_memory(void **state)
{
    for (int workers = 1; workers <= 2; workers++)
        for (uint64_t n = 1, left = 1; left; n++) {
            struct game one;
            uint64_t before;

            begin(&one, 7, 0, 0);
            fail_allocation_at(n);
            before = rp_alloc_count();
            play(workers);
            left = rp_alloc_count() - before >= n;
            fail_allocation_at(0);
            if (one.loop)
                check_end();
            end_game();
        }
}

/* hostile_test FIRST COUNT BADNESS DARING: these runs only. */
static int play_these(char **argv)
{
    unsigned codes[RP_EXIT_INTERNAL + 2] = { 0 };

    play_many(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), (unsigned)atoi(argv[3]),
              (unsigned)atoi(argv[4]), codes);
    print_codes("these", codes);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peace),     cmocka_unit_test(test_steered),
        cmocka_unit_test(test_answers),   cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_no_memory),
    };

    if (argc == 5)
        return play_these(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
