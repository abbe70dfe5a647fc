/* SPDX-License-Identifier: MIT */

/* Which schemes a client speaks, and what TLS is for https. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http_internal.h"

enum { SHOWN_MAX = 64 * 1024 };

static const struct rp_http_scheme own_schemes[] = { { .name = "http" },
                                                     { .name = "https", .is_tls = true } };
/* Of requests that ask for a WebSocket, and of those that do it by HTTP/2, where the scheme of a request
 * is one of HTTP (RFC 8441, 5). */
static const struct rp_http_scheme upgrade_schemes[] = {
    { .name = "ws", .is_http1 = true }, { .name = "wss", .is_tls = true, .is_http1 = true }
};
static const struct rp_http_scheme tunnel_schemes[] = {
    { .name = "http", .is_h2 = true }, { .name = "https", .is_tls = true, .is_h2 = true }
};

/* What a connection is for. */
enum use { USE_HTTP, USE_UPGRADE, USE_TUNNEL, USE_COUNT };
static const struct rp_http_scheme *const secure_schemes[USE_COUNT] = {
    [USE_HTTP] = &own_schemes[1],
    [USE_UPGRADE] = &upgrade_schemes[1],
    [USE_TUNNEL] = &tunnel_schemes[1],
};
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

    struct rp_slice name = rp_url_is_unix(url) ? RP_SLICE("http") : url->scheme;

    for (size_t i = 0; i < schemes->count; i++)
        if (rp_slice_ieq(rp_slice_str(schemes->rows[i].name), name))
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
    if (rp_slice_ieq(name, RP_SLICE("ws")) || rp_slice_ieq(name, RP_SLICE("wss")))
        rp_error_hint(err, "a script opens a WebSocket with worker.ws.connect(url)");
    rp_buf_deinit(&shown);
    return NULL;
}

/* As find_by_name(), for a WebSocket: any scheme that a URL may have. Those of HTTP mean the same, so
 * that a base URL does for both. */
