# SPDX-License-Identifier: MIT
"""The scripted server itself, seen through raw sockets."""
from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from faultserver import (
    Close,
    Endless,
    ExpectRequest,
    FaultServer,
    HalfClose,
    Hang,
    RefusingPort,
    Repeat,
    Reset,
    Send,
    Wait,
    answer,
)

GET = b"GET /path?q HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:2\r\n\r\n"


@contextlib.contextmanager
def dial(server: FaultServer):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        yield sock


def read_all(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def test_a_request_is_read_and_answered_and_the_connection_closed():
    with FaultServer([ExpectRequest(), Send(answer(b"hello"))]) as server:
        with dial(server) as sock:
            sock.sendall(GET)
            assert read_all(sock) == b"HTTP/1.1 200 Scripted\r\nContent-Length: 5\r\n\r\nhello"
    (request,) = server.requests
    assert (request.method, request.target, request.connection, request.body) == ("GET", "/path?q", 0, b"")
    assert request.fields == [("Host", "h"), ("X-A", "1"), ("x-a", "2")]
    assert request.header("x-A") == "1, 2"
    assert request.header("missing") is None
    assert request.head == GET == bytes(server.connections[0].received)
    assert server.connections[0].client_left == ""


def test_an_answer_may_lie_about_its_length():
    lie = answer(b"abc", status=503, headers=[("A", "b")], length=9)
    assert lie == b"HTTP/1.1 503 Scripted\r\nContent-Length: 9\r\nA: b\r\n\r\nabc"


@pytest.mark.parametrize(
    ("head", "sent", "body"),
    [
        (b"Content-Length: 5\r\n\r\n", b"12345", b"12345"),
        (b"Content-Length: 0\r\n\r\n", b"", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\n", b"abc0123456789"),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_bodies_are_read_whole_in_any_split(head: bytes, sent: bytes, body: bytes, piece: int):
    data = b"POST / HTTP/1.1\r\n" + head + sent
    with FaultServer([Repeat([ExpectRequest()], times=2), Send(b"done")]) as server:
        with dial(server) as sock:
            for start in range(0, 2 * len(data), piece):
                sock.sendall((data + data)[start : start + piece])
            assert read_all(sock) == b"done"
    assert [request.body for request in server.requests] == [body, body]


def test_each_connection_plays_its_own_script_and_the_last_one_goes_on():
    with FaultServer([Send(b"first")], [Send(b"second")], [Send(b"rest")]) as server:
        said = []
        for _ in range(4):
            with dial(server) as sock:
                said.append(read_all(sock))
        assert said == [b"first", b"second", b"rest", b"rest"]
    assert len(server.connections) == 4


def test_reset_is_a_reset_and_close_is_an_end():
    with FaultServer([ExpectRequest(), Reset(), Send(b"never")], [ExpectRequest(), Close(), Send(b"never")]) as server:
        with dial(server) as sock:
            sock.sendall(GET)
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        with dial(server) as sock:
            sock.sendall(GET)
            assert sock.recv(1) == b""


def test_half_close_ends_one_direction():
    with FaultServer([Send(b"bye"), HalfClose(), ExpectRequest()]) as server:
        with dial(server) as sock:
            assert read_all(sock) == b"bye"
            sock.sendall(GET)
            server.wait_for_requests(1)


def test_wait_waits_for_the_test():
    go_on = threading.Event()
    with FaultServer([Send(b"a"), Wait(go_on), Send(b"b")]) as server:
        with dial(server) as sock:
            assert sock.recv(10) == b"a"
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(10)
            sock.settimeout(20)
            go_on.set()
            assert read_all(sock) == b"b"


def test_endless_sends_until_the_client_leaves():
    with FaultServer([Endless(b"x" * 1000)]) as server:
        with dial(server) as sock:
            seen = 0
            while seen < 10_000_000:
                piece = sock.recv(1 << 20)
                assert piece == b"x" * len(piece) and piece
                seen += len(piece)
        server.wait_for_connections(1, done=True)
        assert server.connections[0].client_left == "reset"


def test_hang_reads_until_the_client_leaves():
    with FaultServer([Hang()]) as server:
        with dial(server) as sock:
            sock.sendall(b"anything")
        server.wait_for_connections(1, done=True)
    assert bytes(server.connections[0].received) == b"anything"
    assert server.connections[0].client_left == "closed"


def test_a_script_may_repeat_for_ever_and_ends_with_the_client():
    with FaultServer([Repeat([ExpectRequest(), Send(b"!")])]) as server:
        with dial(server) as sock:
            for _ in range(5):
                sock.sendall(GET)
                assert sock.recv(10) == b"!"
        server.wait_for_connections(1, done=True)
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    "script",
    [[ExpectRequest()], [Hang()], [Wait(threading.Event())], [Endless(b"x")], [Send(b"x" * 100_000_000)]],
)
def test_the_end_of_the_block_ends_every_script(script):
    with FaultServer(script) as server:
        sock = socket.create_connection(("127.0.0.1", server.port))
        server.wait_for_connections(1)
    sock.close()
    assert server.connections[0].done
    assert server.connections[0].client_left == ""


def test_an_unfinished_request_is_none():
    with FaultServer([ExpectRequest(), Send(b"never")]) as server:
        with dial(server) as sock:
            sock.sendall(GET[:-2])
            sock.shutdown(socket.SHUT_WR)
            assert read_all(sock) == b""
    assert server.requests == []
    assert bytes(server.connections[0].received) == GET[:-2]


def test_a_wrong_step_fails_the_test():
    with pytest.raises(TypeError, match="is not a step"):
        with FaultServer(["nonsense"]) as server:
            with dial(server) as sock:
                assert read_all(sock) == b""
    with pytest.raises(ValueError):
        FaultServer()


def test_many_connections_at_once():
    with FaultServer([ExpectRequest(), Send(answer())]) as server:
        socks = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(50)]
        for sock in socks:
            sock.sendall(GET)
        assert all(read_all(sock).endswith(b"ok") for sock in socks)
        for sock in socks:
            sock.close()
    assert sorted(request.connection for request in server.requests) == list(range(50))


def test_a_refusing_port_refuses():
    with RefusingPort() as refusing:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", refusing.port))
