# SPDX-License-Identifier: MIT
"""Messages between machines, for programs that were written for the package rampa 0.0.

The workers of ``rampa run`` do not use them: they send sums instead of samples.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import json
import time
import types
import typing


class WireFormat(enum.StrEnum):
    """How a message is written. ``MSGPACK`` needs the package ``msgpack``.

    >>> WireFormat("json")
    <WireFormat.JSON: 'json'>
    """

    MSGPACK = "msgpack"
    JSON = "json"


class MessageType(enum.StrEnum):
    """What a message says.

    >>> MessageType("register")
    <MessageType.REGISTER: 'register'>
    """

    REGISTER = "register"
    ASSIGN = "assign"
    SAMPLES = "samples"
    STOP = "stop"
    HEARTBEAT_REQ = "heartbeat_req"
    HEARTBEAT_RESP = "heartbeat_resp"
    THRESHOLD_BREACH = "threshold_breach"
    ERROR = "error"
    PHASE = "phase"


@dataclasses.dataclass(frozen=True)
class Envelope:
    """A message.

    Attributes:
        msg_type: what it says.
        worker_id: who sends it: the name of a worker, or ``coordinator``.
        seq: the number of the message among those of its sender, from 1.
        payload: what more it says.
        timestamp_ns: when it was made, in nanoseconds of the monotonic clock of its sender.
    """

    msg_type: MessageType
    worker_id: str
    seq: int
    payload: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    timestamp_ns: int = dataclasses.field(default_factory=time.monotonic_ns)


def encode(envelope: Envelope, fmt: WireFormat = WireFormat.JSON) -> bytes:
    """Writes a message.

    Args:
        envelope: the message.
        fmt: how to write it.

    Returns:
        The message as JSON in UTF-8, or as MessagePack.

    Raises:
        ImportError: ``fmt`` is ``MSGPACK``, and the package ``msgpack`` is not installed.

    >>> encode(Envelope(MessageType.STOP, "coordinator", 2, {}, 5))
    b'{"msg_type": "stop", "worker_id": "coordinator", "seq": 2, "payload": {}, "timestamp_ns": 5}'
    """
    fields = {field.name: getattr(envelope, field.name) for field in dataclasses.fields(envelope)}
    fields["msg_type"] = envelope.msg_type.value
    if fmt == WireFormat.MSGPACK:
        return typing.cast(bytes, _msgpack().packb(fields))
    return json.dumps(fields).encode()


def decode(data: bytes, fmt: WireFormat = WireFormat.JSON) -> Envelope:
    """Reads a message.

    Args:
        data: the bytes of one message.
        fmt: how it is written.

    Returns:
        The message. Without ``payload`` it has an empty one, and without ``timestamp_ns`` it has 0.

    Raises:
        ValueError: the bytes are no such message.
        ImportError: ``fmt`` is ``MSGPACK``, and the package ``msgpack`` is not installed.

    >>> decode(b'{"msg_type": "phase", "worker_id": "w-1", "seq": 5, "payload": {"phase": "running"}}').payload
    {'phase': 'running'}
    """
    packed = fmt == WireFormat.MSGPACK
    reader = _msgpack().unpackb if packed else json.loads
    try:
        fields = reader(data)
    except (ValueError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"the message is no {'MessagePack' if packed else 'JSON'}: {reason}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"the message is {type(fields).__name__}, not a map of names to values")
    return Envelope(
        MessageType(_field(fields, "msg_type", str)),
        _field(fields, "worker_id", str),
        _field(fields, "seq", int),
        _field(fields, "payload", dict, {}),
        _field(fields, "timestamp_ns", int, 0),
    )


def _field(fields: dict[str, typing.Any], name: str, kind: type, default: typing.Any = None) -> typing.Any:
    value = fields.get(name, default)
    if value is None:
        raise ValueError(f"the message has no {name!r}")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"the {name!r} of the message is {type(value).__name__}, not {kind.__name__}")
    return value


def _msgpack() -> types.ModuleType:
    try:
        return importlib.import_module("msgpack")
    except ImportError as error:
        # JSON in its place would be bytes that the other end, which has the package, cannot read.
        raise ImportError("WireFormat.MSGPACK needs the package msgpack: pip install msgpack") from error
