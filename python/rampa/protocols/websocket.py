# SPDX-License-Identifier: MIT
"""The types of ``worker.ws``, for annotations: a script makes none of them itself."""

import typing

if typing.TYPE_CHECKING:
    from rampa._rampa import WebSocketClient, WebSocketSession
else:
    from _rampa import WebSocketClient, WebSocketSession

__all__ = ["WebSocketClient", "WebSocketSession"]
