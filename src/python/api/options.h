/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/options.h - the options of a call of worker.http: found by their names, checked, and
 * made into a prepared request and the settings of its call.
 */

#include "python/api/api_internal.h"

/* Numbers of the options. Most are taken apart in Python, by hooks.prepare_request(). The first two
 * may be given by position too. */
enum {
    O_METHOD,
    O_URL,
    O_HEADERS,
    O_PARAMS,
    O_JSON,
    O_DATA,
    O_NAME,
    O_TAGS,
    O_EXPECTED,
    O_COOKIES,
    O_AUTH,
    O_FILES,
    O_CHUNKED,
    O_EXPECT,
    O_PROXY,
    O_PROXY_AUTH,
    O_COMPRESS,
    O_OF_CALL, /* from here on what is said of the call, and not of the request */
    O_TIMEOUT = O_OF_CALL,
    O_DISCARD,
    O_DECOMPRESS,
    O_RAISE,
    O_MAX_HEAD,
    O_MAX_BODY,
    O_REDIRECTS,
    O_FOLLOW,
    O_MAX_REDIRECTS,
    O_VERIFY, /* from here on: see hooks.tls_options() */
    O_VERIFY_SSL,
    O_SSL,
    O_SSL_CONTEXT,
    O_CERT,
    O_TRACEPARENT, /* of the request again */
    O_RAISE_STATUS,
    O_COUNT
};

struct rp_py_options {
    PyObject *values[O_COUNT]; /* borrowed, NULL = not given */
};

/* Takes the keyword arguments of a call of worker.http.@function. -1 with an exception. */
int rp_py_options_take(struct py_host *host, const char *function, PyObject *const *values,
                       PyObject *kwnames, struct rp_py_options *ret);
/* The request that they describe; a reference. NULL with an exception. @ret_upload: its body, when
 * that is not whole bytes; @ret_source: what feeds it, a new reference. */
struct rp_http_template *rp_py_options_template(struct py_host *host, struct rp_slice method,
                                                const struct rp_py_options *options,
                                                struct py_upload **ret_upload,
                                                PyObject **ret_source);
/* What they say of the call itself. -1 with an exception. */
int rp_py_options_apply(const struct rp_py_options *options, struct rp_http_call *call,
                        bool *raise_errors);

/* stream.c: what worker.http.stream() returns. Takes @upload, which may be NULL. NULL with an
 * exception. */
PyObject *rp_py_stream_new(struct py_vu *vu, struct rp_http_template *template,
                           const struct rp_py_options *options, struct py_upload *upload);

/* ---- what other calls take too --------------------------------------------------------------- */

enum { RP_PY_PAIRS_MAX = 256 };
/* Fills @fields, of which there are so many, from a list of pairs of str, or of str and bytes. Returns
 * their number, or -1 with an exception. */
Py_ssize_t rp_py_take_pairs(PyObject *list, struct rp_header *fields);
/* @proxy: a tuple (text; what the summary is to say of it, or None). -1 with an exception. */
int rp_py_take_proxy(struct py_host *host, PyObject *proxy, struct rp_http_spec *spec);
