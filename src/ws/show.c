/* SPDX-License-Identifier: MIT */

/* What people are shown of messages and of the end of a session, behind the request that opens it: with `--once`
 * and `--http-debug`. */

#include "base/text.h"
#include "http/trace.h"
#include "ws/ws_internal.h"

enum { LINES_MAX = 1 << 16, TEXT_COLS = 1000 };

/* Without memory it is lost, as everything soon will be. */
static void show(struct rp_ws_session *session, struct rp_buf *lines)
{
    const char *scenario = session->tags ? rp_tags_get(session->tags, "scenario") : NULL;
    struct rp_exchange who = { .scenario = rp_slice_str(scenario ? scenario : "") };
    struct rp_buf url;

    rp_buf_init(&url, LINES_MAX);
    rp_trace_append_url(&url, rp_http_template_url(session->template));
    who.url = rp_buf_slice(&url);
    rp_http_session_who(session->user->http, &who.vu, &who.iteration);
    if (!lines->error && !url.error)
        rp_http_show_lines(session->user->http_client, &who, rp_buf_slice(lines));
    rp_buf_deinit(&url);
    rp_buf_deinit(lines);
}

void rp_ws_show_message(struct rp_ws_session *session, const char *mark, enum rp_ws_event kind,
                        struct rp_slice payload)
{
    enum rp_http_shown shown = rp_http_shows(session->user->http_client);
    struct rp_buf lines, text;
    size_t start = 0;

    if (!shown)
        return;
    rp_buf_init(&lines, LINES_MAX);
    rp_buf_init(&text, LINES_MAX);
    if (shown == RP_HTTP_SHOWN_WHOLE)
        start = rp_trace_append_body(&text, payload, payload.len);
    rp_buf_appendf(&lines, "%s(%s message, %zu byte%s", mark,
                   kind == RP_WS_TEXT ? "text" : "binary", payload.len,
                   payload.len == 1 ? "" : "s");
    if (start && start < payload.len)
        rp_buf_appendf(&lines, ", the first %zu of them", start);
    rp_buf_append_str(&lines, start ? ":)\n" : ")\n");
    rp_exchange_write_lines(&lines, mark, rp_buf_slice(&text));
    if (text.error)
        lines.error = text.error;
    rp_buf_deinit(&text);
    show(session, &lines);
}

void rp_ws_show_close(struct rp_ws_session *session, const char *mark, unsigned code,
                      struct rp_slice reason)
{
    struct rp_buf lines;

    rp_buf_init(&lines, LINES_MAX);
    rp_buf_appendf(&lines, "%s(close frame", mark);
    if (code == RP_WS_NO_CODE)
        rp_buf_append_str(&lines, " without a code");
    else
        rp_buf_appendf(&lines, ", code %u", code);
    if (reason.len) {
        rp_buf_append_str(&lines, ": ");
        rp_text_append(&lines, reason, TEXT_COLS);
    }
    rp_buf_append_str(&lines, ")\n");
    show(session, &lines);
}

void rp_ws_show_error(struct rp_ws_session *session)
{
    struct rp_buf lines;

    rp_buf_init(&lines, LINES_MAX);
    rp_buf_append_str(&lines, "! ");
    rp_text_append(&lines, rp_slice_str(session->error), TEXT_COLS);
    rp_buf_append_str(&lines, "\n");
    show(session, &lines);
}
