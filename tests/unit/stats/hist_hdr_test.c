/* SPDX-License-Identifier: MIT */
/*
 * The encoder against a decoder and a bucket arithmetic written from HdrHistogram's published format alone.
 */
#include "stats_test.h"

#include "base/buf.h"
#include "stats/hist.h"

enum { CELLS = 56 * 1024 };

struct decoded {
    uint32_t cookie;
    int32_t offset, digits;
    int64_t lowest, highest;
    double ratio;
    size_t used; /* cells up to the last one written */
    uint64_t *counts;
};

static uint64_t big_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 8 | *bytes++;
    return value;
}

static int64_t zig_zag(const unsigned char **at, const unsigned char *end)
{
    uint64_t value = 0;

    for (int i = 0;; i++) {
        unsigned char byte;

        assert_true(*at < end && i < 9);
        byte = *(*at)++;
        if (i == 8) {
            value |= (uint64_t)byte << 56;
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            break;
    }
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static struct decoded decode(const struct rp_buf *buf)
{
    const unsigned char *bytes = (const unsigned char *)buf->data, *at = bytes + 40;
    const unsigned char *end = bytes + buf->len;
    struct decoded d = { .counts = calloc(CELLS, sizeof(uint64_t)) };
    uint64_t ratio;

    assert_true(buf->len >= 40);
    d.cookie = (uint32_t)big_endian(bytes, 4);
    assert_int_equal(big_endian(bytes + 4, 4), buf->len - 40);
    d.offset = (int32_t)big_endian(bytes + 8, 4);
    d.digits = (int32_t)big_endian(bytes + 12, 4);
    d.lowest = (int64_t)big_endian(bytes + 16, 8);
    d.highest = (int64_t)big_endian(bytes + 24, 8);
    ratio = big_endian(bytes + 32, 8);
    memcpy(&d.ratio, &ratio, sizeof(ratio));
    while (at < end) {
        int64_t number = zig_zag(&at, end);

        if (number < 0) {
            d.used += (size_t)-number;
        } else {
            assert_true(d.used < CELLS);
            d.counts[d.used++] = (uint64_t)number;
        }
    }
    return d;
}

/* 2048 sub-buckets of which the upper 1024 count from the second bucket on. */
static size_t cell_of(uint64_t value)
{
    size_t bucket = 0;

    while (value >> bucket >= 2048)
        bucket++;
    return bucket * 1024 + (value >> bucket);
}

static void check(const double *values, const uint64_t *as, size_t count)
{
    struct rp_hist hist = { 0 };
    struct rp_buf buf;
    struct decoded d;
    uint64_t *expected = calloc(CELLS, sizeof(*expected));
    size_t last = 0;

    rp_buf_init(&buf, 1 << 20);
    rp_buf_append_str(&buf, "before");
    for (size_t i = 0; i < count; i++) {
        size_t cell = cell_of(as[i]);

        assert_int_equal(rp_hist_record(&hist, values[i]), 0);
        expected[cell]++;
        last = cell > last ? cell : last;
    }
    assert_int_equal(rp_hist_encode_hdr(&hist, &buf), 0);
    rp_buf_consume(&buf, 6);
    d = decode(&buf);
    assert_int_equal(d.cookie, 0x1c849303 | 0x10);
    assert_int_equal(d.offset, 0);
    assert_int_equal(d.digits, 3);
    assert_int_equal(d.lowest, 1);
    assert_true(d.ratio == 1.0);
    assert_true(d.highest >= 2);
    assert_int_equal(d.used, count ? last + 1 : 0);
    if (d.highest > 2)
        assert_int_equal(cell_of((uint64_t)d.highest), last);
    assert_memory_equal(d.counts, expected, CELLS * sizeof(*expected));
    free(d.counts);
    free(expected);
    rp_buf_deinit(&buf);
    rp_hist_deinit(&hist);
}

static void integers_of_every_size_come_back(void **state)
{
    enum { COUNT = 3000 };
    double values[COUNT];
    uint64_t as[COUNT];

    for (uint64_t seed = 0; seed < 20; seed++) {
        struct test_random random = { seed };
        unsigned bits = 1 + (unsigned)random_below(&random, 62);

        for (int i = 0; i < COUNT; i++) {
            /* 53 significant bits, so that the double is the integer. */
            as[i] = random_u64(&random) >> (63 - random_below(&random, bits));
            as[i] = as[i] >> 53 ? as[i] & ~(uint64_t)0xfff : as[i];
            values[i] = (double)as[i];
        }
        check(values, as, seed == 0 ? 0 : COUNT);
    }
}

static void the_edges_go_where_the_header_says(void **state)
{
    static const double values[] = { 0,    -5,     1e-9,   0.4,     0.6,   1.6,
                                     2,    511.2,  512.75, 1023.75, 1024,  2047,
                                     2048, 0x1p62, 0x1p63, 1e300,   -1e300 };
    static const uint64_t as[] = { 0,         0,         0,    0,    1,    2,    2,
                                   511,       513,       1024, 1024, 2047, 2048, (uint64_t)1 << 62,
                                   INT64_MAX, INT64_MAX, 0 };

    for (size_t count = 0; count <= RP_ARRAY_LEN(values); count++)
        check(values, as, count);
}

static void counts_of_every_size_come_back(void **state)
{
    static const uint64_t counts[] = { 1,          63,         64,         8191,
                                       8192,       1ull << 31, 1ull << 55, 1ull << 56,
                                       1ull << 62, INT64_MAX,  1 };
    struct rp_hist hist = { 0 };
    struct rp_buf buf;
    struct decoded d;

    rp_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < RP_ARRAY_LEN(counts); i++)
        assert_int_equal(rp_hist_record_times(&hist, (double)(3 * i + 1), counts[i]), 0);
    assert_int_equal(rp_hist_encode_hdr(&hist, &buf), 0);
    d = decode(&buf);
    for (size_t i = 0; i < RP_ARRAY_LEN(counts); i++)
        assert_true(d.counts[3 * i + 1] == counts[i]);
    assert_int_equal(d.used, 3 * (RP_ARRAY_LEN(counts) - 1) + 2);
    free(d.counts);
    rp_buf_deinit(&buf);
    rp_hist_deinit(&hist);
}

static void the_bytes_are_those_of_another_encoder(void **state)
{
    /* 1 twice, 4, 5, 5, 100, 5000 as the JavaScript implementation writes the cells. */
    static const unsigned char cells[] = { 0x00, 0x04, 0x03, 0x02, 0x04, 0xbb,
                                           0x01, 0x02, 0xf9, 0x31, 0x02 };
    static const double values[] = { 1, 1, 4, 5, 5, 100, 5000 };
    struct rp_hist hist = { 0 };
    struct rp_buf buf;

    rp_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++)
        assert_int_equal(rp_hist_record(&hist, values[i]), 0);
    assert_int_equal(rp_hist_encode_hdr(&hist, &buf), 0);
    assert_int_equal(buf.len, 40 + sizeof(cells));
    assert_memory_equal(buf.data + 40, cells, sizeof(cells));
    rp_buf_deinit(&buf);
    rp_hist_deinit(&hist);
}

static void a_full_buffer_is_an_error(void **state)
{
    struct rp_hist hist = { 0 };
    struct rp_buf buf;

    rp_buf_init(&buf, 40);
    assert_int_equal(rp_hist_encode_hdr(&hist, &buf), 0);
    rp_buf_reset(&buf);
    assert_int_equal(rp_hist_record(&hist, 1), 0);
    assert_int_equal(rp_hist_encode_hdr(&hist, &buf), -EMSGSIZE);
    rp_buf_deinit(&buf);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_hist_encode_hdr(&hist, &buf), -ENOMEM);
    rp_alloc_fail_at(0);
    rp_buf_deinit(&buf);
    rp_hist_deinit(&hist);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_size_come_back),
        cmocka_unit_test(the_edges_go_where_the_header_says),
        cmocka_unit_test(counts_of_every_size_come_back),
        cmocka_unit_test(the_bytes_are_those_of_another_encoder),
        cmocka_unit_test(a_full_buffer_is_an_error),
    };

    return cmocka_run_group_tests_name("hist_hdr", tests, NULL, NULL);
}
