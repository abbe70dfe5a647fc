# SPDX-License-Identifier: MIT
"""An HTTPS server by Python's ssl (not our layer), which does with each connection what a test says.

    with TlsServer(answers(), certificate) as server:
        ...  # load server.url
"""
from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable

from certificates import Certificate

WAIT_SECONDS = 30
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Serve = Callable[[ssl.SSLSocket], None]


def read_request(sock: ssl.SSLSocket) -> bytes:
    """One request's head, or b"" at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = sock.recv(1)
        if not more:
            return b""
        head += more
    return head


def keep_answering(sock: ssl.SSLSocket) -> None:
    """Answers every request until the client ends."""
    while read_request(sock):
        sock.sendall(OK)


def context_of(certificate: Certificate) -> ssl.SSLContext:
    """A server's settings that show `certificate`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


class TlsServer:
    """Serves each connection in a thread of its own. `failures` are what handshakes and connections failed with, `shaken` the
    connections whose handshake succeeded."""

    def __init__(self, serve: Serve, certificate: Certificate, context: ssl.SSLContext | None = None):
        self.serve = serve
        self.context = context or context_of(certificate)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.failures: list[str] = []
        self.versions: list[str] = []
        self.resumed: list[bool] = []
        self.protocols: list[str | None] = []
        self.threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def __enter__(self) -> TlsServer:
        self.main = threading.Thread(target=self._accept, daemon=True)
        self.main.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.main.join(WAIT_SECONDS)
        self.listener.close()
        for thread in self.threads:
            thread.join(WAIT_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._play, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _play(self, sock: socket.socket) -> None:
        sock.settimeout(WAIT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            secure = self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        except (OSError, ValueError) as error:
            self.failures.append(str(error))
            sock.close()
            return
        self.versions.append(secure.version() or "")
        self.resumed.append(bool(secure.session_reused))
        self.protocols.append(secure.selected_alpn_protocol())
        try:
            self.serve(secure)
        except OSError as error:
            self.failures.append(str(error))
        finally:
            secure.close()
