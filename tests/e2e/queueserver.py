# SPDX-License-Identifier: MIT
"""A queue with one server: requests are served one after the other, each for an exponentially distributed time.

    python queueserver.py RATE SEED

The first line of its output is its URL. When its standard input ends, it prints for each request when it arrived, when
its service was over and when the answer had been sent, in seconds of the monotonic clock, as JSON.

Service is virtual: when it is over is computed from when it began, and slept for. A late wake-up makes one answer late,
and none after it.
"""
from __future__ import annotations

import json
import queue
import random
import selectors
import socket
import sys
import threading
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD_END = b"\r\n\r\n"


class Server:
    def __init__(self, rate: float, seed: int) -> None:
        self.rate = rate
        self.random = random.Random(seed)
        self.free_at = 0.0  # when all that has arrived is served
        self.waiting: queue.SimpleQueue[tuple[socket.socket, float, float]] = queue.SimpleQueue()
        self.served: list[tuple[float, float, float]] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)

    def take(self, sock: socket.socket) -> None:
        arrived = time.monotonic()
        self.free_at = max(self.free_at, arrived) + self.random.expovariate(self.rate)
        self.waiting.put((sock, arrived, self.free_at))

    def receive(self) -> None:
        """Takes whatever arrives, without end."""
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ)
        heads: dict[socket.socket, bytes] = {}
        while True:
            for key, _ in selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self.listener:
                    sock, _ = self.listener.accept()
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    heads[sock] = b""
                    selector.register(sock, selectors.EVENT_READ)
                    continue
                data = sock.recv(65536)
                if not data:
                    selector.unregister(sock)  # left open: an answer may be under way
                    continue
                *complete, heads[sock] = (heads[sock] + data).split(HEAD_END)
                for _ in complete:
                    self.take(sock)

    def serve(self) -> None:
        """Answers each when its service is over, without end."""
        while True:
            sock, arrived, over = self.waiting.get()
            while (left := over - time.monotonic()) > 0:
                time.sleep(left)
            sock.sendall(ANSWER)
            self.served.append((arrived, over, time.monotonic()))


def main() -> None:
    server = Server(float(sys.argv[1]), int(sys.argv[2]))
    for work in (server.receive, server.serve):
        threading.Thread(target=work, daemon=True).start()
    print("http://127.0.0.1:%d" % server.listener.getsockname()[1], flush=True)
    sys.stdin.read()
    json.dump(server.served, sys.stdout)


if __name__ == "__main__":
    main()
