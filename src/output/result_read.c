/* SPDX-License-Identifier: MIT */
#include "output/result_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "output/result_file.h"

static int cannot_read(const char *path, int code, struct rp_error *err)
{
    if (code == EISDIR) {
        rp_error_set(err, -RP_EUSER, "'%s' is a folder, and no result file", path);
        rp_error_hint(err, "name a file in it");
        return -RP_EUSER;
    }
    rp_error_set(err, -RP_EUSER, "the result file '%s' cannot be read: %s", path, strerror(code));
    rp_error_hint(err, "'rampa run load.py --out %s' writes one",
                  strcmp(path, "-") == 0 ? "result.json" : path);
    return -RP_EUSER;
}

static int read_all(int fd, struct rp_buf *ret)
{
    for (;;) {
        int r = rp_buf_reserve(ret, 65536);
        ssize_t got;

        if (r < 0)
            return r;
        got = read(fd, ret->data + ret->len, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        ret->len += (size_t)got;
    }
}

static int read_file(const char *path, struct rp_buf *ret, struct rp_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), r;

    if (fd < 0)
        return cannot_read(path, errno, err);
    r = read_all(fd, ret);
    if (!is_stdin)
        close(fd);
    if (r == -ENOMEM)
        return r;
    if (r == -EMSGSIZE)
        return rp_error_set(err, -RP_EUSER,
                            "the file '%s' is no result file: it has more than %d MB", path,
                            RP_RESULT_BYTES_MAX >> 20);
    return r < 0 ? cannot_read(path, -r, err) : 0;
}

int rp_result_read(const char *path, json_t **ret, struct rp_error *err)
{
    struct rp_buf text;
    json_error_t at;
    int r;

    rp_buf_init(&text, RP_RESULT_BYTES_MAX);
    r = read_file(path, &text, err);
    if (r == 0 && !text.len) {
        r = rp_error_set(err, -RP_EUSER, "the file '%s' is no result file: it is empty", path);
        rp_error_hint(err, "the result is written when the run has ended");
    } else if (r == 0) {
        *ret = json_loadb(rp_buf_str(&text), text.len, 0, &at);
        if (!*ret && json_error_code(&at) == json_error_out_of_memory) {
            r = -ENOMEM;
        } else if (!*ret) {
            r = rp_error_set(err, -RP_EUSER,
                             "the file '%s' is no result file: it is no JSON from line %d on (%s)",
                             path, at.line, at.text);
            rp_error_hint(err, json_error_code(&at) == json_error_premature_end_of_input
                                   ? "it ends too early: it was cut off when it was copied"
                                   : "'rampa run load.py --out FILE' writes one");
        }
    }
    rp_buf_deinit(&text);
    return r;
}

int rp_result_check_schema(const json_t *document, const char *path, const char *what,
                           struct rp_error *err)
{
    const json_t *schema = json_object_get(document, "schema");
    json_int_t number = json_integer_value(schema);

    if (!json_is_integer(schema)) {
        rp_error_set(err, -RP_EUSER, "the file '%s' is no result file of rampa: %s", path,
                     schema ? "its 'schema' is no whole number" : "it has no 'schema'");
        rp_error_hint(err, "'rampa run load.py --out FILE' writes one");
        return -RP_EUSER;
    }
    if (number == RP_RESULT_SCHEMA)
        return 0;
    rp_error_set(err, -RP_EUSER,
                 "the result file '%s' has schema %" JSON_INTEGER_FORMAT
                 ", and this rampa reads schema %d",
                 path, number, RP_RESULT_SCHEMA);
    rp_error_hint(err, "%s with the rampa that wrote it%s", what,
                  number > RP_RESULT_SCHEMA ? ", or a newer one" : "");
    return -RP_EUSER;
}
