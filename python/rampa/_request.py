# SPDX-License-Identifier: MIT
"""Preparing a request that was given options: what users may write becomes what C takes."""

from __future__ import annotations

import json
import typing
import urllib.parse

if typing.TYPE_CHECKING:
    from rampa._hooks import PreparedRequest


def _pairs(value: typing.Any, what: str) -> list[tuple[str, str]]:
    if value is None:
        return []
    items = value.items() if hasattr(value, "items") else value
    pairs = []
    for item in items:
        name, text = item
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        if not isinstance(name, str) or not isinstance(text, (str, int, float)):
            raise TypeError(f"{what} must be str, not {type(name).__name__} and {type(text).__name__}")
        pairs.append((name, str(text)))
    return pairs


def _with_params(url: str, params: typing.Any) -> str:
    if params is None:
        return url
    query = params if isinstance(params, str) else urllib.parse.urlencode(params, doseq=True)
    url, hash_, fragment = url.partition("#")
    if query:
        url += ("&" if "?" in url else "?") + query
    return url + hash_ + fragment


def _body(json_value: typing.Any, data: typing.Any, headers: list[tuple[str, str]]) -> bytes | None:
    """The body's bytes; adds its Content-Type unless the caller gave one."""
    if json_value is not None and data is not None:
        raise TypeError("give either json or data, not both")
    kind = None
    if json_value is not None:
        body, kind = json.dumps(json_value).encode(), "application/json"
    elif isinstance(data, (bytes, bytearray, memoryview)):
        body = bytes(data)
    elif isinstance(data, str):
        body, kind = data.encode(), "text/plain; charset=utf-8"
    elif data is not None:
        body, kind = urllib.parse.urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
    else:
        return None
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    return body


def _ranges(statuses: typing.Any) -> list[tuple[int, int]] | None:
    if statuses is None:
        return None
    ranges = []
    for item in [statuses] if isinstance(statuses, int) else statuses:
        low, high = (item, item) if isinstance(item, int) else item
        if not 100 <= low <= high <= 999:
            raise ValueError(f"expected_statuses: {item!r} is no status (100 to 999) or range of them")
        ranges.append((low, high))
    return ranges


def prepare(
    url: str,
    headers: typing.Any,
    params: typing.Any,
    json_value: typing.Any,
    data: typing.Any,
    name: str | None,
    tags: typing.Any,
    expected_statuses: typing.Any,
) -> PreparedRequest:
    """The request that a call of ``worker.http`` describes, in plain values.

    Args:
        url: as the script gave it.
        headers: a mapping, or an iterable of pairs.
        params: of the query: a str, a mapping, or an iterable of pairs.
        json_value: becomes a body of JSON.
        data: becomes a body: bytes or a str as they are, a mapping or pairs as a form.
        name: what the request is counted under, instead of its URL.
        tags: a mapping, or an iterable of pairs.
        expected_statuses: a status, or an iterable of statuses and of pairs that are ranges of them.

    Raises:
        TypeError, ValueError: an option is not one of these.
    """
    fields = _pairs(headers, "headers")
    body = _body(json_value, data, fields)
    return _with_params(url, params), fields, body, name, _pairs(tags, "tags"), _ranges(expected_statuses)
