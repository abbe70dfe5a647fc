/* SPDX-License-Identifier: MIT */

/*
 * What help() says of the types of the extension, and docs/api.md with it. The first line of a
 * method's text is its signature, which inspect.signature() takes off; the sections (Args:,
 * Returns:, Raises:) are those of the package.
 */
#pragma once

/* ---- Worker ---------------------------------------------------------------------------------- */

#define RP_DOC_WORKER                                                                              \
    "A virtual user (VU), given to every iteration of a scenario and to setup() and teardown().\n" \
    "\n"                                                                                           \
    "One object for each VU, alive as long as the VU. Only the engine makes it; when the run is\n" \
    "over, what needs the run raises RuntimeError.\n"                                              \
    "\n"                                                                                           \
    "Names of metrics are 1 to 255 characters without control characters, quotes and braces; a\n"  \
    "name has one type in the whole run. A sample has the tags of its VU (see ``tags``) and over " \
    "them\n"                                                                                       \
    "those of its ``tags`` argument.\n"                                                            \
    "\n"                                                                                           \
    ">>> import asyncio, rampa\n"                                                                  \
    ">>> from rampa.loader import TestPlan\n"                                                      \
    ">>> async def shop(worker):\n"                                                                \
    "...     with worker.group(\"basket\"):\n"                                                     \
    "...         worker.counter(\"items\", 2, tags={\"kind\": \"book\"})\n"                        \
    "...     worker.trend(\"price\", 12.5)\n"                                                      \
    "...     worker.rate(\"in_stock\", True)\n"                                                    \
    "...     worker.gauge(\"left\", 3)\n"                                                          \
    "...     await worker.sleep(0.001)\n"                                                          \
    "...     worker.check(worker.execution.iteration, {\"is a number\": lambda n: n >= 0})\n"      \
    ">>> async def main():\n"                                                                      \
    "...     fields = rampa.ScenarioConfig(executor=\"shared-iterations\", iterations=4)\n"        \
    "...     controller = await rampa.Engine(TestPlan({\"shop\": (fields, shop)})).start()\n"      \
    "...     return (await controller.wait()).snapshot.values\n"                                   \
    ">>> values = asyncio.run(main())\n"                                                           \
    ">>> values[\"items\"][\"count\"], values[\"price\"][\"max\"], "                               \
    "values[\"checks\"][\"passes\"]\n"                                                             \
    "(8.0, 12.5, 4.0)"

#define RP_DOC_WORKER_CHECK                                                                        \
    "check($self, value, conditions, tags=None)\n--\n\n"                                           \
    "Looks whether things are as they should be, and counts it in the metric ``checks``.\n"        \
    "\n"                                                                                           \
    "A check that does not hold neither raises nor fails the run; a threshold such as\n"           \
    "``\"checks\": [\"rate>0.99\"]`` does.\n"                                                      \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    value: what is looked at, mostly a Response.\n"                                           \
    "    conditions: a dict, name -> predicate. A predicate is called with value and holds when "  \
    "what\n"                                                                                       \
    "        it returns is true; what cannot be called is taken as it is. One that raises, or\n"   \
    "        gives something to await, does not hold, and the summary warns of it once.\n"         \
    "    tags: a dict of further tags of these samples.\n"                                         \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    True when all of them hold.\n"                                                            \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    TypeError: conditions or tags is not a dict."

/* What counter(), gauge(), rate() and trend() have in common. */
#define RP_DOC_SAMPLE_NAME "    name: of the metric.\n"
#define RP_DOC_SAMPLE_TAGS                                                                         \
    "    tags: a dict of further tags of this sample; values are made text by str().\n"            \
    "\n"                                                                                           \
    "Raises:\n"
#define RP_DOC_SAMPLE_ERRORS                                                                       \
    "the name is not one of a metric, or belongs to a metric of another\n"                         \
    "        type.\n"                                                                              \
    "    TypeError: an argument is of the wrong type."

