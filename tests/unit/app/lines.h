/* SPDX-License-Identifier: MIT */
#pragma once

/* Command lines written as texts, for tests of the parser. Includes come after those of cmocka. */

#include <string.h>

#include "app/cli.h"
#include "base/buf.h"

/* A line is written as one text, split at blanks; "''" is an empty word. */
struct line {
    char text[512];
    char *words[64];
    int count;
};

static inline void split(const char *text, struct line *line)
{
    char *rest = line->text, *word;

    assert_true(strlen(text) < sizeof(line->text));
    memcpy(line->text, text, strlen(text) + 1);
    line->count = 0;
    line->words[line->count++] = (char *)"rampa";
    while ((word = strsep(&rest, " "))) {
        if (strcmp(word, "''") == 0)
            *word = '\0';
        else if (!*word)
            continue;
        line->words[line->count++] = word;
    }
    line->words[line->count] = NULL;
}

static inline void parse(const char *text, struct line *line, struct rp_cli *cli)
{
    split(text, line);
    assert_int_equal(rp_cli_parse(line->count, line->words, cli), 0);
}

/* The mistakes of @cli, one a line, "message (hint)". */
static inline void mistakes(const struct rp_cli *cli, struct rp_buf *out)
{
    for (size_t i = 0; i < cli->error_count; i++) {
        rp_buf_append_str(out, cli->errors[i].message);
        if (cli->errors[i].hint)
            rp_buf_appendf(out, " (%s)", cli->errors[i].hint);
        rp_buf_append_str(out, "\n");
    }
}
