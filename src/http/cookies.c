/* SPDX-License-Identifier: MIT */

/*
 * The cookies of a session: taken from answers, sent with requests, forgotten with the iteration.
 *
 * A session without cookies has no jar. A request that has some sends a head of its own (own_head.c).
 */

#include "base/alloc.h"
#include "http/cookies.h"
#include "proto/url.h"

static int64_t now(void)
{
    return rp_wall_clock_ns() / RP_S;
}

void rp_http_session_take_cookies(struct rp_http_session *session, const uint64_t *iteration)
{
    session->takes_cookies = true;
    session->forgets_cookies = iteration && !session->client->limits.keep_cookies;
    if (iteration)
        session->iteration = iteration;
}

struct rp_cookie_jar *rp_http_session_jar(struct rp_http_session *session)
{
    struct rp_http_jar *jar = session->jar;

    if (!jar) {
        jar = rp_calloc(1, sizeof(*jar));
        if (!jar)
            return NULL;
        rp_cookie_jar_init(&jar->jar);
        jar->iteration = session->forgets_cookies ? *session->iteration : 0;
        session->jar = jar;
        session->client->has_own_heads = true;
    }
    if (session->forgets_cookies && jar->iteration != *session->iteration) {
        jar->iteration = *session->iteration;
        rp_cookie_jar_clear(&jar->jar);
    }
    return &jar->jar;
}

void rp_http_drop_jar(struct rp_http_session *session)
{
    if (!session->jar)
        return;
    rp_cookie_jar_clear(&session->jar->jar);
    rp_free(session->jar);
    session->jar = NULL;
}

void rp_http_note_cookies(struct rp_http_session *session, const struct rp_http_template *template,
                          const struct rp_http_response *response)
{
    struct rp_slice name, value;
    struct rp_cookie_jar *jar;
    struct rp_url url;
    size_t pos = 0;

    if (!session->takes_cookies || rp_url_parse(rp_slice_str(template->url), &url, NULL) < 0)
        return;
    jar = rp_http_session_jar(session);
    while (jar && rp_http_response_next_field(response, &pos, &name, &value)) {
        struct rp_cookie cookie;

        /* Without memory a cookie is lost, as everything soon will be. */
        if (rp_slice_ieq(name, RP_SLICE("Set-Cookie")) && rp_cookie_parse(value, now(), &cookie) &&
            rp_cookie_jar_store(jar, &url, &cookie, now()) < 0)
            return;
    }
}

/* The field Cookie that the script has given, if it has. */
static struct rp_slice given_cookies(const struct rp_http_template *template)
{
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_h1_next_field(rp_buf_slice(&template->head), &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("Cookie")))
            return value;
    return rp_slice(NULL, 0);
}

bool rp_http_cookies_of(struct rp_http_call *call, struct rp_slice *ret_given, struct rp_buf *out)
{
    struct rp_http_template *template = call->template;
    struct rp_cookie_jar *jar = rp_http_session_jar(call->session);
    struct rp_url url;

    if (!jar)
        return false;
    if (!jar->count || rp_url_parse(rp_slice_str(template->url), &url, NULL) < 0)
        return true;
    if (template->has_cookie)
        *ret_given = given_cookies(template);
    rp_cookie_jar_append(jar, &url, now(), *ret_given, out);
    return !out->error;
}