#define RP_DOC_WORKER_COUNTER                                                                      \
    "counter($self, name, value=1, tags=None)\n--\n\n"                                             \
    "Adds to a counter of your own.\n"                                                             \
    "\n"                                                                                           \
    "Args:\n" RP_DOC_SAMPLE_NAME "    value: a finite number, 0 or more.\n" RP_DOC_SAMPLE_TAGS     \
    "    ValueError: value is negative or not finite, or " RP_DOC_SAMPLE_ERRORS

#define RP_DOC_WORKER_GAUGE                                                                        \
    "gauge($self, name, value, tags=None)\n--\n\n"                                                 \
    "Sets a gauge of your own; the last value and the smallest and largest are kept.\n"            \
    "\n"                                                                                           \
    "Args:\n" RP_DOC_SAMPLE_NAME "    value: a finite number.\n" RP_DOC_SAMPLE_TAGS                \
    "    ValueError: value is not finite, or " RP_DOC_SAMPLE_ERRORS

#define RP_DOC_WORKER_RATE                                                                         \
    "rate($self, name, value, tags=None)\n--\n\n"                                                  \
    "Counts a truth in a rate of your own: the share of values that were true.\n"                  \
    "\n"                                                                                           \
    "Args:\n" RP_DOC_SAMPLE_NAME                                                                   \
    "    value: taken as true or false, as bool() does.\n" RP_DOC_SAMPLE_TAGS                      \
    "    ValueError: " RP_DOC_SAMPLE_ERRORS

#define RP_DOC_WORKER_TREND                                                                        \
    "trend($self, name, value, tags=None)\n--\n\n"                                                 \
    "Adds a number to a trend of your own: its average, extremes and percentiles are shown.\n"     \
    "\n"                                                                                           \
    "Args:\n" RP_DOC_SAMPLE_NAME "    value: a finite number. Times are best given in "            \
    "milliseconds, as rampa's own are.\n" RP_DOC_SAMPLE_TAGS                                       \
    "    ValueError: value is not finite, or " RP_DOC_SAMPLE_ERRORS

#define RP_DOC_WORKER_GROUP                                                                        \
    "group($self, name, /)\n--\n\n"                                                                \
    "A part of an iteration, for a with statement.\n"                                              \
    "\n"                                                                                           \
    "Samples taken inside get the tag ``group``: ``::name``, of a group inside another one\n"      \
    "``::outer::name``. The time inside is a sample of ``group_duration`` in milliseconds.\n"      \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    name: of the group, a str.\n"                                                             \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    A Group; it can be entered again after its end, but not inside itself.\n"                 \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    TypeError: name is not a str.\n"                                                          \
    "    ValueError: when it is entered, and the path of nested names has more than 1023 bytes."

#define RP_DOC_WORKER_SLEEP                                                                        \
    "sleep($self, seconds, /)\n--\n\n"                                                             \
    "Pauses this VU, and no other, while what it returns is awaited.\n"                            \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    seconds: a number from 0 to 1e9.\n"                                                       \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    A Sleep, to be awaited.\n"                                                                \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    ValueError: seconds is out of range.\n"                                                   \
    "    TypeError: seconds is not a number."

#define RP_DOC_WORKER_ABORT                                                                        \
    "abort($self, reason='')\n--\n\n"                                                              \
    "Ends the whole run; does not return.\n"                                                       \
    "\n"                                                                                           \
    "No iteration starts any more, those that run are interrupted, teardown() runs, summary and\n" \
    "outputs are written, and the exit code is 4. The iteration that calls it is interrupted.\n"   \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    reason: a str, shown in the summary and in the result.\n"                                 \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    rampa.errors.RunAborted: always, a CancelledError that ends the iteration.\n"             \
    "    RuntimeError: it is called in another thread than that of the event loop.\n"              \
    "    TypeError: reason is not a str."

#define RP_DOC_WORKER_HTTP                                                                         \
    "The HttpClient of the VU: connections belong to it and outlive the iteration."
#define RP_DOC_WORKER_WS                                                                           \
    "The WebSocketClient of the VU. A session that an iteration leaves open is closed at its end."
#define RP_DOC_WORKER_GRPC                                                                         \
    "The GrpcClient of the VU. Its connections belong to the VU and outlive the iteration."
