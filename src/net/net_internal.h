/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/net_internal.h - what only the files of this room and their tests see: the parts of the
 * resolver (dns.c keeps names and their answers, dns_ares.c asks c-ares on the loop), the inside
 * of a dial, and that of TLS.
 */

#include <openssl/ssl.h>

#include "base/buf.h"
#include "net/dial.h"
#include "net/dns.h"
#include "net/race.h"
#include "net/tls.h"

/* ---- the resolver ---- */

struct rp_resolver_options {
    const char *servers; /* "127.0.0.1:5353,..." instead of the system's; NULL = the system's */
    int timeout_ms;      /* of the first try; each round of the servers doubles it */
    int tries;
};

/* rp_resolver_new for tests with servers of their own. */
RP_NODISCARD int rp_resolver_new_with(struct rp_loop *loop,
                                      const struct rp_resolver_options *options,
                                      struct rp_resolver **ret);

struct rp_dns_answer {
    enum rp_dns_status status;
    const char *text; /* static; NULL when status is RP_DNS_OK */
    rp_ns lifetime;   /* how long it may be kept; 0 when status is not RP_DNS_OK */
    size_t count;
    struct rp_address addresses[RP_ADDRESSES_MAX];
};

struct rp_dns_channel;
struct rp_dns_question;
/* Runs when there is an answer, possibly inside rp_dns_ask: once, or a second time with more
 * addresses when one family was answered late. Not when the channel is freed first. Must not call
 * into the channel. */
typedef void rp_dns_answered_fn(struct rp_dns_question *question,
                                const struct rp_dns_answer *answer);

struct rp_dns_part { /* private: the question for the addresses of one family */
    struct rp_dns_question *question;
};

struct rp_dns_question { /* must stay until all of it is answered or the channel is freed */
    rp_dns_answered_fn *fn;
    struct rp_dns_channel *channel; /* private from here */
    struct rp_dns_part four, six;
    struct rp_timer timer; /* the resolution delay */
    unsigned under_way;    /* families that are not answered yet */
    bool is_told;
    struct rp_dns_answer gathered;
};

RP_NODISCARD int rp_dns_channel_new(struct rp_loop *loop, const struct rp_resolver_options *options,
                                    struct rp_dns_channel **ret);
void rp_dns_channel_free(struct rp_dns_channel *channel); /* NULL allowed */
/* Of @policy, the families. */
void rp_dns_channel_set_policy(struct rp_dns_channel *channel, const struct rp_dns_policy *policy);
/* Asks /etc/hosts, then for both families at once. What the first of them has is told 50 ms later
 * at the latest (the resolution delay of RFC 8305, 3), whatever becomes of the other. What a policy
 * prefers is told at once, and anything else waits for it. The RFC lets
 * an answer for IPv6 be used at once, because later addresses join the attempts that have begun.
 * Here they do not, and a server that listens on IPv4 only would be refused: both answers wait. */
void rp_dns_ask(struct rp_dns_channel *channel, struct rp_dns_question *question, const char *name);
static inline bool rp_dns_is_under_way(const struct rp_dns_question *question)
{
    return question->under_way > 0;
}

/* ---- a dial ---- */

enum rp_dial_phase { RP_DIAL_WAITING, RP_DIAL_LOOKING_UP, RP_DIAL_OPENING };

struct rp_dial {
    struct rp_dialler *dialler;
    struct rp_dial_spec spec;
    enum rp_dial_phase phase;
    rp_ns phase_began;
    rp_ns looking_up;      /* as far as it is over */
    bool is_far;           /* the further host is looked up */
    struct rp_timer timer; /* the end of the back-off, then the deadline */
    struct rp_lookup lookup;
    const struct rp_address *peer; /* that was connected; NULL = none was */
    struct rp_race race;           /* of several addresses */
    size_t count;
    struct rp_address addresses[RP_ADDRESSES_MAX];
};

/* ---- TLS ---- */

enum {
    TLS_RECORD = 16 * 1024,             /* the most bytes of plain text in one record */
    TLS_RECORD_ROOM = TLS_RECORD + 512, /* and encrypted, at the most */
    TLS_PLAIN = TLS_RECORD + 256,       /* what a record may have inside, padding included */
    TLS_SCRATCH = 64 * 1024,            /* several records are sent at once */
    TLS_HEADER = 5,                     /* of a record */
    TLS_RECORD_WHOLE = TLS_HEADER + TLS_PLAIN,
    TLS_TAG = 16,
    TLS_IV = 12,
    TLS_SECRET_MAX = 48,
    /* From this send of a connection on, records are sealed and opened without OpenSSL's layer. */
    TLS_TAKEN_OVER = 16,
    /* From this one on, it is long enough in use for that to pay. */
    TLS_LONG_USE = 64,
    TLS_EMPTIES_MAX = 32, /* as OpenSSL's */
    TLS_DETAIL = 200,
};

