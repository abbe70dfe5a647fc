# SPDX-License-Identifier: MIT
"""Arguments of gRPC that are on or off."""
from __future__ import annotations

import typing

import pytest

from rampa import _grpc_wire


@pytest.mark.parametrize(("value", "is_on"), [(None, False), (False, False), (True, True), (0, False), (1, True)])
def test_what_is_on_or_off(value: typing.Any, is_on: bool) -> None:
    assert _grpc_wire.flag(value, "tls") is is_on
    assert _grpc_wire.target_url("a:1", value) == ("https://a:1" if is_on else "http://a:1")


@pytest.mark.parametrize("value", [2, -1, 1.0, "1", [], b""])
def test_what_is_neither(value: typing.Any) -> None:
    with pytest.raises(TypeError, match="tls takes True or False, not "):
        _grpc_wire.flag(value, "tls")
