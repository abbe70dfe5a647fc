# SPDX-License-Identifier: MIT
"""Arguments of gRPC, as scripts give them and as they are sent: targets, times, metadata and messages."""

from __future__ import annotations

import base64
import collections.abc
import re
import typing

Metadata = typing.Union["collections.abc.Mapping[str, str | bytes]", "collections.abc.Iterable[tuple[str, str | bytes]]"]


class Message(typing.Protocol):
    """What Protocol Buffers generates for a message."""

    def SerializeToString(self) -> bytes: ...


class MessageClass(typing.Protocol):
    """The class of one."""

    def FromString(self, data: bytes, /) -> typing.Any: ...


Tags = collections.abc.Mapping[str, typing.Any]
Request = typing.Union[bytes, bytearray, memoryview, Message, "dict[str, typing.Any]"]

_SCHEMES = {"http": False, "https": True, "grpc": False, "grpcs": True}
_NAME = re.compile(r"[0-9a-z_.-]+")
_RESERVED = frozenset({"content-type", "te", "connection", "host", "content-length", "transfer-encoding"})


def public_url(text: str) -> str:
    """A target or a URL without user name and password: as it may be shown."""
    scheme, mark, rest = text.partition("://")
    return scheme + mark + rest.rpartition("@")[2] if mark else text.rpartition("@")[2]


def one_line(text: object, most: int = 500) -> str:
    """A text of a server or a file, as a message may have it: one line, without characters that a terminal would obey, and no longer than that."""
    whole = str(text)
    part = " ".join(whole[: 4 * most].split())
    mark = "..." if len(part) > most or len(whole) > 4 * most else ""
    return "".join(c if c.isprintable() else " " for c in part[:most]) + mark


def target_url(target: str, tls: bool | None) -> str:
    """``host:port``, or a URL without a path, becomes the URL that requests go to."""
    if not isinstance(target, str):
        raise TypeError(f"target: a str such as '127.0.0.1:50051' is expected, not {type(target).__name__}")
    scheme, mark, rest = target.partition("://")
    if target.startswith("unix:"):
        path = target[len("unix:") :]
        path = "/" + path.lstrip("/") if path.startswith("//") else path
        if tls:
            raise ValueError("target: a socket of this machine has no TLS")
        return "http+unix://" + path.replace("%", "%25").replace("/", "%2F")
    if not mark:
        scheme, rest = ("https" if tls else "http"), target
    elif scheme == "dns":
        scheme, rest = ("https" if tls else "http"), rest.lstrip("/")
    elif scheme not in _SCHEMES:
        raise ValueError(f"target: the scheme {scheme!r} is not one of gRPC; write host:port, and tls=True for TLS")
    elif tls is not None and tls != _SCHEMES[scheme]:
        raise ValueError(f"target: {public_url(target)!r} says {'TLS' if _SCHEMES[scheme] else 'no TLS'}, and tls={tls!r} the contrary")
    rest = rest.rstrip("/")
    if not rest or "/" in rest or "?" in rest or "#" in rest:
        raise ValueError(f"target: {public_url(target)!r} is no host:port; the method is given with each call")
    return f"{'https' if scheme in ('https', 'grpcs') else 'http'}://{rest}"


def shown_url(url: str) -> str:
    """What ``target_url()`` has made, as a target is written, without user name and password."""
    public = public_url(url)
    return "grpc" + public[len("http") :] if public.startswith(("http://", "https://")) else public


def seconds(value: typing.Any, name: str = "deadline") -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} takes a number of seconds, or None, not {value!r:.80}")
    if not 0 < value < 1e9:
        raise ValueError(f"{name} takes more than 0 seconds, or None for none, not {value!r}")
    return float(value)


def some_seconds(value: typing.Any, name: str) -> float:
    """As seconds(), of a time that must be there."""
    if value is None:
        raise ValueError(f"{name} takes more than 0 seconds, not None")
    return seconds(value, name)


def tag_pairs(tags: Tags | None) -> list[tuple[str, str]]:
    if tags is None:
        return []
    if not isinstance(tags, collections.abc.Mapping):
        raise TypeError(f"tags takes a dict, not {type(tags).__name__}")
    return [(str(name), str(value)) for name, value in tags.items()]


def pairs(metadata: Metadata | None) -> list[tuple[str, str]]:
    """Metadata as it is sent. Values of names that end in ``-bin`` are bytes, and go as base64."""
    if metadata is None:
        return []
    given: typing.Any = metadata
    items: list[tuple[str, str | bytes]] = list(given.items() if isinstance(given, collections.abc.Mapping) else given)
    return [_pair(name, value) for name, value in items]


def _pair(name: str, value: str | bytes) -> tuple[str, str]:
    lower = name.lower() if isinstance(name, str) else ""
    if not _NAME.fullmatch(lower):
        raise ValueError(f"metadata: {name!r} is no name; it has letters, digits and the characters _ - . only")
    if lower.startswith("grpc-") or lower in _RESERVED:
        raise ValueError(f"metadata: gRPC has the name {name!r} for itself")
    if lower.endswith("-bin"):
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"metadata: {name!r} ends in -bin and takes bytes, not {type(value).__name__}")
        return lower, base64.b64encode(value).rstrip(b"=").decode()
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        raise TypeError(f"metadata: {name!r} takes a str, not {type(value).__name__}")
    if not all(" " <= c <= "~" for c in value):
        raise ValueError(f"metadata: {name!r} takes printable ASCII; other values go under a name that ends in -bin, as bytes")
    return lower, value


def shown(given: collections.abc.Iterable[tuple[str, str]]) -> dict[str, str | bytes]:
    """Metadata that has come, without what gRPC has for itself. Repeated values stand in one, with commas."""
    made: dict[str, str | bytes] = {}
    for name, value in given:
        lower = name.lower()
        if lower in _RESERVED or (lower.startswith("grpc-") and lower != "grpc-status-details-bin"):
            continue
        before = made.get(lower)
        if lower.endswith("-bin"):
            made[lower] = (before if isinstance(before, bytes) else b"") + _from_base64(value)
        else:
            made[lower] = f"{before}, {value}" if isinstance(before, str) else value
    return made


def _from_base64(value: str) -> bytes:
    """Broken values become what can be made of them: a server may send anything."""
    try:
        return b"".join(base64.b64decode(part + "=" * (-len(part) % 4)) for part in value.split(","))
    except ValueError:
        return value.encode("latin-1", "replace")


def to_bytes(request: typing.Any) -> bytes:
    if isinstance(request, bytes):
        return request
    if isinstance(request, (bytearray, memoryview)):
        return bytes(request)
    serialize = getattr(request, "SerializeToString", None)
    if serialize is None or isinstance(request, type):
        more = "; a dict needs schema= or reflection=True of the channel" if isinstance(request, dict) else ""
        raise TypeError(f"a request of gRPC is bytes, or a message of Protocol Buffers, not {_kind(request)}{more}")
    return typing.cast(bytes, serialize())


def _kind(value: object) -> str:
    return f"the class {value.__name__}: write {value.__name__}()" if isinstance(value, type) else type(value).__name__


def check_class(response: typing.Any) -> None:
    if response is not None and not callable(getattr(response, "FromString", None)):
        raise TypeError(f"response= takes the class of a message of Protocol Buffers, not {response!r:.80}")
    if hasattr(response, "DESCRIPTOR") and not isinstance(response, type):
        kind = type(response).__name__
        raise TypeError(f"response= takes the class of a message itself: {kind}, not one of it: {kind}()")
