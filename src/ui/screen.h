/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/screen.h - the whole terminal, shown from cells; what stood on it comes back at the end.
 *
 * A process has one screen at most: the library below it (ncurses) keeps its state for the process.
 * While a screen is open, the process stops and goes on by Ctrl-Z and fg with the terminal as the
 * shell wants it, and Ctrl-C is a signal as ever.
 */

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "ui/cells.h"

struct rp_screen;

/* What a key is, when it is no character. */
enum {
    RP_KEY_NONE = -1,
    RP_KEY_UP = 0x110000,
    RP_KEY_DOWN,
    RP_KEY_LEFT,
    RP_KEY_RIGHT,
    RP_KEY_PAGE_UP,
    RP_KEY_PAGE_DOWN,
    RP_KEY_HOME,
    RP_KEY_END,
    RP_KEY_OTHER,
};

/* Whether a screen can be opened: both are terminals, and TERM names one that can move its
 * cursor. */
bool rp_screen_is_possible(FILE *out, FILE *in);
/* Both are borrowed. -ENOTTY when TERM names a terminal that is not known. */
RP_NODISCARD int rp_screen_open(FILE *out, FILE *in, bool color, struct rp_screen **ret);
/* The size that the terminal has now. */
void rp_screen_size(struct rp_screen *screen, unsigned *ret_cols, unsigned *ret_rows);
void rp_screen_show(struct rp_screen *screen, const struct rp_cells *cells);
/* The next key that was pressed, or RP_KEY_NONE. Never waits. */
int rp_screen_key(struct rp_screen *screen);
void rp_screen_close(struct rp_screen *screen); /* NULL is allowed */
