/* SPDX-License-Identifier: MIT */
#include "http/proxy.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "http/http_internal.h"

enum { USER_MAX = 255, AUTHORIZATION_MAX = 1024 };

static void free_proxy(struct proxy *proxy)
{
    rp_free(proxy->text);
    rp_free(proxy->auth);
    rp_free(proxy->place);
    rp_free(proxy->host);
    rp_buf_deinit(&proxy->user);
    rp_buf_deinit(&proxy->password);
    rp_buf_deinit(&proxy->authorization);
    rp_free(proxy);
}

void rp_http_free_proxies(struct rp_http_client *client)
{
    while (client->proxies.all) {
        struct proxy *proxy = client->proxies.all;

        client->proxies.all = proxy->next;
        free_proxy(proxy);
    }
    rp_free(client->proxies.no_proxy);
    rp_tls_context_free(client->proxies.tls_context);
    rp_tls_shared_free(client->proxies.tls);
}

/* ---- which proxy ----------------------------------------------------------------------------- */

/* A layer of TLS with the proxy: the stack is made for another host. */
static int make_tls(const struct rp_layer *layer, struct rp_transport *below, const char *host,
                    uint16_t port, struct rp_transport **ret)
{
    const struct proxy *proxy = rp_container_of(layer, const struct proxy, tls);

    return proxy->context_layer->make(proxy->context_layer, below, proxy->host, proxy->port, ret);
}

/* @auth is USER:PASSWORD, each with "%41" for a byte. */
static int take_auth(struct proxy *proxy, struct rp_slice auth, struct rp_error *err)
{
    const char *colon = memchr(auth.ptr, ':', auth.len);
    size_t len = colon ? (size_t)(colon - auth.ptr) : auth.len;
    struct rp_buf plain;
    int r;

    rp_url_append_decoded(rp_slice(auth.ptr, len), &proxy->user);
    if (colon)
        rp_url_append_decoded(rp_slice(colon + 1, auth.len - len - 1), &proxy->password);
    rp_buf_init(&plain, AUTHORIZATION_MAX);
    rp_buf_append_slice(&plain, rp_buf_slice(&proxy->user));
    rp_buf_append(&plain, ":", 1);
    rp_buf_append_slice(&plain, rp_buf_slice(&proxy->password));
    rp_buf_append_str(&proxy->authorization, "Basic ");
    rp_base64_append(&proxy->authorization, rp_buf_slice(&plain));
    r = proxy->user.error       ? proxy->user.error
        : proxy->password.error ? proxy->password.error
        : plain.error           ? plain.error
                                : proxy->authorization.error;
    rp_buf_deinit(&plain);
    if (r == -EMSGSIZE)
        r = rp_error_set(err, -RP_EUSER, "proxy: its user or its password has more than %d bytes",
                         USER_MAX);
    return r;
}

static int fill(struct rp_http_client *client, struct proxy *proxy, struct rp_slice text,
                struct rp_slice auth, struct rp_error *err)
{
    struct rp_proxy_text parsed;
    int r = rp_proxy_parse(text, &parsed, err);

    if (r < 0)
        return r;
    proxy->kind = parsed.kind;
    proxy->port = parsed.port;
    proxy->text = rp_strndup(text.ptr, text.len);
    proxy->auth = rp_strndup(auth.ptr, auth.len);
    proxy->host = rp_strndup(parsed.host.ptr, parsed.host.len);
    proxy->place = rp_strndup(parsed.place.ptr, parsed.place.len);
    if (!proxy->text || !proxy->auth || !proxy->host || !proxy->place)
        return -ENOMEM;
    if (parsed.user.len)
        auth = parsed.user;
    if (auth.len)
        r = take_auth(proxy, auth, err);
    if (r == 0 && proxy->kind == RP_PROXY_HTTPS)
        r = rp_http_proxy_tls(client, &proxy->context_layer, err);
    proxy->tls.make = make_tls;
    return r;
}

/* The proxy that @text says, with @auth unless the text has its own. */
static int find_proxy(struct rp_http_client *client, struct rp_slice text, struct rp_slice auth,
                      struct proxy **ret, struct rp_error *err)
{
    struct proxy *proxy;
    int r;

