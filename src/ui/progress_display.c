/* SPDX-License-Identifier: MIT */

/*
 * The block on a terminal, or plain lines.
 *
 * The cursor always stands at the beginning of the line below the block. So what others write
 * starts on a line of its own, even when nobody could tell us before; ^C is seen in full; and after
 * a crash there is nothing to restore. A block is replaced by one write that goes up, overwrites
 * the block line by line and clears the rest: nothing is ever empty in between.
 */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "ui/progress_parts.h"
#include "base/text.h"

enum {
    DEFAULT_HEIGHT = 24,
    PLAIN_WIDTH = 200, /* a log file has no edge */
    TEXT_MAX = 1 << 20,
    PHASE_SIZE = 32,
    /* Of the height: the line of the cursor, and one that shows what was written last. */
    FREE_LINES = 2,
};

#define SHOW_INTERVAL (100 * RP_MS)
/* Updates come every second. After a longer silence the process was stopped (^Z), and the shell has
 * written below. */
#define SILENCE (3 * RP_S)

struct rp_progress_display {
    FILE *stream; /* borrowed */
    enum rp_progress_mode mode;
    bool is_drawn;
    unsigned width;     /* that the block is for */
    rp_ns drawn_at;     /* the block */
    struct rp_buf text; /* of the block that is or was drawn, or the next plain line */
    struct rp_buf out;
    /* plain */
    bool was_printed, was_paused;
    rp_ns printed_at, phase_at;
    char phase[PHASE_SIZE];
};

int rp_progress_display_new(FILE *stream, enum rp_progress_mode mode,
                            struct rp_progress_display **ret)
{
    struct rp_progress_display *display = rp_calloc(1, sizeof(*display));

    if (!display)
        return -ENOMEM;
    display->stream = stream;
    display->mode = mode;
    rp_buf_init(&display->text, TEXT_MAX);
    rp_buf_init(&display->out, 2 * TEXT_MAX);
    *ret = display;
    return 0;
}

/* Asks for the size of the terminal. That is done at every update, because a window can be resized.
 * The last column stays free, because some terminals wrap there. */
static void terminal_size(FILE *stream, unsigned *ret_width, unsigned *ret_height)
{
    struct winsize size = { 0 };
    int fd = fileno(stream);

    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) < 0)
        size = (struct winsize){ 0 };
    *ret_width = (size.ws_col > 1 ? size.ws_col : RP_PROGRESS_WIDTH) - 1u;
    *ret_height = size.ws_row ? size.ws_row : DEFAULT_HEIGHT;
    *ret_height -= *ret_height > FREE_LINES ? FREE_LINES : *ret_height - 1;
}

static struct rp_slice next_line(struct rp_slice *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    struct rp_slice line = rp_slice(rest->ptr, len);

    len += end != NULL;
    *rest = rp_slice(rest->ptr + len, rest->len - len);
    return line;
}

/* The columns of one of our lines, of which the only escapes are colours. */
static size_t line_cols(struct rp_slice line)
{
    size_t cols = 0;

    while (line.len) {
        const char *escape = memchr(line.ptr, '\x1b', line.len), *end;
        size_t len = escape ? (size_t)(escape - line.ptr) : line.len;

        cols += rp_text_cols(rp_slice(line.ptr, len));
        end = escape ? memchr(escape, 'm', line.len - len) : NULL;
        len = end ? (size_t)(end - line.ptr) + 1 : line.len;
        line = rp_slice(line.ptr + len, line.len - len);
    }
    return cols;
}

/* The rows that the drawn block takes in a window of @width columns: a window that has become
 * narrower has broken its lines. */
static size_t drawn_rows(const struct rp_progress_display *display, unsigned width)
{
    struct rp_slice rest = rp_buf_slice(&display->text);
    size_t rows = 0;

    while (rest.len) {
        size_t cols = line_cols(next_line(&rest));

        rows += cols > width + 1 ? (cols + width) / (width + 1) : 1;
    }
    return rows;
}

/* Appends the way up to the beginning of the first line that is drawn. */
static void append_way_up(struct rp_progress_display *display, unsigned width)
{
    if (display->is_drawn)
        rp_buf_appendf(&display->out, "\r\x1b[%zuA", drawn_rows(display, width));
}

static void put(struct rp_progress_display *display)
{
    if (display->out.error)
        return;
    fwrite(rp_buf_str(&display->out), 1, display->out.len, display->stream);
    fflush(display->stream);
}

