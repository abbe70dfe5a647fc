/* SPDX-License-Identifier: MIT */
#include "report/items_show.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    ROWS_MAX = 20, /* of a list; --format json has all of them */
    IDS_MAX = 10,
    TEXT_COLS = 160
};

int rp_items_put_json(const json_t *object, struct rp_buf *out)
{
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));

    if (!text)
        return -ENOMEM;
    rp_buf_appendf(out, "%s\n", text);
    free(text);
    return out->error;
}

/* ---- values ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static long long count_of(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

static void put_times(struct rp_buf *out, long long count)
{
    rp_buf_appendf(out, "%lld time%s", count, count == 1 ? "" : "s");
}

static void put(struct rp_buf *out, const char *text, size_t cols)
{
    rp_text_append(out, rp_slice_str(text), cols);
}

/* " 12.3 ms" behind its name, or nothing when it is not known. */
static void put_ms(struct rp_buf *out, const char *label, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (json_is_number(value))
        rp_buf_appendf(out, "  %s %.2f ms", label, json_number_value(value));
}

/* Each line of @text, behind @mark. */
static void put_lines(struct rp_buf *out, const char *mark, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        rp_buf_append_str(out, mark);
        rp_text_append(out, rp_slice(text, len), SIZE_MAX);
        rp_buf_append_str(out, "\n");
        text += len + (text[len] == '\n');
    }
}

static void put_ids(struct rp_buf *out, const json_t *ids)
{
    size_t count = json_array_size(ids);

    for (size_t i = 0; i < count && i < IDS_MAX; i++) {
        rp_buf_append_str(out, i ? " " : "  kept: ");
        put(out, json_string_value(json_array_get(ids, i)), TEXT_COLS);
    }
    if (count > IDS_MAX)
        rp_buf_appendf(out, " and %zu more", count - IDS_MAX);
}

/* ---- a line for each ------------------------------------------------------------------------- */

static void put_failed_request(struct rp_buf *out, const json_t *row)
{
    const json_t *example = json_object_get(row, "example");
    const char *error = text_of(row, "error"), *status = text_of(row, "status");

    put_times(out, count_of(row, "count"));
    rp_buf_append_str(out, ": ");
    put(out, *error ? error : "status", TEXT_COLS);
    if (*status && strcmp(status, "0") != 0) {
        rp_buf_append_str(out, " ");
        put(out, status, TEXT_COLS);
    }
    if (*text_of(example, "name")) {
        rp_buf_append_str(out, ", such as ");
        put(out, text_of(example, "method"), TEXT_COLS);
        rp_buf_append_str(out, *text_of(example, "method") ? " " : "");
        put(out, text_of(example, "name"), TEXT_COLS);
    }
    put_ids(out, json_object_get(row, "exchanges"));
}

static void put_exception(struct rp_buf *out, const json_t *row)
{
    put_times(out, count_of(row, "count"));
    rp_buf_append_str(out, ": ");
    put(out, text_of(row, "type"), TEXT_COLS);
    rp_buf_append_str(out, ": ");
    put(out, text_of(row, "message"), TEXT_COLS);
    rp_buf_append_str(out, ", at ");
    put(out, text_of(row, "place"), TEXT_COLS);
}

static void put_request(struct rp_buf *out, const json_t *row)
{
    const json_t *duration = json_object_get(row, "duration");
    const char *name = text_of(row, "name");

    put(out, *name ? name : "(other requests)", TEXT_COLS);
    rp_buf_appendf(out, ": %lld requests, %lld failed", count_of(row, "count"),
                   count_of(row, "failed"));
    put_ms(out, "med", duration, "med");
    put_ms(out, "p(95)", duration, "p(95)");
    put_ms(out, "p(99)", duration, "p(99)");
    put_ms(out, "max", duration, "max");
}

static void put_row(struct rp_buf *out, const json_t *row)
{
    const char *id = text_of(row, "id");

    put(out, id, TEXT_COLS);
    rp_buf_append_str(out, "  ");
    if (*id == 'e')
        put_failed_request(out, row);
    else if (*id == 'i')
        put_exception(out, row);
    else
        put_request(out, row);
    rp_buf_append_str(out, "\n");
}

int rp_items_show_rows(const json_t *rows, struct rp_buf *out)
{
    size_t count = json_array_size(rows);

    if (!count)
        rp_buf_append_str(out, "There are none.\n");
    for (size_t i = 0; i < count && i < ROWS_MAX; i++)
        put_row(out, json_array_get(rows, i));
    if (count > ROWS_MAX)
        rp_buf_appendf(out, "and %zu more; --format json has all of them\n", count - ROWS_MAX);
    return out->error;
}

/* ---- one of them ----------------------------------------------------------------------------- */

static void show_head(struct rp_buf *out, const char *mark, const json_t *half)
{
    const json_t *pair;
    size_t i;

    put_lines(out, mark, text_of(half, "line"));
    json_array_foreach(json_object_get(half, "headers"), i, pair)
    {
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));

        rp_buf_append_str(out, mark);
        put(out, name ? name : "", SIZE_MAX);
        rp_buf_append_str(out, ": ");
        put(out, value ? value : "", SIZE_MAX);
        rp_buf_append_str(out, "\n");
    }
}

