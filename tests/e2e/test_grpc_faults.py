# SPDX-License-Identifier: MIT
"""worker.grpc against servers that break the protocol, and the metrics of its calls by the names of others."""
from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL, Pki
from grpc_world import Rampa, Script, run
from tlsserver import context_of

pytest.importorskip("hpack")
from h2server import (  # noqa: E402
    CANCEL,
    DATA,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    H2Server,
    INTERNAL_ERROR,
    PING,
    Peer,
    REFUSED_STREAM,
    frame,
    goaway,
    reset,
)


def message(data: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + struct.pack(">I", len(data)) + data


GRPC = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]


def answer(*parts: Any) -> Callable[[Peer, int], bytes]:
    """Lists of fields become HEADERS, bytes become DATA; the last part ends the stream unless it is None."""

    def make(peer: Peer, stream: int) -> bytes:
        made = b""
        for i, part in enumerate(parts):
            end = i + 1 == len(parts)
            if isinstance(part, list):
                made += peer.headers(stream, part, end=end)
            elif isinstance(part, bytes):
                made += frame(DATA, END_STREAM * end, stream, part)
            elif isinstance(part, int):
                made += reset(stream, part)
        return made

    return make


# method -> what the server does, status, part of the details
FAULTS: dict[str, tuple[Callable[[Peer, int], bytes], int, str]] = {
    "Fine": (answer(GRPC, message(b"fine"), OK), 0, ""),
    "OnlyTrailers": (answer([*GRPC, ("grpc-status", "7"), ("grpc-message", "go%20away")]), 7, "go away"),
    "NoTrailers": (answer(GRPC, message(b"x")), 2, "no grpc-status"),
    "NoStatus": (answer(GRPC, message(b"x"), [("a", "b")]), 2, "no grpc-status"),
    "BadStatus": (answer(GRPC, [("grpc-status", "ninety"), ("grpc-message", "?")]), 2, "?"),
    "NoMessage": (answer(GRPC, OK), 12, "no message"),
    "TwoMessages": (answer(GRPC, message(b"1") + message(b"2"), OK), 12, "more than one message"),
    "Truncated": (answer(GRPC, message(b"12345")[:-2], OK), 13, "ends within a message"),
    "HugeLength": (answer(GRPC, b"\0\xff\xff\xff\xffxx", None), 8, "4294967295 bytes"),
    "BadFlag": (answer(GRPC, b"<html>", None), 13, "no row of messages"),
    "CompressedUnsaid": (answer(GRPC, message(b"x", 1), OK), 13, "no grpc-encoding"),
    "CompressedUnknown": (answer([*GRPC, ("grpc-encoding", "br")], message(b"x", 1), OK), 13, "(grpc-encoding: br)"),
    "CompressedBroken": (answer([*GRPC, ("grpc-encoding", "gzip")], message(b"x", 1), OK), 13, "compressed message is broken"),
    "Html": (answer([(":status", "200"), ("content-type", "text/html")], b"<html>"), 2, "not one of gRPC (Content-Type: text/html)"),
    "Http503": (answer([(":status", "503"), ("content-type", "text/plain")], b"busy"), 14, "HTTP status 503"),
    "Http401": (answer([(":status", "401")]), 16, "HTTP status 401"),
    "ResetBefore": (answer(CANCEL), 1, "CANCEL"),
    "ResetWithin": (answer(GRPC, message(b"12345")[:-2], ENHANCE_YOUR_CALM), 8, "ENHANCE_YOUR_CALM"),
    "Refused": (answer(REFUSED_STREAM), 14, "REFUSED_STREAM"),
    # Against RFC 9113, and what grpcio sends for the text of an error that ends with a blank.
    "Blanks": (answer([*GRPC, ("x-a", "\tb ")], [("grpc-status", "5"), ("grpc-message", " no such user ")]), 5, "no such user"),
    "Hostile": (answer([*GRPC, ("grpc-status", "3"), ("grpc-message", "%1b[31m::error::%0a")]), 3, "\x1b[31m::error::\n"),
}


