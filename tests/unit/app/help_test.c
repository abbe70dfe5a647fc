/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/completion.h"
#include "app/docs.h"
#include "app/help.h"
#include "base/alloc.h"
#include "target/target.h"
#include "base/text.h"

static const struct rp_style plain = { .color = false, .width = 80 };

static void assert_contains(const struct rp_buf *text, const char *what)
{
    if (!strstr(rp_buf_str(text), what))
        fail_msg("'%s' is missing in:\n%s", what, rp_buf_str(text));
}

/* All words of @what stand in @text in this order, whatever blanks and line ends are between them. */
static void assert_says(const struct rp_buf *text, const char *what)
{
    const char *begin = rp_buf_str(text);
    size_t first = strcspn(what, " ");

    while ((begin = strchr(begin, what[0]))) {
        const char *t = begin, *w = what;

        while (*w && (*t == *w || (*w == ' ' && (*t == '\n' || *t == ' ')))) {
            w++;
            t += *t == '\n' || *t == ' ' ? strspn(t, " \n") : 1;
        }
        if (!*w)
            return;
        begin++;
    }
    fail_msg("'%s' (from '%.*s') is not said in:\n%s", what, (int)first, what, rp_buf_str(text));
}

/* Whether the command has an option of this name, though it may be another one. */
static bool has_the_name(const struct rp_option *option, const struct rp_command *command)
{
    for (size_t i = 0; i < RP_OPT_COUNT; i++)
        if (rp_option_belongs(&rp_options[i], command) &&
            strcmp(rp_options[i].name, option->name) == 0)
            return true;
    return false;
}

static void every_help_has_every_option_of_its_table(void **state)
{
    for (size_t c = 0; c <= RP_CMD_COUNT; c++) {
        const struct rp_command *command = c < RP_CMD_COUNT ? &rp_commands[c] : NULL;
        struct rp_buf out;

        rp_buf_init(&out, 1 << 20);
        rp_help_write(command, plain, &out);
        assert_int_equal(out.error, 0);
        for (size_t i = 0; i < RP_OPT_COUNT; i++) {
            struct rp_buf spelling;

            rp_buf_init(&spelling, 256);
            rp_help_option_spelling(&rp_options[i], true, &spelling);
            rp_buf_append_str(&spelling, " ");
            if (rp_option_belongs(&rp_options[i], command)) {
                assert_says(&out, rp_buf_str(&spelling) + strspn(rp_buf_str(&spelling), " "));
                assert_says(&out, rp_options[i].help);
                if (rp_options[i].env)
                    assert_says(&out, rp_options[i].env);
                if (rp_options[i].fallback)
                    assert_says(&out, rp_options[i].fallback);
            } else if (!has_the_name(&rp_options[i], command)) {
                assert_null(strstr(rp_buf_str(&out), rp_buf_str(&spelling)));
            }
            rp_buf_deinit(&spelling);
        }
        for (const struct rp_example *e = command ? command->examples : rp_global_examples; e->line;
             e++)
            assert_contains(&out, e->line);
        rp_buf_deinit(&out);
    }
}

static void the_global_help_has_every_command(void **state)
{
    struct rp_buf out, brief;

    rp_buf_init(&out, 1 << 20);
    rp_buf_init(&brief, 1 << 20);
    rp_help_write(NULL, plain, &out);
    rp_help_write_short(plain, &brief);
    for (size_t i = 0; i < RP_CMD_COUNT; i++) {
        assert_says(&out, rp_commands[i].summary);
        assert_says(&brief, rp_commands[i].summary);
    }
    assert_true(brief.len < out.len / 2);
    rp_buf_deinit(&out);
    rp_buf_deinit(&brief);
}

/* Lines that cannot be broken: a command to type, or a single word. */
static bool may_be_long(struct rp_slice line)
{
    const char *word = line.ptr + strspn(line.ptr, " ");
    size_t left = line.len - (size_t)(word - line.ptr);

    return strncmp(word, "rampa", 5) == 0 || strncmp(word, "source", 6) == 0 ||
           !memchr(word, ' ', left);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    static const unsigned widths[] = { 60, 63, 64, 80, 120, 200 };

    for (size_t w = 0; w < RP_ARRAY_LEN(widths); w++) {
        for (size_t c = 0; c <= RP_CMD_COUNT; c++) {
            struct rp_style style = { .width = widths[w] };
            struct rp_buf out;
            size_t widest = 0;

            rp_buf_init(&out, 1 << 20);
            rp_help_write(c < RP_CMD_COUNT ? &rp_commands[c] : NULL, style, &out);
            for (const char *line = rp_buf_str(&out); *line; line += strcspn(line, "\n") + 1) {
                struct rp_slice text = rp_slice(line, strcspn(line, "\n"));
                size_t cols = rp_text_cols(text);
                /* tables of fixed lines (exit codes, examples) need some 70 columns */
                bool is_fixed = text.len > 4 && text.ptr[0] == ' ' &&
                                (strchr("0123456789#", text.ptr[2]) != NULL);

                if (cols > widths[w] && !may_be_long(text) && !(is_fixed && widths[w] < 80))
                    fail_msg("wider than %u: %.*s", widths[w], RP_SLICE_FMT(text));
                widest = cols > widest ? cols : widest;
            }
            assert_true(widest <= 100);
            rp_buf_deinit(&out);
        }
    }
}

