# SPDX-License-Identifier: MIT
"""Several requests at once: ``worker.http.batch()``."""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import typing

from rampa.errors import RequestError

if typing.TYPE_CHECKING:
    from rampa._rampa import HttpClient, Response

    _Awaitable = collections.abc.Coroutine[typing.Any, typing.Any, Response]

_FORMS = "a URL, (method, url, body, options), a dict with url and options, or a request such as http.get(url)"


def batch(client: HttpClient, requests: typing.Any, limit: int) -> collections.abc.Coroutine[typing.Any, typing.Any, typing.Any]:
    """Prepares all requests, and returns what sends them when it is awaited.

    Args:
        client: that makes the requests.
        requests: a list or a dict of them.
        limit: how many are under way at a time.

    Raises:
        TypeError, ValueError: one of them cannot be prepared. Then none is sent.
    """
    if isinstance(requests, (str, bytes)) or not isinstance(requests, collections.abc.Iterable):
        raise TypeError(f"http.batch() takes a list or a dict of requests, not {requests!r:.80}")
    places = list(requests) if isinstance(requests, collections.abc.Mapping) else None
    items = list(requests.values()) if isinstance(requests, collections.abc.Mapping) else list(requests)
    made: list[_Awaitable] = []
    raising: set[int] = set()
    try:
        for number, item in enumerate(items):
            if isinstance(item, str):
                made.append(client.get(item))
                continue
            if isinstance(item, (tuple, list)) and len(item) == 2:  # client knows the request if it has made it before
                made.append(client.request(*item))
                continue
            options = _options(item, repr(places[number]) if places else str(number))
            if options is None:
                made.append(typing.cast("_Awaitable", item))
            elif len(options) == 2:
                made.append(client.request(options["method"], options["url"]))
            else:
                if options.get("raise_errors") is True or options.get("raise_for_status"):
                    raising.add(number)
                made.append(client.request(**options))
    except BaseException:
        _drop(made)
        raise
    return _Batch(made, raising, limit).run(places)


def _options(item: typing.Any, place: str) -> dict[str, typing.Any] | None:
    """What ``http.request()`` is called with; None for a request that is made already."""
    if type(item).__name__ == "URL":
        return {"method": "GET", "url": item}
    if isinstance(item, collections.abc.Mapping):
        options = {"method": "GET", **item}
        if "body" in options and "data" not in options:
            options["data"] = options.pop("body")
        if "url" in options:
            return options
    elif isinstance(item, (tuple, list)) and 2 <= len(item) <= 4:
        method, url, body, further = (*item, None, None)[:4]
        if further is None or isinstance(further, collections.abc.Mapping):
            return {"method": method, "url": url, **({} if body is None else {"data": body}), **(further or {})}
    elif asyncio.isfuture(item) or inspect.iscoroutine(item):
        return None
    raise TypeError(f"http.batch(): request {place} is to be {_FORMS}, not {item!r:.80}")


def _drop(made: collections.abc.Iterable[_Awaitable]) -> None:
    """Gives up requests, so that nobody is told of a forgotten await."""
    for request in made:
        if isinstance(request, asyncio.Future):
            request.cancel()
        else:
            request.close()


class _Batch:
    """Requests of which some are under way."""

    def __init__(self, made: list[_Awaitable], raising: set[int], limit: int) -> None:
        self._made = made
        self._raising = raising
        self._limit = limit
        self._begun: list[asyncio.Future[Response]] = []
        self._running = 0
        self._end: asyncio.Future[None]

    async def run(self, places: list[typing.Any] | None) -> typing.Any:
        self._end = asyncio.get_running_loop().create_future()
        try:
            self._begin()
            if self._running:
                await self._end
        except BaseException:
            for future in self._begun:
                future.cancel()
            _drop(self._made[len(self._begun) :])
            raise
        answers = [self._answer(number) for number in range(len(self._begun))]
        return answers if places is None else dict(zip(places, answers))

    def _begin(self) -> None:
        while self._running < self._limit and len(self._begun) < len(self._made):
            request: typing.Any = self._made[len(self._begun)]
            future: asyncio.Future[Response] = request if asyncio.isfuture(request) else asyncio.ensure_future(request)
            self._begun.append(future)
            self._running += 1
            future.add_done_callback(self._ended)  # which begins a request

    def _ended(self, future: asyncio.Future[Response]) -> None:
        self._running -= 1
        if self._end.done():
            return
        try:
            self._begin()
        except BaseException as error:
            self._end.set_exception(error)
            return
        if not self._running:
            self._end.set_result(None)

    def _answer(self, number: int) -> Response:
        """What has become of a request that has ended: one that failed does not hide the others."""
        try:
            return self._begun[number].result()
        except RequestError as error:
            if number in self._raising:
                raise
            return error.response
