/* SPDX-License-Identifier: MIT */

/*
 * The endpoints: one const table, from which requests are routed, the help is printed and the
 * documentation is tested. A handler decides what is answered and does no I/O.
 */

#include "target/reply.h"

#include <inttypes.h>

#include "base/str.h"
#include "target/target.h"

struct call {
    const struct rp_h1_request *request;
    struct rp_slice arg; /* the path after the prefix */
    struct rp_target_random *random;
    struct rp_buf *stored;
    struct rp_target_reply *reply;
};

struct endpoint {
    struct rp_target_endpoint doc;
    struct rp_slice prefix; /* the whole path, or all up to its argument */
    bool has_arg;
    void (*handle)(struct call *call);
};

#define INDEX_PAGE                                                                                 \
    "<!doctype html>\n<title>rampa target</title>\n<p>This is the demo server of rampa.</p>\n"
#define MS_MAX 86400000.0 /* a day */

uint64_t rp_target_random_next(struct rp_target_random *random)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state;
}

static void answer_text(struct rp_target_reply *reply, uint16_t status, struct rp_slice text)
{
    *reply = (struct rp_target_reply){ .status = status,
                                       .content_type = RP_SLICE("text/plain; charset=utf-8"),
                                       .text = text };
}

static void answer_filler(struct rp_target_reply *reply, uint64_t len)
{
    *reply = (struct rp_target_reply){ .status = 200,
                                       .body = RP_TARGET_FILLER,
                                       .content_type = RP_SLICE("application/octet-stream"),
                                       .filler_len = len };
}

static void handle_index(struct call *call)
{
    answer_text(call->reply, 200, RP_SLICE(INDEX_PAGE));
    call->reply->content_type = RP_SLICE("text/html; charset=utf-8");
}

static void handle_json(struct call *call)
{
    answer_text(call->reply, 200, RP_SLICE("{\"message\": \"hello\", \"ok\": true}\n"));
    call->reply->content_type = RP_SLICE("application/json");
}

/* The value of "name=value" in a query, or an empty slice with ptr NULL. Nothing is unescaped. */
static struct rp_slice query_value(struct rp_slice query, struct rp_slice name)
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

static bool parse_ms(struct rp_slice text, rp_ns *ret)
{
    double ms;

    if (!rp_parse_double(text, &ms) || !(ms >= 0 && ms <= MS_MAX))
        return false;
    *ret = (rp_ns)(ms * (double)RP_MS);
    return true;
}

static void handle_delay(struct call *call)
{
    struct rp_slice jitter_text = query_value(call->request->query, RP_SLICE("jitter"));
    rp_ns delay, jitter = 0;

    if (!parse_ms(call->arg, &delay) || (jitter_text.ptr && !parse_ms(jitter_text, &jitter))) {
        answer_text(call->reply, 400,
                    RP_SLICE("milliseconds are expected, such as /delay/100 or "
                             "/delay/100?jitter=20\n"));
        return;
    }
    answer_text(call->reply, 200, RP_SLICE("ok\n"));
    call->reply->delay = delay;
    if (jitter)
        call->reply->delay += (rp_ns)(rp_target_random_next(call->random) % (uint64_t)(jitter + 1));
}

static void handle_status(struct call *call)
{
    int64_t status;

    if (!rp_parse_i64(call->arg, &status) || status < 200 || status > 599) {
        answer_text(call->reply, 400,
                    RP_SLICE("a status from 200 to 599 is expected, such as /status/503\n"));
        return;
    }
    answer_text(call->reply, (uint16_t)status, RP_SLICE(""));
    if (!rp_target_has_body((uint16_t)status)) {
        call->reply->content_type = RP_SLICE("");
        return;
    }
    call->reply->body = RP_TARGET_STORED;
    rp_buf_append(call->stored, call->arg.ptr, call->arg.len);
    rp_buf_append_slice(call->stored, RP_SLICE(" "));
    rp_buf_append_str(call->stored, rp_target_reason((uint16_t)status));
    rp_buf_append_slice(call->stored, RP_SLICE("\n"));
}

enum { REDIRECTS_MAX = 1000 };

static void handle_redirect(struct call *call)
{
    int64_t count;

    if (!rp_parse_i64(call->arg, &count) || count < 0 || count > REDIRECTS_MAX) {
        answer_text(call->reply, 400,
                    RP_SLICE("a number from 0 to 1000 is expected, such as /redirect/3\n"));
        return;
    }
    answer_text(call->reply, 200, RP_SLICE("ok\n"));
    if (!count)
        return;
    call->reply->status = 302;
    call->reply->body = RP_TARGET_STORED;
    rp_buf_appendf(call->stored, "/redirect/%d\n", (int)count - 1);
    if (!call->stored->error)
        call->reply->location = rp_slice(call->stored->data, call->stored->len - 1);
}

static bool parse_count(struct rp_slice text, int64_t min, uint64_t *ret)
{
    int64_t count;

    if (!rp_parse_i64(text, &count) || count < min)
        return false;
    *ret = (uint64_t)count;
    return true;
}

