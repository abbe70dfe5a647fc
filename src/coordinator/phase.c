/* SPDX-License-Identifier: MIT */
#include "coordinator/phase.h"

#define TO(phase) (1u << RP_PHASE_##phase)

/* Every phase but the last may end in leaving, and in the end of the last worker. */
static const unsigned successors[] = {
    [RP_PHASE_HELLO] = TO(LOADING) | TO(LEAVING) | TO(OVER),
    [RP_PHASE_LOADING] = TO(PLANNING) | TO(LEAVING) | TO(OVER),
    [RP_PHASE_PLANNING] = TO(SETUP) | TO(RUNNING) | TO(LEAVING) | TO(OVER),
    [RP_PHASE_SETUP] = TO(RUNNING) | TO(TEARDOWN) | TO(LEAVING) | TO(OVER),
    [RP_PHASE_RUNNING] = TO(TEARDOWN) | TO(LEAVING) | TO(OVER),
    [RP_PHASE_TEARDOWN] = TO(LEAVING) | TO(OVER),
    [RP_PHASE_LEAVING] = TO(OVER),
    [RP_PHASE_OVER] = 0,
};

bool rp_phase_may_follow(enum rp_phase now, enum rp_phase next)
{
    return successors[now] >> next & 1;
}

enum rp_run_phase rp_phase_shown(enum rp_phase phase, bool is_stopping)
{
    switch (phase) {
    case RP_PHASE_HELLO:
    case RP_PHASE_LOADING:
    case RP_PHASE_PLANNING:
        return RP_RUN_LOADING;
    case RP_PHASE_SETUP:
        return RP_RUN_SETUP;
    case RP_PHASE_RUNNING:
        return is_stopping ? RP_RUN_STOPPING : RP_RUN_RUNNING;
    default:
        return RP_RUN_TEARDOWN;
    }
}

/* setup() runs, or what it returned is shared. When the run is not to be, teardown() runs all the
 * same, in the first worker that is left, once that has nothing else to do: also a setup() that has
 * failed may have made something. */
static enum rp_next_kind after_setup(struct rp_phase_facts facts, const struct rp_peers *peers,
                                     const struct rp_peer *first)
{
    if (rp_peers_is_any(peers, RP_STEP_HOOK))
        return RP_NEXT_NOTHING;
    if (facts.is_stopping)
        return first->step == RP_STEP_READY ? RP_NEXT_TEARDOWN : RP_NEXT_NOTHING;
    return rp_peers_are_all(peers, RP_STEP_READY) ? RP_NEXT_RUN : RP_NEXT_NOTHING;
}

static enum rp_next_kind kind_of_next(struct rp_phase_facts facts, const struct rp_peers *peers)
{
    const struct rp_peer *first = rp_peers_first(peers);

    if (!first)
        return facts.phase == RP_PHASE_OVER ? RP_NEXT_NOTHING : RP_NEXT_OVER;
    switch (facts.phase) {
    case RP_PHASE_PLANNING:
        if (facts.is_stopping || !rp_peers_are_all(peers, RP_STEP_READY))
            return RP_NEXT_NOTHING; /* when it stops, they are being ended */
        return facts.has_setup ? RP_NEXT_SETUP : RP_NEXT_RUN;
    case RP_PHASE_SETUP:
        return after_setup(facts, peers, first);
    case RP_PHASE_RUNNING:
        return rp_peers_are_all(peers, RP_STEP_FINISHED) ? RP_NEXT_FINISHED : RP_NEXT_NOTHING;
    case RP_PHASE_TEARDOWN:
        return first->step == RP_STEP_HOOK ? RP_NEXT_NOTHING : RP_NEXT_LEAVE;
    default:
        return RP_NEXT_NOTHING;
    }
}

struct rp_next rp_phase_next(struct rp_phase_facts facts, const struct rp_peers *peers)
{
    return (struct rp_next){ .kind = kind_of_next(facts, peers) };
}
