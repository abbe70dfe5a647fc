/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/cells.h"
#include "ui/ink.h"

enum { OUT_MAX = 1 << 16 };

static void expect(const struct rp_cells *cells, const char *text)
{
    struct rp_buf out;

    rp_buf_init(&out, OUT_MAX);
    rp_cells_text(cells, &out);
    assert_string_equal(rp_buf_str(&out), text);
    rp_buf_deinit(&out);
}

static void test_put(void **state)
{
    struct rp_cells cells = { 0 };

    assert_int_equal(rp_cells_resize(&cells, 10, 3), 0);
    expect(&cells, "\n\n\n");
    assert_int_equal(rp_cells_put(&cells, 0, 2, 8, RP_CELL_BOLD, RP_SLICE("abc")), 3);
    assert_int_equal(rp_cells_putf(&cells, 1, 0, 6, RP_CELL_RED, "%d apples", 1234), 6);
    rp_cells_put_right(&cells, 2, 10, 4, RP_CELL_PLAIN, RP_SLICE("12"));
    expect(&cells, "  abc\n123" RP_TEXT_ELLIPSIS "es\n        12\n");
    assert_int_equal(cells.cells[2].ink, RP_CELL_BOLD);
    assert_int_equal(cells.cells[0].ink, RP_CELL_PLAIN);
    rp_cells_ink(&cells, 0, 4, 100, RP_CELL_REVERSE);
    assert_int_equal(cells.cells[3].ink, RP_CELL_BOLD);
    assert_int_equal(cells.cells[9].ink, RP_CELL_REVERSE);
    assert_int_equal(rp_cells_resize(&cells, 10, 3), 0); /* blank again */
    expect(&cells, "\n\n\n");
    rp_cells_deinit(&cells);
}

/* Nothing leaves the cells, whatever is asked for. */
static void test_edges(void **state)
{
    struct rp_cells cells = { 0 };

    rp_cells_put(&cells, 0, 0, 5, RP_CELL_PLAIN, RP_SLICE("no cells"));
    assert_int_equal(rp_cells_resize(&cells, 4, 1), 0);
    rp_cells_put(&cells, 0, 2, 80, RP_CELL_PLAIN, RP_SLICE("abcdef"));
    rp_cells_put(&cells, 1, 0, 80, RP_CELL_PLAIN, RP_SLICE("below"));
    rp_cells_put(&cells, 0, 0, 0, RP_CELL_PLAIN, RP_SLICE("no width"));
    rp_cells_put_right(&cells, 0, 1, 5, RP_CELL_PLAIN, RP_SLICE("left"));
    rp_cells_ink(&cells, 7, 0, 5, RP_CELL_RED);
    expect(&cells, "  ab\n");
    rp_cells_deinit(&cells);
}

/* Wide characters take two cells, and only whole; escapes of others draw nothing. */
static void test_others_text(void **state)
{
    struct rp_cells cells = { 0 };

    assert_int_equal(rp_cells_resize(&cells, 5, 2), 0);
    rp_cells_put(&cells, 0, 0, 5, RP_CELL_PLAIN, RP_SLICE("\xe6\x97\xa5\xe6\x9c\xac"));
    rp_cells_put(&cells, 0, 4, 5, RP_CELL_PLAIN, RP_SLICE("\xe6\x97\xa5"));
    rp_cells_put(&cells, 1, 0, 5, RP_CELL_PLAIN, RP_SLICE("\x1b[2J\n"));
    expect(&cells, "\xe6\x97\xa5\xe6\x9c\xac\n\xef\xbf\xbd[2J\n");
    assert_int_equal(cells.cells[1].len, 0);
    rp_cells_deinit(&cells);
}

static void test_inked(void **state)
{
    struct rp_cells cells = { 0 };

    assert_int_equal(rp_cells_resize(&cells, 12, 1), 0);
    rp_cells_put_inked(&cells, 0, 1, RP_SLICE("a" RP_INK_RED "bc" RP_INK_OFF "d\x1b"));
    expect(&cells, " abcd\n");
    assert_int_equal(cells.cells[1].ink, RP_CELL_PLAIN);
    assert_int_equal(cells.cells[3].ink, RP_CELL_RED);
    assert_int_equal(cells.cells[4].ink, RP_CELL_PLAIN);
    rp_cells_deinit(&cells);
}

static void test_no_memory(void **state)
{
    struct rp_cells cells = { 0 };

    assert_int_equal(rp_cells_resize(&cells, 3, 1), 0);
    rp_cells_put(&cells, 0, 0, 3, RP_CELL_PLAIN, RP_SLICE("abc"));
    rp_alloc_fail_at(1);
    assert_int_equal(rp_cells_resize(&cells, 80, 24), -ENOMEM);
    rp_alloc_fail_at(0);
    expect(&cells, "abc\n");
    rp_cells_deinit(&cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),         cmocka_unit_test(test_edges),
        cmocka_unit_test(test_others_text), cmocka_unit_test(test_inked),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