def misbehave(peer: Peer) -> None:
    peer.begin()
    answered: set[int] = set()
    while True:
        for stream in [stream for stream in peer.requests if stream not in answered]:
            answered.add(stream)
            peer.send(FAULTS[peer.requests[stream].fields[":path"].rpartition("/")[2]][0](peer, stream))
        peer.read_frame()


def test_what_a_call_sends(rampa: Rampa, script: Script) -> None:
    """The fields of the protocol, and no others but metadata."""
    with H2Server(misbehave) as server:
        run(
            rampa,
            script,
            f"""
told(await worker.grpc.unary("{server.url}", "/test.Service/Fine", b"?"))
told(await worker.grpc.unary("{server.url}", "/test.Service/Fine", b"?", {{"x-mine": "1", "accept": "all"}}))
""",
        )
        plain, own = server.peers[0].requests.values()
    of_grpc = {"content-type": "application/grpc", "te": "trailers", "grpc-accept-encoding": "identity,gzip"}
    pseudo = {":method": "POST", ":scheme": "http", ":path": "/test.Service/Fine", ":authority": server.url.split("//")[1]}
    for request, more in ((plain, {}), (own, {"x-mine": "1", "accept": "all"})):
        assert request.fields.pop("user-agent").startswith("rampa/")
        assert request.fields.pop("grpc-timeout").startswith("6")  # 60 s
        assert request.fields == {**pseudo, **of_grpc, **more}


LOCKED = """
import rampa

config = rampa.Config(thresholds={{"grpc_req_failed{{method:Hang}}": ["rate<0.01"], "grpc_req_duration": ["max<1000"]}})

@rampa.scenario(executor="constant-vus", vus=2, duration="3s", graceful_stop="0s")
async def hangs(worker):
    await worker.grpc.unary("{url}", "/test.Service/Hang", b"?")

@rampa.scenario(executor="constant-vus", vus=1, duration="3s", graceful_stop="0s")
async def listens(worker):
    async for message in worker.grpc.server_stream("{url}", "/test.Service/Watch", b"?"):
        pass
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_locks_up(rampa: Rampa, script: Script, workers: int) -> None:
    """Calls under way at the end count as requests of HTTP do. A stream may be meant to last."""
    with H2Server(say_nothing) as server:
        done = rampa("run", script(LOCKED.format(url=server.url)), "--workers", workers, out=True, code=1)
    metrics = done.result()["summary"]["metrics"]
    assert metrics["grpc_reqs"]["count"] == 3
    assert (metrics["grpc_req_failed"]["passes"], metrics["grpc_req_duration"]["count"]) == (2, 2)
    assert metrics["grpc_req_duration"]["min"] > 1000 and "grpc_stream_duration" not in metrics
    assert [row["passed"] for row in done.result()["thresholds"]] == [False, False]
    (warning,) = (w["text"] for w in done.result()["warnings"] if "1904" in w["text"])
    assert warning.startswith("2 calls of gRPC were still under way when their iterations were interrupted, after ")
    assert "; 2 had waited longer than 1.00s and count as failed with that time (error 1904)" in warning


def say_nothing(peer: Peer) -> None:
    peer.begin()
    peer.read_to_end()


def test_what_servers_do_wrong(rampa: Rampa, script: Script) -> None:
    with H2Server(misbehave) as broken:
        done, lines = run(
            rampa,
            script,
            f"""
for name in {list(FAULTS)}:
    told(await worker.grpc.unary("{broken.url}", "/test.Service/" + name, b"?"))
for name in {list(FAULTS)}:  # as streams
    async with worker.grpc.server_stream("{broken.url}", "/test.Service/" + name, b"?") as s:
        while await s.receive() is not None:
            pass
        told(s)
