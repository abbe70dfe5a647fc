# SPDX-License-Identifier: MIT
"""Bodies that a script reads as they come, and server-sent events: what it gets, when, and how the request counts."""
from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SANITIZED = "ASAN_OPTIONS" in os.environ
BIG = bytes(range(256)) * 4096  # 1 MiB, of which /big has many
BIG_COUNT = 160


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        name, _, number = self.path[1:].partition("/")
        try:
            getattr(self, f"send_{name}")(int(number or 0))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def head(self, status: int = 200, **fields: str) -> None:
        self.send_response(status)
        for key, value in fields.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def send_big(self, _: int) -> None:
        self.head(Content_Length=str(len(BIG) * BIG_COUNT))
        for _ in range(BIG_COUNT):
            self.wfile.write(BIG)

    def send_cut(self, _: int) -> None:
        self.head(Content_Length="10")
        self.wfile.write(b"hello")
        self.close_connection = True

    def send_moved(self, _: int) -> None:
        self.head(302, Location="/page", Content_Length="0")

    def send_page(self, status: int) -> None:
        self.head(status or 200, Content_Type="text/html", Content_Length="2")
        self.wfile.write(b"ok")

    def send_stuck(self, _: int) -> None:
        """The head and a byte, and no more until the client goes away."""
        self.head(Content_Length="10")
        self.wfile.write(b"x")
        self.rfile.read(1)

    def send_events(self, count: int) -> None:
        """One event each 50 ms, for ever without a count, each with the times of the server."""
        self.head(Content_Type="text/event-stream; charset=utf-8", Transfer_Encoding="chunked")
        pause = self.server.stopping  # type: ignore[attr-defined]
        for number in range(count or 1_000_000):
            if pause.wait(0.05):
                break
            self.server.sent.append(time.perf_counter())  # type: ignore[attr-defined]
            self.chunk(b"event: tick\r\nid: %d\r\ndata: {\r\ndata: \"n\": %d}\r\n\r\n" % (number, number))
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass  # a client that has gone away


@pytest.fixture
def sent() -> list[float]:
    """When the server has sent its events."""
    return []


@pytest.fixture
def base(sent: list[float]) -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.stopping = threading.Event()  # type: ignore[attr-defined]
        server.sent = sent  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.stopping.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


HEAD = """
import asyncio, hashlib, json, resource, time
import rampa
from rampa import errors

kept = []

@rampa.scenario({load})
async def go(worker):
    http, base = worker.http, worker.env["BASE"]
{body}
"""
ONCE = 'executor="per-vu-iterations", iterations=1'


@pytest.fixture
def run(rampa: Rampa, script: Script, base: str) -> Callable[..., Finished]:
    """run(BODY) runs a scenario with that body and returns the finished program."""

    def run_it(body: str, load: str = ONCE, code: int | None = 0, args: list[str] = [], **options: object) -> Finished:
        script(HEAD.format(load=load, body=indent(body.strip("\n"), "    ")))
        return rampa("run", "script.py", "--env", f"BASE={base}", *args, out=True, code=code, **options)

    return run_it


LOOPS = [{}, {"RAMPA_LOOP": "epoll"}]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps freed memory")
@pytest.mark.parametrize("env", LOOPS)
def test_a_large_body_needs_little_memory(run: Callable[..., Finished], env: dict[str, str]) -> None:
    done = run(
        """
async with http.stream("GET", base + "/page") as r:  # what Python loads is loaded
    assert await r.read() == b"ok"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
digest, size = hashlib.sha256(), 0
async with http.stream("GET", base + "/big") as r:
    assert (r.status, r.ok, r.headers["content-length"]) == (200, True, str(160 << 20))
    async for chunk in r:
        digest.update(chunk)
        size += len(chunk)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps([size, digest.hexdigest(), grown, r.timings.receiving]))
""",
        env=env,
    )
    size, digest, grown, receiving = json.loads(done.stdout.splitlines()[0])
    assert (size, digest) == (BIG_COUNT * len(BIG), hashlib.sha256(BIG * BIG_COUNT).hexdigest())
    assert grown < 16 * 1024  # KiB; the body has ten times as many
    assert done.count("http_reqs") == 2
    assert done.count("data_received") > size
    assert receiving > 0