#define RP_DOC_WORKER_SETUP_DATA                                                                   \
    "What setup() returned, or None. One object for all VUs of the process."
#define RP_DOC_WORKER_EXECUTION "Where this is, an Execution: scenario, VU and iteration."
#define RP_DOC_WORKER_VU                                                                           \
    "A dict of this VU's own that lives as long as the VU, for what outlives the iteration."
#define RP_DOC_WORKER_ENV                                                                          \
    "A dict of str: the environment, over it ``--env``, over that the scenario's ``env``. One "    \
    "for\n"                                                                                        \
    "each VU."
#define RP_DOC_WORKER_TAGS                                                                         \
    "A dict of str, the tags of this VU's samples: of the run, the scenario and the group. A "     \
    "copy."

/* ---- Execution, Group, Sleep ----------------------------------------------------------------- */

#define RP_DOC_EXECUTION                                                                           \
    "Where an iteration runs, as ``worker.execution`` gave it; it does not change afterwards."
#define RP_DOC_EXECUTION_WORKER_ID                                                                 \
    "The same as ``iteration``: another number in each iteration of a scenario, for picking a "    \
    "row "                                                                                         \
    "of data."
#define RP_DOC_EXECUTION_PROCESS "Number of the worker process, from 1."
#define RP_DOC_EXECUTION_SCENARIO "Name of the scenario; None in setup() and teardown()."
#define RP_DOC_EXECUTION_VU                                                                        \
    "Number of the VU, from 1, unique in the run; 0 in setup() and teardown()."
#define RP_DOC_EXECUTION_ITERATION "Number of the iteration, from 0, unique in the scenario."
#define RP_DOC_EXECUTION_ITERATION_IN_VU "Number of the iteration, from 0, within this VU."
#define RP_DOC_EXECUTION_STAGE                                                                     \
    "Number of the stage, from 0, that the scenario is in; None when it has no stages."

#define RP_DOC_GROUP "A part of an iteration, made by :meth:`Worker.group`, for a with statement."
#define RP_DOC_GROUP_ENTER                                                                         \
    "__enter__($self, /)\n--\n\n"                                                                  \
    "Begins the group.\n"                                                                          \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    RuntimeError: it has been entered already, or the run is over.\n"                         \
    "    ValueError: the path of nested names has more than 1023 bytes."
#define RP_DOC_GROUP_EXIT                                                                          \
    "__exit__($self, /, *args)\n--\n\n"                                                            \
    "Ends the group and records its time. An exception (*args*) goes on."

#define RP_DOC_SLEEP                                                                               \
    "A pause, made by :meth:`Worker.sleep`: await it. Its time begins when it is awaited."

/* ---- Request: what is awaited ---------------------------------------------------------------- */

#define RP_DOC_REQUEST                                                                             \
    "An HTTP request, made by :class:`HttpClient`: await it to send it and get its Response.\n"    \
    "\n"                                                                                           \
    "It is sent when it is awaited, or given to asyncio's gather(), create_task(), wait_for() "    \
    "or\n"                                                                                         \
    "as_completed(), not before. To asyncio it is a coroutine and a future at once, and its\n"     \
    "further methods are those of asyncio.Future and of coroutines: scripts need none of them."

/* ---- HttpClient ------------------------------------------------------------------------------ */

#define RP_DOC_HTTP                                                                                \
    "The HTTP client of a VU, ``worker.http``: HTTP/1.1 over TCP.\n"                               \
    "\n"                                                                                           \
    "Every method makes a Request, which is sent when it is awaited, and is measured in the\n"     \
    "``http_`` metrics. A status such as 404 or 500 is an answer and raises nothing."

#define RP_DOC_HTTP_COOKIES "The cookies of the VU, a :class:`Cookies`."

#define RP_DOC_HTTP_CLOSE                                                                          \
    "close($self, /)\n--\n\n"                                                                      \
    "Does nothing: the connections are kept for the next iteration. For scripts that close "       \
    "their\n"                                                                                      \
    "client, or use it in an ``async with`` block."

