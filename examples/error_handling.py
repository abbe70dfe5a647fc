# SPDX-License-Identifier: MIT
"""What can go wrong with a request, and what a scenario can do about it.

A status such as 404 is an answer: nothing is raised. Without a complete answer worker.http raises a subclass of
rampa.errors.RequestError; the metrics have been recorded by then. One that nobody catches ends the iteration and is
shown in the summary, but does not make the run fail: thresholds decide that.
"""

import rampa
from rampa.errors import ConnectError, ConnectionLost, RequestError, RequestTimeout

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(thresholds={"caught": ["count==5"], "iteration_errors": ["count==0"]})


@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def careful(worker: rampa.Worker) -> None:
    http = worker.http
    base = worker.env.get("BASE_URL", BASE_URL)

    # A failed request (http_req_failed), because 404 is not within 200 to 399; not an exception.
    missing = await http.get(f"{base}/status/404")
    worker.check(missing, {"404 is an answer": lambda r: r.status == 404 and not r.ok and r.error_code == 1404})

    # Not a failed request either, when it is what you expect.
    missing = await http.get(f"{base}/status/404", expected_statuses=[404, (200, 299)])
    worker.check(missing, {"404 was expected": lambda r: r.ok})

    try:
        await http.get(f"{base}/reset")
    except ConnectionLost:
        worker.counter("caught")

    try:
        await http.get(f"{base}/hang", timeout=0.2)
    except RequestTimeout as error:
        worker.counter("caught")
        worker.check(error, {"the time is known": lambda e: e.response.timings.duration > 100})

    try:
        await http.get("http://127.0.0.1:1/")
    except ConnectError as error:
        worker.counter("caught")
        worker.check(error, {"refused": lambda e: e.error_code == 1212})

    try:
        await http.get(f"{base}/garbage")
    except RequestError as error:  # the base of all of them
        worker.counter("caught")
        worker.check(error, {"says why": lambda e: "malformed response" in str(e)})

    # Without exceptions: a response with status 0.
    answer = await http.get(f"{base}/reset", raise_errors=False)
    if answer.status == 0:
        worker.counter("caught")
        worker.check(answer, {"there is a text": lambda r: r.error == "connection reset"})
