/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "h1_trace.h"
#include "proto/h1.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define AT(text) (sizeof(text) - 1)

static const struct h1_split one_piece;

struct good_case {
    const char *name;
    struct rp_slice input;
    uint16_t status;
    const char *head_end, *body; /* head_end: the head's last bytes, to tell which head was kept */
    size_t left;                 /* bytes that do not belong to the message */
    bool keep_alive, is_chunked, ends_with_connection, is_head_request;
    uint64_t content_length;
    uint8_t informational;
};

static const struct good_case good_cases[] = {
    { "length", RP_SLICE(OK "Content-Length: 5\r\n\r\nhelloX"), 200, "5\r\n\r\n", "hello", 1, true,
      .content_length = 5 },
    { "length, any case", RP_SLICE(OK "cONTENT-lENGTH:\t5 \r\n\r\nhello"), 200, "5 \r\n\r\n",
      "hello", 0, true, .content_length = 5 },
    { "repeated length", RP_SLICE(OK "Content-Length: 2\r\nContent-Length: 02\r\n\r\nok"), 200,
      "02\r\n\r\n", "ok", 0, true, .content_length = 2 },
    { "list of lengths", RP_SLICE(OK "Content-Length: 2,2 , 2\r\n\r\nok"), 200, "2 , 2\r\n\r\n",
      "ok", 0, true, .content_length = 2 },
    { "names that only look alike",
      RP_SLICE(OK "Content-Lengt2: 9\r\nXontent-Length: 9\r\nTransfer-Encodinh: chunked\r\n"
                  "Connectiom: close\r\nContent-Length: 1\r\n\r\nx"),
      200, "1\r\n\r\n", "x", 0, true, .content_length = 1 },
    { "no body", RP_SLICE(OK "Content-Length: 0\r\n\r\nnext"), 200, "0\r\n\r\n", "", 4, true,
      .content_length = 0 },
    { "chunked", RP_SLICE(CHUNKED "5\r\nhello\r\n6;x=y\r\n, worl\r\n1\r\nd\r\n0\r\n\r\nnext"), 200,
      "chunked\r\n\r\n", "hello, world", 4, true, true, .content_length = UINT64_MAX },
    { "chunked, upper case sizes and trailers",
      RP_SLICE(CHUNKED "A\r\n0123456789\r\n0b ; x\r\nabcdefghijk\r\n00\r\nA: b\r\nC:\r\n\r\n"), 200,
      "chunked\r\n\r\n", "0123456789abcdefghijk", 0, true, true, .content_length = UINT64_MAX },
    { "chunked, case of the coding", RP_SLICE(OK "transfer-encoding: ChunKed \r\n\r\n0\r\n\r\n"),
      200, "ChunKed \r\n\r\n", "", 0, true, true, .content_length = UINT64_MAX },
    { "until close", RP_SLICE(OK "A: b\r\n\r\nall\r\n"), 200, "A: b\r\n\r\n", "all\r\n", 0, false,
      false, true, .content_length = UINT64_MAX },
    { "until close, empty", RP_SLICE(OK "\r\n"), 200, "OK\r\n\r\n", "", 0, false, false, true,
      .content_length = UINT64_MAX },
    { "HEAD with length", RP_SLICE(OK "Content-Length: 5\r\n\r\n"), 200, "5\r\n\r\n", "", 0, true,
      .is_head_request = true, .content_length = 5 },
    { "HEAD without length", RP_SLICE(OK "\r\n"), 200, "\r\n\r\n", "", 0, true,
      .is_head_request = true, .content_length = UINT64_MAX },
    { "HEAD chunked", RP_SLICE(OK "Transfer-Encoding: chunked\r\n\r\n5"), 200, "ed\r\n\r\n", "", 1,
      true, true, .is_head_request = true, .content_length = UINT64_MAX },
    { "204", RP_SLICE("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\nhello"), 204, "5\r\n\r\n", "", 5,
      true, .content_length = 5 },
    { "304", RP_SLICE("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\nhello"), 304,
      "chunked\r\n\r\n", "", 5, true, true, .content_length = UINT64_MAX },
    { "205 has the usual framing", RP_SLICE("HTTP/1.1 205 x\r\nContent-Length: 1\r\n\r\nh"), 205,
      "1\r\n\r\n", "h", 0, true, .content_length = 1 },
    { "100 first",
      RP_SLICE("HTTP/1.1 100 Continue\r\nContent-Length: 3\r\nConnection: close\r\n"
               "\r\n" OK "Content-Length: 1\r\n\r\nx"),
      200, "Content-Length: 1\r\n\r\n", "x", 0, true, .content_length = 1, .informational = 1 },
    { "100 chunked, then length",
      RP_SLICE("HTTP/1.1 100 C\r\nTransfer-Encoding: chunked\r\n\r\n" OK
               "Content-Length: 1\r\n\r\nx"),
      200, "Content-Length: 1\r\n\r\n", "x", 0, true, .content_length = 1, .informational = 1 },
    { "101 is final", RP_SLICE("HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n\x81\x01x"), 101,
      "websocket\r\n\r\n", "", 3, false, .content_length = UINT64_MAX },
    { "close", RP_SLICE(OK "Connection: close\r\nContent-Length: 1\r\n\r\nx"), 200, "1\r\n\r\n",
      "x", 0, false, .content_length = 1 },
    { "close in a list",
      RP_SLICE(OK "Connection: keep-alive,\tCLOSE \r\nContent-Length: 0\r\n"
                  "\r\n"),
      200, "0\r\n\r\n", "", 0, false, .content_length = 0 },
    { "close in a second field",
      RP_SLICE(OK "Connection: x,,y\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), 200,
      "0\r\n\r\n", "", 0, false, .content_length = 0 },
    { "not quite close", RP_SLICE(OK "Connection: closed\r\nContent-Length: 0\r\n\r\n"), 200,
      "0\r\n\r\n", "", 0, true, .content_length = 0 },
    { "1.0 closes", RP_SLICE("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), 200, "0\r\n\r\n", "",
      0, false, .content_length = 0 },
    { "1.0 keeps alive",
      RP_SLICE("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n"), 200,
      "0\r\n\r\n", "", 0, true, .content_length = 0 },
    { "1.0 chunked is not kept",
      RP_SLICE("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1\r\nx\r\n0\r\n\r\n"),
      200, "chunked\r\n\r\n", "x", 0, false, true, .content_length = UINT64_MAX },
    { "1.9", RP_SLICE("HTTP/1.9 200 OK\r\nContent-Length: 0\r\n\r\n"), 200, "0\r\n\r\n", "", 0,
      true, .content_length = 0 },
    { "lone LFs", RP_SLICE("HTTP/1.1 200 OK\nContent-Length: 1\n\nx"), 200, "1\n\n", "x", 0, true,
      .content_length = 1 },
    { "lone LFs around chunks",
      RP_SLICE(
          "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\r\nx\r\n2;e\r\nyz\r\n0\r\nA: b\n\n!"),
      200, "chunked\n\n", "xyz", 1, true, true, .content_length = UINT64_MAX },
    { "no reason", RP_SLICE("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), 200, "0\r\n\r\n", "", 0,
      true, .content_length = 0 },
    { "a blank for a reason", RP_SLICE("HTTP/1.1 999 \nContent-Length: 0\r\n\r\n"), 999,
      "0\r\n\r\n", "", 0, true, .content_length = 0 },
};

static void check_good(const struct good_case *c)
{
    struct h1_trace t;
    struct rp_slice head;

    h1_trace_run(&t, c->input, RP_H1_HEAD_MAX, c->is_head_request, true, one_piece);
    head = rp_buf_slice(&t.head);
    assert_int_equal(t.end, RP_H1_DONE);
    assert_int_equal(t.parser.status, c->status);
    assert_int_equal(t.parser.offset, c->input.len - c->left);
    assert_string_equal(rp_buf_str(&t.body), c->body);
    assert_int_equal(t.parser.keep_alive, c->keep_alive);
    assert_int_equal(t.parser.is_chunked, c->is_chunked);
    assert_int_equal(t.parser.ends_with_connection, c->ends_with_connection);
    assert_true(t.parser.content_length == c->content_length);
    assert_int_equal(t.parser.informational, c->informational);
    assert_true(head.len >= strlen(c->head_end));
    assert_string_equal(head.ptr + head.len - strlen(c->head_end), c->head_end);
    assert_memory_equal(head.ptr, "HTTP/1.", 7);
    assert_null(strstr(head.ptr + 7, "HTTP/1."));
    h1_trace_deinit(&t);
}

static void complete_responses_are_understood(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(good_cases); i++) {
        print_message("%s\n", good_cases[i].name);
        check_good(&good_cases[i]);
    }
}

struct bad_case {
    struct rp_slice input;
    enum rp_h1_error error;
    uint64_t offset;
};

static const struct bad_case bad_cases[] = {
    { RP_SLICE("SSH-2.0-OpenSSH\r\n"), RP_H1_BAD_STATUS_LINE, 0 },
    { RP_SLICE("SSH"), RP_H1_BAD_STATUS_LINE, 0 },
    { RP_SLICE("\x15\x03\x01"), RP_H1_BAD_STATUS_LINE, 0 },
    { RP_SLICE("\r\n" OK "\r\n"), RP_H1_BAD_STATUS_LINE, 0 },
    { RP_SLICE("HTTP 1.1 200\r\n"), RP_H1_BAD_STATUS_LINE, 4 },
    { RP_SLICE("http/1.1 200 OK\r\n"), RP_H1_BAD_STATUS_LINE, 0 },
    { RP_SLICE("HTTP/2 200 OK\r\n"), RP_H1_BAD_VERSION, 5 },
    { RP_SLICE("HTTP/0.9 200 OK\r\n"), RP_H1_BAD_VERSION, 5 },
    { RP_SLICE("HTTP/1,1 200 OK\r\n"), RP_H1_BAD_VERSION, 6 },
    { RP_SLICE("HTTP/1.x 200 OK\r\n"), RP_H1_BAD_VERSION, 7 },
    { RP_SLICE("HTTP/1.10 200 OK\r\n"), RP_H1_BAD_STATUS_LINE, 8 },
    { RP_SLICE("HTTP/1.1\r\n"), RP_H1_BAD_STATUS_LINE, 8 },
    { RP_SLICE("HTTP/1.1  200 OK\r\n"), RP_H1_BAD_STATUS_LINE, 9 },
    { RP_SLICE("HTTP/1.1 099 OK\r\n"), RP_H1_BAD_STATUS_LINE, 9 },
    { RP_SLICE("HTTP/1.1 2x0 OK\r\n"), RP_H1_BAD_STATUS_LINE, 10 },
    { RP_SLICE("HTTP/1.1 20 OK\r\n"), RP_H1_BAD_STATUS_LINE, 11 },
    { RP_SLICE("HTTP/1.1 2000 OK\r\n"), RP_H1_BAD_STATUS_LINE, 12 },
    { RP_SLICE("HTTP/1.1 200-OK\r\n"), RP_H1_BAD_STATUS_LINE, 12 },
    { RP_SLICE("HTTP/1.1 200 O\0K\r\n"), RP_H1_BAD_STATUS_LINE, 14 },
    { RP_SLICE("HTTP/1.1 200 OK\rX\r\n"), RP_H1_BAD_STATUS_LINE, 15 },
    { RP_SLICE(OK "Server nginx\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "Server") },
    { RP_SLICE(OK "Server : x\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "Server") },
    { RP_SLICE(OK ": x\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK) },
    { RP_SLICE(OK "A\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "A") },
    { RP_SLICE(OK " c\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK) }, /* a fold of no field */
    { RP_SLICE(OK "A: b\r\n c\0d\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "A: b\r\n c") },
    { RP_SLICE(OK "Content-Length: 5\r\n 6\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 5 ") },
    { RP_SLICE(OK "A\0B: b\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "A") },
    { RP_SLICE(OK "\xc3\xa4: b\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK) },
    { RP_SLICE(OK "A: 12345678\0\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "A: 12345678") },
    { RP_SLICE(OK "A: b\rc\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "A: b") },
    { RP_SLICE(OK "A: b\r\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK "A: b") },
    { RP_SLICE(OK "\rA: b\r\n\r\n"), RP_H1_BAD_HEADER, AT(OK) },
    { RP_SLICE(OK "Content-Length: -1\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: ") },
    { RP_SLICE(OK "Content-Length: \r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: ") },
    { RP_SLICE(OK "Content-Length: 1 2\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 1 ") },
    { RP_SLICE(OK "Content-Length: 1,\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 1,") },
    { RP_SLICE(OK "Content-Length: 0x10\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 0") },
    { RP_SLICE(OK "Content-Length: 5, 6\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 5, ") },
    { RP_SLICE(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 5\r\nContent-Length: ") },
    { RP_SLICE(OK "Content-Length: 18446744073709551615\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 1844674407370955161") },
    { RP_SLICE(OK "Content-Length: 99999999999999999999\r\n\r\n"), RP_H1_BAD_CONTENT_LENGTH,
      AT(OK "Content-Length: 9999999999999999999") },
    { RP_SLICE(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
      RP_H1_BAD_TRANSFER_ENCODING, AT(OK "Content-Length: 3\r\n") },
    { RP_SLICE(OK "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"),
      RP_H1_BAD_TRANSFER_ENCODING, AT(OK "Transfer-Encoding: chunked\r\n") },
    { RP_SLICE(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"), RP_H1_BAD_TRANSFER_ENCODING,
      AT(OK "Transfer-Encoding: ") },
    { RP_SLICE(OK "Transfer-Encoding: \r\n\r\n"), RP_H1_BAD_TRANSFER_ENCODING,
      AT(OK "Transfer-Encoding: ") },
    { RP_SLICE(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
      RP_H1_BAD_TRANSFER_ENCODING, AT(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: ") },
    { RP_SLICE(CHUNKED "\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED) },
    { RP_SLICE(CHUNKED "g"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED) },
    { RP_SLICE(CHUNKED "-5\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED) },
    { RP_SLICE(CHUNKED ";a\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED) },
    { RP_SLICE(CHUNKED "0x5\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "0") },
    { RP_SLICE(CHUNKED "5\0\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "5") },
    { RP_SLICE(CHUNKED "5 5\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "5 ") },
    { RP_SLICE(CHUNKED "5\rhello"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "5") },
    { RP_SLICE(CHUNKED "5;a\rb\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "5;a") },
    { RP_SLICE(CHUNKED "5;a\0b\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "5;a") },
    { RP_SLICE(CHUNKED "fffffffffffffffff\r\n"), RP_H1_BAD_CHUNK_SIZE,
      AT(CHUNKED "ffffffffffffffff") },
    { RP_SLICE(CHUNKED "1\r\nxy\r\n"), RP_H1_BAD_CHUNK_END, AT(CHUNKED "1\r\nx") },
    { RP_SLICE(CHUNKED "1\nx\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "1") },
    { RP_SLICE(CHUNKED "1;a\nx\r\n"), RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED "1;a") },
    { RP_SLICE(CHUNKED "1\r\nx\n"), RP_H1_BAD_CHUNK_END, AT(CHUNKED "1\r\nx") },
    { RP_SLICE(CHUNKED "1\r\nx\ry"), RP_H1_BAD_CHUNK_END, AT(CHUNKED "1\r\nx") },
    { RP_SLICE(CHUNKED "0\r\nA b: c\r\n\r\n"), RP_H1_BAD_HEADER, AT(CHUNKED "0\r\nA") },
    { RP_SLICE(CHUNKED "0\r\n: c\r\n\r\n"), RP_H1_BAD_HEADER, AT(CHUNKED "0\r\n") },
    { RP_SLICE(CHUNKED "0\r\nA\r\n\r\n"), RP_H1_BAD_HEADER, AT(CHUNKED "0\r\nA") },
    { RP_SLICE(CHUNKED "0\r\n c\r\n\r\n"), RP_H1_BAD_HEADER, AT(CHUNKED "0\r\n") },
    { RP_SLICE(CHUNKED "0\r\nA: b\0\r\n\r\n"), RP_H1_BAD_HEADER, AT(CHUNKED "0\r\nA: b") },
    { RP_SLICE(CHUNKED "0\r\nA: b\rc\r\n\r\n"), RP_H1_BAD_HEADER, AT(CHUNKED "0\r\nA: b") },
    { RP_SLICE(CHUNKED "0\r\n\rx"), RP_H1_BAD_HEADER, AT(CHUNKED "0\r\n") },
    { RP_SLICE(""), RP_H1_TRUNCATED, 0 },
    { RP_SLICE("HTTP/1.1 20"), RP_H1_TRUNCATED, 11 },
    { RP_SLICE(OK), RP_H1_TRUNCATED, AT(OK) },
    { RP_SLICE(OK "Bad line"), RP_H1_TRUNCATED, AT(OK "Bad line") },
    { RP_SLICE(OK "Content-Length: 2\r\n\r\nx"), RP_H1_TRUNCATED,
      AT(OK "Content-Length: 2\r\n\r\nx") },
    { RP_SLICE(OK "Content-Length: 2\r\n\r\n"), RP_H1_TRUNCATED,
      AT(OK "Content-Length: 2\r\n\r\n") },
    { RP_SLICE(CHUNKED), RP_H1_TRUNCATED, AT(CHUNKED) },
    { RP_SLICE(CHUNKED "5"), RP_H1_TRUNCATED, AT(CHUNKED "5") },
    { RP_SLICE(CHUNKED "5\r\nhello\r\n"), RP_H1_TRUNCATED, AT(CHUNKED "5\r\nhello\r\n") },
    { RP_SLICE(CHUNKED "0\r\n"), RP_H1_TRUNCATED, AT(CHUNKED "0\r\n") },
    { RP_SLICE("HTTP/1.1 100 Continue\r\n\r\n"), RP_H1_TRUNCATED,
      AT("HTTP/1.1 100 Continue\r\n\r\n") },
};

static void errors_have_their_kind_and_place(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_cases); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct h1_trace t;

        print_message("case %zu: %.*s\n", i, RP_SLICE_FMT(c->input));
        h1_trace_run(&t, c->input, RP_H1_HEAD_MAX, false, true, one_piece);
        assert_int_equal(t.end, RP_H1_ERROR);
        assert_string_equal(rp_h1_error_text(t.parser.error), rp_h1_error_text(c->error));
        assert_int_equal(t.parser.offset, c->offset);
        assert_int_equal(rp_h1_parse_end(&t.parser), RP_H1_ERROR);
        assert_int_equal(t.parser.error, c->error);
        h1_trace_deinit(&t);
    }
}

/* prefix + count times fill + suffix */
static void build(struct rp_buf *out, const char *prefix, const char *fill, size_t count,
                  const char *suffix)
{
    rp_buf_init(out, SIZE_MAX / 2);
    rp_buf_append_str(out, prefix);
    for (size_t i = 0; i < count; i++)
        rp_buf_append_str(out, fill);
    rp_buf_append_str(out, suffix);
    assert_int_equal(out->error, 0);
}

static void expect_end(const struct rp_buf *input, size_t head_max, size_t piece,
                       enum rp_h1_error error, uint64_t offset)
{
    struct h1_split split = { piece ? h1_split_every : NULL, &piece };
    struct h1_trace t;

    h1_trace_run(&t, rp_buf_slice(input), head_max, false, false, split);
    assert_int_equal(t.parser.error, error);
    assert_int_equal(t.end, error ? RP_H1_ERROR : RP_H1_DONE);
    assert_int_equal(t.parser.offset, offset);
    h1_trace_deinit(&t);
}

static const size_t pieces[] = { 0, 1, 7, 4096 };

static void the_limits_of_heads_hold_exactly(void **state)
{
    struct rp_buf in;
    const size_t fixed = AT(OK "Content-Length: 0\r\nA: \r\n\r\n");

    for (size_t i = 0; i < RP_ARRAY_LEN(pieces); i++) {
        build(&in, OK "Content-Length: 0\r\nA: ", "x", 1000 - fixed, "\r\n\r\n");
        expect_end(&in, 1000, pieces[i], RP_H1_OK, 1000);
        expect_end(&in, 999, pieces[i], RP_H1_HEAD_TOO_LARGE, 999);
        expect_end(&in, 10, pieces[i], RP_H1_HEAD_TOO_LARGE, 10);
        expect_end(&in, 0, pieces[i], RP_H1_HEAD_TOO_LARGE, 0);
        rp_buf_deinit(&in);
        build(&in, OK "A: ", "endless", 20000, "");
        expect_end(&in, RP_H1_HEAD_MAX, pieces[i], RP_H1_HEAD_TOO_LARGE, RP_H1_HEAD_MAX);
        rp_buf_deinit(&in);
        build(&in, OK, "A: b\r\n", 20000, "");
        expect_end(&in, RP_H1_HEAD_MAX, pieces[i], RP_H1_HEAD_TOO_LARGE, RP_H1_HEAD_MAX);
        rp_buf_deinit(&in);
        build(&in, "", "HTTP/1.1 102 P\r\n\r\n", 1000, OK "Content-Length: 0\r\n\r\n");
        expect_end(&in, 18 * 1000, pieces[i], RP_H1_OK, in.len); /* all of them together */
        expect_end(&in, 40, pieces[i], RP_H1_HEAD_TOO_LARGE, 3 * 18);
        rp_buf_deinit(&in);
    }
}

static void the_limits_of_dropped_lines_hold_exactly(void **state)
{
    struct rp_buf in;

    for (size_t i = 0; i < RP_ARRAY_LEN(pieces); i++) {
        build(&in, CHUNKED "1;", "x", 20000, "\r\nx\r\n0\r\n\r\n");
        expect_end(&in, 1000, pieces[i], RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED) + RP_H1_TRAILER_MAX);
        rp_buf_deinit(&in);
        build(&in, CHUNKED, "0", 20000, "\r\n\r\n");
        expect_end(&in, 1000, pieces[i], RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED) + RP_H1_TRAILER_MAX);
        rp_buf_deinit(&in);
        build(&in, CHUNKED "0", " ", 20000, "\r\n\r\n");
        expect_end(&in, 1000, pieces[i], RP_H1_BAD_CHUNK_SIZE, AT(CHUNKED) + RP_H1_TRAILER_MAX);
        rp_buf_deinit(&in);
        build(&in, CHUNKED "0\r\n", "A: b\r\n", RP_H1_TRAILER_MAX / 6, "AB\r\n");
        assert_int_equal(RP_H1_TRAILER_MAX % 6, 4);
        expect_end(&in, 1000, pieces[i], RP_H1_BAD_HEADER, in.len - 2);
        rp_buf_deinit(&in);
        build(&in, CHUNKED "0\r\n", "A: b\r\n", RP_H1_TRAILER_MAX / 6, "\r\n");
        expect_end(&in, 1000, pieces[i], RP_H1_OK, in.len);
        rp_buf_deinit(&in);
        build(&in, CHUNKED "0\r\n", "A: b\r\n", RP_H1_TRAILER_MAX / 6, "A: b\r\n\r\n");
        expect_end(&in, 1000, pieces[i], RP_H1_TRAILER_TOO_LARGE,
                   AT(CHUNKED "0\r\n") + RP_H1_TRAILER_MAX);
        rp_buf_deinit(&in);
        build(&in, CHUNKED "0\r\nA", "x", 20000, "");
        expect_end(&in, 1000, pieces[i], RP_H1_TRAILER_TOO_LARGE,
                   AT(CHUNKED "0\r\n") + RP_H1_TRAILER_MAX);
        rp_buf_deinit(&in);
    }
}

static void a_failed_allocation_is_reported_and_the_next_response_parsed(void **state)
{
    static const char text[] = OK "Content-Length: 2\r\n\r\nok";

    for (size_t piece = 1; piece < sizeof(text); piece++) {
        struct rp_slice input = rp_slice(text, piece), body;
        struct rp_h1_parser parser;
        struct rp_buf head;

        rp_buf_init(&head, RP_H1_HEAD_MAX);
        rp_h1_parser_reset(&parser, &head, false);
        rp_alloc_fail_at(1);
        assert_int_equal(rp_h1_parse(&parser, &input, &body), RP_H1_ERROR);
        rp_alloc_fail_at(0);
        assert_int_equal(parser.error, RP_H1_NO_MEMORY);
        input = RP_SLICE(text);
        assert_int_equal(rp_h1_parse(&parser, &input, &body), RP_H1_ERROR);
        rp_h1_parser_reset(&parser, &head, false);
        assert_int_equal(rp_h1_parse(&parser, &input, &body), RP_H1_HEAD);
        assert_int_equal(rp_h1_parse(&parser, &input, &body), RP_H1_BODY);
        assert_int_equal(rp_h1_parse(&parser, &input, &body), RP_H1_DONE);
        rp_buf_deinit(&head);
    }
}

/* The second allocation is the one that grows the head while a line is pending. */
static void a_failed_growth_of_a_pending_head_is_reported(void **state)
{
    struct rp_buf in;
    struct rp_h1_parser parser;
    struct rp_buf head;
    struct rp_slice input, body;

    build(&in, OK "A: ", "x", 500, "\r\n");
    rp_buf_init(&head, RP_H1_HEAD_MAX);
    rp_h1_parser_reset(&parser, &head, false);
    input = rp_slice(in.data, 50);
    assert_int_equal(rp_h1_parse(&parser, &input, &body), RP_H1_MORE);
    input = rp_slice(in.data + 50, in.len - 50);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_h1_parse(&parser, &input, &body), RP_H1_ERROR);
    rp_alloc_fail_at(0);
    assert_int_equal(parser.error, RP_H1_NO_MEMORY);
    assert_int_equal(parser.offset, 50);
    rp_buf_deinit(&head);
    rp_buf_deinit(&in);
}

static void a_reused_parser_allocates_nothing(void **state)
{
    static const char text[] = CHUNKED "5\r\nhello\r\n0\r\n\r\n";
    struct rp_h1_parser parser;
    struct rp_buf head;
    uint64_t before = 0;

    rp_buf_init(&head, RP_H1_HEAD_MAX);
    for (int i = 0; i < 10; i++) {
        struct rp_slice input = RP_SLICE(text), body;

        rp_h1_parser_reset(&parser, &head, false);
        while (rp_h1_parse(&parser, &input, &body) != RP_H1_DONE)
            assert_int_equal(parser.error, RP_H1_OK);
        if (i == 0)
            before = rp_alloc_count();
    }
    assert_int_equal(rp_alloc_count(), before);
    rp_buf_deinit(&head);
}

static void fields_are_walked(void **state)
{
    const struct rp_slice head = RP_SLICE("HTTP/1.1 404  Not Found \r\nA: b\r\nSet-Cookie:x=1 \t\n"
                                          "set-cookie: \t\r\nE:f: g\r\n\r\n");
    static const char *const expected[][2] = {
        { "A", "b" }, { "Set-Cookie", "x=1" }, { "set-cookie", "" }, { "E", "f: g" }
    };
    struct rp_slice name, value;
    size_t pos = 0;

    for (size_t i = 0; i < RP_ARRAY_LEN(expected); i++) {
        assert_true(rp_h1_next_field(head, &pos, &name, &value));
        assert_true(rp_slice_eq_str(name, expected[i][0]));
        assert_true(rp_slice_eq_str(value, expected[i][1]));
    }
    assert_false(rp_h1_next_field(head, &pos, &name, &value));
    assert_true(rp_slice_eq_str(rp_h1_reason(head), "Not Found"));
    assert_int_equal(rp_h1_reason(RP_SLICE("HTTP/1.1 200\r\n\r\n")).len, 0);
    assert_int_equal(rp_h1_reason(RP_SLICE("HTTP/1.1 200 \n\n")).len, 0);
    assert_int_equal(rp_h1_reason(RP_SLICE("")).len, 0);
    pos = 0;
    assert_false(rp_h1_next_field(RP_SLICE("HTTP/1.1 200 OK\r\n\r\n"), &pos, &name, &value));
    pos = 0;
    assert_false(rp_h1_next_field(RP_SLICE(""), &pos, &name, &value));
}

static void tokens_and_values_are_told(void **state)
{
    static const char separators[] = "\"(),/:;<=>?@[\\]{} \t\r\n\x7f\x80\xff";

    assert_true(rp_h1_is_token(RP_SLICE("M-SEARCH")));
    assert_true(rp_h1_is_token(RP_SLICE("!#$%&'*+-.^_`|~09azAZ")));
    assert_false(rp_h1_is_token(RP_SLICE("")));
    for (size_t i = 0; i < sizeof(separators); i++)
        assert_false(rp_h1_is_token(rp_slice((const char[]){ 'a', separators[i] }, 2)));
    assert_true(rp_h1_is_field_value(RP_SLICE("")));
    assert_true(rp_h1_is_field_value(RP_SLICE("a\tb\x01 \xc3\xa4 a longer one with\ttabs \x0b")));
    assert_false(rp_h1_is_field_value(RP_SLICE("0123456789\r")));
    assert_false(rp_h1_is_field_value(RP_SLICE("a\n")));
    assert_false(rp_h1_is_field_value(RP_SLICE("0123\0"
                                               "456789abcdef")));
}

static void every_error_has_a_text(void **state)
{
    for (int i = 0; i < RP_H1_ERROR_COUNT; i++) {
        const char *text = rp_h1_error_text((enum rp_h1_error)i);

        assert_non_null(text);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(text, rp_h1_error_text((enum rp_h1_error)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_responses_are_understood),
        cmocka_unit_test(errors_have_their_kind_and_place),
        cmocka_unit_test(the_limits_of_heads_hold_exactly),
        cmocka_unit_test(the_limits_of_dropped_lines_hold_exactly),
        cmocka_unit_test(a_failed_allocation_is_reported_and_the_next_response_parsed),
        cmocka_unit_test(a_failed_growth_of_a_pending_head_is_reported),
        cmocka_unit_test(a_reused_parser_allocates_nothing),
        cmocka_unit_test(fields_are_walked),
        cmocka_unit_test(tokens_and_values_are_told),
        cmocka_unit_test(every_error_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
