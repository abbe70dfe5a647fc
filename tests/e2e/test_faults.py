# SPDX-License-Identifier: MIT
"""Servers that break the protocol, the connection or the clock: each is a value in a sample, and the run goes on."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faultserver import Close, Endless, ExpectRequest, FaultServer, HalfClose, Hang, Repeat, Reset, Send, Step, Wait, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

LOOPS = ["default", "epoll"]

PROBE = """
import json
import rampa
from rampa import errors


@rampa.scenario(executor="per-vu-iterations", iterations={iterations})
async def probe(worker):
    raised = None
    try:
        response = await worker.http.{call}
    except errors.RequestError as e:
        raised, response = [c.__name__ for c in type(e).__mro__], e.response
        assert e.error_code == response.error_code
    print(json.dumps({{
        "raised": raised, "status": response.status, "code": response.error_code, "error": response.error,
        "body": response.body.decode("latin-1")[:3000], "headers": response.headers.raw()[:10], "ok": response.ok,
        "reason": response.reason, "duration": response.timings.duration, "proto": response.proto,
        "before": response.timings.blocked + response.timings.looking_up + response.timings.connecting,
    }}))
"""


def loop_env(loop: str) -> dict[str, str]:
    return {} if loop == "default" else {"RAMPA_LOOP": loop}


@pytest.fixture
def probe(rampa: Rampa, script: Script) -> Callable[..., tuple[list[dict[str, Any]], Any]]:
    """probe(URL) does one request per iteration and returns what each saw, and the finished program."""

    def run(url: str, call: str = "get({url!r})", iterations: int = 1, loop: str = "default") -> Any:
        script(PROBE.format(call=call.format(url=url), iterations=iterations))
        done = rampa("run", "script.py", "--quiet", out=True, env=loop_env(loop))
        seen = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(seen) == iterations
        assert done.code == (0 if any(one["ok"] for one in seen) else 1), done.stderr
        assert done.count("http_reqs") == iterations
        return seen, done

    return run


@dataclass(frozen=True)
class Fault:
    steps: list[Step]
    code: int
    error: str  # how the message begins
    raised: str  # class of rampa.errors
    bases: list[str] = field(default_factory=list)
    call: str = "get({url!r})"


FAULTS = {
    "garbage": Fault([ExpectRequest(), Send(b"hello, world\r\n\r\n")], 1900, "malformed response", "ProtocolError"),
    "bad version": Fault([ExpectRequest(), Send(b"HTTP/3.7 200 OK\r\n\r\n")], 1900, "malformed", "ProtocolError"),
    "bad status": Fault([ExpectRequest(), Send(b"HTTP/1.1 20x OK\r\n\r\n")], 1900, "malformed", "ProtocolError"),
    "bad length": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")], 1900, "malformed", "ProtocolError"
    ),
    "two lengths": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")],
        1900, "malformed", "ProtocolError",
    ),
    "huge length": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n")],
        1900, "malformed", "ProtocolError",
    ),
    "body over the limit": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"), Endless(b"x" * 65536)],
        1902, "", "ProtocolError",
    ),
    "endless header": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\n"), Endless(b"X-Filler: " + b"y" * 500 + b"\r\n")],
        1900, "malformed", "ProtocolError",
    ),
    "endless header line": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nX-Filler: "), Endless(b"y" * 1000)],
        1900, "malformed", "ProtocolError",
    ),
    "endless 1xx": Fault(
        [ExpectRequest(), Endless(b"HTTP/1.1 100 Continue\r\n\r\n")], 1900, "malformed", "ProtocolError",
    ),
    "chunk size overflow": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"), Hang()],
        1900, "malformed", "ProtocolError",
    ),
    "chunk size that is none": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), Hang()],
        1900, "malformed", "ProtocolError",
    ),
    "chunk without its end": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX"), Hang()],
        1900, "malformed", "ProtocolError",
    ),
    "closed before the head": Fault([ExpectRequest(), Close()], 1901, "", "ConnectionLost", ["ConnectionError"]),
    "closed within the head": Fault([ExpectRequest(), Send(b"HTTP/1.1 20"), Close()], 1901, "", "ConnectionLost"),
    "closed within the body": Fault([ExpectRequest(), Send(answer(b"hel", length=5)), Close()], 1901, "", "ConnectionLost"),
    "half closed within the body": Fault(
        [ExpectRequest(), Send(answer(b"hel", length=5)), HalfClose(), Hang()], 1901, "", "ConnectionLost"
    ),
    "closed within a chunk": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), Close()],
        1901, "", "ConnectionLost",
    ),
    "closed before the last chunk": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"), Close()],
        1901, "", "ConnectionLost",
    ),
    "reset before the head": Fault([ExpectRequest(), Reset()], 1220, "connection reset", "ConnectionLost", ["ConnectionError"]),
    "reset within the body": Fault(
        [ExpectRequest(), Send(answer(b"hel", length=5)), Reset()], 1220, "connection reset", "ConnectionLost"
    ),
    "no answer": Fault(
        [ExpectRequest(), Hang()], 1050, "", "RequestTimeout", ["TimeoutError"], "get({url!r}, timeout=0.1)"
    ),
    "half an answer": Fault(
        [ExpectRequest(), Send(answer(b"hel", length=5)), Hang()], 1050, "", "RequestTimeout", ["TimeoutError"],
        "get({url!r}, timeout=0.1)",
    ),
    "an answer that never ends": Fault(
        [ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\n\r\n"), Hang()], 1050, "", "RequestTimeout", [],
        "get({url!r}, timeout=0.1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_data(probe: Callable, name: str, loop: str) -> None:
    fault = FAULTS[name]
    with FaultServer(fault.steps) as server:
        url = server.url + "/x"
        seen, done = probe(url, fault.call, loop=loop)
    assert (seen[0]["code"], seen[0]["status"], seen[0]["ok"]) == (fault.code, 0, False)
    assert seen[0]["error"].startswith(fault.error)
    assert seen[0]["raised"][0] == fault.raised
    assert {"RequestError", "RampaError", *fault.bases} <= set(seen[0]["raised"])
    assert seen[0]["proto"] is None
    kind = done.result()["errors"]["requests"][0]
    assert (kind["error_code"], kind["status"], kind["count"]) == (str(fault.code), "0", 1)
    assert kind["example"] == {"method": "GET", "name": url}
    assert done.metrics()["http_req_failed"]["rate"] == 1
    assert len(server.connections) == 1  # never asked again: the fault is what was measured
    if fault.code == 1050:  # connecting takes its part of the 100 ms, and is not part of the duration
        assert 99 <= seen[0]["before"] + seen[0]["duration"] < 10_000


@dataclass(frozen=True)
class Good:
    reply: bytes
    status: int
    body: str
    method: str = "get"
    keeps: bool = True  # the connection can be used again
    reason: str = ""


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = {
    "length": Good(answer(b"hello"), 200, "hello", reason="Scripted"),
    "empty": Good(answer(b""), 200, ""),
    "204": Good(b"HTTP/1.1 204 No Content\r\n\r\n", 204, "", reason="No Content"),
    "204 with a length": Good(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, ""),
    "304 with a length": Good(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, ""),
    "HEAD with a length": Good(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "", method="head"),
    "HEAD that is chunked": Good(CHUNKED, 200, "", method="head"),
    "100 first": Good(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"x"), 200, "x"),
    "103 first": Good(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(b"x"), 200, "x"),
    "chunked": Good(CHUNKED + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 200, "hello"),
    "chunked with extensions and trailers": Good(CHUNKED + b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", 200, "hello"),
    "chunked and empty": Good(CHUNKED + b"0\r\n\r\n", 200, ""),
    "read to close": Good(b"HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", keeps=False),
    "HTTP/1.0": Good(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", keeps=False),
    "close asked for": Good(answer(b"x", headers=[("Connection", "close")]), 200, "x", keeps=False),
    "no reason": Good(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, ""),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("pieces", ["whole", "bytewise"])
def test_a_good_answer_is_read(probe: Callable, name: str, loop: str, pieces: str) -> None:
    good = GOOD[name]
    sends = [Send(good.reply)] if pieces == "whole" else [Send(good.reply[i : i + 1]) for i in range(len(good.reply))]
    steps: list[Step] = [ExpectRequest(), *sends]
    with FaultServer([Repeat(steps)] if good.keeps else steps) as server:
        seen, done = probe(server.url, good.method + "({url!r})", iterations=3, loop=loop)
    for one in seen:
        assert (one["status"], one["body"], one["raised"], one["code"]) == (good.status, good.body, None, 0)
        assert one["reason"] == (good.reason or one["reason"])
        assert one["proto"] == good.reply[:8].decode()
    assert len(server.connections) == (1 if good.keeps else 3)
    assert done.metrics()["http_req_failed"]["rate"] == 0
    sent = sum(len(connection.received) for connection in server.connections)
    assert done.count("data_sent") == sent
    assert done.count("data_received") == 3 * len(good.reply)


def test_fields_keep_their_order_their_case_and_their_repetitions(probe: Callable) -> None:
    headers = [("X-One", "1"), ("Set-Cookie", "a=1"), ("x-one", "2"), ("Set-Cookie", "b=\xe4"), ("X-Empty", "")]
    with FaultServer([ExpectRequest(), Send(answer(b"", headers=headers))]) as server:
        seen, _ = probe(server.url)
    assert [tuple(pair) for pair in seen[0]["headers"]] == [("Content-Length", "0"), *headers]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 599])
def test_a_status_of_failure(rampa: Rampa, script: Script, target: str, status: int) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="per-vu-iterations")\nasync def a(worker):\n'
        f'    r = await worker.http.get("{target}/status/{status}")\n'
        f"    assert (r.status, r.ok, r.error_code, r.error) == ({status}, False, {1000 + status}, None)\n"
        f'    r = await worker.http.get("{target}/status/{status}", expected_statuses=[{status}, (200, 299)])\n'
        f"    assert r.ok\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    kinds = done.result()["errors"]["requests"]
    assert [(kind["status"], kind["error_code"], kind["count"]) for kind in kinds] == [(str(status), str(1000 + status), 1)]
    assert done.metrics()["http_req_failed"] == {"rate": 0.5, "passes": 1, "fails": 1}


def test_bytes_after_a_complete_response_poison_the_connection(probe: Callable) -> None:
    stray = answer(b"first") + answer(b"STRAY")
    with FaultServer([Repeat([ExpectRequest(), Send(stray)])]) as server:
        seen, done = probe(server.url, iterations=5)
    assert [one["body"] for one in seen] == ["first"] * 5  # a stray answer is nobody's
    assert len(server.connections) == 5
    warning = "5 connections were dropped because the server sent bytes after a complete response"
    assert {"text": warning, "count": 1} in done.result()["warnings"]


def test_a_kept_connection_that_was_closed_is_no_failure(probe: Callable) -> None:
    """The server closes an idle connection: the next request is sent again on a new one."""
    with FaultServer([ExpectRequest(), Send(answer(b"one"))], [Repeat([ExpectRequest(), Send(answer(b"two"))])]) as server:
        seen, done = probe(server.url, iterations=3)
    assert [one["body"] for one in seen] == ["one", "two", "two"]
    assert done.metrics()["http_req_failed"]["rate"] == 0


def test_a_post_is_not_sent_twice(probe: Callable) -> None:
    """A request that was taken and not answered may have had its effect."""
    with FaultServer([ExpectRequest(), Send(answer(b"one")), ExpectRequest(), Close()]) as server:
        seen, _ = probe(server.url, "post({url!r}, data=b'x')", iterations=2)
    assert seen[0]["body"] == "one"
    assert len(server.requests) == 2
    assert (seen[1]["status"], seen[1]["raised"][0]) == (0, "ConnectionLost")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_dies_at_work_is_no_stale_connection(probe: Callable, loop: str) -> None:
    """It has had the request for 200 ms: a failure of 200 ms, though the method could be repeated."""
    has_worked = threading.Event()

    def work() -> None:
        while len(server.requests) < 2:
            time.sleep(0.001)
        time.sleep(0.2)
        has_worked.set()

    with FaultServer([ExpectRequest(), Send(answer(b"one")), ExpectRequest(), Wait(has_worked), Close()]) as server:
        threading.Thread(target=work, daemon=True).start()
        seen, done = probe(server.url, "delete({url!r})", iterations=2, loop=loop)
    assert (seen[1]["code"], seen[1]["raised"][0]) == (1901, "ConnectionLost")
    assert 199 <= seen[1]["duration"] < 10_000
    assert len(server.connections) == 1
    metrics = done.metrics()
    assert (metrics["http_reqs"]["count"], metrics["http_req_failed"]["rate"]) == (2, 0.5)
    assert metrics["http_req_duration"]["max"] >= 199


def test_a_slow_body_arrives_whole(probe: Callable, target: str) -> None:
    seen, _ = probe(f"{target}/slow/10000?bytes=2000")
    assert len(seen[0]["body"]) == 2000
    assert seen[0]["duration"] >= 150  # 2,000 bytes at 10,000 a second


def test_a_slow_body_runs_into_the_timeout(probe: Callable, target: str) -> None:
    seen, done = probe(f"{target}/slow/100?bytes=10000", "get({url!r}, timeout=0.2)")
    assert (seen[0]["code"], seen[0]["raised"][0]) == (1050, "RequestTimeout")
    assert 199 <= seen[0]["before"] + done.metrics()["http_req_duration"]["max"] < 10_000  # not left out


@pytest.mark.parametrize(
    ("path", "code", "raised"),
    [("/garbage", 1900, "ProtocolError"), ("/reset", 1220, "ConnectionLost"), ("/status/200", 0, None)],
)
def test_the_demo_servers_faults(probe: Callable, target: str, path: str, code: int, raised: str | None) -> None:
    seen, _ = probe(target + path, iterations=3)
    assert [one["code"] for one in seen] == [code] * 3
    assert [one["raised"] and one["raised"][0] for one in seen] == [raised] * 3


def test_after_a_fault_the_vu_goes_on_with_a_new_connection(probe: Callable) -> None:
    with FaultServer([ExpectRequest(), Reset()], [Repeat([ExpectRequest(), Send(answer(b"fine"))])]) as server:
        seen, _ = probe(server.url, iterations=3)
    assert [one["status"] for one in seen] == [0, 200, 200]
    assert len(server.connections) == 2


def test_a_server_that_has_answered_is_not_said_to_speak_tls(probe: Callable) -> None:
    """Another URL of it makes no difference."""
    closed = "connection closed early: there was no response"
    leaves = [ExpectRequest(), Send(answer(headers=[("Connection", "close")])), Close()]
    with FaultServer([ExpectRequest(), Close()], leaves, [ExpectRequest(), Close()]) as server:
        seen, _ = probe(server.url, "get({url!r} + '/%d' % worker.execution.iteration)", iterations=3)
    assert [one["status"] for one in seen] == [0, 200, 0]
    assert [one["error"] for one in seen] == [closed + "; does the server speak TLS?", None, closed]


def test_a_timed_out_request_does_not_leave_its_answer_to_the_next(probe: Callable) -> None:
    late = [ExpectRequest(), Hang()]
    with FaultServer(late, [Repeat([ExpectRequest(), Send(answer(b"mine"))])]) as server:
        seen, _ = probe(server.url, "get({url!r}, timeout=0.2)", iterations=2)
    assert [one["body"] for one in seen] == ["", "mine"]
    assert len(server.connections) == 2


def test_a_discarded_body_is_counted_and_not_kept(probe: Callable, target: str) -> None:
    seen, done = probe(f"{target}/bytes/1000000", "get({url!r}, discard_body=True)", iterations=3)
    assert [one["body"] for one in seen] == [""] * 3
    assert done.count("data_received") > 3_000_000
