# SPDX-License-Identifier: MIT
"""A WebSocket server that is not ours (python3-websockets), in a thread: what it does stands in the path of the URL."""
from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any

import pytest

websockets = pytest.importorskip("websockets")


class WsServer:
    """Each connection notes its path, its headers and how it was closed."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.closed: list[tuple[str, int]] = []  # path and the code of the client's close frame
        self.open = 0
        self.changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> WsServer:
        self._thread.start()
        assert self._started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        options: dict[str, Any] = {"subprotocols": ["chat", "v2"], "max_size": None, "ping_interval": None}
        async with websockets.serve(self._handle, "127.0.0.1", 0, ssl=self.context, close_timeout=1, **options) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._started.set()
            await self._end.wait()

    def url(self, path: str = "/echo", host: str = "localhost") -> str:
        return f"{'wss' if self.context else 'ws'}://{host}:{self.port}{path}"

    def wait_for_rest(self) -> None:
        """Until no connection is left."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.open == 0, 30), self.open

    async def _handle(self, ws: Any) -> None:
        path = ws.path.partition("?")[0]
        with self.changed:
            self.seen.append((ws.path, dict(ws.request_headers.raw_items())))
            self.open += 1
            self.changed.notify_all()
        try:
            await getattr(self, f"do_{path[1:]}")(ws)
        except websockets.ConnectionClosed:
            pass
        finally:
            await ws.wait_closed()
            with self.changed:
                self.closed.append((path, ws.close_code))
                self.open -= 1
                self.changed.notify_all()

    async def do_echo(self, ws: Any) -> None:
        async for message in ws:
            await ws.send(message)

    async def do_close(self, ws: Any) -> None:
        """Three messages, then a close frame with a code of its own."""
        for text in ("one", "two", "three"):
            await ws.send(text)
        await ws.close(4001, "enough \x1b[31m")

    async def do_enough(self, ws: Any) -> None:
        """The close frame comes in place of an answer."""
        await ws.recv()
        await ws.close(4001, "enough \x1b[31m")

    async def do_abort(self, ws: Any) -> None:
        await ws.recv()
        ws.transport.abort()

    async def do_leave(self, ws: Any) -> None:
        await ws.recv()
        await ws.close(1001, "bye")

    async def do_refuse(self, ws: Any) -> None:
        await ws.close(4000)

    async def do_silent(self, ws: Any) -> None:
        await ws.wait_closed()

    async def do_greet(self, ws: Any) -> None:
        """A greeting, then pairs: noise, and the answer in capitals."""
        await ws.send("hello")
        async for message in ws:
            await ws.send("noise")
            await ws.send(message.upper())

    async def do_bomb(self, ws: Any) -> None:
        """100 MB of nothing, which compression makes small."""
        await ws.send(bytes(100_000_000))

    async def do_flood(self, ws: Any) -> None:
        """Messages for as long as the client takes them."""
        while True:
            await ws.send(b"x" * 65536)
