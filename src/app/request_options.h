/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/request_options.h - the header fields and the body that the options about requests give to
 * each request of `rampa run URL`.
 */

#include <stdbool.h>

#include "app/cli.h"
#include "base/buf.h"
#include "proto/cookie.h"
#include "script/requests.h"

enum { RP_REQUEST_HEAD_MAX = 256 * 1024 };

struct rp_request_options {
    struct rp_buf
        headers; /* of struct rp_header; texts of the command line and of the members below */
    struct rp_buf body;
    bool has_body, is_json;
    struct rp_buf files; /* private: the texts of files of header fields */
    struct rp_slice digest_user,
        digest_password;   /* for challenges; an empty user = there is none */
    struct rp_buf cookies; /* private: the value of the field Cookie */
    struct rp_buf auth;    /* private: the value of the field Authorization, or user and password */
    struct rp_buf kind;    /* private: the Content-Type of a form */
};

/* Makes the body of the fields that --form gives, if there are any (request_form.c). For
 * rp_request_options_init(). */
RP_NODISCARD int rp_request_options_form(struct rp_request_options *options,
                                         const struct rp_cli *cli, struct rp_error *err);
/* Reads the files that the options name. 0; -RP_EUSER with @err; -ENOMEM. @ret is to be freed in
 * every case. */
RP_NODISCARD int rp_request_options_init(struct rp_request_options *ret, const struct rp_cli *cli,
                                         struct rp_error *err);
void rp_request_options_deinit(struct rp_request_options *options);
