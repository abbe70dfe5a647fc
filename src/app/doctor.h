/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/doctor.h - what on this machine would limit a test: the findings, apart from how they are
 * printed.
 */

#include <stdbool.h>
#include <stddef.h>

#include "app/run.h"
#include "base/buf.h"
#include "ui/report.h"

enum rp_finding_verdict {
    RP_FINDING_OK,
    RP_FINDING_WARNING, /* a big test would hit it */
    RP_FINDING_ERROR,   /* no test can run */
};
const char *rp_finding_verdict_name(enum rp_finding_verdict verdict); /* "ok", "warning", "error" */

struct rp_finding {
    const char *id;    /* of the JSON report: "open_files" */
    const char *title; /* of the text report: "open files" */
    enum rp_finding_verdict verdict;
    char value[384];  /* what was found; empty strings mean there is nothing to say */
    char limits[384]; /* what it limits */
    char remedy[384]; /* the command that lifts it */
};

enum { RP_FINDINGS_MAX = 16 };
/* The packages of Python that a script or a tool may look for, in the order of the report. */
enum { RP_DOCTOR_PACKAGES = 3 };
extern const char *const rp_doctor_packages[RP_DOCTOR_PACKAGES];

struct rp_doctor_report { /* zeroed is valid */
    struct rp_finding findings[RP_FINDINGS_MAX];
    size_t count;
    /* Of the interpreter and its packages; "" = it does not run, or has no such package. */
    char python_version[24], package_versions[RP_DOCTOR_PACKAGES][40];
};

struct rp_doctor_place {
    const char *root;   /* put before /proc and /sys: "", or the folder of a test */
    const char *python; /* interpreter to try */
    int timeout_ms;     /* how long it may take to answer */
};

/* A new finding with the verdict ok, to be filled. */
struct rp_finding *rp_doctor_add(struct rp_doctor_report *report, const char *id,
                                 const char *title);

/* Each adds its findings; what cannot be read becomes a finding that says so. */
void rp_doctor_build(struct rp_doctor_report *report);
void rp_doctor_loop(struct rp_doctor_report *report, const struct rp_doctor_place *place);
void rp_doctor_tls(struct rp_doctor_report *report);
void rp_doctor_limits(struct rp_doctor_report *report, const struct rp_doctor_place *place);
void rp_doctor_machine(struct rp_doctor_report *report, const struct rp_doctor_place *place);
void rp_doctor_python(struct rp_doctor_report *report, const struct rp_doctor_place *place);

/* How many findings have @verdict. */
size_t rp_doctor_count(const struct rp_doctor_report *report, enum rp_finding_verdict verdict);
void rp_doctor_write_text(const struct rp_doctor_report *report, struct rp_style style,
                          struct rp_buf *out);
/* docs/doctor.md describes it. 0 or -ENOMEM. */
RP_NODISCARD int rp_doctor_write_json(const struct rp_doctor_report *report, struct rp_buf *out);
