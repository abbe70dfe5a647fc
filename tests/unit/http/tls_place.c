/* SPDX-License-Identifier: MIT */
#include "tls_place.h"

#include <stdio.h>
#include <sys/mman.h>

enum { TEXT_MAX = 1 << 20 };

void place_init(struct place *place, struct world *world)
{
    *place = (struct place){ .ca_fd = memfd_create("ca", 0) };
    assert_true(place->ca_fd >= 0);
    assert_int_equal(rp_tls_make_certificate(NULL, &place->certificate), 0);
    assert_int_equal(rp_tls_certificate_write(&place->certificate, place->ca_fd), 0);
    snprintf(place->ca_file, sizeof(place->ca_file), "/proc/self/fd/%d", place->ca_fd);
    place->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(place->context, place->certificate.certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(place->context, place->certificate.key), 1);
    env_init(&place->env, world, (struct rp_http_limits){ 0 });
}

void place_trust(struct place *place)
{
    const struct rp_tls_settings settings = { .ca_file = place->ca_file };

    assert_int_equal(rp_http_client_set_tls(place->env.client, &settings, NULL), 0);
}

void place_request(struct place *place, const char *method, const char *body)
{
    char url[64];

    snprintf(url, sizeof(url), "https://localhost:%d/", ntohs(place->env.world->addr.sin_port));
    request_init(&place->env, &place->request, method, url, body);
}

void place_deinit(struct place *place)
{
    if (place->request.env)
        request_deinit(&place->request);
    env_deinit(&place->env);
    SSL_CTX_free(place->context);
    rp_tls_certificate_free(&place->certificate);
    close(place->ca_fd);
}

void server_accept(struct server *server, struct place *place)
{
    *server = (struct server){ .env = &place->env, .fd = peer_accept(&place->env) };
    server->ssl = SSL_new(place->context);
    server->in = BIO_new(BIO_s_mem());
    server->out = BIO_new(BIO_s_mem());
    SSL_set_bio(server->ssl, server->in, server->out);
    SSL_set_accept_state(server->ssl);
}

void server_free(struct server *server)
{
    SSL_free(server->ssl);
    close(server->fd);
}

void server_take(struct server *server)
{
    char bytes[16384];
    ssize_t n;

    assert_int_equal(rp_loop_turn(server->env->world->loop, rp_clock_ns() + RP_MS), 0);
    n = recv(server->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n > 0)
        assert_int_equal(BIO_write(server->in, bytes, (int)n), n);
}

void server_send(struct server *server, size_t len)
{
    char *bytes = malloc(len);

    assert_int_equal(BIO_read(server->out, bytes, (int)len), (int)len);
    peer_write(server->fd, bytes, len);
    free(bytes);
}

size_t server_pending(struct server *server)
{
    return BIO_ctrl_pending(server->out);
}

void server_flush(struct server *server, size_t step)
{
    size_t left;

    while ((left = server_pending(server)) > 0) {
        server_send(server, step && step < left ? step : left);
        if (step)
            look(server->env->world);
    }
}

void server_shake(struct server *server, size_t step)
{
    while (SSL_do_handshake(server->ssl) != 1) {
        assert_int_equal(SSL_get_error(server->ssl, -1), SSL_ERROR_WANT_READ);
        server_flush(server, step);
        server_take(server);
    }
    server_flush(server, step);
}

void server_read_request(struct server *server, size_t body_len)
{
    char *text = calloc(1, TEXT_MAX);
    size_t len = 0;
    const char *end;

    for (;;) {
        int n = SSL_read(server->ssl, text + len, (int)(TEXT_MAX - 1 - len));

        if (n > 0)
            len += (size_t)n;
        else
            server_take(server);
        end = strstr(text, "\r\n\r\n");
        if (end && len - (size_t)(end + 4 - text) == body_len)
            break;
    }
    free(text);
}

void server_write(struct server *server, const char *text)
{
    assert_int_equal(SSL_write(server->ssl, text, (int)strlen(text)), strlen(text));
}

void open_connection(struct place *place, struct server *server, size_t step)
{
    request_start(&place->request);
    server_accept(server, place);
    server_shake(server, step);
    server_read_request(server, 0);
}
