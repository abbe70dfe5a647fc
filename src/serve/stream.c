/* SPDX-License-Identifier: MIT */

/* The events of the run as server-sent events: one ring of lines, and a place in it for each client. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "serve/serve_internal.h"

enum { PARTS = 3 };

struct client {
    struct rp_list node;
    struct rp_serve_listener *listener;
    struct MHD_Connection *connection;
    uint64_t next;                /* seq of the event that it gets next */
    struct rp_event_line *line;   /* that is being sent, or NULL */
    struct rp_slice parts[PARTS]; /* what is left of what is being sent */
    char head[128];
    bool is_waiting; /* its connection is suspended */
    bool wants_probe;
    bool is_dropped;
};

static struct rp_serve_stream *stream_of(const struct client *client)
{
    return &client->listener->serve->stream;
}

static struct rp_event_line *line_at(const struct rp_serve_stream *stream, size_t i)
{
    return stream->ring[(stream->first + i) % RP_SERVE_RING];
}

/* ---- a client -------------------------------------------------------------------------------- */

static void put_text(struct client *client, const char *text)
{
    client->parts[0] = rp_slice_str(text);
}

static void put_line(struct client *client, struct rp_event_line *line)
{
    int len = snprintf(client->head, sizeof(client->head),
                       "id: %" PRIu64 "\nevent: %s\ndata: ", line->seq, line->type);

    client->line = line;
    client->parts[0] = rp_slice(client->head, (size_t)len);
    client->parts[1] = rp_slice(line->line, line->len); /* with its line end */
    client->parts[2] = RP_SLICE("\n");
    client->next = line->seq + 1;
}

/* The oldest event that the client has not got. What is no longer there is told as a number. */
static bool begin_event(struct client *client)
{
    const struct rp_serve_stream *stream = stream_of(client);
    struct rp_event_line *line;
    size_t i = 0;

    while (i < stream->count && line_at(stream, i)->seq < client->next)
        i++;
    if (i == stream->count)
        return false;
    line = line_at(stream, i);
    if (i == 0 && line->kind != RP_EVENT_MISSED && line->seq > client->next) {
        uint64_t missed = line->seq - client->next;

        line = rp_event_line_missed(stream->queue, line->seq - 1, line->at, missed);
        if (!line) /* without memory for it the client is dropped, and asks again */
            client->is_dropped = true;
        else
            put_line(client, line);
        return line != NULL;
    }
    line->refs++;
    put_line(client, line);
    return true;
}

static bool begin_next(struct client *client)
{
    if (client->line)
        rp_event_line_unref(client->line);
    client->line = NULL;
    if (begin_event(client))
        return true;
    if (!client->wants_probe || client->is_dropped)
        return false;
    client->wants_probe = false;
    put_text(client, ":\n\n");
    return true;
}

/* Copies what is left of what is being sent. */
static size_t copy(struct client *client, char *out, size_t room)
{
    size_t len = 0;

    for (size_t i = 0; i < PARTS; i++) {
        struct rp_slice *part = &client->parts[i];
        size_t some = part->len < room - len ? part->len : room - len;

        if (!some) /* an empty part may have no address */
            continue;
        memcpy(out + len, part->ptr, some);
        len += some;
        *part = rp_slice(part->ptr + some, part->len - some);
    }
    return len;
}

static bool is_sent(const struct client *client)
{
    for (size_t i = 0; i < PARTS; i++)
        if (client->parts[i].len)
            return false;
    return true;
}

/* libmicrohttpd asks for bytes, whenever the socket takes some. */
static ssize_t read_events(void *user, uint64_t position, char *out, size_t room)
{
    struct client *client = user;
    size_t len = 0;

    while (len < room && (!is_sent(client) || begin_next(client)))
        len += copy(client, out + len, room - len);
    if (len)
        return (ssize_t)len;
    if (client->is_dropped)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (stream_of(client)->has_ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    client->is_waiting = true;
    MHD_suspend_connection(client->connection);
    return 0;
}

static void free_client(void *user)
{
    struct client *client = user;

    rp_list_remove(&client->node);
    stream_of(client)->client_count--;
    if (client->line)
        rp_event_line_unref(client->line);
    rp_free(client);
}

struct MHD_Response *rp_serve_stream_respond(struct rp_serve_listener *listener,
                                             struct MHD_Connection *connection, uint64_t after)
{
    struct rp_serve_stream *stream = &listener->serve->stream;
    struct client *client = rp_calloc(1, sizeof(*client));
    struct MHD_Response *response;

    if (!client)
        return NULL;
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192, read_events, client,
                                                 free_client);
    if (!response) {
        rp_free(client);
        return NULL;
    }
    client->listener = listener;
    client->connection = connection;
    client->next = after + 1;
    put_text(client, "retry: 1000\n\n"); /* now: so the client knows that it is connected */
    rp_list_append(&stream->clients, &client->node);
    stream->client_count++;
    return response;
}

/* ---- all clients ----------------------------------------------------------------------------- */

static void wake(struct client *client)
{
    if (client->is_waiting) {
        client->is_waiting = false;
        MHD_resume_connection(client->connection);
    }
    rp_serve_listener_wake(client->listener);
}

static void wake_all(struct rp_serve_stream *stream)
{
    RP_LIST_EACH (node, &stream->clients)
        wake(rp_container_of(node, struct client, node));
}

/* A client that has not taken this event, which is to be forgotten, does not read. It may come back
 * and be told how much it has missed. */
static void drop_slow(struct rp_serve_stream *stream, uint64_t seq)
{
    RP_LIST_EACH (node, &stream->clients) {
        struct client *client = rp_container_of(node, struct client, node);
        const union MHD_ConnectionInfo *info;

        if (client->is_waiting || client->is_dropped || client->next > seq)
            continue;
        client->is_dropped = true;
        info = MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR);
    }
}

static void forget_oldest(struct rp_serve_stream *stream)
{
    struct rp_event_line *line = line_at(stream, 0);

    drop_slow(stream, line->seq);
    stream->first = (stream->first + 1) % RP_SERVE_RING;
    stream->count--;
    stream->bytes -= line->len;
    rp_event_line_unref(line);
}

static void take(void *user)
{
    struct rp_serve_stream *stream = user;
    struct rp_event_line *line;

    while ((line = rp_event_queue_take(stream->queue))) {
        while (stream->count == RP_SERVE_RING ||
               (stream->count && stream->bytes + line->len > RP_SERVE_RING_BYTES))
            forget_oldest(stream);
        stream->ring[(stream->first + stream->count++) % RP_SERVE_RING] = line;
        stream->bytes += line->len;
        stream->last = line->seq;
    }
    wake_all(stream);
}

void rp_serve_stream_probe(struct rp_serve_stream *stream)
{
    RP_LIST_EACH (node, &stream->clients) {
        struct client *client = rp_container_of(node, struct client, node);

        client->wants_probe = client->is_waiting;
        if (client->is_waiting)
            wake(client);
    }
}

void rp_serve_stream_end(struct rp_serve_stream *stream)
{
    stream->has_ended = true;
    wake_all(stream);
}

int rp_serve_stream_init(struct rp_serve *serve, struct rp_event_bus *bus)
{
    rp_list_init(&serve->stream.clients);
    return rp_event_queue_new(bus, 0, take, &serve->stream, &serve->stream.queue);
}

void rp_serve_stream_deinit(struct rp_serve_stream *stream)
{
    while (stream->count)
        forget_oldest(stream);
    rp_event_queue_free(stream->queue);
    stream->queue = NULL;
}
