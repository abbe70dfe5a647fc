# SPDX-License-Identifier: MIT
"""A server that does exactly what a test scripts, byte for byte, and remembers what it was sent.

    with FaultServer([ExpectRequest(), Send(answer(b"hel", length=5)), Reset()]) as server:
        ...  # load server.url
    assert len(server.requests) == 1

A script is a list of steps, played on every connection. Given several scripts, the first connection plays the first,
the second the second, and all further ones the last. A connection is closed after its last step, and a script ends early
when the client goes away. When the `with` block ends, so does everything that still waits or sends; `requests` and
`connections` are final then. Inside the block `wait_for_requests` and `wait_for_connections` wait for what a client
has only just done.
"""
from __future__ import annotations

import functools
import select
import socket
import struct
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WAIT_SECONDS = 30
RECEIVE_SIZE = 65536


def answer(
    body: bytes = b"ok", status: int = 200, headers: Iterable[tuple[str, str]] = (), length: int | None = None
) -> bytes:
    """A whole answer. `length` makes Content-Length say something else than the truth."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


# ---- what a script is made of -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExpectRequest:
    """Reads one whole request, with its body, into `requests`."""


@dataclass(frozen=True)
class Send:
    """Sends these bytes, all of them, however slowly the client reads."""

    data: bytes


@dataclass(frozen=True)
class Endless:
    """Sends these bytes again and again until the client goes away."""

    data: bytes


@dataclass(frozen=True)
class Wait:
    """Does nothing until the test sets the event."""

    event: threading.Event


@dataclass(frozen=True)
class Hang:
    """Reads what comes and answers nothing, until the client goes away."""


@dataclass(frozen=True)
class HalfClose:
    """Sends the end of the stream (FIN) and goes on with the script."""


@dataclass(frozen=True)
class Close:
    """Closes the connection (FIN, or RST by the system when something was not read)."""


@dataclass(frozen=True)
class Reset:
    """Resets the connection (RST)."""


@dataclass(frozen=True)
class Repeat:
    """Plays these steps `times` times, or as long as the client stays."""

    steps: Sequence[Step]
    times: int | None = None


Step = ExpectRequest | Send | Endless | Wait | Hang | HalfClose | Close | Reset | Repeat


# ---- what a test can read afterwards -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    connection: int  # index in `connections`
    head: bytes  # with the blank line
    body: bytes  # without chunk framing

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The header fields in their order, names as they were sent."""
        lines = self.head.decode("latin-1").split("\r\n")[1:-2]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def header(self, name: str) -> str | None:
        """The value of a field, repeated ones joined by ", "; None when it was not sent."""
        values = [value for other, value in self.fields if other.lower() == name.lower()]
        return ", ".join(values) if values else None


@dataclass
class Connection:
    """One accepted connection."""

    received: bytearray = field(default_factory=bytearray)  # every byte, in order
    client_left: str = ""  # "closed" or "reset" when the client ended it before the script did
    done: bool = False  # the script has ended and the connection is closed


class _ClientLeft(Exception):
    pass


class _Stopped(Exception):
    pass


class _Ended(Exception):
    """The script itself has ended the connection."""


