/* SPDX-License-Identifier: MIT */

/*
 * cookie_tool NOW < CASES: what a jar sends, for a comparison with another user agent. A case is a line: the URL that
 * sets a cookie, the value of its field Set-Cookie, and the URL that is requested then, with tabs between them. The
 * answer is a line: the value of the field Cookie.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cookie.h"

static void run_case(const char *from, const char *field, const char *to, int64_t now)
{
    struct rp_url set_by, asked;
    struct rp_cookie cookie;
    struct rp_cookie_jar jar;
    struct rp_buf out;

    rp_assert(rp_url_parse(rp_slice_str(from), &set_by, NULL) == 0);
    rp_assert(rp_url_parse(rp_slice_str(to), &asked, NULL) == 0);
    rp_cookie_jar_init(&jar);
    rp_buf_init(&out, 1 << 20);
    if (rp_cookie_parse(rp_slice_str(field), now, &cookie))
        rp_assert(rp_cookie_jar_store(&jar, &set_by, &cookie, now) >= 0);
    rp_cookie_jar_append(&jar, &asked, now, rp_slice(NULL, 0), &out);
    puts(rp_buf_str(&out));
    rp_buf_deinit(&out);
    rp_cookie_jar_clear(&jar);
}

int main(int argc, char **argv)
{
    static char line[1 << 16];

    if (argc != 2)
        return 2;
    while (fgets(line, sizeof(line), stdin)) {
        char *field = strchr(line, '\t'), *to = field ? strchr(field + 1, '\t') : NULL;

        if (!to)
            return 2;
        line[strcspn(line, "\n")] = '\0';
        *field++ = '\0';
        *to++ = '\0';
        run_case(line, field, to, atoll(argv[1]));
    }
    return 0;
}
