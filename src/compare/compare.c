/* SPDX-License-Identifier: MIT */
#include "compare/compare.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "compare/course.h"
#include "compare/notes.h"
#include "plan/metrics.h"

enum { NOTES_MAX = 1 << 16 };
#define CONFIDENCE_REST 0.05 /* of an interval: how often the change may be outside of it */
#define CHANCE_RATE 0.05     /* of the changes that are told, how many may be chance */
#define HISTORY_CHANCE                                                                             \
    0.1                  /* less probable: bases differ by more than they vary within themselves */
#define SHARE_EFFECT 0.1 /* what matters of a share, by what matters of a ratio */

const char *rp_compare_verdict_name(enum rp_compare_verdict verdict)
{
    static const char *const names[RP_COMPARE_VERDICTS] = { "no change", "worse", "better",
                                                            "changed", "cannot tell" };

    return names[verdict];
}

void rp_comparison_deinit(struct rp_comparison *comparison)
{
    rp_free(comparison->rows);
    rp_free(comparison->thresholds);
    rp_buf_deinit(&comparison->notes);
    *comparison = (struct rp_comparison){ 0 };
}

/* ---- what is better -------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int better;
} directions[] = {
    { "http_req_duration", -1 },
    { "http_req_failed", -1 },
    { "http_reqs", 1 },
    { "iteration_duration", -1 },
    { "iteration_errors", -1 },
    { "dropped_iterations", -1 },
    { "iterations", 1 },
    { "group_duration", -1 },
    { "checks", 1 },
    { "sse_first_event", -1 },
    { "sse_event_gap", -1 },
    { "ws_connecting", -1 },
    { "ws_ping", -1 },
    { "ws_roundtrip", -1 },
    { "ws_errors", -1 },
    { "grpc_req_duration", -1 },
    { "grpc_req_failed", -1 },
    { "grpc_reqs", 1 },
};

/* "http_req_duration{status:200}" begins with the name of its metric. */
static bool is_of(const char *name, const char *metric)
{
    size_t length = strlen(metric);

    return strncmp(name, metric, length) == 0 && (!name[length] || name[length] == '{');
}

/* A threshold says what its metric should be: "p(95)<500". */
static int wanted_by_threshold(const struct rp_run_file *file, const char *metric)
{
    for (size_t i = 0; i < file->threshold_count; i++) {
        const char *mark = strpbrk(file->thresholds[i].expression, "<>");

        if (mark && strcmp(file->thresholds[i].metric, metric) == 0)
            return *mark == '<' ? -1 : 1;
    }
    return 0;
}

/* Parts of a request, sizes and what the generator measures of itself are no qualities of the
 * server: they are compared only where a threshold asks for them. */
static bool is_compared(const struct rp_run_file *file, const struct rp_subject *subject,
                        int *ret_better)
{
    *ret_better = subject->kind == RP_SUBJECT_REQUEST ? -1 : 1;
    if (subject->kind != RP_SUBJECT_METRIC)
        return true;
    for (size_t i = 0; i < sizeof(directions) / sizeof(*directions); i++) {
        *ret_better = directions[i].better;
        if (is_of(subject->name, directions[i].name))
            return true;
    }
    *ret_better = wanted_by_threshold(file, subject->name);
    if (*ret_better)
        return true;
    for (size_t i = 0; i < RP_BUILTIN_COUNT; i++)
        if (is_of(subject->name, rp_builtin_metrics[i].name))
            return false;
    return true;
}

/* ---- one number ------------------------------------------------------------------------------ */

static const struct rp_subject *find(const struct rp_run_file *file, const struct rp_subject *like)
{
    for (size_t i = 0; i < file->subject_count; i++) {
        const struct rp_subject *subject = &file->subjects[i];

        if (subject->kind == like->kind && subject->type == like->type &&
            strcmp(subject->name, like->name) == 0 && strcmp(subject->group, like->group) == 0)
            return subject;
    }
    return NULL;
}

/* The numbers of the bases, and what is known of each one's difference from the current run. */
struct history {
    size_t seen; /* bases that have the number; of one that is 0 or less no ratio can be made */
    size_t count;
    double last;                  /* as it is shown */
    double mean, squares, within; /* of one run: the squared error by its own course */
    double freedom;
    size_t known; /* how many of them have such an error */
};

static void history_add(struct history *history, double value, struct rp_spread spread)
{
    double off = value - history->mean;

    history->count++;
    history->mean += off / (double)history->count;
    history->squares += off * (value - history->mean);
    if (isnan(spread.error))
        return;
    history->freedom = history->known ? fmin(history->freedom, spread.freedom) : spread.freedom;
    history->within += spread.error * spread.error / 2;
    history->known++;
}