#define RP_DOC_HTTP_OPTIONS                                                                        \
    "headers=None, params=None, json=None, data=None, name=None, tags=None, "                      \
    "expected_statuses=None, cookies=None, auth=None, files=None, chunked=None, expect100=False, " \
    "timeout=None, "                                                                               \
    "discard_body=False, "                                                                         \
    "auto_decompress=True, "                                                                       \
    "raise_errors=True, max_head_bytes=None, max_body_bytes=None, allow_redirects=True, "          \
    "max_redirects=10, verify=None, cert=None, ssl=None, traceparent=None, proxy=None, "           \
    "proxy_auth=None, compress=None, raise_for_status=None)\n--\n\n"

#define RP_DOC_HTTP_ARGS                                                                           \
    "    url: an absolute URL, ``http://host:port/path?query``: a str or a URL of yarl's. A\n"     \
    "        user name and a password in it are sent as ``Authorization``, and shown nowhere.\n"   \
    "    headers: a dict or pairs of names and values. Values of bytes are sent as they are,\n"    \
    "        a str as UTF-8.\n"                                                                    \
    "    params: a dict, pairs or text that is added to the query of the URL.\n"                   \
    "    json: anything that json.dumps() takes, sent as ``application/json``, but NaN and\n"      \
    "        Infinity, which JSON does not have. None sends nothing.\n"                            \
    "    data: bytes (``application/octet-stream``) or text (``text/plain``) that is sent as it\n" \
    "        is, a file that is sent to its end, or an async or plain generator of such; or a "    \
    "dict or pairs\n"                                                                              \
    "        sent as a form. With a file\n"                                                        \
    "        among its values, and from aiohttp's FormData, it is multipart. Not beside json.\n"   \
    "    name: the tag ``name`` of its samples, the URL by default. Give one to URLs that "        \
    "differ\n"                                                                                     \
    "        in an id.\n"                                                                          \
    "    tags: a dict or pairs of further tags of its samples.\n"                                  \
    "    expected_statuses: a status, or several of them or of pairs (low, high), that are not\n"  \
    "        failures; 200 to 399 by default.\n"                                                   \
    "    timeout: seconds for the whole request, from the call to the last byte; 60 by default.\n" \
    "        A :class:`rampa.Timeout`, or aiohttp's ClientTimeout, limits its parts too.\n"        \
    "    discard_body: True counts the body and keeps nothing of it.\n"                            \
    "    auto_decompress: False leaves a body with a Content-Encoding as it comes.\n"              \
    "    raise_errors: False gives a Response with status 0 instead of raising RequestError.\n"    \
    "    max_head_bytes: of the response, 65536 by default.\n"                                     \
    "    max_body_bytes: of the response, decoded, 67108864 by default. With a limit of yours\n"   \
    "        a body may be more than 200 times as large as what came of it.\n"                     \
    "    auth: (user, password), rampa.BasicAuth, rampa.BearerAuth or rampa.DigestAuth, or such "  \
    "an\n"                                                                                         \
    "        object of aiohttp, httpx or requests.\n"                                              \
    "    files: a form with files: a dict or pairs, name -> file or content, or (filename,\n"      \
    "        content), (filename, content, type). The fields of data come before them.\n"          \
    "    chunked: True sends the body in chunks, without its length before it.\n"                  \
    "    expect100: True sends the body when the server has answered 100 (Continue), or after a\n" \
    "        second.\n"                                                                            \
    "    cookies: a dict or pairs, sent besides those of ``worker.http.cookies``. They are not\n"  \
    "        kept.\n"                                                                              \
    "    allow_redirects: False hands an answer 3xx back; else 301, 302, 303, 307 and 308 are\n"   \
    "        followed. httpx's name follow_redirects means the same.\n"                            \
    "    max_redirects: that are followed, 1 to 100; one more raises TooManyRedirects.\n"          \
    "    verify: of https: False accepts any certificate of the server, a file (PEM) names the\n"  \
    "        authorities to verify by. aiohttp's name verify_ssl means the same.\n"                \
    "    cert: of https: a file (PEM) with the client's certificate and its key, or a tuple of\n"  \
    "        two files.\n"                                                                         \
    "    ssl: of https: False as verify=False, or an ssl.SSLContext, of which whether and by\n"    \
    "        which authorities it verifies is taken over. A client's certificate in it is not\n"   \
    "        used: give its files by cert= too. aiohttp's name ssl_context means the same.\n"      \
    "    traceparent: True names a trace of its own (W3C Trace Context), False does not; by\n"     \
    "        default as ``Options(traceparent=...)`` says. A header traceparent of yours stays.\n" \
    "    proxy: that the request goes through, ``\"http://127.0.0.1:3128\"``, in place of the "    \
    "one of\n"                                                                                     \
    "        the run; ``\"\"`` for none.\n"                                                        \
    "    proxy_auth: (user, password) or rampa.BasicAuth for it.\n"                                \
    "    compress: the coding of the body that is sent, ``\"gzip\"`` or ``\"deflate\"``, or "      \
    "several,\n"                                                                                   \
    "        separated by commas; True is deflate.\n"                                              \
    "    raise_for_status: True raises StatusError for a status of 400 or more; a function, "      \
    "async\n"                                                                                      \
    "        or not, is called with the Response and may raise.\n"                                 \
    "\n"

