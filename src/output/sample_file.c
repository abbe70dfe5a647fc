/* SPDX-License-Identifier: MIT */
#include "output/sample_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

enum { BATCH = 64 << 10, SERIES_TEXT_MAX = 1 << 20, ROW_MAX = 4 << 20 };
/* In a length: the row is a sample and not what stands before the first one. */
#define SAMPLE ((uint32_t)1 << 31)

struct rp_sample_series {
    struct rp_buf head, tail;
    bool is_known;
    uint64_t seen;
};

/* ---- writing --------------------------------------------------------------------------------- */

/* Writes some of @text. A file takes all of it at once. Of a pipe it is asked whether it takes
 * something, and then it takes PIPE_BUF bytes at least. 0 = it takes nothing now. */
static ssize_t write_some(const struct rp_sample_file *file, struct rp_slice text)
{
    struct pollfd ready = { .fd = file->fd, .events = POLLOUT };
    ssize_t n;

    if (!file->is_regular) {
        if (poll(&ready, 1, 0) == 0)
            return 0;
        text.len = text.len > PIPE_BUF ? PIPE_BUF : text.len;
    }
    do
        n = write(file->fd, text.ptr, text.len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    return n ? n : -EIO;
}

/* The last row that waits was added at @before. */
static void note_row(struct rp_sample_file *file, size_t before, bool is_sample)
{
    uint32_t length = (uint32_t)(file->waiting.len - before) | (is_sample ? SAMPLE : 0);

    rp_buf_append(&file->lengths, &length, sizeof(length));
}

/* Forgets the rows of which all of the first @written bytes that waited are. Returns how many bytes
 * those rows had. What is left of a row that was begun stands first then. */
static size_t forget_rows(struct rp_sample_file *file, size_t written)
{
    size_t at = 0, bytes = 0;
    uint32_t length;

    for (; at < file->lengths.len; at += sizeof(length)) {
        memcpy(&length, file->lengths.data + at, sizeof(length));
        if (bytes + (length & ~SAMPLE) > written)
            break;
        bytes += length & ~SAMPLE;
    }
    if (bytes < written && at < file->lengths.len) {
        length -= (uint32_t)(written - bytes);
        memcpy(file->lengths.data + at, &length, sizeof(length));
    }
    rp_buf_consume(&file->lengths, at);
    return bytes;
}

/* What waits is lost. */
static void lose_waiting(struct rp_sample_file *file)
{
    uint32_t length;

    for (size_t at = 0; at < file->lengths.len; at += sizeof(length)) {
        memcpy(&length, file->lengths.data + at, sizeof(length));
        file->lost += length & SAMPLE ? 1 : 0;
    }
    rp_buf_reset(&file->lengths);
    rp_buf_reset(&file->waiting);
}

/* Nothing more is written. A row of which only a part was written is taken back. */
static void give_up(struct rp_sample_file *file, int error)
{
    file->error = error;
    lose_waiting(file);
    if (file->is_regular && ftruncate(file->fd, file->whole) < 0)
        file->is_regular = false; /* it stays torn */
    rp_sink_lose(&file->output.sink,
                 "the output %s cannot write to '%s': %s; samples are missing there", file->name,
                 file->path, strerror(-error));
}

/* Writes what waits, as far as it is taken. */
static void flush(struct rp_sample_file *file)
{
    size_t written = 0;
    ssize_t n = 0;

    while (!file->error && written < file->waiting.len) {
        n = write_some(file, rp_slice(file->waiting.data + written, file->waiting.len - written));
        if (n <= 0)
            break;
        written += (size_t)n;
    }
    rp_buf_consume(&file->waiting, written);
    file->whole += (off_t)forget_rows(file, written);
    if (n < 0)
        give_up(file, (int)n);
}

/* ---- series ---------------------------------------------------------------------------------- */

static struct rp_sample_series *find_series(struct rp_sample_file *file,
                                            const struct rp_store_series *series)
{
    size_t id = series->id, count = file->series_count;

    if (id >= count) {
        struct rp_sample_series *grown;

        count = id + 1 > count * 2 ? id + 1 : count * 2;
        grown = rp_realloc_array(file->series, count, sizeof(*grown));
        if (!grown)
            return NULL;
        memset(grown + file->series_count, 0, (count - file->series_count) * sizeof(*grown));
        file->series = grown;
        file->series_count = count;
    }
    return &file->series[id];
}

/* NULL for want of memory. */
static struct rp_sample_series *know_series(struct rp_sample_file *file,
                                            const struct rp_store_series *series)
{
    struct rp_sample_series *ours = find_series(file, series);

    if (!ours || ours->is_known)
        return ours;
    rp_buf_init(&ours->head, SERIES_TEXT_MAX);
    rp_buf_init(&ours->tail, SERIES_TEXT_MAX);
    file->format->series(file, series, &ours->head, &ours->tail);
    if (ours->head.error || ours->tail.error) {
        rp_buf_deinit(&ours->head);
        rp_buf_deinit(&ours->tail);
        return NULL;
    }
    ours->is_known = true;
    return ours;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void lose_row(struct rp_sample_file *file)
{
    file->lost++;
    if (file->is_behind || file->error)
        return;
    file->is_behind = true;
    rp_sink_lose(&file->output.sink,
                 "the output %s loses samples: whoever reads '%s' takes them too slowly",
                 file->name, file->path);
}

static void add_row(struct rp_sample_file *file, const struct rp_sample *sample)
{
    struct rp_sample_series *series = know_series(file, sample->series);
    size_t before = file->waiting.len;

    if (series && series->seen++ % (uint64_t)file->every)
        return;
    file->rows++;
    if (!series || file->error || before > RP_SAMPLE_FILE_WAITING) {
        lose_row(file);
        return;
    }
    if (series->seen == 1 && file->format->define)
        file->format->define(file, sample->series, &file->waiting);
    file->format->row(file, sample, rp_buf_slice(&series->head), rp_buf_slice(&series->tail),
                      &file->waiting);
    if (!file->waiting.error)
        note_row(file, before, true);
    if (file->waiting.error || file->lengths.error) { /* no memory: the rows before stay */
        file->waiting.error = file->lengths.error = 0;
        file->waiting.len = before;
        lose_row(file);
        return;
    }
    if (file->waiting.len >= BATCH)
        flush(file);
}

static void take_samples(struct rp_sink *sink, const struct rp_sample_block *block)
{
    struct rp_sample_file *file = rp_container_of(sink, struct rp_sample_file, output.sink);

    if (block->lost && !file->missed)
        rp_sink_lose(sink, "the output %s misses samples: they came faster than they were taken",
                     file->name);
    file->missed += block->lost;
    for (size_t i = 0; i < block->count; i++)
        add_row(file, &block->samples[i]);
    flush(file);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int open_error(const struct rp_sample_file *file, int code, struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "the output %s cannot write to '%s': %s", file->name, file->path,
                 strerror(code));
    if (code == ENOENT)
        rp_error_hint(err, "make the folder first (mkdir -p)");
    return -RP_EUSER;
}

/* As the event log does: a named pipe without a reader is an error, and what stands in a redirected
 * standard output already is not cut off. */
static int open_stream(struct rp_sample_file *file, struct rp_error *err)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = rp_result_file_descriptor(file->path);
    struct stat st;

    file->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : open(file->path, flags | O_TRUNC, 0666);
    if (file->fd < 0)
        return open_error(file, errno, err);
    file->is_regular = fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode);
    file->whole = file->is_regular ? st.st_size : 0;
    return 0;
}

