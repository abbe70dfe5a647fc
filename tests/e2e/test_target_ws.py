# SPDX-License-Identifier: MIT
"""The WebSocket of the demo server, through the package websockets, curl, and raw sockets where these are too kind."""
from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

websockets = pytest.importorskip("websockets", reason="python3-websockets is not installed")
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory  # noqa: E402

PATIENCE = 60
ASK = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def run(conversation: Awaitable[Any]) -> Any:
    return asyncio.run(asyncio.wait_for(conversation, PATIENCE))


@pytest.fixture
def url(target: str) -> str:
    return target.replace("http://", "ws://") + "/ws"


def recv_all(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


@pytest.fixture
def dial(target: str) -> Iterator[Callable[[], socket.socket]]:
    """dial() opens a WebSocket by hand."""
    open_: list[socket.socket] = []

    def connect() -> socket.socket:
        address = urlsplit(target)
        sock = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
        open_.append(sock)
        sock.sendall(ASK + b"\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
        return sock

    yield connect
    for sock in open_:
        sock.close()


MESSAGES = ["", "x", "gr\u00fc\u00df \u20ac", b"", b"\x00\xff", "a" * 125, "b" * 126, b"c" * 65535, "d" * 65536, os.urandom(300_000)]


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_come_back(url: str, compression: str | None) -> None:
    async def talk() -> None:
        async with websockets.connect(url, compression=compression, max_size=None) as socket_:
            assert bool(socket_.extensions) == bool(compression)
            for message in MESSAGES:
                await socket_.send(message)
                assert await socket_.recv() == message
            for message in MESSAGES:  # all at once: they wait for each other
                await socket_.send(message)
            assert [await socket_.recv() for _ in MESSAGES] == MESSAGES
            await socket_.send(["in ", "three ", "parts"])
            assert await socket_.recv() == "in three parts"
            await (await socket_.ping(b"payload"))
            largest = b"e" * (1 << 20)
            await socket_.send(largest)
            assert await socket_.recv() == largest
            await socket_.close(4321, "enough")
            assert socket_.close_code == 4321

    run(talk())


@pytest.mark.parametrize("no_context", [False, True])
@pytest.mark.parametrize("bits", [9, 12, 15])
def test_terms_of_compression(url: str, no_context: bool, bits: int) -> None:
    offer = ClientPerMessageDeflateFactory(no_context, no_context, bits, 24 - bits)

    async def talk() -> None:
        async with websockets.connect(url, extensions=[offer], compression=None) as socket_:
            terms = socket_.extensions[0]
            assert (terms.remote_no_context_takeover, terms.local_no_context_takeover) == (no_context, no_context)
            assert (terms.remote_max_window_bits, terms.local_max_window_bits) == (bits, 24 - bits)
            for message in ["text " * n for n in (1, 1, 200, 5000, 1)]:
                await socket_.send(message)
                assert await socket_.recv() == message

    run(talk())


def test_the_first_subprotocol_is_chosen(url: str) -> None:
    async def talk() -> None:
        async with websockets.connect(url, subprotocols=["one", "two"]) as socket_:
            assert socket_.subprotocol == "one"
        async with websockets.connect(url) as socket_:
            assert socket_.subprotocol is None

    run(talk())


def test_many_at_once(url: str) -> None:
    async def talk(number: int) -> None:
        async with websockets.connect(url) as socket_:
            for turn in range(5):
                await socket_.send(f"{number} {turn}")
                assert await socket_.recv() == f"{number} {turn}"

    async def all_of_them() -> None:
        await asyncio.gather(*(talk(number) for number in range(30)))

    run(all_of_them())


def test_with_tls(program: Path, tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    server = subprocess.Popen([program, "target", "--port", "0", "--tls"], stdout=subprocess.PIPE, text=True, env=env)
    assert server.stdout
    address = server.stdout.readline().split()[-1]
    context = ssl.create_default_context(cafile=server.stdout.readline().split()[-1])

    async def talk() -> None:
        async with websockets.connect(address.replace("https", "wss") + "/ws", ssl=context, max_size=None) as socket_:
            for message in MESSAGES:
                await socket_.send(message)
                assert await socket_.recv() == message
            server.send_signal(signal.SIGINT)  # the server stops, and says so
            with pytest.raises(ConnectionClosed) as caught:
                await socket_.recv()
            assert caught.value.rcvd.code == 1001

    try:
        run(talk())
        server.stdout.read()
        assert server.wait(PATIENCE) == 0
    finally:  # not by a second SIGINT: it ends the server at once, in the midst of its end
        server.kill()
        server.wait()


# ---- what is refused -----------------------------------------------------------------------------


def test_a_message_that_is_too_large(url: str) -> None:
    async def talk() -> None:
        async with websockets.connect(url, compression=None, max_size=None) as socket_:
            await socket_.send(b"x" * ((1 << 20) + 1))
            with pytest.raises(ConnectionClosed) as caught:
                await socket_.recv()
            assert caught.value.rcvd.code == 1009 and "limit" in caught.value.rcvd.reason

    run(talk())


def closing(code: int, reason: str = "") -> bytes:
    return bytes([0x88, 2 + len(reason)]) + code.to_bytes(2, "big") + reason.encode()


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\x81\x01x", closing(1002, "the client has not masked a frame")),
        (b"\x83\x80\x00\x00\x00\x00" + b"much more" * 1000, closing(1002, "a frame has an unknown opcode")),
        (b"\x81\x82\x00\x00\x00\x00\xff", closing(1007, "a text message is not UTF-8")),
        (b"\x81\x82\x00\x00\x00\x00hi\x88\x82\x00\x00\x00\x00\x03\xe9", b"\x81\x02hi" + closing(1001)),
        (b"\x88\x80\x00\x00\x00\x00\x81\x81\x00\x00\x00\x00x", b"\x88\x00"),
    ],
    ids=["not masked", "opcode", "text", "close", "close without a code"],
)
def test_how_it_ends(dial: Callable[[], socket.socket], sent: bytes, answer: bytes) -> None:
    sock = dial()
    sock.sendall(sent)
    assert recv_all(sock) == answer


def test_a_peer_that_leaves_without_a_word(dial: Callable[[], socket.socket]) -> None:
    sock = dial()
    sock.sendall(b"\x81\x82\x00\x00\x00\x00hi\x81")
    sock.shutdown(socket.SHUT_WR)
    assert recv_all(sock) == b"\x81\x02hi"


def curl(*words: str) -> str:
    return subprocess.run(["curl", "-sS", "-m", str(PATIENCE), "-i", *words], capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0", "--http2-prior-knowledge"])
def test_a_request_that_asks_for_no_websocket(target: str, version: str) -> None:
    answer = curl(version, target + "/ws").lower()
    assert " 426" in answer.splitlines()[0] and "sec-websocket-version: 13" in answer
    assert ("upgrade: websocket" in answer) == (version != "--http2-prior-knowledge")
    assert "a websocket is expected here, and the field upgrade does not name websocket" in answer


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["-H", "Sec-WebSocket-Version: 8"], 426, "the field Sec-WebSocket-Version is not 13"),
        (["-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: x"], 400, "does not hold 16 bytes in base64"),
        (["-X", "POST"], 405, "the method of the request is not GET"),
    ],
)
def test_a_request_that_asks_in_the_wrong_way(target: str, words: list[str], status: int, text: str) -> None:
    answer = curl("-H", "Upgrade: websocket", "-H", "Connection: Upgrade", *words, target + "/ws")
    assert answer.startswith(f"HTTP/1.1 {status} ") and text in answer
