"""What a Response gives out on demand: headers and timings."""

from __future__ import annotations

import collections.abc
import contextlib
import re
import typing


class Headers(collections.abc.Mapping[str, str]):
    """Response headers, a mapping of str to str.

    Look-ups ignore case; repeated fields are joined by ``", "``, ``get_all`` has them one by one.

    Args:
        fields: pairs of name and value, in the order of arrival.

    >>> h = Headers([("Content-Type", "text/html"), ("Via", "a"), ("via", "b")])
    >>> h["content-type"], h["VIA"], h.get_all("via")
    ('text/html', 'a, b', ['a', 'b'])
    """

    __slots__ = ("_fields", "_by_name")

    def __init__(self, fields: collections.abc.Iterable[tuple[str, str]]) -> None:
        self._fields = list(fields)
        self._by_name: dict[str, list[str]] = {}
        for name, value in self._fields:
            self._by_name.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._by_name[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def __iter__(self) -> collections.abc.Iterator[str]:
        seen = set()
        for name, _ in self._fields:
            if name.lower() not in seen:
                seen.add(name.lower())
                yield name

    def __len__(self) -> int:
        return len(self._by_name)

    def get_all(self, name: str) -> list[str]:
        """Every value of a field, in the order of arrival.

        Args:
            name: of the field, in any case.

        Returns:
            The values; an empty list when there is no such field.
        """
        return list(self._by_name.get(name.lower(), ()))

    def raw(self) -> list[tuple[str, str]]:
        """The fields as they came: pairs of name and value."""
        return list(self._fields)

    def charset(self) -> str:
        """The charset of Content-Type if Python knows it, else ``"utf-8"``.

        >>> Headers([("Content-Type", 'text/html; charset="latin-1"')]).charset()
        'latin-1'
        """
        match = re.search(r"charset\s*=\s*\"?([^\s\";]+)", self.get("content-type", "") or "", re.I)
        if match:
            with contextlib.suppress(LookupError, ValueError):
                b"text".decode(match[1], "replace")  # "hex" is a codec, but none of text
                return match[1]
        return "utf-8"

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


class Timings(typing.NamedTuple):
    """The phases of a request, each in milliseconds.

    Attributes:
        blocked: from the request's start in the script until its first byte is offered to the kernel: looking_up and
            connecting are in it.
        looking_up: name resolution; 0 on a kept connection.
        connecting: TCP connect; 0 on a kept connection.
        tls_handshaking: 0, as this version has no TLS.
        sending: until the kernel has accepted the last byte.
        waiting: from there until the first byte of the response.
        receiving: from there until the last byte.
        duration: sending + waiting + receiving.

    >>> Timings(0.1, 0.0, 0.0, 0.0, 0.1, 2.0, 0.4, 2.5).waiting
    2.0
    """

    blocked: float
    looking_up: float
    connecting: float
    tls_handshaking: float
    sending: float
    waiting: float
    receiving: float
    duration: float