/* Takes "\033[...m" out of @text. */
static void strip_colors(struct rp_buf *text, struct rp_buf *out)
{
    for (const char *c = rp_buf_str(text); *c; c++) {
        if (*c == '\033') {
            assert_int_equal(c[1], '[');
            c = strchr(c, 'm');
            assert_non_null(c);
            continue;
        }
        rp_buf_append(out, c, 1);
    }
}

static void colours_add_nothing_but_colours(void **state)
{
    const struct rp_style colored = { .color = true, .width = 80 };

    for (size_t c = 0; c <= RP_CMD_COUNT; c++) {
        const struct rp_command *command = c < RP_CMD_COUNT ? &rp_commands[c] : NULL;
        struct rp_buf with, without, stripped;

        rp_buf_init(&with, 1 << 20);
        rp_buf_init(&without, 1 << 20);
        rp_buf_init(&stripped, 1 << 20);
        rp_help_write(command, colored, &with);
        rp_help_write(command, plain, &without);
        strip_colors(&with, &stripped);
        assert_true(with.len > without.len);
        assert_null(strchr(rp_buf_str(&without), '\033'));
        assert_string_equal(rp_buf_str(&stripped), rp_buf_str(&without));
        rp_buf_deinit(&with);
        rp_buf_deinit(&without);
        rp_buf_deinit(&stripped);
    }
}

/* The text of a man page as it is read: without the escapes of dashes. */
static void unescape(const struct rp_buf *roff, struct rp_buf *out)
{
    for (const char *c = rp_buf_str(roff); *c; c++) {
        if (c[0] == '\\' && c[1] == '-')
            continue;
        if (c[0] == '\\' && c[1] == 'f') {
            c += 2;
            continue;
        }
        rp_buf_append(out, c, 1);
    }
}

static void every_page_has_every_option_and_command(void **state)
{
    struct rp_buf man, roff, reference;

    rp_buf_init(&man, 1 << 20);
    rp_buf_init(&roff, 1 << 20);
    rp_buf_init(&reference, 1 << 20);
    rp_docs_man(&roff);
    unescape(&roff, &man);
    rp_docs_reference(&reference);
    for (size_t i = 0; i < RP_OPT_COUNT; i++) {
        struct rp_buf spelling;

        rp_buf_init(&spelling, 256);
        rp_help_option_spelling(&rp_options[i], false, &spelling);
        assert_contains(&man, rp_buf_str(&spelling));
        assert_contains(&reference, rp_buf_str(&spelling));
        assert_contains(&reference, rp_options[i].help);
        assert_contains(&man, rp_options[i].help);
        rp_buf_deinit(&spelling);
    }
    for (size_t i = 0; i < RP_CMD_COUNT; i++) {
        char heading[64];

        snprintf(heading, sizeof(heading), "\n### rampa %s\n", rp_commands[i].name);
        assert_true(i == 0 || strstr(rp_buf_str(&reference), heading));
        snprintf(heading, sizeof(heading), ".SS rampa %s ", rp_commands[i].name);
        assert_contains(&man, heading);
    }
    for (size_t i = 0; rp_target_endpoint(i); i++)
        assert_contains(&reference, rp_target_endpoint(i)->path);
    rp_buf_deinit(&man);
    rp_buf_deinit(&roff);
    rp_buf_deinit(&reference);
}

static void every_completion_has_every_option_and_command(void **state)
{
    static const char *const shells[] = { "bash", "zsh", "fish" };

    for (size_t s = 0; s < RP_ARRAY_LEN(shells); s++) {
        struct rp_buf out;

        rp_buf_init(&out, 1 << 20);
        rp_completion_write(shells[s], &out);
        /* fish writes the name of a long option without its dashes */
        for (size_t i = 0; i < RP_OPT_COUNT; i++)
            assert_contains(&out, rp_options[i].name + (s == 2 ? strlen("--") : 0));
        for (size_t i = 0; i < RP_CMD_COUNT; i++)
            assert_contains(&out, rp_commands[i].name);
        rp_buf_deinit(&out);
    }
}

static void write_help(struct rp_buf *out)
{
    rp_help_write(&rp_commands[RP_CMD_TARGET], plain, out);
    rp_help_write(NULL, plain, out);
    rp_docs_man(out);
    rp_docs_reference(out);
}

/* A text is whole or has an error: none is silently short. */
static void a_failed_allocation_is_an_error_of_the_text(void **state)
{
    struct rp_buf whole;
    uint64_t n = 0;
    int error;

    rp_buf_init(&whole, 1 << 20);
    write_help(&whole);
    assert_int_equal(whole.error, 0);
    do {
        struct rp_buf out;

        rp_buf_init(&out, 1 << 20);
        rp_alloc_fail_at(++n);
        write_help(&out);
        rp_alloc_fail_at(0);
        error = out.error;
        if (error)
            assert_int_equal(error, -ENOMEM);
        else
            assert_string_equal(rp_buf_str(&out), rp_buf_str(&whole));
        rp_buf_deinit(&out);
    } while (error);
    assert_true(n > 50);
    rp_buf_deinit(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_help_has_every_option_of_its_table),
        cmocka_unit_test(the_global_help_has_every_command),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(colours_add_nothing_but_colours),
        cmocka_unit_test(every_page_has_every_option_and_command),
        cmocka_unit_test(every_completion_has_every_option_and_command),
        cmocka_unit_test(a_failed_allocation_is_an_error_of_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
