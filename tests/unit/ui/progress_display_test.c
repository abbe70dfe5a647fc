/* SPDX-License-Identifier: MIT */
#include "progress_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"

/*
 * A terminal of 24 lines that knows what the display may use, and nothing else. Lines that scroll out are kept, so that
 * `rows` holds everything that a user can see by scrolling up.
 */

enum { HEIGHT = 24, ROWS = 400, COLS = 100, DEFAULT_WIDTH = 79 };

struct terminal {
    char rows[ROWS][COLS + 1];
    size_t top, row, col; /* top: the first row of the screen */
};

static void line_feed(struct terminal *terminal)
{
    terminal->col = 0;
    terminal->row++;
    assert_true(terminal->row < ROWS);
    if (terminal->row >= terminal->top + HEIGHT)
        terminal->top++;
}

static void clear_rows(struct terminal *terminal, size_t first)
{
    for (size_t i = first; i < ROWS; i++)
        memset(terminal->rows[i], 0, sizeof(terminal->rows[i]));
}

/* Returns what is behind the escape. */
static const char *escape(struct terminal *terminal, const char *text)
{
    char *end;
    size_t number;

    assert_int_equal(*text++, '[');
    number = strtoul(text, &end, 10);
    switch (*end) {
    case 'A':
        assert_true(end > text && number > 0);
        assert_true(number <=
                    terminal->row - terminal->top); /* cannot go back what has scrolled out */
        terminal->row -= number;
        break;
    case 'K':
        memset(terminal->rows[terminal->row] + terminal->col, 0, COLS - terminal->col);
        break;
    case 'J':
        memset(terminal->rows[terminal->row] + terminal->col, 0, COLS - terminal->col);
        clear_rows(terminal, terminal->row + 1);
        break;
    default:
        assert_int_equal(*end, 'm');
    }
    return end + 1;
}

static void feed(struct terminal *terminal, const char *text)
{
    while (*text) {
        char byte = *text++;

        if (byte == '\x1b') {
            text = escape(terminal, text);
        } else if (byte == '\n') {
            line_feed(terminal);
        } else if (byte == '\r') {
            terminal->col = 0;
        } else {
            assert_true((unsigned char)byte >= 0x20 && (unsigned char)byte < 0x7f);
            assert_true(terminal->col < COLS);
            terminal->rows[terminal->row][terminal->col++] = byte;
        }
    }
}

/* Every row up to the cursor's, which is empty. */
static void check_shown(const struct terminal *terminal, const char *expected)
{
    struct rp_buf shown;

    rp_buf_init(&shown, 1 << 20);
    for (size_t i = 0; i < terminal->row; i++)
        rp_buf_appendf(&shown, "%s\n", terminal->rows[i]);
    assert_string_equal(rp_buf_str(&shown), expected);
    assert_int_equal(terminal->col, 0);
    for (size_t i = terminal->row; i < ROWS; i++)
        assert_string_equal(terminal->rows[i], "");
    rp_buf_deinit(&shown);
}

struct screen {
    char *text;
    size_t len, fed;
    FILE *stream;
    struct rp_progress_display *display;
    struct terminal terminal;
    struct rp_buf expected;
};

static struct screen *open_screen(enum rp_progress_mode mode)
{
    struct screen *screen = calloc(1, sizeof(*screen));

    assert_non_null(screen);
    screen->stream = open_memstream(&screen->text, &screen->len);
    assert_non_null(screen->stream);
    assert_int_equal(rp_progress_display_new(screen->stream, mode, &screen->display), 0);
    rp_buf_init(&screen->expected, 1 << 20);
    return screen;
}

static void close_screen(struct screen *screen)
{
    rp_progress_display_free(screen->display, 0);
    fclose(screen->stream);
    free(screen->text);
    rp_buf_deinit(&screen->expected);
    free(screen);
}

static void look(struct screen *screen)
{
    fflush(screen->stream);
    feed(&screen->terminal, screen->text + screen->fed);
    screen->fed = screen->len;
}