static void handle_bytes(struct call *call)
{
    uint64_t count;

    if (parse_count(call->arg, 0, &count))
        answer_filler(call->reply, count);
    else
        answer_text(call->reply, 400,
                    RP_SLICE("a number of bytes is expected, such as /bytes/1000\n"));
}

static void handle_chunked(struct call *call)
{
    uint64_t count;

    if (!parse_count(call->arg, 0, &count)) {
        answer_text(call->reply, 400,
                    RP_SLICE("a number of bytes is expected, such as /chunked/10000\n"));
        return;
    }
    answer_filler(call->reply, count);
    if (call->request->parser.minor_version == 0) /* HTTP/1.0 has no chunks: the end is the close */
        call->reply->close = true;
    else
        call->reply->is_chunked = true;
}

static void handle_slow(struct call *call)
{
    struct rp_slice bytes_text = query_value(call->request->query, RP_SLICE("bytes"));
    uint64_t rate, count = 1000;

    if (!parse_count(call->arg, 1, &rate) ||
        (bytes_text.ptr && !parse_count(bytes_text, 0, &count))) {
        answer_text(call->reply, 400,
                    RP_SLICE("bytes per second are expected, such as /slow/100 or "
                             "/slow/100?bytes=1000\n"));
        return;
    }
    answer_filler(call->reply, count);
    call->reply->rate = rate;
}

static void handle_echo(struct call *call)
{
    answer_text(call->reply, 200, RP_SLICE(""));
    call->reply->body = RP_TARGET_STORED;
    call->reply->keeps_body = true;
    call->reply->content_type = RP_SLICE(""); /* the request's, put in by the connection */
}

/* Bytes above 127 are shown as the Latin-1 characters that HTTP/1.1 once said they are. */
static void append_json_chars(struct rp_buf *out, struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        char pair[2] = { '\\', (char)c };

        if (c == '\t')
            pair[1] = 't';
        if (c >= 0x80) {
            pair[0] = (char)(0xc0 | c >> 6);
            pair[1] = (char)(0x80 | (c & 0x3f));
        }
        if (c >= 0x80 || c == '"' || c == '\\' || c == '\t')
            rp_buf_append(out, pair, 2);
        else
            rp_buf_append(out, text.ptr + i, 1);
    }
}

static bool stands_before(struct rp_slice head, size_t end, struct rp_slice name)
{
    struct rp_slice other, value;
    size_t pos = 0;

    while (rp_h1_next_field(head, &pos, &other, &value) && pos < end) {
        if (rp_slice_ieq(other, name))
            return true;
    }
    return false;
}

/* All values of @name from @pos on, joined by ", ". The parts of a Cookie, which HTTP/2 sends one by one,
 * are joined by "; ". */
static void append_values(struct rp_buf *out, struct rp_slice head, size_t pos,
                          struct rp_slice name, struct rp_slice first)
{
    const char *between = rp_slice_ieq(name, RP_SLICE("cookie")) ? "; " : ", ";
    struct rp_slice other, value;

    append_json_chars(out, first);
    while (rp_h1_next_field(head, &pos, &other, &value)) {
        if (rp_slice_ieq(other, name)) {
            rp_buf_append_str(out, between);
            append_json_chars(out, value);
        }
    }
}

static void handle_headers(struct call *call)
{
    struct rp_slice head = rp_buf_slice(call->request->parser.head), name, value;
    struct rp_buf *out = call->stored;
    const char *between = "";
    size_t pos = 0;

    answer_text(call->reply, 200, RP_SLICE(""));
    call->reply->content_type = RP_SLICE("application/json");
    call->reply->body = RP_TARGET_STORED;
    rp_buf_append_slice(out, RP_SLICE("{"));
    while (rp_h1_next_field(head, &pos, &name, &value)) {
        if (stands_before(head, pos, name))
            continue;
        rp_buf_append_str(out, between);
        rp_buf_append_slice(out, RP_SLICE("\n  \""));
        append_json_chars(out, name);
        rp_buf_append_slice(out, RP_SLICE("\": \""));
        append_values(out, head, pos, name, value);
        rp_buf_append_slice(out, RP_SLICE("\""));
        between = ",";
    }
    rp_buf_append_slice(out, RP_SLICE("\n}\n"));
}

static void handle_ws(struct call *call)
{
    rp_target_ws_answer(call->request, call->stored, call->reply);
}

/* Calls are answered elsewhere (grpc.h). */
static void handle_grpc(struct call *call)
{
    answer_text(call->reply, 415,
                RP_SLICE("gRPC is spoken here: POST over HTTP/2, with the content type "
                         "application/grpc\n"));
}

static void handle_close(struct call *call)
{
    answer_text(call->reply, 200, RP_SLICE("closing\n"));
    call->reply->close = true;
}

static void handle_reset(struct call *call)
{
    *call->reply = (struct rp_target_reply){ .action = RP_TARGET_RESET };
}

static void handle_hang(struct call *call)
{
    *call->reply = (struct rp_target_reply){ .action = RP_TARGET_HANG };
}

static void handle_garbage(struct call *call)
{
    *call->reply = (struct rp_target_reply){
        .action = RP_TARGET_RAW,
        .close = true,
        .text = RP_SLICE("this is not HTTP\r\n\x01\x02\x7f and never was\r\n\r\n"),
    };
}

