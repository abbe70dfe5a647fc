/* SPDX-License-Identifier: MIT */

/* The fields of `exchange`: a part of the table of messages (messages.c). */

#include "wire/wire_internal.h"

#define KEY(of, member)                                                                            \
    .key = { #member, sizeof(#member) - 1 }, .offset = offsetof(struct of, member)
#define NOT_NEGATIVE .min = 0, .max = INT64_MAX

static const struct rp_row body_rows[] = {
    { KEY(rp_exchange_body, text), RP_ROW_TEXT,
      .meaning = "the start of it, in lines; nil when it is no text, or nobody has it any more" },
    { KEY(rp_exchange_body, bytes), RP_ROW_U64, .meaning = "of all of it, as it was sent" },
    { KEY(rp_exchange_body, start), RP_ROW_U64, .meaning = "of these, how many are in the text" },
};

const struct rp_table rp_body_table = { .name = "body",
                                        .meaning =
                                            "The start of the body of a request or an answer.",
                                        .size = sizeof(struct rp_exchange_body),
                                        .rows = body_rows,
                                        .count = RP_ARRAY_LEN(body_rows) };

#define EXCHANGE_TIME(member, meaning_)                                                            \
    {                                                                                              \
        KEY(rp_exchange, member), RP_ROW_I64, NOT_NEGATIVE, .meaning = (meaning_)                  \
    }

const struct rp_row rp_exchange_rows[] = {
    { KEY(rp_exchange, name), RP_ROW_TEXT, .meaning = "what the script calls it, or its URL" },
    { KEY(rp_exchange, scenario), RP_ROW_TEXT, .meaning = "its name; nil outside of scenarios" },
    { KEY(rp_exchange, url), RP_ROW_TEXT, .meaning = "without user name and password" },
    { KEY(rp_exchange, remote), RP_ROW_TEXT,
      .meaning = "address and port that it went to; nil when there was none yet" },
    { KEY(rp_exchange, proto), RP_ROW_TEXT, .meaning = "of the answer, such as `HTTP/1.1`" },
    { KEY(rp_exchange, tls_version), RP_ROW_TEXT, .meaning = "of the answer, such as `tls1.3`" },
    { KEY(rp_exchange, error), RP_ROW_TEXT, .meaning = "why there is no answer" },
    { KEY(rp_exchange, vu), RP_ROW_I64, NOT_NEGATIVE, .meaning = "number of its VU; 0 = none" },
    { KEY(rp_exchange, iteration), RP_ROW_U64, .meaning = "of the scenario, from 0" },
    { KEY(rp_exchange, status), RP_ROW_U32, .max = 999, .meaning = "0 = there is no answer" },
    { KEY(rp_exchange, error_code), RP_ROW_U32, .max = 65535,
      .meaning = "as in the tag `error_code`; 0 = it has none" },
    { KEY(rp_exchange, is_failed), RP_ROW_BOOL,
      .meaning = "false of a request that was interrupted: that is judged at the end" },
    { KEY(rp_exchange, wall_ns), RP_ROW_I64, .meaning = "when it ended, since 1970" },
    EXCHANGE_TIME(blocked, "how long it waited before it was sent"),
    EXCHANGE_TIME(looking_up, "how long its host was looked up"),
    EXCHANGE_TIME(connecting, "how long its connection was opened"),
    EXCHANGE_TIME(tls_handshaking, "how long its connection shook hands"),
    EXCHANGE_TIME(sending, "how long it was sent"),
    EXCHANGE_TIME(waiting, "how long it waited for the first byte of the answer"),
    EXCHANGE_TIME(receiving, "how long the answer was received"),
    { KEY(rp_exchange, request_head), RP_ROW_TEXT,
      .meaning = "lines: the request line, and the fields; secrets are masked" },
    { KEY(rp_exchange, response_head), RP_ROW_TEXT, .meaning = "likewise, of the answer" },
    { KEY(rp_exchange, request_body), RP_ROW_STRUCT, .table = &rp_body_table,
      .meaning = "its body" },
    { KEY(rp_exchange, response_body), RP_ROW_STRUCT, .table = &rp_body_table,
      .meaning = "that of the answer" },
};
