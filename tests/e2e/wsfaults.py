# SPDX-License-Identifier: MIT
"""A WebSocket server that keeps to a script, with every class of fault, and remembers what the client answers."""
from __future__ import annotations

import base64
import hashlib
import socket
import threading
from dataclasses import dataclass, field

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n"
PATIENCE = 60


def frame(opcode: int, payload: bytes = b"", fin: bool = True, bits: int = 0) -> bytes:
    """As a server sends it; bits are the reserved ones."""
    first = (0x80 if fin else 0) | bits | opcode
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65536:
        return bytes([first, 126]) + len(payload).to_bytes(2, "big") + payload
    return bytes([first, 127]) + len(payload).to_bytes(8, "big") + payload


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(8, code.to_bytes(2, "big") + reason)


@dataclass
class Case:
    """What the server sends once the WebSocket is open, and what has to come of it."""

    sent: bytes
    messages: list[str | bytes] = field(default_factory=list)
    """That the client gives to the script."""
    code: int = 1002
    """Of the client's close frame; 1005 = a close frame without a code."""
    pongs: list[bytes] = field(default_factory=list)
    fields: bytes = b""
    """Further ones of the handshake."""
    answer: bytes | None = None
    """In place of the handshake."""
    ends: bool = False
    """The server closes the connection after it, and the client has nothing to say."""
    echoes: bool = False
    """The server sends the messages of the client back."""
    piece: int = 0
    """How many bytes are sent at once; 0 = all."""


@dataclass
class Answered:
    """What the client has sent."""

    pongs: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    code: int | None = None
    """None = there was no close frame."""
    reason: str = ""
    all_masked: bool = True
    total: int = 0
    """Bytes, of the request and of frames."""


class FaultServer:
    """Serves the case that the path of a request names by its number, as long as the `with` block lasts."""

    def __init__(self, cases: list[Case]) -> None:
        self.cases = cases
        self.answered = [Answered() for _ in cases]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FaultServer:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which ends accept()
        self._accepting.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as stream:
            try:
                self._converse(sock, stream)
            except OSError:  # the client has gone
                pass

    def _converse(self, sock: socket.socket, stream: object) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()  # type: ignore[attr-defined]
            if not line:
                return
            head += line
        number = int(head.split(b" ")[1].strip(b"/"))
        case = self.cases[number]
        self.answered[number].total += len(head)
        key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        data = case.answer if case.answer is not None else HEAD % (accept, case.fields)
        data = data.replace(b"@ACCEPT@", accept) + case.sent
        for at in range(0, len(data), case.piece or len(data)):
            sock.sendall(data[at : at + (case.piece or len(data))])
        if case.ends:
            sock.shutdown(socket.SHUT_WR)
        if b"\r\nConnection: close" in data:
            return
        self._listen(sock, stream, self.answered[number], case.echoes)

    def _listen(self, sock: socket.socket, stream: object, answered: Answered, echoes: bool) -> None:
        """Until the client closes the connection, or has sent a close frame: then the server has to close it."""

        def read(length: int) -> bytes:
            data: bytes = stream.read(length)  # type: ignore[attr-defined]
            answered.total += len(data)
            return data

        while len(start := read(2)) == 2:
            length = start[1] & 127
            if length >= 126:
                length = int.from_bytes(read(2 if length == 126 else 8), "big")
            answered.all_masked &= bool(start[1] & 128)
            mask = read(4) if start[1] & 128 else bytes(4)
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(read(length)))
            opcode = start[0] & 15
            if opcode == 10:
                answered.pongs.append(payload)
            elif opcode == 8:
                answered.code = int.from_bytes(payload[:2], "big") if payload else 1005
                answered.reason = payload[2:].decode()
                return
            else:
                answered.messages.append(payload)
                if echoes:
                    sock.sendall(frame(opcode, payload))
