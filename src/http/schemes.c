/* SPDX-License-Identifier: MIT */

/* Which schemes a client speaks, and what TLS is for https. */

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "http/http_internal.h"

enum { SHOWN_MAX = 64 * 1024 };

static const struct rp_http_scheme own_schemes[] = { { .name = "http" },
                                                     { .name = "https", .is_tls = true } };
const struct schemes rp_http_own_schemes = { own_schemes, RP_ARRAY_LEN(own_schemes) };

void rp_http_client_set_schemes(struct rp_http_client *client, const struct rp_http_scheme *schemes,
                                size_t count)
{
    client->schemes = (struct schemes){ schemes, count };
}

/* The one that @url has. NULL with @err filled when it is none of @schemes. */
static const struct rp_http_scheme *find_by_name(const struct schemes *schemes,
                                                 struct rp_slice text, const struct rp_url *url,
                                                 struct rp_error *err)
{
    struct rp_buf shown;
    char names[64];
    size_t used = 0;

    for (size_t i = 0; i < schemes->count; i++)
        if (rp_slice_ieq(rp_slice_str(schemes->rows[i].name), url->scheme))
            return &schemes->rows[i];
    for (size_t i = 0; i < schemes->count && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
                                 i == 0                   ? ""
                                 : i + 1 < schemes->count ? ", "
                                                          : " and ",
                                 schemes->rows[i].name);
    rp_buf_init(&shown, SHOWN_MAX);
    rp_url_append_public(text, &shown);
    rp_error_set(err, -RP_EUSER, "URL '%s': this version speaks %s only, not %.*s",
                 rp_buf_str(&shown), names, RP_SLICE_FMT(url->scheme));
    rp_buf_deinit(&shown);
    return NULL;
}

int rp_http_check_whole_url(const struct schemes *schemes, struct rp_slice url,
                            struct rp_error *err)
{
    struct rp_url parsed;
    int r = rp_url_parse(url, &parsed, err);

    if (r == 0 && !find_by_name(schemes, url, &parsed, err))
        return -RP_EUSER;
    return r;
}

int rp_http_check_url(struct rp_slice url, struct rp_error *err)
{
    return rp_http_check_whole_url(&rp_http_own_schemes, url, err);
}

static int make_secure(struct rp_http_client *client, const struct rp_tls_settings *settings,
                       struct rp_error *err)
{
    struct secure_scheme *secure;
    int r;

    if (!client->tls) {
        r = rp_tls_shared_new(client->loop, &client->tls);
        if (r < 0)
            return r;
    }
    secure = rp_calloc(1, sizeof(*secure));
    if (!secure)
        return -ENOMEM;
    r = rp_tls_context_new(client->tls, settings, &secure->context, err);
    if (r < 0) {
        rp_free(secure);
        return r;
    }
    secure->layers[0] = rp_tls_context_layer(secure->context);
    secure->scheme = own_schemes[1];
    secure->scheme.layers = secure->layers;
    client->secure = secure;
    return 0;
}

int rp_http_client_set_tls(struct rp_http_client *client, const struct rp_tls_settings *settings,
                           struct rp_error *err)
{
    rp_assert(!client->secure);
    return make_secure(client, settings, err);
}

int rp_http_find_scheme(struct rp_http_client *client, struct rp_slice text,
                        const struct rp_url *url, const struct rp_http_scheme **ret,
                        struct rp_error *err)
{
    const struct rp_http_scheme *scheme = find_by_name(&client->schemes, text, url, err);
    const struct rp_tls_settings defaults = { 0 };
    int r;

    if (!scheme)
        return -RP_EUSER;
    if (scheme != &own_schemes[1]) {
        *ret = scheme;
        return 0;
    }
    if (!client->secure) {
        r = make_secure(client, &defaults, err);
        if (r < 0)
            return r;
    }
    *ret = &client->secure->scheme;
    return 0;
}

void rp_http_free_schemes(struct rp_http_client *client)
{
    while (client->secure) {
        struct secure_scheme *secure = client->secure;

        client->secure = secure->next;
        rp_tls_context_free(secure->context);
        rp_free(secure);
    }
    rp_tls_shared_free(client->tls);
    client->tls = NULL;
}

/* ---- tickets --------------------------------------------------------------------------------- */

static struct ticket_box *find_box(struct rp_http_session *session, const struct origin *origin)
{
    struct ticket_box *box;

    for (box = session->tickets; box; box = box->next)
        if (box->origin == origin)
            return box;
    box = rp_calloc(1, sizeof(*box));
    if (!box)
        return NULL;
    box->origin = origin;
    box->next = session->tickets;
    session->tickets = box;
    return box;
}

void rp_http_use_tickets(struct connection *connection)
{
    struct ticket_box *box;

    if (!connection->origin->scheme->is_tls)
        return;
    box = find_box(connection->session, connection->origin);
    if (box)
        rp_tls_use_tickets(connection->stack.top, &box->tickets);
}

void rp_http_free_tickets(struct rp_http_session *session)
{
    while (session->tickets) {
        struct ticket_box *box = session->tickets;

        session->tickets = box->next;
        rp_tls_tickets_free(&box->tickets);
        rp_free(box);
    }
}
