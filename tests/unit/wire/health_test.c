/* SPDX-License-Identifier: MIT */

/* A worker's health as a message and back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "wire/health.h"

static struct rp_worker_health through_a_message(const struct rp_worker_health *health)
{
    struct rp_worker_health ret;
    struct rp_message *message;
    struct rp_buf out;

    rp_buf_init(&out, 4096);
    rp_write_message(&out, RP_MSG_STATE, 1);
    rp_write_key(&out, "health");
    rp_write_health(&out, health);
    assert_int_equal(out.error, 0);
    assert_int_equal(rp_message_decode(rp_buf_slice(&out), &message), 0);
    rp_read_health(rp_message_get(message, "health"), &ret);
    rp_message_free(message);
    rp_buf_deinit(&out);
    return ret;
}

static void test_messages(void **state)
{
    struct rp_worker_health health = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    struct rp_worker_health odd = { .observed = -5, .waited = INT64_MIN, .late_drops = UINT64_MAX };
    struct rp_worker_health back = through_a_message(&health);

    assert_memory_equal(&back, &health, sizeof(health));
    back = through_a_message(&odd);
    assert_int_equal(back.observed, 0);
    assert_int_equal(back.waited, 0);
    assert_true(back.late_drops == UINT64_MAX);
    rp_read_health((struct rp_field){ NULL }, &back);
    memset(&health, 0, sizeof(health));
    assert_memory_equal(&back, &health, sizeof(health));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