class _Player:
    """Plays one script on one connection."""

    def __init__(self, server: FaultServer, sock: socket.socket, index: int) -> None:
        self.server = server
        self.sock = sock
        self.index = index
        self.record = server.connections[index]
        self.unread = bytearray()  # received, and not yet part of a request
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def play(self, steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                self.step(step)
        except _ClientLeft as left:
            self.record.client_left = str(left)
        except (_Stopped, _Ended):
            pass
        finally:
            self.sock.close()
            self.server._note(lambda: setattr(self.record, "done", True))

    def step(self, step: Step) -> None:
        match step:
            case ExpectRequest():
                head = self.read_head()
                request = Request(self.index, head, self.read_body(head))
                self.server._note(lambda: self.server.requests.append(request))
            case Send(data):
                self.send(data)
            case Endless(data):
                while True:
                    self.send(data)
            case Wait(event):
                while not event.wait(0.02):  # so that the end of the test is seen too
                    if self.server._stopping:
                        raise _Stopped
            case Hang():
                while True:
                    self.receive()
            case HalfClose():
                self.sock.shutdown(socket.SHUT_WR)
            case Close():
                raise _Ended
            case Reset():
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _Ended
            case Repeat(steps, times):
                while times is None or times > 0:
                    for inner in steps:
                        self.step(inner)
                    times = times and times - 1
            case _:
                raise TypeError(f"{step!r} is not a step")

    def wait(self, read: bool) -> None:
        """Until the socket can be read or written, or the test ends."""
        mine, stop = [self.sock], self.server._stop_reader
        ready = select.select(mine + [stop] if read else [stop], [] if read else mine, [])
        if stop in ready[0]:
            raise _Stopped

    def receive(self) -> None:
        """Appends what comes to `unread`."""
        self.wait(read=True)
        try:
            data = self.sock.recv(RECEIVE_SIZE)
        except ConnectionError:
            raise _ClientLeft("reset") from None
        if not data:
            raise _ClientLeft("closed")
        self.record.received += data
        self.unread += data

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self.wait(read=False)
            try:
                left = left[self.sock.send(left) :]
            except BlockingIOError:
                continue
            except ConnectionError:
                raise _ClientLeft("reset") from None

    def take(self, length: int) -> bytes:
        while len(self.unread) < length:
            self.receive()
        data = bytes(self.unread[:length])
        del self.unread[:length]
        return data

    def take_until(self, mark: bytes) -> bytes:
        while mark not in self.unread:
            self.receive()
        return self.take(self.unread.index(mark) + len(mark))

    def read_head(self) -> bytes:
        return self.take_until(b"\r\n\r\n")

    def read_body(self, head: bytes) -> bytes:
        request = Request(self.index, head, b"")
        if (request.header("Transfer-Encoding") or "").lower() != "chunked":
            return self.take(int(request.header("Content-Length") or 0))
        body = b""
        while size := int(self.take_until(b"\r\n").partition(b";")[0], 16):
            body += self.take(size + 2)[:-2]
        while self.take_until(b"\r\n") != b"\r\n":  # trailers
            pass
        return body


class FaultServer:
    """A scripted server on 127.0.0.1, on a port of the system's choosing; see the head of this file."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        if not scripts:
            raise ValueError("a FaultServer needs a script")
        self.scripts = scripts
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.errors: list[BaseException] = []  # of the scripts themselves; raised when the block ends
        self._changed = threading.Condition()
        self._stopping = False
        self._stop_reader, self._stop_writer = socket.socketpair()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultServer:
        self._start(self._accept)
        return self

    def __exit__(self, exc_type: object, *_: object) -> None:
        self._stopping = True
        self._stop_writer.close()  # readable for ever
        for thread in self._threads:  # the first one adds the others, and is joined first
            thread.join()
        self._listener.close()
        self._stop_reader.close()
        if self.errors and exc_type is None:
            raise self.errors[0]

    def wait_for_requests(self, count: int) -> None:
        self._wait_for(lambda: len(self.requests) >= count, f"{count} requests")

    def wait_for_connections(self, count: int, done: bool = False) -> None:
        """Until that many were accepted, or with `done` have ended."""
        self._wait_for(
            lambda: len(self.connections) >= count
            and (not done or sum(connection.done for connection in self.connections) >= count),
            f"{count} connections",
        )

    def _wait_for(self, condition, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, WAIT_SECONDS):
                raise AssertionError(
                    f"waited for {what}; there are {len(self.requests)} requests on {len(self.connections)} connections"
                )

    def _note(self, change) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def _start(self, function, *args: object) -> None:
        def guarded() -> None:
            try:
                function(*args)
            except Exception as error:
                self._note(functools.partial(self.errors.append, error))

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._stop_reader], [], [])
            if self._stop_reader in ready:
                return
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionError):
                continue
            index = len(self.connections)
            self._note(lambda: self.connections.append(Connection()))
            player = _Player(self, sock, index)
            self._start(player.play, self.scripts[min(index, len(self.scripts) - 1)])


class RefusingPort:
    """A port on 127.0.0.1 that refuses connections for as long as the `with` block lasts, and is nobody else's."""

    def __enter__(self) -> RefusingPort:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound, and not listening
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
