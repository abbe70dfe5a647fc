/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/api/websocket_docs.h - the docstrings of the WebSocket client, as docs.h has those of the
 * rest. rampa/_rampa.pyi has the types.
 */

#define RP_DOC_WS                                                                                  \
    "The WebSocket client of a VU, ``worker.ws``.\n"                                               \
    "\n"                                                                                           \
    "A WebSocket begins as a request of ``worker.http`` does, with the same cookies, proxies "     \
    "and\n"                                                                                        \
    "TLS, and is measured in the ``ws_`` metrics."

#define RP_DOC_WS_CONNECT                                                                          \
    "connect($self, url, /, *, headers=None, params=None, protocols=(), subprotocol=None, "        \
    "name=None, tags=None, timeout=None, close_timeout=None, receive_timeout=None, "               \
    "heartbeat=None, max_msg_size=4194304, max_message_size=None, cookies=None, auth=None, "       \
    "origin=None, verify=None, cert=None, ssl=None, proxy=None, proxy_auth=None, compress=0, "     \
    "http2=False, autoclose=True, autoping=True, method=\"GET\")\n--\n\n"                          \
    "A WebSocket to be opened, in an ``async with`` block or by an ``await``.\n"                   \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    url: ``ws://host:port/path?query`` or ``wss://...``: a str or a URL of yarl's. A user\n"  \
    "        name and a password in it are sent as ``Authorization``, and shown nowhere.\n"        \
    "    headers: a dict or pairs of names and values, sent with the request that opens it.\n"     \
    "    params: a dict, pairs or text that is added to the query of the URL.\n"                   \
    "    protocols: the subprotocols that are offered to the server, the preferred one first.\n"   \
    "    subprotocol: one that the server must choose: else the session is not opened. It is\n"    \
    "        offered if protocols does not name it.\n"                                             \
    "    name: the tag ``name`` of its samples, the URL by default.\n"                             \
    "    tags: a dict or pairs of further tags of its samples.\n"                                  \
    "    timeout: seconds for opening it, 60 by default. aiohttp's ClientWSTimeout gives\n"        \
    "        receive_timeout and close_timeout.\n"                                                 \
    "    close_timeout: seconds from our close frame to the server's, 10 by default.\n"            \
    "    receive_timeout: seconds of each receive() and request() that has no timeout of its\n"    \
    "        own; None is as long as it takes.\n"                                                  \
    "    heartbeat: seconds after which the server is sent a ping each time. The session has\n"    \
    "        failed when nothing has come from the server until the next one.\n"                   \
    "    max_msg_size: bytes of a message that is received; 0 is no limit. max_message_size\n"     \
    "        means the same.\n"                                                                    \
    "    cookies: a dict or pairs, sent besides those of ``worker.http.cookies``.\n"               \
    "    auth: as in ``worker.http``, but for rampa.DigestAuth.\n"                                 \
    "    origin: the header ``Origin``.\n"                                                         \
    "    verify: of wss, as in ``worker.http``.\n"                                                 \
    "    cert: likewise.\n"                                                                        \
    "    ssl: likewise.\n"                                                                         \
    "    proxy: as in ``worker.http``. It has to allow CONNECT.\n"                                 \
    "    proxy_auth: likewise.\n"                                                                  \
    "    compress: True offers permessage-deflate to the server, a number from 9 to 15 with a\n"   \
    "        window of so many bits for what it sends, a dict with its parameters:\n"              \
    "        server_no_context_takeover, client_no_context_takeover, server_max_window_bits,\n"    \
    "        client_max_window_bits.\n"                                                            \
    "    http2: True opens it by HTTP/2 (RFC 8441), on a connection that all such sessions of\n"   \
    "        the VU with this server share. A server that does not do so fails it.\n"              \
    "    autoclose: True: a close frame of the server is answered by itself.\n"                    \
    "    autoping: True: a ping of the server is answered by itself.\n"                            \
    "    method: ``\"GET\"``.\n"                                                                   \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    What opens it: ``async with worker.ws.connect(url) as s`` closes it at the end of the\n"  \
    "    block, and ``s = await worker.ws.connect(url)`` does not. Either gives a\n"               \
    "    WebSocketSession.\n"                                                                      \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    ValueError: at the call: a URL, header or subprotocol that cannot be.\n"                  \
    "    TypeError: at the call: an unknown option or a value of the wrong type.\n"                \
    "    RuntimeError: the run is over.\n"                                                         \
    "    rampa.errors.WebSocketHandshakeError: when awaited: the server does not speak\n"          \
    "        WebSocket there.\n"                                                                   \
    "    rampa.errors.RequestError: when awaited: there was no answer. The metrics have been\n"    \
    "        recorded."

#define RP_DOC_WS_CLOSE                                                                            \
    "close($self, /)\n--\n\n"                                                                      \
    "Closes all sessions of the VU, when it is awaited, without waiting for the servers."