static int open_file(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_sample_file *file = rp_container_of(sink, struct rp_sample_file, output.sink);
    struct stat st;
    int r;

    if (file->format->is_document) {
        r = rp_result_file_open(file->path, &file->document, err);
        if (r < 0)
            return r;
        file->fd = rp_result_file_fd(file->document);
        file->is_regular = fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode);
    } else {
        r = open_stream(file, err);
        if (r < 0)
            return r;
    }
    if (file->format->begin)
        r = file->format->begin(file, plan, &file->waiting);
    note_row(file, 0, false);
    return r == 0 ? file->waiting.error : r;
}

/* Waits until what is left is written, as long as it goes on. */
static void drain(struct rp_sample_file *file)
{
    rp_ns until = rp_clock_ns() + RP_SAMPLE_FILE_PATIENCE;

    for (;;) {
        struct pollfd ready = { .fd = file->fd, .events = POLLOUT };
        size_t before = file->waiting.len;

        flush(file);
        if (file->error || !file->waiting.len)
            return;
        if (file->waiting.len < before)
            until = rp_clock_ns() + RP_SAMPLE_FILE_PATIENCE;
        else if (rp_clock_ns() >= until)
            break;
        poll(&ready, 1, 100);
    }
    lose_waiting(file);
    file->error = -ETIMEDOUT;
}

