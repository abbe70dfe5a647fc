/* SPDX-License-Identifier: MIT */

/* The clients of a worker, of kinds that note what they are asked. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "script/clients.h"

/* What was asked of which kind, in its order: "open a", "close b", ... Each kind's client and session are this too. */
static char asked[256];

static void note(const char *what)
{
    assert_true(strlen(asked) + strlen(what) + 2 < sizeof(asked));
    strcat(asked, what);
    strcat(asked, ";");
}

static int open_a(struct rp_loop *loop, struct rp_registry *registry, const struct rp_plan *plan,
                  void **ret, struct rp_error *err)
{
    assert_ptr_equal(loop, (void *)1);
    assert_ptr_equal(registry, (void *)2);
    assert_ptr_equal(plan, (void *)3);
    note("open a");
    *ret = (void *)"a";
    return 0;
}

static int open_b(struct rp_loop *loop, struct rp_registry *registry, const struct rp_plan *plan,
                  void **ret, struct rp_error *err)
{
    note("open b");
    *ret = (void *)"b";
    return 0;
}

static int open_nothing(struct rp_loop *loop, struct rp_registry *registry,
                        const struct rp_plan *plan, void **ret, struct rp_error *err)
{
    note("fail");
    return -EMFILE;
}

static void close_client(void *client)
{
    note("close");
    note(client);
}

static void free_session(void *session)
{
    note("free");
    note(session);
}

static void count_a(void *client, struct rp_client_counters *counters)
{
    assert_string_equal(client, "a");
    *counters = (struct rp_client_counters){ counters->no_descriptors + 1, counters->no_ports + 2,
                                             counters->stray_bytes + 3, counters->retried + 4,
                                             counters->open_connections + 5 };
}

static const struct rp_client_kind kind_a = { "a", open_a, close_client, free_session, count_a };
static const struct rp_client_kind kind_b = { "b", open_b, close_client, free_session, NULL };
static const struct rp_client_kind kind_none = { "none", open_nothing, close_client, free_session,
                                                 NULL };

static int open_all(struct rp_clients *clients, const struct rp_client_kind *const *rows,
                    size_t count)
{
    asked[0] = '\0';
    return rp_clients_open(clients, (struct rp_client_kinds){ rows, count }, (void *)1, (void *)2,
                           (void *)3, NULL);
}

static void test_life(void **state)
{
    static const struct rp_client_kind *const rows[] = { &kind_b, &kind_a };
    struct rp_clients clients;

    assert_int_equal(open_all(&clients, rows, 2), 0);
    assert_string_equal(clients.client[0], "b");
    assert_string_equal(clients.client[1], "a");
    rp_clients_close(&clients);
    assert_string_equal(asked, "open b;open a;close;a;close;b;");
    rp_clients_close(&clients);
    assert_string_equal(asked, "open b;open a;close;a;close;b;");
}

static void test_no_kinds(void **state)
{
    void *sessions[RP_CLIENT_KINDS_MAX] = { NULL };
    struct rp_clients clients;

    assert_int_equal(open_all(&clients, NULL, 0), 0);
    rp_clients_free_sessions(&clients, sessions);
    assert_int_equal(rp_clients_count(&clients).retried, 0);
    rp_clients_close(&clients);
    assert_string_equal(asked, "");
}

/* One that cannot be opened leaves none open. */
static void test_a_failure_closes_the_others(void **state)
{
    static const struct rp_client_kind *const rows[] = { &kind_a, &kind_b, &kind_none };
    struct rp_clients clients;

    assert_int_equal(open_all(&clients, rows, 3), -EMFILE);
    assert_string_equal(asked, "open a;open b;fail;close;b;close;a;");
    rp_clients_close(&clients);
    assert_string_equal(asked, "open a;open b;fail;close;b;close;a;");
}

/* Those that a VU has, each by its own kind, once. */
static void test_sessions(void **state)
{
    static const struct rp_client_kind *const rows[] = { &kind_a, &kind_b };
    void *sessions[RP_CLIENT_KINDS_MAX] = { NULL, (void *)"of b" };
    struct rp_clients clients;

    assert_int_equal(open_all(&clients, rows, 2), 0);
    asked[0] = '\0';
    rp_clients_free_sessions(&clients, sessions);
    assert_string_equal(asked, "free;of b;");
    assert_null(sessions[1]);
    rp_clients_free_sessions(&clients, sessions);
    assert_string_equal(asked, "free;of b;");
    rp_clients_close(&clients);
}

static void test_counters_are_added(void **state)
{
    static const struct rp_client_kind *const rows[] = { &kind_a, &kind_b, &kind_a };
    struct rp_client_counters counters;
    struct rp_clients clients;

    assert_int_equal(open_all(&clients, rows, 3), 0);
    counters = rp_clients_count(&clients);
    assert_int_equal(counters.no_descriptors, 2);
    assert_int_equal(counters.no_ports, 4);
    assert_int_equal(counters.stray_bytes, 6);
    assert_int_equal(counters.retried, 8);
    assert_int_equal(counters.open_connections, 10);
    rp_clients_close(&clients);
}

static int check_client(void *client, struct rp_error *err)
{
    note("check");
    note(client);
    return client && *(const char *)client == 'b' ? -RP_EUSER : 0;
}

/* Those that can say so, until one says that it cannot be run. */
static void test_checks(void **state)
{
    const struct rp_client_kind a = {
        .name = "a", .open = open_a, .close = close_client, .check = check_client
    };
    const struct rp_client_kind b = {
        .name = "b", .open = open_b, .close = close_client, .check = check_client
    };
    const struct rp_client_kind *const well[] = { &kind_b, &a }, *const bad[] = { &a, &b, &a };
    struct rp_clients clients;

    assert_int_equal(open_all(&clients, well, 2), 0);
    assert_int_equal(rp_clients_check(&clients, NULL), 0);
    rp_clients_close(&clients);
    assert_string_equal(asked, "open b;open a;check;a;close;a;close;b;");
    assert_int_equal(open_all(&clients, bad, 3), 0);
    asked[0] = '\0';
    assert_int_equal(rp_clients_check(&clients, NULL), -RP_EUSER);
    assert_string_equal(asked, "check;a;check;b;");
    rp_clients_close(&clients);
}

static void finish_client(void *client)
{
    note("finish");
    note(client);
}

static void test_the_end_of_the_run(void **state)
{
    const struct rp_client_kind a = {
        .name = "a", .open = open_a, .close = close_client, .finish = finish_client
    };
    const struct rp_client_kind *const rows[] = { &kind_b, &a };
    struct rp_clients clients;

    assert_int_equal(open_all(&clients, rows, 2), 0);
    asked[0] = '\0';
    rp_clients_finish(&clients);
    assert_string_equal(asked, "finish;a;");
    rp_clients_close(&clients);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_no_kinds),
        cmocka_unit_test(test_a_failure_closes_the_others),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_counters_are_added),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_the_end_of_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
