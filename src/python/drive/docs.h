/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/docs.h - what help() says of the methods of operations, and docs/api.md with it. See
 * api/docs.h for the form.
 */

#define RP_DOC_OP_ADD_DONE_CALLBACK                                                                \
    "add_done_callback($self, fn, *, context=None)\n--\n\n"                                        \
    "Starts the operation unless it has been, and has fn called with it at its end.\n"             \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    fn: called by the event loop with this object.\n"                                         \
    "    context: the contextvars.Context that fn runs in; the current one by default."
#define RP_DOC_OP_REMOVE_DONE_CALLBACK                                                             \
    "remove_done_callback($self, fn, /)\n--\n\n"                                                   \
    "Takes back a callback.\n"                                                                     \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    fn: what was given to add_done_callback().\n"                                             \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    How many were removed."
#define RP_DOC_OP_DONE                                                                             \
    "done($self, /)\n--\n\n"                                                                       \
    "Whether it has ended, by a result, an exception or cancellation."
#define RP_DOC_OP_CANCELLED "cancelled($self, /)\n--\n\nWhether it was cancelled."
#define RP_DOC_OP_RESULT                                                                           \
    "result($self, /)\n--\n\n"                                                                     \
    "What awaiting it gives.\n"                                                                    \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    asyncio.InvalidStateError: it has not ended.\n"                                           \
    "    asyncio.CancelledError: it was cancelled.\n"                                              \
    "    rampa.errors.RequestError: there was no response."
#define RP_DOC_OP_EXCEPTION                                                                        \
    "exception($self, /)\n--\n\n"                                                                  \
    "The exception that awaiting it raises, or None.\n"                                            \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    asyncio.InvalidStateError: it has not ended.\n"                                           \
    "    asyncio.CancelledError: it was cancelled."
#define RP_DOC_OP_CANCEL                                                                           \
    "cancel($self, msg=None)\n--\n\n"                                                              \
    "Gives it up; who waits for it sees a CancelledError.\n"                                       \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    msg: not used, there because asyncio gives it.\n"                                         \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    Whether it had not ended yet."
#define RP_DOC_OP_GET_LOOP "get_loop($self, /)\n--\n\nThe event loop that it belongs to."
#define RP_DOC_OP_SEND                                                                             \
    "send($self, value, /)\n--\n\n"                                                                \
    "Goes on as a coroutine does.\n"                                                               \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    value: not used.\n"                                                                       \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    StopIteration: it has ended; its value is the result."
#define RP_DOC_OP_THROW                                                                            \
    "throw($self, typ, val=None, tb=None, /)\n--\n\n"                                              \
    "Cancels it and raises, as a coroutine does that does not catch.\n"                            \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    typ: an exception, or a class of exceptions.\n"                                           \
    "    val: the exception, or what the class is called with.\n"                                  \
    "    tb: not used."
#define RP_DOC_OP_CLOSE                                                                            \
    "close($self, /)\n--\n\n"                                                                      \
    "Gives it up when nobody waits for it."
