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
struct rp_outputs_given;

enum rp_output_destination {
    RP_DESTINATION_NONE,          /* it has none */
    RP_DESTINATION_FILE,          /* the path of a file; "-" is standard output */
    RP_DESTINATION_OPTIONAL_FILE, /* the same, or none */
    RP_DESTINATION_URL,
    RP_DESTINATION_OPTIONAL_URL, /* the same, or one that the output knows by itself */
    RP_DESTINATION_OWN,          /* whatever the output understands, or none */
};

struct rp_output_option {
    const char *key;  /* --output-option NAME.KEY=VALUE */
    const char *env;  /* the environment variable that stands in for it, or NULL */
    const char *help; /* what the value is, as a part of a sentence */
};

struct rp_output_kind {
    const char *name; /* of one with is_open: what stands for its names in messages */
    enum rp_output_destination destination;
    const char *help;                       /* what it writes, as a part of a sentence */
    const struct rp_output_option *options; /* NULL = none; the last one has no key */
    /* Its outputs have names that only it knows: it gets each name that no other kind has, and takes
     * options with other keys than those above. At most one of a list is such a kind. */
    bool is_open;
    /* Makes an output. It is not among the sinks yet, and has opened no file and no connection.
     * -RP_EUSER for a wrong destination or option; the message needs no origin. -ENOENT without a
     * message: is_open, and it does not know the name either. */
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
    struct rp_slice name;    /* the kind's, unless that is_open */
    const char *destination; /* "" when there is none */
    const struct rp_override *options;
    size_t option_count;
    const char *python, *script; /* as below */
};

/* What the user has asked for. Everything it points to is borrowed until the outputs are freed. */
struct rp_outputs_given {
    const struct rp_override *specs; /* "csv=FILE", each with its origin for messages */
    size_t spec_count;
    const struct rp_override *options; /* "csv.sample=1/10" */
    size_t option_count;
    /* For outputs that are written in Python: the interpreter, and the script beside which their
     * modules may stand, or the folder of these; NULL = there is none. */
    const char *python, *script;
};

/* Whether the destination is the path of a file, if there is one. */
static inline bool rp_output_has_file(const struct rp_output_kind *kind)
{
    return kind->destination == RP_DESTINATION_FILE ||
           kind->destination == RP_DESTINATION_OPTIONAL_FILE;
}

/* The value of an option: of the last --output-option that gives it, else of the environment, else
 * NULL. */
const char *rp_output_option(const struct rp_output_spec *spec, const char *key);
/* The @n-th --output-option that gives @key, from 0 on, or NULL: for one that may be given several
 * times. */
const char *rp_output_option_nth(const struct rp_output_spec *spec, const char *key, size_t n);
/* The @n-th --output-option of this output, whatever its key is, from 0 on. False: there are no
 * more. */
bool rp_output_option_at(const struct rp_output_spec *spec, size_t n, struct rp_slice *ret_key,
                         const char **ret_value);
/* The option "wait", a time; @fallback when it is not given. -RP_EUSER. */
RP_NODISCARD int rp_output_option_wait(const struct rp_output_spec *spec, rp_ns fallback,
                                       rp_ns *ret, struct rp_error *err);
/* The option "sample", "1/N"; 1 when it is not given. -RP_EUSER. */
RP_NODISCARD int rp_output_option_sample(const struct rp_output_spec *spec, int64_t *ret,
                                         struct rp_error *err);
/* The option that all outputs have that take samples one by one. */
#define RP_SAMPLE_OPTION                                                                           \
    {                                                                                              \
        .key = "sample", .help = "1/N: of each series every N-th sample only, from the first on"   \
    }

/* Makes the outputs that are asked for, and adds them to @sinks in this order. @kinds: all there
 * are, NULL at the end. *ret is the first of them; NULL when there is none. -RP_EUSER, with the
 * kinds that there are when one is not known; -ENOMEM. */
RP_NODISCARD int rp_outputs_new(const struct rp_output_kind *const *kinds, struct rp_sinks *sinks,
                                const struct rp_outputs_given *given, struct rp_output **ret,
                                struct rp_error *err);
/* Removes them from the sinks. NULL is allowed. */
void rp_outputs_free(struct rp_output *first);
/* The destination in @spec ("csv=-": "-"), "" when there is none; borrowed. */
const char *rp_output_spec_destination(const char *spec);
/* The kind that @spec names, or NULL. One that is_open may turn out not to know the name. */
const struct rp_output_kind *rp_output_spec_kind(const struct rp_output_kind *const *kinds,
                                                 const char *spec);
