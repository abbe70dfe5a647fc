/* SPDX-License-Identifier: MIT */
#include "ui/cells.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/ink.h"

enum { LINE_MAX_BYTES = 1 << 14, FORMAT_SIZE = 256 };

int rp_cells_resize(struct rp_cells *cells, unsigned cols, unsigned rows)
{
    size_t count = (size_t)cols * rows;

    if (!cells->cells || cells->cols != cols || cells->rows != rows) {
        struct rp_cell *made = rp_calloc(count ? count : 1, sizeof(*made));

        if (!made)
            return -ENOMEM;
        rp_free(cells->cells);
        *cells = (struct rp_cells){ .cols = cols, .rows = rows, .cells = made };
    }
    for (size_t i = 0; i < count; i++)
        cells->cells[i] = (struct rp_cell){ .text = " ", .len = 1 };
    return 0;
}

void rp_cells_deinit(struct rp_cells *cells)
{
    rp_free(cells->cells);
    *cells = (struct rp_cells){ 0 };
}

/* Puts characters that are known to be harmless. A wide one that has only one column left is left
 * out. */
static unsigned put_runes(struct rp_cells *cells, unsigned row, unsigned col, enum rp_cell_ink ink,
                          struct rp_slice text)
{
    unsigned at = col;

    while (text.len) {
        struct rp_rune rune = rp_rune_decode(text);

        if (row < cells->rows && rune.cols && at + rune.cols <= cells->cols) {
            struct rp_cell *cell = &cells->cells[(size_t)row * cells->cols + at];

            memcpy(cell->text, text.ptr, rune.len);
            cell->len = rune.len;
            cell->ink = (unsigned char)ink;
            if (rune.cols == 2)
                cell[1] = (struct rp_cell){ .ink = (unsigned char)ink };
        }
        at += rune.cols;
        text = rp_slice(text.ptr + rune.len, text.len - rune.len);
    }
    return at - col;
}

unsigned rp_cells_put(struct rp_cells *cells, unsigned row, unsigned col, unsigned width,
                      enum rp_cell_ink ink, struct rp_slice text)
{
    struct rp_buf line;
    unsigned cols = 0;

    if (!width)
        return 0;
    rp_buf_init(&line, LINE_MAX_BYTES);
    rp_text_append(&line, text, width);
    if (!line.error)
        cols = put_runes(cells, row, col, ink, rp_buf_slice(&line));
    rp_buf_deinit(&line);
    return cols;
}

unsigned rp_cells_putf(struct rp_cells *cells, unsigned row, unsigned col, unsigned width,
                       enum rp_cell_ink ink, const char *fmt, ...)
{
    char text[FORMAT_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return rp_cells_put(cells, row, col, width, ink, rp_slice_str(text));
}

void rp_cells_put_right(struct rp_cells *cells, unsigned row, unsigned end, unsigned width,
                        enum rp_cell_ink ink, struct rp_slice text)
{
    size_t cols = rp_text_cols(text);

    cols = cols < width ? cols : width;
    if (cols <= end)
        rp_cells_put(cells, row, end - (unsigned)cols, width, ink, text);
}

static enum rp_cell_ink ink_of(struct rp_slice escape)
{
    static const char *const inks[RP_CELL_INK_COUNT] = {
        [RP_CELL_PLAIN] = RP_INK_OFF,   [RP_CELL_BOLD] = RP_INK_BOLD,
        [RP_CELL_DIM] = RP_INK_DIM,     [RP_CELL_RED] = RP_INK_RED,
        [RP_CELL_GREEN] = RP_INK_GREEN, [RP_CELL_YELLOW] = RP_INK_YELLOW,
        [RP_CELL_CYAN] = RP_INK_CYAN,
    };

    for (size_t i = 0; i < RP_CELL_INK_COUNT; i++)
        if (inks[i] && rp_slice_eq(escape, rp_slice_str(inks[i])))
            return (enum rp_cell_ink)i;
    return RP_CELL_PLAIN;
}

void rp_cells_put_inked(struct rp_cells *cells, unsigned row, unsigned col, struct rp_slice line)
{
    enum rp_cell_ink ink = RP_CELL_PLAIN;

    while (line.len) {
        const char *escape = memchr(line.ptr, '\x1b', line.len), *end;
        size_t len = escape ? (size_t)(escape - line.ptr) : line.len, past;

        col += put_runes(cells, row, col, ink, rp_slice(line.ptr, len));
        end = escape ? memchr(escape, 'm', line.len - len) : NULL;
        past = end ? (size_t)(end - line.ptr) + 1 : line.len;
        if (end)
            ink = ink_of(rp_slice(escape, past - len));
        line = rp_slice(line.ptr + past, line.len - past);
    }
}

void rp_cells_ink(struct rp_cells *cells, unsigned row, unsigned col, unsigned width,
                  enum rp_cell_ink ink)
{
    for (unsigned i = col; row < cells->rows && i < cells->cols && i < col + width; i++)
        cells->cells[(size_t)row * cells->cols + i].ink = (unsigned char)ink;
}

void rp_cells_text(const struct rp_cells *cells, struct rp_buf *out)
{
    for (unsigned row = 0; row < cells->rows; row++) {
        const struct rp_cell *line = &cells->cells[(size_t)row * cells->cols];
        unsigned end = cells->cols;

        while (end && line[end - 1].len == 1 && *line[end - 1].text == ' ')
            end--;
        for (unsigned i = 0; i < end; i++)
            rp_buf_append(out, line[i].text, line[i].len);
        rp_buf_append_str(out, "\n");
    }
}
