/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/cells.h - a screen in memory: rows of cells that are written to one by one and shown at once.
 *
 * What stands in a cell is one visible character. Text of others is made harmless on its way into
 * the cells (base/text.h), and nothing that is written leaves the row and the columns it is given.
 */

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

enum rp_cell_ink {
    RP_CELL_PLAIN,
    RP_CELL_BOLD,
    RP_CELL_DIM,
    RP_CELL_RED,
    RP_CELL_GREEN,
    RP_CELL_YELLOW,
    RP_CELL_CYAN,
    RP_CELL_REVERSE, /* dark on light */
    RP_CELL_INK_COUNT
};

enum { RP_CELL_BYTES = 4 }; /* of the longest character in UTF-8 */

struct rp_cell {
    char text[RP_CELL_BYTES];
    unsigned char len; /* 0: the right half of a wide character */
    unsigned char ink; /* enum rp_cell_ink */
};

struct rp_cells { /* zeroed is valid and has no rows */
    unsigned cols, rows;
    struct rp_cell *cells; /* row by row */
};

/* Makes them this large, and all blank. -ENOMEM: then they are as before. */
RP_NODISCARD int rp_cells_resize(struct rp_cells *cells, unsigned cols, unsigned rows);
void rp_cells_deinit(struct rp_cells *cells);

/* Writes @text on one line, shortened in the middle where it has more than @width columns. What
 * would stand outside of the cells is left out. Returns the columns that it takes. */
unsigned rp_cells_put(struct rp_cells *cells, unsigned row, unsigned col, unsigned width,
                      enum rp_cell_ink ink, struct rp_slice text);
/* The same with a text as of printf(), at most 255 bytes of it. */
unsigned rp_cells_putf(struct rp_cells *cells, unsigned row, unsigned col, unsigned width,
                       enum rp_cell_ink ink, const char *fmt, ...) RP_PRINTF(6, 7);
/* The same, the last column first: the text ends before @end. */
void rp_cells_put_right(struct rp_cells *cells, unsigned row, unsigned end, unsigned width,
                        enum rp_cell_ink ink, struct rp_slice text);
/* Writes a line that was made for a terminal, with the colours of ui/ink.h as the only escapes. */
void rp_cells_put_inked(struct rp_cells *cells, unsigned row, unsigned col, struct rp_slice line);
/* Gives @width cells another ink, whatever stands in them. */
void rp_cells_ink(struct rp_cells *cells, unsigned row, unsigned col, unsigned width,
                  enum rp_cell_ink ink);

/* Appends the rows as lines without their last blanks. */
void rp_cells_text(const struct rp_cells *cells, struct rp_buf *out);
