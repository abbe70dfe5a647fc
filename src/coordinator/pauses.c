/* SPDX-License-Identifier: MIT */
#include "coordinator/pauses.h"

#include <errno.h>

#include "base/alloc.h"
#include "coordinator/peer.h"
#include "run/result.h"

/* ---- the clock ------------------------------------------------------------------------------- */

void rp_pauses_start(struct rp_pauses *pauses, rp_ns at)
{
    pauses->started = pauses->paused_at = at;
}

rp_ns rp_pauses_elapsed(const struct rp_pauses *pauses, rp_ns now)
{
    if (!pauses->started)
        return 0;
    now -= pauses->paused + (pauses->is_paused ? now - pauses->paused_at : 0);
    /* It starts at a time that was agreed upon. */
    return now > pauses->started ? now - pauses->started : 0;
}

bool rp_pauses_begin(struct rp_pauses *pauses, rp_ns now)
{
    if (pauses->is_paused)
        return false;
    pauses->is_paused = true;
    pauses->begun++;
    pauses->paused_at = now;
    return true;
}

bool rp_pauses_end(struct rp_pauses *pauses, rp_ns now)
{
    if (!pauses->is_paused)
        return false;
    if (pauses->started)
        pauses->paused += now - pauses->paused_at;
    pauses->is_paused = false;
    return true;
}

/* ---- the record ------------------------------------------------------------------------------ */

static int add_pause(struct rp_pauses *pauses, struct rp_result *result, rp_ns start)
{
    struct rp_result_pause *list;

    pauses->is_noting = true;
    pauses->is_listed = result->pause_count < RP_RESULT_PAUSES_MAX;
    if (!pauses->is_listed)
        return 0;
    list = rp_realloc_array(result->pauses, result->pause_count + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    result->pauses = list;
    list[result->pause_count++] = (struct rp_result_pause){ .start = start };
    return 0;
}

/* The worker that told for all is lost, and the sums of the one that does it now differ by
 * microseconds: no pause of its own, even if it has not yet heard of the end of the last one. */
static void take_over(struct rp_pauses *pauses, const struct rp_peer *peer, bool is_paused)
{
    if (!pauses->is_noting && !(is_paused && pauses->is_paused))
        pauses->noted = peer->paused;
    if (!is_paused || pauses->is_paused)
        pauses->noted_by = peer->index;
}

/* A worker tells at each beginning and end, and in between: a pause that is known grows. Of several
 * workers, which hear of it microseconds after each other, the first tells for all. */
int rp_pauses_note(struct rp_pauses *pauses, struct rp_result *result, struct rp_peer *peer,
                   bool is_first, rp_ns elapsed, rp_ns paused, bool is_paused)
{
    rp_ns length;
    int r = 0;

    if (elapsed < 0 || paused < peer->paused || paused > elapsed)
        return -EBADMSG;
    peer->paused = paused;
    if (elapsed - paused > result->elapsed)
        result->elapsed = elapsed - paused;
    if (!is_first)
        return 0;
    if (pauses->noted_by != peer->index)
        take_over(pauses, peer, is_paused);
    length = paused > pauses->noted ? paused - pauses->noted : 0;
    if (!pauses->is_noting && pauses->count == pauses->begun) {
        pauses->noted = paused; /* it has only now come to what another one has told */
    } else if (!pauses->is_noting && (length || (is_paused && pauses->noted_by == peer->index))) {
        r = add_pause(pauses, result, elapsed - length);
        if (r < 0)
            return r;
        pauses->count++;
    }
    if (paused > result->paused) /* the first may be another one than before */
        result->paused = paused;
    if (!pauses->is_noting)
        return 0;
    if (pauses->is_listed)
        result->pauses[result->pause_count - 1].length = length;
    if (!is_paused) {
        pauses->is_noting = false;
        pauses->noted = paused;
    }
    return 0;
}