def test_each_way_to_read(run: Callable[..., Finished]) -> None:
    run(
        """
async with http.stream("get", base + "/page/404", expected_statuses=404) as r:
    assert (r.status, r.ok, r.reason, r.error_code, r.method) == (404, True, "Not Found", 1404, "GET"), r
    assert await r.read() == b"ok" and await r.read() == b""
assert r.timings.duration > 0
async with http.stream(method="GET", url=base + "/moved") as r:
    assert r.url == base + "/page" and [chunk async for chunk in r] == [b"ok"]
async with http.stream("GET", base + "/moved", allow_redirects=False) as r:
    assert r.status == 302 and [chunk async for chunk in r] == []
async with http.stream("GET", base + "/big", timeout=rampa.Timeout(idle=0.2)) as r:
    taken = len(await anext(aiter(r)))
    await worker.sleep(0.5)  # it is the script that is slow
    assert taken + len(await r.read()) == 160 << 20
async with http.stream("GET", base + "/big") as r:  # a part of it, then the rest
    first = await anext(aiter(r))
    assert len(first) + len(await r.read()) == 160 << 20
task = asyncio.create_task(http.stream("GET", base + "/page").__aenter__())
async with asyncio.timeout(10):
    r = await task
    assert await asyncio.create_task(r.read()) == b"ok"

async def one():
    async with http.stream("GET", base + "/page") as r:
        return await r.read()
assert await asyncio.gather(*(one() for _ in range(20))) == [b"ok"] * 20
"""
    )


def test_what_cannot_be_is_said(run: Callable[..., Finished]) -> None:
    done = run(
        """
async def attempt(awaitable):
    try:
        await awaitable
        print("no error")
    except (TypeError, ValueError, RuntimeError) as error:
        print(f"{type(error).__name__}: {error}")

async def inside(read, path="/page"):
    async with http.stream("GET", base + path) as r:
        await read(r)

async def twice():
    stream = http.stream("GET", base + "/page")
    async with stream as r:
        await r.read()
    async with stream as r:
        pass

async def two_ways(r):
    await r.read()
    async for event in r.events():
        pass

async def too_early(r):
    r.timings

async def side_by_side(r):
    await asyncio.gather(r.read(), r.read())

async def no_events(r):
    async for event in r.events():
        pass

async def outside():
    async for chunk in http.stream("GET", base + "/page"):
        pass

await attempt(outside())
await attempt(twice())
await attempt(inside(two_ways))
await attempt(inside(too_early, "/stuck"))
await attempt(inside(side_by_side, "/stuck"))
await attempt(inside(no_events))
try:
    await http.stream("GET", base)
except TypeError as error:
    print(error)
for call in ("http.stream(base)", "http.stream('GET', base, nonsense=1)", "http.stream('GET', base, discard_body=1)"):
    try:
        eval(call)
    except TypeError as error:
        print(error)
""",
        args=["--quiet"],
    )
    lines = done.stdout.splitlines()
    base = lines[5].split()[1].removesuffix("/page")
    assert lines == [
        "RuntimeError: write async with worker.http.stream(method, url) as r, and read r inside of it",
        "RuntimeError: a stream is used once, in async with",
        "RuntimeError: the body is read by read() already",
        "RuntimeError: the timings are known when the body has ended, or the block is left",
        "RuntimeError: another task reads this stream already",
        f"ValueError: {base}/page is no stream of events: status 200, Content-Type 'text/html'",
        "a stream is not awaited: write async with worker.http.stream(method, url) as r",
        "http.stream() needs the URL, such as http.get(url)",
        lines[8],
        "discard_body takes True or False, not 1",
    ]
    assert lines[8].startswith("http.stream() got an unexpected keyword argument 'nonsense'")


