# SPDX-License-Identifier: MIT
"""Runs modules of CPython's own asyncio tests with the event loop of a worker instead of asyncio's.

Prints one JSON object: how many tests ran, how many loops of ours they made, and what failed. Started by
test_cpython_asyncio.py; by hand: ``python3 tests/python/cpython_asyncio.py test_events test_streams``.
"""
from __future__ import annotations

import asyncio
import json
import sys
import typing
import unittest

import _rampa
from rampa._worker import Hooks, ReactorSelector

made = 0


class Loop(asyncio.SelectorEventLoop):
    """A worker's loop without a coordinator. The selector that a test asks for gives way to the reactor."""

    def __init__(self, selector: object = None) -> None:
        global made
        made += 1
        hooks = Hooks()
        self._host = _rampa.Host(hooks, {})
        reactor = ReactorSelector(self._host)
        super().__init__(reactor)
        hooks.host, hooks.loop, reactor.loop = self._host, self, self
        self._host.attach(self, reactor.fileno())
        self.call_soon = self._host.call_soon  # type: ignore[assignment]

    def close(self) -> None:
        super().close()
        self._host.close()


class Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = Loop


def main(modules: list[str]) -> None:
    asyncio.set_event_loop_policy(Policy())
    replaced: typing.Any = asyncio
    replaced.DefaultEventLoopPolicy, replaced.SelectorEventLoop = Policy, Loop
    names = [f"test.test_asyncio.{module}" for module in modules]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=0, buffer=True).run(suite)
    failed = {test.id(): report for test, report in result.failures + result.errors}
    print(json.dumps({"run": result.testsRun, "skipped": len(result.skipped), "loops": made, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1:])