/* The screen holds @before and then the block of @progress (NULL: nothing more). */
static void expect(struct screen *screen, const char *before, const struct rp_progress *progress)
{
    look(screen);
    rp_buf_reset(&screen->expected);
    rp_buf_append_str(&screen->expected, before);
    if (progress)
        rp_progress_format_block(progress, DEFAULT_WIDTH, HEIGHT - 2, false, &screen->expected);
    check_shown(&screen->terminal, rp_buf_str(&screen->expected));
}

static void test_block_is_drawn_over(void **state)
{
    struct rp_progress kinds = progress_one(), one = progress_one(), run = progress_run();
    struct rp_scenario plan[3];
    struct rp_scenario_progress at[3];
    struct screen *screen = open_screen(RP_PROGRESS_BLOCK);

    for (size_t i = 0; i < RP_ARRAY_LEN(plan); i++) {
        plan[i] = *one.plan;
        at[i] = *one.scenarios;
    }
    kinds.plan = plan;
    kinds.scenarios = at;
    kinds.scenario_count = RP_ARRAY_LEN(plan);
    rp_progress_display_hide(screen->display, 0); /* nothing drawn: nothing to hide */
    rp_progress_display_show(screen->display, 0);
    expect(screen, "", NULL);
    assert_int_equal(screen->len, 0);
    rp_progress_display_update(screen->display, &run, 0);
    expect(screen, "", &run);
    rp_progress_display_update(screen->display, &kinds, RP_S); /* larger */
    expect(screen, "", &kinds);
    one.iterations = 1;
    rp_progress_display_update(screen->display, &one, 2 * RP_S); /* smaller: no rest may stay */
    expect(screen, "", &one);
    rp_progress_display_free(screen->display, 2 * RP_S);
    screen->display = NULL;
    expect(screen, "", NULL);
    close_screen(screen);
}

static void test_colors_change_nothing_else(void **state)
{
    struct rp_progress one = progress_one();
    struct screen *screen = open_screen(RP_PROGRESS_COLOR_BLOCK);

    rp_progress_display_update(screen->display, &one, 0);
    rp_progress_display_update(screen->display, &one, RP_S);
    expect(screen, "", &one);
    assert_non_null(strstr(screen->text, "\x1b[31m3 failed\x1b[0m"));
    close_screen(screen);
}

/* What others print stands above the block, each line once, also when all of it scrolls. */
static void test_other_output(void **state)
{
    struct rp_progress one = progress_one();
    struct screen *screen = open_screen(RP_PROGRESS_BLOCK);
    struct rp_buf printed;
    rp_ns now = 0;

    rp_buf_init(&printed, 1 << 20);
    rp_progress_display_update(screen->display, &one, now);
    for (int i = 0; i < 60; i++) {
        now += i % 5 ? 150 * RP_MS : 0;
        rp_progress_display_hide(screen->display, now);
        expect(screen, rp_buf_str(&printed), NULL);
        fprintf(screen->stream, "line %d\n", i);
        rp_buf_appendf(&printed, "line %d\n", i);
        rp_progress_display_show(screen->display, now);
        /* Drawn again, unless that was just now. */
        expect(screen, rp_buf_str(&printed), i % 5 ? &one : NULL);
        if (i % 7 == 0) {
            one.iterations++;
            rp_progress_display_update(screen->display, &one, now);
            expect(screen, rp_buf_str(&printed), &one);
        }
    }
    rp_buf_deinit(&printed);
    close_screen(screen);
}

/* ^C is echoed where the cursor stands; the next picture takes it away. */
static void test_echo(void **state)
{
    struct rp_progress one = progress_one();
    struct screen *screen = open_screen(RP_PROGRESS_BLOCK);

    rp_progress_display_update(screen->display, &one, 0);
    fputs("^C", screen->stream);
    rp_progress_display_update(screen->display, &one, RP_S);
    expect(screen, "", &one);
    fputs("^C", screen->stream);
    rp_progress_display_hide(screen->display, RP_S);
    expect(screen, "", NULL);
    close_screen(screen);
}

