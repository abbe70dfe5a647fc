/* SPDX-License-Identifier: MIT */

/*
 * Reads and writes the frames of WebSocket, for a comparison with another implementation. Each line of the standard
 * input is a connection, and has blanks between its parts:
 *
 *     read SIDE TERMS PIECE HEX        what comes, in pieces of PIECE bytes
 *     write SIDE TERMS KIND HEX ...    messages: KIND is an opcode
 *
 * SIDE is client or server. TERMS is -, or four numbers of permessage-deflate: server and client without context, server
 * and client bits. HEX is - for no bytes. Each line of the output is what that connection says, in hexadecimal: what was
 * read as in ws_trace.h, or what was written.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "ws_trace.h"

enum { MAX = 1 << 22 };

static const char *next_part(void)
{
    const char *part = strtok(NULL, " ");

    rp_assert(part);
    return part;
}

static void append_hex(struct rp_buf *out, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2) {
        char digits[3] = { hex[0], hex[1] }, byte = (char)strtoul(digits, NULL, 16);

        rp_buf_append(out, &byte, 1);
    }
}

static void open_ws(struct rp_ws *ws, struct rp_ws_shared *shared)
{
    bool is_server = strcmp(next_part(), "server") == 0;
    const char *first = next_part();
    struct rp_ws_config config = {
        .shared = shared, .is_server = is_server, .message_max = MAX, .frame_max = UINT64_MAX
    };

    if (strcmp(first, "-") != 0) {
        struct rp_ws_deflate_terms terms = { .server_no_context = atoi(first) };

        terms.client_no_context = atoi(next_part());
        terms.server_bits = (uint8_t)atoi(next_part());
        terms.client_bits = (uint8_t)atoi(next_part());
        config.deflate = rp_ws_deflate_new(&terms, is_server, 0);
        rp_assert(config.deflate);
    }
    rp_ws_init(ws, &config);
}

static void run_line(char *line, struct rp_ws_shared *shared, struct rp_buf *out)
{
    bool reads = strcmp(strtok(line, " "), "read") == 0;
    const char *part;
    struct rp_buf in;
    struct rp_ws ws;

    rp_buf_init(&in, MAX);
    open_ws(&ws, shared);
    if (reads) {
        size_t piece = (size_t)atol(next_part());

        append_hex(&in, next_part());
        rp_ws_trace(&ws, rp_buf_slice(&in), piece, out);
    }
    while (!reads && (part = strtok(NULL, " "))) {
        rp_buf_reset(&in);
        append_hex(&in, next_part());
        rp_assert(rp_ws_write(&ws, out, (enum rp_ws_event)atoi(part), rp_buf_slice(&in)) == 0);
    }
    rp_ws_deinit(&ws);
    rp_buf_deinit(&in);
}

int main(void)
{
    static char line[1 << 22];
    struct rp_ws_shared shared = { 0 };

    while (fgets(line, sizeof(line), stdin)) {
        struct rp_buf out;

        rp_buf_init(&out, MAX);
        line[strcspn(line, "\n")] = '\0';
        run_line(line, &shared, &out);
        for (size_t i = 0; i < out.len; i++)
            printf("%02x", (unsigned char)out.data[i]);
        puts("");
        rp_buf_deinit(&out);
    }
    rp_ws_shared_deinit(&shared);
    return 0;
}
