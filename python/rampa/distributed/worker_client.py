# SPDX-License-Identifier: MIT
"""A worker's connection to a program that leads it, for programs that were written for the package rampa 0.0.

It needs the package aiohttp. The workers of ``rampa run --workers`` need neither.
"""

from __future__ import annotations

import asyncio
import queue
import typing

from rampa._types import Sample
from rampa.distributed.protocol import Envelope, MessageType, encode

if typing.TYPE_CHECKING:
    import aiohttp

_VERSION = "0.0.1"  # of the messages, as the package rampa 0.0 calls it
_IDLE = 0.1  # seconds


class WorkerClient:
    """A worker's end of a WebSocket. Each message is a binary frame of JSON.

    Args:
        coordinator_url: where the coordinator listens, such as ``ws://localhost:6565``.
        worker_id: the name of the worker, which no other one has.
        batch_size: how many samples a message has at most.

    Raises:
        ValueError: a batch would have no sample.
    """

    def __init__(self, coordinator_url: str, worker_id: str, batch_size: int = 1000) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        self._url = coordinator_url
        self._worker_id = worker_id
        self._batch_size = batch_size
        self._seq = 0
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def connect(self) -> None:
        """Connects, and says who the worker is (``register``).

        Raises:
            ImportError: the package aiohttp is not installed.
            aiohttp.ClientError: there is no such coordinator.
        """
        try:
            import aiohttp
        except ImportError as error:
            raise ImportError("WorkerClient needs the package aiohttp: pip install aiohttp") from error
        await self.close()
        self._session = aiohttp.ClientSession()
        try:
            self._socket = await self._session.ws_connect(self._url)
            await self._send(MessageType.REGISTER, {"version": _VERSION, "worker_id": self._worker_id})
        except BaseException:
            await self.close()
            raise

    async def stream_samples(self, sample_queue: queue.SimpleQueue[Sample | None]) -> None:
        """Sends the samples of a queue until None comes out of it.

        A message goes out when it is full, and when the queue has been empty for 0.1 seconds.

        Args:
            sample_queue: where the samples come from.
        """
        batch: list[Sample] = []
        was_empty = False
        while True:
            try:
                sample = sample_queue.get_nowait()
            except queue.Empty:
                if was_empty:
                    await self._send_samples(batch)
                was_empty = True
                await asyncio.sleep(_IDLE)
                continue
            was_empty = False
            if sample is None:
                break
            batch.append(sample)
            if len(batch) >= self._batch_size:
                await self._send_samples(batch)
        await self._send_samples(batch)

    async def send_phase(self, phase: str) -> None:
        """Says which phase the worker's run has reached.

        Args:
            phase: its name.
        """
        await self._send(MessageType.PHASE, {"phase": phase})

    async def send_heartbeat(self, active_vus: int, iteration_count: int) -> None:
        """Answers the question whether the worker is alive.

        Args:
            active_vus: how many VUs it has.
            iteration_count: how many iterations have ended.
        """
        await self._send(MessageType.HEARTBEAT_RESP, {"active_vus": active_vus, "iteration_count": iteration_count})

    async def close(self) -> None:
        """Closes the connection, if there is one."""
        socket, self._socket = self._socket, None
        session, self._session = self._session, None
        try:
            if socket is not None:
                await socket.close()
        finally:
            if session is not None:
                await session.close()

    async def _send_samples(self, batch: list[Sample]) -> None:
        rows = [{"m": each.metric, "v": each.value, "t": each.timestamp, "g": each.tags} for each in batch]
        batch.clear()
        if rows:
            await self._send(MessageType.SAMPLES, {"samples": rows})

    async def _send(self, msg_type: MessageType, payload: dict[str, typing.Any]) -> None:
        if self._socket is None:
            raise RuntimeError("the worker is not connected: call connect() first")
        self._seq += 1
        await self._socket.send_bytes(encode(Envelope(msg_type, self._worker_id, self._seq, payload)))
