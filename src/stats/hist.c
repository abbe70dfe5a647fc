/* SPDX-License-Identifier: MIT */
/*
 * Writing into a histogram. The number of a bucket is the upper 21 bits of the magnitude of its
 * values, the number of a page the upper 16. Everything that can fail is allocated first; only then
 * are counts changed.
 */
#include "stats/hist.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "stats/stats_internal.h"

enum {
    OCTAVE_PAGES = 16, /* the directory grows by whole powers of two */
    FAST_END_PAGE = (1023 + 43) * OCTAVE_PAGES,
};

static const size_t page_bytes = RP_HIST_PAGE_WORDS * sizeof(uint64_t);

static void side_deinit(struct rp_hist_side *side)
{
    for (uint32_t i = 0; i < side->page_count; i++)
        rp_free(side->pages[i]);
    rp_free(side->pages);
    *side = (struct rp_hist_side){ 0 };
}

/* The delta of one second uses few buckets. So only used buckets are visited: visiting whole pages
 * would be most of the cost of a drain. */
static void page_reset(uint64_t *page)
{
    for (uint64_t left = page[RP_HIST_PAGE_USED]; left; left &= left - 1)
        page[__builtin_ctzll(left)] = 0;
    page[RP_HIST_PAGE_USED] = 0;
}

static void page_add(uint64_t *to, const uint64_t *from)
{
    for (uint64_t left = from[RP_HIST_PAGE_USED]; left; left &= left - 1)
        to[__builtin_ctzll(left)] += from[__builtin_ctzll(left)];
    to[RP_HIST_PAGE_USED] |= from[RP_HIST_PAGE_USED];
}

static void page_count(uint64_t *page, uint32_t bucket, uint64_t times)
{
    uint32_t slot = bucket % RP_HIST_PAGE_BUCKETS;

    page[slot] += times;
    page[RP_HIST_PAGE_USED] |= (uint64_t)1 << slot;
}

static void side_reset(struct rp_hist_side *side)
{
    for (uint32_t i = 0; i < side->page_count; i++)
        if (side->pages[i])
            page_reset(side->pages[i]);
}

/* Makes the directory span @page. */
static int side_cover(struct rp_hist_side *side, uint32_t page)
{
    uint32_t first = page - page % OCTAVE_PAGES, end = first + OCTAVE_PAGES;
    uint64_t **pages;

    if (page - side->first_page < side->page_count)
        return 0;
    if (side->page_count) {
        uint32_t old_end = side->first_page + side->page_count;

        first = first < side->first_page ? first : side->first_page;
        end = end > old_end ? end : old_end;
    }
    pages = rp_calloc(end - first, sizeof(*pages));
    if (!pages)
        return -ENOMEM;
    if (side->page_count)
        memcpy(pages + (side->first_page - first), side->pages, side->page_count * sizeof(*pages));
    rp_free(side->pages);
    side->bytes += (uint32_t)((end - first - side->page_count) * sizeof(*pages));
    side->pages = pages;
    side->first_page = first;
    side->page_count = end - first;
    return 0;
}

/* The page numbered @page, allocated when it is missing; NULL on -ENOMEM. */
static uint64_t *side_page(struct rp_hist_side *side, uint32_t page)
{
    uint64_t **slot;

    if (side_cover(side, page) < 0)
        return NULL;
    slot = &side->pages[page - side->first_page];
    if (!*slot) {
        *slot = rp_calloc(1, page_bytes);
        side->bytes += *slot ? (uint32_t)page_bytes : 0;
    }
    return *slot;
}

static int side_reserve(struct rp_hist_side *dst, const struct rp_hist_side *src)
{
    for (uint32_t i = 0; i < src->page_count; i++)
        if (src->pages[i] && src->pages[i][RP_HIST_PAGE_USED] &&
            !side_page(dst, src->first_page + i))
            return -ENOMEM;
    return 0;
}

static void side_add(struct rp_hist_side *dst, const struct rp_hist_side *src)
{
    for (uint32_t i = 0; i < src->page_count; i++) {
        const uint64_t *from = src->pages[i];

        if (from && from[RP_HIST_PAGE_USED])
            page_add(dst->pages[src->first_page + i - dst->first_page], from);
    }
}

/* Counts the fast pages anew, after a change of the positive directory. Also right when only the
 * directory could be allocated and not the page. */
static void update_fast_pages(struct rp_hist *hist)
{
    const struct rp_hist_side *side = &hist->positive;
    uint32_t below = side->first_page < FAST_END_PAGE ? FAST_END_PAGE - side->first_page : 0;

    hist->fast_pages = side->page_count < below ? side->page_count : below;
}

static uint64_t *hist_page(struct rp_hist *hist, struct rp_hist_side *side, uint32_t bucket)
{
    uint64_t *page = side_page(side, bucket / RP_HIST_PAGE_BUCKETS);

    update_fast_pages(hist);
    return page;
}

void rp_hist_deinit(struct rp_hist *hist)
{
    if (!hist)
        return;
    side_deinit(&hist->positive);
    side_deinit(&hist->negative);
    rp_free(hist->rest);
    *hist = (struct rp_hist){ 0 };
}

void rp_hist_reset(struct rp_hist *hist)
{
    side_reset(&hist->positive);
    side_reset(&hist->negative);
    hist->count = hist->zeros = 0;
    hist->whole = 0;
    hist->guests = 0;
    if (hist->rest)
        *hist->rest = (struct rp_rest){ 0 };
    hist->min = hist->max = 0;
}

