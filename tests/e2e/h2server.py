# SPDX-License-Identifier: MIT
"""A server of HTTP/2 that sends what a test says, right or wrong, and notes what the client says."""
from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR = range(7)
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED = range(7, 14)

STATUS = b"\x88"  # :status: 200, of the static table of HPACK

Fields = list[tuple[str, str]]


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def goaway(last: int, code: int = NO_ERROR, text: bytes = b"") -> bytes:
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + text)


def reset(stream: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def literal(name: bytes, value: bytes) -> bytes:
    """A field as HPACK writes it without any table, whatever its bytes are."""
    assert len(name) < 127 and len(value) < 127
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


@dataclass
class Request:
    stream: int
    fields: dict[str, str]
    body: bytes = b""


@dataclass
class Peer:
    """One connection. What has been read of the client stands in the lists."""

    socket: socket.socket
    requests: dict[int, Request] = field(default_factory=dict)  # complete ones
    resets: dict[int, int] = field(default_factory=dict)  # stream -> code
    goaways: list[int] = field(default_factory=list)
    settings: dict[int, int] = field(default_factory=dict)
    data: bytes = b""
    frames: list[tuple[int, int, int]] = field(default_factory=list)  # kind, flags, stream

    def __post_init__(self) -> None:
        self.decoder, self.encoder = hpack.Decoder(), hpack.Encoder()
        self.begun: dict[int, Request] = {}
        self.answers_settings = True

    def read(self, length: int) -> bytes:
        while len(self.data) < length:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.data += more
        head, self.data = self.data[:length], self.data[length:]
        return head

    def read_frame(self) -> tuple[int, int, int, bytes]:
        head = self.read(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        payload = self.read(length)
        self.frames.append((kind, flags, stream))
        self.note(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at : at + 6])
                self.settings[key] = value
            if self.answers_settings:
                self.send(frame(SETTINGS, ACK))
        elif kind == HEADERS:
            assert flags & END_HEADERS
            self.begun[stream] = Request(stream, dict(self.decoder.decode(payload)))
        elif kind == DATA:
            if stream in self.begun:
                self.begun[stream].body += payload
        elif kind == RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaways.append(int.from_bytes(payload[4:8], "big"))
        if kind in (HEADERS, DATA) and flags & END_STREAM and stream in self.begun:
            self.requests[stream] = self.begun.pop(stream)

    def begin(self, *pairs: tuple[int, int]) -> None:
        """The client's preface, and ours with these settings."""
        assert self.read(len(PREFACE)) == PREFACE
        self.send(settings(*pairs))

    def expect(self, count: int) -> list[int]:
        """Reads until so many requests are complete. Their streams, in the order of their paths."""
        while len(self.requests) < count:
            self.read_frame()
        return sorted(self.requests, key=lambda stream: self.requests[stream].fields[":path"])

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def headers(self, stream: int, fields: Fields | None = None, end: bool = True) -> bytes:
        block = self.encoder.encode(fields if fields is not None else [(":status", "200")])
        return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def answer(self, stream: int, body: bytes = b"fine") -> None:
        length = ("content-length", str(len(body)))
        self.send(self.headers(stream, [(":status", "200"), length], end=not body))
        if body:
            self.send(frame(DATA, END_STREAM, stream, body))

    def read_to_end(self) -> None:
        """What the client still says, until it closes."""
        try:
            while True:
                self.read_frame()
        except (EOFError, ConnectionError):
            pass


class H2Server:
    """Runs `handle(peer)` for each connection, in a thread, and then reads what the client still says.

    The errors of handlers, such as assertions, are raised at the end of the with block.
    """

    def __init__(self, *handlers: Callable[[Peer], None], secure: Callable[[socket.socket], socket.socket] | None = None) -> None:
        self.secure = secure  # does the handshake of TLS
        self.handlers = handlers  # of the connections in turn; the last one serves all further ones
        self.peers: list[Peer] = []
        self.errors: list[BaseException] = []
        self.threads: list[threading.Thread] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if secure else ''}://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> H2Server:
        self.accepting = threading.Thread(target=self._accept)
        self.accepting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        self.listener.close()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        if self.errors and not error:
            raise self.errors[0]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handler = self.handlers[min(len(self.peers), len(self.handlers) - 1)]
            self.peers.append(Peer(connection))
            self.threads.append(threading.Thread(target=self._serve, args=(self.peers[-1], handler)))
            self.threads[-1].start()

    def _serve(self, peer: Peer, handler: Callable[[Peer], None]) -> None:
        try:
            if self.secure:
                peer.socket = self.secure(peer.socket)
            handler(peer)
            peer.read_to_end()
        except (EOFError, ConnectionError):
            pass
        except BaseException as error:  # noqa: BLE001, told by the thread that waits for it
            self.errors.append(error)
        finally:
            peer.socket.close()


def serve(peer: Peer) -> None:
    """Answers every request as it should be."""
    peer.begin()
    answered: set[int] = set()
    while True:
        for stream in [stream for stream in peer.requests if stream not in answered]:
            answered.add(stream)
            peer.answer(stream)
        peer.read_frame()
