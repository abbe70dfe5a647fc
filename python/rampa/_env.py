# SPDX-License-Identifier: MIT
"""The environment as scripts see it."""

from __future__ import annotations

import typing


class Env(dict[str, str]):
    """What ``worker.env`` is in a worker process: an absent variable says how to give it.

    >>> Env(BASE_URL="http://127.0.0.1:8080")["BASE_URL"]
    'http://127.0.0.1:8080'
    >>> Env()["BASE_URL"]
    Traceback (most recent call last):
        ...
    KeyError: 'BASE_URL'
    give it with --env BASE_URL=...
    """

    __slots__ = ()

    def __missing__(self, name: str) -> typing.NoReturn:
        error = KeyError(name)
        error.add_note(f"give it with --env {name}=...")
        raise error
