/* SPDX-License-Identifier: MIT */
#include "output/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/duration.h"

enum { KINDS_MAX = 32, LIST_MAX = 1 << 12 };
#define WAIT_MAX (3600 * RP_S)

/* ---- names ----------------------------------------------------------------------------------- */

static struct rp_slice name_of(const char *spec)
{
    return rp_slice_trim(rp_slice(spec, strcspn(spec, "=")));
}

const char *rp_output_spec_destination(const char *spec)
{
    const char *equals = strchr(spec, '=');

    return equals ? equals + 1 + strspn(equals + 1, " ") : "";
}

static const struct rp_output_kind *find_kind(const struct rp_output_kind *const *kinds,
                                              struct rp_slice name)
{
    const struct rp_output_kind *open = NULL;

    for (; *kinds; kinds++) {
        if (rp_slice_eq(rp_slice_str((*kinds)->name), name))
            return *kinds;
        if ((*kinds)->is_open)
            open = *kinds;
    }
    return name.len ? open : NULL;
}

const struct rp_output_kind *rp_output_spec_kind(const struct rp_output_kind *const *kinds,
                                                 const char *spec)
{
    return find_kind(kinds, name_of(spec));
}

/* "a, b, c". */
static void list_kinds(struct rp_buf *out, const struct rp_output_kind *const *kinds)
{
    for (size_t i = 0; kinds[i]; i++)
        rp_buf_appendf(out, "%s%s", i ? ", " : "", kinds[i]->name);
}

static int unknown_kind(const struct rp_output_kind *const *kinds, const char *origin,
                        struct rp_slice name, struct rp_error *err)
{
    const char *names[KINDS_MAX], *nearest;
    struct rp_buf list;
    size_t count = 0;

    for (; kinds[count] && count < KINDS_MAX; count++)
        names[count] = kinds[count]->name;
    nearest = rp_suggest(name, names, count);
    rp_buf_init(&list, LIST_MAX);
    list_kinds(&list, kinds);
    rp_error_set(err, -RP_EUSER, "%s: there is no output '%.*s'; the outputs are %s", origin,
                 (int)name.len, name.ptr, rp_buf_str(&list));
    if (nearest)
        rp_error_suggest(err, nearest);
    rp_buf_deinit(&list);
    return -RP_EUSER;
}

/* ---- options --------------------------------------------------------------------------------- */

static const struct rp_output_option *find_option(const struct rp_output_kind *kind,
                                                  struct rp_slice key)
{
    for (const struct rp_output_option *row = kind->options; row && row->key; row++)
        if (rp_slice_eq(rp_slice_str(row->key), key))
            return row;
    return NULL;
}

/* Splits "csv.sample=1/10". False when it has not this form. The key has no dot; a name may. */
static bool split_option(const char *text, struct rp_slice *ret_name, struct rp_slice *ret_key,
                         const char **ret_value)
{
    const char *equals = strchr(text, '=');
    const char *dot = equals ? memrchr(text, '.', (size_t)(equals - text)) : NULL;

    if (!dot)
        return false;
    *ret_name = rp_slice(text, (size_t)(dot - text));
    *ret_key = rp_slice(dot + 1, (size_t)(equals - dot - 1));
    *ret_value = equals + 1;
    return true;
}

bool rp_output_option_at(const struct rp_output_spec *spec, size_t n, struct rp_slice *ret_key,
                         const char **ret_value)
{
    struct rp_slice name;

    for (size_t i = 0; i < spec->option_count; i++)
        if (split_option(spec->options[i].value, &name, ret_key, ret_value) &&
            rp_slice_eq(name, spec->name) && n-- == 0)
            return true;
    return false;
}

const char *rp_output_option_nth(const struct rp_output_spec *spec, const char *key, size_t n)
{
    struct rp_slice its_key;
    const char *value;

    for (size_t i = 0; rp_output_option_at(spec, i, &its_key, &value); i++)
        if (rp_slice_eq_str(its_key, key) && n-- == 0)
            return value;
    return NULL;
}

