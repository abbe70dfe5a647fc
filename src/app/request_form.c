/* SPDX-License-Identifier: MIT */

/* The body of a form (RFC 7578), made once: the files are read before the run. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "app/request_options.h"
#include "app/targets.h"

/* What a file is by the end of its name, as far as curl knows too. */
static const char *kind_of(const char *path)
{
    static const struct {
        const char *end, *kind;
    } known[] = { { ".gif", "image/gif" },        { ".jpg", "image/jpeg" },
                  { ".jpeg", "image/jpeg" },      { ".png", "image/png" },
                  { ".svg", "image/svg+xml" },    { ".txt", "text/plain" },
                  { ".htm", "text/html" },        { ".html", "text/html" },
                  { ".pdf", "application/pdf" },  { ".xml", "application/xml" },
                  { ".json", "application/json" } };
    size_t len = strlen(path);

    for (size_t i = 0; i < RP_ARRAY_LEN(known); i++) {
        size_t end = strlen(known[i].end);

        if (len > end && strcasecmp(path + len - end, known[i].end) == 0)
            return known[i].kind;
    }
    return "application/octet-stream";
}

/* As the HTML standard has it, which browsers, curl and servers follow. */
static void append_quoted(struct rp_buf *out, struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '"')
            rp_buf_append_str(out, "%22");
        else if (c == '\r')
            rp_buf_append_str(out, "%0D");
        else if (c == '\n')
            rp_buf_append_str(out, "%0A");
        else
            rp_buf_append(out, &c, 1);
    }
}

static int append_field(struct rp_buf *out, const char *boundary, const char *text,
                        struct rp_error *err)
{
    const char *value = strchr(text, '=') + 1; /* the parser has seen to that */
    const char *slash = strrchr(value, '/');
    int r = 0;

    rp_buf_appendf(out, "--%s\r\nContent-Disposition: form-data; name=\"", boundary);
    append_quoted(out, rp_slice(text, (size_t)(value - text - 1)));
    if (value[0] == '@') {
        rp_buf_append_str(out, "\"; filename=\"");
        append_quoted(out, rp_slice_str(slash ? slash + 1 : value + 1));
        rp_buf_appendf(out, "\"\r\nContent-Type: %s\r\n\r\n", kind_of(value));
        r = rp_read_whole(value + 1, out, err);
    } else {
        rp_buf_append_str(out, "\"\r\n\r\n");
        rp_buf_append_str(out, value);
    }
    rp_buf_append_str(out, "\r\n");
    return r < 0 ? r : out->error;
}

int rp_request_options_form(struct rp_request_options *options, const struct rp_cli *cli,
                            struct rp_error *err)
{
    struct rp_header header = { RP_SLICE("Content-Type"), { NULL, 0 } };
    uint64_t random[2] = { 0 };
    const char *typed = NULL; /* the option, as it was given */
    char boundary[33];
    int r = 0;

    for (size_t i = 0; i < cli->given_count; i++)
        if (!typed && cli->given[i].option == &rp_options[RP_OPT_FORM])
            typed = cli->given[i].origin;
    if (!typed)
        return 0;
    if (options->has_body)
        return rp_error_set(
            err, -RP_EUSER,
            "a request has one body: give one of --body, --body-file, --json and %s", typed);
    for (size_t i = 0; i < options->headers.len / sizeof(header); i++)
        if (rp_slice_ieq(((struct rp_header *)(void *)options->headers.data)[i].name, header.name))
            return rp_error_set(err, -RP_EUSER,
                                "%s has a Content-Type of its own; leave out -H Content-Type",
                                typed);
    if (getrandom(random, sizeof(random), 0) < 0)
        return -errno;
    snprintf(boundary, sizeof(boundary), "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    for (size_t i = 0; r == 0 && i < cli->given_count; i++)
        if (cli->given[i].option == &rp_options[RP_OPT_FORM])
            r = append_field(&options->body, boundary, cli->given[i].value, err);
    if (r == -RP_EUSER)
        rp_error_prefix(err, r, typed);
    rp_buf_appendf(&options->body, "--%s--\r\n", boundary);
    rp_buf_appendf(&options->kind, "multipart/form-data; boundary=%s", boundary);
    header.value = rp_buf_slice(&options->kind);
    rp_buf_append(&options->headers, &header, sizeof(header));
    options->has_body = true;
    return r < 0                 ? r
           : options->body.error ? options->body.error
           : options->kind.error ? options->kind.error
                                 : options->headers.error;
}
