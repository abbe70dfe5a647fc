/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <errno.h>
#include <string.h>

#include "output/result_read.h"
#include "report/assets.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* What the page reads. */
static const struct {
    const char *name;
    json_type type;
} members[] = {
    { "version", JSON_STRING },    { "run", JSON_OBJECT },       { "summary", JSON_OBJECT },
    { "thresholds", JSON_ARRAY },  { "checks", JSON_ARRAY },     { "errors", JSON_OBJECT },
    { "accounting", JSON_ARRAY },  { "warnings", JSON_ARRAY },   { "workers", JSON_ARRAY },
    { "machine", JSON_OBJECT },    { "generator", JSON_OBJECT }, { "series", JSON_OBJECT },
    { "histograms", JSON_OBJECT },
};

static int check_result(const char *path, const json_t *root, struct rp_error *err)
{
    int r = rp_result_check_schema(root, path, "read it", err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const json_t *member = json_object_get(root, members[i].name);

        if (!member || json_typeof(member) != members[i].type)
            return rp_error_set(err, -RP_EUSER,
                                "the result file '%s' is not whole: its member '%s' is %s", path,
                                members[i].name, member ? "of another type" : "missing");
    }
    return 0;
}

int rp_report_read(const char *path, json_t **ret, struct rp_error *err)
{
    json_t *root = NULL;
    int r = rp_result_read(path, &root, err);

    if (r == 0)
        r = check_result(path, root, err);
    if (r < 0)
        json_decref(root);
    else
        *ret = root;
    return r;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* jansson hands over pieces of JSON. "<" stands in texts only, and is escaped there: what a server
 * said must not end the block of data. */
static int append_escaped(const char *text, size_t size, void *context)
{
    struct rp_buf *out = context;
    const char *end = text + size;

    while (text < end) {
        const char *next = memchr(text, '<', (size_t)(end - text));

        rp_buf_append(out, text, (size_t)((next ? next : end) - text));
        if (!next)
            break;
        rp_buf_append_str(out, "\\u003c");
        text = next + 1;
    }
    return out->error ? -1 : 0;
}

static int append_json(struct rp_buf *out, const json_t *value)
{
    return json_dump_callback(value, append_escaped, out,
                              JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) < 0
               ? (out->error ? out->error : -ENOMEM)
               : 0;
}

static void drop_encoded(json_t *result)
{
    const char *name;
    json_t *histogram;

    json_object_foreach(json_object_get(result, "histograms"), name, histogram)
    {
        json_object_del(histogram, "data");
    }
}

static int append_data(struct rp_buf *out, const struct rp_report_input *inputs, size_t count)
{
    int r = 0;

    rp_buf_append_str(out, "<script type=\"application/json\" id=\"data\">[");
    for (size_t i = 0; r == 0 && i < count; i++) {
        json_t *name = json_string(inputs[i].name);

        if (!name)
            name = json_string("(a name that is no UTF-8)");
        if (!name)
            return -ENOMEM;
        drop_encoded(inputs[i].result);
        rp_buf_append_str(out, i ? ",\n{\"name\":" : "\n{\"name\":");
        r = append_json(out, name);
        rp_buf_append_str(out, ",\"result\":");
        if (r == 0)
            r = append_json(out, inputs[i].result);
        rp_buf_append_str(out, "}");
        json_decref(name);
    }
    rp_buf_append_str(out, "\n]</script>\n");
    return r;
}

/* The drawing of both pages is the same; each has a script of its own. */
#define SCRIPT_OF_RESULTS "page.js"
#define SCRIPT_OF_RUN "live.js"

static bool belongs(const struct rp_report_asset *asset, const char *script)
{
    const char *other = strcmp(script, SCRIPT_OF_RUN) == 0 ? SCRIPT_OF_RESULTS : SCRIPT_OF_RUN;

    return strcmp(asset->name, other) != 0;
}

static void append_hashes(struct rp_buf *out, const struct rp_report_asset *asset,
                          const char *script)
{
    for (; asset->text.len; asset++)
        if (belongs(asset, script))
            rp_buf_appendf(out, " 'sha256-%s'", asset->hash);
}

static void append_assets(struct rp_buf *out, const struct rp_report_asset *asset, const char *tag,
                          const char *script)
{
    for (; asset->text.len; asset++) {
        if (!belongs(asset, script))
            continue;
        rp_buf_appendf(out, "<%s>", tag);
        rp_buf_append_slice(out, asset->text);
        rp_buf_appendf(out, "</%s>\n", tag);
    }
}

/* @policy: what the page may ask for. @icon: an element, or nothing. */
static void append_head(struct rp_buf *out, const char *script, const char *policy,
                        const char *icon)
{
    rp_buf_append_str(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                           "'none'; base-uri 'none'; form-action 'none'");
    rp_buf_appendf(out, "%s; style-src", policy);
    append_hashes(out, rp_report_styles, script);
    rp_buf_append_str(out, "; script-src");
    append_hashes(out, rp_report_scripts, script);
    rp_buf_append_str(out, "\">\n<meta name=\"viewport\" content=\"width=device-width, "
                           "initial-scale=1\">\n<title>rampa</title>\n");
    rp_buf_append_str(out, icon);
    append_assets(out, rp_report_styles, "style", script);
    rp_buf_append_str(out, "</head>\n<body>\n<main></main>\n<noscript>This page is drawn by the "
                           "browser, and JavaScript is switched off here.</noscript>\n");
}

static void append_tail(struct rp_buf *out, const char *script)
{
    append_assets(out, rp_report_scripts, "script", script);
    rp_buf_append_str(out, "</body>\n</html>\n");
}

int rp_report_write(const struct rp_report_input *inputs, size_t count, struct rp_buf *out)
{
    int r;

    append_head(out, SCRIPT_OF_RESULTS, "", "");
    r = append_data(out, inputs, count);
    append_tail(out, SCRIPT_OF_RESULTS);
    return r < 0 ? r : out->error;
}

int rp_report_write_live(struct rp_buf *out)
{
    /* Without an icon browsers ask the run for one, which it has not, and complain. */
    append_head(out, SCRIPT_OF_RUN, "; img-src data:; connect-src 'self'",
                "<link rel=\"icon\" href=\"data:,\">\n");
    append_tail(out, SCRIPT_OF_RUN);
    return out->error;
}
