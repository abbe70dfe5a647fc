/* SPDX-License-Identifier: MIT */

/*
 * A call under way. What comes is kept as it is, and is looked at once to see where messages end; a
 * message is taken out of it when the caller asks for it. When many bytes wait, and among them a whole
 * message, the stream is paused, so that a fast server waits for a slow script. A call with one
 * response is never paused: nobody takes that before the end, and a second message ends the call.
 */

#include <errno.h>

#include "grpc/grpc_internal.h"
#include "proto/gzip.h"

/* Bytes that wait: from so many on the stream is paused, and below so few it goes on. */
enum {
    PAUSE_AT = 256 * 1024,
    GO_ON_AT = 64 * 1024,
    KEPT_MAX = 64 * 1024,
    TRAILERS_MAX = 64 * 1024
};
/* Of a call without a deadline. */
#define FOR_EVER (RP_S * 86400 * 365 * 100)

static struct rp_grpc_call *of_http(struct rp_http_call *http)
{
    return rp_container_of(http, struct rp_grpc_call, http);
}

static void wake(struct rp_task *task)
{
    struct rp_grpc_call *call = rp_container_of(task, struct rp_grpc_call, task);

    call->wake(call);
}

static void wake_soon(struct rp_grpc_call *call)
{
    rp_loop_defer(call->method->client->loop, &call->task, wake);
}