/* The error of the difference between a further run and the mean of the bases. Bases vary at least
 * as much as each does within itself. Where they vary no more than that, by all that can be seen,
 * both estimates are one; else the bases know better, though few of them do not know it well. */
static struct rp_spread history_spread(const struct history *history)
{
    double bases = (double)history->count, further = bases - 1;
    double within = history->known ? history->within / (double)history->known : NAN;
    double among = further > 0 ? history->squares / further : NAN;
    struct rp_spread ret = { within, history->freedom };

    if (isnan(within)) {
        ret = (struct rp_spread){ among, further };
    } else if (!isnan(among) &&
               rp_fisher_p(among / within, further, history->freedom) < HISTORY_CHANCE) {
        ret = (struct rp_spread){ among, further };
    } else if (!isnan(among)) {
        ret.freedom += further;
        ret.error = fmax((further * among + history->freedom * within) / ret.freedom, within);
    }
    ret.error = sqrt(ret.error * (1 + 1 / bases));
    return ret;
}

static int add_row(struct rp_comparison *self, struct rp_compare_row row)
{
    if (self->row_count == self->row_cap) {
        size_t cap = self->row_cap ? self->row_cap * 2 : 64;
        struct rp_compare_row *grown = rp_realloc_array(self->rows, cap, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        self->rows = grown;
        self->row_cap = cap;
    }
    self->rows[self->row_count++] = row;
    return 0;
}

/* The number as it is compared. */
static double compared(double value, bool is_share)
{
    return is_share ? value : value > 0 ? log(value) : NAN;
}

static struct rp_compare_row make_row(const struct rp_subject *subject, enum rp_run_stat stat,
                                      const struct history *history, int better)
{
    static const char *const names[RP_RUN_STATS] = { "med", "p(95)", "p(99)", "rate" };
    bool is_share = subject->type == RP_RATE;
    struct rp_spread spread = history_spread(history);
    double current = compared(subject->stats[stat], is_share);
    struct rp_compare_row row = {
        .subject = subject,
        .stat = is_share && subject->kind == RP_SUBJECT_REQUEST ? "failed" : names[stat],
        .is_share = is_share,
        .base = history->count <= 1 ? history->last
                : is_share          ? history->mean
                                    : exp(history->mean),
        .current = subject->stats[stat],
        .estimate = history->count ? current - history->mean : NAN,
        .error = spread.error,
        .freedom = spread.freedom,
        .better = better,
    };
    double off = rp_student_value(CONFIDENCE_REST, spread.freedom) * spread.error;

    row.p = rp_student_p(row.estimate / row.error, row.freedom);
    row.change = is_share ? row.estimate : expm1(row.estimate);
    row.low = is_share ? row.estimate - off : expm1(row.estimate - off);
    row.high = is_share ? row.estimate + off : expm1(row.estimate + off);
    return row;
}

static int compare_subject(struct rp_comparison *self, const struct rp_subject *subject, int better)
{
    struct history histories[RP_RUN_STATS] = { 0 };
    bool is_share = subject->type == RP_RATE;
    int r = 0;

    for (size_t i = 0; i < self->base_count; i++) {
        const struct rp_subject *base = find(&self->bases[i], subject);
        struct rp_spread spreads[RP_RUN_STATS];

        if (!base)
            continue;
        r = rp_course_spread(&self->bases[i], base, self->current, subject, spreads);
        if (r < 0)
            return r;
        for (size_t stat = 0; stat < RP_RUN_STATS; stat++) {
            double value = compared(base->stats[stat], is_share);

            histories[stat].seen += !isnan(base->stats[stat]);
            /* What is shown is what the change is of, if there is one. */
            if (!isnan(value) || (!histories[stat].count && !isnan(base->stats[stat])))
                histories[stat].last = base->stats[stat];
            if (!isnan(value))
                history_add(&histories[stat], value, spreads[stat]);
        }
    }
    for (size_t stat = 0; r == 0 && stat < RP_RUN_STATS; stat++) {
        const struct history *history = &histories[stat];
        bool was_zero = !history->count || (is_share && history->mean == 0);
        /* What never happens, in any run, is not worth a row. */
        bool is_nothing = was_zero && subject->stats[stat] == 0 &&
                          subject->kind != RP_SUBJECT_CHECK &&
                          strcmp(subject->name, "http_req_failed") != 0;

        if (history->seen && !isnan(subject->stats[stat]) && !is_nothing)
            r = add_row(self, make_row(subject, (enum rp_run_stat)stat, history, better));
    }
    return r;
}

/* ---- verdicts -------------------------------------------------------------------------------- */

/* The smallest estimate that matters. */
static double effect_of(const struct rp_compare_row *row, double min_effect)
{
    return row->is_share ? min_effect * SHARE_EFFECT : log1p(min_effect);
}

static enum rp_compare_verdict judge(const struct rp_compare_row *row, double min_effect,
                                     double limit)
{
    double matters = effect_of(row, min_effect);
    double low = row->is_share ? row->low : log1p(row->low);
    double high = row->is_share ? row->high : log1p(row->high);

    if (isnan(row->p))
        return RP_COMPARE_UNCLEAR;
    if (row->p <= limit && fabs(row->estimate) >= matters)
        return !row->better                               ? RP_COMPARE_CHANGED
               : (row->estimate > 0) == (row->better > 0) ? RP_COMPARE_BETTER
                                                          : RP_COMPARE_WORSE;
    return low > -matters && high < matters ? RP_COMPARE_SAME : RP_COMPARE_UNCLEAR;
}

static int judge_rows(struct rp_comparison *self)
{
    double *p = rp_calloc(self->row_count + 1, sizeof(*p)), limit;
    int r;

    if (!p)
        return -ENOMEM;
    for (size_t i = 0; i < self->row_count; i++)
        p[i] = self->rows[i].p;
    r = rp_spread_limit(p, self->row_count, CHANCE_RATE, &limit);
    for (size_t i = 0; r == 0 && i < self->row_count; i++) {
        struct rp_compare_row *row = &self->rows[i];

        row->verdict = judge(row, self->min_effect, limit);
        self->counts[row->verdict]++;
        self->held_back += row->verdict == RP_COMPARE_UNCLEAR && row->p <= CONFIDENCE_REST &&
                           fabs(row->estimate) >= effect_of(row, self->min_effect);
    }
    rp_free(p);
    return r;
}

static const struct rp_run_threshold *find_threshold(const struct rp_run_file *file,
                                                     const struct rp_run_threshold *like)
{
    for (size_t i = 0; i < file->threshold_count; i++) {
        const struct rp_run_threshold *threshold = &file->thresholds[i];
        bool is_nameless = !*threshold->metric || !*like->metric; /* as the reference writes it */

        if ((is_nameless || strcmp(threshold->metric, like->metric) == 0) &&
            strcmp(threshold->expression, like->expression) == 0)
            return threshold;
    }
    return NULL;
}

/* A threshold is what somebody has decided, so it is not judged by chance. The last base counts. */
static int compare_thresholds(struct rp_comparison *self)
{
    const struct rp_run_file *base = &self->bases[self->base_count - 1];

    self->threshold_count = self->current->threshold_count;
    self->thresholds = rp_calloc(self->threshold_count + 1, sizeof(*self->thresholds));
    if (!self->thresholds)
        return -ENOMEM;
    for (size_t i = 0; i < self->threshold_count; i++) {
        const struct rp_run_threshold *now = &self->current->thresholds[i];
        const struct rp_run_threshold *then = find_threshold(base, now);
        bool is_known = then && then->passed >= 0 && now->passed >= 0;

        self->thresholds[i] = (struct rp_compare_threshold){ then, now,
                                                             !is_known ? RP_COMPARE_UNCLEAR
                                                             : then->passed == now->passed
                                                                 ? RP_COMPARE_SAME
                                                             : now->passed ? RP_COMPARE_BETTER
                                                                           : RP_COMPARE_WORSE };
        self->counts[self->thresholds[i].verdict]++;
    }
    return 0;
}

int rp_compare(const struct rp_run_file *bases, size_t base_count,
               const struct rp_run_file *current, double min_effect, struct rp_comparison *ret)
{
    int r = 0;

    *ret = (struct rp_comparison){
        .bases = bases, .base_count = base_count, .current = current, .min_effect = min_effect
    };
    rp_buf_init(&ret->notes, NOTES_MAX);
    for (size_t i = 0; r == 0 && i < current->subject_count; i++) {
        int better;

        if (is_compared(current, &current->subjects[i], &better))
            r = compare_subject(ret, &current->subjects[i], better);
    }
    if (r == 0)
        r = judge_rows(ret);
    if (r == 0)
        r = compare_thresholds(ret);
    if (r == 0)
        r = rp_compare_note(ret);
    if (r < 0)
        rp_comparison_deinit(ret);
    return r;
}
