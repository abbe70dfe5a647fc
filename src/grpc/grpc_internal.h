/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * grpc/grpc_internal.h - what the files of the gRPC client share.
 */

#include "grpc/grpc.h"
#include "plan/metrics.h"

/* What of an answer cannot be taken. The call ends for it, with a status of its own. */
enum problem {
    NO_PROBLEM,
    PROBLEM_MEMORY,
    PROBLEM_FLAG,        /* the body is no row of messages */
    PROBLEM_SIZE,        /* a message is too large */
    PROBLEM_UNSAID,      /* a message is compressed, and the server has not said how */
    PROBLEM_CODING,      /* it is compressed in a way that the client does not know */
    PROBLEM_COMPRESSED,  /* it cannot be decompressed */
    PROBLEM_TRUNCATED,   /* the body ends within a message */
    PROBLEM_NO_MESSAGE,  /* a call that has one response has none */
    PROBLEM_TWO_MESSAGES /* or more than one */
};

/* How messages that come are compressed, by the field grpc-encoding. */
enum coding { CODING_NONE, CODING_GZIP, CODING_OTHER };

/* The series that one kind of outcome of one method is recorded into. */
struct outcome_series {
    const struct rp_tags *base; /* the VU's tags; NULL = unused entry */
    uint8_t status;
    int error_code;
    struct rp_series *reqs, *failed, *duration;
};

/* The series of a stream that do not depend on how it ends. */
struct stream_series {
    const struct rp_tags *base; /* NULL = there are none yet */
    struct rp_series *streams, *sent, *received;
};

/* Bytes on the wire, by the VU's tags only. */
struct wire_series {
    const struct rp_tags *base;
    struct rp_series *sent, *received;
};

enum { OUTCOMES = 4 };

struct rp_grpc_method {
    struct rp_grpc_client *client;
    unsigned refs;
    struct rp_http_template *template;
    char *path, *service, *method, *url, *name;
    struct rp_header *tags; /* owned texts */
    size_t tag_count;
    rp_ns deadline;
    size_t message_max;
    enum rp_grpc_compression compression;
    bool is_stream, has_one_response, is_unmeasured;
    struct outcome_series outcomes[OUTCOMES];
    unsigned next_outcome;
    struct stream_series stream;
    struct wire_series wire;
};

struct rp_grpc_client {
    struct rp_http_client *http;
    struct rp_loop *loop;
    struct rp_registry *registry;
    const struct rp_metric *metrics[RP_BUILTIN_COUNT];
    struct rp_decoder *decoder;           /* of compressed messages; NULL until there is one */
    struct rp_exchanges failed;           /* kept, and not taken yet */
    struct rp_unfinished_list unfinished; /* interrupted, and not taken yet */
};

/* ---- samples.c ---- */

RP_NODISCARD int rp_grpc_declare_metrics(struct rp_grpc_client *client);
/* A stream begins: its series are looked up. */
void rp_grpc_record_begin(struct rp_grpc_call *call);
/* How much of the end of a call is recorded. */
enum recorded { RECORD_ALL, RECORD_NO_FAILURE, RECORD_UNFINISHED };
void rp_grpc_record_end(struct rp_grpc_call *call, enum recorded how);

/* ---- exchanges.c ---- */

/* Keeps a failed call that has just ended, if it is one of the first ones of its kind. */
RP_COLD void rp_grpc_keep_failed(const struct rp_grpc_call *call);

/* ---- status.c ---- */

/* Appends @bytes, without their compression, to @out, whose maximum is that of a message. False with
 * call->problem set. */
bool rp_grpc_decompress(struct rp_grpc_call *call, struct rp_slice bytes, struct rp_buf *out);

/* Looks at the head of the answer. */
void rp_grpc_note_head(struct rp_grpc_call *call);
/* Fills in status, text and error_code of a call whose HTTP call has ended. */
void rp_grpc_judge(struct rp_grpc_call *call);
/* The same for a call that the client ends itself, for call->problem or because it is cancelled. */
void rp_grpc_judge_own(struct rp_grpc_call *call);
/* A field of the metadata behind the messages, or of an answer that has nothing but its head. */
void rp_grpc_note_trailer(struct rp_grpc_call *call, struct rp_slice name, struct rp_slice value);