struct rp_tls_shared {
    struct rp_loop *loop;
    BIO_METHOD *bio;
    X509_STORE *system; /* the system's authorities; NULL until they are wanted */
    /* Connections whose step of a handshake waits for another turn, and what the steps of this turn
     * have taken. */
    struct rp_list delayed;
    rp_ns spent;
    struct rp_task turn_ends;
    /* Encrypted bytes on their way to the socket. What it does not take is moved away at once. */
    char scratch[TLS_SCRATCH];
    size_t scratch_len;
    struct rp_tls *filling; /* writes into the scratch at present */
    char plain[TLS_PLAIN];  /* what was received, or the parts of a send put together */
    /* What the verification of a certificate has found during this call of OpenSSL. */
    int verify_error; /* X509_V_...; 0 = nothing */
    enum rp_net_reason verify_reason;
    char detail[TLS_DETAIL];
};

struct rp_tls_context {
    struct rp_layer layer;
    struct rp_tls_shared *shared;
    SSL_CTX *ssl;
    int keylog;      /* -1 = none */
    bool notes_keys; /* connections are long in use, as far as known, so their keys are wanted */
    bool resumes;
    bool is_server;
};

/* TLS_ENDED: the user is being told of an end that the peer has told, and TCP is still open. */
enum tls_state { TLS_CLOSED, TLS_CONNECTING, TLS_SHAKING, TLS_OPEN, TLS_ENDED };

/* One direction of a connection with TLS 1.3. Each key numbers its records from 0. */
struct rp_tls_way {
    EVP_CIPHER_CTX
    *cipher;              /* NULL: OpenSSL seals or opens all records, and both numbers are equal */
    uint64_t next;        /* number of the next record on the wire */
    uint64_t next_of_ssl; /* and of the next one that OpenSSL reads or writes */
    unsigned char iv[TLS_IV];
    unsigned char secret[TLS_SECRET_MAX]; /* that the present key follows from */
    unsigned char secret_len;             /* 0 = unknown */
};

struct rp_tls {
    struct rp_transport transport;
    struct rp_tls_context *context;
    const char *host; /* borrowed */
    SSL *ssl;         /* NULL while closed */
    enum tls_state state;
    bool is_flushing;       /* a send below is under way */
    bool is_sending;        /* a send of the user is */
    bool got_bytes;         /* from the peer */
    bool got_tickets;       /* for which OpenSSL has made itself buffers */
    bool owes_sent;         /* sent() to the user of a server */
    bool owes_keys;         /* the server has changed its keys, and may want ours changed */
    bool is_held;           /* OpenSSL takes the user's send when it has the rest of a message */
    unsigned char empties;  /* records without bytes that have come one behind another */
    bool is_half_closed;    /* of servers: the client has said that it is done, or ended TCP */
    unsigned char first;    /* the first of them */
    unsigned uses;          /* sends of the user, which are counted up to TLS_LONG_USE */
    bool is_framed;         /* records are told apart and counted here, see tls_records.c */
    struct rp_slice in;     /* of what came, what OpenSSL has not taken */
    struct rp_slice out[2]; /* what is left of the user's send */
    /* Encrypted bytes that are no part of a send: those of handshakes, alerts. */
    struct rp_buf pending;
    char *rest;                     /* what the socket did not take; else NULL */
    struct rp_tls_tickets *tickets; /* or NULL */
    /* While a step of the handshake waits for another turn: what has come for it, and when. */
    struct rp_list node;
    struct rp_buf delayed;
    rp_ns delayed_at;
    struct rp_buf partial; /* the beginning of a record */
    struct rp_tls_way sent, received;
};

/* tls.c */

RP_NODISCARD int rp_tls_make(const struct rp_layer *layer, struct rp_transport *below,
                             const char *host, uint16_t port, struct rp_transport **ret);
/* Tells the user of an open connection that it is over, which closes it. */
void rp_tls_end(struct rp_tls *tls, const struct rp_net_failure *failure, rp_ns at);
/* Tells the user of a server that its client sends nothing more. */
void rp_tls_half_close(struct rp_tls *tls, rp_ns at);

/* tls_receive.c */

/* Hands the user what it has been sent in @bytes, which came at @at. The connection may be closed on
 * return. */
void rp_tls_take_bytes(struct rp_tls *tls, struct rp_slice bytes, rp_ns at);

/* tls_send.c */

/* Has what is pending, or what the user wants to send, asked for by the transport below. */
RP_NODISCARD int rp_tls_flush(struct rp_tls *tls);
/* fill() and keep() of the transport below. */
int rp_tls_fill(struct rp_transport *below, struct rp_slice *ret);
int rp_tls_keep(struct rp_transport *below, struct rp_slice *rest);
/* Sends what is pending before the connection is closed, as far as the socket takes it at once. */
void rp_tls_send_last(struct rp_tls *tls);