void rp_grpc_nudge(struct rp_grpc_call *call)
{
    wake_soon(call);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static int body_next(struct rp_http_body *body, struct rp_slice *ret)
{
    struct rp_grpc_call *call = rp_container_of(body, struct rp_grpc_call, body);
    struct rp_buf spare = call->sending;

    if (!call->is_again) {
        if (!call->out.len)
            return call->is_half_closed ? 0 : -EAGAIN;
        if (spare.cap > KEPT_MAX)
            rp_buf_deinit(&spare);
        rp_buf_reset(&spare);
        call->sending = call->out;
        call->out = spare;
        call->pieces++;
        if (call->method->is_stream)
            wake_soon(call);
    }
    call->is_again = false;
    *ret = rp_buf_slice(&call->sending);
    return 0;
}

/* The first piece is kept until there is a second one. */
static int body_rewind(struct rp_http_body *body)
{
    struct rp_grpc_call *call = rp_container_of(body, struct rp_grpc_call, body);

    if (call->pieces > 1)
        return -ESPIPE;
    call->is_again = call->pieces == 1;
    return 0;
}

static const struct rp_http_body_ops body_ops = { .next = body_next, .rewind = body_rewind };

static int append(struct rp_grpc_call *call, struct rp_slice message)
{
    struct rp_buf packed;
    int r;

    rp_buf_init(&packed, RP_GRPC_MESSAGE_MAX);
    if (call->method->compression == RP_GRPC_GZIP)
        rp_gzip_compress(message, &packed);
    r = packed.error;
    /* One that does not become shorter is sent as it is. */
    if (r == 0 && call->method->compression == RP_GRPC_GZIP && packed.len < message.len)
        message = rp_buf_slice(&packed);
    if (r == 0)
        r = rp_buf_reserve(&call->out, RP_GRPC_PREFIX + message.len);
    if (r == 0)
        rp_grpc_append(&call->out, message, message.ptr == packed.data && message.len);
    call->out.error = 0; /* the call goes on without the message */
    rp_buf_deinit(&packed);
    return r < 0 ? -ENOMEM : 0;
}

int rp_grpc_send(struct rp_grpc_call *call, struct rp_slice message)
{
    int r;

    rp_assert(!call->is_half_closed);
    if (call->has_ended)
        return 0;
    if (!call->out.max)
        rp_buf_init(&call->out, SIZE_MAX);
    r = append(call, message);
    if (r < 0)
        return r;
    call->gone++;
    call->gone_bytes += message.len;
    if (call->sent)
        rp_series_count(call->sent, 1);
    else if (!rp_grpc_is_running(call))
        call->early++;
    if (rp_grpc_is_running(call))
        rp_http_body_ready(&call->http);
    return 0;
}

size_t rp_grpc_unsent(const struct rp_grpc_call *call)
{
    return call->out.len;
}

void rp_grpc_half_close(struct rp_grpc_call *call)
{
    if (call->is_half_closed)
        return;
    call->is_half_closed = true;
    if (rp_grpc_is_running(call))
        rp_http_body_ready(&call->http);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void take_head(struct rp_http_call *http, rp_ns sent, rp_ns at)
{
    struct rp_grpc_call *call = of_http(http);

    rp_grpc_note_head(call);
    call->has_head = true;
    if (call->method->is_stream)
        wake_soon(call);
}

static void take_trailer(struct rp_http_call *http, struct rp_slice name, struct rp_slice value)
{
    rp_grpc_note_trailer(of_http(http), name, value);
}

/* Forgets what was taken. */
static void make_room(struct rp_grpc_call *call)
{
    if (call->taken == call->in.len) {
        rp_buf_reset(&call->in);
    } else if (call->taken >= GO_ON_AT) {
        rp_buf_consume(&call->in, call->taken);
    } else {
        return;
    }
    call->scanned -= call->taken;
    call->taken = 0;
}

/* An empty buffer may have no address. */
static struct rp_slice from(const struct rp_grpc_call *call, size_t start)
{
    return start < call->in.len ? rp_slice(call->in.data + start, call->in.len - start)
                                : (struct rp_slice){ 0 };
}

static int refuse(struct rp_grpc_call *call, enum problem problem)
{
    call->problem = (uint8_t)problem;
    return -EMSGSIZE;
}

/* Puts a message in the place of @packed, a compressed one that begins at call->scanned. *@rest is what
 * follows, and does so afterwards. -errno with call->problem set. */
static int unpack(struct rp_grpc_call *call, struct rp_slice packed, struct rp_slice *rest)
{
    size_t len = rest->len;
    struct rp_buf plain, behind;
    int r = 0;

    if (call->coding != CODING_GZIP)
        return refuse(call, call->coding == CODING_NONE ? PROBLEM_UNSAID : PROBLEM_CODING);
    rp_buf_init(&plain, call->method->message_max);
    rp_buf_init(&behind, SIZE_MAX);
    rp_buf_append_slice(&behind, *rest);
    if (!rp_grpc_decompress(call, packed, &plain)) {
        r = -EMSGSIZE;
    } else {
        call->in.len = call->scanned;
        rp_grpc_append(&call->in, rp_buf_slice(&plain), false);
        rp_buf_append_slice(&call->in, rp_buf_slice(&behind));
        if (behind.error || call->in.error)
            r = refuse(call, PROBLEM_MEMORY);
        else
            *rest = rp_slice(call->in.data + call->in.len - len, len);
    }
    rp_buf_deinit(&plain);
    rp_buf_deinit(&behind);
    return r;
}

/* Finds the ends of messages in what has come, and undoes their compression. */
static int scan(struct rp_grpc_call *call)
{
    struct rp_slice rest = from(call, call->scanned);
    struct rp_grpc_message message;

    for (;;) {
        switch (rp_grpc_next(&rest, call->method->message_max, &message)) {
        case RP_GRPC_MORE:
            return 0;
        case RP_GRPC_BAD_FLAG:
            return refuse(call, PROBLEM_FLAG);
        case RP_GRPC_TOO_LARGE:
            call->problem_size = message.size;
            return refuse(call, PROBLEM_SIZE);
        case RP_GRPC_MESSAGE:
            if (message.is_compressed && unpack(call, message.bytes, &rest) < 0)
                return -EMSGSIZE;
            call->scanned = call->in.len - rest.len;
            call->ready++;
            call->came_bytes += message.bytes.len;
            if (++call->came > 1 && call->method->has_one_response)
                return refuse(call, PROBLEM_TWO_MESSAGES);
            if (call->received)
                rp_series_count(call->received, 1);
        }
    }
}

static int take_data(struct rp_http_call *http, struct rp_slice bytes, rp_ns at)
{
    struct rp_grpc_call *call = of_http(http);
    unsigned ready = call->ready;
    int r;

    if (call->is_no_grpc)
        return 0;
    make_room(call);
    rp_buf_append_slice(&call->in, bytes);
    r = call->in.error ? call->in.error : scan(call);
    if (r < 0)
        return r;
    if (!call->is_paused && !call->method->has_one_response && call->ready &&
        call->in.len - call->taken >= PAUSE_AT) {
        call->is_paused = true;
        rp_http_pause(http);
    }
    if (call->method->is_stream && call->ready > ready)
        wake_soon(call);
    return 0;
}

static const struct rp_http_reader reader = { .head = take_head,
                                              .data = take_data,
                                              .trailer = take_trailer };

static void go_on(struct rp_grpc_call *call)
{
    if (!call->is_paused || (call->ready && call->in.len - call->taken > GO_ON_AT))
        return;
    call->is_paused = false;
    rp_http_go_on(&call->http);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void end(struct rp_grpc_call *call, enum recorded how)
{
    rp_task_cancel(&call->task);
    call->has_head = call->has_ended = true;
    rp_grpc_record_end(call, how);
}

static void done(struct rp_http_call *http)
{
    struct rp_grpc_call *call = of_http(http);
    struct rp_grpc_method *method = call->method;

    rp_grpc_judge(call);
    end(call, RECORD_ALL);
    call->wake(call);
    rp_grpc_method_unref(method);
}

bool rp_grpc_receive(struct rp_grpc_call *call, struct rp_slice *ret)
{
    struct rp_slice rest = from(call, call->taken);
    struct rp_grpc_message message;

    if (!call->ready || rp_grpc_next(&rest, SIZE_MAX, &message) != RP_GRPC_MESSAGE)
        return false;
    call->ready--;
    call->taken = call->in.len - rest.len;
    go_on(call);
    *ret = message.bytes;
    return true;
}

void rp_grpc_cancel(struct rp_grpc_call *call, enum rp_grpc_end how)
{
    struct rp_grpc_method *method = call->method;

    if (!rp_grpc_is_running(call))
        return;
    call->http.is_left = how == RP_GRPC_LEAVE;
    if (how == RP_GRPC_INTERRUPT)
        rp_http_interrupt(&call->http);
    else
        rp_http_cancel(&call->http, how != RP_GRPC_ABANDON);
    rp_task_cancel(&call->task);
    call->has_head = call->has_ended = true;
    rp_grpc_judge_own(call);
    if (how == RP_GRPC_LEAVE)
        call->error_code = 0;
    if (how != RP_GRPC_ABANDON)
        rp_grpc_record_end(call, how == RP_GRPC_LEAVE       ? RECORD_NO_FAILURE
                                 : how == RP_GRPC_INTERRUPT ? RECORD_UNFINISHED
                                                            : RECORD_ALL);
    rp_grpc_method_unref(method);
}

/* ---- life ------------------------------------------------------------------------------------ */

int rp_grpc_start(struct rp_http_session *session, struct rp_grpc_call *call)
{
    const struct rp_grpc_method *method = call->method;
    int r;

    rp_buf_init(&call->in, SIZE_MAX);
    rp_buf_init(&call->trailers, TRAILERS_MAX);
    rp_buf_init(&call->text, TRAILERS_MAX);
    if (!call->out.max)
        rp_buf_init(&call->out, SIZE_MAX);
    rp_buf_init(&call->sending, SIZE_MAX);
    call->body.ops = &body_ops;
    call->wire_tags = call->tags;
    if (method->is_unmeasured)
        call->tags = NULL;
    call->session = session;
    call->http.template = method->template;
    call->http.response = &call->response;
    call->http.tags = call->tags;
    call->http.timeout = method->deadline ? method->deadline : FOR_EVER;
    call->http.keep_coding = true;
    call->http.reader = &reader;
    call->http.done = done;
    r = rp_http_start_with(session, &call->http, &call->body);
    if (r < 0)
        return r;
    rp_grpc_method_ref(call->method);
    if (method->is_stream)
        rp_grpc_record_begin(call);
    return 0;
}

void rp_grpc_deinit(struct rp_grpc_call *call)
{
    rp_assert(!rp_grpc_is_running(call));
    rp_task_cancel(&call->task);
    rp_buf_deinit(&call->in);
    rp_buf_deinit(&call->out);
    rp_buf_deinit(&call->sending);
    rp_buf_deinit(&call->text);
    rp_buf_deinit(&call->trailers);
    rp_http_response_deinit(&call->response);
}