def test_a_body_that_fails(run: Callable[..., Finished]) -> None:
    done = run(
        """
chunks = []
try:
    async with http.stream("GET", base + "/cut", name="cut") as r:
        assert r.status == 200
        async for chunk in r:
            chunks.append(chunk)
except errors.ConnectionLost as error:
    assert (error.error_code, error.response.status) == (1901, 0), error
    print(chunks, r.status, r.error)
seen = []
async with http.stream("GET", base + "/cut", name="cut", raise_errors=False, raise_for_status=seen.append) as r:
    assert await r.read() == b"hello" and seen[0].status == 0
    assert (r.status, r.ok, r.error_code, r.proto) == (200, False, 1901, "HTTP/1.1")
try:
    async with http.stream("GET", base + "/big", max_body_bytes=100_000) as r:
        await r.read()
except errors.ProtocolError as error:
    print(error.error_code)
async with http.stream("GET", "http://127.0.0.1:1/", raise_errors=False) as r:
    assert (r.status, r.ok, r.proto, await r.read()) == (0, False, None, b"") and r.error, r
async with http.stream("GET", base + "/page") as r:
    pass
""",
    )
    assert done.stdout.splitlines()[:2] == ["[b'hello'] 200 connection closed early: the response was incomplete", "1902"]
    assert done.count("http_reqs") == 5
    assert done.metrics()["http_req_failed"]["passes"] == 4


def test_leaving_early_counts_as_what_it_is(run: Callable[..., Finished]) -> None:
    """A script that has seen enough is content. One whose own timeout has ended the wait is not."""
    done = run(
        """
async with http.stream("GET", base + "/big", name="enough") as r:
    await anext(aiter(r))
try:
    async with http.stream("GET", base + "/big", name="mistake") as r:
        assert r.status == 500
except AssertionError:
    pass
for _ in range(2):
    try:
        async with asyncio.timeout(0.05), http.stream("GET", base + "/stuck", name="gave up") as r:
            await r.read()
    except TimeoutError:
        pass
    try:
        async with http.stream("GET", base + "/stuck", name="gave up") as r, asyncio.timeout(0.05):
            await r.read()
    except TimeoutError:
        pass
try:
    async with http.stream("GET", base + "/stuck", name="too late", timeout=0.05) as r:
        await r.read()
except errors.RequestTimeout:
    pass
t = r.timings
print(json.dumps(t.blocked + t.looking_up + t.connecting + t.duration))
"""
    )
    assert float(done.stdout.splitlines()[0]) >= 49
    requests = {one["name"]: (one["count"], one["failed"]) for one in done.result()["summary"]["requests"]}
    assert requests == {"enough": (1, 0), "mistake": (1, 0), "gave up": (4, 4), "too late": (1, 1)}


def test_events(run: Callable[..., Finished]) -> None:
    done = run(
        """
async with http.stream("GET", base + "/events/5", headers={"Accept": "text/event-stream"}) as r:
    events = [event async for event in r.events()]
assert events[3] == rampa.ServerSentEvent("tick", '{\\n"n": 3}', "3", None), events
assert [event.json()["n"] for event in events] == [0, 1, 2, 3, 4]
assert r.timings.receiving > 0
"""
    )
    assert done.count("sse_events") == 5
    assert done.metrics()["sse_first_event"]["count"] == 1
    assert done.metrics()["sse_event_gap"]["count"] == 4
    assert 200 <= done.metrics()["sse_first_event"]["min"] + 4 * done.metrics()["sse_event_gap"]["avg"]


