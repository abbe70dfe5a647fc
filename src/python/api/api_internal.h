/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/api_internal.h - the objects that a Worker gives out.
 */

#include "python/api/api.h"
#include "python/drive/op.h"

struct py_http {                    /* worker.http */
    PyObject_HEAD struct py_vu *vu; /* borrowed: it holds us; NULL once the run is over */
};

/* A body of a request that is not whole bytes. */
struct py_upload {
    struct py_host *host; /* borrowed: the request holds it */
    struct rp_http_body *body;
    struct rp_http_parts *parts; /* pieces of memory and of files, or NULL */
    PyObject *pieces;            /* list: what @parts borrows from, or what waits to be sent */
    struct rp_http_body feed;    /* the rest is of one that is fed */
    PyObject *sent, *on_drain;   /* what is being sent; what is called when more is wanted */
    size_t waiting;              /* bytes in pieces */
    bool is_begun, is_ended;
    struct rp_task task;
    rp_task_fn *drained;
};

struct py_request { /* what worker.http.get() returns */
    struct py_op op;
    struct rp_pystate *state;
    struct py_vu *vu;             /* strong: its session runs the call */
    struct py_response *response; /* strong */
    struct rp_http_call call;
    PyObject *weakrefs;
    struct rp_list node; /* of host->requests */
    bool raise_errors;
    struct py_upload *upload; /* NULL: the body is the template's */
    struct py_request *next_free;
};

struct py_response {
    PyObject_HEAD struct rp_pystate *state;
    struct rp_http_template *template; /* strong: method and URL */
    struct rp_http_response response;
    PyObject *status;                             /* an int; NULL until the script may see us */
    bool has_made;                                /* one of the following is there */
    PyObject *headers, *body, *timings, *history; /* made on demand */
    struct py_response *next_free;
};

/* The session of a VU, which is made when it is first asked for. NULL with an exception. */
struct rp_http_session *rp_py_session(struct py_vu *vu);
PyObject *rp_py_http_new(struct py_vu *vu);
struct py_request *rp_py_request_new(struct py_vu *vu, struct rp_http_template *template);
struct py_response *rp_py_response_new(struct rp_pystate *state);
/* Makes what scripts see of @self at once, and not on demand. Its request is over, or is a stream's
 * whose head has come; nothing was made before. -1 with an exception. */
int rp_py_response_show(struct py_response *self);
/* The RequestError of a request without a response; when it cannot be made, the exception that
 * prevents it. */
PyObject *rp_py_response_error(struct py_response *self);
/* Has @self come after @before, which was a redirect. -1 with an exception. */
int rp_py_response_follow(struct py_response *self, struct py_response *before);
PyObject *rp_py_execution_new(struct py_vu *vu);

/* The tags of what is measured now: those of the VU, or of the group that the running code is in. */
const struct rp_tags *rp_py_group_tags(struct py_vu *vu);
static inline const struct rp_tags *rp_py_vu_tags(struct py_vu *vu)
{
    return RP_LIKELY(!vu->has_grouped) ? vu->engine_vu->tags : rp_py_group_tags(vu);
}

/* Methods of Worker. */
PyObject *rp_py_vu_group(PyObject *self, PyObject *name);
PyObject *rp_py_vu_sleep(PyObject *self, PyObject *seconds);

/* ---- cookies.c: what the client says of its cookies ------------------------------------------ */

PyObject *rp_py_http_cookies(PyObject *self, void *unused);
PyObject *rp_py_cookies_list(PyObject *self, PyObject *url);
PyObject *rp_py_cookies_set(PyObject *self, PyObject *args);
PyObject *rp_py_cookies_remove(PyObject *self, PyObject *args);
/* A dict of the cookies that @response has set. NULL with an exception. */
PyObject *rp_py_response_cookies(const struct rp_http_response *response);

/* ---- upload.c -------------------------------------------------------------------------------- */

/* @body: a list of bytes and of tuples (descriptor, offset, size); anything else is fed by the
 * script. NULL with an exception. */
struct py_upload *rp_py_upload_new(struct py_host *host, PyObject *body);
void rp_py_upload_free(struct py_upload *upload); /* NULL is allowed */
/* Has whoever feeds @upload look, soon, whether more is wanted. NULL is allowed. */
void rp_py_upload_wake(struct py_upload *upload);
PyObject *rp_py_http_feed(PyObject *self, PyObject *args);
PyObject *rp_py_http_on_drain(PyObject *self, PyObject *args);

/* ---- http_context.c: methods of the client --------------------------------------------------- */

PyObject *rp_py_http_batch(PyObject *self, PyObject *requests);
PyObject *rp_py_http_close(PyObject *self, PyObject *unused);
PyObject *rp_py_http_enter(PyObject *self, PyObject *unused);
PyObject *rp_py_http_exit(PyObject *self, PyObject *args);
