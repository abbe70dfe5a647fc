/* SPDX-License-Identifier: MIT */
#include "target/request.h"

#include "base/str.h"
#include "target/target.h"

enum { CHUNK_LINE_MAX = 256, TRAILER_MAX = 4096 };

/* The characters of a method or a field name (RFC 9110, 5.6.2). */
static const bool is_token_char[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,         ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,         ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static bool is_token(struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_char[(unsigned char)text.ptr[i]])
            return false;
    }
    return text.len > 0;
}

/* Blanks, tabs and everything visible; no control characters. No early end, so that it is done in vectors. */
static bool is_field_value(struct rp_slice text)
{
    unsigned char bad = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        bad |= (unsigned char)((c < 0x20 && c != '\t') | (c == 0x7f));
    }
    return !bad;
}

static struct rp_slice trim(struct rp_slice text)
{
    while (text.len && (*text.ptr == ' ' || *text.ptr == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* The next line of *@rest without its end; false when no line end is there yet. */
static inline bool next_line(struct rp_slice *rest, struct rp_slice *ret_line)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len;

    if (!end)
        return false;
    len = (size_t)(end - rest->ptr);
    *ret_line = rp_slice(rest->ptr, len && end[-1] == '\r' ? len - 1 : len);
    rest->ptr += len + 1;
    rest->len -= len + 1;
    return true;
}

static int parse_version(struct rp_slice text, struct rp_target_request *ret)
{
    if (text.len != 8 || memcmp(text.ptr, "HTTP/", 5) != 0 || text.ptr[6] != '.')
        return 400;
    if (text.ptr[5] != '1' || (text.ptr[7] != '1' && text.ptr[7] != '0'))
        return 505;
    ret->minor_version = (uint8_t)(text.ptr[7] - '0');
    ret->keep_alive = ret->minor_version == 1;
    return 0;
}

static int parse_target(struct rp_slice text, struct rp_target_request *ret)
{
    const char *mark;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c >= 0x7f)
            return 400;
    }
    if (text.len > 7 && strncasecmp(text.ptr, "http://", 7) == 0) { /* as to a proxy */
        const char *slash = memchr(text.ptr + 7, '/', text.len - 7);

        text = slash ? rp_slice(slash, text.len - (size_t)(slash - text.ptr)) : RP_SLICE("/");
    }
    if (!text.len || text.ptr[0] != '/')
        return 400;
    mark = memchr(text.ptr, '?', text.len);
    ret->path = text;
    if (mark) {
        ret->path.len = (size_t)(mark - text.ptr);
        ret->query = rp_slice(mark + 1, text.len - ret->path.len - 1);
    }
    return 0;
}

static int parse_request_line(struct rp_slice line, struct rp_target_request *ret)
{
    const char *first = line.len ? memchr(line.ptr, ' ', line.len) : NULL;
    const char *last = line.len ? memrchr(line.ptr, ' ', line.len) : NULL;
    int status;

    if (!first || first == last)
        return 400;
    ret->method = rp_slice(line.ptr, (size_t)(first - line.ptr));
    if (!is_token(ret->method))
        return 400;
    ret->is_head = rp_slice_eq(ret->method, RP_SLICE("HEAD"));
    status = parse_target(rp_slice(first + 1, (size_t)(last - first - 1)), ret);
    if (status)
        return status;
    return parse_version(rp_slice(last + 1, line.len - (size_t)(last + 1 - line.ptr)), ret);
}

static void parse_connection(struct rp_slice value, struct rp_target_request *ret)
{
    while (value.len) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma ? (size_t)(comma - value.ptr) : value.len;
        struct rp_slice option = trim(rp_slice(value.ptr, len));

        if (rp_slice_ieq(option, RP_SLICE("close")))
            ret->keep_alive = false;
        else if (rp_slice_ieq(option, RP_SLICE("keep-alive")) && ret->minor_version == 0)
            ret->keep_alive = true;
        len += comma != NULL;
        value = rp_slice(value.ptr + len, value.len - len);
    }
}

struct seen { /* what a head may have once only */
    bool host, length;
};