""",
        )
    for (name, (_, status, details)), line in zip(FAULTS.items(), lines):
        assert (line["status"], details in line["details"]) == (status, True), (name, line)
    for (name, (_, status, details)), line in zip(FAULTS.items(), lines[len(FAULTS) :]):
        if name in ("NoMessage", "TwoMessages"):  # a stream may have any number of them
            status, details = 0, ""
        assert (line["status"], details in line["details"]) == (status, True), (name, line)
    metrics = done.result()["summary"]["metrics"]
    assert metrics["grpc_reqs"]["count"] == 2 * len(FAULTS)
    assert metrics["grpc_req_failed"]["passes"] == 2 * len(FAULTS) - 4
    assert "\x1b[31m" not in done.stdout + done.stderr


def test_no_server(rampa: Rampa, script: Script) -> None:
    """Nothing succeeded, so that the run has failed."""
    done, lines = run(rampa, script, 'told(await worker.grpc.unary("127.0.0.1:1", "/a.B/C", b""))', code=1)
    assert lines == [{"status": 14, "details": "connection refused", "code": 1212, "data": "", "size": 0}]
    assert "the only request has not succeeded" in done.stdout
    assert [(row["error"], row["remote"]) for row in done.result()["exchanges"]] == [("gRPC UNAVAILABLE: connection refused", "127.0.0.1:1")]
    assert "    gRPC UNAVAILABLE: connection refused  /a.B/C\n" in done.stdout


def end_connection(peer: Peer) -> None:
    """Says what is wrong in the middle of an answer, and ends the connection."""
    peer.begin()
    while not peer.requests:
        peer.read_frame()
    (stream,) = peer.requests
    peer.send(peer.headers(stream, GRPC, end=False) + goaway(stream, INTERNAL_ERROR, b"too tired"))
    peer.socket.shutdown(socket.SHUT_WR)


def break_protocol(peer: Peer) -> None:
    """Sends what no connection of HTTP/2 may have."""
    peer.begin()
    while not peer.requests:
        peer.read_frame()
    peer.send(frame(PING, 0, 1, bytes(8)))
    peer.read_to_end()


def speak_http1(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    peer.read_to_end()


@pytest.mark.parametrize(("serve", "code"), [(end_connection, 1602), (break_protocol, 1601), (speak_http1, 1601)])
def test_a_connection_that_ends_is_no_status_of_the_call(
    rampa: Rampa, script: Script, serve: Callable[[Peer], None], code: int
) -> None:
    """As with all clients of gRPC: only the code of a stream that is reset says something of its call."""
    with H2Server(serve) as broken:
        _, lines = run(rampa, script, f'told(await worker.grpc.unary("{broken.url}", "/a.B/C", b""))', code=1)
    assert (lines[0]["status"], lines[0]["code"]) == (14, code), lines


def say_settings(peer: Peer) -> None:
    peer.begin()
    peer.socket.shutdown(socket.SHUT_WR)


def answer_and_close(peer: Peer) -> None:
    peer.begin()
    (stream,) = peer.expect(1)
    peer.send(FAULTS["Fine"][0](peer, stream))
    peer.socket.shutdown(socket.SHUT_WR)


def close(peer: Peer) -> None:
    peer.socket.shutdown(socket.SHUT_WR)
    while peer.socket.recv(1 << 16):
        pass


@pytest.mark.parametrize("first", [close, say_settings, answer_and_close])
def test_a_server_that_has_spoken_is_not_said_to_speak_tls(rampa: Rampa, script: Script, first: Callable[[Peer], None]) -> None:
    with H2Server(first, close) as server:
        call = f'told(await worker.grpc.unary("{server.url}", "/test.Service/Fine", b"?"))'
        _, lines = run(rampa, script, "\n".join([call] * 3), code=int(first is not answer_and_close))
    advice = "" if first is not close else "; does the server speak TLS?"
    assert lines[2]["details"] == "connection closed early: there was no response" + advice


# ---- calls that end while the script sends -----------------------------------------------------------------------------


def answer_at_once(peer: Peer) -> None:
    """Answers when the head of a request has come, whether more follows or not."""
    peer.begin()
    answered: set[int] = set()
    while True:
        for stream in sorted({*peer.begun, *peer.requests} - answered):
            answered.add(stream)
            peer.send(FAULTS["Fine"][0](peer, stream))
        peer.read_frame()


REQUESTS = """
waits, stopped = asyncio.Event(), asyncio.Event()


