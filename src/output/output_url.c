/* SPDX-License-Identifier: MIT */
#include "output/output_url.h"

#include "http/http.h"

int rp_output_url_parse(const char *text, struct rp_url *ret, struct rp_error *err)
{
    struct rp_error its = { 0 };
    int r = rp_http_check_url(rp_slice_str(text), &its);

    if (r == 0)
        r = rp_url_parse(rp_slice_str(text), ret, &its);
    rp_error_deinit(&its);
    if (r != -RP_EUSER)
        return r;
    rp_error_set(err, r, "the destination is no URL of http or https");
    rp_error_hint(err, "it begins with http://HOST:PORT");
    return r;
}

void rp_output_url_show(const struct rp_url *url, struct rp_buf *out)
{
    rp_buf_append_slice(out, url->scheme);
    rp_buf_append_str(out, "://");
    rp_url_append_authority(url, out);
}