/* Stopped by ^Z: the shell writes below the block, which stays where it is. */
static void test_silence(void **state)
{
    for (int is_update = 0; is_update < 2; is_update++) {
        struct rp_progress one = progress_one();
        struct screen *screen = open_screen(RP_PROGRESS_BLOCK);
        struct rp_buf before;

        rp_progress_display_update(screen->display, &one, 0);
        fputs("^Z\n[1]+  Stopped\n$ fg\n", screen->stream);
        rp_buf_init(&before, 1 << 20);
        rp_progress_format_block(&one, DEFAULT_WIDTH, HEIGHT - 2, false, &before);
        rp_buf_append_str(&before, "^Z\n[1]+  Stopped\n$ fg\n");
        if (is_update)
            rp_progress_display_update(screen->display, &one, 4 * RP_S);
        else
            rp_progress_display_hide(screen->display, 4 * RP_S);
        expect(screen, rp_buf_str(&before), is_update ? &one : NULL);
        rp_buf_deinit(&before);
        close_screen(screen);
    }
}

static size_t count_lines(const struct screen *screen)
{
    size_t lines = 0;

    for (size_t i = 0; i < screen->len; i++)
        lines += screen->text[i] == '\n';
    return lines;
}

/* A line at once, then every 5 s, later more rarely, and at news; never an escape. */
static void test_plain(void **state)
{
    static const struct {
        double at_s;
        const char *phase;
        bool is_paused;
        size_t lines;
    } steps[] = {
        { 100, "setup", false, 1 },      { 101, "running", false, 2 },
        { 102, "running", false, 2 },    { 105.9, "running", false, 2 },
        { 106, "running", false, 3 },    { 110.9, "running", false, 3 },
        { 111, "running", false, 4 },    { 111.1, "stopping", false, 5 },
        { 116, "stopping", false, 5 },   { 116.1, "stopping", false, 6 },
        { 166.1, "stopping", false, 7 }, /* every 5 s up to a minute: this one is late */
        { 180.9, "stopping", false, 7 }, { 181.1, "stopping", false, 8 },
        { 181.2, "running", false, 9 },  { 181.3, "running", true, 10 },
        { 181.4, "running", true, 10 },  { 181.5, "running", false, 11 },
        { 781, "running", false, 12 },   { 795.9, "running", false, 12 },
        { 840.9, "running", false, 12 }, { 841, "running", false, 13 },
    };
    struct rp_progress progress = progress_one();
    struct screen *screen = open_screen(RP_PROGRESS_PLAIN);

    for (size_t i = 0; i < RP_ARRAY_LEN(steps); i++) {
        rp_ns now = (rp_ns)(steps[i].at_s * 1e9);

        progress.phase = steps[i].phase;
        progress.is_paused = steps[i].is_paused;
        rp_progress_display_update(screen->display, &progress, now);
        if (count_lines(screen) != steps[i].lines)
            fail_msg("at %g s: %zu lines", steps[i].at_s, count_lines(screen));
        rp_progress_display_hide(screen->display, now);
        rp_progress_display_show(screen->display, now + RP_S);
        assert_int_equal(count_lines(screen), steps[i].lines);
    }
    assert_null(strpbrk(screen->text, "\x1b\r"));
    assert_memory_equal(screen->text, "setup  12s/1m30s", 16);
    assert_non_null(strstr(screen->text, "\npaused  12s/1m30s"));
    close_screen(screen);
}

/* ---- a real terminal device ------------------------------------------------------------------------------------ */

struct device {
    int master;
    FILE *slave;
    char text[1 << 16];
};

static bool open_device(struct device *device)
{
    struct termios mode;
    int fd;

    device->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (device->master < 0)
        return false; /* no /dev/pts here */
    assert_int_equal(grantpt(device->master), 0);
    assert_int_equal(unlockpt(device->master), 0);
    fd = open(ptsname(device->master), O_RDWR | O_NOCTTY);
    assert_true(fd >= 0);
    assert_int_equal(tcgetattr(fd, &mode), 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(fd, TCSANOW, &mode), 0);
    device->slave = fdopen(fd, "w");
    assert_non_null(device->slave);
    return true;
}

static void resize(struct device *device, unsigned short cols, unsigned short rows)
{
    struct winsize size = { .ws_col = cols, .ws_row = rows };

    assert_int_equal(ioctl(device->master, TIOCSWINSZ, &size), 0);
}

