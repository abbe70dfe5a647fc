# SPDX-License-Identifier: MIT
"""Who is told that resources of the MCP server have changed, and how often. No run is started."""
from __future__ import annotations

import asyncio
import collections
import os
import typing
from pathlib import Path

import pytest
from mcp_world import SECONDS, settings_of
from rampa.mcp import RunRecord, RunRegistry, _watch
from rampa.mcp._failure import Failure
from rampa.mcp._resources import uri_of
from rampa.mcp._tools import Tools
from rampa.mcp._watch import LISTENERS, URIS, Listener, Watch

pytestmark = pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="checked with the ordinary build")

RUN = uri_of("1")
PARTS = [RUN, f"{RUN}/metrics", f"{RUN}/metrics/http_reqs", f"{RUN}/thresholds", f"{RUN}/events", "rampa://runs"]


class World:
    """A registry with one run, and a watch that looks only when it is told to."""

    def __init__(self, program: Path) -> None:
        self.registry = RunRegistry(settings_of(Path("/tmp"), program))
        self.record = RunRecord("1", "load.py")
        self.registry.register(self.record)
        self.snapshot(1)
        self.watch = Watch(Tools(self.registry._settings, self.registry))
        self.heard: collections.Counter[str | None] = collections.Counter()

    def snapshot(self, requests: int, errors: int = 0) -> None:
        values = {"http_reqs": {"count": requests}, "errors": {"count": errors}}
        self.record.take({"type": "SnapshotEvent", "snapshot": {"duration": float(requests), "values": values}})

    def listener(self, *uris: str) -> Listener:
        async def send(uri: str | None) -> None:
            self.heard[uri] += 1

        listener = self.watch.listen(send)
        for uri in uris:
            listener.add(uri)
        return listener

    async def told(self) -> dict[str | None, int]:
        self.watch.look()
        for _ in range(3):  # turns of the loop: the listener's task is woken, and sends
            await asyncio.sleep(0)
        heard = dict(self.heard)
        self.heard.clear()
        return heard


@pytest.fixture
def in_world(program: Path, monkeypatch: pytest.MonkeyPatch) -> typing.Callable[[typing.Callable[[World], typing.Awaitable[None]]], None]:
    monkeypatch.setattr(_watch, "_LOOK_SECONDS", float(SECONDS))

    def run(test: typing.Callable[[World], typing.Awaitable[None]]) -> None:
        async def main() -> None:
            world = World(program)
            await test(world)
            world.watch.close()
            assert world.watch._task is None
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(main())

    return run


def test_what_has_changed_is_told_of_once(in_world: typing.Callable[..., None]) -> None:
    async def test(world: World) -> None:
        world.listener(*PARTS)
        assert await world.told() == {}
        for number in range(100):
            world.snapshot(2 + number)
        assert await world.told() == dict.fromkeys(PARTS[:3], 1)
        assert await world.told() == {}
        world.snapshot(101, errors=1)  # the other metric only
        assert await world.told() == dict.fromkeys(PARTS[:2], 1)
        world.record.take({"type": "WarningEvent", "text": "x"})
        assert await world.told() == {RUN: 1, f"{RUN}/events": 1}
        world.record.take({"type": "LiveThresholdEvent", "results": [{"metric": "m", "source": "s", "passed": False, "lhs": 1.0, "rhs": 2.0}]})
        assert await world.told() == {RUN: 1, f"{RUN}/thresholds": 1}
        world.record.is_paused = True
        assert await world.told() == {"rampa://runs": 1}

    in_world(test)


def test_another_run_is_told_of_to_who_wants_the_list(in_world: typing.Callable[..., None]) -> None:
    async def test(world: World) -> None:
        world.listener("rampa://runs")
        world.registry.register(RunRecord("2", "load.py"))
        assert await world.told() == {"rampa://runs": 1}
        world.listener().wants_list = True
        world.registry.register(RunRecord("3", "load.py"))
        assert await world.told() == {"rampa://runs": 1, None: 1}

    in_world(test)


def test_a_run_that_is_forgotten_is_told_of_once(in_world: typing.Callable[..., None]) -> None:
    async def test(world: World) -> None:
        world.listener(f"{RUN}/metrics").wants_list = True
        del world.registry._records["1"]
        assert await world.told() == {f"{RUN}/metrics": 1, None: 1}
        assert await world.told() == {}

    in_world(test)


def test_one_who_does_not_read_holds_up_nobody_and_keeps_little(in_world: typing.Callable[..., None]) -> None:
    async def test(world: World) -> None:
        async def never(uri: str | None) -> None:
            await asyncio.Event().wait()

        stuck = world.watch.listen(never)
        stuck.add(f"{RUN}/metrics")
        world.listener(f"{RUN}/metrics")
        for number in range(5):
            world.snapshot(10 + number)
            assert await world.told() == {f"{RUN}/metrics": 1}
        assert list(stuck._pending) == [f"{RUN}/metrics"]

    in_world(test)


def test_what_is_wanted_is_bounded(in_world: typing.Callable[..., None]) -> None:
    async def test(world: World) -> None:
        for number in range(URIS + 1):
            world.registry.register(RunRecord(f"more-{number}", "load.py"))
        listener = world.listener(*(uri_of(f"more-{number}") for number in range(URIS)))
        with pytest.raises(Failure, match="one more"):
            listener.add(uri_of(f"more-{URIS}"))
        for uri in ("rampa://runs/nope", f"{RUN}/metrics/nope", f"{RUN}/nope", f"{RUN}/events/1", "file:///etc/passwd", "x" * 5000):
            with pytest.raises((Failure, LookupError)):
                world.listener(uri)
        listener.uris.clear()
        await world.told()
        assert not world.watch._marks
        while len(world.watch._listeners) < LISTENERS:
            world.listener()
        with pytest.raises(Failure, match="no more"):
            world.listener()
        listener.close()
        world.listener()

    in_world(test)
