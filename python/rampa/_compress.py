# SPDX-License-Identifier: MIT
"""Bodies of requests that are compressed before they are sent: ``compress=``."""

from __future__ import annotations

import collections.abc
import functools
import importlib
import os
import typing
import zlib

_WBITS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_PACKAGES = {"br": ("brotli", "brotlicffi"), "zstd": ("compression.zstd", "zstandard")}
"""The packages of Python that have what Python itself does not."""

_KEPT_BYTES = 1 << 20

Source = collections.abc.AsyncIterable["bytes | str"]


def codings_of(value: typing.Any) -> list[str]:
    """The codings that ``compress=`` names, in the order in which they are applied.

    >>> codings_of(True), codings_of("gzip"), codings_of("deflate, gzip")
    (['deflate'], ['gzip'], ['deflate', 'gzip'])
    """
    if value is True:  # what aiohttp does
        return ["deflate"]
    names = [name.strip().lower() for name in value.split(",")] if isinstance(value, str) else []
    if not names or any(name not in _WBITS and name not in _PACKAGES for name in names):
        raise ValueError(f"compress takes True or names of 'gzip', 'deflate', 'br' and 'zstd', separated by commas, not {value!r:.80}")
    return names


def _package(coding: str) -> typing.Any:
    for name in _PACKAGES[coding]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ValueError(f"compress={coding!r} needs the package {_PACKAGES[coding][0]} of Python; gzip and deflate need none")


def _encode(coding: str, data: bytes) -> bytes:
    if coding in _WBITS:
        compressor = zlib.compressobj(wbits=_WBITS[coding])
        return compressor.compress(data) + compressor.flush()
    package = _package(coding)
    if hasattr(package, "ZstdCompressor") and not hasattr(package, "compress"):
        return bytes(package.ZstdCompressor().compress(data))
    return bytes(package.compress(data))


def _encode_all(codings: tuple[str, ...], data: bytes) -> bytes:
    for coding in codings:
        data = _encode(coding, data)
    return data


_encode_kept = functools.lru_cache(maxsize=16)(_encode_all)
"""Most scripts send the same few bodies again and again."""


def _read(piece: bytes | tuple[int, int, int]) -> bytes:
    if isinstance(piece, bytes):
        return piece
    descriptor, at, size = piece
    chunks = []
    while size > 0 and (chunk := os.pread(descriptor, size, at)):
        chunks.append(chunk)
        at, size = at + len(chunk), size - len(chunk)
    return b"".join(chunks)


def compress_body(body: bytes | list[typing.Any], codings: list[str]) -> bytes:
    """A body, compressed. That of files is read for it.

    Args:
        body: bytes, or pieces of memory and of files.
        codings: what :func:`codings_of` gave.
    """
    data = body if isinstance(body, bytes) else b"".join(map(_read, body))
    if len(data) <= _KEPT_BYTES:
        return _encode_kept(tuple(codings), data)
    return _encode_all(tuple(codings), data)


async def compress_source(source: Source, codings: list[str]) -> collections.abc.AsyncGenerator[bytes, None]:
    """What an iterator gives, compressed piece by piece.

    Args:
        source: of bytes or text.
        codings: what :func:`codings_of` gave.
    """
    compressors = [zlib.compressobj(wbits=_WBITS[coding]) for coding in codings]
    try:
        async for chunk in source:
            data = chunk.encode() if isinstance(chunk, str) else bytes(chunk)
            for compressor in compressors:
                data = compressor.compress(data)
            if data:
                yield data
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
    data = b""
    for compressor in compressors:
        data = compressor.compress(data) + compressor.flush()
    yield data


def can_stream(codings: list[str]) -> bool:
    """Whether :func:`compress_source` knows them."""
    return all(coding in _WBITS for coding in codings)
