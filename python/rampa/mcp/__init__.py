# SPDX-License-Identifier: MIT
"""A server of the Model Context Protocol, by which AI agents look at scripts, start and steer runs, and read results.

It stands on the official SDK, which ``pip install 'rampa[mcp]'`` brings along. The command is ``rampa mcp``, also as
``rampa-mcp`` and ``python -m rampa.mcp``.
"""

from __future__ import annotations

import typing

from rampa.mcp._runs import RunRecord, RunRegistry, RuntimeRun
from rampa.mcp._settings import Settings, SettingsError

if typing.TYPE_CHECKING:
    from mcp.server import Server  # type: ignore[import]

__all__ = ["RunRecord", "RunRegistry", "RuntimeRun", "Settings", "SettingsError", "build_mcp_server"]


def build_mcp_server(settings: Settings | None = None) -> Server:
    """The server, to be run on a transport of the SDK. Its runs end with it, or go on, as the settings say.

    Args:
        settings: of it, or None for those of the environment.

    Raises:
        ImportError: the SDK is missing.
        SettingsError: when a variable of the environment is of no use.
    """
    from rampa.mcp._server import make_server

    return make_server(settings)
