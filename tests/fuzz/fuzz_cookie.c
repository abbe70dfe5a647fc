/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include <stdlib.h>

#include "proto/cookie.h"
#include "proto/h1.h"

enum { OUT_MAX = 1 << 24, NOW = 1700000000 };

static void check_inside(struct rp_slice part, struct rp_slice text)
{
    rp_assert(!part.len || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
}

/* What a jar sends may stand in a request as it is, and is what it was told. */
static void check_sent(const struct rp_cookie_jar *jar, const struct rp_url *url)
{
    struct rp_slice name, value;
    struct rp_buf out;
    size_t pos = 0, sent = 0, wanted = 0;

    rp_buf_init(&out, OUT_MAX);
    rp_cookie_jar_append(jar, url, NOW, rp_slice(NULL, 0), &out);
    rp_assert(!out.error && rp_h1_is_field_value(rp_buf_slice(&out)));
    while (rp_cookie_next_pair(rp_buf_slice(&out), &pos, &name, &value))
        sent++;
    for (struct rp_list *it = jar->entries.next; it != &jar->entries; it = it->next)
        wanted += rp_cookie_goes_to(rp_container_of(it, struct rp_cookie_entry, node), url, NOW);
    rp_assert(sent <= wanted); /* one without a name may look like nothing, as "=" does */
    rp_buf_reset(&out);
    if (sent)
        rp_cookie_jar_append(jar, url, NOW, RP_SLICE("other=1"), &out);
    rp_buf_deinit(&out);
}

static void take(struct rp_cookie_jar *jar, const struct rp_url *url, struct rp_slice field)
{
    struct rp_cookie cookie;

    if (!rp_cookie_parse(field, NOW, &cookie))
        return;
    check_inside(cookie.name, field);
    check_inside(cookie.value, field);
    check_inside(cookie.domain, field);
    check_inside(cookie.path, field);
    rp_assert(cookie.name.len + cookie.value.len <= RP_COOKIE_BYTES_MAX);
    rp_assert(rp_cookie_jar_store(jar, url, &cookie, NOW) >= 0);
    rp_assert(jar->count <= RP_COOKIES_MAX);
}

/* The first line is a URL, each further one the value of a Set-Cookie field that comes from it. */
int rp_fuzz_cookie(const uint8_t *data, size_t size)
{
    static const char *const others[] = { "http://a.test/", "https://b.a.test/p/q",
                                          "http://127.0.0.1/" };
    char *text = malloc(size ? size : 1);
    struct rp_slice rest, line;
    struct rp_cookie_jar jar;
    struct rp_url url;
    bool is_first = true, has_url = false;
    int64_t time;

    rp_assert(text);
    if (size)
        memcpy(text, data, size);
    rest = rp_slice(text, size);
    rp_cookie_jar_init(&jar);
    while (rest.len) {
        const char *lf = memchr(rest.ptr, '\n', rest.len);
        size_t len = lf ? (size_t)(lf - rest.ptr) : rest.len;

        line = rp_slice(rest.ptr, len);
        rest = rp_slice(rest.ptr + len + (lf != NULL), rest.len - len - (lf != NULL));
        if (is_first)
            has_url = rp_url_parse(line, &url, NULL) == 0;
        else if (has_url)
            take(&jar, &url, line);
        is_first = false;
        if (rp_cookie_date(line, &time))
            rp_assert(time >= -11644473600 && time <= 253402300799);
    }
    if (has_url)
        check_sent(&jar, &url);
    for (size_t i = 0; i < RP_ARRAY_LEN(others); i++) {
        rp_assert(rp_url_parse(rp_slice_str(others[i]), &url, NULL) == 0);
        check_sent(&jar, &url);
    }
    rp_cookie_jar_clear(&jar);
    free(text);
    return 0;
}
