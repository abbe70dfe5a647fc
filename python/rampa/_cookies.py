# SPDX-License-Identifier: MIT
"""The cookies of a VU, and what scripts give as cookies of one request."""

from __future__ import annotations

import collections.abc
import datetime
import time
import typing

if typing.TYPE_CHECKING:
    from rampa._rampa import HttpClient


class Cookie(typing.NamedTuple):
    """A cookie of a VU.

    Attributes:
        name: of the cookie.
        value: of the cookie.
        domain: the host that it goes to.
        path: it goes to URLs with this path, or one below it.
        expires: seconds since 1970; None when it lasts as long as the iteration.
        secure: whether it goes to https only.
        http_only: whether scripts of a page would not see it.
        host_only: whether it does not go to hosts below the domain.

    >>> Cookie("sid", "7", "shop.test", "/").value
    '7'
    """

    name: str
    value: str
    domain: str
    path: str
    expires: int | None = None
    secure: bool = False
    http_only: bool = False
    host_only: bool = True


class Cookies:
    """The cookies of a VU, ``worker.http.cookies``.

    Servers set them, requests send them, as browsers do (RFC 6265bis, with the public suffix list). They end with the
    iteration, unless ``Options(keep_cookies=True)`` keeps them as long as the VU.

    Args:
        client: whose cookies these are.
    """

    __slots__ = ("_client",)

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def set(
        self,
        name: str,
        value: str,
        url: typing.Any,
        *,
        domain: str | None = None,
        path: str | None = None,
        expires: float | datetime.datetime | None = None,
        max_age: float | None = None,
        secure: bool = False,
        http_only: bool = False,
    ) -> None:
        """Sets a cookie, as if the server of a URL had.

        Args:
            name: of the cookie.
            value: of the cookie.
            url: where it comes from, and goes to.
            domain: it goes to all hosts below this one; to the host of the URL only when this is not given.
            path: it goes to URLs with this path, or one below it; that of the URL when this is not given.
            expires: a datetime, or seconds since 1970.
            max_age: seconds from now on, instead of ``expires``.
            secure: it goes to https only.
            http_only: scripts of a page would not see it.

        Raises:
            ValueError: it cannot be a cookie, or not one of this URL.
        """
        if max_age is not None:
            end: int | None = int(time.time() + max_age)
        elif isinstance(expires, datetime.datetime):
            end = int(expires.timestamp())
        else:
            end = None if expires is None else int(expires)
        if not self._client._cookie_set(str(url), name, str(value), domain, path, end, bool(secure), bool(http_only)):
            raise ValueError(f"{url} cannot set the cookie {name!r}: its domain, path or 'secure' does not fit the URL")

    def get(self, name: str, default: typing.Any = None, url: typing.Any = None) -> typing.Any:
        """The value of a cookie, or the default.

        Args:
            name: of the cookie.
            default: what is returned when there is none.
            url: only cookies that go there.
        """
        values = [cookie.value for cookie in self.all(url) if cookie.name == name]
        return values[-1] if values else default

    def all(self, url: typing.Any = None) -> list[Cookie]:
        """All cookies, the oldest first.

        Args:
            url: only cookies that go there.
        """
        return [Cookie(*fields) for fields in self._client._cookies(None if url is None else str(url))]

    def for_url(self, url: typing.Any) -> dict[str, str]:
        """Names and values of the cookies that go to a URL.

        Args:
            url: absolute.
        """
        return {cookie.name: cookie.value for cookie in self.all(url)}

    def delete(self, name: str, url: typing.Any = None) -> int:
        """Takes the cookies of a name out, and returns how many there were.

        Args:
            name: of the cookie.
            url: only cookies that go there.
        """
        return self._client._cookies_remove(name, None if url is None else str(url))

    def clear(self, url: typing.Any = None) -> int:
        """Takes all cookies out, and returns how many there were.

        Args:
            url: only cookies that go there.
        """
        return self._client._cookies_remove(None, None if url is None else str(url))

    def __getitem__(self, name: str) -> str:
        for cookie in reversed(self.all()):
            if cookie.name == name:
                return cookie.value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(cookie.name == name for cookie in self.all())

    def __iter__(self) -> collections.abc.Iterator[Cookie]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    def __repr__(self) -> str:
        return f"Cookies({[cookie.name for cookie in self.all()]})"


def cookie_field(value: typing.Any) -> str:
    """The value of the header field Cookie that an option ``cookies=`` means.

    Args:
        value: a dict, pairs, a ``http.cookies.SimpleCookie``, or a jar whose cookies have ``name`` and ``value``.

    Raises:
        TypeError, ValueError: it is none of these, or a name or value cannot be one of a cookie.
    """
    if isinstance(value, (str, bytes)):
        raise TypeError(f"cookies takes a dict or pairs, not {value!r:.80}")
    try:
        items: list[typing.Any] = list(value.items() if isinstance(value, collections.abc.Mapping) else value)
        pairs = [(item.name, item.value) if hasattr(item, "name") else tuple(item) for item in items]
        return "; ".join(_pair(name, text) for name, text in pairs)
    except (TypeError, ValueError) as error:
        if str(error).startswith("cookies:"):
            raise
        raise TypeError(f"cookies takes a dict or pairs, not {value!r:.80}") from None


def _pair(name: typing.Any, value: typing.Any) -> str:
    text = getattr(value, "coded_value", value)  # a Morsel, of SimpleCookie
    if not isinstance(name, str) or not isinstance(text, (str, int, float)) or isinstance(text, bool):
        raise TypeError(f"cookies: name and value of {name!r:.80} are text or a number")
    text = str(text)
    if not name or any(c in "=;" or ord(c) < 33 or ord(c) == 127 for c in name):
        raise ValueError(f"cookies: {name!r:.80} is no name of a cookie")
    if any(c == ";" or ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError(f"cookies: the value of {name!r:.80} has a ';' or a control character")
    return f"{name}={text}"
