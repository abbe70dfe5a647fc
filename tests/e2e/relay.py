# SPDX-License-Identifier: MIT
"""A server that hands bytes on to another one, until it is cut: a connection that is lost."""
from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Listens at @here, and hands on to @there."""

    def __init__(self, here: tuple[str, int], there: tuple[str, int]) -> None:
        self.here, self.there = here, there
        self.sockets: list[socket.socket] = []
        self.listen()

    def listen(self) -> None:
        self.listener = socket.create_server(self.here)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                pair = (listener.accept()[0], socket.create_connection(self.there))
                self.sockets += pair
                for source, goal in (pair, pair[::-1]):
                    threading.Thread(target=self.pump, args=(source, goal), daemon=True).start()

    def pump(self, source: socket.socket, goal: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                goal.sendall(data)
        for one in (source, goal):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Nothing gets through until listen()."""
        for one in (self.listener, *self.sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.sockets.clear()
