# SPDX-License-Identifier: MIT
"""The output ``webhook`` in Python."""

from __future__ import annotations

import json

from rampa._types import Sample
from rampa.outputs._post import Poster, WallClock


class WebhookOutput:
    """Sends every sample to a server, as ``{"samples": [{"metric", "value", "timestamp", "tags"}]}``; times are nanoseconds since 1970.

    What the server does not take is sent again for 10 s after 429, 5xx and failed connections; then it is lost, which is an error.

    Args:
        url: that is posted to.
        headers: further ones.
        batch_size: of one request at most.

    Raises:
        ValueError: that is no URL of HTTP.
    """

    def __init__(self, url: str, headers: dict[str, str] | None = None, batch_size: int = 1000) -> None:
        self._poster = Poster("webhook", url, {"Content-Type": "application/json", **(headers or {})})
        self._batch_size = max(int(batch_size), 1)
        self._clock = WallClock()

    async def start(self) -> None:
        """Sends nothing yet."""
        self._clock = WallClock()

    async def add_samples(self, samples: list[Sample]) -> None:
        """Sends them.

        Args:
            samples: of about a second.
        """
        for first in range(0, len(samples), self._batch_size):
            rows = [
                {"metric": s.metric, "value": s.value, "timestamp": self._clock.of(s), "tags": s.tags}
                for s in samples[first : first + self._batch_size]
            ]
            await self._poster.post(json.dumps({"samples": rows}).encode())

    async def stop(self, error: Exception | None = None) -> None:
        """Does nothing: all is sent.

        Args:
            error: that has ended the run, or None.
        """