static int finish_document(struct rp_sample_file *file, const struct rp_result *result,
                           struct rp_error *err)
{
    struct rp_buf text;
    int r;

    rp_buf_init(&text, (size_t)1 << 30);
    r = file->format->end(file, result, &text);
    if (r == 0)
        r = text.error;
    if (r == 0)
        r = rp_result_file_commit(file->document, rp_buf_slice(&text), err);
    else
        rp_error_set(err, r, "the output %s cannot be finished: %s", file->name, strerror(-r));
    rp_buf_deinit(&text);
    return r;
}

static int close_file(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_sample_file *file = rp_container_of(sink, struct rp_sample_file, output.sink);
    int r = 0;

    if (file->fd < 0 || !result)
        return 0;
    drain(file);
    if (!file->error && file->document)
        r = finish_document(file, result, err);
    else if (!file->error && close(file->fd) < 0 && errno != EINTR)
        file->error = -errno;
    else if (!file->error)
        file->fd = -1;
    if (r < 0 || (!file->error && !file->lost))
        return r;
    r = file->error ? file->error : -ETIMEDOUT;
    rp_error_set(err, r, "of the %llu samples of the output %s %llu are not in '%s': %s",
                 (unsigned long long)file->rows, file->name, (unsigned long long)file->lost,
                 file->path, r == -ETIMEDOUT ? "its reader was too slow" : strerror(-r));
    if (file->document && file->is_regular)
        rp_error_hint(err, "the file that was there before is untouched");
    return r;
}

static void free_file(struct rp_output *output)
{
    struct rp_sample_file *file = rp_container_of(output, struct rp_sample_file, output);

    if (file->format->free)
        file->format->free(file);
    for (size_t i = 0; i < file->series_count; i++) {
        rp_buf_deinit(&file->series[i].head);
        rp_buf_deinit(&file->series[i].tail);
    }
    rp_free(file->series);
    if (file->fd >= 0 && !file->document)
        close(file->fd);
    rp_result_file_free(file->document);
    rp_buf_deinit(&file->waiting);
    rp_buf_deinit(&file->lengths);
    rp_free(file);
}

static const struct rp_sink_ops ops = { .open = open_file,
                                        .samples = take_samples,
                                        .close = close_file };

int rp_sample_file_new(const struct rp_output_spec *spec, const struct rp_sample_format *format,
                       struct rp_output **ret, struct rp_error *err)
{
    struct rp_sample_file *file;
    int64_t every;
    int r = rp_output_option_sample(spec, &every, err);

    if (r < 0)
        return r;
    file = rp_calloc(1, sizeof(*file));
    if (!file)
        return -ENOMEM;
    file->output.ops = &ops;
    file->output.free = free_file;
    file->format = format;
    file->name = spec->kind->name;
    file->path = spec->destination;
    file->fd = -1;
    file->every = every;
    file->clock.second = -1;
    rp_buf_init(&file->waiting, RP_SAMPLE_FILE_WAITING + ROW_MAX);
    rp_buf_init(&file->lengths, RP_SAMPLE_FILE_WAITING + ROW_MAX);
    *ret = &file->output;
    return 0;
}

/* ---- texts ----------------------------------------------------------------------------------- */

void rp_sample_file_time(struct rp_sample_file *file, int64_t wall_ns, struct rp_buf *out)
{
    int64_t second = wall_ns / RP_S;

    if (second != file->clock.second) {
        time_t s = (time_t)second;
        struct tm tm;

        if (!gmtime_r(&s, &tm))
            tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
        strftime(file->clock.text, sizeof(file->clock.text), "%Y-%m-%dT%H:%M:%S", &tm);
        file->clock.second = second;
    }
    rp_buf_appendf(out, "%s.%09dZ", file->clock.text, (int)(wall_ns % RP_S));
}

void rp_sample_file_number(double value, struct rp_buf *out)
{
    char text[RP_DOUBLE_TEXT];

    rp_buf_append(out, text, rp_format_double(value, text));
}
