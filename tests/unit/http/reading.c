/* SPDX-License-Identifier: MIT */
#include "reading.h"

static void on_wake(struct rp_http_stream *stream)
{
    rp_container_of(stream, struct reading, stream)->woken++;
}

static void reading_start(struct reading *r)
{
    char text[1024];

    r->stream.call.template = r->request.call.template;
    r->stream.call.response = &r->response;
    r->stream.call.tags = r->env.tags;
    r->stream.wake = on_wake;
    rp_http_stream_start(r->env.session, &r->stream);
    if (r->fd < 0)
        r->fd = peer_accept(&r->env);
    peer_take_request(&r->env, r->fd, text, sizeof(text));
}

void reading_init(struct reading *r, struct world *world)
{
    *r = (struct reading){ .fd = -1 };
    env_init(&r->env, world, (struct rp_http_limits){ 0 });
    request_init(&r->env, &r->request, "GET", "/stream", NULL);
    reading_start(r);
}

void reading_deinit(struct reading *r)
{
    rp_http_stream_deinit(&r->stream);
    rp_http_response_deinit(&r->response);
    request_deinit(&r->request);
    env_deinit(&r->env);
    if (r->fd >= 0)
        close(r->fd);
}

void write_text(struct reading *r, const char *text)
{
    peer_write(r->fd, text, strlen(text));
}

void fill_socket(struct reading *r, const char *data, size_t len, size_t *written)
{
    ssize_t count = send(r->fd, data + *written, len - *written, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (count > 0)
        *written += (size_t)count;
}
