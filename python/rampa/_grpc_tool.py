# SPDX-License-Identifier: MIT
"""What ``rampa run grpc://...`` asks of Python: a process that encodes a message which is given as JSON.

It answers on standard output: ``ok``, the kind of the method (``unary``, or ``stream`` when it has any number of responses) and the
message as base64; or ``error``, a message and a hint. Each is a line.
"""

from __future__ import annotations

import base64
import json
import sys
import typing

from rampa._grpc_schema import GrpcSchema


def _line(text: object) -> str:
    """A text in one line, without characters that a terminal would obey: files and servers may be hostile."""
    return "".join(c if c.isprintable() else " " for c in " ".join(str(text).split()))


def encode(path: str, text: str, files: list[str]) -> tuple[bool, bytes]:
    """The message of a method, and whether the method has any number of responses.

    Raises:
        ImportError: the package protobuf is not installed.
        OSError: a file cannot be read.
        ValueError: there is no such method, or the text is no such message.
    """
    schema = GrpcSchema(*files)
    has_stream = schema._has_stream(path)
    request: typing.Any = json.loads(text)
    if not isinstance(request, dict):
        raise ValueError(f"--json: a message is an object, such as {{}}, and no {type(request).__name__}")
    return has_stream, schema._write(path, request, "--json")


def main(words: list[str]) -> int:
    """Does one task, and says on standard output what has become of it.

    Args:
        words: ``message METHOD FILE...``; the JSON text comes by standard input.
    """
    _, path, *files = words
    try:
        has_stream, message = encode(path, sys.stdin.buffer.read().decode(), files)
    except OSError as error:
        print("error", f"--proto: {_line(error.filename)}: {_line(error.strerror)}", "", sep="\n")
        return 1
    except (ImportError, ValueError, RecursionError) as error:
        print("error", _line(error), "", sep="\n")
        return 1
    print("ok", "stream" if has_stream else "unary", base64.b64encode(message).decode(), sep="\n")
    return 0