const char *rp_output_option(const struct rp_output_spec *spec, const char *key)
{
    const struct rp_output_option *row = find_option(spec->kind, rp_slice_str(key));
    const char *ret = NULL, *next;

    rp_assert(row);
    for (size_t n = 0; (next = rp_output_option_nth(spec, key, n)); n++)
        ret = next;
    return ret || !row->env ? ret : getenv(row->env);
}

int rp_output_option_wait(const struct rp_output_spec *spec, rp_ns fallback, rp_ns *ret,
                          struct rp_error *err)
{
    const char *text = rp_output_option(spec, "wait");

    *ret = fallback;
    if (!text || (rp_duration_parse(rp_slice_str(text), ret, NULL) == 0 && *ret <= WAIT_MAX))
        return 0;
    return rp_error_set(err, -RP_EUSER, "the option %.*s.wait is '%s', which is no time up to 1h",
                        RP_SLICE_FMT(spec->name), text);
}

int rp_output_option_sample(const struct rp_output_spec *spec, int64_t *ret, struct rp_error *err)
{
    const char *text = rp_output_option(spec, "sample");

    *ret = 1;
    if (!text ||
        (strncmp(text, "1/", 2) == 0 && rp_parse_i64(rp_slice_str(text + 2), ret) && *ret >= 1))
        return 0;
    rp_error_set(err, -RP_EUSER, "the option %.*s.sample is '%s', which is not 1/N",
                 RP_SLICE_FMT(spec->name), text);
    rp_error_hint(err, "%.*s.sample=1/10 takes every tenth sample of each series",
                  RP_SLICE_FMT(spec->name));
    return -RP_EUSER;
}

static int unknown_key(const struct rp_output_kind *kind, const struct rp_override *option,
                       struct rp_slice key, struct rp_error *err)
{
    struct rp_buf list;

    rp_buf_init(&list, LIST_MAX);
    for (const struct rp_output_option *row = kind->options; row && row->key; row++)
        rp_buf_appendf(&list, "%s%s", list.len ? ", " : "", row->key);
    rp_error_set(err, -RP_EUSER, "%s: the output '%s' has no option '%.*s'", option->origin,
                 kind->name, (int)key.len, key.ptr);
    if (list.len)
        rp_error_hint(err, "its options are %s", rp_buf_str(&list));
    else
        rp_error_hint(err, "it has no options");
    rp_buf_deinit(&list);
    return -RP_EUSER;
}

/* Whether an output of this name is asked for. */
static bool is_given(const struct rp_outputs_given *given, struct rp_slice name)
{
    for (size_t i = 0; i < given->spec_count; i++)
        if (rp_slice_eq(name_of(given->specs[i].value), name))
            return true;
    return false;
}

/* The value is never shown: it may be a password. */
static int check_option(const struct rp_output_kind *const *kinds,
                        const struct rp_outputs_given *given, const struct rp_override *option,
                        struct rp_error *err)
{
    const struct rp_output_kind *kind;
    struct rp_slice name, key;
    const char *value;

    if (!split_option(option->value, &name, &key, &value)) {
        rp_error_set(err, -RP_EUSER, "%s: the name of the option is not OUTPUT.KEY",
                     option->origin);
        rp_error_hint(err, "write %s csv.sample=1/10", option->origin);
        return -RP_EUSER;
    }
    kind = find_kind(kinds, name);
    if (!kind || (kind->is_open && !memchr(name.ptr, ':', name.len) && !is_given(given, name)))
        return unknown_kind(kinds, option->origin, name, err);
    if (!kind->is_open && !find_option(kind, key))
        return unknown_key(kind, option, key, err);
    if (is_given(given, name))
        return 0;
    rp_error_set(err, -RP_EUSER,
                 "%s: there is an option of the output '%.*s', which is not asked for",
                 option->origin, RP_SLICE_FMT(name));
    rp_error_hint(err, "add --output %.*s%s", RP_SLICE_FMT(name),
                  kind->destination == RP_DESTINATION_FILE  ? "=FILE"
                  : kind->destination == RP_DESTINATION_URL ? "=URL"
                                                            : "");
    return -RP_EUSER;
}