@pytest.mark.parametrize("env", LOOPS)
def test_a_task_that_blocks_does_not_show_in_the_gaps(
    run: Callable[..., Finished], sent: list[float], env: dict[str, str]
) -> None:
    """The script sees the events up to 20 ms late, each at another time. What is measured are the gaps of the server."""
    done = run(
        """
async def block():
    while True:
        time.sleep(0.02)
        await asyncio.sleep(0.001)

task = asyncio.create_task(block())
seen = []
async with http.stream("GET", base + "/events/40") as r:
    async for event in r.events():
        seen.append(time.perf_counter())
task.cancel()
await asyncio.wait([task])
print(json.dumps(seen))
""",
        env=env,
    )
    late = [(at - there) * 1000 for at, there in zip(json.loads(done.stdout.splitlines()[0]), sent, strict=True)]
    gaps = sorted((b - a) * 1000 for a, b in zip(sent, sent[1:]))
    measured = done.metrics()["sse_event_gap"]
    assert measured["count"] == 39
    assert max(late) - min(late) > 10, "the task did not block the script"
    for name, gap in [("med", gaps[19]), ("p(90)", gaps[34]), ("avg", sum(gaps) / 39)]:
        assert abs(measured[name] - gap) < 5, (name, gap, measured, late)


def test_a_stream_of_events_that_the_end_of_the_run_meets(run: Callable[..., Finished]) -> None:
    """It would have gone on for ever: what has come counts, and nothing has failed."""
    done = run(
        """
async with http.stream("GET", base + "/events") as r:
    async for event in r.events():
        pass
""",
        load='executor="constant-vus", vus=3, duration="1s", graceful_stop="0s"',
        code=None,
    )
    assert done.count("http_reqs") == 3
    assert done.metrics()["http_req_failed"]["passes"] == 0
    assert done.count("sse_events") >= 3 * 5
    assert done.metrics()["http_req_duration"]["count"] == 3


def test_a_body_that_the_end_of_the_run_meets(run: Callable[..., Finished]) -> None:
    done = run(
        """
async with http.stream("GET", base + "/stuck") as r:
    await r.read()
""",
        load='executor="constant-vus", vus=2, duration="1500ms", graceful_stop="0s"',
        code=None,
    )
    assert done.count("http_reqs") == 2
    assert done.metrics()["http_req_failed"]["passes"] == 2  # after more than a second
    assert done.result()["summary"]["requests"][0]["statuses"] == {"0": 2}


def test_a_stream_that_nobody_closes(run: Callable[..., Finished]) -> None:
    """The end of its iteration closes it at the latest. One that nobody holds any more is closed at once."""
    done = run(
        """
kept.append(await http.stream("GET", base + "/big").__aenter__())
await http.stream("GET", base + "/big", name="dropped").__aenter__()
assert (await http.get(base + "/page")).body == b"ok"
""",
        load='executor="shared-iterations", vus=2, iterations=6',
    )
    assert {one["name"].rpartition("/")[2]: one["count"] for one in done.result()["summary"]["requests"]} == {
        "page": 6, "dropped": 6, "big": 6,
    }  # fmt: skip


def test_a_stream_that_is_left_open_is_closed_at_the_end_of_its_iteration(run: Callable[..., Finished]) -> None:
    """It counts as one that the script has left, and its time is that of what came."""
    done = run(
        """
if kept:
    try:
        await kept[-1].read()
    except RuntimeError as error:
        print(error)
kept.append(http.stream("GET", base + "/stuck"))
await kept[-1].__aenter__()
async for chunk in kept[-1]:
    break
await asyncio.sleep(0.3)
""",
        load='executor="per-vu-iterations", iterations=3',
        args=["--quiet"],
    )
    assert done.stdout.splitlines() == ["the stream was closed when its block, or its iteration, was left"] * 2
    assert done.count("http_reqs") == 3
    metrics = done.metrics()
    assert metrics["http_req_failed"]["rate"] == 0
    assert metrics["http_req_receiving"]["max"] < 300
