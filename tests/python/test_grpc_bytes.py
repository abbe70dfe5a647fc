# SPDX-License-Identifier: MIT
"""Bytes in dicts for gRPC, with what old and new versions of the package protobuf say of a field."""
from __future__ import annotations

import types
import typing

import pytest

from rampa import _grpc_schema


@pytest.mark.parametrize(
    ("said", "is_repeated"),
    [
        ({"label": 3, "LABEL_REPEATED": 3}, True),
        ({"label": 1, "LABEL_REPEATED": 3}, False),
        ({"is_repeated": True}, True),
        ({"is_repeated": False}, False),
    ],
)
def test_repeated_fields(said: dict[str, typing.Any], is_repeated: bool) -> None:
    assert _grpc_schema._is_repeated(types.SimpleNamespace(**said)) is is_repeated
