/* SPDX-License-Identifier: MIT */
/*
 * Any text as a declaration: a plan that survives the way through JSON, or an error with a message. Built with -Dfuzz=true
 * against libFuzzer; the same function runs over mutated declarations in robust_test.c.
 */
#include "fuzz_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "testing.h"

static void check_failed(const char *what, int line, const char *json)
{
    fprintf(stderr, "fuzz_plan.c:%d: '%s' does not hold for %s\n", line, what, json);
    abort();
}

/* The fuzzer and the tests both stop at a signal, and the text is kept. */
#define must(holds) ((holds) ? (void)0 : check_failed(#holds, __LINE__, json))

bool try_declaration(const char *json)
{
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL, *back = NULL;
    struct rp_buf out;
    int r = rp_plan_resolve(json, NULL, &plan, &err);

    if (r < 0) {
        must(r == -RP_EUSER && !plan && err.message && *err.message);
        rp_error_deinit(&err);
        r = rp_plan_read_json(json, &plan, &err);
        must(r == 0 || (r == -RP_EUSER && err.message && *err.message));
        rp_error_deinit(&err);
        rp_plan_free(plan);
        return false;
    }
    must(plan && plan->scenario_count > 0 && !err.message);
    must(rp_plan_max_vus(plan) > 0 && rp_plan_longest(plan) > 0);
    rp_buf_init(&out, 1 << 26);
    rp_plan_write_text(plan, &out);
    must(!out.error);
    rp_buf_reset(&out);
    must(rp_plan_write_json(plan, &out) == 0);
    must(rp_plan_read_json(rp_buf_str(&out), &back, NULL) == 0);
    must(plans_are_equal(plan, back));
    rp_buf_deinit(&out);
    rp_plan_free(plan);
    rp_plan_free(back);
    return true;
}

#ifdef RP_FUZZ
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    try_declaration(text);
    free(text);
    return 0;
}
#endif
