# SPDX-License-Identifier: MIT
"""A receiver of OTLP over gRPC, made with grpcio: strict, and as broken as a test wants it."""
from __future__ import annotations

import contextlib
import socket
import threading
from concurrent import futures
from typing import Any

import grpc
from certificates import Certificate

PATH = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
OWN = {"user-agent", "grpc-accept-encoding", "te", "content-type"}


def retry_info(seconds: int, nanos: int = 0) -> tuple[str, bytes]:
    """The field grpc-status-details-bin of a server that asks to wait, encoded by hand: a google.rpc.Status with RetryInfo."""

    def field(number: int, value: bytes) -> bytes:
        assert len(value) < 128
        return bytes([number << 3 | 2, len(value)]) + value

    def varint(number: int, value: int) -> bytes:
        out = [number << 3]
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes([*out, value])

    delay = (varint(1, seconds) if seconds else b"") + (varint(2, nanos) if nanos else b"")
    info = field(1, b"type.googleapis.com/google.rpc.RetryInfo") + field(2, field(1, delay))
    other = field(1, b"type.googleapis.com/google.rpc.DebugInfo") + field(2, b"")
    return "grpc-status-details-bin", varint(1, 14) + field(2, b"busy") + field(3, other) + field(3, info)


class Receiver:
    """For each request it does what `acts` says, one item a request: bytes are the answer; a status, or a pair of status and trailing
    metadata, is a failure; "restart" fails because the server dies, and comes back at the same port; "hang" does not answer. Without an
    item the answer is empty. It refuses connections until listen() is called."""

    def __init__(self, *acts: Any, certificate: Certificate | None = None, authority: bytes | None = None) -> None:
        self.acts = list(acts)
        self.bodies: list[bytes] = []
        self.taken: list[bytes] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.deadlines: list[float] = []
        self.certificate, self.authority = certificate, authority
        self.closed, self.died = threading.Event(), threading.Event()
        self.holder = socket.socket()  # the port is ours, and nobody listens there
        self.holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.holder.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.holder.getsockname()[1]}"
        self.url = f"grpc{'s' if certificate else ''}://{self.address}"

    def listen(self) -> Receiver:
        method = grpc.unary_unary_rpc_method_handler(self.export)
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        _, service, name = PATH.split("/")
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: method}),))
        if self.certificate:
            pair = [(self.certificate.key.read_bytes(), self.certificate.chain.read_bytes())]
            credentials = grpc.ssl_server_credentials(pair, self.authority, require_client_auth=bool(self.authority))
            assert self.server.add_secure_port(self.address, credentials)
        else:
            assert self.server.add_insecure_port(self.address)
        self.server.start()
        return self

    def export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        metadata = context.invocation_metadata()
        self.metadata.append({key: value for key, value in metadata if key not in OWN})
        self.deadlines.append(context.time_remaining())
        self.bodies.append(body)
        act = self.acts.pop(0) if self.acts else b""
        if act == "hang":
            self.closed.wait(60)
        elif act == "restart":
            threading.Thread(target=self.restart).start()
            self.died.wait(60)
        elif isinstance(act, bytes):
            self.taken.append(body)
            return act
        else:
            status, *trailers = act if isinstance(act, tuple) else (act,)
            context.set_trailing_metadata(trailers)
            context.abort(status, "not \x1b[31mnow\n::error::no")
        return b""

    def restart(self) -> None:
        self.server.stop(0).wait()
        self.died.set()
        self.listen()

    def close(self) -> None:
        self.closed.set()
        self.server.stop(0).wait()
        self.holder.close()


@contextlib.contextmanager
def plain_http() -> Any:
    """A server that speaks only HTTP/1.1, and answers 400 to whatever it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