#define RP_DOC_HTTP_RETURNS                                                                        \
    "Returns:\n"                                                                                   \
    "    A Request; awaited it gives a Response.\n"                                                \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    ValueError: at the call: a URL, header, status or timeout that cannot be.\n"              \
    "    TypeError: at the call: an unknown option or a value of the wrong type.\n"                \
    "    RuntimeError: the run is over.\n"                                                         \
    "    rampa.errors.RequestError: when awaited: there was no complete response. The metrics\n"   \
    "        have been recorded."

/* A method of its own name, in lower case, that sends @METHOD. */
#define RP_DOC_HTTP_METHOD(function, METHOD)                                                       \
    function "($self, /, url, *, " RP_DOC_HTTP_OPTIONS "Sends a " METHOD                           \
             " request when awaited.\n\nArgs:\n" RP_DOC_HTTP_ARGS RP_DOC_HTTP_RETURNS

#define RP_DOC_HTTP_REQUEST                                                                        \
    "request($self, /, method, url, *, " RP_DOC_HTTP_OPTIONS                                       \
    "Sends a request with any method when awaited.\n"                                              \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    method: such as ``\"GET\"``; lower case becomes upper case.\n" RP_DOC_HTTP_ARGS           \
        RP_DOC_HTTP_RETURNS

#define RP_DOC_HTTP_BATCH                                                                          \
    "batch($self, requests, /)\n--\n\n"                                                            \
    "Several requests at once, sent when it is awaited.\n"                                         \
    "\n"                                                                                           \
    "As many are under way at a time as ``Options(batch=20)`` says. Over HTTP/2 they share a\n"    \
    "connection; over HTTP/1.1 they use as many as ``Options(connections_per_host=6)`` says.\n"    \
    "Each is a sample of its own. One that fails does not end the others: its Response has the\n"  \
    "status 0. With ``raise_errors=True`` among its options its error is raised, when all have\n"  \
    "ended.\n"                                                                                     \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    requests: a list, or a dict of any names. Each request is a URL, a tuple (method, url,\n" \
    "        body, options) whose last two may be left out, a dict with ``url``, ``method`` and\n" \
    "        other options of request(), or a request that is not awaited, such as\n"              \
    "        ``worker.http.get(url)``.\n"                                                          \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    Awaited, the Responses: a list in the order of the requests, or a dict with their\n"      \
    "    names.\n"                                                                                 \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    TypeError, ValueError: at the call: a request is none. Then none is sent.\n"              \
    "    rampa.errors.RequestError: when awaited: see above."

#define RP_DOC_HTTP_STREAM                                                                         \
    "stream($self, /, method, url, *, " RP_DOC_HTTP_OPTIONS                                        \
    "A request whose body the script reads as it comes, in an ``async with`` block.\n"             \
    "\n"                                                                                           \
    "Args:\n"                                                                                      \
    "    method: such as ``\"GET\"``; lower case becomes upper case.\n" RP_DOC_HTTP_ARGS           \
    "Returns:\n"                                                                                   \
    "    A Stream: ``async with worker.http.stream(method, url) as r``. Its body has no limit "    \
    "of\n"                                                                                         \
    "    size but max_body_bytes, when that is given.\n"                                           \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    ValueError: at the call: a URL, header, status or timeout that cannot be.\n"              \
    "    TypeError: at the call: an unknown option or a value of the wrong type.\n"                \
    "    RuntimeError: the run is over.\n"                                                         \
    "    rampa.errors.RequestError: at the head, or at a read: the response is not complete."

