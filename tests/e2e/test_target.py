# SPDX-License-Identifier: MIT
"""The demo server through curl, which knows HTTP better than we do, and through raw sockets where curl is too kind."""
from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

PATIENCE = 60
HOST = b"Host: h\r\n"
ALPHABET = b"abcdefghijklmnopqrstuvwxyz"
INDEX = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".encode()


def filler(length: int) -> bytes:
    return (ALPHABET * (length // 26 + 1))[:length]


def curl(*args: str, stdin: bytes = b"", code: int = 0) -> bytes:
    done = subprocess.run(["curl", "-sS", "-m", str(PATIENCE), *args], input=stdin, capture_output=True)
    assert done.returncode == code, done.stderr
    return done.stdout


def head_and_body(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Splits what `curl -i` printed: the last status, its headers with small names, the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), {name.lower(): value for name, value in fields.items()}, body


@pytest.fixture
def dial(target: str) -> Iterator[Callable[[], socket.socket]]:
    """dial() connects to the server."""
    address = urlsplit(target)
    open_: list[socket.socket] = []

    def connect() -> socket.socket:
        sock = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
        open_.append(sock)
        return sock

    yield connect
    for sock in open_:
        sock.close()


def read_all(sock: socket.socket) -> bytes:
    data = bytearray()
    while piece := sock.recv(1 << 20):
        data += piece
    return bytes(data)


def read_until(sock: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        piece = sock.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def send_and_read_all(sock: socket.socket, pieces: Iterable[bytes]) -> bytes:
    """Reads between the pieces, so that neither side is stuck, and then to the end.

    The server may end its side before the last piece is sent; it must take what follows all the same.
    """
    answers, is_ended = bytearray(), False
    for piece in pieces:
        sock.sendall(piece)
        while not is_ended and select.select([sock], [], [], 0)[0]:
            part = sock.recv(1 << 20)
            answers += part
            is_ended = not part
    return bytes(answers) + read_all(sock)


@pytest.mark.parametrize(
    ("path", "status", "content_type", "body"),
    [
        ("/json", 200, "application/json", rb'\{"message": "hello", "ok": true\}\n'),
        ("/", 200, "text/html; charset=utf-8", rb"<!doctype html>.*"),
        ("/?query", 200, "text/html; charset=utf-8", rb"<!doctype html>.*"),
        ("/delay/1", 200, "text/plain; charset=utf-8", rb"ok\n"),
        ("/status/418", 418, "text/plain; charset=utf-8", rb"418 I'm a Teapot\n"),
        ("/status/299", 299, "text/plain; charset=utf-8", rb"299 Unassigned\n"),
        ("/status/204", 204, None, rb""),
        ("/status/304", 304, None, rb""),
        ("/status/99", 400, "text/plain; charset=utf-8", rb".*/status/503\n"),
        ("/delay/soon", 400, "text/plain; charset=utf-8", rb"milliseconds.*/delay/100.*\n"),
        ("/bytes/-1", 400, "text/plain; charset=utf-8", rb".*/bytes/1000\n"),
        ("/chunked/x", 400, "text/plain; charset=utf-8", rb".*/chunked/10000\n"),
        ("/slow/0", 400, "text/plain; charset=utf-8", rb".*/slow/100.*\n"),
        ("/bytes/0", 200, "application/octet-stream", rb""),
        ("/bytes/30", 200, "application/octet-stream", rb"abcdefghijklmnopqrstuvwxyzabcd"),
        ("/chunked/30", 200, "application/octet-stream", rb"abcdefghijklmnopqrstuvwxyzabcd"),
        ("/chunked/0", 200, "application/octet-stream", rb""),
        ("/close", 200, "text/plain; charset=utf-8", rb"closing\n"),
        ("/nothing", 404, "text/plain; charset=utf-8", rb".*\n"),
    ],
)
def test_get_and_head(target: str, path: str, status: int, content_type: str | None, body: bytes):
    got_status, got_fields, got_body = head_and_body(curl("-i", target + path))
    assert (got_status, got_fields.get("content-type")) == (status, content_type)
    assert re.fullmatch(body, got_body, re.S)
    assert ("connection" in got_fields) == (path == "/close")
    assert head_and_body(curl("-I", target + path)) == (got_status, got_fields, b"")


@pytest.mark.parametrize("length", [1, 16383, 16384, 16385, 65536, 30_000_000])
@pytest.mark.parametrize("kind", ["bytes", "chunked"])
def test_big_bodies_arrive_whole(target: str, kind: str, length: int):
    assert curl(f"{target}/{kind}/{length}") == filler(length)


def test_a_reader_that_pauses_gets_everything(dial: Callable[[], socket.socket]):
    sock, other = dial(), dial()
    sock.sendall(b"GET /bytes/20000000 HTTP/1.1\r\n" + HOST + b"\r\n" + INDEX + b"GET /close HTTP/1.1\r\n" + HOST + b"\r\n")
    for _ in range(20):  # the server is not held up by it
        other.sendall(INDEX)
        read_until(other, b"</p>\n")
    answer = read_all(sock)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert rest[:20_000_000] == filler(20_000_000)
    assert rest[20_000_000:].startswith(b"HTTP/1.1 200 OK\r\n") and rest.endswith(b"closing\n")


def test_chunks_are_framed_as_the_help_says(dial: Callable[[], socket.socket]):
    sock = dial()
    sock.sendall(b"GET /chunked/10000 HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
    head, _, body = read_all(sock).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head
    whole = filler(10000)
    assert body == b"".join(
        b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (whole[:4096], whole[4096:8192], whole[8192:], b"")
    )


@pytest.mark.parametrize("piece", [1, 29, 4096, 1 << 20])
def test_pipelined_requests_are_answered_in_order(dial: Callable[[], socket.socket], piece: int):
    count = 20 if piece == 1 else 2000
    requests, expected = b"", []
    for i in range(count):
        path = [b"/", b"/bytes/%d" % (i % 50), b"/echo", b"/status/%d" % (200 + i % 300), b"/delay/0.01"][i % 5]
        body = b"%d" % i if path == b"/echo" else b""
        requests += b"POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (path, HOST, len(body), body)
        expected.append(body or path)
    requests += b"GET /close HTTP/1.1\r\n" + HOST + b"\r\nGET / HTTP/1.1\r\n"
    answers = send_and_read_all(dial(), (requests[start : start + piece] for start in range(0, len(requests), piece)))
    for i, what in enumerate(expected):
        head, _, answers = answers.partition(b"\r\n\r\n")
        length = int((re.search(rb"Content-Length: (\d+)", head) or [0, 0])[1])
        body, answers = answers[:length], answers[length:]
        if what.startswith(b"/status/"):
            assert head.startswith(b"HTTP/1.1 " + what[8:])
        elif what.startswith(b"/bytes/"):
            assert body == filler(int(what[7:]))
        elif what == b"/delay/0.01":
            assert body == b"ok\n"
        elif what == b"/":
            assert body.startswith(b"<!doctype")
        else:
            assert body == what
    assert answers.endswith(b"closing\n")


@pytest.mark.parametrize("length", [0, 1, 1000, 1 << 20])
@pytest.mark.parametrize("framing", [[], ["-H", "Transfer-Encoding: chunked"]])
def test_echo_gives_back_the_body_and_its_type(target: str, length: int, framing: list[str]):
    body = bytes(i * 7 % 256 for i in range(1000)) * (length // 1000 + 1)
    answer = curl(
        "-i", "-H", "Content-Type: x/y; z=1", "--data-binary", "@-", *framing, target + "/echo", stdin=body[:length]
    )
    status, fields, got = head_and_body(answer)
    assert (status, fields["content-type"], len(got)) == (200, "x/y; z=1", length)
    assert got == body[:length]


def test_expect_continue_is_answered(target: str):
    answer = curl("-i", "-H", "Expect: 100-continue", "--data-binary", "hello", target + "/echo")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhello")


def test_a_body_nobody_needs_is_dropped_whatever_its_size(target: str):
    answer = curl("-i", "-X", "PUT", "-H", "Expect:", "--data-binary", "@-", target + "/json", stdin=b"x" * 30_000_000)
    assert head_and_body(answer)[0] == 200


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_too_large_for_echo_is_refused_and_the_answer_arrives(dial: Callable[[], socket.socket], chunked: bool):
    sock = dial()
    size = (1 << 20) + 1
    if chunked:
        sock.sendall(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n%s\r\n%x\r\n" % (HOST, size))
    else:
        sock.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: %d\r\n%s\r\n" % (size, HOST))
    sock.sendall(b"x" * size)
    answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"Connection: close" in answer


def test_what_follows_the_last_answer_is_taken_rather_than_reset(dial: Callable[[], socket.socket]):
    for path in (b"/close", b"/garbage"):
        sock = dial()
        sock.sendall(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, HOST))
        read_all(sock)
        for _ in range(20):  # a client that pipelines does not know yet; a reset would take the answers from it
            sock.sendall(INDEX)


def test_a_refusal_arrives_although_the_client_has_left_unread_input(program: Path):
    body = b"x" * 90_000  # more than the server receives at once, no more than the system keeps for it
    process, url = start(program)
    address = urlsplit(url)
    with process, socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * len(body))
            process.send_signal(signal.SIGSTOP)  # so that it finds all of it at once
            sock.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 2000000\r\n" + HOST + b"\r\n" + body)
            sock.shutdown(socket.SHUT_WR)
            process.send_signal(signal.SIGCONT)
            assert read_all(sock).startswith(b"HTTP/1.1 413 ")
        finally:
            process.kill()


def test_headers_are_given_back(target: str):
    answer = curl("-H", 'A: "1"\\', "-H", "b: x", "-H", "B: y", "-H", "C: \xe9".encode("latin-1"), "-A", "me", target + "/headers")
    fields = json.loads(answer)
    assert fields == {"Host": target[7:], "User-Agent": "me", "Accept": "*/*", "A": '"1"\\', "b": "x, y", "C": "\xe9"}


def test_the_largest_head_is_given_back(dial: Callable[[], socket.socket]):
    sock = dial()
    head = b"GET /headers HTTP/1.1\r\n" + HOST + b"X: "
    sock.sendall(head + b"\xff" * (8192 - len(head) - 4) + b"\r\n\r\n" + b"GET /close HTTP/1.0\r\n\r\n")
    body = read_all(sock).split(b"\r\n\r\n")[1].partition(b"HTTP/1.1")[0]
    assert json.loads(body)["X"] == "\xff" * (8192 - len(head) - 4)


def test_http_1_0_closes_unless_told_to_keep(target: str, dial: Callable[[], socket.socket]):
    sock = dial()
    sock.sendall(b"GET /json HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /chunked/5 HTTP/1.0\r\n\r\n")
    first, second = read_all(sock).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert b"Connection: keep-alive\r\n" in first
    assert b"Connection: close\r\n" in second and b"chunked" not in second and second.endswith(b"\r\n\r\nabcde")
    assert curl("-0", target + "/chunked/100000") == filler(100000)


@pytest.mark.parametrize("query", ["", "?jitter=5"])
def test_a_delay_is_never_shorter(target: str, query: str):
    begin = time.monotonic()
    assert curl(f"{target}/delay/50{query}") == b"ok\n"
    assert time.monotonic() - begin >= 0.05


def test_delays_of_many_connections_are_each_kept(dial: Callable[[], socket.socket]):
    waiting = {dial(): delay for delay in [200, 0, 150, 50, 100] * 10}
    begin = time.monotonic()
    for sock, delay in waiting.items():
        sock.sendall(b"GET /delay/%d HTTP/1.1\r\n%s\r\n" % (delay, HOST))
    while waiting:
        ready = select.select(list(waiting), [], [], PATIENCE)[0]
        assert ready
        for sock in ready:
            assert time.monotonic() - begin >= waiting.pop(sock) / 1000
            read_until(sock, b"ok\n")


def test_a_slow_body_is_never_faster(target: str):
    begin = time.monotonic()
    assert curl(f"{target}/slow/100?bytes=30") == filler(30)
    assert time.monotonic() - begin >= 0.29
    assert curl(f"{target}/slow/1000000000?bytes=1000000") == filler(1000000)
    assert curl("-I", f"{target}/slow/1").endswith(b"Content-Length: 1000\r\n\r\n")


def test_slow_bytes_come_one_by_one(dial: Callable[[], socket.socket]):
    sock, rate = dial(), 50
    begin = time.monotonic()
    sock.sendall(b"GET /slow/%d?bytes=20 HTTP/1.1\r\n%s\r\n" % (rate, HOST))
    answer, body = b"", b""
    while len(body) < 20:
        piece = sock.recv(1000)
        assert piece
        answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        assert len(body) <= (time.monotonic() - begin) * rate
    assert b"\r\nContent-Length: 20" in head
    assert body == filler(20)
    sock.sendall(INDEX)
    read_until(sock, b"</p>\n")


def test_reset_resets(target: str, dial: Callable[[], socket.socket]):
    curl(target + "/reset", code=56)
    sock = dial()
    sock.sendall(INDEX + b"GET /reset HTTP/1.1\r\n" + HOST + b"\r\n")
    with pytest.raises(ConnectionResetError):
        while True:
            assert sock.recv(65536), "closed instead of reset"


def test_garbage_is_no_http(target: str, dial: Callable[[], socket.socket]):
    curl(target + "/garbage", code=1)
    sock = dial()
    sock.sendall(b"GET /garbage HTTP/1.1\r\n" + HOST + b"\r\n")
    assert read_all(sock) == b"this is not HTTP\r\n\x01\x02\x7f and never was\r\n\r\n"


def test_extra_bytes_follow_a_complete_answer(dial: Callable[[], socket.socket]):
    sock = dial()
    sock.sendall(b"GET /extra HTTP/1.1\r\n" + HOST + b"\r\n")
    answer = read_until(sock, b"these bytes belong to no answer\n")
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: 3" in head and rest.startswith(b"ok\nthese")
    sock.sendall(INDEX)
    read_until(sock, b"</p>\n")


def test_hang_never_answers_and_holds_nobody_up(dial: Callable[[], socket.socket]):
    stuck, other = dial(), dial()
    stuck.sendall(INDEX + b"GET /hang HTTP/1.1\r\n" + HOST + b"\r\n" + INDEX)
    read_until(stuck, b"</p>\n")
    for _ in range(3):
        other.sendall(b"GET /delay/5 HTTP/1.1\r\n" + HOST + b"\r\n")
        read_until(other, b"ok\n")
    assert not select.select([stuck], [], [], 0)[0]
    stuck.shutdown(socket.SHUT_WR)  # whoever leaves is let go
    assert read_all(stuck) == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"GET /" + b"a" * 8192, 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 100 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz", 400),
        (b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 1048577\r\n\r\n", 413),
    ],
)
def test_what_is_not_accepted_is_said_and_ends_the_connection(
    dial: Callable[[], socket.socket], request_: bytes, status: int
):
    sock = dial()
    sock.sendall(INDEX + request_)
    sock.shutdown(socket.SHUT_WR)
    answers = read_all(sock)
    assert re.findall(rb"^HTTP/1\.1 (\d{3}) ", answers, re.M) == [b"200", b"%d" % status]
    assert answers.count(b"\r\nConnection: close\r\n") == 1


def test_many_connections(dial: Callable[[], socket.socket]):
    socks = [dial() for _ in range(300)]
    for _ in range(3):
        for sock in socks:
            sock.sendall(INDEX)
        for sock in socks:
            read_until(sock, b"</p>\n")


@pytest.mark.parametrize("end", [b"/close", b"/reset"])
def test_requests_that_come_too_early_wait_for_their_turn(dial: Callable[[], socket.socket], end: bytes):
    """Far more of them than the server keeps, while it answers none: it stops receiving, and goes on later."""
    sock, count = dial(), 20_000
    early = b"GET /delay/200 HTTP/1.1\r\n" + HOST + b"\r\n" + INDEX * count
    last = b"GET %s HTTP/1.1\r\n%s\r\n" % (end, HOST)
    pieces = [early[start : start + 65536] for start in range(0, len(early), 65536)]
    if end == b"/close":
        answers = send_and_read_all(sock, [*pieces, last])
        assert (answers.count(b"</p>\n"), answers.endswith(b"closing\n")) == (count, True)
    else:
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_and_read_all(sock, [*pieces, last])


# ---- the process -------------------------------------------------------------------------------------------------------


def start(program: Path, **options: object) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([program, "target", "--port", "0"], stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout is not None
    found = re.search(r"http://[0-9.]+:[0-9]+", process.stdout.readline())
    assert found
    return process, found[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(program: Path, number: signal.Signals):
    process, url = start(program)
    with process:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as sock:
            sock.sendall(b"GET /hang HTTP/1.1\r\n" + HOST + b"\r\n")
            curl(url)
            process.send_signal(number)
            assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("loop", ["epoll", "io_uring", "nonsense"])
def test_its_loop_can_be_chosen(program: Path, loop: str):
    env = {**os.environ, "RAMPA_LOOP": loop}
    with subprocess.Popen(
        [program, "target", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        found = re.search(r"http://[0-9.]+:[0-9]+", process.stdout.readline())
        if not found:
            said = process.stderr.read()
            assert (process.wait(PATIENCE), loop in said) == (3, True)
            assert loop == "nonsense" or "cannot be used" in said
            return
        try:
            assert loop != "nonsense"
            assert curl(found[0] + "/bytes/3000000") == filler(3000000)
            body = b"x" * 1_000_000
            assert curl("--data-binary", "@-", found[0] + "/echo", stdin=body) == body
            curl(found[0] + "/reset", code=56)
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0


def test_without_descriptors_it_waits_for_one(program: Path):
    limit = 32
    process, url = start(program, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    address = urlsplit(url)
    with process:
        socks = [socket.create_connection((address.hostname, address.port), timeout=PATIENCE) for _ in range(limit + 8)]
        try:
            for sock in socks:
                sock.sendall(b"GET /close HTTP/1.1\r\n" + HOST + b"\r\n")
            for sock in socks:  # each that is answered and goes makes room for the next
                assert read_all(sock).endswith(b"closing\n")
                sock.close()
        finally:
            for sock in socks:
                sock.close()
            process.terminate()
            assert process.wait(PATIENCE) == 0
