/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_samples.h"
#include "h1_trace.h"

/*
 * Any split gives the same events. The reference is the parse of the whole input in one piece, whose truth h1_test.c
 * (by tables), the generator below (which knows what it wrote) and the differential test check.
 */

static void compare(const char *name, struct rp_slice input, const struct h1_trace *whole,
                    bool is_head_request, size_t head_max, bool closes, struct h1_split split)
{
    struct h1_trace parts;
    const char *difference;

    h1_trace_run(&parts, input, head_max, is_head_request, closes, split);
    difference = h1_trace_difference(whole, &parts);
    if (difference)
        fail_msg("'%s' in pieces: %s differs (%s at %llu, whole %s at %llu)", name, difference,
                 rp_h1_error_text(parts.parser.error), (unsigned long long)parts.parser.offset,
                 rp_h1_error_text(whole->parser.error), (unsigned long long)whole->parser.offset);
    h1_trace_deinit(&parts);
}

static void try_splits(const char *name, struct rp_slice input, bool is_head_request,
                       size_t head_max, bool closes, uint64_t *seed)
{
    static const size_t sizes[] = { 1, 2, 3, 5, 17 };
    struct h1_trace whole;
    size_t size;

    h1_trace_run(&whole, input, head_max, is_head_request, closes, (struct h1_split){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(sizes); i++) {
        size = sizes[i];
        compare(name, input, &whole, is_head_request, head_max, closes,
                (struct h1_split){ h1_split_every, &size });
    }
    for (size_t i = 1; i < input.len; i++) {
        size = i;
        compare(name, input, &whole, is_head_request, head_max, closes,
                (struct h1_split){ h1_split_once, &size });
    }
    for (int i = 0; i < 10; i++)
        compare(name, input, &whole, is_head_request, head_max, closes,
                (struct h1_split){ h1_split_random, seed });
    h1_trace_deinit(&whole);
}

static void samples_may_be_split_anywhere(void **state)
{
    static const size_t maxima[] = { RP_H1_HEAD_MAX, 60, 20, 5 };
    uint64_t seed = 1;

    for (size_t i = 0; i < h1_sample_count; i++)
        for (size_t k = 0; k < RP_ARRAY_LEN(maxima); k++)
            for (int closes = 0; closes < 2; closes++)
                try_splits(h1_samples[i].name, h1_samples[i].bytes, h1_samples[i].is_head_request,
                           maxima[k], closes, &seed);
}

/* Every prefix is an input of its own: what is said about it must not depend on how it came. */
static void prefixes_may_be_split_anywhere(void **state)
{
    uint64_t seed = 2;

    for (size_t i = 0; i < h1_sample_count; i++) {
        const struct h1_sample *s = &h1_samples[i];

        for (size_t len = 0; len < s->bytes.len; len++) {
            struct rp_slice prefix = rp_slice(s->bytes.ptr, len);
            size_t one = 1;
            struct h1_trace whole;

            h1_trace_run(&whole, prefix, 4096, s->is_head_request, false, (struct h1_split){ 0 });
            compare(s->name, prefix, &whole, s->is_head_request, 4096, false,
                    (struct h1_split){ h1_split_every, &one });
            compare(s->name, prefix, &whole, s->is_head_request, 4096, false,
                    (struct h1_split){ h1_split_random, &seed });
            h1_trace_deinit(&whole);
        }
    }
}

struct made {
    struct rp_buf bytes, body;
    unsigned status, informational;
    bool is_chunked, until_close;
    const char *eol;
};

static unsigned pick(uint64_t *seed, unsigned count)
{
    return (unsigned)(h1_random(seed) % count);
}

static void make_fields(struct made *made, uint64_t *seed)
{
    for (unsigned count = pick(seed, 8); count; count--) {
        rp_buf_appendf(&made->bytes, "X-%u:%s", pick(seed, 1000), pick(seed, 2) ? " " : "\t \t");
        for (unsigned len = pick(seed, 60); len; len--)
            rp_buf_append(&made->bytes, &"ab\t \"\\,;:\x80\xff\x01z"[pick(seed, 13)], 1);
        rp_buf_append_str(&made->bytes, made->eol);
    }
}

static void make_body_bytes(struct rp_buf *out, unsigned len, uint64_t *seed)
{
    for (; len; len--)
        rp_buf_append(out, &"\r\n0a\0;: xH"[pick(seed, 10)], 1);
}

static void make_chunks(struct made *made, uint64_t *seed)
{
    size_t at = 0;

    while (at < made->body.len) {
        size_t len = 1 + pick(seed, (unsigned)(made->body.len - at));

        rp_buf_appendf(&made->bytes, pick(seed, 2) ? "%zx%s%s" : "%04zX%s%s", len,
                       pick(seed, 4) ? "" : " \t;e=\"x\"; f", "\r\n");
        rp_buf_append(&made->bytes, made->body.data + at, len);
        rp_buf_append_str(&made->bytes, "\r\n");
        at += len;
    }
    rp_buf_append_str(&made->bytes, "0\r\n");
    make_fields(made, seed);
    rp_buf_append_str(&made->bytes, made->eol);
}

static void make_response(struct made *made, uint64_t *seed)
{
    *made = (struct made){ .eol = pick(seed, 4) ? "\r\n" : "\n", .status = 200 + pick(seed, 4) };
    rp_buf_init(&made->bytes, 1 << 20);
    rp_buf_init(&made->body, 1 << 20);
    made->informational = pick(seed, 3);
    for (unsigned i = 0; i < made->informational; i++) {
        rp_buf_appendf(&made->bytes, "HTTP/1.1 103 Early%s", made->eol);
        make_fields(made, seed);
        rp_buf_append_str(&made->bytes, made->eol);
    }
    make_body_bytes(&made->body, pick(seed, 200), seed);
    rp_buf_appendf(&made->bytes, "HTTP/1.1 %u Some reason%s", made->status, made->eol);
    make_fields(made, seed);
    made->is_chunked = pick(seed, 2);
    made->until_close = !made->is_chunked && !pick(seed, 3);
    if (made->is_chunked)
        rp_buf_appendf(&made->bytes, "Transfer-Encoding: chunked%s", made->eol);
    else if (!made->until_close)
        rp_buf_appendf(&made->bytes, "Content-Length: %zu%s", made->body.len, made->eol);
    make_fields(made, seed);
    rp_buf_append_str(&made->bytes, made->eol);
    if (made->is_chunked)
        make_chunks(made, seed);
    else
        rp_buf_append_slice(&made->bytes, rp_slice(rp_buf_str(&made->body), made->body.len));
}

static void generated_responses_are_understood_in_any_split(void **state)
{
    uint64_t seed = 3;

    for (int i = 0; i < 300; i++) {
        struct made made;
        struct h1_trace t;
        size_t end;

        make_response(&made, &seed);
        end = made.bytes.len;
        if (!made.until_close)
            rp_buf_append_str(&made.bytes, "HTTP/1.1 400 next");
        assert_int_equal(made.bytes.error, 0);
        h1_trace_run(&t, rp_buf_slice(&made.bytes), RP_H1_HEAD_MAX, false, true,
                     (struct h1_split){ h1_split_random, &seed });
        assert_int_equal(t.end, RP_H1_DONE);
        if (made.status == 204 || made.status == 304)
            made.body.len = 0;
        else
            assert_int_equal(t.parser.offset, end);
        assert_int_equal(t.parser.status, made.status);
        assert_int_equal(t.parser.informational, made.informational);
        assert_int_equal(t.body.len, made.body.len);
        assert_memory_equal(rp_buf_str(&t.body), rp_buf_str(&made.body), made.body.len);
        h1_trace_deinit(&t);
        if (i < 100)
            try_splits("generated", rp_buf_slice(&made.bytes), false, RP_H1_HEAD_MAX, true, &seed);
        rp_buf_deinit(&made.bytes);
        rp_buf_deinit(&made.body);
    }
}

/* Broken inputs too: one to three bytes of a sample are changed, removed or doubled. */
static void mutated_samples_may_be_split_anywhere(void **state)
{
    uint64_t seed = 4;
    char text[1024];

    for (int i = 0; i < 4000; i++) {
        const struct h1_sample *s = &h1_samples[pick(&seed, (unsigned)h1_sample_count)];
        size_t len = s->bytes.len, one = 1;
        struct h1_trace whole;

        memcpy(text, s->bytes.ptr, len);
        for (unsigned n = 1 + pick(&seed, 3); n && len > 1; n--) {
            size_t at = pick(&seed, (unsigned)len);

            if (pick(&seed, 3))
                text[at] = "\r\n\0: ;0aHx\t,-\xff"[pick(&seed, 14)];
            else
                memmove(text + at, text + at + 1, --len - at);
        }
        h1_trace_run(&whole, rp_slice(text, len), 100, false, true, (struct h1_split){ 0 });
        compare("mutated", rp_slice(text, len), &whole, false, 100, true,
                (struct h1_split){ h1_split_every, &one });
        for (int k = 0; k < 3; k++)
            compare("mutated", rp_slice(text, len), &whole, false, 100, true,
                    (struct h1_split){ h1_split_random, &seed });
        h1_trace_deinit(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_may_be_split_anywhere),
        cmocka_unit_test(prefixes_may_be_split_anywhere),
        cmocka_unit_test(generated_responses_are_understood_in_any_split),
        cmocka_unit_test(mutated_samples_may_be_split_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
