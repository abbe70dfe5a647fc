/* SPDX-License-Identifier: MIT */
#include "fake_wire.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

struct rp_buf out;
enum rp_encoding heard;
int64_t heard_at;

void send_frame(void)
{
    uint32_t size = htonl((uint32_t)out.len);

    if (out.error || write(3, &size, 4) != 4 || write(3, out.data, out.len) != (ssize_t)out.len)
        _exit(99);
    rp_buf_reset(&out);
}

static void read_all(void *data, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = read(3, (char *)data + got, len - got);

        if (n <= 0)
            exit(0); /* the coordinator is gone */
        got += (size_t)n;
    }
}

enum rp_message_type receive(void)
{
    static char bytes[1 << 20];
    struct rp_message *message;
    enum rp_message_type type;
    uint32_t size;

    read_all(&size, 4);
    size = ntohl(size);
    if (size > sizeof(bytes))
        _exit(98);
    read_all(bytes, size);
    if (rp_message_decode(rp_slice(bytes, size), &message) < 0)
        _exit(97);
    type = rp_message_type(message);
    heard = rp_message_encoding(message);
    heard_at = rp_field_i64(rp_message_get(message, "at"), 0);
    rp_message_free(message);
    return type;
}

void text(const char *key, const char *value)
{
    rp_write_key(&out, key);
    rp_write_text(&out, value);
}

void number(const char *key, int64_t value)
{
    rp_write_key(&out, key);
    rp_write_i64(&out, value);
}