/* Draws @text in the place of what is drawn. False when memory is short. */
static bool draw(struct rp_progress_display *display, const struct rp_buf *text, unsigned width,
                 rp_ns now)
{
    struct rp_slice rest = rp_buf_slice(text);

    rp_buf_reset(&display->out);
    append_way_up(display, width);
    while (rest.len) {
        rp_buf_append_slice(&display->out, next_line(&rest));
        rp_buf_append_str(&display->out, "\x1b[K\n");
    }
    rp_buf_append_str(&display->out, "\x1b[J");
    put(display);
    if (display->out.error)
        return false;
    display->is_drawn = true;
    display->width = width;
    display->drawn_at = now;
    return true;
}

/* A process that was stopped and goes on must not draw over what the shell wrote. */
static void forget_what_is_old(struct rp_progress_display *display, rp_ns now)
{
    if (now - display->drawn_at > SILENCE)
        display->is_drawn = false;
}

static void update_block(struct rp_progress_display *display, const struct rp_progress *progress,
                         rp_ns now)
{
    unsigned width, height;
    struct rp_buf text;

    terminal_size(display->stream, &width, &height);
    rp_buf_init(&text, TEXT_MAX);
    rp_progress_format_block(progress, width, height, display->mode == RP_PROGRESS_COLOR_BLOCK,
                             &text);
    forget_what_is_old(display, now);
    if (text.error || !draw(display, &text, width, now)) {
        rp_buf_deinit(&text); /* a picture less is better than half of one */
        return;
    }
    rp_buf_deinit(&display->text);
    display->text = text;
}

/* How often a plain line comes: often at first, when one waits for the phase to begin; seldom
 * later, so that the log of an hour does not consist of it. */
static rp_ns plain_interval(rp_ns phase_age)
{
    return phase_age < 60 * RP_S ? 5 * RP_S : phase_age < 600 * RP_S ? 15 * RP_S : 60 * RP_S;
}

static bool is_news(const struct rp_progress_display *display, const struct rp_progress *progress)
{
    return !display->was_printed || display->was_paused != progress->is_paused ||
           strncmp(display->phase, progress->phase, PHASE_SIZE - 1) != 0;
}

static void update_plain(struct rp_progress_display *display, const struct rp_progress *progress,
                         rp_ns now)
{
    bool is_new = is_news(display, progress);

    if (!is_new && now - display->printed_at < plain_interval(now - display->phase_at))
        return;
    rp_buf_reset(&display->text);
    rp_progress_format(progress, PLAIN_WIDTH, false, &display->text);
    if (display->text.error)
        return;
    fprintf(display->stream, "%s\n", rp_buf_str(&display->text));
    fflush(display->stream);
    if (is_new)
        display->phase_at = now;
    display->was_printed = true;
    display->was_paused = progress->is_paused;
    display->printed_at = now;
    snprintf(display->phase, sizeof(display->phase), "%s", progress->phase);
}

void rp_progress_display_update(struct rp_progress_display *display,
                                const struct rp_progress *progress, rp_ns now)
{
    if (display->mode == RP_PROGRESS_PLAIN)
        update_plain(display, progress, now);
    else
        update_block(display, progress, now);
}

void rp_progress_display_hide(struct rp_progress_display *display, rp_ns now)
{
    unsigned width, height;

    if (!display)
        return;
    forget_what_is_old(display, now);
    if (!display->is_drawn)
        return;
    terminal_size(display->stream, &width, &height);
    rp_buf_reset(&display->out);
    append_way_up(display, width);
    rp_buf_append_str(&display->out, "\x1b[J");
    put(display);
    display->is_drawn = display->out.error != 0;
}

void rp_progress_display_show(struct rp_progress_display *display, rp_ns now)
{
    unsigned width, height;

    if (!display || display->is_drawn || display->mode == RP_PROGRESS_PLAIN || !display->text.len ||
        now - display->drawn_at < SHOW_INTERVAL)
        return;
    terminal_size(display->stream, &width, &height);
    if (width == display->width)
        draw(display, &display->text, width, now);
}

void rp_progress_display_free(struct rp_progress_display *display, rp_ns now)
{
    if (!display)
        return;
    rp_progress_display_hide(display, now);
    rp_buf_deinit(&display->text);
    rp_buf_deinit(&display->out);
    rp_free(display);
}
