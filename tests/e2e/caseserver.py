# SPDX-License-Identifier: MIT
"""A server for the comparison of two clients: it answers by the number of a case and remembers what it was sent.

The field `X-Case` of a request has the number. The first request of a client for a case begins the case anew. What is
answered is a function of the case and of how many requests it has had.
"""
from __future__ import annotations

import http.server
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for other, value in self.fields if other.lower() == name.lower()]
        return ", ".join(values) if values else None


Answer = tuple[int, list[tuple[str, bytes]], bytes]
"""Status, fields, body."""


class CaseServer:
    """Serves `answer(case, index)` on 127.0.0.1 as long as the `with` block lasts."""

    def __init__(self, answer: Callable[[int, int], Answer], context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.seen: dict[int, list[Seen]] = defaultdict(list)
        self._answer = answer

    def __enter__(self) -> CaseServer:
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline:
                    self.close_connection = True
                elif self.parse_request():
                    owner._serve(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self._context:
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self) -> dict[int, list[Seen]]:
        """What was seen since the last call."""
        seen, self.seen = self.seen, defaultdict(list)
        return dict(seen)

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        case = int(handler.headers.get("X-Case", "-1"))
        if handler.headers.get("Expect") == "100-continue":
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = Seen(handler.command, handler.path, tuple(handler.headers.items()), self._body(handler))
        self.seen[case].append(request)
        status, fields, body = self._answer(case, len(self.seen[case]) - 1)
        lines = [b"HTTP/1.1 %d Case" % status, b"Content-Length: %d" % len(body)]
        lines += [name.encode() + b": " + value for name, value in fields]
        handler.wfile.write(b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if handler.command == "HEAD" else body))

    @staticmethod
    def _body(handler: http.server.BaseHTTPRequestHandler) -> bytes:
        if handler.headers.get("Transfer-Encoding") != "chunked":
            return handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        body = b""
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            body += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
        return body
