/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the tests of plans share: declarations written with ' for ", random ones, and whether two plans are equal.
 */

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

/* A copy of @text with " for every ' and ' for every `. Free with free(). */
char *quoted(const char *text);
/* splitmix64: the same cases in every run. */
uint64_t next_random(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t bound);
/* A valid declaration of 1 to 4 scenarios. Free with free(). */
char *random_declaration(uint64_t *state);
/* Member by member, written apart from the code under test. */
bool plans_are_equal(const struct rp_plan *a, const struct rp_plan *b);
/* The plan as JSON; free with rp_free. Fails the test when it cannot be written. */
char *plan_json(const struct rp_plan *plan);
char *plan_inspection(const struct rp_plan *plan);
char *plan_text(const struct rp_plan *plan);

/* A wrong declaration, or what a test puts into one; ' stands for ". A "place" is file:line. */
struct expected {
    const char *declaration, *place, *message, *hint;
};
/* Resolving @declaration gives this error, and the same without anybody who wants to know. */
void check_error(const struct expected *e, const char *declaration,
                 const struct rp_overrides *overrides);
/* The same with e->declaration as the fields of the decorator of "browse", at load.py:11; there is a "search" too. */
void check_fields_error(const struct expected *e);
#define AT "load.py:11"
#define S "scenario 'browse': "
