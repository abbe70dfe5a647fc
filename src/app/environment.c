/* SPDX-License-Identifier: MIT */
#include "app/environment.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "app/cli.h"
#include "base/str.h"
#include "base/text.h"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The names of all variables; returns how many. */
static size_t known_names(const char **names, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < RP_OPT_COUNT && count < size; i++)
        if (rp_options[i].env)
            names[count++] = rp_options[i].env;
    for (const struct rp_env_note *note = rp_env_notes; note->name && count < size; note++)
        names[count++] = note->name;
    return count;
}

static void warn(FILE *stream, struct rp_slice name, const char *near)
{
    struct rp_buf out;

    rp_buf_init(&out, 1 << 16);
    rp_buf_append_str(&out, "warning: the variable ");
    rp_text_append(&out, name, SIZE_MAX);
    if (near)
        rp_buf_appendf(&out, " is none of rampa's: did you mean %s?\n", near);
    else
        rp_buf_append_str(&out, " is none of rampa's: see 'rampa run --help'\n");
    if (!out.error)
        fwrite(out.data, 1, out.len, stream);
    rp_buf_deinit(&out);
}

void rp_environment_warn(FILE *stream, char *const *environment)
{
    const char *names[RP_OPT_COUNT + 32];
    size_t count = known_names(names, RP_ARRAY_LEN(names));

    for (; *environment; environment++) {
        struct rp_slice name = { *environment, strcspn(*environment, "=") };
        size_t i = 0;

        if (!begins(*environment, "RAMPA_") || begins(*environment, "RAMPA_BENCH_") ||
            begins(*environment, "RAMPA_MCP_") || begins(*environment, "RAMPA_SANITIZED="))
            continue;
        while (i < count && !rp_slice_eq_str(name, names[i]))
            i++;
        if (i == count)
            warn(stream, name, rp_suggest(name, names, count));
    }
}
