# SPDX-License-Identifier: MIT
"""What ``rampa run grpc://...`` asks of Python: a process that encodes a message which is given as JSON.

What the message looks like is in files, or the server tells it by reflection. The answer goes to standard output: ``ok``, the kind of
the method (``unary``, ``client_stream``, or ``stream`` when it has any number of responses) and the message as base64; or ``error``, a
message and a hint. Each is a line.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import typing

from rampa._grpc_schema import SEVERAL_REQUESTS, SEVERAL_RESPONSES, GrpcSchema
from rampa._grpc_wire import one_line, shown_url

_HINT = "give the .proto file or a descriptor set with --proto FILE"


_REMEDIES = {
    1101: "check the name of the server",
    1212: "check that the server runs, and its port",
    1310: "--cacert FILE trusts the authority in FILE, --insecure accepts any certificate",
    1311: "the certificate is for another name; --insecure accepts any",
    1312: "the certificate is not valid now; --insecure accepts any",
    1313: "a server without TLS has a URL with grpc://",
    1601: "check that the server speaks HTTP/2; one with TLS has a URL with grpcs://",
    1901: "a server with TLS has a URL with grpcs://",
}


def _remedy(error_code: int) -> str:
    """What helps against a failure of the connection. A server that has answered in another way may be one without reflection."""
    return _REMEDIES.get(error_code, "" if 1100 <= error_code < 1400 else _HINT)


class _Failed(Exception):
    """What is said, and what helps."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


def _metadata(fields: list[list[str]]) -> list[tuple[str, str | bytes]]:
    """What goes along with the question, for servers that ask who it is. Bytes are given as base64, with padding or without."""
    return [(name, base64.b64decode(value + "==") if name.lower().endswith("-bin") else value) for name, value in fields]


async def _reflect(path: str, asked: dict[str, typing.Any]) -> GrpcSchema:
    """The schema that the server gives, asked for by a run of one call, which goes the way of the calls.

    Raises:
        _Failed: it gives none.
    """
    from rampa import Config, Engine, Options, ScenarioConfig
    from rampa.errors import ConfigError, GrpcError
    from rampa.grpc import GrpcStatus
    from rampa.loader import TestPlan

    got: list[GrpcSchema | Exception] = []

    async def ask(worker: typing.Any) -> None:
        metadata = _metadata(asked["metadata"])
        channel = worker.grpc.connect(asked["url"], reflection=True, metadata=metadata, deadline=asked["timeout"] or None)
        try:
            await channel._learn(path)
            got.append(channel._schema)
        except (GrpcError, ValueError) as error:
            got.append(error)

    try:
        config = Config(options=Options(**asked["options"]))
        plan = TestPlan(scenarios={"ask": (ScenarioConfig(executor="per-vu-iterations", vus=1, iterations=1), ask)}, config=config)
        await (await Engine(plan).start()).wait()
    except ConfigError as error:
        raise _Failed(str(error)) from error
    found = got[0] if got else ValueError("the server was not asked")
    if isinstance(found, GrpcSchema):
        return found
    if isinstance(found, GrpcError) and found.status_code == GrpcStatus.UNIMPLEMENTED:
        raise _Failed(f"{shown_url(asked['url'])} does not tell what its messages look like: it has no reflection", _HINT)
    if isinstance(found, GrpcError):
        raise _Failed(f"{found.details} ({GrpcStatus(found.status_code).name})", _remedy(found.error_code))
    raise _Failed(str(found))


def encode(path: str, asked: dict[str, typing.Any], files: list[str]) -> tuple[str, bytes]:
    """The kind of a method, and its message.

    Raises:
        ImportError: the package protobuf is not installed.
        OSError: a file cannot be read.
        ValueError: there is no such method, or the text is no such message.
        _Failed: the server gives no schema.
    """
    request: typing.Any = json.loads(asked["json"])
    if not isinstance(request, dict):
        raise ValueError(f"--json: a message is an object, such as {{}}, and no {type(request).__name__}")
    schema = GrpcSchema(*files) if files else asyncio.run(_reflect(path, asked))
    kind = schema._types(path).kind
    name = "stream" if kind & SEVERAL_RESPONSES else "client_stream" if kind & SEVERAL_REQUESTS else "unary"
    return name, schema._write(path, request, "--json")


def main(words: list[str]) -> int:
    """Does one task, and says on standard output what has become of it.

    Args:
        words: ``message METHOD FILE...``. What else is asked for comes by standard input as JSON, for it may hold secrets: ``json``, the
            text; ``url`` of the server, ``metadata``, ``timeout`` in seconds (0 = none is given) and ``options`` of the run, for reflection.
    """
    _, path, *files = words
    try:
        kind, message = encode(path, json.load(sys.stdin.buffer), files)
    except OSError as error:
        print("error", f"--proto: {one_line(error.filename)}: {os.strerror(error.errno or 0)}", "", sep="\n")
        return 1
    except (ImportError, ValueError, RecursionError, _Failed) as error:
        print("error", one_line(error, 2000), getattr(error, "hint", ""), sep="\n")
        return 1
    print("ok", kind, base64.b64encode(message).decode(), sep="\n")
    return 0
