# SPDX-License-Identifier: MIT
"""Arguments of gRPC, as scripts give them and as they are sent: targets, times, metadata and messages."""

from __future__ import annotations

import base64
import collections.abc
import os
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


def _check_port(rest: str, shown: str) -> None:
    """Of ``host:port``, ``[::1]:port`` or a host alone."""
    host, colon, port = rest.rpartition("@")[2].rpartition(":")
    if not colon or port.endswith("]"):
        return
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        raise ValueError(f"target: the port of {shown!r} must be a number from 1 to 65535, not {port!r:.80}")
    if ":" in host and not host.startswith("["):
        raise ValueError(f"target: an address of IPv6 stands in brackets, as in '[::1]:50051'; {shown!r} does not say where it ends")


def target_url(target: str, tls: bool | None) -> str:
    """``host:port``, or a URL without a path, becomes the URL that requests go to."""
    if not isinstance(target, str):
        raise TypeError(f"target: a str such as '127.0.0.1:50051' is expected, not {type(target).__name__}")
    flag(tls, "tls")
    scheme, mark, rest = target.partition("://")
    kind, _, address = target.partition(":")
    if kind in ("dns", "ipv4", "ipv6") and not (kind == "dns" and mark):  # names of gRPC, of which "dns://" is below
        if "," in address:
            raise ValueError(f"target: {target!r:.80} names several addresses; give one, or a name that has them all")
        inner = kind == "ipv6" and not address.startswith("[") and address.count(":") > 1
        target, mark = (f"[{address}]" if inner else address), ""
    if target.startswith("unix:"):
        path = target[len("unix:") :]
        path = "/" + path.lstrip("/") if path.startswith("//") else os.path.abspath(path)
        if tls:
            raise ValueError("target: a socket of this machine has no TLS")
        return "http+unix://" + path.replace("%", "%25").replace("/", "%2F")
    if not mark:
        scheme, rest = ("https" if tls else "http"), target
    elif scheme == "dns":
        authority, slash, rest = rest.partition("/")
        if authority or not slash:
            raise ValueError(f"target: {target!r:.80} names a server of DNS; write 'dns:///host:port', or host:port")
        scheme = "https" if tls else "http"
    elif scheme not in _SCHEMES:
        raise ValueError(f"target: the scheme {scheme!r} is not one of gRPC; write host:port, and tls=True for TLS")
    elif tls is not None and tls != _SCHEMES[scheme]:
        raise ValueError(f"target: {public_url(target)!r} says {'TLS' if _SCHEMES[scheme] else 'no TLS'}, and tls={tls!r} the contrary")
    rest = rest.rstrip("/")
    if not rest or "/" in rest or "?" in rest or "#" in rest:
        raise ValueError(f"target: {public_url(target)!r} is no host:port; the method is given with each call")
    _check_port(rest, public_url(target))
    return f"{'https' if scheme in ('https', 'grpcs') else 'http'}://{rest}"


def flag(value: typing.Any, name: str) -> bool:
    """None, False or True, for which 0 and 1 stand too."""
    if value is not None and not (isinstance(value, int) and value in (0, 1)):
        raise TypeError(f"{name} takes True or False, not {value!r:.80}")
    return bool(value)


_OTHER_NAMES = {
    "timeout": "deadline", "secure": "tls", "ssl": "tls", "insecure": "tls", "use_tls": "tls", "credentials": "tls", "headers": "metadata",
    "max_receive_message_length": "max_message_size", "max_msg_size": "max_message_size", "compress": "compression", "proto": "schema",
    "load_balancing": "balance", "reflect": "reflection", "response_class": "response", "response_type": "response", "tag": "tags",
}  # fmt: skip
"""What other programs call an argument."""


_F = typing.TypeVar("_F", bound=collections.abc.Callable[..., typing.Any])


def only_named(function: _F) -> _F:
    """Has the signature that people are shown leave out ``**unknown``, which takes what :func:`refuse_names` refuses."""
    import inspect

    whole = inspect.signature(function)
    shown = [parameter for parameter in whole.parameters.values() if parameter.kind != parameter.VAR_KEYWORD]
    function.__signature__ = whole.replace(parameters=shown)  # type: ignore[attr-defined]
    return function


def refuse_names(function: typing.Any, given: collections.abc.Iterable[str]) -> typing.NoReturn:
    """A call had arguments that there are not. ``function`` says which there are.

    Raises:
        TypeError: always, with what was meant.
    """
    import difflib
    import inspect

    name = next(iter(given))
    known = list(inspect.signature(function).parameters)
    close = [_OTHER_NAMES[name]] if _OTHER_NAMES.get(name) in known else difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
    raise TypeError(f"{function.__qualname__}() got an unexpected keyword argument {name!r} ({hint})")


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
    if isinstance(given, (str, bytes)) or not isinstance(given, collections.abc.Iterable):
        raise TypeError(f"metadata takes a dict, or a list of pairs (name, value), not {given!r:.80}")
    made = []
    for item in given:
        # The Metadata of grpc.aio is a mapping, and gives pairs all the same.
        pair = (item, given[item]) if isinstance(given, collections.abc.Mapping) and not isinstance(item, tuple) else item
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"metadata takes a dict, or a list of pairs (name, value); {pair!r:.80} is no pair")
        made.append(_pair(*pair))
    return made


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
