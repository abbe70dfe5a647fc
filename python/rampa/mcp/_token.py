# SPDX-License-Identifier: MIT
"""The token that the server makes when the environment has none: every user of the machine can connect to its port."""

from __future__ import annotations

import collections.abc
import contextlib
import os
import secrets
import tempfile

from rampa.mcp._settings import SettingsError

_BYTES = 24


@contextlib.contextmanager
def new_token() -> collections.abc.Iterator[tuple[str, str]]:
    """A token, and the path of a new file with it that only this user can read. The file is removed at the end.

    Raises:
        SettingsError: when no file can be made.
    """
    token = secrets.token_urlsafe(_BYTES)
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    try:
        fd, path = tempfile.mkstemp(prefix="rampa-mcp-", suffix=".token", dir=folder if os.path.isdir(folder) else None)  # of mode 0600
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
    except OSError as error:
        raise SettingsError(f"cannot make a file for the token: {error.strerror}; set RAMPA_MCP_TOKEN") from None
    try:
        yield token, path
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