async def waiting():
    yield b"first"
    waits.set()
    try:
        await asyncio.Event().wait()
    finally:
        stopped.set()


def endless():
    while True:
        yield b"again"


async def broken():
    yield b"first"
    raise KeyError("mine")


async def give_up(call):
    async def wait():
        return await call
    waiter = asyncio.ensure_future(wait())
    await waits.wait()
    stopped.clear()
    waiter.cancel()
    try:
        await waiter
    except asyncio.CancelledError:
        print(json.dumps(["given up"]))
    await stopped.wait()
"""


def test_requests_stop_when_the_call_has_ended(rampa: Rampa, script: Script) -> None:
    with H2Server(answer_at_once) as early, H2Server(say_nothing) as silent:
        _, lines = run(
            rampa,
            script,
            f"""
early, silent = worker.grpc.connect("{early.url}"), worker.grpc.connect("{silent.url}")
for requests in waiting(), endless():
    told(await early.client_stream("/test.Service/Fine", requests))
try:
    await silent.client_stream("/test.Service/Fine", broken())
except KeyError as error:
    print(json.dumps([str(error)]))
waits.clear()
await give_up(silent.client_stream("/test.Service/Fine", waiting()))
""",
            before=REQUESTS,
        )
    assert [line["data"] for line in lines[:2]] == ["fine", "fine"]
    assert lines[2:] == [["'mine'"], ["given up"]]


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="grpcio is asked once, with the ordinary build")
def test_requests_of_a_stub_stop_when_the_call_has_ended(rampa: Rampa, script: Script) -> None:
    """And the status of a call may be asked for after a wait for it was given up."""
    pytest.importorskip("grpc")
    with H2Server(answer_at_once) as early, H2Server(say_nothing) as silent:
        _, lines = run(
            rampa,
            script,
            f"""
early, silent = (worker.grpc.connect(url).stub(lambda channel: channel) for url in ("{early.url}", "{silent.url}"))
for requests in waiting(), endless():
    print(json.dumps([(await early.stream_unary("/a.B/C")(requests)).decode()]))
print(json.dumps([message.decode() async for message in early.stream_stream("/a.B/C")(waiting())]))
call = early.stream_unary("/a.B/C")(waiting())
print(json.dumps([(await call.code()).name, (await call).decode(), (await call).decode()]))
try:
    await silent.stream_unary("/a.B/C")(broken())
except KeyError as error:
    print(json.dumps([str(error)]))
waits.clear()
call = silent.stream_unary("/a.B/C")(waiting())
await give_up(call)
print(json.dumps([(await call.code()).name, await call.details()]))
try:
    await call
except asyncio.CancelledError:
    print(json.dumps(["cancelled"]))
""",
            before="import grpc\n" + REQUESTS,
        )
    given_up = [["given up"], ["CANCELLED", "cancelled by the script"], ["cancelled"]]
    assert lines == [["fine"], ["fine"], ["fine"], ["OK", "fine", "fine"], ["'mine'"], *given_up]


def test_the_only_response_is_not_received_one_by_one(rampa: Rampa, script: Script) -> None:
    with H2Server(misbehave) as fine:
        _, lines = run(
            rampa,
            script,
            f"""
async with worker.grpc.connect("{fine.url}").client_stream("/test.Service/Fine") as s:
    await s.end()
    try:
        await s.receive()
    except RuntimeError as error:
        print(json.dumps([str(error)]))
    told(await s.finish())
""",
        )
    assert lines[0] == ["/test.Service/Fine has one response: await s.finish()"]
    assert (lines[1]["status"], lines[1]["data"]) == (0, "fine")


# ---- what is kept ------------------------------------------------------------------------------------------------------


def test_channels_that_all_differ_are_not_all_kept(rampa: Rampa, script: Script) -> None:
    """As when each iteration has a token of its own."""
    with H2Server(misbehave) as fine:
        _, lines = run(
            rampa,
            script,
            f"""
first = worker.grpc.connect("{fine.url}")
for i in range(1000):
    worker.grpc.connect("{fine.url}", metadata={{"token": str(i)}})
