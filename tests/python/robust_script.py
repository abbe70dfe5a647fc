# SPDX-License-Identifier: MIT
"""What the scripts of test_robust.py have in common. They run in a worker."""
from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import os
import pickle
import random
import resource
import socket
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import rampa
from rampa import errors

if "GC_STRESS" in os.environ:
    gc.set_threshold(1, 1, 1)

url = os.environ["TARGET"]
_taken = socket.socket()
_taken.bind(("127.0.0.1", 0))  # bound, and nobody listens: it refuses
refused = f"http://127.0.0.1:{_taken.getsockname()[1]}/"

__all__ = [
    "Plain", "asyncio", "contextlib", "copy", "errors", "fuzz", "gc", "of_every_type", "os", "pickle", "raise_", "raises", "rampa",
    "random", "refused", "resource", "sys", "url", "wait_for", "weakref",
]  # fmt: skip


@contextlib.contextmanager
def raises(kind: Any, text: str = "") -> Iterator[None]:
    try:
        yield
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"did not raise {kind}")


def raise_(error: BaseException) -> None:
    raise error


async def wait_for(thing: Any) -> Any:
    return await thing


class Plain:
    pass


async def of_every_type(worker: rampa.Worker) -> list[Any]:
    """One object of each class that a script comes by."""
    response = await worker.http.get(url + "/json")
    broken = await worker.http.get(refused, raise_errors=False)
    done, request, new = worker.sleep(0), worker.http.get(url + "/json"), worker.sleep(1)
    await done, await request
    return [worker, worker.http, worker.execution, worker.group("g"), response, broken, done, request, new]


class Awkward:
    """Says something else each time it is asked."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def _any(self, *arguments: Any) -> Any:
        if self._chance.random() < 0.3:
            raise KeyError("awkward")
        return self._chance.choice([None, 0, -1, 1.5, "text", b"bytes", [], {}, (1, 2), self])

    __str__ = __len__ = __iter__ = __next__ = __bool__ = __float__ = __int__ = __index__ = __call__ = _any
    __getitem__ = __eq__ = __lt__ = __await__ = __hash__ = _any  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return self._any()


def arguments(chance: random.Random, things: list[Any]) -> list[Any]:
    return [
        None, True, 0, 1, -1, 2**31, 2**63, -(2**63), 2**64, 10**400, 0.0, -0.0, 1e-9, 1e308, float("nan"), float("inf"),
        "", "a", "ab", "a\0b", "\ud800", "é", "x" * 5000, "x_y", url, url + "/json", refused, "http://", "http://[::", "GET", b"", b"a\0",
        (), [], {}, {1: 2}, {"a": "b"}, {"a": None}, {"ab": 1, "b": [1]}, [("a", "b")], [1], [(1, 2)], (200, 299), [("a",)],
        lambda *_: True, lambda: None, id, int, object, object(), Exception, KeyError("a"), asyncio.CancelledError, Plain(),
        Awkward(chance), Awkward(chance), range(3), iter(()), memoryview(b"abc"), bytearray(b"a"), set(), worker_names(chance), *things,
    ]  # fmt: skip


_NAMES = ("headers", "params", "json", "data", "name", "tags", "expected_statuses", "timeout", "discard_body", "auto_decompress", "raise_errors", "msg",
          "value", "reason", "context", "unknown")  # fmt: skip
_NOT_CALLED = {
    "abort", "overdue", "forked",  # end the run, or this process: they do what they are asked
    "wait", "turn",  # of the loop that runs already
    "__mul__", "__rmul__",  # of a named tuple: by 2**31 it is all of the memory
    "__init_subclass__", "__subclasshook__", "__reduce__", "__reduce_ex__", "__class__",
}  # fmt: skip


def worker_names(chance: random.Random) -> dict[str, Any]:
    return {"name_" + str(chance.randrange(50)): chance.choice([True, False, None, lambda v: v, lambda v: 1 / 0])}


def one_call(chance: random.Random, things: list[Any], values: list[Any], seen: Callable[[str], None]) -> Any:
    thing = chance.choice(things)
    name = chance.choice([name for name in dir(thing) if name not in _NOT_CALLED])
    if chance.random() < 0.1 and type(thing).__name__ != "Handle":  # whose fields are asyncio's, and open to all
        seen(f"{type(thing).__name__}.{name} = ")
        return setattr(thing, name, chance.choice(values)) if chance.random() < 0.7 else delattr(thing, name)
    method = getattr(thing, name)
    if not callable(method):
        return method
    positional = chance.choices(values, k=chance.choice((0, 1, 1, 1, 2, 2, 3, 4)))
    if type(thing).__name__ == "HttpClient" and chance.random() < 0.7 and positional:
        positional = [chance.choice(["GET", "POST"]), url + "/json"] if name == "request" else [url + "/json"]
    keywords = {key: chance.choice(values) for key in chance.sample(_NAMES, chance.choice((0, 0, 1, 2, 3)))}
    seen(f"{type(thing).__name__}.{name}")
    return method(*positional, **keywords)


def fuzz(chance: random.Random, things: list[Any], calls: int) -> int:
    """Calls whatever these objects have with whatever there is, and takes some of what comes of it for further calls.

    Returns:
        How many calls did not raise.
    """
    first, fine = len(things), 0
    last = ""

    def seen(what: str) -> None:
        nonlocal last
        last = what

    values: list[Any] = []
    for i in range(calls):
        if i % 100 == 0:
            values = arguments(chance, things)
        try:
            made = one_call(chance, things, values, seen)
            fine += 1
        except SystemError as error:  # a C function that broke the rules
            raise AssertionError(f"{last}: {error!r}") from error
        except (Exception, asyncio.CancelledError):
            continue
        if type(made).__module__.startswith(("rampa", "_rampa")):
            if len(things) < first + 20:
                things.append(made)
            else:
                things[chance.randrange(first, len(things))] = made
    return fine
