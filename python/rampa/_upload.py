# SPDX-License-Identifier: MIT
"""Bodies that an async iterator makes while they are sent."""

from __future__ import annotations

import asyncio
import typing

if typing.TYPE_CHECKING:
    from rampa._rampa import HttpClient, Request, Response


async def send_from(client: HttpClient, request: Request, source: typing.Any) -> Response:
    """Sends a request with what an iterator gives as its body, in chunks, and waits for the response.

    Args:
        client: that has made the request.
        request: with a body that is fed.
        source: an async iterator of bytes or text.

    Raises:
        rampa.errors.RequestError: there is no complete response.
    """
    loop = asyncio.get_running_loop()
    wanted: asyncio.Future[None] | None = None

    def drained(*_: object) -> None:
        if wanted is not None and not wanted.done():
            wanted.set_result(None)

    client._on_drain(request, drained)
    request.add_done_callback(drained)  # which begins it
    iterator = source.__aiter__()
    try:
        async for chunk in iterator:
            if request.done():  # the server has answered without waiting for the rest
                break
            if client._feed(request, chunk.encode() if isinstance(chunk, str) else bytes(chunk)):
                wanted = loop.create_future()
                await wanted
        client._feed(request, None)
    except BaseException:
        request.cancel()
        raise
    finally:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()
    return await request
