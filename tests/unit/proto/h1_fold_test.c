/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "h1_trace.h"

/* Fields of a response that go on in further lines (RFC 9112, 5.2). */

#define OK "HTTP/1.1 200 OK\r\n"

static const struct fold {
    const char *input, *head, *body;
    bool keep_alive;
} folds[] = {
    { OK "A: b\r\n c\r\nContent-Length: 1\r\n\r\nx", OK "A: b c\r\nContent-Length: 1\r\n\r\n", "x",
      true },
    { OK "A: b \r\n \t c\n\td\r\n \r\nContent-Length: 1\r\n\r\nx",
      OK "A: b c d \r\nContent-Length: 1\r\n\r\n", "x", true },
    { OK "A:\r\n b\r\nContent-Length: 0\r\n\r\n", OK "A: b\r\nContent-Length: 0\r\n\r\n", "",
      true },
    { OK "Connection: x,\r\n close\r\nContent-Length: 1\r\n\r\nx",
      OK "Connection: x, close\r\nContent-Length: 1\r\n\r\n", "x", false },
    { OK "Content-Length:\r\n 1\r\n\r\nx", OK "Content-Length: 1\r\n\r\n", "x", true },
    { OK "Content-Length: 1,\n\t\n 1\n\nx", OK "Content-Length: 1, 1\n\n", "x", true },
    { OK "Transfer-Encoding: \r\n chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      OK "Transfer-Encoding: chunked\r\n\r\n", "x", true },
    { OK "Content-Length: 1\r\n ,1\r\n\r\nx", OK "Content-Length: 1 ,1\r\n\r\n", "x", true },
    { OK "Transfer-Encoding: chunked\r\n \r\n\r\n1\r\nx\r\n0\r\n\r\n",
      OK "Transfer-Encoding: chunked \r\n\r\n", "x", true },
    { OK "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c:d\r\n\te\r\n\r\n",
      OK "Transfer-Encoding: chunked\r\n\r\n", "", true },
    { "HTTP/1.1 103 E\r\nA: b\r\n c\r\n\r\n" OK "Content-Length: 0\r\n\r\n",
      OK "Content-Length: 0\r\n\r\n", "", true },
};

static void folded_fields_are_joined_however_the_input_is_cut(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(folds); i++) {
        const struct fold *fold = &folds[i];
        struct rp_slice input = rp_slice_str(fold->input);

        print_message("case %zu\n", i);
        for (size_t size = 1; size <= input.len; size++) {
            struct h1_trace t;

            h1_trace_run(&t, input, RP_H1_HEAD_MAX, false, false,
                         (struct h1_split){ h1_split_every, &size });
            assert_int_equal(t.end, RP_H1_DONE);
            assert_string_equal(rp_buf_str(&t.head), fold->head);
            assert_string_equal(rp_buf_str(&t.body), fold->body);
            assert_int_equal(t.parser.keep_alive, fold->keep_alive);
            assert_int_equal(t.parser.offset, input.len);
            h1_trace_deinit(&t);
        }
    }
}

/* The place is that of the joined line. */
static const struct {
    const char *input;
    enum rp_h1_error error;
    size_t offset;
} bad_folds[] = {
    { OK "Content-Length:\r\n\r\n", RP_H1_BAD_CONTENT_LENGTH, sizeof(OK "Content-Length:") - 1 },
    { OK "Content-Length:\r\nA: b\r\n\r\n", RP_H1_BAD_CONTENT_LENGTH,
      sizeof(OK "Content-Length:") - 1 },
    { OK "Content-Length:\r\n \r\n\r\n", RP_H1_BAD_CONTENT_LENGTH,
      sizeof(OK "Content-Length: ") - 1 },
    { OK "Content-Length:\r\n 1\r\n 2\r\n\r\n", RP_H1_BAD_CONTENT_LENGTH,
      sizeof(OK "Content-Length: 1 ") - 1 },
    { OK "Transfer-Encoding:\r\n\r\n", RP_H1_BAD_TRANSFER_ENCODING,
      sizeof(OK "Transfer-Encoding:") - 1 },
    { OK "Transfer-Encoding:\r\n gzip\r\n\r\n", RP_H1_BAD_TRANSFER_ENCODING,
      sizeof(OK "Transfer-Encoding: ") - 1 },
    { OK "Transfer-Encoding:\r\n chunked\r\nContent-Length: 1\r\n\r\n", RP_H1_BAD_TRANSFER_ENCODING,
      sizeof(OK "Transfer-Encoding: chunked\r\n") - 1 },
};

static void folded_fields_may_be_wrong_too(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_folds); i++) {
        struct rp_slice input = rp_slice_str(bad_folds[i].input);

        print_message("case %zu\n", i);
        for (size_t size = 1; size <= input.len; size++) {
            struct h1_trace t;

            h1_trace_run(&t, input, RP_H1_HEAD_MAX, false, false,
                         (struct h1_split){ h1_split_every, &size });
            assert_int_equal(t.end, RP_H1_ERROR);
            assert_int_equal(t.parser.error, bad_folds[i].error);
            assert_int_equal(t.parser.offset, bad_folds[i].offset);
            h1_trace_deinit(&t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folded_fields_are_joined_however_the_input_is_cut),
        cmocka_unit_test(folded_fields_may_be_wrong_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