/* What was written since the last time: a marker behind it tells that all has come through. */
static const char *written(struct device *device)
{
    size_t len = 0;

    assert_int_equal(write(fileno(device->slave), "\x01", 1), 1);
    while (!len || device->text[len - 1] != '\x01') {
        ssize_t n = read(device->master, device->text + len, sizeof(device->text) - len);

        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        len += n > 0 ? (size_t)n : 0;
        assert_true(len < sizeof(device->text));
    }
    device->text[len - 1] = '\0';
    return device->text;
}

/* @way_up, then the block of that size, each line cleared to its end, then the rest cleared. */
static void check_drawn(struct device *device, const struct rp_progress *progress, unsigned width,
                        unsigned height, const char *way_up)
{
    struct rp_buf block, expected;

    rp_buf_init(&block, 1 << 20);
    rp_buf_init(&expected, 1 << 20);
    rp_progress_format_block(progress, width, height, false, &block);
    rp_buf_append_str(&expected, way_up);
    for (char *line = strtok(block.data, "\n"); line; line = strtok(NULL, "\n"))
        rp_buf_appendf(&expected, "%s\x1b[K\n", line);
    rp_buf_append_str(&expected, "\x1b[J");
    assert_string_equal(written(device), rp_buf_str(&expected));
    rp_buf_deinit(&block);
    rp_buf_deinit(&expected);
}

static void test_resized(void **state)
{
    struct rp_progress one = progress_one(), many = progress_many();
    struct rp_progress_display *display;
    static struct device device;

    if (!open_device(&device))
        skip();
    resize(&device, 121, 50);
    assert_int_equal(rp_progress_display_new(device.slave, RP_PROGRESS_BLOCK, &display), 0);
    rp_progress_display_update(display, &one, 0);
    check_drawn(&device, &one, 120, 48, "");
    /* Lines of 119 and 63 columns: now they take three rows and two. */
    resize(&device, 40, 50);
    rp_progress_display_show(display, 0);
    rp_progress_display_update(display, &one, RP_S);
    check_drawn(&device, &one, 39, 48, "\r\x1b[5A");
    resize(&device, 200, 10);
    rp_progress_display_update(display, &many, 2 * RP_S);
    check_drawn(&device, &many, 199, 8, "\r\x1b[2A");
    rp_progress_display_hide(display, 2 * RP_S);
    assert_string_equal(written(&device), "\r\x1b[8A\x1b[J");
    resize(&device, 100, 10); /* what is for another width waits for the next update */
    rp_progress_display_show(display, 3 * RP_S);
    assert_string_equal(written(&device), "");
    resize(&device, 1, 1);
    rp_progress_display_update(display, &many, 3 * RP_S);
    check_drawn(&device, &many, 79, 1, "");
    rp_progress_display_free(display, 3 * RP_S);
    assert_string_equal(written(&device), "\r\x1b[1A\x1b[J");
    fclose(device.slave);
    close(device.master);
}

static void test_out_of_memory(void **state)
{
    static const enum rp_progress_mode modes[] = { RP_PROGRESS_PLAIN, RP_PROGRESS_BLOCK };
    struct rp_progress_display *display = NULL;
    struct rp_progress one = progress_one();

    rp_alloc_fail_at(1);
    assert_int_equal(rp_progress_display_new(stderr, RP_PROGRESS_PLAIN, &display), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_null(display);
    for (size_t i = 0; i < RP_ARRAY_LEN(modes); i++) {
        struct screen *screen = open_screen(modes[i]);
        uint64_t n;

        for (n = 1;; n++) {
            rp_alloc_fail_at(n);
            rp_progress_display_update(screen->display, &one, 0);
            rp_alloc_fail_at(0);
            fflush(screen->stream);
            if (screen->len)
                break; /* a picture less, not half of one */
        }
        assert_true(n > 1);
        rp_progress_display_update(screen->display, &one, 0);
        if (modes[i] == RP_PROGRESS_BLOCK)
            expect(screen, "", &one);
        close_screen(screen);
    }
    rp_progress_display_free(NULL, 0);
    rp_progress_display_hide(NULL, 0);
    rp_progress_display_show(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_is_drawn_over),
        cmocka_unit_test(test_colors_change_nothing_else),
        cmocka_unit_test(test_other_output),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_resized),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
