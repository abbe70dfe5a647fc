/* SPDX-License-Identifier: MIT */

/*
 * A script with a mistake in its first lines raises an exception in every iteration before it waits
 * for anything. Without a pause its VUs would begin some hundred thousand iterations a second,
 * which tell nothing and take the processor from everybody else. So a VU of constant-vus or
 * ramping-vus that has raised so ten times in a row is held for a moment after each further time,
 * as after connections that are refused. Iterations of the other executors begin at their own time,
 * or are a number that is to be done: nothing holds them up.
 */

#include <stdio.h>

#include "base/alloc.h"
#include "engine/engine_internal.h"

enum { TIMES = 10, FIRST_MS = 10, LONGEST_MS = 1000 };

static bool is_open_ended(const struct rp_engine_scenario *scenario)
{
    return scenario->plan->executor == RP_CONSTANT_VUS ||
           scenario->plan->executor == RP_RAMPING_VUS;
}

/* What is known of @vu; NULL for want of memory: there is no pause then. */
static struct rp_raising *raising_of(struct rp_vu *vu)
{
    struct rp_engine_scenario *scenario = vu->engine_scenario;

    if (!scenario->raising)
        scenario->raising = rp_calloc((size_t)scenario->executor.slot_count,
                                      sizeof(*scenario->raising));
    return scenario->raising ? &scenario->raising[vu->slot] : NULL;
}

static rp_ns pause_after(unsigned times)
{
    rp_ns pause = FIRST_MS * RP_MS;

    for (unsigned i = TIMES; i < times && pause < LONGEST_MS * RP_MS; i++)
        pause *= 2;
    return pause < LONGEST_MS * RP_MS ? pause : LONGEST_MS * RP_MS;
}

static void warn(struct rp_engine_scenario *scenario)
{
    char text[512];

    snprintf(
        text, sizeof(text),
        "scenario '%s': iterations raise an exception before they wait for anything, so each is "
        "followed by a pause of up to 1 s once a VU has had %d of them in a row",
        scenario->plan->name, TIMES);
    rp_engine_warn(scenario, "raising", text);
}

static void pause_over(struct rp_timer *timer, rp_ns now)
{
    rp_engine_for_scripts.released(rp_container_of(timer, struct rp_raising, timer)->vu);
}

void rp_engine_raised_at_once(struct rp_vu *vu, rp_ns now)
{
    struct rp_engine_scenario *scenario = vu->engine_scenario;
    rp_ns end = scenario->executor.begin_until, until;
    struct rp_raising *raising;

    if (!is_open_ended(scenario) || vu->is_held)
        return;
    raising = raising_of(vu);
    if (!raising)
        return;
    raising->vu = vu;
    raising->times = raising->next == vu->iteration_in_vu ? raising->times + 1 : 1;
    raising->next = vu->iteration_in_vu + 1;
    if (raising->times < TIMES || end <= now)
        return;
    if (raising->times == TIMES)
        warn(scenario);
    until = rp_ns_add(now, pause_after(raising->times));
    vu->is_held = true;
    rp_timer_arm(scenario->engine->config.loop, &raising->timer, until < end ? until : end,
                 pause_over);
}

void rp_engine_end_pause(const struct rp_vu *vu)
{
    const struct rp_engine_scenario *scenario = vu->engine_scenario;

    if (scenario->raising)
        rp_timer_disarm(&scenario->raising[vu->slot].timer);
}

void rp_engine_free_pauses(struct rp_engine_scenario *scenario)
{
    for (int64_t slot = 0; scenario->raising && slot < scenario->executor.slot_count; slot++)
        rp_timer_disarm(&scenario->raising[slot].timer);
    rp_free(scenario->raising);
    scenario->raising = NULL;
}
