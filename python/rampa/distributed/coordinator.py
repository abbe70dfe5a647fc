# SPDX-License-Identifier: MIT
"""The workers of a program that leads them, for programs that were written for the package rampa 0.0.

``rampa run --workers`` has a coordinator of its own. This module has no server: the program accepts the connections.
"""

from __future__ import annotations

import logging
import queue
import typing

from rampa._types import Sample, make_sample
from rampa.distributed.protocol import Envelope, MessageType
from rampa.distributed.segment import ExecutionSegment

_log = logging.getLogger(__name__)


@typing.runtime_checkable
class WorkerConnection(typing.Protocol):
    """A connection to a worker: any object with these members.

    Attributes:
        worker_id: the name of the worker.
        segment: its part of the load.
    """

    worker_id: str
    segment: ExecutionSegment

    async def send(self, envelope: Envelope) -> None:
        """Sends a message.

        Args:
            envelope: the message.
        """

    async def close(self) -> None:
        """Closes the connection."""


class CoordinatorState:
    """The workers that are connected.

    >>> CoordinatorState().worker_count
    0
    """

    def __init__(self) -> None:
        self._workers: dict[str, WorkerConnection] = {}
        self._seq = 0

    @property
    def worker_count(self) -> int:
        """How many workers are connected."""
        return len(self._workers)

    def register_worker(self, conn: WorkerConnection) -> None:
        """Adds a worker. One that has connected again takes the place of its first connection.

        Args:
            conn: the connection to it.
        """
        self._workers[conn.worker_id] = conn
        _log.info("the worker %r is connected", conn.worker_id)

    def remove_worker(self, worker_id: str) -> None:
        """Removes a worker, if it is there.

        Args:
            worker_id: its name.
        """
        if self._workers.pop(worker_id, None):
            _log.info("the worker %r is not connected any more", worker_id)

    async def broadcast(self, msg_type: MessageType, payload: dict[str, typing.Any]) -> None:
        """Sends a message to all workers, one after the other. A worker to which it cannot be sent gets a line in the log.

        Args:
            msg_type: what the message says.
            payload: what more it says.
        """
        self._seq += 1
        envelope = Envelope(msg_type, "coordinator", self._seq, payload)
        for conn in list(self._workers.values()):
            try:
                await conn.send(envelope)
            except Exception as error:
                _log.warning("the message %r did not reach the worker %r: %r", msg_type.value, conn.worker_id, error)


def ingest_remote_samples(payload: dict[str, typing.Any], sample_queue: queue.SimpleQueue[Sample | None]) -> int:
    """Puts the samples of a message into a queue.

    They get the time at which they have arrived: the clock of another machine counts from another moment.

    Args:
        payload: of a message ``samples``.
        sample_queue: where the samples go.

    Returns:
        How many they are.

    Raises:
        ValueError: the payload has something else than samples. None of them is in the queue then.

    >>> samples = queue.SimpleQueue()
    >>> ingest_remote_samples({"samples": [{"m": "hits", "v": 2.0, "t": 1000, "g": {"page": "start"}}]}, samples)
    1
    >>> samples.get().tags
    {'page': 'start'}
    """
    try:
        samples = [_sample(row["m"], row["v"], row.get("g", {})) for row in payload.get("samples", ())]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("a sample needs a name 'm', a number 'v', and tags 'g' that are texts by name") from error
    for sample in samples:
        sample_queue.put(sample)
    return len(samples)


def _sample(metric: typing.Any, value: typing.Any, tags: typing.Any) -> Sample:
    if not isinstance(metric, str) or not isinstance(value, (int, float)):
        raise TypeError
    if not all(isinstance(text, str) for pair in tags.items() for text in pair):
        raise TypeError
    return make_sample(metric, value, tags)
