# SPDX-License-Identifier: MIT
"""What a tool says when it cannot do what is asked."""

from __future__ import annotations

import typing

from rampa.mcp._secrets import conceal, concealed


class Failure(Exception):
    """An expected error. The client gets it as the result of the call, with ``isError``.

    Args:
        error: what is wrong.
        hint: what to do.
        untrusted: what rampa or a script has said of it, which may have words of the script in it; or None.
    """

    def __init__(self, error: str, hint: str, untrusted: dict[str, typing.Any] | None = None) -> None:
        self.error: str = conceal(error)
        self.hint: str = conceal(hint)
        self.untrusted: dict[str, typing.Any] | None = concealed(untrusted)
        super().__init__(self.error)

    @property
    def answer(self) -> dict[str, typing.Any]:
        """What the client gets."""
        return {"error": self.error, "hint": self.hint, **({} if self.untrusted is None else {"untrusted": self.untrusted})}
