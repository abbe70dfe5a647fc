/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/output.h - the outputs that --output names: where the numbers of a run go while it runs, or
 * its result when it is over.
 *
 * An output is a sink (run/sink.h) that is made from a text, NAME=DESTINATION, and from options that
 * are named too. Each kind of output is one row, a struct rp_output_kind. Who knows all kinds hands
 * the list of them to rp_outputs_new(). What an output loses it counts, and the run ends with
 * RP_EXIT_OUTPUT then.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "run/sink.h"

struct rp_output;
struct rp_output_spec;

enum rp_output_destination {
    RP_DESTINATION_NONE,          /* it has none */
    RP_DESTINATION_FILE,          /* the path of a file; "-" is standard output */
    RP_DESTINATION_OPTIONAL_FILE, /* the same, or none */
    RP_DESTINATION_URL,
    RP_DESTINATION_OPTIONAL_URL, /* the same, or one that the output knows by itself */
};

struct rp_output_option {
    const char *key;  /* --output-option NAME.KEY=VALUE */
    const char *env;  /* the environment variable that stands in for it, or NULL */
    const char *help; /* what the value is, as a part of a sentence */
};

struct rp_output_kind {
    const char *name;
    enum rp_output_destination destination;
    const char *help;                       /* what it writes, as a part of a sentence */
    const struct rp_output_option *options; /* NULL = none; the last one has no key */
    /* Makes an output. It is not among the sinks yet, and has opened nothing. -RP_EUSER for a wrong
     * destination or option; the message needs no origin. */
    int (*make)(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err);
};

/* A part of every output; its first member. */
struct rp_output {
    struct rp_sink sink;
    const struct rp_sink_ops *ops; /* set by make() */
    void (*free)(struct rp_output *output);
    struct rp_output *next; /* private */
};

/* What an output is made from. Texts are borrowed and outlive the output. */
struct rp_output_spec {
    const struct rp_output_kind *kind;
    const char *destination; /* "" when there is none */
    const struct rp_override *options;
    size_t option_count;
};

static inline bool rp_output_has_url(const struct rp_output_kind *kind)
{
    return kind->destination == RP_DESTINATION_URL ||
           kind->destination == RP_DESTINATION_OPTIONAL_URL;
}

/* The value of an option: of the last --output-option that gives it, else of the environment, else
 * NULL. */
const char *rp_output_option(const struct rp_output_spec *spec, const char *key);
/* The @n-th --output-option that gives @key, from 0 on, or NULL: for one that may be given several
 * times. */
const char *rp_output_option_nth(const struct rp_output_spec *spec, const char *key, size_t n);

/* Makes the outputs that @specs name ("csv=FILE", each with its origin for messages) with @options
 * ("csv.sample=1/10"), and adds them to @sinks in this order. @kinds: all there are, NULL at the
 * end. All texts are borrowed until the outputs are freed. *ret is the first of them; NULL when
 * there is none. -RP_EUSER, with the kinds that there are when one is not known; -ENOMEM. */
RP_NODISCARD int rp_outputs_new(const struct rp_output_kind *const *kinds, struct rp_sinks *sinks,
                                const struct rp_override *specs, size_t spec_count,
                                const struct rp_override *options, size_t option_count,
                                struct rp_output **ret, struct rp_error *err);
/* Removes them from the sinks. NULL is allowed. */
void rp_outputs_free(struct rp_output *first);
/* The destination in @spec ("csv=-": "-"), "" when there is none; borrowed. */
const char *rp_output_spec_destination(const char *spec);
/* The kind that @spec names, or NULL. */
const struct rp_output_kind *rp_output_spec_kind(const struct rp_output_kind *const *kinds,
                                                 const char *spec);