    for (proxy = client->proxies.all; proxy; proxy = proxy->next)
        if (rp_slice_eq(text, rp_slice_str(proxy->text)) &&
            rp_slice_eq(auth, rp_slice_str(proxy->auth))) {
            *ret = proxy;
            return 0;
        }
    proxy = rp_calloc(1, sizeof(*proxy));
    if (!proxy)
        return -ENOMEM;
    rp_buf_init(&proxy->user, USER_MAX);
    rp_buf_init(&proxy->password, USER_MAX);
    rp_buf_init(&proxy->authorization, AUTHORIZATION_MAX);
    r = fill(client, proxy, text, auth, err);
    if (r < 0) {
        free_proxy(proxy);
        return r;
    }
    proxy->next = client->proxies.all;
    client->proxies.all = proxy;
    *ret = proxy;
    return 0;
}

int rp_http_client_set_proxy(struct rp_http_client *client, const char *proxy, const char *auth,
                             const char *no_proxy, struct rp_error *err)
{
    if (!proxy)
        return 0;
    client->proxies.no_proxy = no_proxy ? rp_strdup(no_proxy) : NULL;
    if (no_proxy && !client->proxies.no_proxy)
        return -ENOMEM;
    return find_proxy(client, rp_slice_str(proxy), rp_slice_str(auth ? auth : ""),
                      &client->proxies.own, err);
}

int rp_http_find_proxy(struct rp_http_client *client, struct rp_slice text, struct rp_slice host,
                       uint16_t port, struct proxy **ret, struct rp_error *err)
{
    *ret = NULL;
    if (text.ptr)
        return text.len ? find_proxy(client, text, RP_SLICE(""), ret, err) : 0;
    if (client->proxies.own && !rp_no_proxy_has(client->proxies.no_proxy, host, port))
        *ret = client->proxies.own;
    return 0;
}

/* ---- the way --------------------------------------------------------------------------------- */

static bool speaks_http(const struct proxy *proxy)
{
    return proxy->kind == RP_PROXY_HTTP || proxy->kind == RP_PROXY_HTTPS;
}

static void set_tunnel(struct via *via, uint16_t port)
{
    const struct proxy *proxy = via->proxy;

    via->tunnel = (struct rp_tunnel){
        .kind = speaks_http(proxy) ? RP_TUNNEL_CONNECT : RP_TUNNEL_SOCKS5,
        .host = via->host,
        .port = port,
        .authorization = rp_buf_slice(&proxy->authorization),
        .user = rp_buf_slice(&proxy->user),
        .password = rp_buf_slice(&proxy->password),
    };
    rp_tunnel_init(&via->tunnel);
}

int rp_http_go_via(struct rp_http_client *client, struct origin *origin, struct proxy *proxy,
                   struct rp_slice host, uint16_t port, bool is_elsewhere)
{
    const struct rp_layer *const *own = origin->scheme->layers;
    struct via *via = origin->via = rp_calloc(1, sizeof(*via));
    size_t count = 0;

    if (!via)
        return -ENOMEM;
    via->proxy = proxy;
    via->host = rp_strndup(host.ptr, host.len);
    if (!via->host)
        return -ENOMEM;
    via->is_asked = speaks_http(proxy) && !own && !is_elsewhere && !origin->scheme->is_http1 &&
                    !origin->scheme->is_h2 && client->h2_use < RP_HTTP_H2_ALWAYS;
    via->is_looked = proxy->kind == RP_PROXY_SOCKS5;
    if (proxy->kind == RP_PROXY_HTTPS)
        via->layers[count++] = &proxy->tls;
    if (!via->is_asked) {
        set_tunnel(via, port);
        via->layers[count++] = &via->tunnel.layer;
    }
    for (; own && *own; own++) {
        rp_assert(count < VIA_LAYERS_MAX);
        via->layers[count++] = *own;
    }
    origin->layers = via->layers;
    return 0;
}

void rp_http_free_via(struct via *via)
{
    if (!via)
        return;
    rp_free(via->host);
    rp_free(via);
}

