/* SPDX-License-Identifier: MIT */
#include "plan/sources.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static struct rp_source *find(const struct rp_sources *sources, const char *name)
{
    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->items[i].name, name) == 0)
            return &sources->items[i];
    return NULL;
}

static bool has_value(const json_t *fields)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)fields, key, value)
    {
        if (!json_is_null(value))
            return true;
    }
    return false;
}

bool rp_source_has_fields(const struct rp_source *source)
{
    return has_value(source->fields);
}

static int check_name(const struct rp_source *source, struct rp_error *err)
{
    struct rp_where where = { source->where.file, source->where.line, "scenario", NULL };
    char shown[RP_SHOW_SIZE];

    if (rp_name_is_valid(rp_slice_str(source->name)))
        return 0;
    return rp_where_fail(&where, err, "the name must be " RP_NAME_RULE ", unlike %s",
                         rp_show_text(source->name, shown));
}

static int append(struct rp_sources *sources, const struct rp_source *source, struct rp_error *err)
{
    struct rp_source *items;
    int r = check_name(source, err);

    if (r < 0)
        return r;
    items = rp_realloc_array(sources->items, sources->count + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    sources->items = items;
    items[sources->count] = *source;
    items[sources->count].where.kind = "scenario";
    items[sources->count].where.name = source->name;
    sources->count++;
    return 0;
}

/* Checks the shape of one entry of "decorated" or "functions", which the script host wrote. */
static int read_entry(const json_t *entry, const char *list, const char *const *keys, size_t count,
                      struct rp_source *ret, struct rp_error *err)
{
    struct rp_where host = { NULL, 0, "declaration", list };
    char shown[RP_SHOW_SIZE];
    int r;

    *ret = (struct rp_source){ 0 };
    if (!json_is_object(entry))
        return rp_where_fail(&host, err, "expected a dict, not %s", rp_show_json(entry, shown));
    r = rp_json_check_keys(entry, keys, count, &host, err);
    if (r == 0)
        r = rp_json_text_at(entry, "name", &ret->name, &host, err);
    if (r == 0 && !ret->name)
        return rp_where_fail(&host, err, "name is missing");
    ret->where = (struct rp_where){ NULL, 0, "declaration", list };
    return r == 0 ? rp_json_place_at(entry, &ret->where, err) : r;
}

static int read_functions(struct rp_sources *sources, struct rp_error *err)
{
    static const char *const keys[] = { "name", "file", "line" };

    for (size_t i = 0; i < json_array_size(sources->functions); i++) {
        struct rp_source entry;
        int r = read_entry(json_array_get(sources->functions, i), "functions", keys,
                           RP_ARRAY_LEN(keys), &entry, err);

        if (r < 0)
            return r;
    }
    return 0;
}

static int add_decorated(struct rp_sources *sources, const json_t *entry, struct rp_error *err)
{
    static const char *const keys[] = { "name", "exec_fn", "file", "line", "fields" };
    const struct rp_source *twin;
    struct rp_source source;
    const json_t *own;
    int r = read_entry(entry, "decorated", keys, RP_ARRAY_LEN(keys), &source, err);

    if (r == 0)
        r = rp_json_text_at(entry, "exec_fn", &source.exec_fn, &source.where, err);
    if (r == 0)
        r = rp_json_object_at(entry, "fields", &source.fields, &source.where, err);
    if (r < 0)
        return r;
    if (source.exec_fn && !*source.exec_fn)
        return rp_where_fail(&source.where, err, "exec_fn is empty");
    if (!source.exec_fn)
        source.exec_fn = source.name;
    twin = find(sources, source.name);
    if (twin) {
        source.where.kind = "scenario";
        source.where.name = source.name;
        rp_where_fail(&source.where, err, "the name is taken by the function '%s'%s", twin->exec_fn,
                      twin->where.line ? " above" : "");
        rp_error_hint(err, "give one of them a name: @rampa.scenario(name=\"...\")");
        return -RP_EUSER;
    }
    own = json_object_get(sources->scenarios, source.name);
    if (!rp_json_is_absent(own)) { /* config.scenarios has its settings: all of them */
        source.fields = json_is_object(own) ? own : NULL;
        source.is_configured = true;
        if (sources->config.file) {
            source.where.file = sources->config.file;
            source.where.line = sources->config.line;
        }
        rp_json_place(json_object_get(sources->places, source.name), &source.where);
    }
    return append(sources, &source, err);
}

/* A function that is decorated without fields, and that config.scenarios runs under other names, is
 * not run by itself too. */
static bool is_run_by_config(const struct rp_sources *sources, const json_t *entry)
{
    const char *function = text_at(entry, "exec_fn"), *name = text_at(entry, "name"), *key;
    json_t *fields;

    if (!name || has_value(json_object_get(entry, "fields")))
        return false;
    if (!rp_json_is_absent(json_object_get(sources->scenarios, name)))
        return false;
    json_object_foreach((json_t *)sources->scenarios, key, fields)
    {
        const char *exec_fn = text_at(fields, "exec_fn");

        if (exec_fn && strcmp(exec_fn, function ? function : name) == 0)
            return true;
    }
    return false;
}

static int add_configured(struct rp_sources *sources, const char *name, const json_t *fields,
                          struct rp_error *err)
{
    struct rp_source source = { .name = name, .is_configured = true, .where = sources->config };
    struct rp_where where = { sources->config.file, sources->config.line, "scenario", name };
    char shown[RP_SHOW_SIZE];

    if (rp_json_is_absent(fields))
        return 0;
    rp_json_place(json_object_get(sources->places, name), &where);
    source.where.file = where.file;
    source.where.line = where.line;
    if (!json_is_object(fields))
        return rp_where_fail(&where, err, "expected a dict of fields, not %s",
                             rp_show_json(fields, shown));
    if (find(sources, name))
        return 0;
    source.fields = fields;
    return append(sources, &source, err);
}

/* As in k6, a function named "default" is a scenario when nothing else is. */
static int add_default(struct rp_sources *sources, struct rp_error *err)
{
    for (size_t i = 0; i < json_array_size(sources->functions); i++) {
        const json_t *entry = json_array_get(sources->functions, i);
        struct rp_source source = { .name = "default", .exec_fn = "default" };
        int r;

        if (strcmp(text_at(entry, "name"), "default") != 0)
            continue;
        r = rp_json_place_at(entry, &source.where, err);
        return r == 0 ? append(sources, &source, err) : r;
    }
    rp_error_set(err, -RP_EUSER, "%s declares no scenario", sources->script);
    rp_error_hint(err, "decorate an async function with @rampa.scenario(...)");
    return -RP_EUSER;
}

int rp_sources_collect(struct rp_sources *sources, struct rp_error *err)
{
    const char *name;
    json_t *fields;
    size_t mistakes = rp_error_count_kept(err);
    int r = read_functions(sources, err);

    for (size_t i = 0; r == 0 && i < json_array_size(sources->decorated); i++) {
        const json_t *entry = json_array_get(sources->decorated, i);

        if (!is_run_by_config(sources, entry))
            r = rp_error_keep(err, add_decorated(sources, entry, err));
    }
    if (r < 0)
        return r;
    json_object_foreach((json_t *)sources->scenarios, name, fields)
    {
        r = rp_error_keep(err, add_configured(sources, name, fields, err));
        if (r < 0)
            return r;
    }
    if (sources->count || rp_error_count_kept(err) > mistakes)
        return 0;
    return rp_error_keep(err, add_default(sources, err));
}

void rp_sources_deinit(struct rp_sources *sources)
{
    rp_free(sources->items);
    sources->items = NULL;
    sources->count = 0;
}

/* Collects the names of all functions, at most @size of them, and returns how many. */
static size_t function_names(const struct rp_sources *sources, const char **names, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(sources->functions) && count < size; i++)
        names[count++] = text_at(json_array_get(sources->functions, i), "name");
    for (size_t i = 0; i < json_array_size(sources->decorated) && count < size; i++) {
        const json_t *entry = json_array_get(sources->decorated, i);
        const char *function = text_at(entry, "exec_fn");

        names[count++] = function ? function : text_at(entry, "name");
    }
    return count;
}

