# SPDX-License-Identifier: MIT
"""Forms with files: what ``files=``, a file in ``data=`` and aiohttp's FormData become (RFC 7578)."""

from __future__ import annotations

import collections.abc
import io
import mimetypes
import os
import stat
import typing


class Part(typing.NamedTuple):
    """A field of a form."""

    name: str
    value: typing.Any
    """A str, bytes, a number or a file."""
    filename: str | None = None
    kind: str | None = None
    """The Content-Type; None when there is none."""
    headers: list[tuple[str, str]] = []  # noqa: RUF012 - never changed


def is_file(value: typing.Any) -> bool:
    """Whether a value is something to read from."""
    return hasattr(value, "read")


def read_file(file: typing.Any, what: str) -> bytes:
    """The bytes of a file from where it stands, and it stands there again afterwards if it can.

    Args:
        file: a binary file or one of text.
        what: the option that it was given to.

    Raises:
        TypeError: reading gives neither bytes nor text at once.
    """
    at = file.tell() if hasattr(file, "seek") and getattr(file, "seekable", lambda: True)() else None
    data = file.read()
    if isinstance(data, str):
        data = data.encode(getattr(file, "encoding", None) or "utf-8")
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"{what}: reading the file gives {type(data).__name__}, not bytes")
    if at is not None:
        file.seek(at)
    return bytes(data)


def _name_of(file: typing.Any, default: str) -> str:
    name = getattr(file, "name", None)
    return os.path.basename(name) if isinstance(name, str) and name and not name.startswith("<") else default


def _kind_of(filename: str | None) -> str:
    return mimetypes.guess_type(filename or "")[0] or "application/octet-stream"


def _bytes_of(value: typing.Any, what: str) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if is_file(value):
        return read_file(value, what)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value).encode()
    raise TypeError(f"{what}: a value is text, bytes, a number or a file, not {value!r:.80}")


def _pairs(value: typing.Any, what: str) -> list[tuple[str, typing.Any]]:
    try:
        pairs = list(value.items() if isinstance(value, collections.abc.Mapping) else value)
        return [(str(name), item) for name, item in pairs]
    except (TypeError, ValueError):
        raise TypeError(f"{what} takes a dict or pairs, not {value!r:.80}") from None


def parts_of_files(files: typing.Any) -> list[Part]:
    """The fields that an option ``files=`` means.

    Args:
        files: name -> file or content, or (filename, content), with a Content-Type and headers behind them.

    Raises:
        TypeError: it is something else.
    """
    parts = []
    for name, item in _pairs(files, "files"):
        filename, content, kind, headers = None, item, None, []
        if isinstance(item, (tuple, list)):
            if not 2 <= len(item) <= 4:
                raise TypeError(f"files: {name!r:.80} is (filename, content), (filename, content, type) or has headers behind them")
            filename, content = item[0], item[1]
            kind = item[2] if len(item) > 2 else None
            headers = _pairs(item[3], "files") if len(item) > 3 and item[3] else []
        elif is_file(item):
            filename = _name_of(item, name)
        else:
            filename = name
        parts.append(Part(name, content, filename, kind or (_kind_of(filename) if filename is not None else None), headers))
    return parts


def parts_of_data(data: typing.Any, what: str = "data") -> list[Part]:
    """The fields of a form in ``data=``, some of which may be files.

    Args:
        data: a dict or pairs; a value may be a list.
        what: the option that it was given to.
    """
    parts = []
    for name, values in _pairs(data, what):
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if is_file(value):
                filename = _name_of(value, name)
                parts.append(Part(name, value, filename, _kind_of(filename)))
            else:
                parts.append(Part(name, value))
    return parts


def parts_of_form(form: typing.Any) -> tuple[list[Part], bool]:
    """The fields of aiohttp's FormData, and whether it wants to be multipart.

    Args:
        form: a FormData.

    Raises:
        TypeError: it is none of aiohttp's.
    """
    fields = getattr(form, "_fields", None)
    if not isinstance(fields, list):
        raise TypeError("data is a FormData, but none of aiohttp's")
    parts = []
    for options, headers, value in fields:
        name = str(options.get("name", ""))
        filename = options.get("filename")
        others = [(key, text) for key, text in headers.items() if key.lower() != "content-type"]
        kind = next((text for key, text in headers.items() if key.lower() == "content-type"), None)
        if kind is None and filename is not None:
            kind = _kind_of(filename)
        parts.append(Part(name, value, filename, kind, others))
    return parts, bool(getattr(form, "_is_multipart", False))


def _quoted(text: str) -> str:
    """As the HTML standard has it, which browsers, curl and servers follow."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _head(part: Part) -> str:
    lines = [f'Content-Disposition: form-data; name="{_quoted(part.name)}"']
    if part.filename is not None:
        lines[0] += f'; filename="{_quoted(str(part.filename))}"'
    if part.kind is not None:
        lines.append(f"Content-Type: {part.kind}")
    lines += [f"{name}: {value}" for name, value in part.headers]
    for line in lines:
        if "\r" in line or "\n" in line:
            raise ValueError(f"a header of the field {part.name!r:.80} has a line end")
    return "\r\n".join(lines)


STREAMED = 64 * 1024
"""Files of so many bytes or more are read while they are sent."""

Piece = typing.Union[bytes, "tuple[int, int, int]"]
"""Bytes; or descriptor, offset and size of a part of a file."""


def piece_of(file: typing.Any) -> tuple[int, int, int] | None:
    """The rest of a file on disk, to be read while it is sent. None when it is no such file, or a small one.

    Args:
        file: something to read from.
    """
    if not isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO)):
        return None
    try:
        status = os.fstat(file.fileno())
        at = file.tell()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_size - at < STREAMED:
        return None
    return file.fileno(), at, status.st_size - at


def encode(parts: list[Part], what: str, boundary: str | None = None) -> tuple[bytes | list[Piece], str]:
    """The body of a form, and its Content-Type.

    Args:
        parts: its fields.
        what: the option that they were given to.
        boundary: what stands between the fields; chosen by chance when it is not given.

    >>> encode([Part("a", "1")], "data", "x")[0]
    b'--x\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--x--\\r\\n'
    """
    boundary = boundary or os.urandom(16).hex()
    pieces: list[Piece] = []
    body = io.BytesIO()
    for part in parts:
        body.write(f"--{boundary}\r\n{_head(part)}\r\n\r\n".encode())
        piece = piece_of(part.value)
        if piece:
            pieces += [body.getvalue(), piece]
            body = io.BytesIO()
        else:
            body.write(_bytes_of(part.value, what))
        body.write(b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())
    kind = f"multipart/form-data; boundary={boundary}"
    if not pieces:
        return body.getvalue(), kind
    return [*pieces, body.getvalue()], kind