static const struct rp_http_scheme *find_upgrade(const struct rp_url *url, enum use use)
{
    bool is_tls = rp_slice_ieq(url->scheme, RP_SLICE("wss")) ||
                  rp_slice_ieq(url->scheme, RP_SLICE("https"));

    return use == USE_TUNNEL ? &tunnel_schemes[is_tls] : &upgrade_schemes[is_tls];
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

/* What https is with one set of settings, those of the client and what a request says beside. */
struct secure_scheme {
    struct secure_scheme *next;
    struct rp_http_tls says; /* texts owned */
    struct {
        struct rp_http_scheme scheme;
        const struct rp_layer *layers[2];
        struct rp_tls_context *context; /* NULL until a URL needs it */
    } of[USE_COUNT];
};

/* ---- TLS ------------------------------------------------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const struct rp_http_tls *a, const struct rp_http_tls *b)
{
    return a->verify == b->verify && is_same_text(a->ca_file, b->ca_file) &&
           is_same_text(a->cert_file, b->cert_file) && is_same_text(a->key_file, b->key_file);
}

/* NULL stays NULL. */
static int copy_text(const char *text, const char **ret)
{
    *ret = text ? rp_strdup(text) : NULL;
    return text && !*ret ? -ENOMEM : 0;
}

static void free_secure(struct secure_scheme *secure)
{
    for (size_t i = 0; i < USE_COUNT; i++)
        rp_tls_context_free(secure->of[i].context);
    rp_free((char *)secure->says.ca_file);
    rp_free((char *)secure->says.cert_file);
    rp_free((char *)secure->says.key_file);
    rp_free(secure);
}

static int find_secure(struct rp_http_client *client, const struct rp_http_tls *says,
                       struct secure_scheme **ret)
{
    struct secure_scheme *secure;

    for (secure = client->secure; secure; secure = secure->next)
        if (is_same(&secure->says, says)) {
            *ret = secure;
            return 0;
        }
    secure = rp_calloc(1, sizeof(*secure));
    if (!secure)
        return -ENOMEM;
    secure->says.verify = says->verify;
    if (copy_text(says->ca_file, &secure->says.ca_file) < 0 ||
        copy_text(says->cert_file, &secure->says.cert_file) < 0 ||
        copy_text(says->key_file, &secure->says.key_file) < 0) {
        free_secure(secure);
        return -ENOMEM;
    }
    secure->next = client->secure;
    client->secure = secure;
    *ret = secure;
    return 0;
}

static int make_context(struct rp_http_client *client, struct secure_scheme *secure, enum use use,
                        struct rp_error *err)
{
    struct rp_tls_context **context = &secure->of[use].context;
    struct rp_tls_settings settings = client->tls_settings;
    const struct rp_http_tls *says = &secure->says;
    int r;

    if (*context)
        return 0;
    if (!client->tls) {
        r = rp_tls_shared_new(client->loop, &client->tls);
        if (r < 0)
            return r;
    }
    settings.offers_h2 = use == USE_TUNNEL ||
                         (use == USE_HTTP && client->h2_use != RP_HTTP_H2_NEVER);
    if (says->verify)
        settings.is_unverified = says->verify == RP_HTTP_VERIFY_NOT;
    if (says->ca_file)
        settings.ca_file = says->ca_file;
    if (says->cert_file) {
        settings.cert_file = says->cert_file;
        settings.key_file = says->key_file;
    }
    r = rp_tls_context_new(client->tls, &settings, context, err);
    if (r < 0)
        return r;
    secure->of[use].layers[0] = rp_tls_context_layer(*context);
    secure->of[use].scheme = *secure_schemes[use];
    secure->of[use].scheme.layers = secure->of[use].layers;
    return 0;
}

static void free_settings(struct rp_tls_settings *settings)
{
    rp_free((char *)settings->ca_file);
    rp_free((char *)settings->cert_file);
    rp_free((char *)settings->key_file);
    rp_free((char *)settings->ciphers);
    rp_free((char *)settings->keylog_file);
    *settings = (struct rp_tls_settings){ 0 };
}

int rp_http_client_set_tls(struct rp_http_client *client, const struct rp_tls_settings *settings,
                           struct rp_error *err)
{
    struct rp_tls_settings *own = &client->tls_settings;
    struct secure_scheme *secure;
    int r;

    rp_assert(!client->secure);
    *own = *settings;
    own->ca_file = own->cert_file = own->key_file = own->ciphers = own->keylog_file = NULL;
    if (copy_text(settings->ca_file, &own->ca_file) < 0 ||
        copy_text(settings->cert_file, &own->cert_file) < 0 ||
        copy_text(settings->key_file, &own->key_file) < 0 ||
        copy_text(settings->ciphers, &own->ciphers) < 0 ||
        copy_text(settings->keylog_file, &own->keylog_file) < 0)
        return -ENOMEM;
    r = find_secure(client, &(struct rp_http_tls){ 0 }, &secure);
    return r == 0 ? make_context(client, secure, USE_HTTP, err) : r;
}

int rp_http_find_scheme(struct rp_http_client *client, const struct rp_http_spec *spec,
                        const struct rp_url *url, const struct rp_http_scheme **ret,
                        const struct rp_http_tls **ret_tls, struct rp_error *err)
{
    enum use use = !spec->is_upgrade ? USE_HTTP : spec->is_tunnel ? USE_TUNNEL : USE_UPGRADE;
    const struct rp_http_scheme *scheme = use == USE_HTTP
                                              ? find_by_name(&client->schemes, spec->url, url, err)
                                              : find_upgrade(url, use);
    const struct rp_http_scheme *secure_one = secure_schemes[use];
    bool says_nothing = is_same(&spec->tls, &(struct rp_http_tls){ 0 });
    struct secure_scheme *secure;
    int r;

    if (!scheme)
        return -RP_EUSER;
    if (use == USE_TUNNEL && !client->h2) {
        rp_error_set(err, -RP_EUSER,
                     "this test speaks HTTP/1.1 only, and so no WebSocket by HTTP/2");
        return rp_error_hint(err, "--no-http2 or Options(http2=False) says so"), -RP_EUSER;
    }
    *ret = scheme;
    if (scheme != secure_one && says_nothing)
        return 0;
    r = find_secure(client, &spec->tls, &secure);
    if (r < 0)
        return r;
    if (!says_nothing)
        *ret_tls = &secure->says; /* also of http, which may redirect to https */
    if (scheme != secure_one)
        return 0;
    *ret = &secure->of[use].scheme;
    return make_context(client, secure, use, err);
}

void rp_http_free_schemes(struct rp_http_client *client)
{
    while (client->secure) {
        struct secure_scheme *secure = client->secure;

        client->secure = secure->next;
        free_secure(secure);
    }
    free_settings(&client->tls_settings);
    rp_tls_shared_free(client->tls);
    client->tls = NULL;
}

/* ---- proxies that speak TLS ------------------------------------------------------------------ */

int rp_http_proxy_tls(struct rp_http_client *client, const struct rp_layer **ret,
                      struct rp_error *err)
{
    struct rp_tls_settings settings = client->tls_settings;
    int r = 0;

    settings.cert_file = settings.key_file = NULL;
    settings.wants_status = false;
    if (!client->proxies.tls)
        r = rp_tls_shared_new(client->loop, &client->proxies.tls);
    if (r == 0 && !client->proxies.tls_context)
        r = rp_tls_context_new(client->proxies.tls, &settings, &client->proxies.tls_context, err);
    if (r == 0)
        *ret = rp_tls_context_layer(client->proxies.tls_context);
    return r;
}

/* ---- tickets --------------------------------------------------------------------------------- */

/* The tickets of a session for one origin. */
struct ticket_box {
    struct ticket_box *next;
    const struct origin *origin;
    struct rp_tls_tickets tickets;
};

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

uint8_t rp_http_cipher(struct rp_http_client *client, const struct rp_transport *transport)
{
    const char *name = rp_tls_cipher_suite(transport);
    uint8_t i = 1;

    if (!name)
        return 0;
    while (i < CIPHERS_MAX && client->cipher_suites[i] && client->cipher_suites[i] != name)
        i++;
    if (i == CIPHERS_MAX)
        return 0;
    client->cipher_suites[i] = name;
    return i;
}

const char *rp_http_no_response(const struct connection *connection)
{
    const struct origin *origin = connection->origin;

    return origin->has_answered || origin->scheme->is_tls || origin->via
               ? "there was no response"
               : "there was no response; does the server speak TLS?";
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