static bool has_function(const struct rp_sources *sources, const char *function)
{
    for (size_t i = 0; i < json_array_size(sources->functions); i++)
        if (strcmp(text_at(json_array_get(sources->functions, i), "name"), function) == 0)
            return true;
    for (size_t i = 0; i < json_array_size(sources->decorated); i++) {
        const json_t *entry = json_array_get(sources->decorated, i);
        const char *name = text_at(entry, "exec_fn");

        name = name ? name : text_at(entry, "name");
        if (name && strcmp(name, function) == 0)
            return true;
    }
    return false;
}

const char *rp_sources_default_function(const struct rp_sources *sources,
                                        const struct rp_source *source)
{
    if (source->exec_fn)
        return source->exec_fn;
    if (has_function(sources, source->name))
        return source->name;
    return has_function(sources, "default") ? "default" : NULL;
}

int rp_sources_check_function(const struct rp_sources *sources, const struct rp_source *source,
                              const char *function, struct rp_error *err)
{
    const char *names[256];
    size_t count;
    char shown[RP_SHOW_SIZE];

    if (function && has_function(sources, function))
        return 0;
    count = function_names(sources, names, RP_ARRAY_LEN(names));
    if (function) {
        rp_where_fail(&source->where, err, "exec_fn: %s has no function %s", sources->script,
                      rp_show_text(function, shown));
        rp_error_suggest(err, rp_suggest(rp_slice_str(function), names, count));
    } else {
        rp_where_fail(&source->where, err, "exec_fn is missing, and %s has no function '%s'",
                      sources->script, source->name);
    }
    if (err && !err->hint && count)
        rp_error_hint(err, "name one of its functions, such as exec_fn=\"%s\"", names[0]);
    return -RP_EUSER;
}