told(await first.unary("/test.Service/Fine", b""))
print(json.dumps([len(worker._grpc_methods) <= 256]))
""",
        )
    assert lines[0]["data"] == "fine" and lines[1] == [True]


# ---- calls that are kept by nobody -----------------------------------------------------------------------------------


def test_calls_for_which_only_a_callback_waits(rampa: Rampa, script: Script) -> None:
    """The collector leaves them alone, and the end of the run ends them without a sample."""
    with H2Server(misbehave) as fine, H2Server(say_nothing) as silent:
        done, lines = run(
            rampa,
            script,
            f"""
came = asyncio.Event()
def note(wait):
    told(wait.result())
    came.set()
worker.grpc.unary("{fine.url}", "/test.Service/Fine", b"?").add_done_callback(note)
gc.collect()
await asyncio.wait_for(came.wait(), 60)
def again(wait):
    if len(left) < 2:
        left.append(worker.grpc.unary("{silent.url}", "/test.Service/Fine", b"?").add_done_callback(again))
left = []
again(None)  # this one is left at the end of the iteration, and then the second one begins
""",
            before="import gc",
        )
    assert [line["data"] for line in lines] == ["fine"]
    metrics = done.result()["summary"]["metrics"]
    assert (metrics["grpc_reqs"]["count"], metrics["grpc_req_failed"]["passes"]) == (2, 0)


# ---- the reference's names -------------------------------------------------------------------------------------------


def test_aliases_of_metrics(rampa: Rampa, script: Script) -> None:
    """Thresholds take the names of the package rampa 0.0."""
    with H2Server(misbehave) as fine:
        text = f"""
import rampa
config = rampa.Config(thresholds={{
    "grpc_messages_received": ["count==1"], "grpc_streams_opened": ["count==1"], "grpc_messages_sent": ["count==1"],
    "grpc_req_failed{{service:test.Service}}": ["rate==0"], "grpc_reqs{{method:Fine,status:0}}": ["count==1"],
}})
@rampa.scenario(executor='per-vu-iterations', vus=1, iterations=1)
async def calls(worker):
    async for message in worker.grpc.server_stream("{fine.url}", "/test.Service/Fine", b""):
        assert message == b"fine"
"""
        done = rampa("run", script(text), out=True, code=0)
    rows = done.result()["thresholds"]
    assert {row["metric"] for row in rows} >= {"grpc_streams_msgs_received", "grpc_streams_msgs_sent", "grpc_streams"}
    assert len(rows) == 5 and all(row["passed"] for row in rows)


def test_a_server_that_says_nothing(rampa: Rampa, script: Script) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _, lines = run(
            rampa,
            script,
            f"""
c = worker.grpc.connect("127.0.0.1:{silent.getsockname()[1]}", keepalive=0.05, keepalive_timeout=0.05)
told(await c.unary("/a.B/C", b""))
""",
            code=1,  # nothing has succeeded
        )
    assert lines[0]["status"] == 14 and lines[0]["code"] == 1907
    assert lines[0]["details"] == "keepalive timeout: the server has not answered a PING for 0.05 s"


@pytest.mark.skipif(not OPENSSL, reason="no openssl")
def test_the_handshake_of_a_call_that_is_sent_again_counts(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    context = context_of(Pki(tmp_path).self_signed("self"))
    context.set_alpn_protocols(["h2"])

    def serve(peer: Peer) -> None:
        peer.begin()
        (stream,) = peer.expect(1)
        peer.send(reset(stream, REFUSED_STREAM))
        while len(peer.requests) < 2:
            peer.read_frame()
        peer.send(FAULTS["Fine"][0](peer, max(peer.requests)))

    with H2Server(serve, secure=lambda sock: context.wrap_socket(sock, server_side=True)) as server:
        target = server.url.replace("https", "grpcs")
        done, lines = run(rampa, script, f'told(await worker.grpc.connect("{target}", verify=False).unary("/a.B/C", b""))')
        assert len(server.peers) == 1
    assert lines[0]["data"] == "fine"
    assert done.result()["summary"]["metrics"]["tls_full_handshakes"]["count"] == 1
