/* SPDX-License-Identifier: MIT */

/* A response as its reader sees it. Its head is kept as HTTP/1 has sent it, or as proto/h2.h writes
 * it. */

#include "http/http.h"
#include "proto/h1.h"

bool rp_http_response_next_field(const struct rp_http_response *response, size_t *pos,
                                 struct rp_slice *ret_name, struct rp_slice *ret_value)
{
    return rp_h1_next_field(rp_buf_slice(&response->head), pos, ret_name, ret_value);
}

struct rp_slice rp_http_response_reason(const struct rp_http_response *response)
{
    return rp_h1_reason(rp_buf_slice(&response->head));
}

size_t rp_http_response_memory(const struct rp_http_response *response)
{
    return response->head.cap + response->body.cap;
}

void rp_http_response_deinit(struct rp_http_response *response)
{
    rp_buf_deinit(&response->head);
    rp_buf_deinit(&response->body);
}

const char *rp_http_version_text(enum rp_http_version version)
{
    static const char *const texts[] = {
        [RP_HTTP_1_0] = "HTTP/1.0", [RP_HTTP_1_1] = "HTTP/1.1", [RP_HTTP_2] = "HTTP/2.0"
    };

    return texts[version];
}
