/* SPDX-License-Identifier: MIT */
#include "compare/run_file.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "output/result_read.h"

void rp_run_file_deinit(struct rp_run_file *file)
{
    for (size_t i = 0; i < file->subject_count; i++)
        rp_free(file->subjects[i].track.points);
    rp_free(file->subjects);
    rp_free(file->thresholds);
    json_decref(file->root);
    *file = (struct rp_run_file){ 0 };
}

double rp_run_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int grow(void **items, size_t count, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 32;
    void *grown;

    if (count < *cap)
        return 0;
    grown = rp_realloc_array(*items, more, size);
    if (!grown)
        return -ENOMEM;
    *items = grown;
    *cap = more;
    return 0;
}

struct rp_subject *rp_run_file_add(struct rp_run_file *file, enum rp_subject_kind kind,
                                   enum rp_metric_type type, const char *name)
{
    struct rp_subject *subject;

    if (grow((void **)&file->subjects, file->subject_count, &file->subject_cap, sizeof(*subject)))
        return NULL;
    subject = &file->subjects[file->subject_count++];
    *subject =
        (struct rp_subject){ .kind = kind, .type = type, .group = "", .name = name, .count = NAN };
    for (size_t i = 0; i < RP_RUN_STATS; i++)
        subject->stats[i] = NAN;
    return subject;
}

int rp_run_file_add_check(struct rp_run_file *file, const char *group, const json_t *check)
{
    const char *name = json_string_value(json_object_get(check, "name"));
    double passes = rp_run_number(check, "passes"), fails = rp_run_number(check, "fails");
    struct rp_subject *subject;

    if (!name || !(passes + fails > 0))
        return 0;
    subject = rp_run_file_add(file, RP_SUBJECT_CHECK, RP_RATE, name);
    if (!subject)
        return -ENOMEM;
    subject->group = group;
    subject->stats[RP_RUN_RATE] = passes / (passes + fails);
    subject->count = passes + fails;
    return 0;
}

int rp_run_file_add_threshold(struct rp_run_file *file, struct rp_run_threshold threshold)
{
    int r = grow((void **)&file->thresholds, file->threshold_count, &file->threshold_cap,
                 sizeof(threshold));

    if (r == 0)
        file->thresholds[file->threshold_count++] = threshold;
    return r;
}

/* ---- iterations that went wrong -------------------------------------------------------------- */

static double count_of(const struct rp_run_file *file, const char *name)
{
    for (size_t i = 0; i < file->subject_count; i++)
        if (file->subjects[i].type == RP_COUNTER && strcmp(file->subjects[i].name, name) == 0)
            return isnan(file->subjects[i].count) ? 0 : file->subjects[i].count;
    return 0;
}

/* What must not happen is counted, and is compared as a share of the iterations that were to be
 * made: ten errors are many in a hundred iterations. A program leaves it out when it did not
 * happen. */
static int take_shares(struct rp_run_file *file)
{
    static const char *const names[] = { "dropped_iterations", "iteration_errors" };
    double all = count_of(file, "iterations") + count_of(file, "dropped_iterations") +
                 count_of(file, "interrupted_iterations");

    for (size_t n = 0; all > 0 && n < 2; n++) {
        struct rp_subject *subject = NULL;

        for (size_t i = 0; i < file->subject_count; i++)
            if (strcmp(file->subjects[i].name, names[n]) == 0 &&
                file->subjects[i].type == RP_COUNTER)
                subject = &file->subjects[i];
        if (!subject)
            subject = rp_run_file_add(file, RP_SUBJECT_METRIC, RP_RATE, names[n]);
        if (!subject)
            return -ENOMEM;
        subject->type = RP_RATE;
        subject->stats[RP_RUN_RATE] = isnan(subject->count) ? 0 : fmin(subject->count / all, 1);
        subject->count = all;
        for (size_t i = 0; i < subject->track.count; i++)
            subject->track.points[i].sum /= all;
    }
    return 0;
}

/* ---- which program wrote it ------------------------------------------------------------------ */

/* What a result file of ours cannot lack. */
static const struct {
    const char *name;
    json_type type;
} members[] = {
    { "run", JSON_OBJECT },
    { "summary", JSON_OBJECT },
    { "thresholds", JSON_ARRAY },
    { "checks", JSON_ARRAY },
};

static int check_whole(const json_t *root, const char *path, struct rp_error *err)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const json_t *member = json_object_get(root, members[i].name);

        if (!member || json_typeof(member) != members[i].type)
            return rp_error_set(err, -RP_EUSER,
                                "the result file '%s' is not whole: its member '%s' is %s", path,
                                members[i].name, member ? "of another type" : "missing");
    }
    return 0;
}

static int find_origin(const json_t *root, const char *path, enum rp_run_origin *ret,
                       struct rp_error *err)
{
    const json_t *summary = json_object_get(root, "summary");
    int r;

    if (json_object_get(root, "schema")) {
        *ret = RP_ORIGIN_RAMPA;
        r = rp_result_check_schema(root, path, "compare it", err);
        return r < 0 ? r : check_whole(root, path, err);
    }
    if (json_is_object(json_object_get(summary, "metrics"))) {
        *ret = RP_ORIGIN_REFERENCE;
        return 0;
    }
    if (json_is_object(json_object_get(root, "metrics"))) {
        *ret = RP_ORIGIN_K6;
        return 0;
    }
    rp_error_set(err, -RP_EUSER,
                 "the file '%s' is no result: it has neither 'schema' and 'summary', as those of "
                 "rampa, nor 'metrics', as those of k6",
                 path);
    rp_error_hint(err, "'rampa run load.py --out FILE' writes one; k6 does with --summary-export "
                       "or handleSummary()");
    return -RP_EUSER;
}

int rp_run_file_read(const char *path, const char *name, struct rp_run_file *ret,
                     struct rp_error *err)
{
    static int (*const take[])(struct rp_run_file *) = {
        [RP_ORIGIN_RAMPA] = rp_run_file_take_rampa,
        [RP_ORIGIN_REFERENCE] = rp_run_file_take_reference,
        [RP_ORIGIN_K6] = rp_run_file_take_k6,
    };
    int r;

    *ret = (struct rp_run_file){ .name = name };
    r = rp_result_read(path, &ret->root, err);
    if (r == 0)
        r = find_origin(ret->root, path, &ret->origin, err);
    if (r == 0)
        r = take[ret->origin](ret);
    if (r == 0)
        r = take_shares(ret);
    if (r == 0 && !ret->subject_count)
        r = rp_error_set(err, -RP_EUSER, "the result '%s' has no metric that can be compared",
                         path);
    if (r < 0)
        rp_run_file_deinit(ret);
    return r;
}