/* Whatever memory it takes is there. */
static void note_samples(struct rp_hist *hist, double value, uint64_t times)
{
    if (rp_sum_takes_whole(value))
        hist->whole += (__int128)(int64_t)value * times;
    else
        rp_rest_add(hist->rest, value, times);
    hist->min = hist->count && hist->min <= value ? hist->min : value;
    hist->max = hist->count && hist->max >= value ? hist->max : value;
    hist->count += times;
}

int rp_hist_record_times(struct rp_hist *hist, double value, uint64_t times)
{
    struct rp_hist_side *side = value < 0 ? &hist->negative : &hist->positive;
    uint32_t bucket = rp_hist_bucket_of(fabs(value));
    uint64_t *page;

    if (!isfinite(value))
        return -EINVAL;
    if (!times)
        return 0;
    if (!rp_sum_takes_whole(value) && rp_rest_reserve(&hist->rest) < 0)
        return -ENOMEM;
    if (bucket < RP_HIST_FIRST_BUCKET) {
        hist->zeros += times;
        note_samples(hist, value + 0.0,
                     times); /* -0.0 becomes 0.0: one bit pattern for min and max */
        return 0;
    }
    page = hist_page(hist, side, bucket);
    if (!page)
        return -ENOMEM;
    page_count(page, bucket, times);
    note_samples(hist, value, times);
    return 0;
}

int rp_hist_note(struct rp_hist *hist, double value)
{
    if (!isfinite(value))
        return -EINVAL;
    if (!rp_sum_takes_whole(value) && rp_rest_reserve(&hist->rest) < 0)
        return -ENOMEM;
    note_samples(hist, value + 0.0, 1);
    hist->guests--;
    return 0;
}

/* The number that rp_hist_add_bucket() takes. */
static int32_t signed_bucket(double value)
{
    uint32_t bucket = rp_hist_bucket_of(fabs(value));

    if (bucket < RP_HIST_FIRST_BUCKET)
        return 0;
    return value < 0 ? -(int32_t)bucket : (int32_t)bucket;
}

int rp_hist_host(struct rp_hist *hist, double value)
{
    int r = isfinite(value) ? rp_hist_add_bucket(hist, signed_bucket(value), 1) : -EINVAL;

    hist->guests += r == 0;
    return r;
}

size_t rp_hist_bytes(const struct rp_hist *hist)
{
    return (size_t)hist->positive.bytes + hist->negative.bytes +
           (hist->rest ? sizeof(*hist->rest) : 0);
}

size_t rp_hist_need_sum(const struct rp_hist *hist, double value)
{
    return hist->rest || rp_sum_takes_whole(value) ? 0 : sizeof(*hist->rest);
}

size_t rp_hist_need_bucket(const struct rp_hist *hist, double value)
{
    const struct rp_hist_side *side = value < 0 ? &hist->negative : &hist->positive;
    uint32_t bucket = rp_hist_bucket_of(fabs(value)), page = bucket / RP_HIST_PAGE_BUCKETS;
    uint32_t first = page - page % OCTAVE_PAGES, end = first + OCTAVE_PAGES;
    uint32_t old_end = side->first_page + side->page_count;

    if (bucket < RP_HIST_FIRST_BUCKET || bucket >= RP_HIST_END_BUCKET)
        return 0;
    if (page - side->first_page < side->page_count)
        return side->pages[page - side->first_page] ? 0 : page_bytes;
    if (side->page_count) {
        first = first < side->first_page ? first : side->first_page;
        end = end > old_end ? end : old_end;
    }
    return page_bytes + (end - first - side->page_count) * sizeof(*side->pages);
}

int rp_hist_add_bucket(struct rp_hist *hist, int32_t bucket, uint64_t count)
{
    uint32_t magnitude = bucket < 0 ? 0u - (uint32_t)bucket : (uint32_t)bucket;
    uint64_t *page;

    if (bucket != 0 && (magnitude < RP_HIST_FIRST_BUCKET || magnitude >= RP_HIST_END_BUCKET))
        return -EINVAL;
    if (!count)
        return 0;
    if (bucket == 0) {
        hist->zeros += count;
        return 0;
    }
    page = hist_page(hist, bucket < 0 ? &hist->negative : &hist->positive, magnitude);
    if (!page)
        return -ENOMEM;
    page_count(page, magnitude, count);
    return 0;
}

int rp_hist_reserve(struct rp_hist *dst, const struct rp_hist *src)
{
    int r = side_reserve(&dst->positive, &src->positive);

    if (r == 0 && src->rest)
        r = rp_rest_reserve(&dst->rest);
    if (r == 0)
        r = side_reserve(&dst->negative, &src->negative);
    update_fast_pages(dst);
    return r;
}

int rp_hist_add(struct rp_hist *dst, const struct rp_hist *src)
{
    int r;

    if (!src->count && !src->guests)
        return 0;
    r = rp_hist_reserve(dst, src);
    if (r < 0)
        return r;
    side_add(&dst->positive, &src->positive);
    side_add(&dst->negative, &src->negative);
    dst->zeros += src->zeros;
    dst->whole = (__int128)((unsigned __int128)dst->whole + (unsigned __int128)src->whole);
    if (src->rest)
        rp_rest_merge(dst->rest, src->rest);
    dst->guests += src->guests;
    if (!src->count)
        return 0;
    dst->min = dst->count && dst->min <= src->min ? dst->min : src->min;
    dst->max = dst->count && dst->max >= src->max ? dst->max : src->max;
    dst->count += src->count;
    return 0;
}
