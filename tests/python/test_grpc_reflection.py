# SPDX-License-Identifier: MIT
"""Several calls that need the same schema of a server: one of them asks, with its own patience."""
from __future__ import annotations

import asyncio
import collections.abc
import typing

from rampa._grpc_services import ReflectedSchema
from rampa.errors import GrpcError

Stream = typing.Any
PATH = "/a.B/C"


class Silent:
    """A call that ends with its deadline."""

    status_code, error_code, details = 4, 1050, ""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def __aenter__(self) -> Silent:
        return self

    async def __aexit__(self, *exception: object) -> None:
        pass

    async def send(self, request: bytes) -> None:
        pass

    async def receive(self) -> None:
        await asyncio.sleep(self.seconds)


class Asked:
    """What is asked, each time for so long."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, seconds: float, way: str) -> Stream:
        self.times.append(seconds)
        return Silent(seconds)


def learned(*calls: tuple[Asked, float]) -> list[str]:
    """What becomes of calls that begin in this order."""

    async def main() -> list[str]:
        schema = ReflectedSchema("http://a:1")

        async def one(ask: collections.abc.Callable[[float, str], Stream], patience: float) -> str:
            try:
                await schema.learn(ask, PATH, patience)
            except GrpcError as error:
                return error.details
            return ""

        return await asyncio.gather(*(one(*call) for call in calls))

    return asyncio.run(main())


class Refused(Silent):
    """One to which the server says something at once."""

    status_code, error_code, details = 14, 1010, "no connection"

    async def receive(self) -> None:
        await asyncio.sleep(0)


class Refusing(Asked):
    def __call__(self, seconds: float, way: str) -> Stream:
        self.times.append(seconds)
        return Refused(seconds)


def test_who_waits_asks_again_when_the_asker_gives_up() -> None:
    hasty, patient = Asked(), Refusing()
    said = learned((hasty, 0.1), (patient, 30))
    assert said == [f"reflection of grpc://a:1: {text}" for text in ("it has not answered within 0.1 s", "no connection")]
    assert len(hasty.times) == 1 and 0 < hasty.times[0] <= 0.1
    assert len(patient.times) == 1 and 0 < patient.times[0] <= 29.95  # what is left


def test_who_waits_shares_another_failure() -> None:
    first, second = Refusing(), Refusing()
    assert learned((first, 30), (second, 30)) == ["reflection of grpc://a:1: no connection"] * 2
    assert len(first.times) == 1 and not second.times