/* A request or an answer, each line behind "> " or "< ". */
static void show_half(struct rp_buf *out, const char *mark, const json_t *half)
{
    const json_t *body = json_object_get(half, "body");
    const char *text = text_of(body, "text");

    if (!json_is_object(half))
        return;
    show_head(out, mark, half);
    if (*text) {
        rp_buf_appendf(out, "%s\n", mark);
        put_lines(out, mark, text);
    }
    if (count_of(body, "bytes") > (*text ? count_of(body, "start") : 0))
        rp_buf_appendf(out, "%s(a body of %lld bytes)\n", mark, count_of(body, "bytes"));
}

static void show_exchange(struct rp_buf *out, const json_t *row)
{
    bool is_first = true;
    const json_t *value;
    const char *name;

    put(out, text_of(row, "url"), SIZE_MAX);
    rp_buf_append_str(out, "\n");
    if (json_is_string(json_object_get(row, "scenario"))) {
        rp_buf_append_str(out, "scenario ");
        put(out, text_of(row, "scenario"), TEXT_COLS);
        if (json_is_integer(json_object_get(row, "vu")))
            rp_buf_appendf(out, ", VU %lld, iteration %lld", count_of(row, "vu"),
                           count_of(row, "iteration"));
        rp_buf_append_str(out, ", ");
    }
    rp_buf_append_str(out, "ended ");
    put(out, text_of(row, "ended"), TEXT_COLS);
    if (*text_of(row, "remote")) {
        rp_buf_append_str(out, ", server ");
        put(out, text_of(row, "remote"), TEXT_COLS);
    }
    rp_buf_append_str(out, "\n");
    json_object_foreach((json_t *)json_object_get(row, "times"), name, value)
    {
        if (json_number_value(value) > 0) {
            rp_buf_append_str(out, is_first ? "" : "  ");
            put(out, name, TEXT_COLS);
            rp_buf_appendf(out, " %.2f ms", json_number_value(value));
            is_first = false;
        }
    }
    rp_buf_append_str(out, is_first ? "" : "\n");
    show_half(out, "> ", json_object_get(row, "request"));
    show_half(out, "< ", json_object_get(row, "response"));
    if (*text_of(row, "error")) {
        rp_buf_append_str(out, "error: ");
        put(out, text_of(row, "error"), SIZE_MAX);
        rp_buf_append_str(out, "\n");
    }
}

static void show_statuses(struct rp_buf *out, const json_t *row)
{
    const json_t *value;
    const char *name;

    json_object_foreach((json_t *)json_object_get(row, "statuses"), name, value)
    {
        rp_buf_append_str(out, "status ");
        put(out, strcmp(name, "0") == 0 ? "none" : name, TEXT_COLS);
        rp_buf_append_str(out, ": ");
        put_times(out, (long long)json_integer_value(value));
        rp_buf_append_str(out, "\n");
    }
}

int rp_items_show_one(char letter, const json_t *row, struct rp_buf *out)
{
    if (letter == 'x') {
        put(out, text_of(row, "id"), TEXT_COLS);
        rp_buf_append_str(out, "  ");
        show_exchange(out, row);
        return out->error;
    }
    put_row(out, row);
    if (letter == 'i')
        put_lines(out, "  ", text_of(row, "traceback"));
    else if (letter == 'r')
        show_statuses(out, row);
    return out->error;
}

int rp_items_show_overview(const json_t *overview, struct rp_buf *out)
{
    static const struct {
        const char *letter, *what;
    } lists[] = {
        { "e", "kinds of failed requests: rampa result errors" },
        { "i", "exceptions: rampa result errors" },
        { "r", "names of requests: rampa result slowest" },
        { "x", "kept exchanges of failed requests" },
    };
    const json_t *run = json_object_get(overview, "run");
    const json_t *items = json_object_get(overview, "items");

    if (strcmp(text_of(run, "status"), "passed") == 0 && !count_of(run, "thresholds"))
        rp_buf_append_str(out, "not judged, for there is no threshold");
    else
        put(out, text_of(run, "status"), TEXT_COLS);
    rp_buf_appendf(out, ", exit code %lld, %.3f s\n", count_of(run, "exit_code"),
                   json_number_value(json_object_get(run, "elapsed_s")));
    if (*text_of(run, "reason")) {
        put(out, text_of(run, "reason"), SIZE_MAX);
        rp_buf_append_str(out, "\n");
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(lists); i++) {
        long long count = count_of(items, lists[i].letter);

        if (count == 1)
            rp_buf_appendf(out, "%s1", lists[i].letter);
        else if (count)
            rp_buf_appendf(out, "%s1 to %s%lld", lists[i].letter, lists[i].letter, count);
        if (count)
            rp_buf_appendf(out, "  %s\n", lists[i].what);
    }
    return out->error;
}