/* ---- outputs --------------------------------------------------------------------------------- */

static int check_destination(const struct rp_override *given, const struct rp_output_kind *kind,
                             const char *destination, struct rp_error *err)
{
    const char *placeholder = kind->destination == RP_DESTINATION_URL ? "URL" : "FILE";

    if (kind->destination == RP_DESTINATION_NONE && *destination) {
        rp_error_set(err, -RP_EUSER, "%s: the output '%s' has no destination", given->origin,
                     kind->name);
        rp_error_hint(err, "write %s %s", given->origin, kind->name);
        return -RP_EUSER;
    }
    if ((kind->destination != RP_DESTINATION_FILE && kind->destination != RP_DESTINATION_URL) ||
        *destination)
        return 0;
    rp_error_set(err, -RP_EUSER, "%s: the output '%s' needs a destination", given->origin,
                 kind->name);
    rp_error_hint(err, "write %s %s=%s", given->origin, kind->name, placeholder);
    return -RP_EUSER;
}

/* The same output twice would send everything twice. */
static int check_twice(const struct rp_override *specs, size_t index, struct rp_error *err)
{
    const char *destination = rp_output_spec_destination(specs[index].value);
    struct rp_slice name = name_of(specs[index].value);

    for (size_t i = 0; i < index; i++) {
        if (strcmp(rp_output_spec_destination(specs[i].value), destination) != 0 ||
            !rp_slice_eq(name_of(specs[i].value), name))
            continue;
        rp_error_set(err, -RP_EUSER,
                     "%s: the output '%.*s' is given twice with the same destination",
                     specs[index].origin, RP_SLICE_FMT(name));
        rp_error_hint(err, "leave one of them out");
        return -RP_EUSER;
    }
    return 0;
}

static int make_one(const struct rp_output_kind *const *kinds, const struct rp_outputs_given *given,
                    size_t index, struct rp_output **ret, struct rp_error *err)
{
    const struct rp_override *asked = &given->specs[index];
    struct rp_output_spec spec = { .kind = rp_output_spec_kind(kinds, asked->value),
                                   .name = name_of(asked->value),
                                   .destination = rp_output_spec_destination(asked->value),
                                   .options = given->options,
                                   .option_count = given->option_count,
                                   .python = given->python,
                                   .script = given->script };
    int r;

    if (!spec.kind)
        return unknown_kind(kinds, asked->origin, spec.name, err);
    r = check_destination(asked, spec.kind, spec.destination, err);
    if (r == 0)
        r = check_twice(given->specs, index, err);
    if (r < 0)
        return r;
    r = spec.kind->make(&spec, ret, err);
    if (r == -ENOENT)
        return unknown_kind(kinds, asked->origin, spec.name, err);
    return r == -RP_EUSER ? rp_error_prefix(err, r, asked->origin) : r;
}

int rp_outputs_new(const struct rp_output_kind *const *kinds, struct rp_sinks *sinks,
                   const struct rp_outputs_given *given, struct rp_output **ret,
                   struct rp_error *err)
{
    struct rp_output **last = ret;
    int r = 0;

    *ret = NULL;
    for (size_t i = 0; r == 0 && i < given->spec_count; i++) {
        r = make_one(kinds, given, i, last, err);
        if (r < 0)
            break;
        rp_sinks_add(sinks, &(*last)->sink, (*last)->ops);
        last = &(*last)->next;
    }
    for (size_t i = 0; r == 0 && i < given->option_count; i++)
        r = check_option(kinds, given, &given->options[i], err);
    if (r < 0) {
        rp_outputs_free(*ret);
        *ret = NULL;
    }
    return r;
}

void rp_outputs_free(struct rp_output *first)
{
    while (first) {
        struct rp_output *next = first->next;

        rp_sink_remove(&first->sink);
        first->free(first);
        first = next;
    }
}
