/* SPDX-License-Identifier: MIT */

/* What a browser is shown: the live page, and what is there before it. */

#include <stdio.h>

#include "report/report.h"
#include "serve/serve_internal.h"

static enum MHD_Result queue_html(struct MHD_Connection *connection, unsigned status,
                                  const struct rp_buf *html, const char *cookie)
{
    struct MHD_Response *response;

    if (html->error)
        return MHD_NO;
    response = MHD_create_response_from_buffer(html->len, html->data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Security-Policy", "frame-ancestors 'none'");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    if (cookie)
        MHD_add_response_header(response, "Set-Cookie", cookie);
    return rp_serve_queue(connection, status, response, "text/html; charset=utf-8");
}

/* A page of few words. @head and @body: HTML. */
static enum MHD_Result queue_words(struct MHD_Connection *connection, unsigned status,
                                   const char *head, const char *body, const char *cookie)
{
    struct rp_buf html;
    enum MHD_Result r;

    rp_buf_init(&html, RP_SERVE_ANSWER_MAX);
    rp_buf_appendf(&html,
                   "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n"
                   "<link rel=\"icon\" href=\"data:,\">\n%s<title>rampa</title>\n%s</html>\n",
                   head, body);
    r = queue_html(connection, status, &html, cookie);
    rp_buf_deinit(&html);
    return r;
}

enum MHD_Result rp_serve_page(struct MHD_Connection *connection)
{
    enum MHD_Result r;
    struct rp_buf html;

    rp_buf_init(&html, RP_SERVE_ANSWER_MAX);
    r = rp_report_write_live(&html) == 0 ? queue_html(connection, MHD_HTTP_OK, &html, NULL)
                                         : MHD_NO;
    rp_buf_deinit(&html);
    return r;
}

/* A redirect would not do: the browser sends a strict cookie only when a page of this server, and no
 * other one, has led there. */
enum MHD_Result rp_serve_page_let_in(const struct rp_serve *serve,
                                     struct MHD_Connection *connection)
{
    char cookie[RP_TOKEN_SIZE + 96];

    snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", serve->cookie,
             serve->session, serve->is_tls ? "; Secure" : "");
    return queue_words(connection, MHD_HTTP_OK,
                       "<meta http-equiv=\"refresh\" content=\"0; url=/\">\n",
                       "<p><a href=\"/\">The page of the run</a></p>\n", cookie);
}

enum MHD_Result rp_serve_page_keep_out(struct MHD_Connection *connection)
{
    return queue_words(connection, MHD_HTTP_UNAUTHORIZED, "",
                       "<h1>This address does not open the page</h1>\n"
                       "<p>An address of the page of a run lets one browser in, once. This one was "
                       "used, or is not right.</p>\n"
                       "<p>Where the run was started, <code>rampa status --browser</code> prints a "
                       "new address.</p>\n",
                       NULL);
}