static void found(void *user, const struct rp_address *address)
{
    rp_tunnel_aim(((struct connection *)user)->stack.top, address);
}

void rp_http_dial_via(const struct connection *connection, struct rp_dial_spec *spec)
{
    const struct via *via = connection->origin->via;

    spec->host = via->proxy->host;
    spec->port = via->proxy->port;
    if (via->is_looked) {
        spec->far_host = via->host;
        spec->found = found;
    }
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

/* Whether the connection has come to where the proxy is spoken to: the socket is open, and TLS with the
 * proxy. */
static bool is_reached(const struct connection *connection)
{
    const struct rp_transport *it = connection->stack.top;
    const struct rp_transport *lowest_layer = it;

    for (; it->below; it = it->below)
        lowest_layer = it;
    return it->opened &&
           (connection->origin->via->proxy->kind != RP_PROXY_HTTPS || lowest_layer->opened);
}

static void explain_unreachable(const struct proxy *proxy, const struct rp_net_failure *failure,
                                char *detail, size_t size)
{
    snprintf(detail, size, "%s: %s%s%s", proxy->place, rp_net_reason_text(failure->reason),
             failure->detail ? ": " : "", failure->detail ? failure->detail : "");
}

bool rp_http_explain_via(const struct connection *connection, const struct rp_net_failure *failure,
                         int *ret_code, const char **ret_kind, char *detail, size_t size)
{
    const struct via *via = connection->origin->via;
    const struct proxy *proxy = via->proxy;
    const char *said = failure->detail ? failure->detail : "";
    const struct rp_tunnel *tunnel = &via->tunnel;

    *ret_kind = rp_net_reason_text(failure->reason);
    switch (failure->reason) {
    case RP_NET_NO_DESCRIPTORS:
    case RP_NET_NO_PORTS:
        return false;
    case RP_NET_PROXY_AUTH:
        *ret_code = RP_HTTP_PROXY_AUTH;
        snprintf(detail, size,
                 proxy->user.len ? "%s was given a user and a password: %s"
                                 : "%s wants a user and a password, before its host and an '@': %s",
                 proxy->place, said);
        return true;
    case RP_NET_PROXY_REFUSED:
        *ret_code = RP_HTTP_PROXY_REFUSED;
        snprintf(detail, size, "%s may not connect to %s:%u by its rules: %s", proxy->place,
                 tunnel->host, tunnel->port, said);
        return true;
    case RP_NET_PROXY_NO_SERVER:
        *ret_code = RP_HTTP_PROXY_NO_SERVER;
        snprintf(detail, size, "%s cannot connect to %s:%u: %s", proxy->place, tunnel->host,
                 tunnel->port, said);
        return true;
    case RP_NET_PROXY_BAD:
        *ret_code = RP_HTTP_PROXY_BAD;
        snprintf(detail, size, "%s is no proxy for %s: %s", proxy->place,
                 tunnel->kind == RP_TUNNEL_SOCKS5 ? "socks5://" : "http:// and CONNECT", said);
        return true;
    case RP_NET_PROXY_CLOSED:
        *ret_code = RP_HTTP_PROXY_CLOSED;
        snprintf(detail, size, "%s: %s", proxy->place, said);
        return true;
    default:
        break;
    }
    if (via->is_looked && !rp_tunnel_is_aimed(connection->stack.top) &&
        failure->reason <= RP_NET_LOOKUP_TIMEOUT)
        return false; /* it is the name of the server that was looked up */
    if (is_reached(connection)) {
        if (via->is_asked || failure->reason != RP_NET_CONNECT_TIMEOUT)
            return false;
        *ret_code = RP_HTTP_PROXY_TIMEOUT;
        *ret_kind = "proxy timeout";
        snprintf(detail, size, "%s did not answer whether it connects to %s:%u", proxy->place,
                 tunnel->host, tunnel->port);
        return true;
    }
    *ret_code = RP_HTTP_PROXY_UNREACHABLE;
    *ret_kind = "proxy unreachable";
    explain_unreachable(proxy, failure, detail, size);
    return true;
}
