# SPDX-License-Identifier: MIT
"""Objects that a program makes by itself, in the place of those that a run gives to scripts."""

from __future__ import annotations

import typing


class Ready:
    """What an await gives at once.

    Args:
        value: that it gives.
    """

    __slots__ = ("_value",)

    def __init__(self, value: typing.Any) -> None:
        self._value = value

    def __await__(self) -> typing.Generator[None, None, typing.Any]:
        return self._value
        yield


class StandIn(type):
    """The class of a stand-in: the real objects count as its instances too. Its attribute ``_real`` is their type."""

    def __instancecheck__(cls, instance: typing.Any) -> bool:
        return type.__instancecheck__(cls, instance) or isinstance(instance, cls._real)  # type: ignore[attr-defined]

    def __subclasscheck__(cls, subclass: type) -> bool:
        return type.__subclasscheck__(cls, subclass) or issubclass(subclass, cls._real)  # type: ignore[attr-defined]