static int parse_length(struct rp_slice value, struct rp_target_request *ret, struct seen *seen)
{
    int64_t length;

    /* rp_parse_i64 takes a sign, which a length has not. */
    if (!value.len || value.ptr[0] < '0' || value.ptr[0] > '9' || !rp_parse_i64(value, &length))
        return 400;
    if (seen->length && ret->content_length != (uint64_t)length)
        return 400;
    seen->length = true;
    ret->content_length = (uint64_t)length;
    return 0;
}

/* The few fields that matter, found by their length first. */
static int note_field(struct rp_slice name, struct rp_slice value, struct rp_target_request *ret,
                      struct seen *seen)
{
    switch (name.len) {
    case 4:
        if (rp_slice_ieq(name, RP_SLICE("host"))) {
            if (seen->host)
                return 400;
            seen->host = true;
        }
        return 0;
    case 6:
        if (rp_slice_ieq(name, RP_SLICE("expect")))
            ret->expects_continue = rp_slice_ieq(value, RP_SLICE("100-continue"));
        return 0;
    case 10:
        if (rp_slice_ieq(name, RP_SLICE("connection")))
            parse_connection(value, ret);
        return 0;
    case 12:
        if (rp_slice_ieq(name, RP_SLICE("content-type")))
            ret->content_type = value;
        return 0;
    case 14:
        return rp_slice_ieq(name, RP_SLICE("content-length")) ? parse_length(value, ret, seen) : 0;
    case 17:
        if (!rp_slice_ieq(name, RP_SLICE("transfer-encoding")))
            return 0;
        if (!rp_slice_ieq(value, RP_SLICE("chunked")))
            return 501;
        if (ret->is_chunked || ret->minor_version == 0)
            return 400;
        ret->is_chunked = true;
        return 0;
    default:
        return 0;
    }
}

static inline int split_field(struct rp_slice line, struct rp_slice *ret_name,
                              struct rp_slice *ret_value)
{
    const char *colon = memchr(line.ptr, ':', line.len);

    if (!colon)
        return 400;
    *ret_name = rp_slice(line.ptr, (size_t)(colon - line.ptr));
    *ret_value = trim(rp_slice(colon + 1, line.len - ret_name->len - 1));
    return 0;
}

static int parse_fields(struct rp_slice *rest, struct rp_target_request *ret)
{
    struct rp_slice line, name, value;
    struct seen seen = { 0 };
    unsigned count = 0;

    ret->fields.ptr = rest->ptr;
    for (;;) {
        int status;

        ret->fields.len = (size_t)(rest->ptr - ret->fields.ptr);
        if (!next_line(rest, &line))
            return RP_TARGET_MORE;
        if (!line.len)
            break;
        if (++count > RP_TARGET_FIELDS_MAX)
            return 431;
        status = split_field(line, &name, &value);
        if (status || !is_token(name) || !is_field_value(value))
            return 400;
        status = note_field(name, value, ret, &seen);
        if (status)
            return status;
    }
    if ((ret->minor_version == 1 && !seen.host) || (seen.length && ret->is_chunked))
        return 400;
    return 0;
}

/* What is not text (a TLS hello) never gets a line end: refused by its first byte. Empty lines before a request are left
 * over from sloppy clients. */
static int parse_first_line(struct rp_slice *rest, struct rp_target_request *ret)
{
    struct rp_slice line;

    do {
        unsigned char first = rest->len ? (unsigned char)rest->ptr[0] : '\n';

        if (!is_token_char[first] && first != '\r' && first != '\n')
            return 400;
        if (!next_line(rest, &line))
            return RP_TARGET_MORE;
    } while (!line.len);
    return parse_request_line(line, ret);
}

int rp_target_parse_head(struct rp_slice input, struct rp_target_request *ret, size_t *ret_len)
{
    struct rp_slice rest = input;
    int status;

    if (rest.len > RP_TARGET_HEAD_MAX)
        rest.len = RP_TARGET_HEAD_MAX;
    *ret = (struct rp_target_request){ 0 };
    status = parse_first_line(&rest, ret);
    if (!status)
        status = parse_fields(&rest, ret);
    if (status == RP_TARGET_MORE && input.len >= RP_TARGET_HEAD_MAX)
        return 431;
    *ret_len = (size_t)(rest.ptr - input.ptr);
    return status;
}

bool rp_target_next_field(struct rp_slice fields, size_t *pos, struct rp_slice *ret_name,
                          struct rp_slice *ret_value)
{
    struct rp_slice rest, line;

