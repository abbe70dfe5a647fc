# SPDX-License-Identifier: MIT
"""What a tool says when it cannot do what is asked."""

from __future__ import annotations


class Failure(Exception):
    """An expected error. The client gets it as the result of the call, with ``isError``.

    Args:
        error: what is wrong.
        hint: what to do.
    """

    def __init__(self, error: str, hint: str) -> None:
        super().__init__(error)
        self.error = error
        self.hint = hint
