/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/templates.h - the prepared requests of calls without options.
 *
 * Guarantees: a URL that is a constant of the script is found by its address, without looking at
 * its text. At most RP_PY_TEMPLATES_MAX are kept for each method; one more, and all of that method
 * are forgotten.
 */

#include "python/drive/host.h"

enum { RP_PY_TEMPLATE_SLOTS = 1024, RP_PY_TEMPLATES_MAX = 4096, RP_PY_PLAIN_METHODS = 4 };

struct py_template { /* a prepared request */
    PyObject_HEAD struct rp_http_template *template;
};

struct template_slot {
    PyObject *url; /* strong */
    struct py_template *template;
};

struct py_templates {
    PyObject *by_text[RP_PY_PLAIN_METHODS];           /* dicts URL -> py_template */
    struct template_slot slots[RP_PY_TEMPLATE_SLOTS]; /* of GET, by the address of the URL */
};

/* Methods whose requests have neither body nor options in the common case; GET is the first. */
extern const char *const rp_py_plain_methods[RP_PY_PLAIN_METHODS];

/* Makes host->templates, and frees it. -ENOMEM, perhaps with an exception. */
RP_NODISCARD int rp_py_templates_new(struct py_host *host);
void rp_py_templates_free(struct py_host *host);

/* The text of @url, which is a str or an object of a class called URL (yarl's, httpx's). A new
 * reference, or NULL with an exception. */
PyObject *rp_py_url_text(PyObject *url);
/* @url as above. @method: an index of rp_py_plain_methods. A new reference, or NULL with an exception. */
struct py_template *rp_py_template_find(struct py_host *host, int method, PyObject *url);
/* The same for GET: a borrowed reference, which the slot keeps alive. */
struct py_template *rp_py_template_find_get(struct py_host *host, PyObject *url);