    if (*pos == fields.len) /* no fields at all may be no pointer either */
        return false;
    rest = rp_slice(fields.ptr + *pos, fields.len - *pos);
    if (!next_line(&rest, &line) || split_field(line, ret_name, ret_value))
        return false;
    *pos = (size_t)(rest.ptr - fields.ptr);
    return true;
}

struct rp_slice rp_target_query_value(struct rp_slice query, struct rp_slice name)
{
    while (query.len) {
        const char *amp = memchr(query.ptr, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.ptr) : query.len;

        if (len > name.len && query.ptr[name.len] == '=' &&
            memcmp(query.ptr, name.ptr, name.len) == 0)
            return rp_slice(query.ptr + name.len + 1, len - name.len - 1);
        len += amp != NULL;
        query = rp_slice(query.ptr + len, query.len - len);
    }
    return (struct rp_slice){ 0 };
}

void rp_target_body_init(struct rp_target_body *body, const struct rp_target_request *request)
{
    *body = (struct rp_target_body){ .left = request->content_length };
    if (request->is_chunked)
        body->state = RP_TARGET_BODY_SIZE;
    else
        body->state = request->content_length ? RP_TARGET_BODY_LENGTH : RP_TARGET_BODY_DONE;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void begin_line(struct rp_target_body *body, enum rp_target_body_state state)
{
    body->state = (uint8_t)state;
    body->line_len = 0;
    body->seen_digit = body->in_extension = body->seen_cr = false;
}

static bool read_size_char(struct rp_target_body *body, unsigned char c)
{
    int digit = hex_digit(c);

    if (++body->line_len > CHUNK_LINE_MAX || (body->seen_cr && c != '\n'))
        return false;
    if (c == '\n') {
        if (!body->seen_digit)
            return false;
        begin_line(body, body->left ? RP_TARGET_BODY_CHUNK : RP_TARGET_BODY_TRAILER);
        if (body->state == RP_TARGET_BODY_TRAILER)
            body->left = TRAILER_MAX;
    } else if (c == '\r') {
        body->seen_cr = true;
    } else if (!body->in_extension && digit >= 0) {
        if (body->left >> 59)
            return false;
        body->left = body->left << 4 | (unsigned)digit;
        body->seen_digit = true;
    } else if (c == ';' && body->seen_digit) {
        body->in_extension = true;
    } else {
        return body->in_extension && (c >= ' ' || c == '\t') && c != 0x7f;
    }
    return true;
}

static bool read_line_char(struct rp_target_body *body, unsigned char c)
{
    if (body->seen_cr && c != '\n')
        return false;
    if (c == '\r') {
        body->seen_cr = true;
        return true;
    }
    if (body->state == RP_TARGET_BODY_CHUNK_END) {
        body->left = 0;
        begin_line(body, RP_TARGET_BODY_SIZE);
        return c == '\n';
    }
    if (!body->left--) /* a trailer's bytes are bounded */
        return false;
    if (c != '\n')
        body->line_len++;
    else
        begin_line(body, body->line_len ? RP_TARGET_BODY_TRAILER : RP_TARGET_BODY_DONE);
    return true;
}

bool rp_target_body_read(struct rp_target_body *body, struct rp_slice *input,
                         struct rp_slice *ret_data)
{
    size_t len;

    *ret_data = rp_slice(input->ptr, 0);
    while (input->len && body->state != RP_TARGET_BODY_DONE) {
        unsigned char c = (unsigned char)*input->ptr;

        if (body->state == RP_TARGET_BODY_LENGTH || body->state == RP_TARGET_BODY_CHUNK) {
            len = input->len < body->left ? input->len : (size_t)body->left;
            *ret_data = rp_slice(input->ptr, len);
            *input = rp_slice(input->ptr + len, input->len - len);
            body->left -= len;
            if (!body->left)
                begin_line(body, body->state == RP_TARGET_BODY_CHUNK ? RP_TARGET_BODY_CHUNK_END
                                                                     : RP_TARGET_BODY_DONE);
            return true;
        }
        *input = rp_slice(input->ptr + 1, input->len - 1);
        if (!(body->state == RP_TARGET_BODY_SIZE ? read_size_char(body, c)
                                                 : read_line_char(body, c)))
            return false;
    }
    return true;
}
