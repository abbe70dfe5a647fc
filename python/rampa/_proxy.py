# SPDX-License-Identifier: MIT
"""Which proxy a request goes through: what ``proxy=`` and ``proxy_auth=`` take."""

from __future__ import annotations

import re
import typing
import urllib.parse

_named: set[str] = set()


def url_text(value: typing.Any) -> str:
    """The text of a proxy, which may be a URL of yarl's.

    Args:
        value: what was given.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, str) or hasattr(value, "human_repr"):
        return str(value)
    raise TypeError(f"proxy takes a URL such as 'http://127.0.0.1:3128', not {type(value).__name__}")


def plain_url(value: typing.Any) -> typing.Any:
    """The text of a URL of yarl's; what is none is given back.

    Args:
        value: what was given.
    """
    return str(value) if hasattr(value, "human_repr") else value


def auth_text(value: typing.Any) -> typing.Any:
    """User and password as they stand in a URL; what is no such pair is given back.

    Args:
        value: a pair, or rampa's, aiohttp's, httpx's or requests' BasicAuth.
    """
    from rampa._auth import _user_of

    user = _user_of(value)
    return value if user is None else ":".join(urllib.parse.quote(text, safe="") for text in user)


def proxy_of(options: dict[str, typing.Any]) -> tuple[str, str | None] | None:
    """The proxy of a request with its user and password, "" for none at all; and what the summary is to say of it, the first time.

    Args:
        options: those that the request was given.

    Raises:
        TypeError, ValueError: they cannot be.
    """
    if "proxy" not in options:
        if "proxy_auth" in options:
            raise TypeError("proxy_auth= is for the proxy that proxy= names; the one of the run has rampa.Options(proxy_auth=)")
        return None
    text = url_text(options["proxy"])
    scheme, separator, place = text.rpartition("://")
    shown = scheme + separator + place.rpartition("@")[2]
    if text and "proxy_auth" in options:
        auth = auth_text(options["proxy_auth"])
        if not isinstance(auth, str) or auth is options["proxy_auth"]:
            raise TypeError(f"proxy_auth takes (user, password) or rampa.BasicAuth, not {type(auth).__name__}")
        if "@" in place:
            raise ValueError("give user and password either in proxy= or by proxy_auth=")
        text = f"{scheme}{separator}{auth}@{place}"
    if not text or shown in _named:
        return text, None
    _named.add(shown)
    return text, f"requests went through the proxy {re.sub(r'[^!-~]', '?', shown)} (proxy=)"
