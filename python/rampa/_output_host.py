# SPDX-License-Identifier: MIT
"""The process of an output in Python that ``rampa run --output`` names: loads its class, and hands it the samples of the run.

It is told what to do by frames on a socket: the length of the body (32 bits, little-endian), a byte for the kind, the body.

======  ==========================================================================================
``S``   start: JSON with ``destination``, ``options`` and ``wait``, the seconds for one call
``D``   JSON with ``id``, ``metric``, ``kind``, ``unit`` and ``tags``: what the number of a series means
``R``   samples, 20 bytes each: the number of the series, the value, nanoseconds since 1970
``E``   the end: a line of JSON with ``status``, ``is_run`` and ``reason``; then the result, if it is wanted
======  ==========================================================================================

It answers with lines of JSON, whose ``type`` is ``found``, ``unknown``, ``refused``, ``started``, ``taken``, ``lost`` or ``done``.
"""

from __future__ import annotations

import asyncio
import collections.abc
import json
import os
import socket
import struct
import sys
import time
import typing

from rampa import _frames
from rampa._feed import Feed, lacks
from rampa._output_load import OutputNotFound, load_output, make_output
from rampa._types import MetricType, Sample, ValueType
from rampa.errors import RampaError
from rampa.events import RunStatus, _numbers, _threshold_result, _with_builtins
from rampa.metrics import MetricSnapshot

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa

BATCH_SECONDS = 1.0
BATCH_MAX = 50_000
_HEAD = struct.Struct("<IB")
_RECORD = struct.Struct("<Idq")
_RAISED = (RunStatus.SETUP_FAILED.value, RunStatus.TEARDOWN_FAILED.value, RunStatus.EXECUTION_FAILED.value)

Tell = collections.abc.Callable[..., None]


class Refused(Exception):
    """The output cannot be used.

    Args:
        text: why.
        hint: the remedy, or "".
        detail: the traceback of the user's code, or "".
    """

    def __init__(self, text: str, hint: str = "", detail: str = "") -> None:
        super().__init__(text)
        self.hint = hint
        self.detail = detail


class _ToldFeed(Feed):
    """Tells the program how many samples the output has taken, and whether it has started."""

    def __init__(self, name: str, output: typing.Any, tell: Tell, wait: float) -> None:
        super().__init__(name, output, lambda text: tell("lost", text=text), wait)
        self._tell = tell
        self._taken = 0
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def _call(self, name: str, *words: typing.Any) -> bool:
        is_done = await super()._call(name, *words)
        if name == "start" and is_done:
            self.started.set_result(None)
        if name == "add_samples" and is_done:
            self._taken += self._given
            self._tell("taken", samples=self._taken)
        return is_done

    def _raised(self, name: str, error: BaseException) -> None:
        if name == "start":
            self.started.set_exception(_raised(f"start() of the output {self._name} raised", error))
        else:
            super()._raised(name, error)


def _raised(what: str, error: BaseException) -> Refused:
    text = _frames.text_of(error)
    return Refused(f"{what} {_frames.name_of(error)}{': ' if text else ''}{text}", "", _frames.format_error(error))


class _Series:
    """What the numbers of series mean, and the samples that are made of them."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, dict[str, str]]] = {}
        self._described: set[str] = set()
        self._offset = time.monotonic_ns() - time.time_ns()

    def define(self, body: bytes, feed: Feed) -> None:
        row = json.loads(body)
        if row["metric"] not in self._described:
            self._described.add(row["metric"])
            feed.describe(row["metric"], MetricType(row["kind"]), ValueType(row["unit"]))
        self._known[row["id"]] = row["metric"], row["tags"]

    def samples(self, body: bytes) -> list[Sample]:
        known, offset = self._known, self._offset
        found = []
        for number, value, at in _RECORD.iter_unpack(body):
            metric, tags = known[number]
            found.append(Sample(metric, value, at + offset, tags.copy()))
        return found


class _Batch:
    """Collects samples, so that the output is called once a second, and more often only when they are many."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._samples: list[Sample] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, samples: list[Sample]) -> None:
        self._samples += samples
        if len(self._samples) >= BATCH_MAX:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        samples, self._samples = self._samples, []
        if samples:
            self._feed.put(samples)


