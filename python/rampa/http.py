# SPDX-License-Identifier: MIT
"""The HTTP client outside of a run, for unit tests of scripts. In a run, ``worker.http`` is the client."""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import json
import queue
import typing

from rampa._standin import StandIn
from rampa._types import Sample

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa

_Answer = typing.TypeVar("_Answer")


@dataclasses.dataclass(frozen=True)
class Response(metaclass=StandIn):
    """A response made by hand. What a request gives is an instance of this class too, and has more: ``rampa.Response``.

    Attributes:
        status: 200.
        headers: name -> value.
        body: the bytes.
        url: of the request.

    >>> Response(200, {}, b'{"id": 7}', "http://127.0.0.1/").json()
    {'id': 7}
    """

    _real: typing.ClassVar[type] = _rampa.Response

    status: int
    headers: dict[str, str]
    body: bytes
    url: str

    def json(self) -> typing.Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    def text(self) -> str:
        """The body as UTF-8, with U+FFFD for what is none."""
        return self.body.decode("utf-8", errors="replace")


class HttpClient(metaclass=StandIn):
    """The client of ``worker.http`` for a program that has no run: it puts what it measures into a queue.

    Every request, and every batch, is a run of one iteration by the engine, so that it is made and measured as in a test. Each
    has connections of its own.

    Args:
        sample_queue: gets the samples of a request before its await returns.
        tags: that every sample has besides those of the request.
    """

    _real: typing.ClassVar[type] = _rampa.HttpClient

    def __init__(self, sample_queue: queue.SimpleQueue[Sample | None], tags: dict[str, str]) -> None:
        self._queue = sample_queue
        self._tags = tags

    async def request(self, method: str, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """Sends a request and waits for its response.

        Args:
            method: ``"GET"``.
            url: absolute.
            **options: those of ``worker.http.request()``.

        Raises:
            rampa.errors.RequestError: there is no complete response.
        """
        return await _measured(lambda client: client.request(method, url, **options), self._keep)

    async def get(self, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """See :meth:`request`.

        Args:
            url: absolute.
            **options: those of ``worker.http``.
        """
        return await self.request("GET", url, **options)

    async def post(self, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """See :meth:`request`.

        Args:
            url: absolute.
            **options: those of ``worker.http``.
        """
        return await self.request("POST", url, **options)

    async def put(self, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """See :meth:`request`.

        Args:
            url: absolute.
            **options: those of ``worker.http``.
        """
        return await self.request("PUT", url, **options)

    async def patch(self, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """See :meth:`request`.

        Args:
            url: absolute.
            **options: those of ``worker.http``.
        """
        return await self.request("PATCH", url, **options)

    async def delete(self, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """See :meth:`request`.

        Args:
            url: absolute.
            **options: those of ``worker.http``.
        """
        return await self.request("DELETE", url, **options)

    async def head(self, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """See :meth:`request`.

        Args:
            url: absolute.
            **options: those of ``worker.http``.
        """
        return await self.request("HEAD", url, **options)

    async def options(self, url: typing.Any, **options: typing.Any) -> _rampa.Response:
        """See :meth:`request`.

        Args:
            url: absolute.
            **options: those of ``worker.http``.
        """
        return await self.request("OPTIONS", url, **options)

    async def batch(self, requests: typing.Any) -> typing.Any:
        """Sends several requests at once, which share connections.

        Args:
            requests: a list or a dict, as ``worker.http.batch()`` takes it.

        Returns:
            A list or a dict of their responses.
        """
        return await _measured(lambda client: client.batch(requests), self._keep)

    async def close(self) -> None:
        """Does nothing: no connection outlives its request."""

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def _keep(self, sample: Sample) -> None:
        if sample.metric.startswith(("http_", "data_")):
            self._queue.put(sample._replace(tags={**sample.tags, **self._tags}))


async def _measured(
    send: collections.abc.Callable[[_rampa.HttpClient], collections.abc.Awaitable[_Answer]],
    on_sample: collections.abc.Callable[[Sample], object],
) -> _Answer:
    """Makes one request, or one batch, in a run of its own."""
    from rampa.config import Config, ScenarioConfig
    from rampa.engine import Engine, EngineOptions
    from rampa.loader import TestPlan

    answers: list[_Answer | BaseException] = []

    async def once(worker: _rampa.Worker) -> None:
        try:
            answers.append(await send(worker.http))
        except BaseException as error:
            answers.append(error)

    fields = ScenarioConfig(executor="per-vu-iterations", iterations=1)
    plan = TestPlan(scenarios={"request": (fields, once)}, config=Config())
    controller = await Engine(plan, EngineOptions(on_sample=on_sample)).start()
    try:
        await controller.wait()
    except asyncio.CancelledError:
        await controller._abandon()
        raise
    if isinstance(answers[0], BaseException):
        raise answers[0]
    return answers[0]
