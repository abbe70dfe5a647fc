/* SPDX-License-Identifier: MIT */
#include "app/term.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"
#include "ui/report.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 20, WIDTH_MAX = 1000 };

bool rp_term_color(FILE *stream, bool no_color)
{
    const char *env = getenv("NO_COLOR"), *term = getenv("TERM");

    if (no_color || (env && *env) || !isatty(fileno(stream)))
        return false;
    return term && *term && strcmp(term, "dumb") != 0;
}

static bool is_agent(void)
{
    static const char *const names[] = { "AI_AGENT",        "CLAUDECODE",   "CODEX_SANDBOX",
                                         "CODEX_THREAD_ID", "CURSOR_AGENT", "GEMINI_CLI" };

    for (size_t i = 0; i < RP_ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return true;
    }
    return false;
}

bool rp_term_wants_less(FILE *stream)
{
    return is_agent() && !isatty(fileno(stream));
}

static unsigned clamp(int64_t width)
{
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : (unsigned)width;
}

unsigned rp_term_width(FILE *stream)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int64_t width;

    if (columns && rp_parse_i64(rp_slice_str(columns), &width) && width > 0)
        return clamp(width);
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col)
        return clamp(size.ws_col);
    return WIDTH_DEFAULT;
}

int rp_term_put(FILE *stream, const struct rp_buf *text)
{
    struct rp_error err = { 0 };
    int r = rp_report_put(stream, text, &err);

    if (r < 0)
        fprintf(stderr, "error: %s\n", err.message);
    rp_error_deinit(&err);
    if (text->error)
        return RP_EXIT_INTERNAL;
    return r < 0 ? RP_EXIT_OUTPUT : RP_EXIT_PASSED;
}
