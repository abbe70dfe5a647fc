/* SPDX-License-Identifier: MIT */

/* The line that tells how the run goes. */

#include <math.h>
#include <string.h>

#include "ui/progress_parts.h"
#include "base/text.h"
#include "base/units.h"

enum { PART_SIZE = 80, GAP = 2 };

/* The parts of the line, from left to right. */
enum part {
    PHASE,
    TIME,
    PERCENT,
    VUS,
    ITERATIONS,
    ITERATION_RATE,
    REQUEST_RATE,
    P95,
    DROPPED,
    FAILED,
    ERRORS,
    PART_COUNT
};

/* The order in which parts are left out when the width is short. */
static const enum part expendable[] = { PERCENT,        ITERATIONS, REQUEST_RATE, P95,    VUS,
                                        ITERATION_RATE, TIME,       DROPPED,      FAILED, ERRORS };

static const char *const inks[PART_COUNT] = {
    [PHASE] = RP_INK_BOLD,     [TIME] = "",           [PERCENT] = "",        [VUS] = "",
    [ITERATIONS] = "",         [ITERATION_RATE] = "", [REQUEST_RATE] = "",   [P95] = "",
    [DROPPED] = RP_INK_YELLOW, [FAILED] = RP_INK_RED, [ERRORS] = RP_INK_RED,
};

struct parts {
    char text[PART_COUNT][PART_SIZE];
};

const char *rp_clock_text(rp_ns time, char *out)
{
    long long s = time / RP_S;

    if (s < 60)
        snprintf(out, RP_CLOCK_SIZE, "%llds", s);
    else if (s < 3600)
        snprintf(out, RP_CLOCK_SIZE, "%lldm%02llds", s / 60, s % 60);
    else
        snprintf(out, RP_CLOCK_SIZE, "%lldh%02lldm%02llds", s / 3600, s % 3600 / 60, s % 60);
    return out;
}

size_t rp_progress_ink(struct rp_buf *out, bool color, const char *ink, const char *text,
                       size_t cols)
{
    size_t used;

    if (!cols || !*text)
        return 0;
    color = color && *ink;
    rp_buf_append_str(out, color ? ink : "");
    used = rp_text_append(out, rp_slice_str(text), cols);
    rp_buf_append_str(out, color ? RP_INK_OFF : "");
    return used;
}

/* During a run a pause is shown instead of the phase. Before it, only that the run will begin with
 * a pause. */
static void format_phase(const struct rp_progress *progress, char *out)
{
    if (!progress->is_paused)
        snprintf(out, PART_SIZE, "%s", progress->phase);
    else if (!strcmp(progress->phase, "running"))
        snprintf(out, PART_SIZE, "paused");
    else
        snprintf(out, PART_SIZE, "%s, then paused", progress->phase);
}

static void format_time(const struct rp_progress *progress, struct parts *parts)
{
    char elapsed[RP_CLOCK_SIZE], total[RP_CLOCK_SIZE];
    double share;

    rp_clock_text(progress->elapsed, elapsed);
    if (progress->total <= 0) {
        snprintf(parts->text[TIME], PART_SIZE, "%s", elapsed);
        return;
    }
    rp_clock_text(progress->total, total);
    share = (double)progress->elapsed / (double)progress->total;
    snprintf(parts->text[TIME], PART_SIZE, "%.30s/%.30s", elapsed, total);
    snprintf(parts->text[PERCENT], PART_SIZE, "%d%%", (int)(share > 1 ? 100 : share * 100));
}

static void format_count(char *out, uint64_t count, const char *one, const char *many)
{
    char number[RP_UNIT_SIZE];

    if (count)
        snprintf(out, PART_SIZE, "%s %s", rp_unit_number((double)count, 3, number),
                 count == 1 ? one : many);
}

static void format_rate(char *out, double rate, const char *things)
{
    char number[RP_UNIT_SIZE];

    if (rate > 0)
        snprintf(out, PART_SIZE, "%s %s/s", rp_unit_number(rate, 3, number), things);
}

static void format_parts(const struct rp_progress *progress, struct parts *parts)
{
    char number[RP_UNIT_SIZE];

    *parts = (struct parts){ 0 };
    format_phase(progress, parts->text[PHASE]);
    format_time(progress, parts);
    if (progress->vus_max > 0)
        snprintf(parts->text[VUS], PART_SIZE, "%lld/%lld VUs", (long long)progress->vus,
                 (long long)progress->vus_max);
    format_count(parts->text[ITERATIONS], progress->iterations, "iter", "iters");
    format_rate(parts->text[ITERATION_RATE], progress->iterations_per_s, "iters");
    format_rate(parts->text[REQUEST_RATE], progress->requests_per_s, "reqs");
    if (isfinite(progress->p95_ms))
        snprintf(parts->text[P95], PART_SIZE, "p95 %s", rp_unit_time(progress->p95_ms, 3, number));
    format_count(parts->text[DROPPED], progress->dropped_iterations, "dropped", "dropped");
    format_count(parts->text[FAILED], progress->failed_requests, "failed", "failed");
    format_count(parts->text[ERRORS], progress->iteration_errors, "error", "errors");
}

static size_t parts_width(const struct parts *parts)
{
    size_t width = 0;

    for (size_t i = 0; i < PART_COUNT; i++) {
        if (*parts->text[i])
            width += (width ? GAP : 0) + rp_text_cols(rp_slice_str(parts->text[i]));
    }
    return width;
}

void rp_progress_format(const struct rp_progress *progress, unsigned width, bool color,
                        struct rp_buf *out)
{
    struct parts parts;

    if (!width)
        width = RP_PROGRESS_WIDTH;
    format_parts(progress, &parts);
    for (size_t i = 0; i < RP_ARRAY_LEN(expendable) && parts_width(&parts) > width; i++)
        *parts.text[expendable[i]] = '\0';
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (!*parts.text[i])
            continue;
        rp_text_fill(out, ' ', i == PHASE ? 0 : GAP);
        rp_progress_ink(out, color, progress->is_paused && i == PHASE ? RP_INK_YELLOW : inks[i],
                        parts.text[i], width);
    }
}