static void handle_extra(struct call *call)
{
    answer_text(call->reply, 200, RP_SLICE("ok\n"));
    call->reply->trailing = RP_SLICE("these bytes belong to no answer\n");
}

/* The constant ones first: RP_TARGET_CONSTANTS of them. */
static const struct endpoint endpoints[] = {
    { { "/", "a small HTML page" }, RP_SLICE("/"), false, handle_index },
    { { "/json", "a small JSON object" }, RP_SLICE("/json"), false, handle_json },
    { { "/delay/<ms>", "answers after that many milliseconds; ?jitter=20 adds up to 20 more" },
      RP_SLICE("/delay/"),
      true,
      handle_delay },
    { { "/status/<code>", "answers with that status, 200 to 599" },
      RP_SLICE("/status/"),
      true,
      handle_status },
    { { "/redirect/<n>", "leads to /redirect/<n-1>, and so on; /redirect/0 is an answer" },
      RP_SLICE("/redirect/"),
      true,
      handle_redirect },
    { { "/bytes/<n>", "a body of n bytes" }, RP_SLICE("/bytes/"), true, handle_bytes },
    { { "/chunked/<n>", "a body of n bytes in chunks of at most 4096" },
      RP_SLICE("/chunked/"),
      true,
      handle_chunked },
    { { "/slow/<rate>", "a body of 1000 bytes, or ?bytes=500, at that many bytes per second" },
      RP_SLICE("/slow/"),
      true,
      handle_slow },
    { { "/echo", "the request's body and content type, at most 1 MiB" },
      RP_SLICE("/echo"),
      false,
      handle_echo },
    { { "/headers", "the request's headers as a JSON object" },
      RP_SLICE("/headers"),
      false,
      handle_headers },
    { { "/ws", "a WebSocket whose messages, at most 1 MiB, come back" },
      RP_SLICE("/ws"),
      false,
      handle_ws },
    { { "/grpc.<service>/<method>", "a call of gRPC: its TestService, reflection, health" },
      RP_SLICE("/grpc."),
      true,
      handle_grpc },
    { { "/close", "answers, then closes the connection" },
      RP_SLICE("/close"),
      false,
      handle_close },
    { { "/reset", "resets the connection instead of answering" },
      RP_SLICE("/reset"),
      false,
      handle_reset },
    { { "/hang", "never answers" }, RP_SLICE("/hang"), false, handle_hang },
    { { "/garbage", "answers with bytes that are not HTTP, then closes" },
      RP_SLICE("/garbage"),
      false,
      handle_garbage },
    { { "/extra", "a complete answer, and bytes that belong to none" },
      RP_SLICE("/extra"),
      false,
      handle_extra },
};

const struct rp_target_endpoint *rp_target_endpoint(size_t index)
{
    return index < RP_ARRAY_LEN(endpoints) ? &endpoints[index].doc : NULL;
}

void rp_target_print_endpoints(FILE *out)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(endpoints); i++)
        fprintf(out, "  %-24s  %s\n", endpoints[i].doc.path, endpoints[i].doc.summary);
}

int rp_target_constant_index(struct rp_slice path)
{
    for (int i = 0; i < RP_TARGET_CONSTANTS; i++) {
        if (rp_slice_eq(path, endpoints[i].prefix))
            return i;
    }
    return -1;
}

static bool matches(const struct endpoint *endpoint, struct rp_slice path)
{
    struct rp_slice prefix = endpoint->prefix;

    if (!endpoint->has_arg)
        return rp_slice_eq(path, prefix);
    return path.len >= prefix.len && memcmp(path.ptr, prefix.ptr, prefix.len) == 0;
}

void rp_target_route(const struct rp_h1_request *request, struct rp_target_random *random,
                     struct rp_buf *stored, struct rp_target_reply *ret)
{
    struct call call = { .request = request, .random = random, .stored = stored, .reply = ret };

    for (size_t i = 0; i < RP_ARRAY_LEN(endpoints); i++) {
        size_t prefix_len = endpoints[i].prefix.len;

        if (matches(&endpoints[i], request->path)) {
            call.arg = rp_slice(request->path.ptr + prefix_len, request->path.len - prefix_len);
            endpoints[i].handle(&call);
            return;
        }
    }
    answer_text(ret, 404, RP_SLICE("there is nothing here; `rampa target` lists what there is\n"));
}

void rp_target_refuse(int status, struct rp_target_reply *ret)
{
    struct rp_slice text = RP_SLICE("this is not a request of HTTP/1.1\n");

    if (status == 413)
        text = RP_SLICE("the body is larger than 1 MiB\n");
    else if (status == 431)
        text = RP_SLICE("the head is larger than 8192 bytes or has more than 100 headers\n");
    else if (status == 501)
        text = RP_SLICE("the only transfer coding known here is chunked\n");
    else if (status == 505)
        text = RP_SLICE("HTTP/1.1 and HTTP/1.0 are spoken here\n");
    answer_text(ret, (uint16_t)status, text);
    ret->close = true;
}
