/* SPDX-License-Identifier: MIT */
#include "ui/screen.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "base/alloc.h"

enum { ESCAPE_MS = 25, DEFAULT_COLS = 80, DEFAULT_ROWS = 24 };

struct rp_screen {
    SCREEN *screen;
    FILE *out; /* borrowed */
    bool color;
};

bool rp_screen_is_possible(FILE *out, FILE *in)
{
    const char *term = getenv("TERM");

    return term && *term && strcmp(term, "dumb") != 0 && isatty(fileno(out)) && isatty(fileno(in));
}

int rp_screen_open(FILE *out, FILE *in, bool color, struct rp_screen **ret)
{
    struct rp_screen *screen = rp_calloc(1, sizeof(*screen));

    if (!screen)
        return -ENOMEM;
    /* What is shown is UTF-8 in every locale, as the summary is. Only the kind of characters is set:
     * numbers are written and read as before. */
    setlocale(LC_CTYPE, "C.UTF-8");
    screen->screen = newterm(NULL, out, in);
    if (!screen->screen) {
        rp_free(screen);
        return -ENOTTY;
    }
    screen->out = out;
    set_term(screen->screen);
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    screen->color = color && has_colors() && start_color() == OK;
    if (screen->color) {
        use_default_colors();
        init_pair(RP_CELL_RED, COLOR_RED, -1);
        init_pair(RP_CELL_GREEN, COLOR_GREEN, -1);
        init_pair(RP_CELL_YELLOW, COLOR_YELLOW, -1);
        init_pair(RP_CELL_CYAN, COLOR_CYAN, -1);
    }
    *ret = screen;
    return 0;
}

void rp_screen_size(struct rp_screen *screen, unsigned *ret_cols, unsigned *ret_rows)
{
    struct winsize size = { 0 };

    if (ioctl(fileno(screen->out), TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row)
        size = (struct winsize){ .ws_col = DEFAULT_COLS, .ws_row = DEFAULT_ROWS };
    if (is_term_resized(size.ws_row, size.ws_col))
        resizeterm(size.ws_row, size.ws_col);
    *ret_cols = size.ws_col;
    *ret_rows = size.ws_row;
}

static attr_t attributes_of(const struct rp_screen *screen, enum rp_cell_ink ink)
{
    switch (ink) {
    case RP_CELL_BOLD:
        return A_BOLD;
    case RP_CELL_DIM:
        return A_DIM;
    case RP_CELL_REVERSE:
        return A_REVERSE;
    case RP_CELL_RED:
    case RP_CELL_GREEN:
    case RP_CELL_YELLOW:
    case RP_CELL_CYAN:
        return screen->color ? COLOR_PAIR(ink) : A_NORMAL;
    default:
        return A_NORMAL;
    }
}

void rp_screen_show(struct rp_screen *screen, const struct rp_cells *cells)
{
    erase();
    for (unsigned row = 0; row < cells->rows; row++) {
        for (unsigned col = 0; col < cells->cols; col++) {
            const struct rp_cell *cell = &cells->cells[(size_t)row * cells->cols + col];

            if (!cell->len || (cell->len == 1 && *cell->text == ' ' && cell->ink == RP_CELL_PLAIN))
                continue;
            attrset(attributes_of(screen, (enum rp_cell_ink)cell->ink));
            /* The last cell of the screen cannot move the cursor on: it is drawn all the same. */
            mvaddnstr((int)row, (int)col, cell->text, cell->len);
        }
    }
    refresh();
}

int rp_screen_key(struct rp_screen *screen)
{
    static const struct {
        int code, key;
    } keys[] = {
        { KEY_UP, RP_KEY_UP },           { KEY_DOWN, RP_KEY_DOWN },     { KEY_LEFT, RP_KEY_LEFT },
        { KEY_RIGHT, RP_KEY_RIGHT },     { KEY_PPAGE, RP_KEY_PAGE_UP }, { KEY_HOME, RP_KEY_HOME },
        { KEY_NPAGE, RP_KEY_PAGE_DOWN }, { KEY_END, RP_KEY_END },
    };
    wint_t code;
    int r;

    do
        r = get_wch(&code);
    while (r == KEY_CODE_YES && code == KEY_RESIZE); /* nobody has pressed that */
    switch (r) {
    case OK:
        return (int)code;
    case KEY_CODE_YES:
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
            if ((int)code == keys[i].code)
                return keys[i].key;
        return RP_KEY_OTHER;
    default:
        return RP_KEY_NONE;
    }
}

void rp_screen_close(struct rp_screen *screen)
{
    if (!screen)
        return;
    endwin();
    delscreen(screen->screen);
    rp_free(screen);
}
