# SPDX-License-Identifier: MIT
"""Sends bodies to a server by POST, for outputs in Python. It uses the proxies that the environment names."""

from __future__ import annotations

import asyncio
import http
import http.client
import random
import time
import urllib.error
import urllib.parse
import urllib.request

from rampa._types import Sample

TIMEOUT = 10.0
"""Seconds of one request."""
PATIENCE = 10.0
"""Seconds from the first try to the last."""
PAUSE = 0.25
_RETRY_AFTER_MAX = 30.0


class PostError(OSError):
    """What was to be sent is lost."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The header fields may hold a secret."""

    def redirect_request(self, *words: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return None


class Poster:
    """Sends one body after the other, and again after a failed connection, 429 and 5xx.

    Args:
        name: of the output, for messages.
        url: of the server.
        headers: of every request.

    Raises:
        ValueError: that is no URL of HTTP.
    """

    def __init__(self, name: str, url: str, headers: dict[str, str]) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the output {name!r} needs a URL: get_output({name!r}, 'http://HOST:PORT/PATH')")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._url = urllib.parse.urlunsplit(parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}", fragment=""))
        self._headers = {"User-Agent": "rampa", **headers}
        if parts.username is not None:
            import base64

            user = urllib.parse.unquote(f"{parts.username}:{parts.password or ''}")
            self._headers.setdefault("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
        self._opener = urllib.request.build_opener(_NoRedirects())
        self.shown = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
        """All that may be said of the URL: a user name, a path and a query may be secrets."""

    async def post(self, body: bytes) -> bytes:
        """Sends a body, and waits until the server has taken it.

        Args:
            body: of the request.

        Returns:
            The beginning of the answer.

        Raises:
            PostError: it has not.
        """
        until = time.monotonic() + PATIENCE
        pause = PAUSE
        while True:
            trouble, may_pass, asked, answer = await asyncio.to_thread(self._try, body)
            if not trouble:
                return answer
            wait = max(asked, pause * random.uniform(0.5, 1.0))
            if not may_pass or time.monotonic() + wait > until:
                raise PostError(f"{self.shown}: {trouble}")
            await asyncio.sleep(wait)
            pause *= 2

    def _try(self, body: bytes) -> tuple[str, bool, float, bytes]:
        """What went wrong, whether another try may help, how many seconds the server asks to wait, and its answer."""
        request = urllib.request.Request(self._url, data=body, headers=self._headers, method="POST")
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return "", False, 0.0, answer.read(1 << 16)
        except urllib.error.HTTPError as error:
            with error:
                return f"it answered {_status(error.code)}", error.code == 429 or error.code >= 500, _retry_after(error), b""
        except urllib.error.URLError as error:
            return f"it cannot be reached: {_reason(error.reason)}", True, 0.0, b""
        except (OSError, http.client.HTTPException) as error:
            return f"it did not answer: {_reason(error)}", True, 0.0, b""


def _status(code: int) -> str:
    try:
        return f"{code} {http.HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _reason(error: object) -> str:
    return getattr(error, "strerror", None) or type(error).__name__ if isinstance(error, BaseException) else str(error)


def _retry_after(error: urllib.error.HTTPError) -> float:
    text = (error.headers.get("Retry-After") or "").strip()
    return min(float(text), _RETRY_AFTER_MAX) if text.isdecimal() and text.isascii() else 0.0


class WallClock:
    """Times of samples, which are those of the monotonic clock, as nanoseconds since 1970. The clock of the machine is read once."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def of(self, sample: Sample) -> int:
        """When a sample was recorded.

        Args:
            sample: of the run.
        """
        return sample.timestamp + self._offset
