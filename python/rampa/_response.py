"""What a Response gives out on demand: headers and timings."""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import re
import typing


class Headers(dict[str, str]):
    """Response headers, a dict of str to str that ignores case.

    The keys are the names as they came first. Repeated fields are joined by ``", "``; ``get_all`` has them one by one.

    Args:
        fields: pairs of name and value, in the order of arrival, or a mapping.

    >>> h = Headers([("Content-Type", "text/html"), ("Via", "a"), ("via", "b")])
    >>> h["content-type"], h["VIA"], h.get_all("via")
    ('text/html', 'a, b', ['a', 'b'])
    >>> dict(h)
    {'Content-Type': 'text/html', 'Via': 'a, b'}
    """

    __slots__ = ("_fields", "_names")

    def __init__(
        self, fields: collections.abc.Iterable[tuple[str, str]] | collections.abc.Mapping[str, str] = (), /
    ) -> None:
        super().__init__()
        self._fields: list[tuple[str, str]] = []
        self._names: dict[str, str] = {}  # as they came first, by their lower case
        pairs: typing.Any = fields.items() if isinstance(fields, collections.abc.Mapping) else fields
        for name, value in pairs:
            first = self._names.setdefault(name.lower(), name)
            self._fields.append((name, value))
            super().__setitem__(first, f"{super().__getitem__(first)}, {value}" if first in self else value)

    def _name(self, name: object) -> typing.Any:
        return self._names.get(name.lower(), name) if isinstance(name, str) else name

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(self._name(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(self._name(name))

    def get(self, name: str, default: typing.Any = None) -> typing.Any:
        """The value of a field, or the default.

        Args:
            name: of the field, in any case.
            default: what is returned when there is no such field.
        """
        return super().get(self._name(name), default)

    def __setitem__(self, name: str, value: str) -> None:
        first = self._names.setdefault(name.lower(), name)
        self._fields = [field for field in self._fields if field[0].lower() != name.lower()] + [(first, value)]
        super().__setitem__(first, value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(self._name(name))
        del self._names[name.lower()]
        self._fields = [field for field in self._fields if field[0].lower() != name.lower()]

    def setdefault(self, name: str, default: typing.Any = None) -> typing.Any:
        """The value of a field, which is added when there is none.

        Args:
            name: of the field, in any case.
            default: the value that is added.
        """
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, *default: typing.Any) -> typing.Any:
        """Takes a field out and returns its value.

        Args:
            name: of the field, in any case.
            *default: what is returned when there is no such field.

        Raises:
            KeyError: there is no such field, and no default.
        """
        if name not in self and default:
            return default[0]
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, str]:
        """Takes the last field out and returns its name and value.

        Raises:
            KeyError: there is none.
        """
        name = next(reversed(self), None)
        if name is None:
            raise KeyError("there is no field")
        return name, self.pop(name)

    def clear(self) -> None:
        """Takes all fields out."""
        super().clear()
        self._fields.clear()
        self._names.clear()

    def update(self, *others: typing.Any, **fields: str) -> None:
        """Sets fields, as dict.update() does.

        Args:
            *others: a mapping or pairs.
            **fields: further ones.
        """
        for name, value in dict(*others, **fields).items():
            self[name] = value

    def __ior__(self, other: typing.Any) -> typing.Self:  # type: ignore[override]
        self.update(other)
        return self

    def __or__(self, other: typing.Any) -> Headers:  # type: ignore[override]
        both = self.copy()
        both.update(other)
        return both

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return {name.lower(): value for name, value in self.items()} == {
                name.lower(): value for name, value in other.items()
            }
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def copy(self) -> Headers:
        """Another Headers with the same fields."""
        return Headers(self._fields)

    __copy__ = copy

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return Headers, (self._fields,)

    def get_all(self, name: str) -> list[str]:
        """Every value of a field, in the order of arrival.

        Args:
            name: of the field, in any case.

        Returns:
            The values; an empty list when there is no such field.
        """
        return [value for field, value in self._fields if field.lower() == name.lower()]

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


@functools.cache
def response_fields() -> dict[str, typing.Any]:
    """The attributes of a Response as the fields of a dataclass, for dataclasses.fields() and asdict()."""
    import dataclasses

    fields: list[typing.Any] = [
        ("status", int), ("headers", Headers), ("body", bytes), ("url", str), ("method", str), ("reason", str),
        ("ok", bool), ("proto", typing.Any), ("error", typing.Any), ("error_code", int), ("timings", Timings),
        ("tls_version", typing.Any), ("tls_cipher_suite", typing.Any), ("trace_id", typing.Any), ("cookies", dict), ("history", tuple),
    ]  # fmt: skip
    made: typing.Any = dataclasses.make_dataclass("Response", fields)
    return dict(made.__dataclass_fields__)


class Timings(typing.NamedTuple):
    """The phases of a request, each in milliseconds.

    Attributes:
        blocked: from the request's start in the script until its first byte is offered to the kernel, without
            looking_up and connecting.
        looking_up: name resolution; 0 on a kept connection.
        connecting: TCP connect; 0 on a kept connection.
        tls_handshaking: TLS handshake; 0 on a kept connection, and without TLS.
        sending: until the kernel has accepted the last byte.
        waiting: from there until the first byte of the response; interim ones (1xx) are none.
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