/* ---- Response -------------------------------------------------------------------------------- */

#define RP_DOC_RESPONSE                                                                            \
    "What a server answered, or why it did not.\n"                                                 \
    "\n"                                                                                           \
    "Everything but the status is made when it is asked for, and costs nothing otherwise."
#define RP_DOC_RESPONSE_TEXT                                                                       \
    "text($self, /)\n--\n\n"                                                                       \
    "The body as str.\n"                                                                           \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    The body decoded as its byte order mark says, else by the charset of its Content-Type,\n" \
    "    else as UTF-8; bytes that do not fit are replaced."
#define RP_DOC_RESPONSE_JSON                                                                       \
    "json($self, /)\n--\n\n"                                                                       \
    "The body parsed as JSON.\n"                                                                   \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    What json.loads() makes of it.\n"                                                         \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    ValueError: the body is not JSON (a json.JSONDecodeError or UnicodeDecodeError)."
#define RP_DOC_RESPONSE_RAISE                                                                      \
    "raise_for_status($self, /)\n--\n\n"                                                           \
    "Raises when the request has failed, or its status is an error.\n"                             \
    "\n"                                                                                           \
    "Returns:\n"                                                                                   \
    "    The Response itself.\n"                                                                   \
    "\n"                                                                                           \
    "Raises:\n"                                                                                    \
    "    rampa.errors.StatusError: the status is 400 or more.\n"                                   \
    "    rampa.errors.RequestError: the status is 0."
#define RP_DOC_RESPONSE_STATUS "The HTTP status; 0 without a response."
#define RP_DOC_RESPONSE_HEADERS "The response headers, a :class:`Headers`."
#define RP_DOC_RESPONSE_BODY "The body as bytes; empty with ``discard_body=True``."
#define RP_DOC_RESPONSE_URL                                                                        \
    "The URL that was requested, with ``params``; after redirects the last one."
#define RP_DOC_RESPONSE_COOKIES                                                                    \
    "What its fields ``Set-Cookie`` say: a dict, name -> value. The cookies that are sent are\n"   \
    "those of ``worker.http.cookies``."
#define RP_DOC_RESPONSE_HISTORY                                                                    \
    "The redirects that led to this response: a tuple of Responses, the first one first."
#define RP_DOC_RESPONSE_METHOD "The method of the request."
#define RP_DOC_RESPONSE_REASON "The text after the status, such as ``Not Found``."
#define RP_DOC_RESPONSE_OK "Whether the status is expected: 200 to 399, or ``expected_statuses``."
#define RP_DOC_RESPONSE_PROTO                                                                      \
    "``\"HTTP/2.0\"``, ``\"HTTP/1.1\"`` or ``\"HTTP/1.0\"``, None without a response."
#define RP_DOC_RESPONSE_TLS_VERSION                                                                \
    "``\"tls1.2\"`` or ``\"tls1.3\"``, None without TLS and without a response."
#define RP_DOC_RESPONSE_TLS_CIPHER_SUITE                                                           \
    "The cipher suite by its name of IANA, such as ``TLS_AES_128_GCM_SHA256``; None without TLS."
#define RP_DOC_RESPONSE_TRACE_ID                                                                   \
    "The id of the trace that the request has named with ``traceparent``, 32 digits; else None."
#define RP_DOC_RESPONSE_ERROR                                                                      \
    "None, or why there is no complete response, such as ``connection refused``."
#define RP_DOC_RESPONSE_ERROR_CODE                                                                 \
    "0, or the number of the kind of failure (docs/metrics.md); 1000 + status from status 400 on."
#define RP_DOC_RESPONSE_TIMINGS "The phases of the request in milliseconds, a :class:`Timings`."