#define RP_DOC_SOCKET                                                                              \
    "A WebSocket, made by :meth:`WebSocketClient.connect`.\n"                                      \
    "\n"                                                                                           \
    "Its methods are awaited. ``async for message in s`` takes the messages until the session "    \
    "is\n"                                                                                         \
    "closed, and ``async with s`` closes it at the end of the block. Pings of the server are\n"    \
    "answered by themselves."
#define RP_DOC_SOCKET_SEND                                                                         \
    "send($self, data, /)\n--\n\n"                                                                 \
    "Sends a message. When much waits to be sent already, it waits for the server.\n"              \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    data: a str is a text, bytes and the like are binary.\n"                                  \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    TypeError: at the call: it is neither.\n"                                                 \
    "    rampa.errors.WebSocketClosed: when awaited: the session is closed."
#define RP_DOC_SOCKET_SEND_JSON                                                                    \
    "send_json($self, data, /)\n--\n\n"                                                            \
    "Sends data as a text of JSON.\n"                                                              \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    data: anything that json.dumps() takes, but NaN and Infinity.\n"                          \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    TypeError, ValueError: at the call: it cannot be written as JSON.\n"                      \
    "    rampa.errors.WebSocketClosed: when awaited: the session is closed."
#define RP_DOC_SOCKET_RECEIVE                                                                      \
    "receive($self, /, timeout=None)\n--\n\n"                                                      \
    "The next message.\n"                                                                          \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    timeout: seconds to wait for it; None is as long as it takes. When it is not given,\n"    \
    "        the receive_timeout of the session holds.\n"                                          \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    Awaited, a str for a text, bytes for a binary message.\n"                                 \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    rampa.errors.WebSocketClosed: when awaited: the session is closed, and all messages\n"    \
    "        were taken.\n"                                                                        \
    "    rampa.errors.WebSocketTimeout: when awaited: nothing has come. The session goes on."
#define RP_DOC_SOCKET_RECEIVE_JSON                                                                 \
    "receive_json($self, /, timeout=None)\n--\n\n"                                                 \
    "The next message, parsed as JSON.\n"                                                          \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    timeout: as of receive().\n"                                                              \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    Awaited, what json.loads() makes of it.\n"                                                \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    ValueError: when awaited: the message is not JSON.\n"                                     \
    "    rampa.errors.WebSocketClosed, rampa.errors.WebSocketTimeout: as receive()."
#define RP_DOC_SOCKET_REQUEST                                                                      \
    "request($self, data, /, match=None, timeout=None)\n--\n\n"                                    \
    "Sends a message and waits for the one that answers it: its time is in ``ws_roundtrip``.\n"    \
    "\n"                                                                                           \
    "Several may be under way at once, in tasks. A message that is no answer waits for\n"          \
    "receive().\n"                                                                                 \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    data: as of send().\n"                                                                    \
    "    match: called with each message that comes; the first one for which it returns true is\n" \
    "        the answer. None: the next message is.\n"                                             \
    "    timeout: as of receive().\n"                                                              \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    Awaited, the answer: a str or bytes.\n"                                                   \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    TypeError: at the call: a value of the wrong type.\n"                                     \
    "    rampa.errors.WebSocketClosed, rampa.errors.WebSocketTimeout: as receive().\n"             \
    "    RuntimeError: so many messages wait for receive() that nothing more is received."
#define RP_DOC_SOCKET_PING                                                                         \
    "ping($self, /, timeout=None)\n--\n\n"                                                         \
    "Sends a ping and waits for the pong: its time is in ``ws_ping``.\n"                           \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    timeout: seconds to wait for it; None is as long as it takes.\n"                          \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    Awaited, the milliseconds that it took.\n"                                                \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    rampa.errors.WebSocketClosed, rampa.errors.WebSocketTimeout: as receive().\n"             \
    "    RuntimeError: so many messages wait for receive() that nothing more is received."
#define RP_DOC_SOCKET_CLOSE                                                                        \
    "close($self, /, code=1000, reason=\"\")\n--\n\n"                                              \
    "Closes the session, and waits for the close frame of the server.\n"                           \
    "\n"                                                                                           \
    "Nothing happens when it is closed already. Messages that wait can still be received.\n"       \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    code: that the server is told, 1000 to 1003, 1007 to 1014 or 3000 to 4999.\n"             \
    "    reason: a text for people, at most 123 bytes.\n"                                          \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    ValueError: when awaited: the code or the reason cannot be."
#define RP_DOC_SOCKET_URL "The URL, without user name and password."
#define RP_DOC_SOCKET_RESPONSE                                                                     \
    "The server's answer to the request that has opened it, a Response with the status 101, or\n"  \
    "200 with http2."
#define RP_DOC_SOCKET_SUBPROTOCOL "The subprotocol that the server has chosen, or None."
#define RP_DOC_SOCKET_CLOSED "Whether it is closed."
#define RP_DOC_SOCKET_CLOSE_CODE                                                                   \
    "The code of the close frame of whoever has closed it, 1005 when that has none, 1006 when\n"   \
    "there was no close frame; None while it is open."
#define RP_DOC_SOCKET_CLOSE_REASON "The text of that close frame, \"\" when it has none."
