/* SPDX-License-Identifier: MIT */
#include "ui/report.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ui/text.h"
#include "ui/units.h"

enum {
    PLAIN_INTERVAL_S = 5,
    DEFAULT_WIDTH = 80,
    PLAIN_WIDTH = 200, /* a log file has no edge */
    PART_SIZE = 80,
};

/* The parts of the line from left to right, and which of them goes first when the width is short. */
enum part {
    PHASE,
    TIME,
    PERCENT,
    VUS,
    ITERATIONS,
    ITERATION_RATE,
    REQUEST_RATE,
    P95,
    FAILED,
    ERRORS,
    PART_COUNT
};

static const enum part expendable[] = { PERCENT,      ITERATIONS, P95,    ITERATION_RATE, TIME,
                                        REQUEST_RATE, VUS,        FAILED, ERRORS };

struct parts {
    char text[PART_COUNT][PART_SIZE];
};

/* "1m05s", "30s": whole seconds, because the line changes once a second. */
static void format_clock(rp_ns time, char *out)
{
    long long s = time / RP_S;

    if (s < 60)
        snprintf(out, RP_UNIT_SIZE, "%llds", s);
    else if (s < 3600)
        snprintf(out, RP_UNIT_SIZE, "%lldm%02llds", s / 60, s % 60);
    else
        snprintf(out, RP_UNIT_SIZE, "%lldh%02lldm%02llds", s / 3600, s % 3600 / 60, s % 60);
}

static void format_time_parts(const struct rp_progress *progress, struct parts *parts)
{
    char elapsed[RP_UNIT_SIZE], total[RP_UNIT_SIZE];
    double share;

    format_clock(progress->elapsed, elapsed);
    if (progress->total <= 0) {
        snprintf(parts->text[TIME], PART_SIZE, "%s", elapsed);
        return;
    }
    format_clock(progress->total, total);
    share = (double)progress->elapsed / (double)progress->total;
    snprintf(parts->text[TIME], PART_SIZE, "%s/%s", elapsed, total);
    snprintf(parts->text[PERCENT], PART_SIZE, "%d%%", (int)(share > 1 ? 100 : share * 100));
}

static void format_parts(const struct rp_progress *progress, struct parts *parts)
{
    char number[RP_UNIT_SIZE];

    *parts = (struct parts){ 0 };
    snprintf(parts->text[PHASE], PART_SIZE, "%s", progress->phase);
    format_time_parts(progress, parts);
    if (progress->vus_max > 0)
        snprintf(parts->text[VUS], PART_SIZE, "%lld/%lld VUs", (long long)progress->vus,
                 (long long)progress->vus_max);
    if (progress->iterations)
        snprintf(parts->text[ITERATIONS], PART_SIZE, "%s iters",
                 rp_unit_number((double)progress->iterations, 3, number));
    if (progress->iterations_per_s > 0)
        snprintf(parts->text[ITERATION_RATE], PART_SIZE, "%s iters/s",
                 rp_unit_number(progress->iterations_per_s, 3, number));
    if (progress->requests_per_s > 0)
        snprintf(parts->text[REQUEST_RATE], PART_SIZE, "%s reqs/s",
                 rp_unit_number(progress->requests_per_s, 3, number));
    if (isfinite(progress->p95_ms))
        snprintf(parts->text[P95], PART_SIZE, "p95 %s", rp_unit_time(progress->p95_ms, 3, number));
    if (progress->failed_requests)
        snprintf(parts->text[FAILED], PART_SIZE, "%s failed",
                 rp_unit_number((double)progress->failed_requests, 3, number));
    if (progress->iteration_errors)
        snprintf(parts->text[ERRORS], PART_SIZE, "%s error%s",
                 rp_unit_number((double)progress->iteration_errors, 3, number),
                 progress->iteration_errors == 1 ? "" : "s");
}

static size_t parts_width(const struct parts *parts)
{
    size_t width = 0;

    for (size_t i = 0; i < PART_COUNT; i++) {
        if (*parts->text[i])
            width += (width ? 2 : 0) + rp_text_cols(rp_slice_str(parts->text[i]));
    }
    return width;
}

void rp_progress_format(const struct rp_progress *progress, unsigned width, struct rp_buf *out)
{
    struct parts parts;
    bool is_first = true;

    if (!width)
        width = DEFAULT_WIDTH;
    format_parts(progress, &parts);
    for (size_t i = 0; i < RP_ARRAY_LEN(expendable) && parts_width(&parts) > width; i++)
        *parts.text[expendable[i]] = '\0';
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (!*parts.text[i])
            continue;
        if (!is_first)
            rp_buf_append_str(out, "  ");
        rp_text_append(out, rp_slice_str(parts.text[i]), width);
        is_first = false;
    }
}

struct rp_progress_line {
    FILE *stream; /* borrowed */
    bool is_terminal;
    bool is_drawn;
    bool was_printed;
    rp_ns printed_at; /* the last plain line */
    char phase[PART_SIZE];
    struct rp_buf text;
};

int rp_progress_line_new(FILE *stream, bool is_terminal, struct rp_progress_line **ret)
{
    struct rp_progress_line *line = rp_calloc(1, sizeof(*line));

    if (!line)
        return -ENOMEM;
    line->stream = stream;
    line->is_terminal = is_terminal;
    rp_buf_init(&line->text, 4096);
    *ret = line;
    return 0;
}

/* Asked at every update, because a window can be resized. The last column stays free: some terminals wrap there. */
static unsigned terminal_width(FILE *stream)
{
    struct winsize size;
    int fd = fileno(stream);

    if (fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col - 1u;
    return DEFAULT_WIDTH - 1;
}

static bool plain_line_is_due(const struct rp_progress_line *line,
                              const struct rp_progress *progress, rp_ns now)
{
    return !line->was_printed || strncmp(line->phase, progress->phase, PART_SIZE - 1) != 0 ||
           now - line->printed_at >= PLAIN_INTERVAL_S * RP_S;
}

void rp_progress_line_update(struct rp_progress_line *line, const struct rp_progress *progress,
                             rp_ns now)
{
    if (!line->is_terminal && !plain_line_is_due(line, progress, now))
        return;
    rp_buf_reset(&line->text);
    rp_progress_format(progress, line->is_terminal ? terminal_width(line->stream) : PLAIN_WIDTH,
                       &line->text);
    if (line->text.error)
        return; /* a line less is better than half of one */
    if (line->is_terminal) {
        fprintf(line->stream, "\r%s\x1b[K", rp_buf_str(&line->text));
        line->is_drawn = true;
    } else {
        fprintf(line->stream, "%s\n", rp_buf_str(&line->text));
        line->was_printed = true;
        line->printed_at = now;
        snprintf(line->phase, sizeof(line->phase), "%s", progress->phase);
    }
    fflush(line->stream);
}

void rp_progress_line_hide(struct rp_progress_line *line)
{
    if (!line || !line->is_drawn)
        return;
    fputs("\r\x1b[K", line->stream);
    fflush(line->stream);
    line->is_drawn = false;
}

void rp_progress_line_free(struct rp_progress_line *line)
{
    if (!line)
        return;
    rp_progress_line_hide(line);
    rp_buf_deinit(&line->text);
    rp_free(line);
}
