/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/websocket.h - worker.ws: the client, the sessions that it opens, and what a script waits
 * for of them.
 *
 * A WebSocketSession (websocket.c) holds the session of the room ws. A Wait (websocket_wait.c) is one
 * wait for something of it: that it opens, that a message was sent, that one comes. Any number of them
 * may be under way; each holds the session, and the session's list holds them. What a call of
 * connect() says is taken apart in websocket_connect.c.
 */

#include "python/api/api_internal.h"
#include "ws/ws.h"

enum py_wait_kind {
    PY_WAIT_OPEN,
    PY_WAIT_ENTER, /* async with, of a session that is open */
    PY_WAIT_SEND,
    PY_WAIT_RECEIVE,
    PY_WAIT_NEXT, /* async for */
    PY_WAIT_PING,
    PY_WAIT_CLOSE,
    PY_WAIT_REQUEST,
    PY_WAIT_CLOSE_ALL, /* of the client */
};

struct py_ws_client {               /* worker.ws */
    PyObject_HEAD struct py_vu *vu; /* borrowed: it holds us; NULL once the run is over */
};

struct py_socket { /* a WebSocketSession */
    PyObject_HEAD struct rp_pystate *state;
    struct py_vu *vu;              /* strong */
    struct py_response *response;  /* strong: the server's answer */
    struct rp_ws_session *session; /* NULL when it was left */
    struct rp_list waits;          /* under way, each a reference */
    struct rp_list left_node;      /* of the host, while the task waits */
    struct rp_task task;           /* that wakes them */
    rp_ns receive_timeout;         /* of a receive() without one of its own; 0 = none */
    bool is_started, is_open;      /* it was open at some time */
    bool is_counted;               /* in vu->open_streams: it was started, and not left */
    bool is_cut;                   /* it was closed because its iteration had ended */
    /* When the session was left. */
    uint16_t close_code; /* 0 = it was not closed */
    char close_reason[RP_WS_REASON_MAX + 1];
    PyObject *subprotocol; /* a str, or NULL for none */
};

struct py_wait {
    struct py_op op;
    struct py_vu *vu;         /* strong */
    struct py_socket *socket; /* strong; NULL for PY_WAIT_CLOSE_ALL */
    enum py_wait_kind kind;
    bool is_json;
    struct rp_list node; /* of the socket */
    struct rp_timer timer;
    rp_ns timeout;      /* 0 = none */
    uint64_t number;    /* of the ping, or of the last message that a request has looked at */
    rp_ns sent;         /* of a request or a ping: when that was */
    PyObject *data;     /* what is sent: str, or an object with bytes */
    PyObject *match;    /* of a request; NULL: the next message is the answer */
    unsigned code;      /* of a close frame */
    PyObject *weakrefs; /* asyncio.shield() wants them */
};

/* ---- websocket_connect.c ---- */

/* What connect(url, ...) describes, not started. NULL with an exception. */
struct py_socket *rp_py_socket_new(struct py_vu *vu, PyObject *url, PyObject *options);
/* Takes a timeout, which is seconds above 0, or None for as long as it takes, then *@ret is 0; so it is
 * when @value is NULL. -1 with an exception. */
int rp_py_socket_timeout(PyObject *value, const char *function, rp_ns *ret);
/* The same for a call that takes nothing else, by its place or its name. Mostly it has no argument:
 * *@ret stays then. -1 with an exception. */
int rp_py_only_timeout(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                       const char *function, rp_ns *ret);

/* ---- websocket.c ---- */

PyObject *rp_py_ws_client_new(struct py_vu *vu);
/* Starts to open it. -1 with an exception. */
int rp_py_socket_begin(struct py_socket *self);
/* The script has no session any more; that of the server is closed without waiting. @record: see
 * rp_ws_leave(). */
void rp_py_socket_leave(struct py_socket *self, bool record);
/* A session, or NULL, of @vu. */
struct py_socket *rp_py_socket_of(const struct py_vu *vu);

/* ---- websocket_wait_type.c ---- */

/* A Wait that is not started. @socket: NULL only for PY_WAIT_CLOSE_ALL. */
struct py_wait *rp_py_wait_new(struct py_vu *vu, struct py_socket *socket, enum py_wait_kind kind);

/* ---- websocket_wait.c ---- */

extern const struct py_op_kind rp_py_wait_kind;
/* Ends the Waits of @socket for which there is what they wait for. It may free the socket. */
void rp_py_socket_wake(struct py_socket *socket);
/* The same soon, of a socket that was left: another task may execute now, and a step of one task must
 * not run inside of another. */
void rp_py_socket_wake_soon(struct py_socket *socket);
/* Nothing is woken soon any more. */
void rp_py_socket_forget(struct py_socket *socket);
/* Ends the Waits without a result: the run is over. */
void rp_py_waits_cancel(struct py_socket *socket);
/* The same for the sockets of @vu whose Waits were to be woken soon. */
void rp_py_left_waits_cancel(struct py_vu *vu);