/* Does a step of the handshake, with bytes that came at @at. */
void rp_tls_step(struct rp_tls *tls, struct rp_slice bytes, rp_ns at);

/* tls_records.c */

/* For SSL_CTX_set_keylog_callback(): notes the secrets that keys follow from. */
void rp_tls_note_keys(struct rp_tls *tls, const char *line);
/* When the connection is let go. */
void rp_tls_forget_keys(struct rp_tls *tls);
/* For SSL_CTX_set_msg_callback(): notes that the server changes its keys. */
void rp_tls_message(int is_sent, int version, int type, const void *bytes, size_t len, SSL *ssl,
                    void *user);
/* Once the handshake is over: whether records are to be told apart from here on. */
bool rp_tls_frame(struct rp_tls *tls);
/* To be called once for each send, up to TLS_LONG_USE. */
void rp_tls_use(struct rp_tls *tls);
/* Writes a record with both parts, at most TLS_RECORD bytes, to @ret. Its length; 0 = OpenSSL cannot. */
size_t rp_tls_seal(struct rp_tls *tls, struct rp_slice a, struct rp_slice b, char *ret);
/* To be called with the records that OpenSSL has written, which are changed in place. @is_for_user: they
 * carry bytes of the user. False: they cannot be sent. */
RP_NODISCARD bool rp_tls_wrote(struct rp_tls *tls, char *bytes, size_t len, bool is_for_user);

/* How many bytes the record has that begins with @bytes; those of its header while that is not whole,
 * or when it is a wrong one, on which OpenSSL fails. */
size_t rp_tls_record_len(struct rp_slice bytes);
/* TLS_FOR_SSL_ANEW: after rp_tls_renumber_received(). TLS_WRONG: it cannot be opened. */
enum tls_record { TLS_FOR_USER, TLS_FOR_SSL, TLS_FOR_SSL_ANEW, TLS_WRONG };
/* Opens a whole record into @ret, TLS_PLAIN bytes, if it is for the user. */
enum tls_record rp_tls_open(struct rp_tls *tls, struct rp_slice record, char *ret, size_t *len);
/* Changes the record in place. False: no memory. */
RP_NODISCARD bool rp_tls_renumber_received(struct rp_tls *tls, char *record, size_t len);

/* tls_turn.c */

/* rp_tls_step(), now or in a later turn. -ENOMEM. */
RP_NODISCARD int rp_tls_step_in_turn(struct rp_tls *tls, struct rp_slice bytes, rp_ns at);

/* tls_tickets.c */

/* For SSL_CTX_sess_set_new_cb(). */
int rp_tls_new_session(SSL *ssl, SSL_SESSION *session);
/* Gives tls->ssl a ticket, if there is one. */
void rp_tls_resume(struct rp_tls *tls);
/* When a connection that has brought tickets is let go: what they share with it is freed. */
void rp_tls_slim_tickets(struct rp_tls_tickets *tickets);

/* tls_ssl.c */

BIO_METHOD *rp_tls_bio_new(void); /* NULL: no memory */
/* Makes tls->ssl, for a handshake with tls->host, or of a server. -ENOMEM may leave it there. */
RP_NODISCARD int rp_tls_prepare(struct rp_tls *tls);

/* tls_error.c */

/* For SSL_CTX_set_verify(): notes what is wrong with a certificate. */
int rp_tls_verified(int is_good, X509_STORE_CTX *store);
/* Why a call of OpenSSL for @tls has failed; empties OpenSSL's queue of errors. The detail stays
 * until the next call. */
struct rp_net_failure rp_tls_failure(struct rp_tls *tls);
/* Why a file cannot be used: "no start line", "No such file or directory". Empties OpenSSL's queue of
 * errors, which the caller has emptied before it opened the file. */
const char *rp_tls_take_words(void);

/* tls_context.c */

/* What holds for both ends of a connection. */
void rp_tls_set_modes(SSL_CTX *ssl);

/* tls_status.c */

/* For SSL_CTX_set_tlsext_status_cb(). */
int rp_tls_check_status(SSL *ssl, void *user);

/* tls_settings.c */

/* For SSL_CTX_set_keylog_callback(). */
void rp_tls_keylog(const SSL *ssl, const char *line);

/* Gives the SSL_CTX of @context what @settings say of certificates of the client, versions, ciphers
 * and keys for others. -RP_EUSER. */
RP_NODISCARD int rp_tls_apply(struct rp_tls_context *context,
                              const struct rp_tls_settings *settings, struct rp_error *err);
/* As open_system_store(), of one file. */
RP_NODISCARD int rp_tls_set_authorities(struct rp_tls_context *context, const char *file,
                                        struct rp_error *err);
