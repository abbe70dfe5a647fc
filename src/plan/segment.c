/* SPDX-License-Identifier: MIT */

/*
 * plan/segment.c - who owns which number.
 *
 * The rule: of the segments with taken / length <= i, slot i goes to the first one in the order of
 * length, the longest first. A segment that has taken its k-th slot may take the next one from slot
 * ceil(k / length) on. Segments that may take a slot are kept in a heap by rank; those that may not
 * yet are kept in lists by the slot from which they may. So a slot costs a logarithm of the number
 * of segments, and not a walk over all of them.
 */
#include "plan/segment.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "plan/segment_build.h"

static const int64_t only_slot[] = { 0 };
const struct rp_segment rp_segment_all = { .slots = 1, .owned = 1, .at = only_slot };

/* ---- the rule -------------------------------------------------------------------------------- */

struct builder {
    int64_t slots;
    struct rp_segment *segments;
    int64_t *taken; /* by each segment */
    size_t *order;  /* rank -> segment */
    size_t *heap;   /* ranks that may take, smallest first */
    size_t heap_count;
    size_t *waiting; /* slot -> 1 + the first rank that may take from there on; 0 = none */
    size_t *next;    /* rank -> 1 + the next one in its list */
};

static void heap_push(struct builder *b, size_t rank)
{
    size_t at = b->heap_count++;

    while (at && b->heap[(at - 1) / 2] > rank) {
        b->heap[at] = b->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    b->heap[at] = rank;
}

static size_t heap_pop(struct builder *b)
{
    size_t top = b->heap[0], last = b->heap[--b->heap_count], at = 0, child;

    while ((child = 2 * at + 1) < b->heap_count) {
        if (child + 1 < b->heap_count && b->heap[child + 1] < b->heap[child])
            child++;
        if (b->heap[child] >= last)
            break;
        b->heap[at] = b->heap[child];
        at = child;
    }
    b->heap[at] = last;
    return top;
}

struct ranked {
    int64_t owned;
    size_t segment;
};

static int compare_ranked(const void *a_ptr, const void *b_ptr)
{
    const struct ranked *a = a_ptr, *b = b_ptr;

    if (a->owned != b->owned)
        return a->owned > b->owned ? -1 : 1;
    return a->segment < b->segment ? -1 : a->segment > b->segment;
}

/* Ranks the segments by length, longest first; equal ones keep their order. Segments without length
 * are left out of the heap. */
static int order_by_length(struct builder *b, size_t count)
{
    struct ranked *ranked = rp_calloc(count, sizeof(*ranked));

    if (!ranked)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        ranked[i] = (struct ranked){ b->segments[i].owned, i };
    qsort(ranked, count, sizeof(*ranked), compare_ranked);
    for (size_t rank = 0; rank < count; rank++) {
        b->order[rank] = ranked[rank].segment;
        if (ranked[rank].owned)
            heap_push(b, rank);
    }
    rp_free(ranked);
    return 0;
}

static void give_slot(struct builder *b, int64_t slot, int64_t *const *at)
{
    size_t rank, segment;
    int64_t owned, from;

    while (b->waiting[slot]) {
        rank = b->waiting[slot] - 1;
        b->waiting[slot] = b->next[rank];
        heap_push(b, rank);
    }
    rank = heap_pop(b); /* never empty: the lengths sum to 1, so somebody is behind */
    segment = b->order[rank];
    owned = b->segments[segment].owned;
    at[segment][b->taken[segment]++] = slot;
    from = (int64_t)(((__int128)b->taken[segment] * b->slots + owned - 1) / owned);
    if (from <= slot) /* it had to stand behind longer ones and is late */
        from = slot + 1;
    if (from < b->slots) {
        b->next[rank] = b->waiting[from];
        b->waiting[from] = rank + 1;
    }
}

static int give_slots(struct builder *b, size_t count, int64_t *slots)
{
    int64_t **at = rp_calloc(count, sizeof(*at));
    int r = -ENOMEM;

    b->taken = rp_calloc(count, sizeof(*b->taken));
    b->order = rp_calloc(count, sizeof(*b->order));
    b->heap = rp_calloc(count, sizeof(*b->heap));
    b->next = rp_calloc(count, sizeof(*b->next));
    b->waiting = rp_calloc((size_t)b->slots, sizeof(*b->waiting));
    if (at && b->taken && b->order && b->heap && b->next && b->waiting)
        r = order_by_length(b, count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        b->segments[i].at = at[i] = slots;
        slots += b->segments[i].owned;
    }
    for (int64_t slot = 0; r == 0 && slot < b->slots; slot++)
        give_slot(b, slot, at);
    rp_free(b->taken);
    rp_free(b->order);
    rp_free(b->heap);
    rp_free(b->next);
    rp_free(b->waiting);
    rp_free(at);
    return r;
}

int rp_segment_build(int64_t slots, const int64_t *owned, size_t count,
                     struct rp_segment_sequence *ret)
{
    struct rp_segment_sequence sequence = { .count = count };
    struct builder b = { .slots = slots };
    int r = -ENOMEM;

    sequence.segments = b.segments = rp_calloc(count, sizeof(*sequence.segments));
    sequence.slots = rp_calloc((size_t)slots, sizeof(*sequence.slots));
    if (sequence.segments && sequence.slots) {
        for (size_t i = 0; i < count; i++)
            sequence.segments[i] = (struct rp_segment){ .slots = slots, .owned = owned[i] };
        r = give_slots(&b, count, sequence.slots);
    }
    if (r < 0)
        rp_segment_sequence_deinit(&sequence);
    else
        *ret = sequence;
    return r;
}

/* ---- other ways to a sequence ---------------------------------------------------------------- */

int rp_segment_equal(size_t n, struct rp_segment_sequence *ret)
{
    int64_t *owned;
    int r;

    if (n == 0 || n > RP_SEGMENT_SLOTS_MAX)
        return -EINVAL;
    owned = rp_calloc(n, sizeof(*owned));
    if (!owned)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        owned[i] = 1;
    r = rp_segment_build((int64_t)n, owned, n, ret);
    rp_free(owned);
    return r;
}

static int64_t greatest_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* The lengths are Scale(v) / v. Their common denominator is v divided by the greatest common
 * divisor of v and all parts. */
int rp_segment_rescale(const struct rp_segment_sequence *from, int64_t v,
                       struct rp_segment_sequence *ret)
{
    int64_t *owned, common = v;
    int r;

    if (v < 1)
        return -EINVAL;
    owned = rp_calloc(from->count, sizeof(*owned));
    if (!owned)
        return -ENOMEM;
    for (size_t i = 0; i < from->count; i++) {
        owned[i] = rp_segment_scale(&from->segments[i], v);
        common = greatest_divisor(common, owned[i]);
    }
    for (size_t i = 0; i < from->count; i++)
        owned[i] /= common;
    if (v / common > RP_SEGMENT_RESCALED_MAX)
        r = -EINVAL;
    else
        r = rp_segment_build(v / common, owned, from->count, ret);
    rp_free(owned);
    return r;
}

/* The pattern of both repeats when a whole number of rounds of @whole has a whole number of rounds of
 * @part: after the least common multiple of what one owns and what the other counts. */
int rp_segment_compose(const struct rp_segment *whole, const struct rp_segment *part,
                       struct rp_segment_sequence *ret)
{
    struct rp_segment_sequence sequence = { .count = 1 };
    int64_t rounds, owned;

    if (!whole->owned || !part->owned) { /* nobody may ask for the numbers of such a segment */
        rounds = 1;
        owned = 0;
    } else {
        int64_t common = greatest_divisor(whole->owned, part->slots);

        rounds = part->slots / common;
        owned = part->owned * (whole->owned / common);
        if (owned > RP_SEGMENT_RESCALED_MAX || rounds > RP_SEGMENT_RESCALED_MAX)
            return -EINVAL;
    }
    sequence.segments = rp_calloc(1, sizeof(*sequence.segments));
    sequence.slots = rp_calloc((size_t)owned + 1, sizeof(*sequence.slots));
    if (!sequence.segments || !sequence.slots) {
        rp_segment_sequence_deinit(&sequence);
        return -ENOMEM;
    }
    for (int64_t i = 0; i < owned; i++)
        sequence.slots[i] = rp_segment_nth(whole, rp_segment_nth(part, i));
    sequence.segments[0] = (struct rp_segment){ whole->slots * rounds, owned, sequence.slots };
    *ret = sequence;
    return 0;
}

void rp_segment_sequence_deinit(struct rp_segment_sequence *sequence)
{
    rp_free(sequence->segments);
    rp_free(sequence->slots);
    *sequence = (struct rp_segment_sequence){ 0 };
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* How many of the own slots are below @slot. */
static int64_t slots_below(const struct rp_segment *segment, int64_t slot)
{
    int64_t first = 0, last = segment->owned;

    while (first < last) {
        int64_t middle = first + (last - first) / 2;

        if (segment->at[middle] < slot)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

int64_t rp_segment_scale(const struct rp_segment *segment, int64_t v)
{
    if (v <= 0)
        return 0;
    return v / segment->slots * segment->owned + slots_below(segment, v % segment->slots);
}

int64_t rp_segment_nth(const struct rp_segment *segment, int64_t k)
{
    return k / segment->owned * segment->slots + segment->at[k % segment->owned];
}