async def _read_frame(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    size, kind = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return chr(kind), await reader.readexactly(size)


async def _feed(feed: Feed, reader: asyncio.StreamReader) -> tuple[dict[str, typing.Any], bytes]:
    """Hands samples over until the end of the run. Returns how it has ended, and the result."""
    series, batch = _Series(), _Batch(feed)
    while True:
        kind, body = await _read_frame(reader)
        if kind == "D":
            series.define(body, feed)
        elif kind == "R":
            batch.add(series.samples(body))
        elif kind == "E":
            batch.flush()
            line, _, result = body.partition(b"\n")
            return json.loads(line), result


def _summarize(feed: Feed, result: bytes) -> None:
    if not result:
        return
    document = json.loads(result)
    metrics, duration = document["summary"]["metrics"], document["run"]["elapsed_s"]
    if not metrics:
        return
    snapshot = MetricSnapshot(round(duration * 1e9), duration, _with_builtins(_numbers(metrics)))
    feed.summarize(snapshot, [_threshold_result(row) for row in document["thresholds"] if row["passed"] is not None])


def _make(name: str, kind: typing.Any, asked: dict[str, typing.Any]) -> typing.Any:
    try:
        output = make_output(kind, asked["destination"], **asked["options"])
    except Exception as error:
        raise _raised(f"the output {name} cannot be made: it raised", error) from None
    method = lacks(output)
    if method:
        raise Refused(
            f"{name} is no output: {type(output).__name__} has no method {method}()",
            "an output has the methods start(), add_samples(samples) and stop(error)",
        )
    return output


async def _serve(sock: socket.socket, name: str, kind: typing.Any, tell: Tell) -> None:
    try:
        await _host(sock, name, kind, tell)
    except Refused as error:  # told before what the class has begun is cancelled, which may take long
        _tell_refused(tell, error)


def _tell_refused(tell: Tell, error: Refused) -> None:
    tell("refused", text=str(error), hint=error.hint, detail=error.detail)


async def _host(sock: socket.socket, name: str, kind: typing.Any, tell: Tell) -> None:
    reader, writer = await asyncio.open_connection(sock=sock)
    _, body = await _read_frame(reader)
    asked = json.loads(body)
    output = _make(name, kind, asked)
    wait = asked["wait"]
    feed = _ToldFeed(name, output, tell, wait)
    feed.begin()
    try:
        await asyncio.wait_for(asyncio.shield(feed.started), wait)
    except TimeoutError:
        raise Refused(
            f"start() of the output {name} did not return within {wait:g} s",
            f"--output-option {name}.wait=30s gives it more time",
        ) from None
    tell("started", summary=hasattr(output, "write_summary") or hasattr(output, "render_summary"))
    ended, result = await _feed(feed, reader)
    is_error = ended["status"] in _RAISED or not ended["is_run"]
    await feed.end(RampaError(ended["reason"] or "the run has come to nothing") if is_error else None)
    _summarize(feed, result)
    tell("done")
    writer.close()


def _folders(script: str) -> list[str]:
    """Where modules are looked for first: beside the script, and in the current folder."""
    beside = script if os.path.isdir(script) else os.path.dirname(os.path.abspath(script)) if script else ""
    return list(dict.fromkeys(filter(None, (beside, os.getcwd()))))


def _load(name: str, folders: list[str]) -> typing.Any:
    try:
        return load_output(name)
    except OutputNotFound as error:
        told = str(error)
        hint = f"modules are looked for in {', '.join(folders)} and among the packages of {sys.executable}"
        raise Refused(told, error.hint or hint) from None
    except Exception as error:
        raise _raised(f"the output {name} cannot be loaded: it raised", error) from None


def main(fd: int, name: str, script: str) -> None:
    """Serves one output until the end of the run.

    Args:
        fd: the socket.
        name: ``MODULE:CLASS``, or a name of the group ``rampa.outputs``.
        script: that is run, a folder, or "".
    """
    _rampa.end_with_parent()
    sock = socket.socket(fileno=fd)
    os.set_inheritable(fd, False)

    def tell(type: str, **members: typing.Any) -> None:
        data = memoryview(json.dumps({"type": type, **members}).encode() + b"\n")
        while data:
            try:
                data = data[sock.send(data) :]
            except BlockingIOError:
                _wait_writable(sock)

    folders = _folders(script)
    sys.path[:0] = folders
    try:
        kind = _load(name, folders)
        if kind is None:
            tell("unknown")
            return
        tell("found")
        asyncio.run(_serve(sock, name, kind, tell))
    except Refused as error:
        _tell_refused(tell, error)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the program has gone


def _wait_writable(sock: socket.socket) -> None:
    import select

    select.select([], [sock], [])
