# SPDX-License-Identifier: MIT
"""Who a request is from: what ``auth=`` takes."""

from __future__ import annotations

import base64
import typing


class BasicAuth(typing.NamedTuple):
    """A user name and a password, sent with each request (RFC 7617). A pair of texts means the same.

    Attributes:
        login: the user name.
        password: of the user.

    >>> BasicAuth("joe", "s3cret").login
    'joe'
    """

    login: str
    password: str = ""


class BearerAuth(typing.NamedTuple):
    """A token, sent with each request as ``Authorization: Bearer`` (RFC 6750).

    Attributes:
        token: without the word Bearer.

    >>> BearerAuth("abc").token
    'abc'
    """

    token: str


class DigestAuth(typing.NamedTuple):
    """A user name and a password that answer the challenge of a server (RFC 7616: MD5, SHA-256, SHA-512-256).

    The server answers the first request with 401 and a challenge, and rampa sends the request again. Both are samples.

    Attributes:
        login: the user name.
        password: of the user.

    >>> DigestAuth("joe", "s3cret").login
    'joe'
    """

    login: str
    password: str = ""


_NAMES = (("login", "password"), ("username", "password"), ("_username", "_password"), ("_login_str", "_password_bytes"))


def _user_of(value: typing.Any) -> tuple[str, str] | None:
    """User name and password of an object of aiohttp, httpx or requests, or of a pair."""
    for names in _NAMES:
        found = [getattr(value, name, None) for name in names]
        if all(isinstance(text, (str, bytes)) for text in found):
            user, password = (text.decode() if isinstance(text, bytes) else str(text) for text in found)
            return user, password
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(text, str) for text in value):
        return value[0], value[1]
    return None


def authorization(value: typing.Any) -> tuple[str | None, tuple[str, str] | None]:
    """What an option ``auth=`` means: the value of the field Authorization, or user name and password for a challenge.

    Args:
        value: a pair, one of the classes above, or an object of aiohttp, httpx or requests.

    Raises:
        TypeError, ValueError: it is none of these.
    """
    if isinstance(value, BearerAuth):
        return f"Bearer {value.token}", None
    user = _user_of(value)
    if user is None:
        header = getattr(value, "_auth_header", None)  # httpx.BasicAuth keeps nothing else
        if isinstance(header, str):
            return header, None
        kinds = "(user, password), rampa.BasicAuth, rampa.BearerAuth or rampa.DigestAuth"
        raise TypeError(f"auth takes {kinds}, not {type(value).__name__}")
    if "Digest" in type(value).__name__:
        if not user[0]:
            raise ValueError("auth: Digest authentication needs a user name")
        return None, user
    if ":" in user[0]:
        raise ValueError("auth: a user name has no ':' (RFC 7617)")
    encoding = getattr(value, "encoding", "utf-8")
    try:
        plain = f"{user[0]}:{user[1]}".encode(encoding if encoding != "latin1" else "latin-1")
    except UnicodeEncodeError:
        plain = f"{user[0]}:{user[1]}".encode()
    return "Basic " + base64.b64encode(plain).decode(), None
